"""The vocabulary of the log: every event is a frozen dataclass, named in the past, with its meaning as docstring.

A kind is never reused for another meaning. Facts are ids, closed words, numbers, digests and instants; personal
data and free text stand in the rows an entry explains, as commitments.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, ClassVar

from approval import clock

KINDS: dict[str, type[Event]] = {}
_COMMON = ("by", "workspace", "post", "along")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened: who did it (`by`, an opaque id; `along`, the person a host user acted as),
    in which workspace (None: the installation), and to which post, if any."""

    by: str
    workspace: str | None = None
    post: int | None = None
    along: str | None = None

    kind: ClassVar[str] = ""

    def __init_subclass__(cls, *, kind: str, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if kind in KINDS:
            raise TypeError(f"event kind {kind!r} is taken by {KINDS[kind].__name__}")
        cls.kind = kind
        KINDS[kind] = cls

    @property
    def log(self) -> str:
        """The log this event belongs to."""
        return self.workspace or INSTALLATION

    def facts(self) -> dict[str, Any]:
        """Return what this kind of event states beside who, where and when."""
        return {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name not in _COMMON}


INSTALLATION = "installation"
"""The name of the log of everything that belongs to no workspace."""


def plain(value: Any) -> Any:
    """Turn a fact into its JSON form: digests as hex, instants as RFC 3339; floats are refused."""
    match value:
        case None | bool() | str():
            return str(value) if isinstance(value, enum.StrEnum) else value
        case int():
            if abs(value) >= 2**53:
                raise ValueError(f"{value} does not fit canonical JSON; write it as text")
            return value
        case bytes():
            return value.hex()
        case datetime():
            return clock.to_text(value)
        case date():
            return value.isoformat()
        case tuple() | list() | frozenset():
            items = sorted(value) if isinstance(value, frozenset) else value
            return [plain(item) for item in items]
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} cannot stand in an entry")


@dataclass(frozen=True, kw_only=True)
class LogOpened(Event, kind="log.opened"):
    """A log began. Its origin is fixed here for good, and the first of its verifier keys."""

    origin: str
    vkey: str


@dataclass(frozen=True, kw_only=True)
class LogKeyAnnounced(Event, kind="log.key_announced"):
    """Another key signs checkpoints of the log from the size that covers this entry on: `signs_from`.

    The first checkpoint over this entry carries the signature of the `old` key too, which vouches for the `new` one,
    unless the old one was revoked in the same act. `until` ends the time in which both sign.
    """

    old: str
    new: str
    signs_from: int
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class LogKeyRetired(Event, kind="log.key_retired"):
    """A key signs no checkpoint that covers this entry. What it signed before stands."""

    vkey: str


@dataclass(frozen=True, kw_only=True)
class LogKeyRevoked(Event, kind="log.key_revoked"):
    """A key is not to be trusted any more: what it alone signed of more than `last_size` entries is in doubt.

    `since` is the instant of the cut, `last_size` that of the last checkpoint signed before it. The reason stands in
    the row.
    """

    vkey: str
    since: datetime
    last_size: int


@dataclass(frozen=True, kw_only=True)
class SchemaMigrated(Event, kind="schema.migrated"):
    """A migration changed witnessed values; the new images follow."""

    revision: str


@dataclass(frozen=True, kw_only=True)
class LogSealingRefused(Event, kind="log.sealing_refused"):
    """No checkpoint of a log could be signed without contradicting an earlier one. Told once an hour while it lasts."""

    of: str
    because: str


@dataclass(frozen=True, kw_only=True)
class LogVerified(Event, kind="log.verified"):
    """A log was re-derived from its entries and replayed against the tables. What failed, if anything, is named."""

    holds: bool
    size: int
    root: bytes | None
    sealed: int
    seconds: int
    differences: int
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class LogBeaten(Event, kind="log.beat"):
    """The log was kept on these days (UTC): how many entries of each group, so that an empty day is proven empty.

    `posts` are the posts that entries speak of, `publications` what went out; `anchored` and `token` name the last
    checkpoint that was dated from outside and the SHA-256 of that token: this entry is younger than it.
    """

    first_day: date
    last_day: date
    size: int
    entries: dict[str, int]
    posts: int
    publications: int
    anchored: int | None
    token: bytes | None


@dataclass(frozen=True, kw_only=True)
class LogContradicted(Event, kind="log.contradicted"):
    """A witness, or the write-once copy, holds another log than this database: one was rolled back or rewritten.

    `of` names the log, `place` the witness or the copy. Told once for as long as it lasts.
    """

    of: str
    place: str
    because: str


@dataclass(frozen=True, kw_only=True)
class LogCopyChecked(Event, kind="log.copy_checked"):
    """The write-once copy of the log was gone through, version by version. What failed, if anything, is named.

    `objects` lie there as they must, `size` is how many entries they cover, `markers` hide objects without deleting
    them, `strange` are versions that this database did not write.
    """

    holds: bool
    size: int
    objects: int
    markers: int
    strange: int
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class Erased(Event, kind="erased"):
    """Values were overwritten for good: what these commitments opened to, and contents of these digests.

    `under` says whether a disposition or a request to erase asked for it, `case` which, in the workspace `of`. Of a
    disposition `record` is its kind and number, kept by `rule` until `until`. One act may need several entries.
    """

    under: str
    case: int
    of: str
    record: str | None = None
    rule: str | None = None
    until: date | None = None
    commitments: tuple[bytes, ...] = ()
    contents: tuple[bytes, ...] = ()
