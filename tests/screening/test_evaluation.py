"""`approval rules evaluate`: figures, their intervals, and what stands behind them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from approval.rules import LARGEST, Finding, Severity
from approval.screening import commands
from approval.screening.evaluation import Label, Labelled, Score, evaluate

MAIN = click.Group(commands={command.name: command for command in commands.COMMANDS if command.name})
LABELLED = Path(__file__).parents[1] / "labelled_posts.jsonl"
RANK = {"low": 0, "medium": 1, "high": 2, "block": 3}


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(MAIN, [str(a) for a in arguments], input=text, catch_exceptions=False)


def answer(*arguments: str | Path) -> Any:
    out = run("rules", "evaluate", *arguments, "--format", "json")
    assert out.exit_code == 0, out.stderr
    return json.loads(out.stdout)


def label(topic: str, span: str = "", severity: str = "high") -> dict[str, str]:
    return {"topic": topic, "span": span, "severity": severity}


def finding(topic: str, start: int | None = 0, end: int | None = 4, severity: Severity = Severity.HIGH) -> Finding:
    words = dict.fromkeys(("rule", "name", "match", "message", "why", "citation", "suggestion"), "…")
    return Finding(topic=topic, start=start, end=end, severity=severity, **words)


def post(findings: list[Finding], *labels: Label, text: str = "save tax now", source: str | None = None) -> Labelled:
    return Labelled("p", text, findings, labels, source)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Six posts: what the rules find in them does not matter, except that PRO110 finds “risk-free”."""
    told = [
        ("Risk-free\r\nnotes for all.", [label("risk-free", "free\r\nnotes", "block")], "own"),
        ("Zebras ahead.", [label("tax-claim", "Zebras"), label("missing-member-fdic")], "own"),
        ("Risk-free notes.", [], "own; hard-negative"),
        ("So r1sk-free.", [label("risk-free", "r1sk-free")], "own; evasion: a digit"),
        ("Blue teapot.\nNothing else.", [label("risk-free", "teapot", "low")], "own; paraphrase"),
        ("Good morning.", [], None),
    ]
    posts = [{"id": n, "text": t, "labels": labels, "source": s} for n, (t, labels, s) in enumerate(told, start=1)]
    file = tmp_path / "labelled.jsonl"
    file.write_text("".join(json.dumps(post) + "\n" for post in posts))
    return file


# -- counting --------------------------------------------------------------------------------------------------


def as_the_scorer_counts(rows: list[dict[str, Any]], got: dict[Any, list[dict[str, Any]]]) -> dict[str, Any]:
    """The counting of the scorer with which the rules are judged from outside, written a second time."""
    topics: Counter[tuple[str, str]] = Counter()
    posts: Counter[str] = Counter()
    wordings: Counter[tuple[str, bool]] = Counter()
    for row in rows:
        flags = [f for f in got[row["id"]] if RANK[f["severity"]] >= 1]
        for wanted in row["labels"]:
            at = row["text"].find(wanted["span"]) if wanted["span"] else None
            for flag in flags:
                if flag["topic"] == wanted["topic"] and (
                    at is None
                    or flag["start"] is None
                    or (flag["start"] < at + len(wanted["span"]) and at < flag["end"])
                ):
                    topics[wanted["topic"], "hit"] += 1
                    break
            else:
                topics[wanted["topic"], "missed"] += 1
        for flag in flags:
            if all(flag["topic"] != wanted["topic"] for wanted in row["labels"]):
                topics[flag["topic"], "false"] += 1
        if row["labels"]:
            source = row["source"]
            kind = "evasion" if "evasion" in source else "paraphrase" if "paraphrase" in source else "plain"
            wordings[kind, bool(flags)] += 1
            posts["hit" if flags else "missed"] += 1
            gravest = max((RANK[f["severity"]] for f in got[row["id"]]), default=-1)
            posts["grave"] += gravest == max(RANK[wanted["severity"]] for wanted in row["labels"])
        else:
            posts["false"] += bool(flags)
    hit, wrong = (sum(n for (_, w), n in topics.items() if (w == "hit") is right) for right in (True, False))
    return {
        "topics": {(topic, what): n for (topic, what), n in topics.items() if n},
        "posts": (posts["hit"], posts["missed"], posts["false"]),
        "worst": round(posts["grave"] / (posts["hit"] + posts["missed"]), 4),
        "f1": round(2 * hit / (2 * hit + wrong), 4),
        "wordings": {kind: (wordings[kind, True], wordings[kind, False]) for kind, _ in wordings},
    }


