"""What changed between two texts, word by word. Bounded: two long texts that share little are compared by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["kept", "added", "removed"]

_MOST_WORK = 4_000_000
"""Pairs of tokens compared at most; beyond it the pieces are lines, then whole texts."""
_WORD = re.compile(r"\S+|\n|[^\S\n]+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class Segment:
    """A stretch of words that both texts have, or one of them."""

    kind: Kind
    text: str


def diff(before: str, after: str) -> tuple[Segment, ...]:
    """Return *after* as changed from *before*: kept and added segments spell *after*, kept and removed *before*."""
    for pieces in (_WORD, _LINE):
        old, new = pieces.findall(before), pieces.findall(after)
        head, tail = _shared(old, new)
        middle = old[head : len(old) - tail], new[head : len(new) - tail]
        if len(middle[0]) * len(middle[1]) <= _MOST_WORK:
            return tuple(_joined(_segments(old, head, tail, *middle)))
    return tuple(_joined(iter([Segment("removed", before), Segment("added", after)])))


def _shared(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many tokens both begin with, and how many both end with."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    return head, tail


def _segments(
    old: Sequence[str], head: int, tail: int, removed: Sequence[str], added: Sequence[str]
) -> Iterator[Segment]:
    yield Segment("kept", "".join(old[:head]))
    # Without `autojunk` a text of one repeated word takes cubic time; with it, words in every sentence anchor nothing.
    matcher = SequenceMatcher(None, removed, added, autojunk=max(len(removed), len(added)) > 500)
    for what, a, b, c, d in matcher.get_opcodes():
        if what == "equal":
            yield Segment("kept", "".join(removed[a:b]))
        else:
            yield Segment("removed", "".join(removed[a:b]))
            yield Segment("added", "".join(added[c:d]))
    yield Segment("kept", "".join(old[len(old) - tail :]))


def _joined(segments: Iterator[Segment]) -> Iterator[Segment]:
    """Neighbours of one kind as one segment, empty ones left out."""
    last: Segment | None = None
    for segment in segments:
        if not segment.text:
            continue
        if last is not None and last.kind == segment.kind:
            last = Segment(last.kind, last.text + segment.text)
            continue
        if last is not None:
            yield last
        last = segment
    if last is not None:
        yield last
