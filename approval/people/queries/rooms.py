"""Rooms of examiners: which are open now, and what the firm knows of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased

from approval import capabilities, clock
from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Factor, Membership, Person, Room

NO_ROOM = "There is no such room, or none that you may see."


@dataclass(frozen=True)
class RoomFacts:
    """A room as the firm sees it. `open` is said of now; `accepted`: the examiner has chosen a password."""

    id: int
    workspace: str
    person: str
    name: str
    email: str
    accepted: bool
    has_factor: bool
    matter: str
    contact: str
    limits: capabilities.Room
    opened_by: str
    opened_by_name: str
    opened_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    open: bool


def rooms_of(session: Session, people: Iterable[str]) -> dict[str, dict[str, capabilities.Room]]:
    """Return the rooms that are open now, by person and workspace; of two in one workspace the later."""
    found: defaultdict[str, dict[str, capabilities.Room]] = defaultdict(dict)
    wanted = select(Room).where(Room.person.in_(list(people)), *_open(clock.now(session))).order_by(Room.id)
    for row in session.scalars(wanted):
        found[row.person][row.workspace] = _limits(row)
    return found


def is_shut_out(session: Session, person: str) -> bool:
    """Say whether all that *person* ever had here were rooms, and none is open any more."""
    had = select(Room.id).where(Room.person == person)
    open_ = had.where(*_open(clock.now(session)))
    member = select(Membership.role).where(Membership.person == person)
    answers = session.execute(select(had.exists(), open_.exists(), member.exists())).one()
    return tuple(answers) == (True, False, False)


def is_over(session: Session, id_: int) -> bool:
    """Say whether a room has ended, and with it all that was open to its examiner."""
    person = session.scalar(select(Room.person).where(Room.id == id_))
    return person is not None and is_shut_out(session, person)


def open_room(session: Session, workspace: str, person: str) -> int | None:
    """Return the room of *person* in *workspace* that is open now."""
    wanted = select(Room.id).where(Room.workspace == workspace, Room.person == person, *_open(clock.now(session)))
    return session.scalar(wanted.limit(1))


def has_role(session: Session, workspace: str, person: str) -> bool:
    """Say whether *person* holds a role in *workspace*."""
    held = select(Membership.role).where(Membership.workspace == workspace, Membership.person == person)
    return session.scalar(held.limit(1)) is not None


def room(session: Session, id_: int) -> RoomFacts:
    """Return one room; NotFound where there is none."""
    found = _facts(session, Room.id == id_, limit=1)
    if not found:
        raise NotFound(NO_ROOM)
    return found[0]


def rooms(session: Session, workspace: str, *, before: int | None, limit: int) -> tuple[RoomFacts, ...]:
    """Return the rooms of a workspace, newest first, those with a smaller id than *before*."""
    older = () if before is None else (Room.id < before,)
    return _facts(session, Room.workspace == workspace, *older, limit=limit)


def _facts(session: Session, *where: ColumnElement[bool], limit: int) -> tuple[RoomFacts, ...]:
    opener = aliased(Person)
    rows = session.execute(
        select(Room, Person.name, Person.email, Person.password.is_not(None), Factor.person, opener.name)
        .join(Person, Person.id == Room.person)
        .outerjoin(Factor, Factor.person == Room.person)
        .outerjoin(opener, opener.id == Room.opened_by)
        .where(*where)
        .order_by(Room.id.desc())
        .limit(limit)
    ).all()
    now = clock.now(session)
    return tuple(_fact(now, *row) for row in rows)


def _fact(
    now: datetime, row: Room, name: str, email: str, accepted: bool, factor: str | None, opener: str | None
) -> RoomFacts:
    return RoomFacts(
        id=row.id,
        workspace=row.workspace,
        person=row.person,
        name=name,
        email=email,
        accepted=accepted,
        has_factor=factor is not None,
        matter=row.matter,
        contact=row.contact,
        limits=_limits(row),
        opened_by=row.opened_by,
        opened_by_name=opener or row.opened_by,
        opened_at=row.opened_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        open=row.ended_at is None and row.ends_at > now,
    )


def _limits(row: Room) -> capabilities.Room:
    return capabilities.Room(
        id=row.id,
        workspace=row.workspace,
        ends_at=row.ends_at,
        first_day=row.first_day,
        last_day=row.last_day,
        channels=tuple(row.channels),
        products=tuple(row.products),
        post=row.post,
    )


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Room.ended_at.is_(None), Room.ends_at > now
