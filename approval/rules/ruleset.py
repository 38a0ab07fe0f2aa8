"""A set of rules with one digest: text in, findings out."""

from __future__ import annotations

import gc
import hashlib
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import chain, islice
from types import MappingProxyType
from typing import NamedTuple

from .bits import bits, set_bits
from .finding import Finding, RuleError
from .gate import Gate
from .kinds import Around, Hit
from .lexicon import Lexicon
from .pattern import Expressions
from .products import known
from .rule import Example, Rule, make_rules
from .scope import Facts
from .shared import make_lexicon, make_vocabulary
from .source import Pack, read_pack
from .text import Reading, read

ENGINE = "approval-rules/7"
"""Changes whenever the same packs could find something else in the same text."""
MOST_PLACES = 200
"""Places in one text that are shown for one rule; a text with more is no longer read for each of them."""
_MOST_KINDS_OF_POST = 1_024


@dataclass(frozen=True)
class Failure:
    """An example that its rule does not bear out; `expected` is what the text must do."""

    rule: str
    text: str
    expected: str

    def as_json(self) -> dict[str, str]:
        """The three fields."""
        return asdict(self)


class _Scope(NamedTuple):
    """The rules that some facts bring into scope, by number.

    `unopened` wait for no pattern; `opened` names, by row in the gate, the rule that a pattern opens and that pattern;
    `rows` has a bit for each such row.
    """

    unopened: frozenset[int]
    opened: Mapping[int, tuple[int, Expressions, int]]
    rows: int


class RuleSet:
    """Immutable and safe to share between threads."""

    def __init__(
        self,
        rules: tuple[Rule, ...],
        lexicon: Lexicon,
        sources: Mapping[str, bytes],
        made: Sequence[Expressions],
        shadow: frozenset[str] = frozenset(),
    ) -> None:
        self.rules = rules
        self.shadow = shadow
        self.sources: Mapping[str, bytes] = MappingProxyType(dict(sources))
        self.digest = _digest(sources)
        self._lexicon = lexicon
        self._gate = Gate(made)
        self._of_regimes = frozenset(rule.id for rule in rules if rule.scope.regimes)
        self._turns = sorted({day for rule in rules for day in rule.scope.turns})
        self._rules_of = lru_cache(maxsize=_MOST_KINDS_OF_POST)(self._rules_for)
        self._in_scope = lru_cache(maxsize=_MOST_KINDS_OF_POST)(self._scope_of)

    @classmethod
    def parse(cls, sources: Mapping[str, bytes], *, checked: bool = True) -> RuleSet:
        """Reads packs (name to TOML); raises RuleError with pack, rule and key.

        Without `checked` a pattern is compiled when it is first searched for: for packs that were read before.
        """
        with _uncollected():
            packs = [read_pack(name, sources[name]) for name in sorted(sources)]
            vocabulary = make_vocabulary(packs, checked=checked)
            rules = make_rules(packs, vocabulary)
            _ensure_named(packs, rules)
            off = frozenset(chain.from_iterable(pack.off for pack in packs))
            shadow = frozenset(chain.from_iterable(pack.shadow for pack in packs)) - off
            applied = tuple(rule for rule in rules if rule.id not in off)
            return cls(applied, make_lexicon(packs, rules, vocabulary), sources, vocabulary.made, shadow)

    def rule(self, id_or_name: str) -> Rule:
        """The rule with this id or name; KeyError where there is none."""
        for rule in self.rules:
            if id_or_name in (rule.id, rule.name):
                return rule
        raise KeyError(id_or_name)

    def check(
        self,
        text: str,
        *,
        channel: str | None = None,
        regime: str | None = None,
        product: str | None = None,
        audience: str | None = None,
        entity_type: str | None = None,
        language: str | None = None,
        on: date | None = None,
    ) -> tuple[Finding, ...]:
        """What the rules find, in order of place; what is missing comes last.

        Every error raises, so that a text that could not be judged never counts as clean. `channel` is the network.
        """
        facts = Facts(
            channel=channel,
            regime=regime,
            product=product,
            audience=audience,
            entity_type=entity_type,
            language=language,
            on=on,
        )
        return self.check_facts(text, facts)

    def check_facts(self, text: str, facts: Facts) -> tuple[Finding, ...]:
        """As `check`, with the facts in one."""
        return self.judge(text, facts)[0]

    def judge(self, text: str, facts: Facts) -> tuple[tuple[Finding, ...], frozenset[str]]:
        """The findings, and the ids of the shadow rules that found something: they are counted and never shown."""
        found = self._all(text, facts)
        shadows = frozenset(finding.rule for finding in found if finding.rule in self.shadow)
        shown = [finding for finding in found if finding.rule not in shadows] if shadows else found
        return tuple(sorted(_distinct(shown, self._of_regimes), key=_place)), shadows

    def _all(self, text: str, facts: Facts) -> list[Finding]:
        reading = read(text, self._lexicon)
        reading.occurring = occurring = self._gate.occurring(reading)
        active = self._active(occurring, reading, facts)
        around = Around(facts)
        findings = [f for rule in active if not rule.look.after for f in _findings(rule, reading, around)]
        # A rule that is only counted calls for nothing that is shown.
        around = Around(facts, frozenset(finding.topic for finding in findings if finding.rule not in self.shadow))
        findings += [f for rule in active if rule.look.after for f in _findings(rule, reading, around)]
        return findings

    def flags(self, rule: Rule, example: Example) -> bool:
        """Say whether a rule finds something in an example; one that waits for others is asked together with them."""
        if rule.look.after:
            return any(finding.rule == rule.id for finding in self._all(example.text, example.facts))
        reading = read(example.text, self._lexicon)
        reading.occurring = self._gate.occurring(reading)
        return rule.scope.covers(example.facts) and any(True for _ in rule.look.find(reading, Around(example.facts)))

    def _active(self, occurring: int, reading: Reading, facts: Facts) -> list[Rule]:
        """The rules in scope that may find something: those that a pattern opens, and those that wait for none."""
        scope = self._in_scope(facts)
        active = set(scope.unopened)
        for row in set_bits(occurring & scope.rows):
            number, one, which = scope.opened[row]
            if number not in active and one.stands(reading, which):
                active.add(number)
        return [self.rules[number] for number in sorted(active)]

    def _scope_of(self, facts: Facts) -> _Scope:
        """One scope for all names of a product, and for all days between two on which rules change."""
        return self._rules_of(replace(facts, product=known(facts.product), on=self._since(facts.on)))

    def _since(self, day: date | None) -> date | None:
        """The day since which the same rules are in force as on this one."""
        return day and max((turn for turn in self._turns if turn <= day), default=date.min)

    def _rules_for(self, facts: Facts) -> _Scope:
        covering = [(number, rule) for number, rule in enumerate(self.rules) if rule.scope.covers(facts)]
        opened = {
            row: (number, opener, which)
            for number, rule in covering
            for opener in rule.look.openers
            for row, which in opener.rows.items()
        }
        return _Scope(frozenset(number for number, rule in covering if not rule.look.openers), opened, bits(opened))


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles while millions of small objects are made, none of which is garbage: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _ensure_named(packs: Sequence[Pack], rules: Sequence[Rule]) -> None:
    """Refuses a pack that silences a rule which nobody has written."""
    known = {rule.id for rule in rules}
    for pack in packs:
        for key, ids in (("shadow", pack.shadow), ("off", pack.off)):
            if unknown := sorted(ids - known):
                raise RuleError(f"there is no rule {unknown[0]}", pack=pack.name, key=f"pack.{key}")


