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
    """A log began. Its origin and its verifier key are fixed here for good."""

    origin: str
    vkey: str


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