@pytest.mark.parametrize("shipped", [True, False])
def test_figures_are_those_of_the_scorer(labelled: Path, tmp_path: Path, shipped: bool) -> None:
    told = LABELLED.read_text().splitlines()[::5] if shipped else labelled.read_text().splitlines()
    rows = [json.loads(line) for line in told]
    for row in rows:
        row["text"] = row["text"].replace("\r\n", "\n")
        row["labels"] = [{**wanted, "span": wanted["span"].replace("\r\n", "\n")} for wanted in row["labels"]]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    checked = map(json.loads, run("check", file, "--fail-on", "never").stdout.splitlines())
    wanted = as_the_scorer_counts(rows, {one["id"]: one["findings"] for one in checked})
    result = answer(file)
    assert {
        "topics": {
            (topic, what): score[what]
            for topic, score in result["topics"].items()
            for what in ("hit", "missed", "false")
            if score[what]
        },
        "posts": tuple(result["posts"][what] for what in ("hit", "missed", "false")),
        "worst": result["worst_severity_right"],
        "f1": result["topic_f1"],
        "wordings": {kind: (score["hit"], score["missed"]) for kind, score in result["wordings"].items()},
    } == wanted
    assert result["labels"]["f1"] == result["topic_f1"]
    assert len(result["misses"]) == result["labels"]["missed"]
    assert len(result["false_alarms"]) == result["labels"]["false"]


def test_a_finding_meets_a_label_of_its_topic_where_they_overlap() -> None:
    near, far, nowhere = finding("tax-claim", 0, 6), finding("tax-claim", 9, 12), finding("tax-claim", None, None)
    for found, hits in ((near, 1), (far, 0), (nowhere, 1), (finding("guarantee", 5, 8), 0)):
        score = evaluate([post([found], label("tax-claim", "tax"))]).topics["tax-claim"]
        assert (score.hit, score.missed) == (hits, 1 - hits)
    assert evaluate([post([far], label("tax-claim"))]).topics["tax-claim"] == Score(hit=1)


def test_a_second_finding_of_a_labelled_topic_is_no_false_alarm_and_one_of_another_topic_is() -> None:
    found = [finding("tax-claim"), finding("tax-claim", 9, 12), finding("guarantee")]
    result = evaluate([post(found, label("tax-claim", "save"))])
    assert dict(result.topics) == {"tax-claim": Score(hit=1), "guarantee": Score(false=1)}
    assert [alarm.topic for alarm in result.false_alarms] == ["guarantee"]


def test_a_low_finding_flags_no_post_but_counts_as_its_gravity() -> None:
    result = evaluate([post([finding("tax-claim", severity=Severity.LOW)], label("tax-claim", severity="low"))])
    assert (result.posts, result.worst_right) == (Score(missed=1), 1.0)


def test_wordings_are_told_apart_where_the_source_says() -> None:
    sources = ("own", "own; evasion: bold", "own; paraphrase", "own; paraphrase", None)
    result = evaluate([post([], label("tax-claim"), source=source) for source in sources])
    missed = {kind: score.missed for kind, score in result.wordings.items()}
    assert missed == {"plain": 1, "evasion": 1, "paraphrase": 2}
    assert result.posts.missed == 5


