"""A blog or feed of the firm's own: no limit but one that keeps a page quick."""

from __future__ import annotations

import regex

from approval.networks.links import written
from approval.networks.network import Limit, Media, Network, Source
from approval.networks.segments import linked

_OURS = Source("our own choice: a page that loads at once", read="2026-11", official=True)

BLOG = Network(
    slug="blog",
    title="Blog",
    limits=(Limit(100_000, "characters", len, _OURS),),
    fold_after=None,
    media=Media(images=100, images_source=_OURS, alt=None, alt_source=_OURS, may_stand_alone=False),
    finders=(linked(written),),
    # XML 1.0, 2.2: an Atom feed cannot hold these.
    refused=regex.compile(r"[\uFFFE\uFFFF]"),
)
