"""The after-image of a witnessed row: facts plain, personal data as salted commitments, content by digest."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any

import rfc8785
from sqlalchemy import FromClause, inspect

from approval.audit.events import plain
from approval.audit.models import ABSENT, WITNESS, Witnessed

SALT_BYTES = 32


@dataclass(frozen=True)
class Change:
    """A witnessed row as it stands after the flush: its class, its key, its columns (None: deleted)."""

    cls: type[Witnessed]
    key: dict[str, Any]
    values: dict[str, Any] | None


@dataclass(frozen=True)
class _Commitment:
    digest: bytes
    salt: bytes
    value: str | None


def commit_to(salt: bytes, value: Any) -> bytes:
    """Return the commitment to *value*: HMAC-SHA256 under *salt* of its canonical JSON."""
    return hmac.new(salt, rfc8785.dumps(plain(value)), hashlib.sha256).digest()


def content_bytes(value: Any) -> bytes:
    """Return the bytes that a content column stands for: as stored, UTF-8 for text, canonical for JSON."""
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) else rfc8785.dumps(value)


def content_digest(value: Any) -> bytes:
    """Return the SHA-256 of a content column's bytes."""
    return hashlib.sha256(content_bytes(value)).digest()


def marks(cls: type[Any]) -> dict[str, str]:
    """Return how each column of a witnessed table stands in an image, by column name."""
    return _marks_of(inspect(cls).local_table)


def absences(cls: type[Any]) -> dict[str, Any]:
    """Return what an image says of the columns that were added after it was made, by column name."""
    return {column.name: column.info[ABSENT] for column in inspect(cls).local_table.c if ABSENT in column.info}


@cache
def _marks_of(table: FromClause) -> dict[str, str]:
    return {column.name: column.info.get(WITNESS, "plain") for column in table.c}


def image_of(change: Change) -> tuple[dict[str, Any] | None, list[_Commitment]]:
    """Return the after-image of a row, and the openings of the commitments in it."""
    if change.values is None:
        return None, []
    image: dict[str, Any] = {}
    openings: list[_Commitment] = []
    for name, value in change.values.items():
        mark = marks(change.cls)[name]
        if value is None or mark == "plain":
            image[name] = plain(value)
        elif mark == "content":
            image[name] = {"sha256": content_digest(value).hex()}
        else:
            salt = secrets.token_bytes(SALT_BYTES)
            digest = commit_to(salt, value)
            image[name] = {"commitment": digest.hex()}
            text = rfc8785.dumps(plain(value)).decode() if mark == "personal" else None
            openings.append(_Commitment(digest, salt, text))
    return image, openings
