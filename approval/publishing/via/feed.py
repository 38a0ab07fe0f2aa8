"""A feed of our own: publishing makes the post visible there, in the transaction that records it."""

from __future__ import annotations

import json
from datetime import datetime

from approval.publishing.via.contract import Message, Published, facts
from approval.settings import Settings

resendable = True


def request_bytes(message: Message) -> bytes:
    """Return what becomes visible, as JSON."""
    media = [{"digest": item.digest.hex(), "alt": item.alt, "kind": item.kind} for item in message.media]
    return json.dumps(facts(message) | {"media": media}, ensure_ascii=False, separators=(",", ":")).encode()


def send(message: Message, body: bytes, *, now: datetime, settings: Settings) -> Published:
    """Name the place: the feed shows what stands as published, so nothing has to be sent."""
    page = f"/feeds/{message.workspace}/{message.channel}#{message.id}"
    return Published((settings.base_url or "") + page)
