"""Which checkpoints are to be dated from outside, and how far that has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from approval import clock
from approval.audit.models import Anchor, Entry, Sealing, Watch
from approval.audit.queries.watching import PROMPT
from approval.db import Session

EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Anchored:
    """How far a log is dated from outside: up to which size, since when, and what went wrong last."""

    size: int
    at: datetime | None
    problem: str | None


def anchored(session: Session, log: str) -> Anchored:
    """Return how far *log* is dated from outside; size 0 where it never was."""
    newest = select(Anchor.size, Anchor.at).where(Anchor.log == log).order_by(Anchor.size.desc()).limit(1)
    last = session.execute(newest).one_or_none()
    problem = session.scalar(select(Watch.anchor_problem).where(Watch.log == log))
    return Anchored(last.size, last.at, problem) if last else Anchored(0, None, problem)


def tokens(session: Session, log: str) -> list[tuple[int, bytes]]:
    """Return every token of *log* with the size of its checkpoint, in order."""
    rows = session.execute(select(Anchor.size, Anchor.token).where(Anchor.log == log).order_by(Anchor.size))
    return [(size, token) for size, token in rows]


def anchor_due(session: Session) -> list[str]:
    """Return the logs whose newest checkpoint is to be dated now, the one that has waited longest first.

    A log is due every hour in which it was sealed, and at once after a decision or a publication.
    """
    now = clock.now(session)
    size = func.coalesce(select(func.max(Anchor.size)).where(Anchor.log == Sealing.log).scalar_subquery(), 0)
    at = select(func.max(Anchor.at)).where(Anchor.log == Sealing.log).scalar_subquery()
    prompt = (
        select(Entry.index)
        .where(Entry.log == Sealing.log, Entry.kind.in_(PROMPT), Entry.index >= size, Entry.index < Sealing.size)
        .correlate(Sealing)
        .exists()
    )
    rows = session.execute(
        select(Sealing.log, at, prompt, Watch.anchoring_until)
        .join(Watch, Watch.log == Sealing.log)
        .where(Sealing.size > size)
        .order_by(func.coalesce(at, Watch.since), Sealing.log)
    )
    return [
        log
        for log, last, at_once, until in rows
        if (until is None or until <= now) and (at_once or last is None or not last <= now < last + EVERY)
    ]
