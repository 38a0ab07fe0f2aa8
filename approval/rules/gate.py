"""One look at the words of a text tells which patterns may occur in it; only those are searched for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

import re2

from .bits import bits, set_bits
from .linear import options
from .needed import Choice, Needed, Pair, Word
from .pattern import Expressions
from .text import Reading

_TOKEN = re.compile(rb"[a-z0-9]+")
_LONGEST_START = 6
_MOST_KNOWN = 4_096
"""Tokens whose places are kept at hand: the words of a language that most texts are made of."""
_MOST_TOGETHER = 1_000
"""Tokens of a text that are looked at together, each of them once."""

Places = Mapping[Word, Sequence[int]]


class Layer(NamedTuple):
    """Rows that are looked at together: a bit for each, and the columns of their places.

    A column is the bit at which it starts, and the rows that have no place in it.
    """

    rows: int
    columns: Sequence[tuple[int, int]]


class Gate:
    """The patterns of a rule set by what they need.

    What a pattern needs is a row, each of its choices a place in it, and each place one bit of a long integer: a text
    sets the bits of its words, and a pattern may occur where its row has all of its own. What is needed together
    inside a choice is a row too, in a layer that is looked at before the one that chooses it.
    """

    def __init__(self, made: Sequence[Expressions]) -> None:
        patterns = [(needed, one, number) for one in made for number, needed in enumerate(one.needs)]
        patterns.sort(key=lambda pattern: -len(pattern[0]))
        rows: defaultdict[Expressions, dict[int, int]] = defaultdict(dict)
        for row, (_, one, number) in enumerate(patterns):
            rows[one][row] = number
        for one, numbers in rows.items():
            one.rows, one.bits = numbers, bits(numbers)
        plan = _Plan([needed for needed, _, _ in patterns])
        self._layers = plan.layers
        self._together = [[bits(plan.together[needed]) for needed in layer] for layer in plan.rows[:-1]]
        self._words = _Words(plan.words, plan.firsts, plan.seconds)

    def occurring(self, reading: Reading) -> int:
        """A bit for the row of each pattern that may occur in a text."""
        found = self._words.found(reading.plain)
        *inside, last = self._layers
        for layer, together in zip(inside, self._together, strict=True):
            for row in set_bits(_complete(found, layer)):
                found |= together[row]
        return _complete(found, last)


def _complete(found: int, layer: Layer) -> int:
    """A bit for each row of a layer: set where every place of the row is found.

    Rows stand in order of their places, those with most first, so that a later column holds fewer of them.
    """
    complete = layer.rows
    for start, others in layer.columns:
        complete &= (found >> start) | others
    return complete


class _Plan:
    """Where everything that is needed stands: layers of rows, the innermost first, and the places of each way."""

    def __init__(self, patterns: Sequence[Needed]) -> None:
        self._depths: dict[Needed, int] = {}
        inner = sorted(dict.fromkeys(chain.from_iterable(map(_together, patterns))), key=len, reverse=True)
        depths = list(map(self._depth, inner))
        self.rows: list[Sequence[Needed]] = [
            [needed for needed, depth in zip(inner, depths, strict=True) if depth == n]
            for n in range(max(depths, default=-1) + 1)
        ]
        self.rows.append(patterns)
        self._end = 0
        self.words: defaultdict[Word, list[int]] = defaultdict(list)
        self.firsts: defaultdict[Word, list[int]] = defaultdict(list)
        self.seconds: defaultdict[Word, list[int]] = defaultdict(list)
        self.together: defaultdict[Needed, list[int]] = defaultdict(list)
        # The patterns come first: most pairs are theirs, and a lower place is a shorter integer.
        *inside, last = self.rows
        of_patterns = self._layer(last)
        self.layers = [*map(self._layer, inside), of_patterns]

    def _layer(self, layer: Sequence[Needed]) -> Layer:
        """A layer whose columns stand after those that are placed already."""
        counts = [sum(len(needed) > n for needed in layer) for n in range(len(layer[0]) if layer else 0)]
        starts = [*accumulate(counts, initial=self._end)]
        self._end = starts.pop()
        for row, needed in enumerate(layer):
            for start, choice in zip(starts, sorted(needed, key=_holds_words), strict=False):
                self._place(choice, start + row)
        every = (1 << len(layer)) - 1
        return Layer(every, [(start, every >> count << count) for start, count in zip(starts, counts, strict=True)])

    def _place(self, choice: Iterable[Word | Pair | Needed], place: int) -> None:
        for way in choice:
            if isinstance(way, Word):
                self.words[way].append(place)
            elif isinstance(way, Pair):
                # Pairs of one choice share its place: a first word of one and a second of another are taken for a pair.
                for side, words in ((self.firsts, way.first), (self.seconds, way.second)):
                    for word in words:
                        side[word].append(place)
            else:
                self.together[way].append(place)

    def _depth(self, needed: Needed) -> int:
        """How many layers stand before that of something needed."""
        if needed not in self._depths:
            self._depths[needed] = max((1 + self._depth(way) for way in _inside(needed)), default=0)
        return self._depths[needed]


def _holds_words(choice: Choice) -> bool:
    return not any(isinstance(way, Pair) for way in choice)


def _inside(needed: Needed) -> Iterator[Needed]:
    return (way for choice in needed for way in choice if isinstance(way, frozenset))


def _together(needed: Needed) -> Iterator[Needed]:
    """All that is needed together inside the choices of something."""
    for way in _inside(needed):
        yield from _together(way)
        yield way


class _Words:
    """The places of words: whole words and beginnings by the tokens of a text, all others wherever they stand."""

    def __init__(self, words: Places, firsts: Places, seconds: Places) -> None:
        anywhere: defaultdict[bytes, list[int]] = defaultdict(list, {b"": []})
        tokens: dict[Word, Sequence[int]] = {}
        for word, places in words.items():
            if word.begins and _TOKEN.fullmatch(word.text.encode()):
                tokens[word] = places
            else:
                anywhere[word.text.encode()] += places
        self._anywhere = [bits(places) for places in anywhere.values()]
        self._literals = _set_of(anywhere)
        self._tokens, self._firsts, self._seconds = _Tokens(tokens), _Tokens(firsts), _Tokens(seconds)
        self._longest = max(self._tokens.longest, self._firsts.longest, self._seconds.longest)
        self._known = lru_cache(maxsize=_MOST_KNOWN)(self._places_of)

    def found(self, plain: bytes) -> int:
        """The places of every word and every pair that stand in a text, and perhaps of some that do not."""
        tokens = [token[: self._longest] for token in _TOKEN.findall(plain)]
        found = 0
        # Not all at once: the places of a megabyte of different words are gigabytes.
        for start in range(0, len(tokens), _MOST_TOGETHER):
            found |= self._found_in(tokens[start : start + _MOST_TOGETHER + 1])
        # The empty literal stands in every text: no answer means that the automaton had no memory, not that none stand.
        for number in self._literals.Match(plain) or range(len(self._anywhere)):
            found |= self._anywhere[number]
        return found

    def _found_in(self, tokens: Sequence[bytes]) -> int:
        """The places of some tokens, and of each two neighbours among them."""
        places = {token: self._known(token) for token in set(tokens)}
        found = 0
        for alone, _, _ in places.values():
            found |= alone
        for one, other in set(pairwise(tokens)):
            if pair := places[one][1] & places[other][2]:
                found |= pair
        return found

    def _places_of(self, token: bytes) -> tuple[int, int, int]:
        return bits(self._tokens.of(token)), bits(self._firsts.of(token)), bits(self._seconds.of(token))


class _Tokens:
    """The places of whole words and of beginnings, by token."""

    def __init__(self, words: Places) -> None:
        self._whole: defaultdict[bytes, list[int]] = defaultdict(list)
        self._starts: defaultdict[bytes, list[int]] = defaultdict(list)
        for word, places in words.items():
            text = word.text.encode()
            if word.ends:
                self._whole[text] += places
            else:
                self._starts[text[:_LONGEST_START]] += places
        self.longest = 1 + max(map(len, self._whole), default=_LONGEST_START)
        """Letters of a token after which the rest tells nothing more."""

    def of(self, token: bytes) -> Iterator[int]:
        """The places of every word that a token is or begins with."""
        yield from self._whole.get(token, ())
        for length in range(1, min(len(token), _LONGEST_START) + 1):
            yield from self._starts.get(token[:length], ())


def _set_of(literals: Iterable[bytes]) -> re2.Set:
    """All of them as one automaton, which tells in one pass which of them stand in a text."""
    together = re2.Set.SearchSet(options())
    for literal in literals:
        together.Add(re2.escape(literal.decode()))
    together.Compile()
    return together
