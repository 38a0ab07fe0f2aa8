"""What goes out when: publications, and posts that wish for a time and have none yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from approval import clock
from approval.db import Session
from approval.desk.queries.networks import networks_of
from approval.people.models import Channel
from approval.people.queries import workspace_facts
from approval.posts.models import Post, Revision, Standing
from approval.publishing.models import Publication, PublicationStanding

MOST_SLOTS = 600
"""Publications, and wishes, of one month that a page shows at most; it says when there are more."""
_LOCKED = {Standing.IN_REVIEW, Standing.PUBLISHING, Standing.PUBLISHED}
_MOVABLE = {Standing.APPROVED, Standing.SCHEDULED}
_WISHING = (Standing.DRAFT, Standing.IN_REVIEW, Standing.CHANGES_REQUESTED, Standing.APPROVED)


@dataclass(frozen=True)
class Slot:
    """A post at a time. `wished`: nobody has scheduled it yet."""

    post: int
    title: str
    standing: Standing
    at: datetime
    time: str
    network: str | None
    wished: bool

    @property
    def locked(self) -> bool:
        """True where nobody may move it now."""
        return self.standing in _LOCKED

    @property
    def movable(self) -> bool:
        """True where another time may be chosen."""
        return self.standing in _MOVABLE


@dataclass(frozen=True)
class Day:
    """A day with what stands in it, by time; `outside` the month that is shown."""

    date: date
    outside: bool
    today: bool
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class CalendarPage:
    """A month in weeks from Monday to Sunday, in the workspace's zone."""

    zone: str
    first: date
    weeks: tuple[tuple[Day, ...], ...]
    cut: bool

    @property
    def days(self) -> tuple[Day, ...]:
        """The days of the month itself."""
        return tuple(day for week in self.weeks for day in week if not day.outside)

    @property
    def previous(self) -> date:
        """The first day of the month before."""
        return (self.first - timedelta(days=1)).replace(day=1)

    @property
    def next(self) -> date:
        """The first day of the month after."""
        return following(self.first)


def following(first: date) -> date:
    """Return the first day of the month after *first*."""
    return (first + timedelta(days=31)).replace(day=1)


def calendar_page(session: Session, workspace: str, first: date | None) -> CalendarPage:
    """Return the month that begins with *first* (None: this month)."""
    zone = workspace_facts(session, workspace).zone
    today = clock.wall_time(clock.now(session), zone).date()
    first = (first or today).replace(day=1)
    start = first - timedelta(days=first.weekday())
    last = following(first) - timedelta(days=1)
    end = last + timedelta(days=7 - last.weekday())
    window = _midnight(start, zone), _midnight(end, zone)
    slots = [*_publications(session, workspace, zone, *window), *_wishes(session, workspace, zone, *window)]
    by_day: defaultdict[date, list[Slot]] = defaultdict(list)
    for slot in sorted(slots, key=lambda slot: (slot.at, slot.post)):
        by_day[clock.wall_time(slot.at, zone).date()].append(slot)
    days = [
        Day(day, day.month != first.month, day == today, tuple(by_day[day]))
        for day in (start + timedelta(days=n) for n in range((end - start).days))
    ]
    weeks = tuple(tuple(days[n : n + 7]) for n in range(0, len(days), 7))
    return CalendarPage(zone, first, weeks, len(slots) >= MOST_SLOTS)


def _midnight(day: date, zone: str) -> datetime:
    """The instant a day begins; where clocks skip midnight, the first that exists."""
    return datetime.combine(day, time(), clock.zone_named(zone)).astimezone(UTC)


def _publications(session: Session, workspace: str, zone: str, start: datetime, end: datetime) -> Iterable[Slot]:
    rows = session.execute(
        select(Publication.post, Revision.title, Publication.standing, Publication.due_at, Channel.network)
        .join(Channel, Channel.id == Publication.channel)
        .join(Revision, (Revision.post == Publication.post) & (Revision.digest == Publication.revision))
        .where(
            Publication.workspace == workspace,
            Publication.due_at >= start,
            Publication.due_at < end,
            Publication.standing != PublicationStanding.WITHDRAWN,
        )
        .order_by(Publication.due_at)
        .limit(MOST_SLOTS)
    )
    for post, title, standing, at, network in rows:
        yield Slot(post, title, Standing(standing.value), at, _time(at, zone), network, wished=False)


def _wishes(session: Session, workspace: str, zone: str, start: datetime, end: datetime) -> Iterable[Slot]:
    rows = session.execute(
        select(Post.id, Revision.title, Post.standing, Post.wanted_at)
        .join(Revision, (Revision.post == Post.id) & (Revision.digest == Post.revision))
        .where(
            Post.workspace == workspace,
            Post.wanted_at >= start,
            Post.wanted_at < end,
            Post.standing.in_(_WISHING),
        )
        .order_by(Post.wanted_at)
        .limit(MOST_SLOTS)
    ).all()
    networks = networks_of(session, workspace, (row.id for row in rows))
    for id_, title, standing, at in rows:
        assert at is not None, "the query compares it"
        of = networks.get(id_, ())
        yield Slot(id_, title, standing, at, _time(at, zone), of[0] if len(of) == 1 else None, wished=True)


def _time(at: datetime, zone: str) -> str:
    return f"{clock.wall_time(at, zone):%H:%M}"
