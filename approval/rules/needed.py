"""What a match cannot do without: words, pairs of words, and choices between them."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Word(NamedTuple):
    """Letters that a match holds; `begins` and `ends` say that nothing but them stands in the word on that side."""

    text: str
    begins: bool = False
    ends: bool = False


class Pair(NamedTuple):
    """A word, and the very next one."""

    first: frozenset[Word]
    second: frozenset[Word]


Choice: TypeAlias = "frozenset[Word | Pair | Needed]"
"""Ways, one of which is there in every match."""
Needed: TypeAlias = "frozenset[Choice]"
"""Choices, each of which a match holds; none: the pattern may match any text."""
