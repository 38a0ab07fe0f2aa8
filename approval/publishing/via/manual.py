"""A channel without a connection: the approved words and media are handed over, a person confirms with the link."""

from __future__ import annotations

from datetime import datetime

from approval.publishing.via import feed
from approval.publishing.via.contract import HandedOver, Message
from approval.settings import Settings

resendable = False

request_bytes = feed.request_bytes


def send(message: Message, body: bytes, *, now: datetime, settings: Settings) -> HandedOver:
    """Hand over: what to copy is shown on the post's page."""
    return HandedOver()
