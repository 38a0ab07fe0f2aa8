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
    heads = [head for order, pattern in enumerate(patterns) if (head := _next(pattern, order, plain, start, end))]
    while heads:
        first = here, _, there = min(heads)
        passed = [first]
        if counts(here, there):
            yield here, there
            passed = [head for head in heads if head[0] < there]
        heads = [head for head in heads if head not in passed]
        heads += [later for _, order, _ in passed if (later := _next(patterns[order], order, plain, there, end))]


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
