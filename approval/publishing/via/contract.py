"""What a way of reaching a channel is given, and what a send can end in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from approval.publishing.models import Because
from approval.settings import Settings


@dataclass(frozen=True)
class Attachment:
    """An approved image: its digest, alt text, media type and bytes."""

    digest: bytes
    alt: str
    kind: str
    data: bytes


@dataclass(frozen=True)
class Message:
    """One approved revision for one channel, exactly as it was approved.

    `id` is the same on every try; `due_at` is the chosen instant; `address` and `secret` (sealed) are the channel's.
    """

    id: str
    publication: int
    workspace: str
    channel: str
    network: str
    post: int
    digest: bytes
    title: str
    text: str
    disclosures: tuple[str, ...]
    media: tuple[Attachment, ...]
    in_reply_to: str | None
    due_at: datetime
    address: str | None
    secret: bytes | None


@dataclass(frozen=True)
class Published:
    """The channel took the post; *url* is where it can be read, if known."""

    url: str | None = None


@dataclass(frozen=True)
class RefusedBefore:
    """Provably nothing was published. Tried again at *retry_at*; never, where that is None."""

    because: Because
    detail: str
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Unknown:
    """The request may have arrived: never simply sent again."""

    detail: str


@dataclass(frozen=True)
class HandedOver:
    """The approved words and media wait for a person who publishes them by hand."""


Ending = Published | RefusedBefore | Unknown | HandedOver


class Via(Protocol):
    """A way of reaching a channel.

    `resendable`: a second request under the same message id cannot publish twice.
    """

    resendable: bool

    def request_bytes(self, message: Message) -> bytes:
        """Return the exact bytes that `send` will send: the same for the same message."""

    def send(self, message: Message, body: bytes, *, now: datetime, settings: Settings) -> Ending:
        """Send *body*; *now* is the database's time at the claim. Never raises for what a network may do."""


def facts(message: Message) -> dict[str, Any]:
    """Return a message as the JSON that every way of reaching a channel starts from, without media."""
    data: Mapping[str, Any] = {
        "workspace": message.workspace,
        "channel": message.channel,
        "network": message.network,
        "post": message.post,
        "digest": message.digest.hex(),
        "title": message.title,
        "text": message.text,
        "disclosures": list(message.disclosures),
        "in_reply_to": message.in_reply_to,
    }
    return dict(data)
