"""What may happen to records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from approval.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class ExportAsked(Event, kind="export.asked"):
    """Somebody asked for an export of a period; the worker writes it."""

    export: int
    first_day: date
    last_day: date


@dataclass(frozen=True, kw_only=True)
class ExportBegun(Event, kind="export.begun"):
    """A worker began to write an export; an earlier attempt that ended in its middle counts no more."""

    export: int


@dataclass(frozen=True, kw_only=True)
class ExportMade(Event, kind="export.made"):
    """An export was written: SHA-256 and length of the archive, the days it covers, the entries in it.

    `export` is its number where it was asked for in the browser; `posts` and `people` are what it was limited to.
    """

    export: int | None
    digest: bytes
    size: int
    entries: int
    first_day: date
    last_day: date
    posts: tuple[int, ...]
    people: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ExportFailed(Event, kind="export.failed"):
    """An export could not be written; nothing was handed out."""

    export: int


@dataclass(frozen=True, kw_only=True)
class ExportFetched(Event, kind="export.fetched"):
    """Somebody downloaded an export."""

    export: int
    digest: bytes
