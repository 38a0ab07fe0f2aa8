"""`phrase`: some words stand in the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..text import Reading
from .base import CLAIM_KEYS, Around, Hit, Maker


class Phrase:
    """Finds each place of `match`, unless an exception covers it, a frame explains it, or `near` is wanting."""

    keys: ClassVar[frozenset[str]] = CLAIM_KEYS
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        self._claim = make.claim()
        self.openers = self._claim.openers
        self.considered = self._claim.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """Each place of the phrase."""
        for start, end in self._claim.spans(reading):
            yield Hit(start, end)
