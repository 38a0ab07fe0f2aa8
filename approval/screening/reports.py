"""Findings as a page of text and as SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from approval.rules import Finding, RuleSet, Severity

_LEVELS = {Severity.BLOCK: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}


def as_text(text: str, findings: tuple[Finding, ...]) -> str:
    """A paragraph for each finding, with line and column from 1."""
    if not findings:
        return "No finding.\n"
    return "\n".join(_paragraph(text, finding) for finding in findings)


def _paragraph(text: str, finding: Finding) -> str:
    lines = [
        f"{_where(text, finding)} {finding.severity} {finding.rule} {finding.name} ({finding.topic})",
        f"  {finding.message}",
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


def as_sarif(ruleset: RuleSet, results: Iterable[tuple[str, str, tuple[Finding, ...]]]) -> dict[str, Any]:
    """One run over (place, text, findings); columns count Unicode code points."""
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
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Approval", "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "properties": {"digest": ruleset.digest},
                "results": [_result(place, text, finding) for place, text, found in results for finding in found],
            }
        ],
    }


def _result(place: str, text: str, finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": "stdin" if place == "-" else place}}
    if finding.start is not None and finding.end is not None:
        line, column = _line_and_column(text, finding.start)
        last_line, last_column = _line_and_column(text, finding.end)
        location["region"] = {"startLine": line, "startColumn": column, "endLine": last_line, "endColumn": last_column}
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
        "properties": finding.as_json(),
    }
