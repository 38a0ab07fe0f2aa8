"""The same rules over again, slowly: Python's `re` in place of RE2, every rule at every text, nothing left out.

It shares with the engine what the packs say (patterns as they are spelled out, kinds, frames) and how a text is read.
It has its own search, its own edges of words, its own choice among findings and its own findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import accumulate, count, islice
from unittest.mock import patch

from approval.rules import Facts, Finding, Rule, RuleSet
from approval.rules.kinds import Around, Hit
from approval.rules.pattern import Expressions, Phrases
from approval.rules.places import Weigh, anywhere
from approval.rules.ruleset import MOST_PLACES
from approval.rules.text import Reading, read


class Oracle:
    """The rules of a rule set, judged without RE2."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules

    def check(self, text: str, facts: Facts) -> list[Finding]:
        """What the rules find, in order of place; what is missing comes last."""
        slowly = {"spans": _spans, "occur": _occur, "covered": _covered}
        with patch.multiple(Expressions, **slowly):
            findings = self._findings(text, facts)
        kept = list(_one_of_each_topic(findings, {rule.id for rule in self._rules.rules if rule.scope.regimes}))
        return sorted(kept, key=lambda f: (f.start is None, f.start or 0, f.end or 0, f.rule))

    def _findings(self, text: str, facts: Facts) -> list[Finding]:
        reading = read(text, self._rules._lexicon)
        covering = [rule for rule in self._rules.rules if rule.scope.covers(facts)]
        findings: list[Finding] = []
        for waits in (False, True):
            around = Around(facts, frozenset(finding.topic for finding in findings))
            findings += [
                _finding(rule, hit, reading, facts)
                for rule in covering
                if bool(rule.look.after) is waits
                for hit in islice(rule.look.find(reading, around), MOST_PLACES)
            ]
        return findings


def _finding(rule: Rule, hit: Hit, reading: Reading, facts: Facts) -> Finding:
    place = None if hit.start is None or hit.end is None else reading.place(hit.start, hit.end)
    match = "" if place is None else reading.original[slice(*place)]
    covering = [severity for scope, severity in rule.escalate if scope.covers(facts)]

    def filled(said: str) -> str:
        for name, words in (("missing", ", ".join(hit.missing)), *hit.words.items(), ("match", match)):
            said = said.replace("{" + name + "}", words)
        return re.sub(r"\{(?:instead|most)\}", "", said)

    return Finding(
        rule=rule.id, name=rule.name, topic=rule.topic, severity=[rule.severity, *covering][-1],
        start=place and place[0], end=place and place[1], match=match,
        message=filled(rule.message), why=rule.why, suggestion=filled(rule.suggestion),
        citation=rule.citations.get(str(facts.regime), rule.citation),
        missing=hit.missing, considered=rule.look.considered,
    )  # fmt: skip


def _one_of_each_topic(findings: list[Finding], of_regimes: set[str]) -> Iterator[Finding]:
    """The gravest of findings of one topic that overlap; then that of the post's regime, the longest, the first."""
    kept: list[Finding] = []
    missed: dict[str, set[str]] = {}
    for f in sorted(
        findings, key=lambda f: (-f.severity.rank, f.rule not in of_regimes, -len(f.match), f.start or 0, f.rule)
    ):
        said = missed.get(f.topic)
        if f.start is None and said is not None and set(f.missing) <= said:
            continue
        if f.start is None:
            missed.setdefault(f.topic, set()).update(f.missing)
        if not any(f.topic == other.topic and _overlap(f, other) for other in kept):
            kept.append(f)
            yield f


def _overlap(one: Finding, other: Finding) -> bool:
    if one.start is None or other.start is None or one.end is None or other.end is None:
        return False
    return one.start < other.end and other.start < one.end


# -- the search ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plain:
    """The plain reading as characters, and the byte at which each of them begins."""

    text: str

    @cached_property
    def bytes_at(self) -> Sequence[int]:
        return (
            range(len(self.text) + 1) if self.text.isascii() else [0, *accumulate(len(c.encode()) for c in self.text)]
        )

    @cached_property
    def _index(self) -> Mapping[int, int]:
        return {at: index for index, at in enumerate(self.bytes_at)}

    def index(self, at: int, *, step: int) -> int:
        """The character that begins at this byte; inside of one, the next one (`step` 1) or this one (-1)."""
        while at not in self._index:
            at += step
        return self._index[at]


@lru_cache(maxsize=8)
def _plain(plain: bytes) -> _Plain:
    return _Plain(plain.decode())


