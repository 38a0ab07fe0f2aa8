"""The ways in which a channel is reached, by their kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from approval.people.models import Via as Kind
from approval.publishing.via import feed, manual, webhook
from approval.publishing.via.contract import Via

REGISTRY: Mapping[Kind, Via] = {
    Kind.FEED: cast(Via, feed),
    Kind.WEBHOOK: cast(Via, webhook),
    Kind.MANUAL: cast(Via, manual),
}

RESENDABLE = frozenset(kind for kind, via in REGISTRY.items() if via.resendable)
"""Kinds whose doubtful attempts the worker may repeat under the same message id."""
