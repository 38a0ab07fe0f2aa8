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


@dataclass(frozen=True, kw_only=True)
class LookbackBegun(Event, kind="lookback.begun"):
    """Somebody began to judge the publications of some days again, under the rules in force."""

    lookback: int
    first_day: date
    last_day: date
    rule_set: bytes


@dataclass(frozen=True, kw_only=True)
class LookbackAdvanced(Event, kind="lookback.advanced"):
    """A stretch of a lookback was judged; `judged` and `found` are totals so far. `ended` says that it was the last."""

    lookback: int
    judged: int
    found: int
    ended: bool


@dataclass(frozen=True, kw_only=True)
class LookbackAnswered(Event, kind="lookback.answered"):
    """Somebody looked at a publication that a lookback flagged, and said what follows from it."""

    lookback: int
    hit: int


@dataclass(frozen=True, kw_only=True)
class RetentionShipped(Event, kind="retention.shipped"):
    """The workspace began with the retention rules that ship with the program, as version 1."""

    number: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class RetentionProposed(Event, kind="retention.proposed"):
    """Other retention rules were written; they take effect when a second person accepts them."""

    number: int
    digest: bytes
    proposal: int


@dataclass(frozen=True, kw_only=True)
class RetentionEnacted(Event, kind="retention.enacted"):
    """Retention rules took effect for every record. `alone`: nobody else could have been asked."""

    number: int
    digest: bytes
    alone: bool


@dataclass(frozen=True, kw_only=True)
class HoldPlaced(Event, kind="hold.placed"):
    """Somebody placed a legal hold: posts that meet all of what it names are kept until two people lift it."""

    hold: int
    person: str | None
    product: str | None
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, kw_only=True)
class HoldLiftProposed(Event, kind="hold.lift_proposed"):
    """Somebody asked that a legal hold be lifted; it holds until another person agrees."""

    hold: int
    proposal: int


@dataclass(frozen=True, kw_only=True)
class HoldLifted(Event, kind="hold.lifted"):
    """A legal hold ended, on the word of two people. `alone`: nobody else could have been asked."""

    hold: int
    alone: bool
