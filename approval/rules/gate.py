"""One look at the words of a text tells which patterns may occur in it; only those are searched for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, reduce
from operator import and_

import re2

from .linear import options
from .literals import Needed, Word
from .pattern import Expressions
from .text import Reading

_TOKEN = re.compile(rb"[a-z0-9]+")
_LONGEST_START = 6
_MOST_KNOWN = 8_192
"""Tokens whose patterns are kept at hand: the words of a language that most texts are made of."""

Place = tuple[int, int]
Mask = tuple[int, int]


class Gate:
    """The patterns of a rule set by the words that they need.

    Patterns are rows and their choices columns; a word is kept as one integer for each column, with a bit for each
    pattern that chooses it there. A pattern may occur where every column has its bit.
    """

    def __init__(self, made: Sequence[Expressions]) -> None:
        needs: list[Needed] = []
        for one in made:
            one.rows = len(needs), len(needs) + len(one.needs)
            needs += one.needs
        width = max(map(len, needs), default=0)
        self._absent = [bits(row for row, needed in enumerate(needs) if len(needed) <= n) for n in range(width)]
        self._all = (1 << len(needs)) - 1
        self._words = _Words(
            (word, (column, row))
            for row, needed in enumerate(needs)
            for column, choice in enumerate(needed)
            for word in choice
        )

    def occurring(self, reading: Reading) -> int:
        """A bit for each row: set where the pattern may occur in a text."""
        columns = self._absent.copy()
        for column, mask in self._words.masks_of(reading.plain):
            columns[column] |= mask
        return reduce(and_, columns, self._all)

    def digits(self, rows: int) -> str:
        """The same as a digit for each row, "1" where its bit is set: quicker to look into."""
        return f"{rows:0{self._all.bit_length()}b}"[::-1]


class _Words:
    """Where words are chosen: whole words and beginnings by the tokens of a text, all others wherever they stand."""

    def __init__(self, chosen: Iterable[tuple[Word, Place]]) -> None:
        self._whole: defaultdict[bytes, list[Place]] = defaultdict(list)
        self._starts: defaultdict[bytes, list[Place]] = defaultdict(list)
        anywhere: defaultdict[bytes, list[Place]] = defaultdict(list, {b"": []})
        for word, place in chosen:
            text = word.text.encode()
            if not word.begins or _TOKEN.fullmatch(text) is None:
                anywhere[text].append(place)
            elif word.ends:
                self._whole[text].append(place)
            else:
                self._starts[text[:_LONGEST_START]].append(place)
        self._anywhere = [_masks(places) for places in anywhere.values()]
        self._literals = _set_of(anywhere)
        self._longest = 1 + max(map(len, self._whole), default=_LONGEST_START)
        self._known = lru_cache(maxsize=_MOST_KNOWN)(self._masks_of_token)

    def masks_of(self, plain: bytes) -> Iterator[Mask]:
        """The columns and bits of every chosen word that stands in a text, and perhaps of some that do not."""
        longest = self._longest
        for token in set(_TOKEN.findall(plain)):
            yield from self._known(token[:longest])
        # The empty literal stands in every text: no answer means that the automaton had no memory, not that none stand.
        for number in self._literals.Match(plain) or range(len(self._anywhere)):
            yield from self._anywhere[number]

    def _masks_of_token(self, token: bytes) -> tuple[Mask, ...]:
        places = [*self._whole.get(token, ())]
        for length in range(1, min(len(token), _LONGEST_START) + 1):
            places += self._starts.get(token[:length], ())
        return _masks(places)


def _set_of(literals: Iterable[bytes]) -> re2.Set:
    """All of them as one automaton, which tells in one pass which of them stand in a text."""
    together = re2.Set.SearchSet(options())
    for literal in literals:
        together.Add(re2.escape(literal.decode()))
    together.Compile()
    return together


def _masks(places: Iterable[Place]) -> tuple[Mask, ...]:
    rows: defaultdict[int, set[int]] = defaultdict(set)
    for column, row in places:
        rows[column].add(row)
    return tuple((column, bits(of_column)) for column, of_column in rows.items())


def bits(rows: Iterable[int]) -> int:
    """An integer with a bit for each row."""
    numbers = list(rows)
    octets = bytearray(max(numbers, default=-1) // 8 + 1)
    for row in numbers:
        octets[row // 8] |= 1 << row % 8
    return int.from_bytes(octets, "little")
