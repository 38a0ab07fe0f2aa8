"""Places in a text, one after another: the first of many patterns, and what places cover together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import re2

Weigh = Callable[[int, int], bool]
"""Says whether a place, from its first byte to the one after its last, counts."""


def anywhere(start: int, end: int) -> bool:
    """Every place counts."""
    return True


def leftmost(
    patterns: Sequence[re2._Regexp], plain: bytes, start: int, end: int, counts: Weigh
) -> Iterator[tuple[int, int]]:
    """Where some patterns match, as if they were one with `|` between them; a place of no bytes is none.

    A place that does not count is passed over by the pattern that matched there, and by no other.
    """
    if len(patterns) == 1:
        yield from (found.span() for found in patterns[0].finditer(plain, start, end) if _is_one(found.span(), counts))
        return
    heads = [head for order, pattern in enumerate(patterns) if (head := _next(pattern, order, plain, start, end))]
    while heads:
        first = here, _, there = min(heads)
        is_one = counts(here, there)
        if is_one:
            yield here, there
        old, heads = heads, []
        for head in old:
            is_passed = head[0] < there if is_one else head is first
            later = _next(patterns[head[1]], head[1], plain, there, end) if is_passed else head
            if later:
                heads.append(later)


def _is_one(place: tuple[int, int], counts: Weigh) -> bool:
    return place[0] < place[1] and counts(*place)


def _next(pattern: re2._Regexp, order: int, plain: bytes, start: int, end: int) -> tuple[int, int, int] | None:
    """The first place of a pattern after a byte, as (start, `order`, end)."""
    for found in pattern.finditer(plain, start, end):
        here, there = found.span()
        if here < there:
            return here, order, there
    return None


def united(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places in order; those that overlap as one."""
    runs: list[tuple[int, int]] = []
    for start, end in places:
        if runs and start < runs[-1][1]:
            runs[-1] = runs[-1][0], max(end, runs[-1][1])
        else:
            runs.append((start, end))
    return runs
