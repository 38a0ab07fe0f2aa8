"""The rule workshop: one rule tried by itself, what is wrong with it, and two rule sets compared on the same texts."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

from approval import clock
from approval.errors import Problem
from approval.rules import TOPICS, Facts, Finding, Rule, RuleError, RuleSet, Severity, amended, shown_words
from approval.screening.services.judging import Part, worst
from approval.screening.services.packing import FIRM_PACK, is_own, states_of, to_toml

Table = Mapping[str, Any]
KINDS = ("phrase", "swap", "require", "proximity", "limit")
"""The kinds that the form offers; the others are written as TOML."""
_COMMON = "words"
_MEANS_A_FIGURE = "-figure"
LISTS = ("match", "except", "needs", "beside")
MOST_COMPARED = 2_000
MOST_SECONDS = 10.0
_STAND_INS: Table = {
    "id": "FIRM000", "name": "a-name", "topic": TOPICS[0], "severity": "low", "message": "x", "why": "x",
    "citation": {"text": "x", "as_of": date(2000, 1, 1)}, "suggestion": "x", "flags": ["x"], "passes": ["x"],
    "kind": "phrase",
}  # fmt: skip
"""What stands for a key that is not written yet, so that the others can be read already."""
_CURES: Table = {**_STAND_INS, "match": ["x"], "needs": ["x"], "beside": ["x"], "instead": "x", "tokens": 1, "most": 0}
_NEEDED = {
    "name": "Give the rule a name that says what is found.",
    "topic": "Choose what it is about.",
    "match": "Write at least one pattern, one per line.",
    "instead": "Write the words to use instead.",
    "needs": "Write at least one wording that would be enough, one per line.",
    "beside": "Write the other words, one pattern per line.",
    "tokens": "Give the number of words that may stand between.",
    "most": "Give the number of times that is still allowed.",
    "message": "Say what the finding tells the author.",
    "why": "Say why it matters.",
    "citation": "Name where it is written: your policy and section, or the law.",
    "as_of": "Give the day on which the source was checked.",
    "suggestion": "Say what to write instead.",
    "flags": "Write at least one text that the rule must flag.",
    "passes": "Write at least one near miss that must pass.",
}
_MOST_WRONG = 12


@lru_cache(maxsize=128)
def tables_of(source: bytes) -> Mapping[str, Any]:
    """Return a pack's tables; they are shared, so nobody changes them."""
    return tomllib.loads(source.decode())


def pack_title(name: str, source: bytes) -> str:
    """Return what a pack calls itself."""
    return str(tables_of(source).get("pack", {}).get("title", name))


