"""`figure`: a number of a certain sort and size stands in the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..figures import Sort, figures, value_of
from ..finding import RuleError
from ..text import Reading
from .base import FRAMING_KEYS, Around, Hit, Maker


class Figure:
    """Finds numbers of the sorts in `of`, `above` and `below` an amount, that do not have `wants` beside them.

    What a number means (a performance, a rate, a fee, a share, a date) is said by the frames of `when` and `unless`.
    An amount is a number or a name that the packs date. `wants` is looked for as far as `within` says.
    """

    keys: ClassVar[frozenset[str]] = FRAMING_KEYS | {"of", "above", "below", "wants"}
    after: frozenset[str] = frozenset()

    def __init__(self, make: Maker) -> None:
        sorts = make.texts("of", needed=True)
        unknown = [sort for sort in sorts if sort not in tuple(Sort)]
        if unknown:
            raise RuleError(f"“{unknown[0]}” is not one of {', '.join(Sort)}", key="of")
        self._above, self._below = make.amount("above"), make.amount("below")
        self._wants = make.phrases("wants")
        self._in_post = make.text("within", one_of=("sentence", "post"), default="sentence") == "post"
        self._claim = make.claim(make.keep(figures(Sort(sort) for sort in sorts)))
        self.openers = self._claim.openers
        self.considered = self._claim.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """Each number that is too large, too small, or without what it wants."""
        if self._in_post and self._wants.occur(reading):
            return
        for start, end in self._claim.spans(reading):
            if self._is_in_range(reading, start, end, around) and not self._has_beside(reading, start, end):
                yield Hit(start, end)

    def _has_beside(self, reading: Reading, start: int, end: int) -> bool:
        return not self._in_post and self._wants.occur(reading, *reading.sentence(start, end))

    def _is_in_range(self, reading: Reading, start: int, end: int, around: Around) -> bool:
        if self._above is None and self._below is None:
            return True
        value, day = value_of(reading.plain[start:end].decode()), around.facts.on
        if value is None:
            return False
        return (self._above is None or value > self._above.on(day)) and (
            self._below is None or value < self._below.on(day)
        )
