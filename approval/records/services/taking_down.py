"""What was published and taken down: said by one person, found gone by one who opened the link. Use ends there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Conflict, IllegalStep, Invalid, NotFound, Problem
from approval.people.models import Channel
from approval.publishing.models import Publication
from approval.records import events
from approval.records.models import TakeDown
from approval.review.services.guards import ensure_may, normal_text

MOST_REASON = 2_000


def take_down(
    session: Session, publication: int, *, by: Actor, taken_at: datetime | None, reason: str, gone: bool = False
) -> TakeDown:
    """Say that a publication was taken down at *taken_at* (None: now); *gone* where *by* opened the link and looked."""
    found = session.get(Publication, publication, with_for_update=True)
    if found is None:
        raise NotFound("There is no such publication, or none that you may see.")
    ensure_may(by, Capability.STOP, found.workspace)
    ensure_out(found)
    ensure_up(session, found)
    now = clock.now(session)
    ensure_between(taken_at or now, found, now)
    text = normal_text(reason, "reason", MOST_REASON)
    if text is None:
        what = "Say why it was taken down."
        raise Invalid(what, problems=(Problem("reason", what),))
    row = TakeDown(
        workspace=found.workspace,
        post=found.post,
        publication=found.id,
        reason=text,
        taken_by=by.id,
        taken_at=taken_at or now,
        confirmed_by=by.id if gone else None,
        gone_at=now if gone else None,
    )
    session.add(row)
    session.flush()
    channel = session.get_one(Channel, found.channel).name
    happened = events.TakeDownRecorded(
        by=by.id,
        workspace=row.workspace,
        post=row.post,
        publication=row.publication,
        channel=channel,
        taken_at=row.taken_at,
    )
    record(session, happened, row)
    if gone:
        _confirmed(session, row, channel, by.id)
    return row


def confirm_gone(session: Session, id_: int, *, by: Actor) -> TakeDown:
    """Say that *by* opened the link of what was taken down and found it gone: its use ends now."""
    row = session.get(TakeDown, id_, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such take-down, or none that you may see.")
    ensure_may(by, Capability.STOP, row.workspace)
    if row.gone_at is not None:
        raise IllegalStep("Somebody found it gone already.")
    row.confirmed_by, row.gone_at = by.id, clock.now(session)
    found = session.get_one(Publication, row.publication)
    _confirmed(session, row, session.get_one(Channel, found.channel).name, by.id)
    session.flush()
    return row


def _confirmed(session: Session, row: TakeDown, channel: str, by: str) -> None:
    happened = events.TakeDownConfirmed(
        by=by, workspace=row.workspace, post=row.post, publication=row.publication, channel=channel
    )
    record(session, happened, row)


def ensure_out(publication: Publication) -> None:
    """Refuse what never went out."""
    if publication.published_at is None:
        raise IllegalStep(f"This publication is {publication.standing.replace('_', ' ')}: it never went out.")


def ensure_up(session: Session, publication: Publication) -> None:
    """Refuse what was taken down already."""
    if session.scalar(select(TakeDown.id).where(TakeDown.publication == publication.id)) is not None:
        raise Conflict("It was taken down already: the take-down stands with the post.")


def ensure_between(taken_at: datetime, publication: Publication, now: datetime) -> None:
    """Refuse an instant before it was published, or that has not come."""
    if publication.published_at is not None and not publication.published_at <= taken_at <= now:
        what = "It was taken down after it was published, and not later than now. Check day and time."
        raise Invalid(what, problems=(Problem("taken_at", what),))
