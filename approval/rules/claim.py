"""Where a rule's words stand in a text, less the places that an exception or a frame explains."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .pattern import NOTHING, Expressions, Phrases
from .places import Weigh, anywhere
from .text import Reading

Span = tuple[int, int]
FARTHEST = 4_000
"""Bytes on either side of a quoted claim that a frame looks at: all of a post, and no megabyte again and again."""
MOST_WEIGHED = 1_000
"""Places of one claim in one text that are weighed against company and frames."""


class Finder(Protocol):
    """Whatever finds places in a reading: patterns, figures, quotations, links."""

    @property
    def openers(self) -> tuple[Expressions, ...]:
        """Patterns, one of which occurs in every text in which something is found; empty: any text."""

    def spans(
        self, reading: Reading, start: int = 0, end: int | None = None, stands: Weigh = anywhere
    ) -> Iterator[Span]:
        """The places that stand, in order."""


@dataclass(frozen=True)
class Frame:
    """A way of speaking that turns a claim into something else: a negation, a warning, a quotation, a definition."""

    name: str
    before: Phrases
    after: Phrases
    around: Phrases
    broken_by: Phrases
    reach: int = 0
    neighbours: bool = False
    quoted: bool = False
    """Where the claim stands in quotation marks, what is around it is the whole post."""

    def holds(self, reading: Reading, start: int, end: int) -> bool:
        """Whether the claim at these bytes stands inside the frame, and nothing near it takes the frame back."""
        if all(part.are_absent(reading) for part in (self.before, self.after, self.around)):
            return False
        first, last = reading.sentence(start, end)
        before = reading.sentence(first - 1, first - 1)[0] if first else 0
        after = reading.sentence(last, last + 1)[1]
        around = (before, after) if self.neighbours else (first, last)
        if self.quoted and reading.is_quoted(start, end):
            around = (max(0, start - FARTHEST), min(len(reading.plain), end + FARTHEST))
        framed = (
            self.before.occur(reading, _back(reading.plain, first, start, self.reach), start)
            or self.after.occur(reading, end, last)
            or self.around.occur(reading, *around)
        )
        return framed and not self.broken_by.occur(reading, before if self.neighbours else end, after)


def meets(spans: list[Span], start: int, end: int) -> bool:
    """Whether one of these spans, in order and apart, overlaps the place."""
    at = bisect_left(spans, (start, start))
    return any(start < last and first < end for first, last in spans[max(0, at - 1) : at + 1])


def _back(plain: bytes, first: int, start: int, words: int) -> int:
    """Where the last so many words of the clause before `start` begin; `first` where no number is given."""
    if not words:
        return first
    first = max([first, *(plain.rfind(mark, first, start) + 1 for mark in (b",", b";", b":", b"#"))])
    at = start
    for _ in range(words):
        at = plain.rfind(b" ", first, max(at - 1, first))
        if at < 0:
            return first
    return at


class Claim:
    """Places, their exceptions, the company and frames that they need; an exception cancels one match, never a post."""

    def __init__(
        self,
        match: Finder,
        *,
        exceptions: Phrases = NOTHING,
        considered: Sequence[str] = (),
        frames: Sequence[Frame] = (),
        when: Sequence[Frame] = (),
        near: Phrases = NOTHING,
        within: str = "sentence",
    ) -> None:
        self._match = match
        self._exceptions = exceptions
        self._frames = tuple(frames)
        self._when = tuple(when)
        self.considered = tuple(considered)
        self._near = near
        self._within = within

    @property
    def openers(self) -> tuple[Expressions, ...]:
        """Patterns, one of which occurs wherever the claim does."""
        return self._match.openers

    def spans(self, reading: Reading) -> Iterator[Span]:
        """The places of the claim, in order."""
        if self._near and self._within == "post" and not self._near.occur(reading):
            return
        weighed = 0
        excepted: list[Span] | None = None

        def stands(start: int, end: int) -> bool:
            nonlocal weighed, excepted
            weighed += 1
            if excepted is None:
                excepted = self._exceptions.covered(reading)
            # Beyond what an honest text holds, nothing is explained away: the work stays bounded, the claim found.
            return not meets(excepted, start, end) and (weighed > MOST_WEIGHED or self._stands(reading, start, end))

        yield from self._match.spans(reading, stands=stands)

    def _stands(self, reading: Reading, start: int, end: int) -> bool:
        if self._near and self._within == "sentence" and not self._near.occur(reading, *reading.sentence(start, end)):
            return False
        if self._when and not any(frame.holds(reading, start, end) for frame in self._when):
            return False
        return not any(frame.holds(reading, start, end) for frame in self._frames)
