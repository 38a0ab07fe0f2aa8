"""One look at the words of a text tells which patterns may occur in it; only those are searched for."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from .literals import Choice, Needed, Word
from .pattern import Expressions
from .text import Reading

_TOKEN = re.compile(rb"[a-z0-9]+")
_LONGEST_START = 5


class Gate:
    """The patterns of a rule set by the words that they need."""

    def __init__(self, made: Sequence[Expressions], samples: Iterable[bytes]) -> None:
        needs = [(number, needed) for number, expressions in enumerate(made) for needed in expressions.needs]
        for number, expressions in enumerate(made):
            expressions.number = number
        self._choices = _Choices({choice for _, needed in needs for choice in needed})
        self._always = frozenset(number for number, needed in needs if not needed)
        self._by_rarest: defaultdict[int, list[tuple[int, frozenset[int]]]] = defaultdict(list)
        seen = Counter(choice for sample in samples for choice in self._choices.made_in(sample))
        for number, needed in set(needs):
            if needed and number not in self._always:
                self._file(number, needed, seen)

    def _file(self, number: int, needed: Needed, seen: Counter[int]) -> None:
        """Keep a pattern under the choice that the fewest samples make."""
        ids = sorted((self._choices.ids[choice] for choice in needed), key=lambda id_: (seen[id_], id_))
        self._by_rarest[ids[0]].append((number, frozenset(ids[1:])))

    def occurring(self, reading: Reading) -> frozenset[int]:
        """The numbers of the patterns that may occur in a text; all others cannot."""
        made = self._choices.made_in(reading.plain)
        found = {
            number
            for choice in made & self._by_rarest.keys()
            for number, others in self._by_rarest[choice]
            if others <= made
        }
        return self._always | found


class _Choices:
    """Choices of words by number, and which of them a text makes."""

    def __init__(self, choices: Iterable[Choice]) -> None:
        self.ids = {choice: id_ for id_, choice in enumerate(sorted(choices, key=sorted))}
        self._whole: defaultdict[bytes, set[int]] = defaultdict(set)
        self._starts: defaultdict[bytes, set[int]] = defaultdict(set)
        self._anywhere: defaultdict[bytes, set[int]] = defaultdict(set)
        for choice, id_ in self.ids.items():
            for word in choice:
                self._place(word, id_)
        self._lengths = sorted({len(start) for start in self._starts})

    def _place(self, word: Word, id_: int) -> None:
        text = word.text.encode()
        plain = _TOKEN.fullmatch(text) is not None
        if plain and word.begins and word.ends:
            self._whole[text].add(id_)
        elif plain and word.begins:
            self._starts[text[:_LONGEST_START]].add(id_)
        else:
            self._anywhere[text].add(id_)

    def made_in(self, plain: bytes) -> set[int]:
        """The numbers of the choices that a text makes, and perhaps of some that it does not."""
        tokens = set(_TOKEN.findall(plain))
        made: set[int] = set().union(*(self._whole[token] for token in tokens & self._whole.keys()))
        for length in self._lengths:
            starts = {token[:length] for token in tokens} & self._starts.keys()
            made.update(*(self._starts[start] for start in starts))
        made.update(*(ids for text, ids in self._anywhere.items() if text in plain))
        return made
