"""The payload of a post: what an approval names. One form, one digest, no database.

Inside stands everything that voids an approval when it changes; the objective, the evidence and the wished time
stand outside.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785

from approval import clock
from approval.networks import links


@dataclass(frozen=True)
class Attachment:
    """An image of the post: the SHA-256 of the bytes that will be published, and its alternative text."""

    digest: bytes
    alt: str


@dataclass(frozen=True, kw_only=True)
class Payload:
    """Title, text by channel slug, images, and what the words are judged by.

    `links` are the web addresses that stand in the texts; `channels` the slugs, in order; the window
    (`not_before`, `not_after`) may be open at either end.
    """

    title: str
    texts: Mapping[str, str]
    media: tuple[Attachment, ...] = ()
    links: tuple[str, ...] = ()
    disclosures: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    regime: str
    product: str | None = None
    audience: str | None = None
    in_reply_to: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None


def lines(text: str) -> str:
    """Turn CRLF and CR into LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def links_in(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the web addresses written out in *texts*, each once, in order of spelling."""
    return tuple(sorted({link.href for text in texts for link in links.written(text)}))


def as_json(payload: Payload) -> dict[str, Any]:
    """Return the payload's JSON form: digests in hex, instants in RFC 3339 with six decimals."""
    return {
        "title": payload.title,
        "texts": dict(payload.texts),
        "media": [{"digest": attached.digest.hex(), "alt": attached.alt} for attached in payload.media],
        "links": list(payload.links),
        "disclosures": list(payload.disclosures),
        "channels": list(payload.channels),
        "regime": payload.regime,
        "product": payload.product,
        "audience": payload.audience,
        "in_reply_to": payload.in_reply_to,
        "not_before": _instant(payload.not_before),
        "not_after": _instant(payload.not_after),
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else clock.to_text(instant)


def canonical(payload: Payload) -> bytes:
    """Return the RFC 8785 form of a payload."""
    return rfc8785.dumps(as_json(payload))


def digest(payload: Payload) -> bytes:
    """Return the SHA-256 of the canonical form: the name of the revision."""
    return hashlib.sha256(canonical(payload)).digest()


def parse(text: str | bytes) -> Payload:
    """Read a canonical form back; ValueError where it is not one."""
    payload = read(text)
    if canonical(payload) != (text if isinstance(text, bytes) else text.encode()):
        raise ValueError("not the canonical form of a payload")
    return payload


def read(text: str | bytes) -> Payload:
    """Read what is known to be a canonical form by its digest; ValueError where it is no payload."""
    fields: dict[str, Any] = json.loads(text)
    try:
        return Payload(
            title=fields["title"],
            texts=fields["texts"],
            media=tuple(Attachment(bytes.fromhex(m["digest"]), m["alt"]) for m in fields["media"]),
            links=tuple(fields["links"]),
            disclosures=tuple(fields["disclosures"]),
            channels=tuple(fields["channels"]),
            regime=fields["regime"],
            product=fields["product"],
            audience=fields["audience"],
            in_reply_to=fields["in_reply_to"],
            not_before=_moment(fields["not_before"]),
            not_after=_moment(fields["not_after"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a payload: {error}") from error


def _moment(text: str | None) -> datetime | None:
    return None if text is None else clock.from_text(text)
