"""Facebook pages: 63,206 characters, folded much earlier."""

from __future__ import annotations

from approval.networks import twitter
from approval.networks.links import written
from approval.networks.network import Fold, Limit, Media, Network, Source
from approval.networks.segments import HASHTAGS, linked

_TOOLS = Source("documentation of publishing tools; no stable page of Facebook's", read="2026-11", official=False)
_IMAGES = Source("developers.facebook.com, Page photos", read=None, official=True)

FACEBOOK = Network(
    slug="facebook",
    title="Facebook",
    limits=(Limit(63_206, "characters", len, _TOOLS),),
    fold_after=Fold(477, _TOOLS),
    media=Media(images=10, images_source=_IMAGES, alt=None, alt_source=_IMAGES),
    finders=(linked(written), linked(twitter.links), HASHTAGS),
)