# -- one rule by itself ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A rule as it reads, and whether it is applied: `on`, in the `shadow` or `off`, by which pack.

    `amendment` is what the pack `amended_by` says otherwise than the rule's own pack; it is part of `table`.
    """

    pack: str
    table: Table
    state: str
    stated_by: str
    plain: Table
    """The rule without the amendment."""
    amendment: Table | None = None
    amended_by: str = ""

    @property
    def own(self) -> bool:
        """Whether the firm wrote it."""
        return is_own(self.pack)


@dataclass(frozen=True)
class Bench:
    """What rules stand on: the words, frames, amounts and folds of all packs, and every rule as it is written."""

    rules: Mapping[str, Written]
    words: Mapping[str, list[str]]
    frames: Mapping[str, Table]
    rest: Mapping[str, Any] = field(repr=False)
    shared: frozenset[str] = frozenset()
    """The frames that are meant for every rule; the others serve the rules of their pack."""

    def parse(self, *tables: Table) -> RuleSet:
        """Return a set of these rules alone; RuleError where they cannot be read."""
        document = {**self.rest, "frame": self._frames(tables), "rule": list(tables)}
        document["words"] = self._words([document["frame"], tables])
        return RuleSet.parse({FIRM_PACK: to_toml(document).encode()})

    def one(self, id_: str) -> Rule:
        """Return a rule, also one that is switched off; KeyError where there is none."""
        written = self.rules[id_]
        return replace(self.parse(written.table).rule(id_), pack=written.pack)

    def _frames(self, tables: Iterable[Table]) -> list[Table]:
        named = {name for table in tables for key in ("unless", "when") for name in table.get(key, ())}
        return [frame for name, frame in self.frames.items() if name in named]

    def _words(self, tables: Any) -> dict[str, list[str]]:
        """The lists that these tables call, and those that these call: to spell out all of them takes long."""
        found: dict[str, list[str]] = {}
        asked = set(_CALLED.findall(str(tables)))
        while new := asked & self.words.keys() - found.keys():
            found |= {name: self.words[name] for name in new}
            asked = set(_CALLED.findall(str([self.words[name] for name in new])))
        return found


_CALLED = re.compile(r"<([a-z][a-z0-9-]*)>")


@lru_cache(maxsize=4)
def bench_of(rules: RuleSet) -> Bench:
    """Return the bench of a rule set."""
    return make_bench(rules.sources)


def make_bench(sources: Mapping[str, bytes]) -> Bench:
    """Return the bench of these packs."""
    tables = {pack: tables_of(source) for pack, source in sources.items()}
    states = states_of(sources, tables)
    amends = {one["rule"]: (pack, one) for pack in sorted(tables) for one in tables[pack].get("amend", ())}
    rules = {
        table["id"]: _written(pack, table, states.get(table["id"], ("on", "")), amends.get(table["id"]))
        for pack in sorted(tables)
        for table in tables[pack].get("rule", ())
    }
    lexicon = _merged(tables.values(), "lexicon")
    # As the engine does it: the words of what rules flag are unmasked too.
    shown = " ".join(_example(text) for rule in rules.values() for text in rule.table.get("flags", ()))
    lexicon["words"] += shown_words(shown)
    rest = {
        "amount": [amount for document in tables.values() for amount in document.get("amount", ())],
        "fold": {name: fold for document in tables.values() for name, fold in document.get("fold", {}).items()},
        "lexicon": {name: sorted(set(words)) for name, words in lexicon.items() if words},
        "sources": _merged(tables.values(), "sources"),
    }
    return Bench(
        rules=dict(sorted(rules.items())),
        words={name: words for document in tables.values() for name, words in document.get("words", {}).items()},
        frames={frame["name"]: frame for document in tables.values() for frame in document.get("frame", ())},
        rest={key: value for key, value in rest.items() if value},
        shared=frozenset(
            frame["name"]
            for pack, document in tables.items()
            if pack == _COMMON or is_own(pack)
            for frame in document.get("frame", ())
            if not frame["name"].endswith(_MEANS_A_FIGURE)
        ),
    )


def _merged(documents: Iterable[Table], key: str) -> dict[str, list[str]]:
    """The named lists under a key, each of all packs together."""
    merged: defaultdict[str, list[str]] = defaultdict(list)
    for document in documents:
        for name, words in document.get(key, {}).items():
            merged[name] += words
    return merged


def _written(pack: str, table: Table, state: tuple[str, str], amend: tuple[str, Table] | None) -> Written:
    if amend is None:
        return Written(pack, table, *state, plain=table)
    by, amendment = amend
    return Written(pack, amended(table, amendment), *state, plain=table, amendment=amendment, amended_by=by)


def _example(entry: Any) -> str:
    return str(entry.get("text", "")) if isinstance(entry, Mapping) else str(entry)


def complete(table: Table) -> dict[str, Any]:
    """Return a rule's table with stand-ins for what is not written yet, so that it can be tried."""
    given = {key: value for key, value in table.items() if value not in ("", [], {}, None)}
    citation = {**_STAND_INS["citation"], **given.get("citation", {})}
    return {**_STAND_INS, **given, "citation": citation}


def trial(bench: Bench, table: Table) -> tuple[RuleSet, Facts]:
    """Return the rule alone, and the facts that a text is read with which says nothing of itself."""
    table = complete(table)
    # A plain example has the facts of a post that the rule is meant for; one letter adds nothing to the lexicon.
    rules = bench.parse({**table, "flags": [*table["flags"], "x"]})
    return rules, rules.rules[0].flags[-1].facts


# -- what is wrong with it -------------------------------------------------------------------------------------


def problems(bench: Bench, table: Table, names: Mapping[str, str]) -> tuple[Problem, ...]:
    """Say everything that is wrong with a rule, by key. *names*: what other rules are called, to their ids.

    Keys that the engine refuses are cured one after the other, so that all of them are told at once.
    """
    found = [Problem(key, what) for key, what in _missing(table)]
    if (taken := names.get(table.get("name", ""))) is not None:
        found.append(Problem("name", f"Rule {taken} has this name: give this one its own."))
    told = {problem.where for problem in found}
    cured = complete(table) | {key: _CURES[key] for key in told & _CURES.keys()}
    for _ in range(_MOST_WRONG):
        try:
            rules = bench.parse(cured)
        except RuleError as error:
            key = error.key.partition(".")[0]
            if key not in told:
                found.append(Problem(key, _in_words(table, key, error.reason)))
            if key in told and key not in _CURES:
                break
            told.add(key)
            cured = {name: value for name, value in cured.items() if name != key}
            cured |= {key: _CURES[key]} if key in _CURES else {}
        else:
            # A rule that follows others finds nothing alone: all rules together prove it when it is proposed.
            return tuple(found) if found or "after" in table else tuple(_failures(rules, table))
    return tuple(found)


