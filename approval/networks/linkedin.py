"""LinkedIn: 3,000 characters, folded at about 210, sent as "little text"."""

from __future__ import annotations

import regex

from approval.networks import twitter
from approval.networks.links import written
from approval.networks.network import Fold, Limit, Media, Network, Source
from approval.networks.segments import HASHTAGS, linked

_TOOLS = Source("documentation of publishing tools; no stable page of LinkedIn's", read="2026-11", official=False)
_IMAGES = Source("learn.microsoft.com, MultiImage API", read="2026-11", official=True)
_ALT = Source("learn.microsoft.com, MultiImage API, altText", read=None, official=True)

# learn.microsoft.com, "little text format": escaped even where they are not used as markup. LinkedIn cuts a
# text silently at one that is not.
_RESERVED = r"\\<>#~_|\[\]*(){}@"
_TO_ESCAPE = regex.compile(rf"([{_RESERVED}])")
_ESCAPED = regex.compile(rf"\\([{_RESERVED}])")


def escape(text: str) -> str:
    """Write plain *text* as little text."""
    return str(_TO_ESCAPE.sub(r"\\\1", text))


def unescape(text: str) -> str:
    """Read plain text back out of little text that holds no markup; the inverse of `escape`."""
    return str(_ESCAPED.sub(r"\1", text))


LINKEDIN = Network(
    slug="linkedin",
    title="LinkedIn",
    limits=(Limit(3_000, "characters", len, _TOOLS),),
    fold_after=Fold(210, _TOOLS),
    media=Media(images=20, images_source=_IMAGES, alt=4_086, alt_source=_ALT),
    finders=(linked(written), linked(twitter.links), HASHTAGS),
)
