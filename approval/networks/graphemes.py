"""Grapheme clusters: what a reader takes for one character (UAX #29)."""

from __future__ import annotations

import regex

_CLUSTER = regex.compile(r"\X")

# UAX #29, GB12 and GB13: regional indicators pair up from the start of their run. Matching \X over a long run
# takes quadratic time (40,000: 7 s), so a letter, which clusters alike with what is around, replaces a pair.
_FLAG = regex.compile(r"[\U0001F1E6-\U0001F1FF]{2}")

# Beyond this, code points are counted: never fewer than the clusters, and over every limit on clusters.
LONGEST = 200_000


def count(text: str) -> int:
    """Number of grapheme clusters in *text*; of a text longer than `LONGEST`, the code points."""
    if len(text) > LONGEST:
        return len(text)
    return sum(1 for _ in _CLUSTER.finditer(_FLAG.sub("a", text)))


def boundary(text: str, index: int) -> int:
    """The last cluster boundary at or before *index* (code points, below the length of *text*).

    A cluster still open after 64 more code points is taken to end there.
    """
    at = 0
    for cluster in _CLUSTER.finditer(text[: index + 64]):
        if cluster.end() > index:
            break
        at = cluster.end()
    return at
