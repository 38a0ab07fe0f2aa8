"""`swap`: some words stand in the text, and there are better ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..text import Reading
from .base import CLAIM_KEYS, Around, Hit, Maker


class Swap:
    """As `phrase`; `instead` holds the words to write, and stands as {instead} in message and suggestion."""

    keys: ClassVar[frozenset[str]] = CLAIM_KEYS | {"instead"}
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        self._claim = make.claim()
        self._words = {"instead": make.text("instead")}
        self.openers = self._claim.openers
        self.considered = self._claim.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """Each place of the words, with what to write there."""
        for start, end in self._claim.spans(reading):
            yield Hit(start, end, self._words)
