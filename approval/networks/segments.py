"""Dividing a text into what a network shows as plain text, links, hashtags and mentions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import regex

from approval.networks import links

Kind = Literal["plain", "link", "hashtag", "mention"]


@dataclass(frozen=True)
class Segment:
    """A part of a text, from *start* to *end* (code points); only links have an *href*, http or https."""

    kind: Kind
    start: int
    end: int
    text: str
    href: str | None = None


_LONGEST = 200_000

# A finder yields segments of one kind, in order and without overlap.
Finder = Callable[[str], Iterable[Segment]]


def linked(find: Callable[[str], Sequence[links.Link]]) -> Finder:
    """The finder of what *find* says are links."""
    return lambda text: (
        Segment("link", link.start, link.end, text[link.start : link.end], link.href) for link in find(text)
    )


def matched(kind: Kind, pattern: str) -> Finder:
    """The finder of what *pattern* matches."""
    compiled = regex.compile(pattern, regex.IGNORECASE)
    return lambda text: (Segment(kind, m.start(), m.end(), m[0]) for m in compiled.finditer(text))


HASHTAGS = matched("hashtag", r"(?<![\w&/#＃])[#＃](?=[\p{N}_]*+[\p{L}\p{M}])[\p{L}\p{M}\p{N}_]++")


def divide(text: str, finders: Iterable[Finder]) -> tuple[Segment, ...]:
    """Cover *text* with segments, in order; where two finds overlap, the earlier finder wins.

    A text longer than any network takes is one plain segment.
    """
    taken: list[Segment] = []
    if len(text) > _LONGEST:
        finders = ()
    for finder in finders:
        taken = list(_merged(taken, finder(text)))
    return tuple(_filled(text, taken))


def _merged(taken: Sequence[Segment], found: Iterable[Segment]) -> Iterator[Segment]:
    """Both in order of place, without those of *found* that touch a taken one."""
    waiting = iter(taken)
    following = next(waiting, None)
    reached = 0
    for segment in found:
        while following is not None and following.start < segment.end:
            yield following
            reached = following.end
            following = next(waiting, None)
        if segment.start >= reached:
            yield segment
            reached = segment.end
    if following is not None:
        yield following
    yield from waiting


def _filled(text: str, segments: Iterable[Segment]) -> Iterator[Segment]:
    """*segments* with plain ones in their gaps."""
    at = 0
    for segment in segments:
        if segment.start > at:
            yield Segment("plain", at, segment.start, text[at : segment.start])
        yield segment
        at = segment.end
    if at < len(text):
        yield Segment("plain", at, len(text), text[at:])


def segments_between(segments: Iterable[Segment], start: int, end: int) -> tuple[Segment, ...]:
    """The segments from *start* to *end*, those at the edges cut."""
    cut = []
    for segment in segments:
        first, last = max(segment.start, start), min(segment.end, end)
        if first < last:
            text = segment.text[first - segment.start : last - segment.start]
            cut.append(replace(segment, start=first, end=last, text=text))
    return tuple(cut)
