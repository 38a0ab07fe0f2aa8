"""Networks: what each counts, hides, links and refuses. Text in, facts out; README.md has its law."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from approval.networks.blog import BLOG
from approval.networks.bluesky import BLUESKY
from approval.networks.facebook import FACEBOOK
from approval.networks.instagram import INSTAGRAM
from approval.networks.linkedin import LINKEDIN
from approval.networks.mastodon import MASTODON
from approval.networks.network import Count, Fold, Limit, Media, Network, Preview, Source
from approval.networks.segments import Segment
from approval.networks.x import X

NETWORKS: Mapping[str, Network] = MappingProxyType(
    {known.slug: known for known in (X, LINKEDIN, FACEBOOK, INSTAGRAM, BLUESKY, MASTODON, BLOG)}
)


def network(slug: str) -> Network:
    """The network of that name; ValueError, naming those there are, when there is none."""
    try:
        return NETWORKS[slug]
    except KeyError:
        raise ValueError(f"There is no network “{slug}”; there are {', '.join(NETWORKS)}.") from None


__all__ = [
    "NETWORKS",
    "Count",
    "Fold",
    "Limit",
    "Media",
    "Network",
    "Preview",
    "Segment",
    "Source",
    "network",
]
