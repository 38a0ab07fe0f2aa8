"""Bluesky: 300 graphemes and 3,000 bytes; nothing is a link until a facet says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from approval.networks import graphemes, twitter
from approval.networks.links import written
from approval.networks.network import Limit, Media, Network, Source
from approval.networks.segments import HASHTAGS, Kind, Segment, linked, matched

_LEXICON = Source("AT Protocol lexicon app.bsky.feed.post", read="2026-11", official=True)
_EMBED = Source("AT Protocol lexicon app.bsky.embed.images", read="2026-11", official=True)
_COMPOSER = Source("the app's composer; the lexicon has no limit", read=None, official=True)

# AT Protocol, "handle": labels of 1 to 63 letters, digits and inner hyphens; the last begins with a letter.
_MENTIONS = matched(
    "mention", r"(?<![\w@.])@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_LONGEST_TAG = 64  # lexicon app.bsky.richtext.facet#tag: maxGraphemes, without the "#"


@dataclass(frozen=True)
class Facet:
    """A link, mention or tag: UTF-8 bytes from *byte_start* to before *byte_end*, and what it names.

    The value of a link is its address, of a mention the handle (to be resolved to a DID), of a hashtag the
    tag; the last two without their sign.
    """

    kind: Kind
    byte_start: int
    byte_end: int
    value: str


def count_bytes(text: str) -> int:
    """Length of *text* in UTF-8; a lone surrogate, which UTF-8 cannot hold, counts 3."""
    return len(text.encode("utf-8", "surrogatepass"))


def facets(text: str) -> tuple[Facet, ...]:
    """The facets of *text*, in order: the same links, mentions and hashtags as its segments."""
    return tuple(_facets(BLUESKY.segments(text)))


def _facets(segments: tuple[Segment, ...]) -> Iterator[Facet]:
    at = 0
    for segment in segments:
        end = at + count_bytes(segment.text)
        if segment.kind != "plain":
            yield Facet(segment.kind, at, end, segment.href or segment.text[1:])
        at = end


def _tags(text: str) -> Iterator[Segment]:
    return (tag for tag in HASHTAGS(text) if graphemes.count(tag.text) <= _LONGEST_TAG + 1)


BLUESKY = Network(
    slug="bluesky",
    title="Bluesky",
    limits=(
        Limit(300, "graphemes", graphemes.count, _LEXICON),
        Limit(3_000, "bytes", count_bytes, _LEXICON),
    ),
    fold_after=None,
    media=Media(images=4, images_source=_EMBED, alt=2_000, alt_source=_COMPOSER),
    finders=(linked(written), linked(twitter.links), _tags, _MENTIONS),
)
