"""What an examiner does in a room: looks, which is recorded, and asks for exports of what the room shows."""

from __future__ import annotations

from datetime import date

from approval.audit.services import record
from approval.capabilities import Actor, Capability, Room, in_room
from approval.db import Session
from approval.errors import CapabilityMissing, Invalid, Problem
from approval.people.services.rooms import Limits
from approval.posts.models import Post
from approval.records.events import LookedAt
from approval.records.models import Export
from approval.records.queries.rooms import days_of, posts_between
from approval.records.queries.selection import Filters
from approval.records.services.asking import asked_for
from approval.records.services.choosing import MOST_CHOSEN, ensure_days
from approval.rules import PRODUCTS


def note_look(session: Session, by: Actor, workspace: str, *, page: str, about: str) -> None:
    """Record that somebody with a room looked at a page."""
    room = by.rooms[workspace]
    record(session, LookedAt(by=by.id, workspace=workspace, room=room.id, page=page, about=about))


def ask_in_room(session: Session, room: Room, *, first_day: date, last_day: date, by: Actor) -> Export:
    """Ask for an export of the posts that a room shows, of days within its own."""
    if by.rooms.get(room.workspace) != room or not in_room(by, Capability.EXPORT, room.workspace):
        raise CapabilityMissing("This is no room of yours, or it has ended.")
    ensure_days(first_day, last_day)
    ensure_within(room, first_day, last_day)
    posts = posts_between(session, room, first_day, last_day, limit=MOST_CHOSEN + 1)
    if not posts:
        what = "On these days nothing happened to any post that you may see."
        raise Invalid(what, problems=(Problem("first_day", what),))
    if len(posts) > MOST_CHOSEN:
        what = f"These are more than {MOST_CHOSEN} posts. Choose fewer days, and ask for the others after them."
        raise Invalid(what, problems=(Problem("last_day", what),))
    return asked_for(
        session, room.workspace, first_day, last_day, Filters(posts=tuple(posts), closed=Room.CLOSED), by=by
    )


def ensure_within(room: Room, first_day: date, last_day: date) -> None:
    """Refuse days outside those of the room."""
    first, last = days_of(room)
    if first_day < first or last_day > last:
        where, what = ("first_day", f"Your room begins with {first}.")
        if last_day > last:
            where, what = ("last_day", f"Your room ends with {last}.")
        raise Invalid(what, problems=(Problem(where, what),))


def ensure_known(session: Session, workspace: str, limits: Limits) -> None:
    """Refuse limits that name a post or a product that is not there: the room would show nothing."""
    post = None if limits.post is None else session.get(Post, limits.post)
    if limits.post is not None and (post is None or post.workspace != workspace):
        what = f"There is no post {limits.post} in {workspace}."
        raise Invalid(what, problems=(Problem("post", what),))
    if unknown := sorted(set(limits.products) - set(PRODUCTS)):
        what = f"There is no product {unknown[0][:40]}."
        raise Invalid(what, problems=(Problem("products", what),))