def test_shares_come_with_their_intervals() -> None:
    score = Score(hit=8, missed=2, false=0)
    told = score.as_json()
    assert (told["precision"], told["recall"], told["f1"]) == (1.0, 0.8, 0.8889)
    assert told["recall_interval"] == [0.4902, 0.9433]  # Newcombe 1998, method 3, as every calculator gives it
    assert told["precision_interval"] == [0.6756, 1.0]
    low, high = told["f1_interval"]
    assert low == round(2 * 0.49016 / 1.49016, 4) and high == round(2 * 0.94331 / 1.94331, 4)
    nothing = Score().as_json()
    assert nothing["f1"] == 1.0 and nothing["f1_interval"] == nothing["recall_interval"] == [0.0, 1.0]


# -- the command -----------------------------------------------------------------------------------------------


def test_every_miss_and_false_alarm_is_in_the_json(labelled: Path) -> None:
    result = answer(labelled)
    assert {"id": 5, **label("risk-free", "teapot", "low"), "text": "Blue teapot.\nNothing else."} in result["misses"]
    (alarm,) = (alarm for alarm in result["false_alarms"] if alarm["id"] == 3 and alarm["topic"] == "risk-free")
    assert (alarm["rule"], alarm["match"], alarm["text"]) == ("PRO110", "Risk-free", "Risk-free notes.")
    assert result["topics"]["risk-free"]["hit"] >= 1, "the words of a label are found across a line end, too"


def test_the_text_lists_what_is_asked_for(labelled: Path) -> None:
    plain = run("rules", "evaluate", labelled).stdout
    assert "Missed" not in plain and "False alarms" not in plain and "Recall of paraphrase wording 0.00" in plain
    assert "95 % intervals" in plain and "Precision " in plain
    missed = run("rules", "evaluate", labelled, "--misses").stdout
    assert "\n  5 risk-free: “teapot”\n    Blue teapot.\n    Nothing else.\n" in missed
    assert "\n  2 missing-member-fdic: (something missing)\n    Zebras ahead.\n" in missed
    assert missed.startswith(plain) and "False alarms" not in missed
    alarms = run("rules", "evaluate", labelled, "--false-alarms").stdout
    assert "\n  3 risk-free: PRO110 “Risk-free”\n    Risk-free notes.\n" in alarms and "Missed" not in alarms


def test_one_topic_is_shown_alone(labelled: Path) -> None:
    every, one = answer(labelled), answer(labelled, "--topic", "risk-free")
    assert one["topics"] == {"risk-free": every["topics"]["risk-free"]} and one["labels"] == one["topics"]["risk-free"]
    assert {entry["topic"] for kind in ("misses", "false_alarms") for entry in one[kind]} == {"risk-free"}
    assert one["posts"] == every["posts"]
    out = run("rules", "evaluate", labelled, "--topic", "risk-free", "--misses").stdout
    assert "teapot" in out and "tax-claim" not in out
    assert answer(labelled, "--topic", "pii-leak")["topics"]["pii-leak"]["recall_interval"] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "needs `labels`, a list of objects with topic, span and severity"),
        ({"labels": [label("no-such-topic")]}, "needs `labels`"),
        ({"labels": [], "source": 7}, "source must be a string"),
        ({"labels": [], "regime": "mars"}, "regime must be one of"),
    ],
)
def test_a_line_that_is_not_labelled_is_refused_by_its_number(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("\n" + json.dumps({"id": 1, "text": "a", **row}))
    out = run("rules", "evaluate", file)
    assert out.exit_code == 2 and f"{file}, line 2: {said}" in out.stderr


def test_a_post_that_the_rules_refuse_leaves_the_answer_unknown(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"id": 1, "text": "a" * (LARGEST + 1), "labels": []}))
    out = run("rules", "evaluate", file)
    assert out.exit_code == 3 and f"{file}, line 1: " in out.stderr and not out.stdout


def test_a_file_without_posts_is_not_evaluated() -> None:
    out = run("rules", "evaluate", "-", text="\n")
    assert out.exit_code == 2 and "standard input: holds no post" in out.stderr
