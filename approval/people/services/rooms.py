"""Letting an examiner in: for one workspace, in one matter, within limits, until an end."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.errors import CapabilityMissing, Conflict, Invalid, Problem
from approval.people import events
from approval.people.models import Person, Room, Token
from approval.people.queries import channels, workspace_facts
from approval.people.queries.rooms import has_role, is_shut_out, open_room
from approval.people.services import accounts, links, signing
from approval.people.services.secrets import seal_secret
from approval.people.services.telling import write_to

LONGEST = timedelta(days=366)
OPENS = Capability.HOLD
"""Whoever may place a legal hold may let an examiner in."""


@dataclass(frozen=True)
class Limits:
    """What a room shows; what is empty limits nothing. Days are in the workspace's zone, both included."""

    first_day: date | None = None
    last_day: date | None = None
    channels: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    post: int | None = None


def invite(
    session: Session,
    workspace: str,
    *,
    email: str,
    name: str,
    matter: str,
    contact: str,
    limits: Limits,
    last_day: date,
    by: Actor,
    key: str,
) -> tuple[Room, str | None]:
    """Open a room to somebody from outside and write to them; return it, and the secret of the link where one was made.

    *last_day* is the last on which they may come in; *key* the installation's secret key. Products and posts are not
    known here: whoever asks has looked whether they exist.
    """
    ensure_may_open(by, workspace)
    ensure_limits(session, workspace, limits)
    ends_at = end_of(session, workspace, last_day)
    person = accounts.person_with(session, email)
    if person is None:
        person = accounts.add_person(session, email=email, name=name, by=by.id)
        session.flush()
    ensure_may_be_invited(session, workspace, person)
    room = Room(
        workspace=workspace,
        person=person.id,
        matter=_words(matter, "matter", 120),
        contact=_words(contact, "contact", 200),
        first_day=limits.first_day,
        last_day=limits.last_day,
        channels=sorted(limits.channels),
        products=sorted(limits.products),
        post=limits.post,
        opened_by=by.id,
        opened_at=clock.now(session),
        ends_at=ends_at,
    )
    session.add(room)
    session.flush()
    happened = events.RoomOpened(by=by.id, workspace=workspace, room=room.id, person=person.id, ends_at=ends_at)
    record(session, happened, room)
    return room, write(session, room, person, by=by.id, key=key)


def write(session: Session, room: Room, person: Person, *, by: str, key: str) -> str | None:
    """Write to the examiner; return the secret of the link by which somebody without a password chooses one."""
    secret, sealed = None, None
    if person.password is None:
        secret = links.make_invitation(session, person, by=by)
        sealed = base64.b64encode(seal_secret(key, secret.encode())).decode()
    ends_at = clock.to_text(room.ends_at)
    ids = {"workspace": room.workspace, "room": room.id, "ends_at": ends_at}
    write_to(session, person.id, "room", **ids, **({"sealed": sealed, "path": "invitation"} if sealed else {}))
    return secret


def move_end(session: Session, room: Room, *, last_day: date, by: Actor) -> None:
    """Let an examiner in for longer, or for a shorter time."""
    ensure_may_open(by, room.workspace)
    ensure_not_ended(room)
    ends_at = end_of(session, room.workspace, last_day)
    other = open_room(session, room.workspace, room.person)
    if other not in (None, room.id):
        raise Conflict("The same person has another room here that is open.")
    room.ends_at = ends_at
    happened = events.RoomEndMoved(
        by=by.id, workspace=room.workspace, room=room.id, person=room.person, ends_at=ends_at
    )
    record(session, happened, room)


def end(session: Session, room: Room, *, by: Actor) -> None:
    """Shut an examiner out now. Sessions and tokens of somebody with nothing else here end in the same moment."""
    ensure_may_open(by, room.workspace)
    ensure_not_ended(room)
    room.ended_at, room.ended_by = clock.now(session), by.id
    session.flush()
    shut_out = is_shut_out(session, room.person)
    live = select(Token).where(Token.person == room.person, Token.revoked_at.is_(None))
    tokens = session.scalars(live).all() if shut_out else ()
    for token in tokens:
        token.revoked_at = room.ended_at
        record(session, events.TokenRevoked(by=by.id, person=room.person), token)
    record(session, events.RoomEnded(by=by.id, workspace=room.workspace, room=room.id, person=room.person), room)
    if shut_out:
        signing.end_all(session, room.person, by=by.id)


def end_of(session: Session, workspace: str, last_day: date) -> datetime:
    """Return the instant at which *last_day* has passed in the workspace's zone; Invalid where it cannot be the end."""
    zone = workspace_facts(session, workspace).zone
    now = clock.now(session)
    today = clock.wall_time(now, zone).date()
    if not today <= last_day <= today + LONGEST:
        what = f"Choose a last day from today ({today}) to a year from now."
        raise Invalid(what, problems=(Problem("ends", what),))
    midnight = datetime.combine(last_day + timedelta(days=1), time())
    return clock.from_wall(midnight, zone)


# -- guards ----------------------------------------------------------------------------------------------------


def ensure_may_open(by: Actor, workspace: str) -> None:
    """Refuse whoever may not let an examiner in."""
    if not can(by, OPENS, workspace):
        raise CapabilityMissing(f"Your roles in {workspace} do not include “{OPENS}”.")


def ensure_limits(session: Session, workspace: str, limits: Limits) -> None:
    """Refuse days in the wrong order, and channels that the workspace does not have."""
    if limits.first_day and limits.last_day and limits.first_day > limits.last_day:
        what = f"The last day ({limits.last_day}) lies before the first ({limits.first_day})."
        raise Invalid(what, problems=(Problem("last_day", what),))
    known = {channel.name for channel in channels(session, workspace)}
    if unknown := sorted(set(limits.channels) - known):
        what = f"There is no channel {unknown[0][:63]} in {workspace}."
        raise Invalid(what, problems=(Problem("channels", what),))


def ensure_may_be_invited(session: Session, workspace: str, person: Person) -> None:
    """Refuse a closed account, somebody who works here, and somebody whose room is open."""
    if person.disabled_at is not None:
        raise Conflict(f"The account of {person.name} is closed. An administrator may open it again.")
    if has_role(session, workspace, person.id):
        raise Conflict(f"{person.name} has a role in {workspace}. A room is for somebody from outside.")
    if open_room(session, workspace, person.id) is not None:
        raise Conflict(f"{person.name} has a room here that is open: change its end, or end it first.")


def ensure_not_ended(room: Room) -> None:
    """Refuse to change a room that somebody ended."""
    if room.ended_at is not None:
        raise Conflict("This room was ended. Invite the examiner anew.")


def _words(value: str, where: str, limit: int) -> str:
    value = " ".join(value.split())
    if not 0 < len(value) <= limit:
        what = f"Give a {where} of 1 to {limit} characters."
        raise Invalid(what, problems=(Problem(where, what),))
    return value