def _findings(rule: Rule, reading: Reading, around: Around) -> Iterator[Finding]:
    for hit in islice(rule.look.find(reading, around), MOST_PLACES):
        yield _finding(rule, around.facts, reading, hit)


def _finding(rule: Rule, facts: Facts, reading: Reading, hit: Hit) -> Finding:
    start = end = None
    match = ""
    if hit.start is not None and hit.end is not None:
        start, end = reading.place(hit.start, hit.end)
        match = reading.typed(hit.start, hit.end)
    words = {"match": match, "missing": ", ".join(hit.missing), **hit.words}
    return Finding(
        rule=rule.id,
        name=rule.name,
        topic=rule.topic,
        severity=rule.severity_for(facts),
        start=start,
        end=end,
        match=match,
        message=_filled(rule.message, words),
        why=rule.why,
        citation=rule.citation_for(facts),
        suggestion=_filled(rule.suggestion, words),
        missing=hit.missing,
        considered=rule.look.considered,
    )


def _filled(message: str, words: Mapping[str, str]) -> str:
    if "{" not in message:
        return message
    for name in ("missing", "instead", "most", "match"):
        message = message.replace("{" + name + "}", words.get(name, ""))
    return message


def _distinct(findings: list[Finding], of_regimes: frozenset[str]) -> Iterator[Finding]:
    """Of findings of one topic that overlap, or that miss the same, the gravest, then the nearest, then the longest.

    A rule written for the regime of the post is nearer than one for all: its citation is the one that counts.
    """
    kept: dict[str, list[tuple[int, int]]] = {}

    def order(finding: Finding) -> tuple[int, bool, int, int, str]:
        is_far = finding.rule not in of_regimes
        return -finding.severity.rank, is_far, -len(finding.match), finding.start or 0, finding.rule

    missing: dict[str, set[str]] = {}
    for finding in sorted(findings, key=order):
        if finding.start is None or finding.end is None:
            if finding.topic not in missing or not missing[finding.topic].issuperset(finding.missing):
                missing.setdefault(finding.topic, set()).update(finding.missing)
                yield finding
            continue
        place = finding.start, finding.end
        others = kept.setdefault(finding.topic, [])
        at = bisect_left(others, place)
        if not any(place[0] < end and start < place[1] for start, end in others[max(0, at - 1) : at + 1]):
            others.insert(at, place)
            yield finding


def _place(finding: Finding) -> tuple[bool, int, int, str]:
    return finding.start is None, finding.start or 0, finding.end or 0, finding.rule


def _digest(sources: Mapping[str, bytes]) -> str:
    total = hashlib.sha256(f"{ENGINE}\nunicode {unicodedata.unidata_version}\n".encode())
    for name in sorted(sources):
        total.update(f"{hashlib.sha256(sources[name]).hexdigest()} {name}\n".encode())
    return total.hexdigest()
