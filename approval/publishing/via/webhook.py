"""A signed webhook: Standard Webhooks 1.0.0 (`v1`, HMAC-SHA256).

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from approval import clock
from approval.errors import BadSetting
from approval.people.services.secrets import open_secret
from approval.publishing.models import Because
from approval.publishing.via import outbound
from approval.publishing.via.contract import Ending, Message, Published, RefusedBefore, Unknown, facts
from approval.settings import Settings

resendable = True

PREFIX = "whsec_"
LONGEST_WAIT = timedelta(hours=24)
_BACKOFF = (1.0, 30.0)


def request_bytes(message: Message) -> bytes:
    """Return the body: the same bytes on every try, with the media in base64."""
    media = [
        {
            "digest": item.digest.hex(),
            "alt": item.alt,
            "kind": item.kind,
            "data": base64.b64encode(item.data).decode(),
        }
        for item in message.media
    ]
    body = {
        "type": "post.published",
        "timestamp": clock.to_text(message.due_at),
        "data": facts(message) | {"media": media},
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def sign(secret: bytes, message: str, at: datetime, body: bytes) -> str:
    """Return the signature header over id, instant and body. *secret* is the key itself, or its whsec_ form."""
    signed = f"{message}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _key(secret: bytes) -> bytes:
    if not secret.startswith(PREFIX.encode()):
        return secret
    return base64.b64decode(secret[len(PREFIX) :], validate=True)


def send(message: Message, body: bytes, *, now: datetime, settings: Settings) -> Ending:
    """POST *body*, signed at this instant, and say what came of it."""
    assert message.address is not None and message.secret is not None, "a webhook has an address and a secret"
    try:
        signature = sign(open_secret(settings.secret_key, message.secret), message.id, now, body)
    except (BadSetting, ValueError):
        return RefusedBefore(
            Because.ADDRESS_REFUSED, "The channel's secret cannot be opened with this installation's key."
        )
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Approval",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    try:
        answer = outbound.post(message.address, body, headers, settings=settings)
    except outbound.AddressRefused as error:
        return RefusedBefore(Because.ADDRESS_REFUSED, str(error))
    except outbound.NotReached as error:
        return RefusedBefore(Because.NOT_REACHED, str(error), now + _jitter())
    except outbound.NoAnswer as error:
        return Unknown(str(error))
    return _read(answer, now)


def _read(answer: outbound.Answer, now: datetime) -> Ending:
    told = f"The receiver answered {answer.status}."
    match answer.status:
        case status if 200 <= status < 300:
            return Published(_link(answer.body))
        case 410:
            return RefusedBefore(Because.GONE, told + " It wants no more messages: close this channel.")
        case 429:
            wait = retry_after(answer.headers.get("retry-after"), now)
            return RefusedBefore(Because.BUSY, told, now + (wait or _jitter()))
        case status if 300 <= status < 500:
            return RefusedBefore(Because.NOT_ACCEPTED, told)
    # Any 5xx may have been given after the message took effect.
    return Unknown(told)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return how long Retry-After (seconds or an HTTP date) asks to wait, at most a day; None: it does not say."""
    if value is None:
        return None
    try:
        # More digits than that are more than a day.
        wait = timedelta(seconds=int(value[:8])) if value.isdecimal() else parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(wait, LONGEST_WAIT) if wait > timedelta(0) else None


def _jitter() -> timedelta:
    return timedelta(seconds=random.uniform(*_BACKOFF))


def _link(body: bytes) -> str | None:
    """Return where the post can be read, if the receiver says so in a JSON object with `url`."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    url = said.get("url") if isinstance(said, dict) else None
    is_link = (
        isinstance(url, str) and url.startswith(("https://", "http://")) and len(url) <= 2000 and url.isprintable()
    )
    return url if is_link else None
