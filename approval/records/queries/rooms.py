"""What a room shows: the posts within its limits, told to the end of its days; and what its examiner looked at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased

from approval import clock
from approval.audit.models import Entry
from approval.capabilities import Room
from approval.db import Session
from approval.people.queries import workspace_facts
from approval.posts.models import CommentText, Post, Revision, Standing
from approval.records.events import LookedAt
from approval.records.models import Export, Passage, PassageKind
from approval.records.queries.exports import ExportFacts, export
from approval.records.queries.selection import Period

STRETCH = timedelta(minutes=30)
PARTS: Mapping[str, tuple[str, str]] = {
    "records_api.show": ("records.export", "export_id"),
    "records.case_image": ("records.case_file", "post_id"),
}
"""What a page fetches by itself while it is open, such as its images, or every two seconds how far an export is: the
page to which it belongs, and the id that names what both are about. It is recorded where that page was not, and then
once in a `STRETCH`: an entry for each would drown the steps that somebody took."""
_RECENT = 50
_MOST_WORDS = 8
_ALWAYS = date(1970, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True)
class Shown:
    """A post that a room shows."""

    id: int
    title: str
    standing: Standing
    changed_at: datetime


@dataclass(frozen=True)
class Look:
    """Something that an examiner looked at: the page, and what it was about."""

    index: int
    at: datetime
    page: str
    about: str


def shows(session: Session, room: Room, post: int, at: datetime | None = None) -> bool:
    """Say whether a room shows a post, and what happened to it *at* an instant."""
    if at is not None and (ends := told_until(session, room)) is not None and at >= ends:
        return False
    return session.scalar(select(Post.id).where(Post.id == post, *within(session, room))) is not None


def shown(session: Session, room: Room, *, words: str = "", before: int | None, limit: int) -> list[Shown]:
    """Return the posts that a room shows, newest first, those with a smaller id than *before* and *words* as title."""
    older = () if before is None else (Post.id < before,)
    titled = (Revision.title.icontains(word, autoescape=True) for word in words.split()[:_MOST_WORDS])
    rows = session.execute(
        select(Post.id, Revision.title, Post.standing, Post.changed_at)
        .join(Revision, and_(Revision.post == Post.id, Revision.digest == Post.revision))
        .where(*within(session, room), *older, *titled)
        .order_by(Post.id.desc())
        .limit(limit)
    )
    return [Shown(*row) for row in rows]


def posts_between(session: Session, room: Room, first: date, last: date, *, limit: int) -> list[int]:
    """Return the posts of a room to which something happened on these days, both included, to *limit*."""
    days = _happened(session, room.workspace, first, last)
    return list(session.scalars(select(Post.id).where(*within(session, room), days).order_by(Post.id).limit(limit)))


def findable(session: Session, room: Room) -> list[ColumnElement[bool]]:
    """Return what makes a passage one that a room may find: what the case files of its posts tell, as far as they do.

    Entries and records of other tools are none: they speak of what no limit names. A comment is found by all it ever
    said, so one that was changed after the last day is none either.
    """
    told = PassageKind.POST, PassageKind.COMMENT, PassageKind.DECISION
    posts = select(Post.id).where(*within(session, room))
    conditions = [Passage.workspace == room.workspace, Passage.kind.in_(told), Passage.post.in_(posts)]
    if (until := told_until(session, room)) is not None:
        later = select(CommentText.comment).where(CommentText.comment == Passage.record, CommentText.at >= until)
        changed = and_(Passage.kind == PassageKind.COMMENT, later.correlate(Passage).exists())
        conditions += [Passage.at < until, ~changed]
    return conditions


def days_of(room: Room) -> tuple[date, date]:
    """Return the first and last day of a room, those of any calendar where it has none."""
    return room.first_day or _ALWAYS[0], room.last_day or _ALWAYS[1]


def told_until(session: Session, room: Room) -> datetime | None:
    """Return the instant to which the posts of a room are told: the end of its last day."""
    return None if room.last_day is None else _period(session, room.workspace, *days_of(room)).ends


def within(session: Session, room: Room) -> list[ColumnElement[bool]]:
    """Return what makes a post one that a room shows. Products and channels count in any revision, as for holds."""
    conditions: list[ColumnElement[bool]] = [Post.workspace == room.workspace]
    if room.post is not None:
        conditions.append(Post.id == room.post)
    if room.first_day or room.last_day:
        conditions.append(_happened(session, room.workspace, *days_of(room)))
    # Keys of RFC 8785 stand in order of spelling, and a quotation mark within a text is escaped: no text holds these.
    if room.products:
        conditions.append(_said(f'%"product":"{product}","regime":%' for product in room.products))
    if room.channels:
        conditions.append(_said(f'%"channels":[%"{name}"%],"disclosures":[%' for name in room.channels))
    return conditions


def _said(patterns: Iterable[str]) -> ColumnElement[bool]:
    any_revision = aliased(Revision)
    any_of = or_(*(any_revision.payload.like(pattern) for pattern in patterns))
    return select(any_revision.id).where(any_revision.post == Post.id, any_of).correlate(Post).exists()


def _happened(session: Session, workspace: str, first: date, last: date) -> ColumnElement[bool]:
    period = _period(session, workspace, first, last)
    inside = Entry.log == workspace, Entry.post == Post.id, Entry.at >= period.begins, Entry.at < period.ends
    return select(Entry.index).where(*inside).correlate(Post).exists()


def _period(session: Session, workspace: str, first: date, last: date) -> Period:
    return Period(first, last, workspace_facts(session, workspace).zone)


def exports_of(session: Session, workspace: str, person: str, *, limit: int) -> tuple[ExportFacts, ...]:
    """Return the exports that *person* asked for in a workspace, newest first."""
    asked = select(Export.id).where(Export.workspace == workspace, Export.asked_by == person)
    return tuple(export(session, id_) for id_ in session.scalars(asked.order_by(Export.id.desc()).limit(limit)).all())


# -- what was looked at ------------------------------------------------------------------------------------------


def is_noted(session: Session, workspace: str, person: str, *, page: str, about: str) -> bool:
    """Say whether a page is a part of one that *person* looked at lately, or was itself recorded lately."""
    if page not in PARTS:
        return False
    whole, name = PARTS[page]
    words = about.split(" ")
    ids = dict(zip(words[::2], words[1::2], strict=True))
    same = {(page, about), (whole, f"{name} {ids[name]}")}
    since = clock.now(session) - STRETCH
    latest = looks(session, workspace, person, limit=_RECENT)
    return any(look.at >= since and (look.page, look.about) in same for look in latest)


def looks(
    session: Session,
    workspace: str,
    person: str,
    *,
    since: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> list[Look]:
    """Return what *person* looked at in a workspace since an instant, the latest first, below the index *before*."""
    older = () if before is None else (Entry.index < before,)
    later = () if since is None else (Entry.at >= since,)
    rows = session.execute(
        select(Entry.index, Entry.at, Entry.body)
        .where(Entry.log == workspace, Entry.actor == person, Entry.kind == LookedAt.kind, *later, *older)
        .order_by(Entry.index.desc())
        .limit(limit)
    )
    return [_look(*row) for row in rows]


def _look(index: int, at: datetime, body: bytes) -> Look:
    facts = json.loads(body)["facts"]
    return Look(index, at, facts["page"], facts["about"])


def last_seen(session: Session, workspace: str, people: Iterable[str]) -> dict[str, datetime]:
    """Return when each of *people* last looked at something in a workspace."""
    rows = session.execute(
        select(Entry.actor, func.max(Entry.at))
        .where(Entry.log == workspace, Entry.actor.in_(list(people)), Entry.kind == LookedAt.kind)
        .group_by(Entry.actor)
    )
    return {actor: at for actor, at in rows}
