"""Trying a rule before it is proposed: on a text that somebody typed, and on many that the firm wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from approval import clock
from approval.rules import Facts, Finding, RuleError, RuleSet
from approval.screening.services.workshop import Bench, Table, Words, complete, found_in, trial

FLOOD = 0.2
"""A rule that finds something in more than this share of the firm's own posts floods the reviewers."""
MOST_SECONDS = 2.0


@dataclass(frozen=True)
class Piece:
    """A stretch of a text, underlined where it has a severity; `finding` names its finding, or its rule."""

    text: str
    severity: str | None = None
    finding: str | None = None


def marked(text: str, findings: Sequence[Finding]) -> tuple[Piece, ...]:
    """Divide a text by what one rule found; together the pieces spell it. A finding's id is its number from 1."""
    pieces: list[Piece] = []
    at = 0
    for n, finding in enumerate(findings, 1):
        if finding.start is None or finding.end is None or finding.start < at or finding.start == finding.end:
            continue
        pieces += [Piece(text[at : finding.start]), Piece(text[finding.start : finding.end], finding.severity, str(n))]
        at = finding.end
    return tuple(piece for piece in (*pieces, Piece(text[at:])) if piece.text)


def excerpt(text: str, finding: Finding, around: int = 90) -> tuple[Piece, ...]:
    """Return the words around a place, marked; the beginning where the finding is that something is missing."""
    if finding.start is None or finding.end is None:
        return (Piece(text[: 2 * around] + ("…" if len(text) > 2 * around else "")),)
    first, last = max(0, finding.start - around), min(len(text), finding.end + around)
    edges = (first, finding.start, finding.end, last)
    before, match, after = (text[start:end] for start, end in pairwise(edges))
    return (
        Piece(("…" if first else "") + before),
        Piece(match, finding.severity, finding.rule),
        Piece(after + ("…" if last < len(text) else "")),
    )


# -- one text --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """What a rule finds in one text, read with these facts; `problem` where it cannot be tried as it stands.

    `told` is whether the rule has a message yet.
    """

    pieces: tuple[Piece, ...] = ()
    findings: tuple[Finding, ...] = ()
    facts: Facts | None = None
    told: bool = False
    problem: str = ""


def try_text(bench: Bench, table: Table, text: str) -> Tried:
    """Apply a rule, finished or not, to a text as a post that the rule is meant for."""
    if "after" in table:
        return Tried(problem="This rule looks only where others found something: it is tried by a back-test.")
    try:
        rules, facts = trial(bench, table)
        findings = rules.check_facts(text, facts)
    except RuleError as error:
        return Tried(problem=error.reason[:1].upper() + error.reason[1:])
    return Tried(marked(text, findings), findings, facts, told=bool(table.get("message")))


# -- many texts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hit:
    """A text in which the rule would newly find something: the first place, and how many more there are."""

    key: int
    part: str | None
    pieces: tuple[Piece, ...]
    more: int


@dataclass(frozen=True)
class Sweep:
    """What a rule newly finds in texts; `ended` is whether all of them were tried."""

    tried: int
    hits: tuple[Hit, ...]
    ended: bool

    @property
    def share(self) -> float:
        """Of the texts tried, the share that would newly be flagged."""
        return len(self.hits) / self.tried if self.tried else 0.0

    @property
    def floods(self) -> bool:
        """Whether the rule would flag so many that nobody reads them."""
        return self.share > FLOOD


def sweep(
    bench: Bench, table: Table, texts: Iterable[Words], *, seconds: float = MOST_SECONDS, before: Table | None = None
) -> Sweep:
    """Try a rule on texts for so many seconds; what the rule found as it was *before* is not new.

    RuleError where the rule cannot be tried as it stands.
    """
    begun, tried = clock.monotonic(), 0
    after = bench.parse(complete(table))
    old = bench.parse(before) if before is not None else None
    hits: list[Hit] = []
    for words in texts:
        if clock.monotonic() - begun > seconds:
            return Sweep(tried, tuple(hits), ended=False)
        tried += 1
        found = _new(words, after, old)
        if found:
            first = found[0]
            text = next(part.text for part in words.parts if part.part == first.part)
            hits.append(Hit(words.key, first.part, excerpt(text, first), len(found) - 1))
    return Sweep(tried, tuple(hits), ended=True)


def _new(words: Words, after: RuleSet, before: RuleSet | None) -> tuple[Finding, ...]:
    found = found_in(after, words)
    return () if found and before is not None and found_in(before, words) else found
