"""A story in lines, which every format prints in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """What a line is."""

    HEADING = "heading"
    STEP = "step"
    FACT = "fact"
    NOTE = "note"
    WORDS = "words"


@dataclass(frozen=True)
class Line:
    """One line: of a step `more` is when it happened, of a fact its value. Words are somebody's, and may be many."""

    how: How
    text: str
    more: str = ""
