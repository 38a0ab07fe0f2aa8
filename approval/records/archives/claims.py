"""What another tool says of one record: claimed, witnessed by nobody here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

MOST_RECORD = 25 * 1024 * 1024
"""Bytes of one record, its attachments included."""
MOST_TEXT = 20_000
"""Characters of the text that are told beside the original, which holds all of it."""
MOST_SAID = 300
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_EPOCH = re.compile(r"[0-9]{10}(?:[0-9]{3})?")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "texts", "body", "content", "message", "post", "post_text", "words", "caption", "copy", "tweet"),
    "title": ("title", "subject", "headline"),
    "author": ("author", "author_name", "created_by", "creator", "written_by", "posted_by", "sender", "from", "user"),
    "approver": ("approver", "approved_by", "reviewer", "reviewed_by", "principal", "approver_name"),
    "channel": ("channel", "channels", "network", "platform", "account", "profile"),
    "when": (
        "published_at", "published", "publish_date", "posted_at", "sent_at", "sent", "date", "at", "time", "timestamp",
        "datetime", "created_at", "created",
    ),
    "last_use": ("last_use", "last_used", "taken_down_at", "removed_at", "removed", "deleted_at", "expired_at"),
}  # fmt: skip
"""What the fields of other tools are called, by what they say here; the first that is filled in counts."""
_KNOWN = frozenset(name for names in NAMES.values() for name in names)


@dataclass(frozen=True)
class Claims:
    """What the old tool says of a record, in its own words; an instant only where its words can mean but one."""

    text: str = ""
    title: str = ""
    author: str = ""
    approver: str = ""
    channel: str = ""
    when: str = ""
    last_use: str = ""
    attachments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in a list: its title, or how its text begins."""
        return (self.title or self.text.partition("\n")[0])[:80] or "Without words"

    def to_json(self) -> dict[str, Any]:
        """Return what is said, without what is not."""
        return {
            name: list(said) if isinstance(said, tuple) else said
            for name, said in ((field, getattr(self, field)) for field in self.__dataclass_fields__)
            if said
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Claims:
        """Read what `to_json` wrote."""
        return cls(**{**value, "attachments": tuple(value.get("attachments", ()))})

    def made(self, zone: tzinfo) -> datetime | None:
        """Return when it was made or published; *zone* is meant where none is written."""
        return moment_of(self.when, zone)

    def used(self, zone: tzinfo) -> datetime | None:
        """Return when it was last used, as far as is said."""
        said = [at for at in (moment_of(self.last_use, zone), self.made(zone)) if at]
        return max(said, default=None)


@dataclass(frozen=True)
class Understood:
    """A record: where it stands in the archive, its original bytes, what they say, and fields that say nothing here."""

    number: int
    data: bytes
    claims: Claims
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bad:
    """Something in an archive that is no record: where, and why not."""

    number: int
    why: str


def claims_of(fields: Mapping[str, Any]) -> tuple[Claims, tuple[str, ...]]:
    """Return what the fields of a record say, and the names of those that say nothing here."""
    given = {slug(name): value for name, value in fields.items() if isinstance(name, str)}
    said: dict[str, Any] = {what: _first(given, names, what) for what, names in NAMES.items()}
    return Claims(**said), tuple(sorted(plain(name, 60) for name in given if name not in _KNOWN))


def _first(given: Mapping[str, Any], names: Sequence[str], what: str) -> str:
    between, most = ("\n\n", MOST_TEXT) if what == "text" else (", ", MOST_SAID)
    said = (plain(between.join(_words(given[name])), most) for name in names if name in given)
    return next(filter(None, said), "")


def _words(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts of a value: itself, or what a list or an object holds."""
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, list | dict) and depth < 4:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _words(one, depth + 1)


def slug(name: str) -> str:
    """Return the name of a field as `NAMES` spells it."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def plain(text: str, most: int) -> str:
    """Return text that any database holds: plain line ends, no control characters, no halves of characters."""
    text = text[: 2 * most].replace("\r\n", "\n").replace("\r", "\n")
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)[:most].strip()


def moment_of(text: str, zone: tzinfo) -> datetime | None:
    """Return the instant that a text means, in UTC; None where it could mean several, or none.

    ISO 8601, RFC 5322 and seconds (or milliseconds) since 1970 are read. 03/04/2026 is not: nobody knows which day.
    """
    text = text.strip()
    try:
        if _EPOCH.fullmatch(text):
            found = datetime.fromtimestamp(int(text[:10]), UTC)
        else:
            found = _written(text[:-4] + "Z" if text.endswith((" UTC", " GMT")) else text)
        aware = found if found.tzinfo else found.replace(tzinfo=zone)
        return aware.astimezone(UTC) if _EARLIEST <= aware < _LATEST else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _written(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)
