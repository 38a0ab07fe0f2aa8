"""`proximity`: two things stand within so many words of each other."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

from ..claim import Span
from ..text import Reading
from .base import CLAIM_KEYS, Around, Hit, Maker

_WORD = re.compile(rb"[a-z0-9\x80-\xff'$%]+")


class Proximity:
    """Finds each place of `match` with `beside` at most `tokens` words away, in any order or as `order` says.

    The finding covers both and what is between them.
    """

    keys: ClassVar[frozenset[str]] = CLAIM_KEYS | {"beside", "tokens", "order"}
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        self._claim = make.claim()
        self._beside = make.phrases("beside", needed=True)
        self._tokens = make.number("tokens", least=0)
        self._order = make.text("order", one_of=("any", "before", "after"), default="any")
        self.openers = self._claim.openers
        self.considered = self._claim.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """Each pair, in the order of `match`."""
        others = list(self._beside.spans(reading))
        for start, end in self._claim.spans(reading) if others else ():
            near = [other for other in _around(others, start, end) if self._is_near(reading, (start, end), other)]
            if near:
                nearest = min(near, key=lambda other: max(other[0] - end, start - other[1]))
                yield Hit(min(start, nearest[0]), max(end, nearest[1]))

    def _is_near(self, reading: Reading, here: Span, other: Span) -> bool:
        first, last = reading.sentence(*here)
        is_before = other[1] <= here[0]
        if other[0] < first or last < other[1] or (self._order != "any" and is_before is not (self._order == "before")):
            return False
        between = reading.plain[other[1] : here[0]] if is_before else reading.plain[here[1] : other[0]]
        return sum(1 for _ in islice(_WORD.finditer(between), self._tokens + 1)) <= self._tokens


def _around(spans: list[Span], start: int, end: int) -> list[Span]:
    """The last of these places, in order and apart, before another one, and the first after it."""
    before = bisect_left(spans, (start, start)) - 1
    if before >= 0 and spans[before][1] > start:
        before -= 1
    after = bisect_left(spans, (end, end))
    return spans[max(before, 0) : before + 1] + spans[after : after + 1]
