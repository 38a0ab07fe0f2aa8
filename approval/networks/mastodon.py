"""Mastodon: 500 characters, or what the instance says; a link counts 23, a mention without its instance."""

from __future__ import annotations

import regex

from approval.networks import graphemes, twitter
from approval.networks.links import written
from approval.networks.network import Limit, Media, Network, Source
from approval.networks.segments import HASHTAGS, linked, matched

_DEFAULTS = Source("docs.joinmastodon.org, defaults; see /api/v2/instance", read="2026-11", official=True)

_PER_LINK = 23
_REMOTE_MENTION = regex.compile(r"(?<![\w/])(@[a-z0-9_]++)@[a-z0-9.-]*[a-z0-9]", regex.IGNORECASE)


def measure(text: str) -> int:
    """Grapheme clusters, each link counted as 23 and each remote mention without its instance.

    A text in which links cannot be found in bounded time is counted as it stands.
    """
    if len(text) > graphemes.LONGEST:
        return graphemes.count(text)
    parts, at = [], 0
    for link in twitter.links_with_scheme(text):
        parts += [text[at : link.start], "x" * _PER_LINK]
        at = link.end
    return graphemes.count(_REMOTE_MENTION.sub(r"\1", "".join([*parts, text[at:]])))


MASTODON = Network(
    slug="mastodon",
    title="Mastodon",
    limits=(Limit(500, "characters", measure, _DEFAULTS),),
    fold_after=None,
    media=Media(images=4, images_source=_DEFAULTS, alt=1_500, alt_source=_DEFAULTS),
    finders=(
        linked(written),
        HASHTAGS,
        matched("mention", r"(?<![\w/=@])@[a-z0-9_]+(?:[a-z0-9_.-]*[a-z0-9_])?(?:@[a-z0-9.-]*[a-z0-9])?"),
    ),
)
