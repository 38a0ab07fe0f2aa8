"""Which words a pattern cannot do without: a look at the words of a text tells which patterns are worth a search.

The idea is that of RE2's own prefilter (github.com/google/re2, re2/prefilter.h): a sequence needs what each of its
parts needs, an alternation what any of its branches needs. Beside them, a sequence needs the words on either side of
each of its blanks to follow each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product

from .edges import Edges, edge_after, edge_from, gap_at, is_symbol
from .needed import Choice, Needed, Pair, Word
from .syntax import GAP, atoms, branches, is_run, may_be_absent

_MACRO = re.compile(r"<([a-z][a-z0-9-]*)>")
_SPAN = re.compile(r"<\d{1,2}> ")
_FIRST_MACRO = 0xE000
_LITERAL = re.compile(r"[a-z0-9%#@!/\"&:,-]+|\\[$./+()?*^-]|[^\x00-\x7f\ue000-\uf8ff]")
_FEW = re.compile(r"\[([^ \[\]\\^-]{1,12})\]")
_IN_A_CLASS = re.compile(r"\[[^\]]*'")
_APOSTROPHE = re.compile(r"(?<!\\)'\?(?![?*+{])")
_MOST_APOSTROPHES = 2
_MOST = 400
"""Ways of one choice; a choice with more tells nothing."""
_MOST_CHOICES = 6
_LEAST = -1
"""Letters that stand in almost any text are not asked for where anything else is."""
_KEPT = 65_536


class Needs:
    """What patterns over some word lists cannot do without."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self._letter_of = {name: chr(_FIRST_MACRO + number) for number, name in enumerate(words)}
        self._lists = {
            letter: "|".join(self._marked(word) for word in words[name]) for name, letter in self._letter_of.items()
        }
        self._edges = Edges(self._lists)
        self._known: dict[tuple[str, bool, bool], Choice | None] = {}
        self._sequences: dict[tuple[str, bool, bool], Needed] = {}

    def of(self, source: str) -> Needed:
        """What *source*, which stands at edges of words, needs."""
        body = self._marked(source)
        ways = _ways(body)
        if len(ways) == 1:
            return self._needed(ways[0], left=True, right=True)
        one = self._of(body, left=True, right=True)
        return frozenset((one,)) if one else frozenset()

    def _marked(self, source: str) -> str:
        """The pattern with one letter for each list, some words for each span, and apostrophes that may be left out."""
        body = _SPAN.sub(r"(?:\\w+ )*", source).replace("'", "'?")
        return _MACRO.sub(lambda found: self._letter_of.get(found.group(1), "."), body)

    def _of(self, body: str, *, left: bool, right: bool) -> Choice | None:
        """One choice that every branch of *body* agrees to, None where a branch needs nothing."""
        key = (body, left, right)
        if key not in self._known:
            # A list that names itself needs nothing; it is refused elsewhere.
            self._known[key] = None
            self._known[key] = self._agreed(body, left, right)
        return self._known[key]

    def _agreed(self, body: str, left: bool, right: bool) -> Choice | None:
        ways: set[Word | Pair | Needed] = set()
        for branch in _ways(body):
            if is_run(branch):
                ways.add(Word(branch, left, right))
                continue
            needed = self._needed(branch, left=left, right=right)
            if not needed:
                return None
            ways |= next(iter(needed)) if len(needed) == 1 else {needed}
        return frozenset(ways) if len(ways) <= _MOST else None

    def _needed(self, branch: str, *, left: bool, right: bool) -> Needed:
        """The most telling of what the parts of a sequence need; *left* and *right*: it stands at edges of words."""
        key = (branch, left, right)
        if key not in self._sequences:
            pairs = set(self._pairs(branch, left, right))
            sides = {side for pair in pairs for side in pair}
            found: set[Choice] = {choice for choice in self._choices(branch, left, right) if len(choice) <= _MOST}
            found -= sides
            found |= {frozenset((pair,)) for pair in pairs}
            best = sorted(found, key=_telling, reverse=True)[:_MOST_CHOICES]
            telling = [choice for choice in best if _telling(choice)[0] >= _LEAST]
            self._sequences[key] = frozenset(telling or best[:1])
        return self._sequences[key]

    def _pairs(self, branch: str, left: bool, right: bool) -> Iterator[Pair]:
        """The words around each blank."""
        parts = atoms(branch)
        for place, part in enumerate(parts):
            if part == (GAP, ""):
                first = self._edges.last(parts[:place], left=left)
                second = self._edges.first(parts[place + 1 :], right=right)
                if first and second and len(first) + len(second) <= _MOST:
                    yield Pair(first, second)

    def _choices(self, branch: str, left: bool, right: bool) -> Iterator[Choice]:
        parts = atoms(branch)
        run, begins = "", left
        for place, (atom, count) in enumerate(parts):
            absent = may_be_absent(count)
            if not absent and _is_literal(atom):
                run += atom.removeprefix("\\")
                if not count:
                    continue
                yield _one(run, begins, False)
            else:
                ends = edge_from(parts, place, right)
                if run:
                    yield _one(run, begins, ends)
                if not absent and (inner := self._inner(atom, begins and not run, edge_after(parts, place, right))):
                    yield inner
            begins = (is_symbol(atom) or gap_at(atom, -1)) and (not absent or (begins and not run))
            run = ""
        if run:
            yield _one(run, begins, right)

    def _inner(self, atom: str, left: bool, right: bool) -> Choice | None:
        """What a group, a list of words or a class of a few characters needs."""
        if atom.startswith("(?") and not atom.startswith("(?:"):
            return None  # flags, or a name: RE2 reads them, we do not
        if atom.startswith("("):
            return self._of(atom[1:-1].removeprefix("?:"), left=left, right=right)
        if atom in self._lists:
            return self._of(self._lists[atom], left=left, right=right)
        few = _FEW.fullmatch(atom)
        return frozenset(Word(letter, left and letter.isalnum()) for letter in few.group(1)) if few else None


@lru_cache(maxsize=_KEPT)
def _is_literal(atom: str) -> bool:
    return _LITERAL.fullmatch(atom) is not None


@lru_cache(maxsize=_KEPT)
def _ways(body: str) -> tuple[str, ...]:
    """The alternatives of a pattern; with an apostrophe a word is two, and one without."""
    return tuple(way for branch in branches(body) for way in _with_and_without(branch))


def _with_and_without(branch: str) -> Iterator[str]:
    pieces = _APOSTROPHE.split(branch)
    if not 1 < len(pieces) <= 1 + _MOST_APOSTROPHES or _IN_A_CLASS.search(branch):
        yield branch
        return
    for joints in product(("", GAP), repeat=len(pieces) - 1):
        yield "".join(map("".join, zip(pieces, (*joints, ""), strict=True)))


def _one(run: str, begins: bool, ends: bool) -> Choice:
    return frozenset((Word(run, begins and run[0].isalnum(), ends and run[-1].isalnum()),))


@lru_cache(maxsize=_KEPT)
def _telling(choice: Choice) -> tuple[int, int]:
    """Neighbours tell more than words, long words than short ones, whole ones than parts, few than many."""
    return min(map(_weight, choice)), -len(choice)


def _weight(way: Word | Pair | Needed) -> int:
    if not isinstance(way, Word):
        return 7 if isinstance(way, Pair) else 8
    if way.begins or not way.text[0].isalnum():
        return min(len(way.text), 6)
    return min(len(way.text) - 4, 6)
