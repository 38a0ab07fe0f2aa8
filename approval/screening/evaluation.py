"""How well a rule set does on labelled posts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from approval.rules import Facts, Finding, RuleSet, Severity

Label = Mapping[str, str]


@dataclass
class Score:
    """Right, missed and false; precision and recall are 1 where there was nothing to get wrong."""

    hit: int = 0
    missed: int = 0
    false: int = 0

    @property
    def precision(self) -> float:
        """Of what was found, the share that was right."""
        return self.hit / (self.hit + self.false) if self.hit + self.false else 1.0

    @property
    def recall(self) -> float:
        """Of what was there, the share that was found."""
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else 1.0

    def as_json(self) -> dict[str, float]:
        """Counts and shares."""
        counts = {"hit": self.hit, "missed": self.missed, "false": self.false}
        return {**counts, "precision": round(self.precision, 4), "recall": round(self.recall, 4)}


@dataclass(frozen=True)
class Evaluation:
    """A post is flagged at medium or worse; a finding hits a label of its topic whose span overlaps or is empty."""

    topics: Mapping[str, Score]
    posts: Score
    clean: int
    worst_right: float

    @property
    def topic_f1(self) -> float:
        """Micro-averaged over all labels."""
        hit, wrong = (
            sum(score.hit for score in self.topics.values()),
            sum(s.missed + s.false for s in self.topics.values()),
        )
        return 2 * hit / (2 * hit + wrong) if hit + wrong else 1.0

    def as_json(self) -> dict[str, Any]:
        """Everything, as numbers."""
        return {
            "posts": {**self.posts.as_json(), "clean": self.clean},
            "topic_f1": round(self.topic_f1, 4),
            "worst_severity_right": round(self.worst_right, 4),
            "topics": {topic: score.as_json() for topic, score in sorted(self.topics.items())},
        }


def evaluate(ruleset: RuleSet, posts: Iterable[tuple[str, Facts, list[Label]]]) -> Evaluation:
    """Checks each text with its facts against its labels."""
    topics: dict[str, Score] = defaultdict(Score)
    total, clean, right = Score(), 0, 0
    for text, facts, labels in posts:
        findings = [f for f in ruleset.check_facts(text, facts) if f.severity is not Severity.LOW]
        _score_topics(topics, text, findings, labels)
        if labels:
            total.hit += bool(findings)
            total.missed += not findings
            gravest = max((finding.severity.rank for finding in findings), default=-1)
            right += gravest == max(Severity(label["severity"]).rank for label in labels)
        else:
            clean += 1
            total.false += bool(findings)
    return Evaluation(dict(topics), total, clean, right / max(1, total.hit + total.missed))


def _score_topics(topics: dict[str, Score], text: str, findings: list[Finding], labels: list[Label]) -> None:
    for label in labels:
        found = any(finding.topic == label["topic"] and _meets(text, finding, label["span"]) for finding in findings)
        score = topics[label["topic"]]
        score.hit += found
        score.missed += not found
    labelled = {label["topic"] for label in labels}
    for finding in findings:
        if finding.topic not in labelled:
            topics[finding.topic].false += 1


def _meets(text: str, finding: Finding, span: str) -> bool:
    at = text.find(span) if span else -1
    if at < 0 or finding.start is None or finding.end is None:
        return True
    return finding.start < at + len(span) and at < finding.end
