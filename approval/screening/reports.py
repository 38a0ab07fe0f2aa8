"""What commands answer: findings as text, JSON, JSON lines and SARIF 2.1.0, as they come; rules and figures as text."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import quote

from approval.rules import Finding, RuleSet, Severity

from .evaluation import Evaluation, Score

_LEVELS = {Severity.BLOCK: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}


@dataclass(frozen=True)
class Checked:
    """A text with what was found in it.

    `named` tells it from the others in an answer: `file` where several files were asked for, `id` in a batch.
    """

    file: str
    named: Mapping[str, str | int]
    text: str
    findings: tuple[Finding, ...]


def as_text(_: RuleSet, checked: Iterable[Checked]) -> Iterator[str]:
    """A paragraph for each finding, with line and column from 1; among several files, with the file before them."""
    among_files = found = False
    for one in checked:
        if "file" not in one.named:
            heading = f"== {one.named['id']}\n" if "id" in one.named else ""
            yield heading + ("\n".join(_paragraph(one.text, finding) for finding in one.findings) or "No finding.\n")
            continue
        among_files = True
        place = "#".join(map(str, one.named.values()))
        for finding in one.findings:
            yield ("\n" if found else "") + f"{place}:{_paragraph(one.text, finding)}"
            found = True
    if among_files and not found:
        yield "No finding.\n"


def _paragraph(text: str, finding: Finding) -> str:
    lines = [
        f"{_where(text, finding)} {finding.severity} {finding.rule} {finding.name} ({finding.topic})",
        f"  {finding.message}",
        *([f"  missing: {', '.join(finding.missing)}"] if finding.missing else []),
        f"  why: {finding.why}",
        f"  rule: {finding.citation}",
        f"  instead: {finding.suggestion}",
    ]
    return "\n".join(lines) + "\n"


def _where(text: str, finding: Finding) -> str:
    if finding.start is None:
        return "missing:"
    line, column = _line_and_column(text, finding.start)
    return f"{line}:{column}:"


def _line_and_column(text: str, place: int) -> tuple[int, int]:
    return text.count("\n", 0, place) + 1, place - (text.rfind("\n", 0, place) + 1) + 1


def as_json(ruleset: RuleSet, checked: Iterable[Checked]) -> Iterator[str]:
    """An object for a text that was asked for alone, else a list."""
    rest = iter(checked)
    first = next(rest, None)
    if first is not None and not first.named:
        yield _dumped(_answer(ruleset, first)) + "\n"
        return
    every = chain([] if first is None else [first], rest)
    yield from _listed(_answer(ruleset, one) for one in every)
    yield "\n"


def as_jsonl(ruleset: RuleSet, checked: Iterable[Checked]) -> Iterator[str]:
    """One line for each text."""
    return (json.dumps(_answer(ruleset, one), ensure_ascii=False) + "\n" for one in checked)


def as_sarif(ruleset: RuleSet, checked: Iterable[Checked]) -> Iterator[str]:
    """One run; columns count Unicode code points, and places are relative to the folder one stands in."""
    rules = [
        {
            "id": rule.id,
            "name": rule.name,
            "shortDescription": {"text": rule.why},
            "help": {"text": f"{rule.suggestion} ({rule.citation})"},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
            "properties": {"topic": rule.topic, "severity": rule.severity.value},
        }
        for rule in ruleset.rules
    ]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Approval", "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "properties": {"digest": ruleset.digest},
                "results": [],
            }
        ],
    }
    # The results are the last list, so that they can be written as they come.
    before, _, after = _dumped(log).rpartition("[]")
    results = _listed((_result(one, finding) for one in checked for finding in one.findings), margin=6)
    yield before + next(results)
    yield from results
    yield after + "\n"


REPORTS: Mapping[str, Callable[[RuleSet, Iterable[Checked]], Iterator[str]]] = {
    "text": as_text,
    "json": as_json,
    "jsonl": as_jsonl,
    "sarif": as_sarif,
}


def _answer(ruleset: RuleSet, one: Checked) -> dict[str, Any]:
    return {**one.named, "digest": ruleset.digest, "findings": [finding.as_json() for finding in one.findings]}


def _result(one: Checked, finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(one)}}
    if finding.start is not None and finding.end is not None:
        line, column = _line_and_column(one.text, finding.start)
        last_line, last_column = _line_and_column(one.text, finding.end)
        location["region"] = {"startLine": line, "startColumn": column, "endLine": last_line, "endColumn": last_column}
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
        "properties": finding.as_json(),
    }


def _uri(one: Checked) -> str:
    file = "stdin" if one.file == "-" else os.path.relpath(one.file).replace(os.sep, "/")
    post = f"#{quote(str(one.named['id']), safe='')}" if "id" in one.named else ""
    return quote(os.fsencode(file)) + post


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _listed(items: Iterable[Any], *, margin: int = 0) -> Iterator[str]:
    """A list as `_dumped` writes it that many spaces deep, item by item."""
    line, before = "\n" + " " * margin, "["
    for item in items:
        yield f"{before}{line}  " + _dumped(item).replace("\n", f"{line}  ")
        before = ","
    yield "[]" if before == "[" else f"{line}]"


def as_essay(about: Mapping[str, Any]) -> str:
    """A rule as one reads it, from the answer of `rules explain`."""
    lines = [f"{about['id']} {about['name']}", ""]
    for key in ("message", "why", "citation", "suggestion", "topic", "severity", "pack", "kind"):
        lines.append(f"{key:12}{about[key]}")
    for key, values in about["scope"].items():
        lines.append(f"{key:12}{values if isinstance(values, str) else ', '.join(values)}")
    for key in ("flags", "passes"):
        lines += ["", key, *(f"  - {text}" for text in about[key])]
    return "\n".join(lines) + "\n"


def as_table(result: Evaluation) -> str:
    """Figures for each topic, for all of them and for posts, each share with its 95 % interval."""
    scores = {**dict(sorted(result.topics.items())), "all topics": result.labels, "posts": result.posts}
    posts, flawed = result.posts, result.posts.hit + result.posts.missed
    lines = [
        f"{'topic':32} {'hit':>5} {'missed':>6} {'false':>5}  {'precision':16}  {'recall':16}  F1",
        *(_row(name, score) for name, score in scores.items()),
        "",
        f"Posts: {posts.hit} of {flawed} flawed ones flagged, {posts.false} of {result.clean} clean ones.",
        f"Precision {posts.precision:.2f}, recall {posts.recall:.2f}; topics F1 {result.labels.f1:.2f}.",
        f"Worst severity right on {result.worst_right:.2f} of the flawed.",
        *(
            f"Recall of {kind} wording {_share(score, 'recall')}: {score.hit} of {score.hit + score.missed}."
            for kind, score in result.wordings.items()
        ),
        "In brackets: 95 % intervals.",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, score: Score) -> str:
    shares = "  ".join(_share(score, share) for share in ("precision", "recall", "f1"))
    return f"{name:32} {score.hit:5} {score.missed:6} {score.false:5}  {shares}"


def _share(score: Score, share: str) -> str:
    low, high = score.intervals[share]
    return f"{getattr(score, share):.2f} ({low:.2f}–{high:.2f})"


def as_misses(result: Evaluation) -> str:
    """Each label that was missed: post, topic, words and the whole text."""
    return _entries("Missed", ((f"{m.id} {m.topic}: {_words(m.span)}", m.text) for m in result.misses))


def as_false_alarms(result: Evaluation) -> str:
    """Each finding that no label asked for: post, topic, rule, words and the whole text."""
    entries = ((f"{a.id} {a.topic}: {a.rule} {_words(a.match)}", a.text) for a in result.false_alarms)
    return _entries("False alarms", entries)


def _words(words: str) -> str:
    return f"“{words}”" if words else "(something missing)"


def _entries(title: str, entries: Iterable[tuple[str, str]]) -> str:
    told = [f"\n  {said}\n" + "".join(f"    {line}\n" for line in text.split("\n")) for said, text in entries]
    return f"\n{title}: {len(told)}\n" + "".join(told)
