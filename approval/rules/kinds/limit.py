"""`limit`: something may stand in the text, but not so often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..claim import Span, meets
from ..finding import RuleError
from ..text import SHOUTED, Reading
from .base import CLAIM_KEYS, Around, Hit, Maker


class Limit:
    """Finds the first place beyond `most`; counts `match`, or words in capitals where `count` says so."""

    keys: ClassVar[frozenset[str]] = CLAIM_KEYS | {"most", "count"}
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        self._capitals = make.text("count", one_of=("match", "capitals"), default="match") == "capitals"
        for key in ("match", "unless", "when", "within"):
            if self._capitals and make.has(key):
                raise RuleError("says nothing where capitals are counted", key=key)
        self._most = make.number("most", least=0)
        self._claim = make.claim(needed=not self._capitals)
        self._near, self._excepted = make.phrases("near"), make.phrases("except")
        self.openers = self._near.openers if self._capitals else self._claim.openers
        self.considered = self._claim.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """At most one place: the first that is too many."""
        spans = self._shouted(reading) if self._capitals else self._claim.spans(reading)
        for count, (start, end) in enumerate(spans, start=1):
            if count > self._most:
                yield Hit(start, end, {"most": str(self._most)})
                return

    def _shouted(self, reading: Reading) -> Iterator[Span]:
        if self._near and not self._near.occur(reading):
            return
        excepted = self._excepted.covered(reading)
        for found in SHOUTED.finditer(reading.cased):
            start, end = reading.offset(found.start()), reading.offset(found.end())
            if not meets(excepted, start, end):
                yield start, end
