"""`pressure`: the manner of a text pushes: capitals, exclamation marks and clocks beside a call to act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from ..text import SHOUTED, Reading
from .base import FRAMING_KEYS, Around, Hit, Maker

_LETTERS = re.compile(r"[A-Za-z]")
_MARKS = re.compile("!")
_CLOCKS = re.compile("[\u23f0\u23f1\u23f2\u23f3\u231b\u231a\U0001f6a8\U0001f525\u203c\u2757]")


class Pressure:
    """Finds a call (`match`) in a text that shows at least `signals` of: shouting, exclamation marks, clocks.

    Shouting is a share of `capitals` per cent of the letters in words of four capitals and more; `exclamations` is how
    many marks count as one signal.
    """

    keys: ClassVar[frozenset[str]] = FRAMING_KEYS | {"match", "signals", "capitals", "exclamations"}
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        self._claim = make.claim()
        self._signals = make.number("signals", least=1)
        self._capitals = make.number("capitals", least=1)
        self._exclamations = make.number("exclamations", least=1)
        self.openers = self._claim.openers
        self.considered = self._claim.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """The first call, where the manner pushes."""
        call = next(self._claim.spans(reading), None)
        if call is not None and self._signals_in(reading) >= self._signals:
            yield Hit(*call)

    def _signals_in(self, reading: Reading) -> int:
        text = reading.cased
        letters = sum(1 for _ in _LETTERS.finditer(text))
        shouted = sum(len(found.group()) for found in SHOUTED.finditer(text))
        marks = sum(1 for _ in _MARKS.finditer(text))
        return (
            (100 * shouted >= self._capitals * letters > 0)
            + (marks >= self._exclamations)
            + (_CLOCKS.search(reading.original) is not None)
        )
