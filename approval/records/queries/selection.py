"""Which entries an export holds: those of the period, and those that they rest on."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, union

from approval import clock
from approval.audit.events import INSTALLATION
from approval.audit.models import Entry
from approval.db import Session

BATCH = 500

STANDING = (
    "workspace.",
    "channel.",
    "role.",
    "team.",
    "workflow.",
    "rule-set.",
    "retention.",
    "proposal.",
    "publishing.",
    "schema.",
)
"""Kinds that what happens in a period rests on, however long before it they happened."""
_ACCOUNT = frozenset({"person.added", "person.changed", "person.disabled", "person.enabled"})
_OF_PEOPLE = ("person.", "token.")


@dataclass(frozen=True)
class Period:
    """Whole days in a zone, both inclusive."""

    first: date
    last: date
    zone: str

    @property
    def begins(self) -> datetime:
        """The instant at which the first day begins."""
        return _midnight(self.first, self.zone)

    @property
    def ends(self) -> datetime:
        """The instant at which the day after the last begins."""
        return _midnight(self.last + timedelta(days=1), self.zone)


def _midnight(day: date, zone: str) -> datetime:
    # Where clocks go forward at midnight, the earlier offset (fold 0) gives exactly the instant of the change.
    return datetime.combine(day, time(), tzinfo=clock.zone_named(zone)).astimezone(UTC)


@dataclass(frozen=True)
class Filters:
    """What an export is limited to: posts, and people (ids) who acted; empty means all."""

    posts: tuple[int, ...] = ()
    people: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Write the filters in use."""
        return {name: list(chosen) for name, chosen in vars(self).items() if chosen}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Filters:
        """Read what `to_json` wrote."""
        return cls(tuple(value.get("posts", ())), tuple(value.get("people", ())))


@dataclass(frozen=True)
class Included:
    """An entry as it is exported."""

    index: int
    body: bytes
    kind: str
    at: datetime
    actor: str
    post: int | None


def selected(session: Session, workspace: str, period: Period, filters: Filters, size: int) -> array[int]:
    """Return the indexes below *size*, ascending, of the workspace's entries in an export.

    They are the entries of the period that pass the filters, all earlier entries of the posts concerned, what was
    in force (definitions, channels, roles), and the first entry.
    """
    log = Entry.log == workspace, Entry.index < size, Entry.at < period.ends
    touched = _touched(workspace, period, filters, size)
    wanted = union(
        select(Entry.index).where(*_acted(workspace, period, filters, size)),
        select(Entry.index).where(*log, Entry.post.in_(touched)),
        select(Entry.index).where(*log, or_(*(Entry.kind.startswith(kind) for kind in STANDING))),
        select(Entry.index).where(Entry.log == workspace, Entry.index == 0),
    ).subquery()
    return array("q", session.scalars(select(wanted.c.index).order_by(wanted.c.index)).yield_per(10 * BATCH))


def posts_in(session: Session, workspace: str, period: Period, filters: Filters, size: int) -> array[int]:
    """Return the posts that something happened to in the period, ascending."""
    found = _touched(workspace, period, filters, size).order_by(Entry.post)
    return array("q", session.scalars(found).yield_per(10 * BATCH))


def _touched(workspace: str, period: Period, filters: Filters, size: int) -> Select[Any]:
    acted = _acted(workspace, period, filters, size)
    return select(Entry.post).where(*acted, Entry.post.is_not(None)).distinct()


def _acted(workspace: str, period: Period, filters: Filters, size: int) -> list[ColumnElement[bool]]:
    conditions = [
        Entry.log == workspace,
        Entry.index < size,
        Entry.at >= period.begins,
        Entry.at < period.ends,
    ]
    if filters.posts:
        conditions.append(Entry.post.in_(filters.posts))
    if filters.people:
        conditions.append(Entry.actor.in_(filters.people))
    return conditions


def selected_of_installation(session: Session, period: Period, people: Iterable[str], size: int) -> array[int]:
    """Return the indexes of the installation's entries that the records of a workspace rest on.

    They are the accounts of the people concerned with every change, how these signed in during the period, what
    stopped all publishing, migrations, and the first entry.
    """
    concerned = frozenset(people)
    kinds = or_(*(Entry.kind.startswith(kind) for kind in (*_OF_PEOPLE, "publishing.", "schema.")))
    rows = session.execute(
        select(Entry.index, Entry.kind, Entry.at, Entry.actor, Entry.body)
        .where(Entry.log == INSTALLATION, Entry.index > 0, Entry.index < size, Entry.at < period.ends, kinds)
        .order_by(Entry.index)
    ).yield_per(BATCH)
    found = array("q", [0] if size else [])
    for index, kind, at, actor, body in rows:
        if kind in _ACCOUNT:
            wanted = json.loads(body)["facts"]["person"] in concerned
        elif kind.startswith(_OF_PEOPLE):
            wanted = actor in concerned and at >= period.begins
        else:
            wanted = True
        if wanted:
            found.append(index)
    return found


def entries_at(session: Session, log: str, indexes: Sequence[int]) -> Iterator[list[Included]]:
    """Yield the entries at these indexes, in order, in batches."""
    columns = (Entry.index, Entry.body, Entry.kind, Entry.at, Entry.actor, Entry.post)
    for start in range(0, len(indexes), BATCH):
        chosen = indexes[start : start + BATCH]
        rows = session.execute(select(*columns).where(*_among(log, chosen)).order_by(Entry.index))
        yield [Included(*row) for row in rows]


def _among(log: str, indexes: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    first, last = indexes[0], indexes[-1]
    if last - first == len(indexes) - 1:
        return Entry.log == log, Entry.index >= first, Entry.index <= last
    return Entry.log == log, Entry.index.in_(list(indexes))
