"""Which entries an export holds: those of the period, and those that they rest on."""

from __future__ import annotations

import heapq
import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union

from approval import clock
from approval.audit.events import INSTALLATION
from approval.audit.models import Entry
from approval.audit.queries.keychain import KINDS as ABOUT_KEYS
from approval.db import Session
from approval.posts.models import Revision

BATCH = 500
LAST_POST = 2**31 - 1
"""No post has a greater number."""

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
_BROUGHT = "archived.kept"
_UPLOADED = "media.added"
# Exact in canonical JSON: within a string the quotation marks would be escaped.
_SHOWING = '"media":[{'
_SHOWN = re.compile(r'"digest":"([0-9a-f]{64})"')
_A_DAY = timedelta(days=1)
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
    """What an export is limited to: posts, and people (ids) who acted; empty means all.

    `span` are the first and last number of the posts of a part of an export, both included; the part that begins
    with 0 holds what is about no post, too. `also` are posts whose whole story is told, though nothing happened to
    them in the period. `closed` is how kinds of entries begin whose free text is neither opened nor told.
    """

    posts: tuple[int, ...] = ()
    people: tuple[str, ...] = ()
    span: tuple[int, ...] = ()
    also: tuple[int, ...] = ()
    closed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Write the filters in use."""
        return {name: list(chosen) for name, chosen in vars(self).items() if chosen}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Filters:
        """Read what `to_json` wrote."""
        return cls(**{name: tuple(chosen) for name, chosen in value.items()})


@dataclass(frozen=True)
class Included:
    """An entry as it is exported."""

    index: int
    body: bytes
    kind: str
    at: datetime
    actor: str
    post: int | None


def selected(
    session: Session, workspace: str, period: Period, filters: Filters, size: int, posts: array[int]
) -> array[int]:
    """Return the indexes below *size*, ascending, of the workspace's entries in an export that holds *posts*.

    They are the entries of the period that pass the filters, all earlier entries of the posts concerned, those that
    took in the images of these posts, what was in force (definitions, channels, roles), records of other tools that
    claim a day of the period whenever they were brought, and the first entry.
    """
    log = Entry.log == workspace, Entry.index < size, Entry.at < period.ends
    touched = _touched(workspace, period, filters, size)
    wanted = union(
        select(Entry.index).where(*_acted(workspace, period, filters, size)),
        select(Entry.index).where(*log, Entry.post.in_(touched)),
        select(Entry.index).where(*log, Entry.post.in_(filters.also)),
        select(Entry.index).where(*log, Entry.kind.in_(_standing(session, workspace))),
        select(Entry.index).where(Entry.log == workspace, Entry.index == 0),
        select(Entry.index).where(Entry.log == workspace, Entry.index < size, Entry.kind.in_(ABOUT_KEYS)),
    ).subquery()
    found = array("q", session.scalars(select(wanted.c.index).order_by(wanted.c.index)).yield_per(10 * BATCH))
    claiming = _claiming(session, workspace, period, filters, size)
    return _joined(found, {*claiming, *_uploads(session, workspace, period, size, posts)})


def _standing(session: Session, log: str) -> list[str]:
    """The kinds in a log that begin as STANDING says, each found by a step in the index to the next kind."""
    kinds = select(func.min(Entry.kind).label("kind")).where(Entry.log == log).cte("kinds", recursive=True)
    beyond = select(func.min(Entry.kind)).where(Entry.log == log, Entry.kind > kinds.c.kind).scalar_subquery()
    kinds = kinds.union_all(select(beyond).where(kinds.c.kind.is_not(None)))
    return [kind for kind in session.scalars(select(kinds.c.kind)) if kind and kind.startswith(STANDING)]


def _joined(found: array[int], more: Iterable[int]) -> array[int]:
    """Put *more* indexes among ascending ones, without a second copy of these in memory."""
    missing = sorted(index for index in more if not _is_among(found, index))
    return array("q", heapq.merge(found, missing)) if missing else found


def _is_among(found: array[int], index: int) -> bool:
    at = bisect_left(found, index)
    return at < len(found) and found[at] == index


def _uploads(session: Session, workspace: str, period: Period, size: int, posts: array[int]) -> Iterator[int]:
    """Yield the entries that took in the images which these posts show in the period or before it.

    They are looked for in the log itself: they tell of an image that was erased, too.
    """
    shown: set[str] = set()
    for start in range(0, len(posts), BATCH):
        of_posts = Revision.post.in_(posts[start : start + BATCH]), Revision.made_at < period.ends
        for payload in session.scalars(select(Revision.payload).where(*of_posts, Revision.payload.contains(_SHOWING))):
            shown.update(_SHOWN.findall(payload))
    if not shown:
        return
    uploaded = Entry.log == workspace, Entry.kind == _UPLOADED, Entry.index < size
    for index, body in session.execute(select(Entry.index, Entry.body).where(*uploaded)).yield_per(BATCH):
        if json.loads(body)["facts"]["digest"] in shown:
            yield index


def _claiming(session: Session, workspace: str, period: Period, filters: Filters, size: int) -> list[int]:
    """Return the entries that tell of records of other tools with a claimed day in the period; a day more each way,
    as what is claimed is told in days of UTC."""
    if filters.posts or filters.people or (filters.span and filters.span[0]):
        return []
    kept = Entry.log == workspace, Entry.kind == _BROUGHT, Entry.index < size
    first, last = (period.first - _A_DAY).isoformat(), (period.last + _A_DAY).isoformat()
    found = []
    for index, body in session.execute(select(Entry.index, Entry.body).where(*kept)).yield_per(BATCH):
        facts = json.loads(body)["facts"]
        if facts["first_day"] <= last and facts["last_day"] >= first:
            found.append(index)
    return found


def posts_in(session: Session, workspace: str, period: Period, filters: Filters, size: int) -> array[int]:
    """Return the posts that something happened to in the period, ascending."""
    touched = _touched(workspace, period, filters, size)
    if not filters.also:
        return array("q", session.scalars(touched.order_by(Entry.post)).yield_per(10 * BATCH))
    return array("q", sorted(set(session.scalars(touched)) | set(filters.also)))


def next_span(session: Session, workspace: str, period: Period, first: int, most: int) -> tuple[tuple[int, int], int]:
    """Return the numbers of a part that begins with *first*, and how many posts it holds, at most *most*."""
    found = session.scalars(_numbered(workspace, period, first).limit(most + 1)).all()
    if len(found) > most:
        return (first, found[most] - 1), most
    return (first, LAST_POST), len(found)


def count_posts(session: Session, workspace: str, period: Period, filters: Filters) -> int:
    """Count the posts of a part."""
    first, last = filters.span
    posts = _numbered(workspace, period, first).where(Entry.post <= last).subquery()
    return session.scalar(select(func.count()).select_from(posts)) or 0


def _numbered(workspace: str, period: Period, first: int) -> Select[Any]:
    in_period = Entry.log == workspace, Entry.at >= period.begins, Entry.at < period.ends
    return select(Entry.post).where(*in_period, Entry.post >= first).distinct().order_by(Entry.post)


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
    if filters.span:
        first, last = filters.span
        within = Entry.post.between(first, last)
        conditions.append(or_(within, Entry.post.is_(None)) if first == 0 else within)
    if filters.people:
        conditions.append(Entry.actor.in_(filters.people))
    return conditions


def selected_of_installation(session: Session, period: Period, people: Iterable[str], size: int) -> array[int]:
    """Return the indexes of the installation's entries that the records of a workspace rest on.

    They are the accounts of the people concerned with every change, how these signed in during the period, what
    stopped all publishing, migrations, the first entry, and whatever the log says of its keys.
    """
    concerned = frozenset(people)
    kinds = or_(*(Entry.kind.startswith(kind) for kind in (*_OF_PEOPLE, "publishing.", "schema.")))
    rows = session.execute(
        select(Entry.index, Entry.kind, Entry.at, Entry.actor, Entry.body)
        .where(Entry.log == INSTALLATION, Entry.index > 0, Entry.index < size)
        .where(or_(and_(Entry.at < period.ends, kinds), Entry.kind.in_(ABOUT_KEYS)))
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


def places_of(session: Session, log: str, posts: Sequence[int], size: int | None = None) -> list[int]:
    """Return the indexes below *size* of the entries about some posts, ascending."""
    query = select(Entry.index).where(Entry.log == log, Entry.post.in_(posts)).order_by(Entry.index)
    return list(session.scalars(query if size is None else query.where(Entry.index < size)))


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
