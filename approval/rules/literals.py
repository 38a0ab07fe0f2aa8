"""Which words a pattern cannot do without: a look at the words of a text tells which patterns are worth a search.

The idea is that of RE2's own prefilter (github.com/google/re2, re2/prefilter.h): a sequence needs what each of its
parts needs, an alternation what any of its branches needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from .syntax import atoms, branches, may_be_absent


class Word(NamedTuple):
    """Letters that a match holds; `begins` and `ends` say that nothing but them stands in the word on that side."""

    text: str
    begins: bool = False
    ends: bool = False


Choice = frozenset[Word]
"""Words, one of which stands in every match."""
Needed = tuple[Choice, ...]
"""Choices, each of which a match holds; none: the pattern may match any text."""

_MACRO = re.compile(r"<([a-z][a-z0-9-]*)>")
_SPAN = re.compile(r"( ?)<\d{1,2}> ")
_PERHAPS = "(?:x)?"
_FIRST_MACRO = 0xE000
_GAP = " "
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789%#@!/")
_OTHER_LITERAL = re.compile(r"\\[$./+()-]|[^\x00-\x7f\ue000-\uf8ff]")
_MOST = 400
"""Words of one choice; a choice with more tells nothing."""
_MOST_CHOICES = 6
_KEPT = 65_536


class Needs:
    """What patterns over some word lists cannot do without."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self._words = words
        self._letter_of = {name: chr(_FIRST_MACRO + number) for number, name in enumerate(words)}
        self._name_of = {letter: name for name, letter in self._letter_of.items()}
        self._known: dict[tuple[str, bool, bool], Choice | None] = {}
        self._seen: dict[tuple[str, bool, bool], Choice | None] = {}

    def of(self, source: str) -> Needed:
        """What *source*, which stands at edges of words, needs."""
        marked = self._marked(source)
        ways = branches(marked)
        if len(ways) > 1:
            one = self._of(marked, left=True, right=True)
            return (one,) if one else ()
        found = {choice for choice in self._choices(ways[0], left=True, right=True) if len(choice) <= _MOST}
        best = sorted(found, key=_telling, reverse=True)[:_MOST_CHOICES]
        return tuple(best)

    def _marked(self, source: str) -> str:
        """The pattern with one letter for each list, and a blank for each span of words."""
        spans = _SPAN.sub(lambda found: _GAP if found.group(1) else _PERHAPS, source)
        return _MACRO.sub(lambda found: self._letter_of[found.group(1)], spans)

    def _of(self, body: str, *, left: bool, right: bool) -> Choice | None:
        """One choice that every branch of *body* agrees to, None where a branch needs nothing."""
        key = (body, left, right)
        if key not in self._seen:
            self._seen[key] = self._agreed(body, left, right)
        return self._seen[key]

    def _agreed(self, body: str, left: bool, right: bool) -> Choice | None:
        needed: set[Word] = set()
        for branch in branches(body):
            found = max(self._choices(branch, left=left, right=right), key=_telling, default=None)
            if not found:
                return None
            needed |= found
        return frozenset(needed) if len(needed) <= _MOST else None

    def _choices(self, branch: str, *, left: bool, right: bool) -> Iterator[Choice]:
        """What each part of a sequence needs; *left* and *right*: the sequence stands at edges of words."""
        parts = atoms(branch)
        run, begins = "", left
        for place, (atom, count) in enumerate(parts):
            absent = may_be_absent(count)
            if not absent and (atom in _LETTERS or _OTHER_LITERAL.fullmatch(atom)):
                run += atom.removeprefix("\\")
                if not count:
                    continue
                yield _one(run, begins, False)
            else:
                ends = _edge_from(parts, place, right)
                if run:
                    yield _one(run, begins, ends)
                if not absent and (inner := self._inner(atom, begins and not run, _edge_after(parts, place, right))):
                    yield inner
            begins = _gap_at(atom, -1) and (not absent or (begins and not run))
            run = ""
        if run:
            yield _one(run, begins, right)

    def _inner(self, atom: str, left: bool, right: bool) -> Choice | None:
        """What a group or a list of words needs."""
        if atom.startswith("(?") and not atom.startswith("(?:"):
            return None  # flags, or a name: RE2 reads them, we do not
        if atom.startswith("("):
            return self._of(atom[1:-1].removeprefix("?:"), left=left, right=right)
        if atom not in self._name_of:
            return None
        key = (atom, left, right)
        if key not in self._known:
            # A list that names itself needs nothing; it is refused elsewhere.
            self._known[key] = None
            body = "|".join(self._marked(word) for word in self._words[self._name_of[atom]])
            self._known[key] = self._of(body, left=left, right=right)
        return self._known[key]


@lru_cache(maxsize=_KEPT)
def _gap_at(atom: str, end: int) -> bool:
    """Whether a part begins (0) or ends (-1) with a blank, in all its branches."""
    if not atom.startswith("("):
        return atom == _GAP
    inside = [atoms(branch) for branch in branches(atom[1:-1].removeprefix("?:"))]
    return all(parts and parts[end] == (_GAP, "") for parts in inside)


def _edge_from(parts: Sequence[tuple[str, str]], place: int, right: bool) -> bool:
    """Whether a word that stands before this part must end there."""
    for atom, count in parts[place:]:
        if not _gap_at(atom, 0):
            return False
        if not may_be_absent(count):
            return True
    return right


def _edge_after(parts: Sequence[tuple[str, str]], place: int, right: bool) -> bool:
    """Whether a word that ends this part must end there."""
    return not parts[place][1] and _edge_from(parts, place + 1, right)


def _one(run: str, begins: bool, ends: bool) -> Choice:
    return frozenset({Word(run, begins and run[0].isalnum(), ends and run[-1].isalnum())})


@lru_cache(maxsize=_KEPT)
def _telling(choice: Choice) -> tuple[int, int]:
    """Long words tell more than short ones, whole ones more than parts of others, few more than many."""
    return min(min(len(word.text) - 4 * (not word.begins) for word in choice), 6), -len(choice)
