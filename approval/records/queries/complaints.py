"""Complaints and until when they are kept; tests of access and when the next is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from approval import clock
from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Workspace
from approval.people.queries import WorkspaceFacts, names_of, workspace_facts
from approval.posts.models import Post, Revision
from approval.records.keeping import Facts, Fate, Kept, Life, RecordClass, covers, fate, keep
from approval.records.models import AccessTest, Complaint, Finding, Way
from approval.records.queries.holds import HoldFacts, active_holds
from approval.records.queries.retention import retention_in_force

HALF_A_YEAR = timedelta(days=183)
"""How long a test of access holds: two a year."""


@dataclass(frozen=True)
class ComplaintFacts:
    """A complaint: who complained of what and when, what was done and answered, and what the firm found."""

    id: int
    workspace: str
    post: int | None
    post_title: str | None
    product: str | None
    received_on: date
    way: Way
    customer: str
    contact: str | None
    account: str | None
    staff: str | None
    about: str
    recorded_by: str
    recorded_by_name: str
    recorded_at: datetime
    done: str | None
    answered_on: date | None
    answer: str | None
    finding: Finding | None
    closed_by: str | None
    closed_by_name: str | None
    closed_at: datetime | None

    @property
    def open(self) -> bool:
        """True until it is closed."""
        return self.closed_at is None

    def days(self, today: date) -> int:
        """Return for how many days the customer has waited for an answer, or waited until it came."""
        return ((self.answered_on or today) - self.received_on).days


def complaint(session: Session, id_: int) -> ComplaintFacts:
    """Return one complaint; NotFound where there is none."""
    found = _complaints(session, Complaint.id == id_, limit=1)
    if not found:
        raise NotFound("There is no such complaint, or none that you may see.")
    return found[0]


def complaints(
    session: Session, workspace: str, *, open_: bool, before: int | None, limit: int
) -> tuple[ComplaintFacts, ...]:
    """Return the open or the closed complaints of a workspace, newest first, those with a smaller id than *before*."""
    ended = Complaint.closed_at.is_(None) if open_ else Complaint.closed_at.is_not(None)
    where = [Complaint.workspace == workspace, ended, *([Complaint.id < before] if before is not None else [])]
    return _complaints(session, *where, limit=limit)


def complaints_of(session: Session, post: int) -> tuple[ComplaintFacts, ...]:
    """Return the complaints about a post, newest first."""
    return _complaints(session, Complaint.post == post, limit=100)


def complaints_between(
    session: Session, workspace: str, first: date, last: date, *, limit: int
) -> tuple[ComplaintFacts, ...]:
    """Return the complaints of a workspace that came in some days, both included, newest first."""
    where = Complaint.workspace == workspace, Complaint.received_on >= first, Complaint.received_on <= last
    return _complaints(session, *where, limit=limit)


def count_open(session: Session, workspace: str) -> int:
    """Return how many complaints wait for their end."""
    wanted = select(func.count()).where(Complaint.workspace == workspace, Complaint.closed_at.is_(None))
    return session.scalar(wanted) or 0


def _complaints(session: Session, *where: ColumnElement[bool], limit: int) -> tuple[ComplaintFacts, ...]:
    rows = session.scalars(select(Complaint).where(*where).order_by(Complaint.id.desc()).limit(limit)).all()
    names = names_of(session, {id_ for row in rows for id_ in (row.recorded_by, row.closed_by) if id_})
    titles = _titles(session, [row.post for row in rows if row.post])
    shown = ("post_title", "recorded_by_name", "closed_by_name")
    return tuple(
        ComplaintFacts(
            **{name: getattr(row, name) for name in ComplaintFacts.__dataclass_fields__ if name not in shown},
            post_title=titles.get(row.post or 0),
            recorded_by_name=names[row.recorded_by],
            closed_by_name=names[row.closed_by] if row.closed_by else None,
        )
        for row in rows
    )


def _titles(session: Session, posts: Sequence[int]) -> dict[int, str]:
    rows = session.execute(
        select(Post.id, Revision.title)
        .join(Revision, (Revision.post == Post.id) & (Revision.digest == Post.revision))
        .where(Post.id.in_(posts))
    )
    return {id_: title for id_, title in rows}


# -- keeping ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ComplaintKeeping:
    """Until when a complaint is kept, the holds that cover it, and what follows."""

    kept: Kept
    holds: tuple[HoldFacts, ...]
    fate: Fate
    version: int


def facts_of(firm: WorkspaceFacts, received_on: date, closed_at: datetime | None, product: str | None) -> Facts:
    """Return what the keeping of a complaint rests on: open, it is in use; closed, it was last used on that day."""
    closed = clock.wall_time(closed_at, firm.zone).date() if closed_at else None
    return Facts(
        of=RecordClass.COMPLAINT,
        made=received_on,
        changed=closed or received_on,
        last_use=closed,
        in_use=closed is None,
        regimes=frozenset({firm.regime}),
        products=frozenset(filter(None, (product,))),
    )


def keeping_of_complaint(session: Session, one: ComplaintFacts) -> ComplaintKeeping:
    """Return until when a complaint is kept, and why."""
    firm, rules = workspace_facts(session, one.workspace), retention_in_force(session, one.workspace)
    facts = facts_of(firm, one.received_on, one.closed_at, one.product)
    kept, holds = keep(rules.retention, facts), complaint_holds(session, one)
    today = clock.wall_time(clock.now(session), firm.zone).date()
    return ComplaintKeeping(kept, holds, fate(kept, held=bool(holds), erasure_asked=False, today=today), rules.number)


def complaint_holds(session: Session, one: ComplaintFacts) -> tuple[HoldFacts, ...]:
    """Return the holds that cover a complaint: by its post, its product, who dealt with it, and when."""
    life = Life(
        post=one.post or 0,
        people=frozenset(filter(None, (one.recorded_by, one.closed_by))),
        products=frozenset(filter(None, (one.product,))),
        first_day=one.received_on,
        last_day=one.closed_at.date() if one.closed_at else None,
    )
    return tuple(hold for hold in active_holds(session, one.workspace) if covers(hold.criteria, life))


# -- tests of access ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccessFacts:
    """A test of access: who got at which export, whether it verified, and who said so."""

    id: int
    export: int
    digest: bytes
    person: str
    verified: bool
    note: str
    by_name: str
    tested_at: datetime


@dataclass(frozen=True)
class AccessStanding:
    """Whether a test of access is due: the last one that verified, and since when the next is late."""

    last: datetime | None
    due: datetime
    late: bool


def access_tests(session: Session, workspace: str, *, limit: int) -> tuple[AccessFacts, ...]:
    """Return the tests of access of a workspace, newest first."""
    wanted = select(AccessTest).where(AccessTest.workspace == workspace).order_by(AccessTest.id.desc()).limit(limit)
    rows = session.scalars(wanted).all()
    names = names_of(session, {row.tested_by for row in rows})
    return tuple(
        AccessFacts(
            row.id, row.export, row.digest, row.person, row.verified, row.note, names[row.tested_by], row.tested_at
        )
        for row in rows
    )


def access_standing(session: Session, workspace: str) -> AccessStanding:
    """Say whether a test of access is late: half a year after the last that verified, or after the workspace began."""
    tested = AccessTest.workspace == workspace, AccessTest.verified
    last = session.scalar(select(func.max(AccessTest.tested_at)).where(*tested))
    began = session.scalars(select(Workspace.created_at).where(Workspace.name == workspace)).one()
    due = (last or began) + HALF_A_YEAR
    return AccessStanding(last, due, clock.now(session) > due)
