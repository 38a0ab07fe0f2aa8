"""`testimonial`: a customer speaks, in quotation marks or in the first person, and the disclosures are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from ..claim import Span
from ..pattern import Expressions
from ..places import Weigh, anywhere
from ..text import Reading
from .base import FRAMING_KEYS, Around, Hit, Maker

_QUOTED = re.compile(rb'"([^"\n]{12,600})"')
_SPEAKER = re.compile(
    rb"^[ \n]{0,2}(?:-+|/|,|\(|said|says)? ?(?:[a-z][a-z.']{0,20} ){0,4}"
    rb"(?:client|customer|member|investor|borrower|homeowner|saver|teacher|nurse|retiree|retired|owner|user|reviewer|"
    rb"[a-z][a-z']{1,20}(?: [a-z]\.?)?, (?:\d\d|[a-z]{3,}))"
)
_MYSELF = re.compile(rb"\b(?:i|i'm|i've|i'd|my|me|we|our|us|they|she|he)\b")


class _Quotations:
    """Quoted speech in the first person, or with a speaker after it."""

    def __init__(self, openers: tuple[Expressions, ...]) -> None:
        self.openers = openers

    def spans(
        self, reading: Reading, start: int = 0, end: int | None = None, stands: Weigh = anywhere
    ) -> Iterator[Span]:
        """The words between the quotation marks, in order."""
        plain = reading.plain
        for found in _QUOTED.finditer(plain, start, len(plain) if end is None else end):
            speaks = _MYSELF.search(found.group(1)) or _SPEAKER.match(plain, found.end(), found.end() + 120)
            if speaks and stands(*found.span(1)):
                yield found.span(1)


class Testimonial:
    """Finds quoted customers, and what `match` says of them, where an item of `items` is missing.

    `items` names the disclosures (status, payment, conflicts); `needs` contents all of them at once.
    """

    keys: ClassVar[frozenset[str]] = FRAMING_KEYS | {"match", "items", "needs"}
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        self._quoted = make.claim(_Quotations(make.openers('"')))
        self._told = make.claim(needed=False)
        self._items = make.phrases_in("items")
        self._needs = make.phrases("needs")
        self.openers = (*self._quoted.openers, *self._told.openers)
        self.considered = self._quoted.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """Each quotation and each story, with the disclosures that are missing."""
        if self._needs.occur(reading):
            return
        missing = tuple(name for name, phrases in self._items.items() if not phrases.occur(reading))
        if self._items and not missing:
            return
        for start, end in sorted({*self._quoted.spans(reading), *self._told.spans(reading)}):
            yield Hit(start, end, missing=missing)
