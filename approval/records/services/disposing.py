"""Disposing of records whose period has ended: two people agree on a list, the worker goes through it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

import rfc8785
from sqlalchemy import delete, select

from approval import clock
from approval.audit.events import Erased
from approval.audit.models.images import content_digest
from approval.audit.queries.erasing import Named, place_of
from approval.audit.services import record
from approval.audit.services.erasing import erase
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Conflict, IllegalStep, Invalid, NotFound, Problem
from approval.people.models import Proposal, Subject, Workspace
from approval.people.services import second
from approval.posts.models import Media, Post, Revision
from approval.posts.payload import parse
from approval.records import events
from approval.records.models import (
    Archived,
    Complaint,
    Disposition,
    DispositionItem,
    Export,
    Keeping,
    Kind,
    LettingGo,
    Lookback,
    RetentionVersion,
)
from approval.records.queries.disposing import (
    MOST,
    due_through,
    standing_against,
    today_in,
    unnamed_media,
)
from approval.records.services.asking import WORKER
from approval.records.services.forgetting import about_words, all_named, forget_search, let_go, parts_of
from approval.review.models import WorkflowVersion
from approval.review.services.guards import ensure_may
from approval.screening.models import RuleSetVersion

TOGETHER = 20
"""Records that one transaction disposes of."""
UNDER = "disposition"
ROWS: dict[Kind, type[Any]] = {
    Kind.POST: Post,
    Kind.WORKFLOW: WorkflowVersion,
    Kind.RULES: RuleSetVersion,
    Kind.RETENTION: RetentionVersion,
    Kind.EXPORT: Export,
    Kind.LOOKBACK: Lookback,
    Kind.ARCHIVED: Archived,
    Kind.COMPLAINT: Complaint,
}


def propose_disposition(session: Session, workspace: str, *, through: date, by: Actor, reason: str) -> Disposition:
    """Ask that everything be disposed of whose period ended by *through*; at once only where nobody could agree.

    The list is fixed here, at most MOST records, soonest first; what is held by then, or listed already, is not on it.
    """
    ensure_may(by, Capability.HOLD, workspace)
    if through >= today_in(session, workspace):
        what = "Choose a day that has passed: what is due today is kept until its end."
        raise Invalid(what, problems=(Problem("through", what),))
    _lock(session, workspace)
    found = due_through(session, workspace, through, limit=MOST)
    if not found:
        raise Conflict("Nothing is due by then that no hold covers and no other list names.")
    listed: Any = [[str(one.kind), one.record] for one in found]
    digest = hashlib.sha256(rfc8785.dumps({"dispose": workspace, "records": listed})).digest()
    proposal = second.propose(
        session, workspace, Subject.DISPOSITION, digest, by=by, reason=reason, capability=Capability.HOLD
    )
    row = Disposition(
        workspace=workspace,
        state=LettingGo.PROPOSED,
        through=through,
        records=len(found),
        digest=digest,
        proposal=proposal.id,
    )
    session.add(row)
    session.flush()
    session.add_all(
        DispositionItem(
            disposition=row.id, number=number, kind=one.kind, record=one.record, until=one.until, rule=one.rule
        )
        for number, one in enumerate(found, 1)
    )
    happened = events.DispositionProposed(
        by=by.id,
        workspace=workspace,
        disposition=row.id,
        through=through,
        records=len(found),
        digest=digest,
        proposal=proposal.id,
    )
    record(session, happened, row)
    if proposal.accepted:
        _begin(session, row, alone=True, by=by.id)
    session.flush()
    return row


def second_disposition(session: Session, id_: int, *, by: Actor, accept: bool) -> Disposition:
    """Answer a proposal to dispose of records: accepted, the worker begins. Never by whoever proposed it."""
    row = session.get(Disposition, id_, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such disposition, or none that you may see.")
    ensure_may(by, Capability.HOLD, row.workspace)
    if row.state is not LettingGo.PROPOSED:
        raise IllegalStep("This disposition was answered already.")
    proposal = session.get_one(Proposal, row.proposal)
    if second.second(session, proposal, by=by, accept=accept, capability=Capability.HOLD).accepted:
        _begin(session, row, alone=False, by=by.id)
    else:
        row.state = LettingGo.TURNED_DOWN
        record(session, events.DispositionTurnedDown(by=by.id, workspace=row.workspace, disposition=row.id), row)
    session.flush()
    return row


def _begin(session: Session, row: Disposition, *, alone: bool, by: str) -> None:
    row.state, row.begun_at = LettingGo.AGREED, clock.now(session)
    record(session, events.DispositionAgreed(by=by, workspace=row.workspace, disposition=row.id, alone=alone), row)


def _lock(session: Session, workspace: str) -> None:
    """Keep holds from being placed meanwhile: placing one locks the same row. Other work goes on."""
    session.execute(select(Workspace.name).where(Workspace.name == workspace).with_for_update(key_share=True))


# -- the worker -------------------------------------------------------------------------------------------------------


def dispose_some(session: Session, id_: int) -> bool:
    """Dispose of the next records of a list, each asked again whether something keeps it; False where none is left."""
    row = session.scalar(
        select(Disposition)
        .where(Disposition.id == id_, Disposition.state == LettingGo.AGREED)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return False
    _lock(session, row.workspace)
    items = session.scalars(
        select(DispositionItem)
        .where(DispositionItem.disposition == id_, DispositionItem.settled_at.is_(None))
        .order_by(DispositionItem.number)
        .limit(TOGETHER)
    ).all()
    if not items:
        return False
    posts = sorted(item.record for item in items if item.kind is Kind.POST)
    session.execute(select(Post.id).where(Post.id.in_(posts)).order_by(Post.id).with_for_update())
    against = standing_against(session, row.workspace, [(item.kind, item.record) for item in items])
    now = clock.now(session)
    for item in items:
        item.settled_at, item.kept_because = now, against[item.kind, item.record]
    going = [item for item in items if item.kept_because is None]
    for item in going:
        item.media = sorted(_media(session, item.record)) if item.kind is Kind.POST else []
    happened = {item.number: _happened(row, item) for item in going}
    release(session, row.workspace, [(ROWS[item.kind], item.record, happened[item.number]) for item in going])
    for item in going:
        where = Keeping.workspace == row.workspace, Keeping.kind == item.kind, Keeping.record == item.record
        session.execute(delete(Keeping).where(*where))
    session.flush()
    return True


def _happened(row: Disposition, item: DispositionItem) -> Erased:
    return Erased(
        by=WORKER,
        workspace=row.workspace,
        post=item.record if item.kind is Kind.POST else None,
        under=UNDER,
        case=row.id,
        of=row.workspace,
        record=f"{item.kind} {item.record}",
        rule=item.rule,
        until=item.until,
    )


def _media(session: Session, post: int) -> set[str]:
    found: set[str] = set()
    for payload in session.scalars(select(Revision.payload).where(Revision.post == post)):
        try:
            found |= {attached.digest.hex() for attached in parse(payload).media}
        except ValueError:
            continue
    return found


def release(session: Session, workspace: str, going: Sequence[tuple[type[Any], int, Erased]]) -> int:
    """Delete records with all that hangs on them, and erase all that was ever committed of it.

    Each is a class, an id and the event; the caller holds the lock of posts. Returns how many commitments were open.
    """
    released = []
    for cls, id_, happened in going:
        root = session.get(cls, id_)
        if root is None:
            continue  # Somebody else deleted it: the calendar was behind.
        more, _ = about_words(session, workspace, id_) if cls is Post else ((), frozenset())
        parts = parts_of(session, root, *more)
        let_go(session, parts)
        released.append((happened, parts))
    posts = [id_ for cls, id_, _ in going if cls is Post]
    rows = [row for _, parts in released for row in parts.witnessed]
    found = all_named(session, workspace, posts, rows)
    count = 0
    for happened, parts in released:
        freed = {id(row) for row, _ in parts.freed}
        whole = Named().joined(found[place_of(row)] for row in parts.witnessed if id(row) not in freed)
        forget_search(
            session, workspace, workspace, sorted(whole.commitments), [happened.post] if happened.post else []
        )
        count += erase(session, happened, parts.witnessed, whole)
    return count


def end_disposition(session: Session, id_: int, media: frozenset[bytes], seen: int) -> bool:
    """End a list that is through: images that nobody names any more go too. *media* are those that no revision up to
    *seen* names. False where the list is not through, or another worker is at it.
    """
    row = session.scalar(
        select(Disposition)
        .where(Disposition.id == id_, Disposition.state == LettingGo.AGREED)
        .with_for_update(skip_locked=True)
    )
    left = select(DispositionItem.number).where(
        DispositionItem.disposition == id_, DispositionItem.settled_at.is_(None)
    )
    if row is None or session.scalar(left.limit(1)) is not None:
        return False
    _let_media_go(session, row, unnamed_media(session, row.workspace, media, after=seen)[0])
    kept = session.scalars(select(DispositionItem.kept_because).where(DispositionItem.disposition == id_)).all()
    row.state, row.ended_at = LettingGo.DONE, clock.now(session)
    row.kept = sum(because is not None for because in kept)
    row.disposed = len(kept) - row.kept
    happened = events.DispositionEnded(
        by=WORKER, workspace=row.workspace, disposition=id_, disposed=row.disposed, kept=row.kept
    )
    record(session, happened, row)
    session.flush()
    return True


def _let_media_go(session: Session, row: Disposition, digests: frozenset[bytes]) -> None:
    where = Media.workspace == row.workspace, Media.digest.in_(digests)
    images = session.scalars(select(Media).where(*where).order_by(Media.digest)).all()
    if not images:
        return
    contents = {image.digest for image in images} | {content_digest(image.words) for image in images if image.words}
    for image in images:
        session.delete(image)
    session.flush()
    happened = Erased(by=WORKER, workspace=row.workspace, under=UNDER, case=row.id, of=row.workspace, record="images")
    erase(session, happened, images, Named(contents=frozenset(contents)))
