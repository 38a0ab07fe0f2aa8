"""Instagram: a caption of 2,200 characters under at least one image; links in it do not click."""

from __future__ import annotations

from approval.networks.network import Fold, Limit, Media, Network, Source
from approval.networks.segments import HASHTAGS, matched

_MEDIA_PAGE = Source("developers.facebook.com, IG User, media", read=None, official=True)
_TOOLS = Source("documentation of publishing tools", read="2026-11", official=False)

_MENTIONS = matched("mention", r"(?<![\w@.])@[a-z0-9_](?:[a-z0-9_.]{0,28}[a-z0-9_])?")


def _hashtags(text: str) -> int:
    return sum(1 for _ in HASHTAGS(text))


def _mentions(text: str) -> int:
    return sum(1 for _ in _MENTIONS(text))


INSTAGRAM = Network(
    slug="instagram",
    title="Instagram",
    limits=(
        Limit(2_200, "characters", len, _MEDIA_PAGE),
        # 30 for years, 5 by the tools' pages of 2026: the lower number is safe either way.
        Limit(5, "hashtags", _hashtags, _TOOLS),
        Limit(20, "mentions", _mentions, _MEDIA_PAGE),
    ),
    fold_after=Fold(125, _TOOLS),
    media=Media(images=10, images_source=_TOOLS, alt=1_000, alt_source=_MEDIA_PAGE, required=True),
    finders=(HASHTAGS, _MENTIONS),
)