def _missing(table: Table) -> Iterator[tuple[str, str]]:
    kind = table.get("kind")
    needed = {
        "phrase": ("match",),
        "swap": ("match", "instead"),
        "require": () if "exact" in table or "items" in table else ("needs",),
        "proximity": ("match", "beside", "tokens"),
        "limit": ("most",) if table.get("count") == "capitals" else ("match", "most"),
    }
    for key in ("name", "topic", *needed.get(str(kind), ()), "message", "why", "suggestion", "flags", "passes"):
        if table.get(key) in ("", [], None):
            yield key, _NEEDED[key]
    citation = table.get("citation") or {}
    for part, key in (("text", "citation"), ("as_of", "as_of")):
        if not citation.get(part):
            yield key, _NEEDED[key]


def _in_words(table: Table, key: str, reason: str) -> str:
    """What the engine says of a key, with the line it is about where the key is a list."""
    said = reason[:1].upper() + reason[1:]
    lines = table.get(key)
    if isinstance(lines, list):
        held = [n for n, line in enumerate(lines, 1) if isinstance(line, str) and f"“{line}”" in reason]
        if held:
            return f"Line {held[0]}: {said}"
    return said


def _failures(rules: RuleSet, table: Table) -> Iterator[Problem]:
    (rule,) = rules.rules
    for key, examples, must_flag in (("flags", rule.flags, True), ("passes", rule.passes, False)):
        for n, example in enumerate(examples, 1):
            found = rules.check_facts(example.text, example.facts)
            if bool(found) is must_flag:
                continue
            if must_flag:
                yield Problem(key, f"Line {n} is not flagged: “{shortened(example.text)}”.")
            else:
                words = ", ".join(sorted({f"“{shortened(one.match)}”" for one in found if one.match}))
                because = f": it holds {words}" if words else ""
                yield Problem(key, f"Line {n} is flagged and must pass{because}.")


def shortened(text: str) -> str:
    """Return a text as a message quotes it."""
    return text if len(text) <= 80 else text[:79] + "…"


# -- two rule sets on the same texts ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Words:
    """Every text of one revision with what is known of it. `key` names it to whoever asks."""

    key: int
    parts: tuple[Part, ...]
    facts: Facts


@dataclass(frozen=True)
class Change:
    """What two rule sets say differently of one revision."""

    key: int
    before: Severity | None
    after: Severity | None
    gained: tuple[Finding, ...]
    lost: tuple[Finding, ...]


@dataclass(frozen=True)
class Comparison:
    """How far it came: `last` is the key judged last, `ended` whether no text was left.

    `otherwise` are revisions that are flagged as gravely as before, for something else.
    """

    judged: int
    failed: int
    flagged: tuple[Change, ...]
    passing: tuple[Change, ...]
    otherwise: tuple[Change, ...]
    last: int | None
    ended: bool


def found_in(rules: RuleSet, words: Words) -> tuple[Finding, ...]:
    """Return what the rules find in all parts of a revision, as it would be stored."""
    found: list[Finding] = []
    for part in words.parts:
        # What a post must say, its texts must say: a title or an alternative text need not repeat it.
        elsewhere = part.part is not None and part.network is None
        for finding in rules.judge(part.text, replace(words.facts, channel=part.network))[0]:
            if finding.start is not None or not elsewhere:
                found.append(replace(finding, part=part.part))
    return tuple(found)


def compare(
    texts: Iterable[Words],
    before: RuleSet,
    after: RuleSet,
    *,
    most: int = MOST_COMPARED,
    seconds: float = MOST_SECONDS,
) -> Comparison:
    """Judge each revision twice and keep those that fare differently; at most so many, for so many seconds."""
    begun = clock.monotonic()
    judged = failed = 0
    last: int | None = None
    lists: tuple[list[Change], list[Change], list[Change]] = ([], [], [])
    ended = True
    for words in texts:
        if judged >= most or clock.monotonic() - begun > seconds:
            ended = False
            break
        judged, last = judged + 1, words.key
        try:
            change = _change(words, found_in(before, words), found_in(after, words))
        except RuleError:
            failed += 1
            continue
        if change is not None:
            lists[_kind(change)].append(change)
    flagged, passing, otherwise = map(tuple, lists)
    return Comparison(judged, failed, flagged, passing, otherwise, last, ended)


def _change(words: Words, old: Sequence[Finding], new: Sequence[Finding]) -> Change | None:
    held, holds = {_place(found) for found in old}, {_place(found) for found in new}
    gained = tuple(found for found in new if _place(found) not in held)
    lost = tuple(found for found in old if _place(found) not in holds)
    return Change(words.key, worst(old), worst(new), gained, lost) if gained or lost else None


def _place(found: Finding) -> tuple[object, ...]:
    return found.rule, found.part, found.start, found.end, found.severity, found.missing


def _kind(change: Change) -> int:
    """0 for newly flagged, 1 for newly passing, 2 for neither: by severity, then by whether more or less is found."""
    before, after = (-1 if one is None else one.rank for one in (change.before, change.after))
    if before == after:
        before, after = len(change.lost), len(change.gained)
    return 0 if before < after else 1 if before > after else 2
