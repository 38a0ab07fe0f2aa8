"""X: 280 weighted characters (twitter-text, configuration v3)."""

from __future__ import annotations

import regex

from approval.networks import twitter
from approval.networks.network import Limit, Media, Network, Source
from approval.networks.segments import HASHTAGS, linked, matched

_CONFIGURATION = Source("twitter-text, config/v3.json and conformance/validate.yml", read="2026-11", official=True)
_MEDIA = Source("docs.x.com, media, best practices", read="2026-11", official=True)
_ALT = Source("docs.x.com, media metadata", read=None, official=True)

X = Network(
    slug="x",
    title="X",
    limits=(Limit(280, "weighted characters", twitter.weigh, _CONFIGURATION),),
    fold_after=None,
    media=Media(images=4, images_source=_MEDIA, alt=1_000, alt_source=_ALT),
    finders=(
        linked(twitter.links),
        HASHTAGS,
        matched("mention", r"(?<![\w@＠!#$%&*])[@＠][a-z0-9_]{1,15}+(?![\w@＠])"),
    ),
    refused=regex.compile(r"[\uFFFE\uFEFF\uFFFF]"),
)
