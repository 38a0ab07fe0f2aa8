"""`comparison`: one thing is called better than another, and nothing says on what basis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..text import Reading
from .base import CLAIM_KEYS, Around, Hit, Maker


class Comparison:
    """Finds `match` (beats, better than, …) with a `rival` after it in its sentence, unless the post gives its `basis`.

    `basis` is a table of named lists (source, date, differences): what the post does not give is named as missing.
    A comparison that itself names the rival needs no `rival`.
    """

    keys: ClassVar[frozenset[str]] = CLAIM_KEYS | {"rival", "basis"}
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        self._claim = make.claim()
        self._rival = make.phrases("rival")
        self._basis = make.phrases_in("basis")
        self.openers = self._claim.openers
        self.considered = self._claim.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """Each comparison, from its verb to its rival."""
        missing = tuple(name for name, phrases in self._basis.items() if not phrases.occur(reading))
        if self._basis and not missing:
            return
        for start, end in self._claim.spans(reading):
            if not self._rival:
                yield Hit(start, end, missing=missing)
            elif (rival := next(self._rival.spans(reading, end, reading.sentence(start, end)[1]), None)) is not None:
                yield Hit(start, rival[1], missing=missing)
