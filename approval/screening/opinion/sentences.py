"""The sentences of a text, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FEWEST_WORDS = 3
"""“Learn more.” resembles half of all calls to action and says nothing about any."""
LONGEST = 1_000
"""Code points of a sentence that are read; the model itself reads 256 tokens."""

_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]]*+(?=\s|\Z)|\n++")
_ABBREVIATION = re.compile(r"\b(?:no|vs|mr|mrs|ms|dr|st|inc|e\.g|i\.e|u\.s|p\.a|approx)\.\Z", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Sentence:
    """Words and their place in the text, in code points."""

    start: int
    end: int
    text: str


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of *text* with three words or more, in order."""
    start = 0
    for end in _ends(text):
        words = text[start:end]
        start, first = end, start + len(words) - len(words.lstrip())
        words = words.strip()[:LONGEST]
        if len(_WORD.findall(words)) >= FEWEST_WORDS:
            yield Sentence(first, first + len(words), words)


def _ends(text: str) -> Iterator[int]:
    for found in _END.finditer(text):
        if not _ABBREVIATION.search(text, max(0, found.end() - 8), found.end()):
            yield found.end()
    yield len(text)
