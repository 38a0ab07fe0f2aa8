"""Legal holds: which stand, what each names, and how many posts it covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from approval.audit.models import Entry
from approval.db import Session, once
from approval.errors import NotFound
from approval.people.models import Proposal
from approval.people.queries import names_of
from approval.records.keeping import Criteria
from approval.records.models import Covered, Hold, Reckoning

MOST_ACTIVE = 200
"""Holds that may stand at once in a workspace, so that each post is asked about all of them."""
MOST_COUNTED = 1_000
SWEEPING = ("hold.placed", "retention.shipped", "retention.enacted", "workspace.changed")
"""Kinds after which every post is looked at again."""


@dataclass(frozen=True)
class LiftFacts:
    """The last proposal to lift a hold; `accepted` is None while it waits for a second person."""

    proposal: int
    reason: str
    by: str
    by_name: str
    at: datetime
    accepted: bool | None


@dataclass(frozen=True)
class HoldFacts:
    """A legal hold: its matter, what it names, who placed it, and whether somebody asked to lift it."""

    id: int
    workspace: str
    matter: str
    reason: str
    criteria: Criteria
    person_name: str | None
    by_name: str
    placed_at: datetime
    lift: LiftFacts | None
    lifted_at: datetime | None

    @property
    def stands(self) -> bool:
        """True until it is lifted."""
        return self.lifted_at is None

    @property
    def waits(self) -> bool:
        """True while somebody's proposal to lift it waits for a second person."""
        return self.stands and self.lift is not None and self.lift.accepted is None


def hold(session: Session, id_: int) -> HoldFacts:
    """Return one hold; NotFound where there is none."""
    found = _facts(session, _holds().where(Hold.id == id_))
    if not found:
        raise NotFound("There is no such legal hold, or none that you may see.")
    return found[0]


@once
def active_holds(session: Session, workspace: str) -> tuple[HoldFacts, ...]:
    """Return the holds of a workspace that stand, newest first."""
    wanted = _holds().where(Hold.workspace == workspace, Hold.lifted_at.is_(None))
    return _facts(session, wanted.order_by(Hold.id.desc()).limit(MOST_ACTIVE))


def lifted_holds(session: Session, workspace: str, *, before: int | None, limit: int) -> tuple[HoldFacts, ...]:
    """Return the holds of a workspace that were lifted, newest first, those with a smaller id than *before*."""
    wanted = _holds().where(Hold.workspace == workspace, Hold.lifted_at.is_not(None))
    if before is not None:
        wanted = wanted.where(Hold.id < before)
    return _facts(session, wanted.order_by(Hold.id.desc()).limit(limit))


def _holds() -> Any:
    return select(Hold, Proposal).outerjoin(Proposal, Proposal.id == Hold.proposal)


def _facts(session: Session, wanted: Any) -> tuple[HoldFacts, ...]:
    rows = session.execute(wanted).all()
    names = names_of(session, _people(rows))
    return tuple(
        HoldFacts(
            id=row.id,
            workspace=row.workspace,
            matter=row.matter,
            reason=row.reason,
            criteria=Criteria(row.person, row.post, row.product, row.first_day, row.last_day),
            person_name=names[row.person] if row.person else None,
            by_name=names[row.placed_by],
            placed_at=row.placed_at,
            lift=LiftFacts(
                asked.id, asked.reason, asked.proposed_by, names[asked.proposed_by], asked.proposed_at, asked.accepted
            )
            if asked
            else None,
            lifted_at=row.lifted_at,
        )
        for row, asked in rows
    )


def _people(rows: Sequence[Any]) -> Iterable[str]:
    for row, asked in rows:
        yield from filter(None, (row.person, row.placed_by, asked.proposed_by if asked else None))


def counts(session: Session, holds: Iterable[HoldFacts]) -> dict[int, int]:
    """Return how many posts each hold covers, counting to MOST_COUNTED and no further."""
    return {one.id: _count(session, one.id) for one in holds}


def _count(session: Session, id_: int) -> int:
    some = select(Covered.post).where(Covered.hold == id_).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def covered_posts(session: Session, id_: int, *, before: int | None, limit: int) -> list[int]:
    """Return the posts that a hold covers, newest first, those with a smaller id than *before*."""
    wanted = select(Covered.post).where(Covered.hold == id_)
    if before is not None:
        wanted = wanted.where(Covered.post < before)
    return list(session.scalars(wanted.order_by(Covered.post.desc()).limit(limit)))


def is_counting(session: Session, workspace: str) -> bool:
    """Say whether posts are still to be gone through, so that counts and the calendar may be behind."""
    row = session.execute(
        select(Reckoning.entries, Reckoning.swept).where(Reckoning.workspace == workspace)
    ).one_or_none()
    if row is None or row.swept is not None:
        return True
    unseen = select(Entry.index).where(Entry.log == workspace, Entry.index >= row.entries, Entry.kind.in_(SWEEPING))
    return session.scalar(unseen.limit(1)) is not None
