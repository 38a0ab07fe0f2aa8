"""Legal holds: one person places one, two lift it."""

from __future__ import annotations

import hashlib

import rfc8785
from sqlalchemy import func, select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Conflict, IllegalStep, Invalid, NotFound, Problem
from approval.people.models import Proposal, Subject, Workspace
from approval.people.services import second
from approval.posts.models import Post
from approval.records import events
from approval.records.keeping import Criteria
from approval.records.models import Hold
from approval.records.queries.holds import MOST_ACTIVE
from approval.records.services.choosing import ensure_days
from approval.review.services.guards import ensure_may, normal_text
from approval.rules import PRODUCTS

MOST_MATTER = 120
MOST_REASON = 2_000


def place_hold(session: Session, workspace: str, *, matter: str, reason: str, criteria: Criteria, by: Actor) -> Hold:
    """Keep every post that meets all of *criteria*, whatever any date says, from now on."""
    ensure_may(by, Capability.HOLD, workspace)
    ensure_meant(session, workspace, criteria)
    # One hold at a time is counted.
    session.execute(select(Workspace.name).where(Workspace.name == workspace).with_for_update())
    ensure_room(session, workspace)
    row = Hold(
        workspace=workspace,
        matter=_line(matter),
        reason=_needed(normal_text(reason, "reason", MOST_REASON), "reason", "Say why these records are kept."),
        person=criteria.person,
        post=criteria.post,
        product=criteria.product,
        first_day=criteria.first_day,
        last_day=criteria.last_day,
        placed_by=by.id,
        placed_at=clock.now(session),
    )
    session.add(row)
    session.flush()
    happened = events.HoldPlaced(
        by=by.id,
        workspace=workspace,
        post=row.post,
        hold=row.id,
        person=row.person,
        product=row.product,
        first_day=row.first_day,
        last_day=row.last_day,
    )
    record(session, happened, row)
    return row


def propose_lift(session: Session, id_: int, *, by: Actor, reason: str) -> Hold:
    """Ask that a hold be lifted; it is at once only where nobody else could agree."""
    row = _for_change(session, id_)
    ensure_may(by, Capability.HOLD, row.workspace)
    ensure_stands(row)
    ensure_nothing_waits(session, row)
    proposal = second.propose(
        session, row.workspace, Subject.HOLD, _named(row), by=by, reason=reason, capability=Capability.HOLD
    )
    row.proposal = proposal.id
    happened = events.HoldLiftProposed(
        by=by.id, workspace=row.workspace, post=row.post, hold=row.id, proposal=proposal.id
    )
    record(session, happened, row)
    if proposal.accepted:
        _lift(session, row, alone=proposal.alone, by=by.id)
    session.flush()
    return row


def second_lift(session: Session, id_: int, *, by: Actor, accept: bool) -> Hold:
    """Answer the proposal to lift a hold: accepted, it ends now. Never by whoever proposed it."""
    row = _for_change(session, id_)
    ensure_may(by, Capability.HOLD, row.workspace)
    ensure_stands(row)
    proposal = session.get(Proposal, row.proposal) if row.proposal else None
    if proposal is None:
        raise IllegalStep("Nobody asked to lift this hold. Ask first, with a reason; another person agrees.")
    if second.second(session, proposal, by=by, accept=accept, capability=Capability.HOLD).accepted:
        _lift(session, row, alone=False, by=by.id)
    return row


def _for_change(session: Session, id_: int) -> Hold:
    row = session.get(Hold, id_, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such legal hold, or none that you may see.")
    return row


def _lift(session: Session, row: Hold, *, alone: bool, by: str) -> None:
    row.lifted_at = clock.now(session)
    happened = events.HoldLifted(by=by, workspace=row.workspace, post=row.post, hold=row.id, alone=alone)
    record(session, happened, row)
    session.flush()


def _named(row: Hold) -> bytes:
    """Return the digest that names what is proposed: that this hold ends."""
    return hashlib.sha256(rfc8785.dumps({"lift": "hold", "workspace": row.workspace, "id": row.id})).digest()


def ensure_meant(session: Session, workspace: str, criteria: Criteria) -> None:
    """Refuse a hold that names nothing, or something that is not there."""
    if criteria.empty:
        what = "Name at least one of person, post, product and period. For everything, give the first day alone."
        raise Invalid(what, problems=(Problem("", what),))
    if criteria.first_day and criteria.last_day:
        ensure_days(criteria.first_day, criteria.last_day)
    if criteria.product is not None and criteria.product not in PRODUCTS:
        what = f"“{criteria.product[:40]}” is no product. Choose one of the list."
        raise Invalid(what, problems=(Problem("product", what),))
    if criteria.post is not None:
        owner = session.scalar(select(Post.workspace).where(Post.id == criteria.post))
        if owner != workspace:
            what = f"There is no post {criteria.post} in {workspace}."
            raise Invalid(what, problems=(Problem("post", what),))


def ensure_room(session: Session, workspace: str) -> None:
    """Refuse more holds than every post can be asked about."""
    standing = Hold.workspace == workspace, Hold.lifted_at.is_(None)
    if (session.scalar(select(func.count()).select_from(Hold).where(*standing)) or 0) >= MOST_ACTIVE:
        raise Conflict(f"{MOST_ACTIVE} legal holds stand already. Lift those whose matter has ended, or widen one.")


def ensure_stands(row: Hold) -> None:
    """Refuse a hold that was lifted."""
    if row.lifted_at is not None:
        raise IllegalStep("This legal hold was lifted already.")


def ensure_nothing_waits(session: Session, row: Hold) -> None:
    """Refuse a second proposal while one waits."""
    proposal = session.get(Proposal, row.proposal) if row.proposal else None
    if proposal is not None and proposal.decided_at is None:
        raise Conflict("Somebody asked to lift this hold already: another person agrees or turns it down.")


def _line(matter: str) -> str:
    text = _needed(normal_text(matter, "matter", MOST_MATTER), "matter", "Name the matter, such as a case number.")
    return " ".join(text.split())


def _needed(text: str | None, where: str, what: str) -> str:
    if text is None:
        raise Invalid(what, problems=(Problem(where, what),))
    return text
