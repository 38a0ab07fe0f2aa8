"""The words with which a part of a pattern may begin and end, as the words of a text are cut: letters and digits only.

Each answer holds every such word, or is none at all: what a text lacks here, the part does not match in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from .needed import Word
from .syntax import GAP, atoms, branches, is_run, may_be_absent

Part = tuple[str, str]
Parts = Sequence[Part]
_DIGIT = re.compile(r"\\d|\[[0-9]+(?:-[0-9]+)?\]")
_LETTERS = re.compile(r"[a-z0-9]+|\\d|\[(?:[a-z]-[a-z]|[0-9]-[0-9]|[a-z0-9])+\]")
_SYMBOL = re.compile(
    r"\\[^\w\s]|[^\w\s\\()\[\]{}.^$|?*+\ue000-\uf8ff]|[^\x00-\x7f\ue000-\uf8ff]| "
    r"|\[(?:[^\w\\\[\]^-]|\\[^\w])+-?\]"
)
"""What is no part of a word: blanks, escaped marks, classes of marks."""
_DIGITS = frozenset(Word(digit, begins=True) for digit in "0123456789")
_ENDS_OF_WORDS = frozenset((GAP, r"\b", "^", "$"))
_KEPT = 65_536


class Side(NamedTuple):
    """The words that may stand there; `empty` where the part may hold no word at all."""

    words: frozenset[Word]
    empty: bool


class Edges:
    """First and last words of sequences over some word lists (a letter for each, to its alternatives)."""

    def __init__(self, lists: Mapping[str, str]) -> None:
        self._lists = lists
        self._seen: dict[tuple[str, bool | None, bool], Side | None] = {}

    def first(self, parts: Parts, *, right: bool) -> frozenset[Word]:
        """The words with which a sequence that stands after a blank may begin; none where that cannot be told."""
        return _certain(self._first(parts, right))

    def last(self, parts: Parts, *, left: bool) -> frozenset[Word]:
        """The words with which a sequence that stands before a blank may end; none where that cannot be told."""
        return _certain(self._last(parts, left, True))

    def _first(self, parts: Parts, right: bool) -> Side | None:
        words: set[Word] = set()
        run = ""
        for place, (atom, count) in enumerate(parts):
            if run:
                return Side(frozenset({*words, Word(run, True, edge_from(parts, place, right))}), False)
            if is_symbol(atom):
                continue
            if not count and is_run(atom):
                run = atom
                continue
            side = self._begins(atom, edge_after(parts, place, right))
            if side is None:
                return None
            words |= side.words
            if not (side.empty or may_be_absent(count)):
                return Side(frozenset(words), False)
        if run:
            words.add(Word(run, True, right))
        return Side(frozenset(words), not run)

    def _begins(self, atom: str, right: bool) -> Side | None:
        if is_run(atom):
            return Side(frozenset((Word(atom, True),)), False)
        if _DIGIT.fullmatch(atom):
            return Side(_DIGITS, False)
        body = self._inside(atom)
        return None if body is None else self._of_branches(body, None, right)

    def _last(self, parts: Parts, left: bool, right: bool) -> Side | None:
        words: set[Word] = set()
        end = len(parts)
        while end:
            atom, count = parts[end - 1]
            if is_symbol(atom):
                right = right or not may_be_absent(count)
                end -= 1
                continue
            start = _start_of_word(parts[:end])
            if not (start or left):
                return None
            side = self._ends(parts[start:end], right)
            if side is None:
                return None
            words |= side.words
            if not side.empty:
                return Side(frozenset(words), False)
            end = start
        return Side(frozenset(words), True)

    def _ends(self, parts: Parts, right: bool) -> Side | None:
        """The last words of parts of which the first begins a word, and which no certain mark divides."""
        if all(self._is_letters(atom) for atom, _ in parts):
            return self._first(parts, right)
        (atom, count), before = parts[-1], parts[:-1]
        body = self._inside(atom)
        if body is None or count not in ("", "?") or (before and not gap_at(atom, 0)):
            return None
        side = self._of_branches(body, not before, right)
        if side is None or not (side.empty or count):
            return side
        rest = self._last(before, True, right) if before else Side(frozenset(), True)
        return rest and Side(side.words | rest.words, rest.empty)

    def _of_branches(self, body: str, left: bool | None, right: bool) -> Side | None:
        """The first words of some alternatives; their last words where *left* says how they begin."""
        key = (body, left, right)
        if key not in self._seen:
            # A list that names itself has no edges; it is refused elsewhere.
            self._seen[key] = None
            self._seen[key] = self._together(branches(body), left, right)
        return self._seen[key]

    def _together(self, ways: Iterable[str], left: bool | None, right: bool) -> Side | None:
        words: set[Word] = set()
        empty = False
        for way in ways:
            if is_run(way) and left is not False:
                words.add(Word(way, True, right))
                continue
            side = self._first(atoms(way), right) if left is None else self._last(atoms(way), left, right)
            if side is None:
                return None
            words |= side.words
            empty = empty or side.empty
        return Side(frozenset(words), empty)

    def _inside(self, atom: str) -> str | None:
        """The alternatives of a group or a list; None for anything else."""
        if atom.startswith("(?:"):
            return atom[3:-1]
        if atom.startswith("(") and not atom.startswith("(?"):
            return atom[1:-1]
        return self._lists.get(atom)

    def _is_letters(self, atom: str) -> bool:
        """Whether all that a part matches stands inside one word."""
        body = self._inside(atom)
        if body is None:
            return bool(_LETTERS.fullmatch(atom))
        return atom not in self._lists and all(
            self._is_letters(inner) for branch in branches(body) for inner, _ in atoms(branch)
        )


def _certain(side: Side | None) -> frozenset[Word]:
    return frozenset() if side is None or side.empty else side.words


@lru_cache(maxsize=_KEPT)
def is_symbol(atom: str) -> bool:
    """Whether all that a part matches are blanks and marks, of which no word is made."""
    return _SYMBOL.fullmatch(atom) is not None


def _start_of_word(parts: Parts) -> int:
    """Where the parts begin that no mark which cannot be left out divides; 0: at the beginning of all."""
    for place in range(len(parts), 0, -1):
        atom, count = parts[place - 1]
        if is_symbol(atom) and not may_be_absent(count):
            return place
    return 0


@lru_cache(maxsize=_KEPT)
def gap_at(atom: str, end: int) -> bool:
    """Whether a part begins (0) or ends (-1) with a blank or where a word must end, in all its branches."""
    if not atom.startswith("("):
        return atom in _ENDS_OF_WORDS
    inside = [atoms(branch) for branch in branches(atom[1:-1].removeprefix("?:"))]
    return all(parts and parts[end][0] in _ENDS_OF_WORDS and not parts[end][1] for parts in inside)


def edge_from(parts: Parts, place: int, right: bool) -> bool:
    """Whether a word that stands before this part must end there."""
    for atom, count in parts[place:]:
        if not (is_symbol(atom) or gap_at(atom, 0)):
            return False
        if not may_be_absent(count):
            return True
    return right


def edge_after(parts: Parts, place: int, right: bool) -> bool:
    """Whether a word that ends this part must end there."""
    return not parts[place][1] and edge_from(parts, place + 1, right)