def _spans(
    self: Expressions, reading: Reading, start: int = 0, end: int | None = None, stands: Weigh = anywhere
) -> Iterator[tuple[int, int]]:
    """The first place of any expression that stands, then the first after it; each passes over its own alone."""
    after = dict.fromkeys(self.expressions, start)

    def first(one: str) -> tuple[int, int] | None:
        return next(_places(self, (one,), reading, after[one], end), None)

    heads = {one: first(one) for one in after}
    while any(heads.values()):
        here, _, there, one = min((p[0], n, p[1], one) for n, (one, p) in enumerate(heads.items()) if p)
        passed = [one]
        if stands(here, there):
            yield here, there
            passed = [other for other, place in heads.items() if place and place[0] < there]
        for other in passed:
            after[other] = there
            heads[other] = first(other)


def _covered(self: Expressions, reading: Reading) -> list[tuple[int, int]]:
    """Each expression alone; the runs of bytes on which one of them stands."""
    inside = {
        at for one in self.expressions for place in _places(self, (one,), reading, 0, None) for at in range(*place)
    }
    starts = sorted(at for at in inside if at - 1 not in inside)
    return [(start, next(at for at in count(start) if at not in inside)) for start in starts]


def _places(
    self: Expressions, expressions: Sequence[str], reading: Reading, start: int, end: int | None
) -> Iterator[tuple[int, int]]:
    plain = _plain(reading.plain)
    text, first = plain.text, plain.index(start, step=1)
    last = len(text) if end is None else plain.index(min(end, len(reading.plain)), step=-1)
    for found in _compiled(tuple(expressions), _end_of(text, last)).finditer(text, first, last):
        here, there = found.span()
        cuts = isinstance(self, Phrases) and (_is_inside_a_word(text, here) or _is_inside_a_word(text, there))
        if here < there and not cuts:
            yield plain.bytes_at[here], plain.bytes_at[there]


def _occur(self: Expressions, reading: Reading, start: int = 0, end: int | None = None) -> bool:
    return next(_spans(self, reading, start, end), None) is not None


def _is_inside_a_word(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at : at + 1]
    ascii_ones = before.isascii() and after.isascii()
    return (ascii_ones and before.isalnum() and after.isalnum()) or (
        not (before.isascii() or after.isascii()) and before.islower() and after.islower()
    )


# -- the patterns ----------------------------------------------------------------------------------------------

_POINT = r"\\x\{([0-9a-fA-F]+)\}"
_TOKEN = re.compile(rf"{_POINT}|(\[\^?\]?)((?:\\.|[^\]\\])*)\]|(\\.)|([$])|(\(\?(?!:)|\{{,)|.", re.DOTALL)
_IN_CLASS = re.compile(rf"{_POINT}|(\\.)|([\[&~|])|.", re.DOTALL)
_SPACES = {r"\s": r"[\t\n\f\r ]", r"\S": r"[^\t\n\f\r ]"}
"""To RE2 a vertical tab is none."""
_ABSENT = (r"\p", r"\P", r"\z", r"\A", r"\Q", r"\C")
"""Spelled otherwise in `re`, or not at all; no shipped pack has them, nor flags, names and counts without a least."""
_WORD = re.compile(r"\w", re.ASCII)
_ENDS = {"whole": (r"\b", r"\Z"), "in": (r"\b(?!\Z)", "(?!)"), "before": (r"(?:\b|\Z)", "(?!)"), "": (r"\b", "(?!)")}
r"""What `\b` and `$` are where a search ends. RE2 sees what follows the stretch that it searches; `re` does not."""


def _end_of(text: str, last: int) -> str:
    """Where a search that stops before this character ends: at the end of all, in a word, before one, or elsewhere."""
    if last == len(text):
        return "whole"
    if _WORD.match(text[last]) is None:
        return ""
    return "in" if last and _WORD.match(text[last - 1]) else "before"


@cache
def _compiled(expressions: tuple[str, ...], end: str) -> re.Pattern[str]:
    return _made("|".join(_translated(expression, *_ENDS[end]) for expression in expressions))


@cache
def _made(translated: str) -> re.Pattern[str]:
    return re.compile(translated, re.ASCII)


def _translated(expression: str, edge: str, close: str) -> str:
    """An RE2 expression in the words of `re`."""

    def put(found: re.Match[str]) -> str:
        point, bracket, inside, escaped, dollar, odd = found.groups()
        assert escaped not in _ABSENT and not odd, expression
        if bracket:
            return f"{bracket}{_IN_CLASS.sub(_in_class, inside)}]"
        if point:
            return f"\\U{int(point, 16):08x}"
        return edge if escaped == r"\b" else close if dollar else _SPACES.get(escaped, found.group())

    return _TOKEN.sub(put, expression)


def _in_class(found: re.Match[str]) -> str:
    point, escaped, mark = found.groups()
    assert escaped not in (*_ABSENT, *_SPACES), found.string
    # `re` warns of marks that may come to mean sets of sets.
    return f"\\U{int(point, 16):08x}" if point else f"\\{mark}" if mark else found.group()
