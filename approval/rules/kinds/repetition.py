"""`repetition`: the same thing stands in the text again and again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from ..claim import Span
from ..text import SHOUTED, Reading
from .base import Around, Hit, Maker

_SOUGHT = {
    "emoji": re.compile("[\u2600-\u27bf\u2b50\u23e9-\u23fa\U0001f300-\U0001faff]"),
    "exclamation": re.compile("!"),
    "capitals": SHOUTED,
    "hashtag": re.compile(r"(?<![\w/&])#\w"),
}
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


class Repetition:
    """Finds the first place beyond `most` of: emoji, exclamation marks, words in capitals, hashtags, or a run of words.

    `words` counts how often the same `length` words follow one another; `near` is company that the post must have.
    """

    keys: ClassVar[frozenset[str]] = frozenset({"of", "most", "length", "near"})
    after: frozenset[str] = frozenset()
    considered: tuple[str, ...] = ()

    def __init__(self, make: Maker) -> None:
        self._sort = make.text("of", one_of=(*_SOUGHT, "words"))
        self._most = make.number("most", least=0)
        self._length = make.number("length", least=2) if self._sort == "words" else 0
        self._near = make.phrases("near")
        self.openers = self._near.openers or make.openers(*{"exclamation": "!", "hashtag": "#"}.get(self._sort, ""))

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """At most one place: the first that is too many."""
        if self._near and not self._near.occur(reading):
            return
        for count, (start, end) in enumerate(self._spans(reading), start=1):
            if self._sort == "words" or count > self._most:
                yield Hit(reading.offset(start), reading.offset(end), {"most": str(self._most)})
                return

    def _spans(self, reading: Reading) -> Iterator[Span]:
        text = reading.cased
        if self._sort == "words":
            return self._runs(text)
        return (found.span() for found in _SOUGHT[self._sort].finditer(text))

    def _runs(self, text: str) -> Iterator[Span]:
        """Each run of words that stands once more than `most` says."""
        words = [found.lower() for found in _WORD.findall(text)]
        counts = Counter(zip(*(words[n:] for n in range(self._length)), strict=False))
        if max(counts.values(), default=0) <= self._most:
            return
        places = [found.span() for found in _WORD.finditer(text)]
        seen: Counter[tuple[str, ...]] = Counter()
        for at in range(len(words) - self._length + 1):
            run = tuple(words[at : at + self._length])
            seen[run] += 1
            if seen[run] > self._most:
                yield places[at][0], places[at + self._length - 1][1]
