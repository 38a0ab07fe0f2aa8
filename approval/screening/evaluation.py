"""How well findings do against the labels of an officer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from approval.rules import TOPICS, Finding, Severity

from .intervals import wilson

Label = Mapping[str, str]
"""`topic`, `span` (the words at fault, empty where something is missing) and `severity`."""
WORDINGS = ("plain", "evasion", "paraphrase")


def is_label(value: Any) -> bool:
    """Whether this is a label: a topic that the rules know, a span and a severity."""
    return (
        isinstance(value, dict)
        and value.get("topic") in TOPICS
        and isinstance(value.get("span"), str)
        and value.get("severity") in tuple(Severity)
    )


@dataclass
class Score:
    """Right, missed and false; each share is 1 where there was nothing to get wrong."""

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

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        wrong = self.missed + self.false
        return 2 * self.hit / (2 * self.hit + wrong) if self.hit + wrong else 1.0

    @property
    def intervals(self) -> Mapping[str, tuple[float, float]]:
        """The 95 % interval of each share.

        F1 is no share, but 2J / (1 + J) of one, the hits J among all that is not rightly passed: its interval is that
        of J, carried over (Lam 2023, arXiv 2309.14621, “Wilson indirect”).
        """
        low, high = wilson(self.hit, self.hit + self.missed + self.false)
        return {
            "precision": wilson(self.hit, self.hit + self.false),
            "recall": wilson(self.hit, self.hit + self.missed),
            "f1": (2 * low / (1 + low), 2 * high / (1 + high)),
        }

    def as_json(self) -> dict[str, Any]:
        """Counts, shares, and the interval of each share under its name with `_interval`."""
        answer: dict[str, Any] = asdict(self)
        for share, interval in self.intervals.items():
            answer[share] = round(getattr(self, share), 4)
            answer[f"{share}_interval"] = [round(end, 4) for end in interval]
        return answer


@dataclass(frozen=True)
class Labelled:
    """A post with what was found in it and what an officer would flag; `source` says how its words came about."""

    id: str | int
    text: str
    findings: Sequence[Finding]
    labels: Sequence[Label]
    source: str | None = None

    @property
    def flags(self) -> list[Finding]:
        """The findings that flag a post: medium or worse."""
        return [finding for finding in self.findings if finding.severity is not Severity.LOW]

    @property
    def wording(self) -> str | None:
        """How the words came about, None where nobody says."""
        if self.source is None:
            return None
        return next((kind for kind in ("evasion", "paraphrase") if kind in self.source), "plain")

    def misses(self) -> Iterator[Label]:
        """The labels that no flag of their topic meets."""
        for label in self.labels:
            if not any(flag.topic == label["topic"] and _meets(self.text, flag, label["span"]) for flag in self.flags):
                yield label

    def false_alarms(self) -> Iterator[Finding]:
        """The flags of a topic that no label names; a second flag of a labelled topic is not held against the rules."""
        topics = {label["topic"] for label in self.labels}
        return (flag for flag in self.flags if flag.topic not in topics)

    def is_as_grave(self) -> bool:
        """Whether the gravest finding is as grave as the gravest label."""
        worst = max((finding.severity.rank for finding in self.findings), default=-1)
        return worst == max(Severity(label["severity"]).rank for label in self.labels)


@dataclass(frozen=True)
class Miss:
    """A label that no finding met."""

    id: str | int
    topic: str
    span: str
    severity: str
    text: str


@dataclass(frozen=True)
class FalseAlarm:
    """A finding that no label asked for."""

    id: str | int
    topic: str
    rule: str
    match: str
    severity: str
    text: str


@dataclass(frozen=True)
class Evaluation:
    """Counts by label for topics, by post for `posts` and `wordings`; every post that has a label is flawed."""

    topics: Mapping[str, Score]
    posts: Score
    clean: int
    worst_right: float
    wordings: Mapping[str, Score]
    misses: Sequence[Miss]
    false_alarms: Sequence[FalseAlarm]

    @property
    def labels(self) -> Score:
        """All topics together."""
        scores = self.topics.values()
        return Score(sum(s.hit for s in scores), sum(s.missed for s in scores), sum(s.false for s in scores))

    def of_topic(self, topic: str) -> Evaluation:
        """The same with the labels and findings of one topic; what is counted by post stays."""
        return replace(
            self,
            topics={topic: self.topics.get(topic, Score())},
            misses=[miss for miss in self.misses if miss.topic == topic],
            false_alarms=[alarm for alarm in self.false_alarms if alarm.topic == topic],
        )

    def as_json(self) -> dict[str, Any]:
        """Everything: figures, and each miss and each false alarm."""
        recalls = ("hit", "missed", "recall", "recall_interval")
        return {
            "posts": {**self.posts.as_json(), "clean": self.clean},
            "labels": self.labels.as_json(),
            "topic_f1": round(self.labels.f1, 4),
            "worst_severity_right": round(self.worst_right, 4),
            "topics": {topic: score.as_json() for topic, score in sorted(self.topics.items())},
            "wordings": {kind: {key: score.as_json()[key] for key in recalls} for kind, score in self.wordings.items()},
            "misses": [asdict(miss) for miss in self.misses],
            "false_alarms": [asdict(alarm) for alarm in self.false_alarms],
        }


def evaluate(posts: Iterable[Labelled]) -> Evaluation:
    """Counts findings against labels; a finding meets a label of its topic whose words overlap, or that has none."""
    topics: dict[str, Score] = defaultdict(Score)
    wordings: dict[str, Score] = defaultdict(Score)
    total, clean, right = Score(), 0, 0
    misses: list[Miss] = []
    false_alarms: list[FalseAlarm] = []
    for post in posts:
        for label in post.labels:
            topics[label["topic"]].hit += 1
        for label in post.misses():
            topics[label["topic"]].hit -= 1
            topics[label["topic"]].missed += 1
            misses.append(Miss(post.id, label["topic"], label["span"], label["severity"], post.text))
        for flag in post.false_alarms():
            topics[flag.topic].false += 1
            false_alarms.append(FalseAlarm(post.id, flag.topic, flag.rule, flag.match, flag.severity.value, post.text))
        if not post.labels:
            clean += 1
            total.false += bool(post.flags)
            continue
        right += post.is_as_grave()
        for score in (total, wordings[post.wording]) if post.wording else (total,):
            score.hit += bool(post.flags)
            score.missed += not post.flags
    known = {kind: wordings[kind] for kind in WORDINGS if kind in wordings}
    return Evaluation(dict(topics), total, clean, right / max(1, total.hit + total.missed), known, misses, false_alarms)


def _meets(text: str, finding: Finding, span: str) -> bool:
    if not span or finding.start is None or finding.end is None:
        return True
    at = text.find(span)
    return finding.start < at + len(span) and at < finding.end
