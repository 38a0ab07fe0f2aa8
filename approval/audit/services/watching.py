"""What the watch over a log notes: refused sealing, verification, heart-beats; and who is at it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import case, distinct, func, or_, select, update

from approval import clock
from approval.audit.events import INSTALLATION, LogBeaten, LogSealingRefused, LogVerified
from approval.audit.models import Anchor, Entry, Log, Watch
from approval.audit.queries.watching import PUBLISHED
from approval.audit.services.recording import record
from approval.db import Session

SEALER, WATCH = "sealer", "watch"
REFUSAL_NOTED_EVERY = timedelta(hours=1)
CHECK_TAKES = timedelta(hours=6)
"""How long a verification is left to the worker that took it up."""
MOST_WORDS = 300


@dataclass(frozen=True)
class Checked:
    """How a verification ended; `root` is None where it did not come so far. `seconds` are whole."""

    size: int
    root: bytes | None
    sealed: int
    seconds: int
    differences: int = 0
    problem: str | None = None

    @property
    def holds(self) -> bool:
        """True where nothing was found."""
        return self.problem is None


def note_refusal(session: Session, log: str, because: str) -> None:
    """Keep that sealing *log* was refused, with an entry in the installation's log at most once an hour."""
    now = clock.now(session)
    where = Watch.log == log
    noted = session.scalar(select(Watch.refusal_noted_at).where(where).with_for_update())
    values: dict[str, Any] = {
        "refused_at": func.coalesce(Watch.refused_at, now),
        "refusal": because,
        "told_at": case((Watch.refused_at.is_not(None), Watch.told_at)),
    }
    if noted is None or now - noted >= REFUSAL_NOTED_EVERY:
        record(session, LogSealingRefused(by=SEALER, of=log, because=because))
        values["refusal_noted_at"] = now
    session.execute(update(Watch).where(where).values(**values))


def note_sealed(session: Session, log: str) -> None:
    """End the alarm of a log that was sealed."""
    over = {"refused_at": None, "refusal": None, "refusal_noted_at": None, "told_at": None}
    session.execute(update(Watch).where(Watch.log == log, Watch.refused_at.is_not(None)).values(**over))


def claim_check(session: Session, log: str) -> bool:
    """Take up today's verification of *log*; False where it is done, or another worker is at it."""
    now = clock.now(session)
    midnight = _midnight(now.date())
    claimed = session.execute(
        update(Watch)
        .where(
            Watch.log == log,
            Watch.since < midnight,
            or_(Watch.checked_at.is_(None), Watch.checked_at < midnight),
            or_(Watch.checking_until.is_(None), Watch.checking_until < now),
        )
        .values(checking_until=now + CHECK_TAKES)
        .returning(Watch.log)
    )
    return claimed.first() is not None


def drop_check(session: Session, log: str) -> None:
    """Leave a verification that was not finished to whoever comes next."""
    session.execute(update(Watch).where(Watch.log == log).values(checking_until=None))


def note_checked(session: Session, log: str, found: Checked) -> None:
    """Record how a verification of *log* ended; one that holds ends the alarm."""
    now = clock.now(session)
    record(
        session,
        LogVerified(
            by=WATCH,
            workspace=_workspace(log),
            holds=found.holds,
            size=found.size,
            root=found.root,
            sealed=found.sealed,
            seconds=found.seconds,
            differences=found.differences,
            problem=found.problem,
        ),
    )
    values: dict[str, Any] = {"checked_at": now, "checking_until": None, "problem": found.problem}
    if found.holds:
        values |= {"good_at": now, "told_at": None}
    else:
        values["told_at"] = case((Watch.problem.is_not(None), Watch.told_at))
    session.execute(update(Watch).where(Watch.log == log).values(**values))


def beat(session: Session, log: str) -> bool:
    """Record the heart-beat of the days that have ended since the last one; False where there is none to record."""
    yesterday = clock.now(session).date() - timedelta(days=1)
    watch = session.execute(
        select(Watch.since, Watch.beaten_through).where(Watch.log == log).with_for_update()
    ).one_or_none()
    if watch is None:
        return False
    first = watch.beaten_through + timedelta(days=1) if watch.beaten_through else watch.since.date()
    if first > yesterday:
        return False
    record(session, _beaten(session, log, first, yesterday))
    session.execute(update(Watch).where(Watch.log == log).values(beaten_through=yesterday))
    return True


def _beaten(session: Session, log: str, first: date, last: date) -> LogBeaten:
    begins, ends = _midnight(first), _midnight(last + timedelta(days=1))
    within = Entry.log == log, Entry.at >= begins, Entry.at < ends
    kinds = session.execute(select(Entry.kind, func.count()).where(*within).group_by(Entry.kind)).all()
    groups: Counter[str] = Counter()
    for kind, count in kinds:
        groups[kind.partition(".")[0]] += count
    anchor = session.execute(
        select(Anchor.size, Anchor.token).where(Anchor.log == log).order_by(Anchor.size.desc()).limit(1)
    ).one_or_none()
    return LogBeaten(
        by=WATCH,
        workspace=_workspace(log),
        first_day=first,
        last_day=last,
        size=session.scalars(select(Log.size).where(Log.name == log)).one(),
        entries=dict(groups),
        posts=session.scalar(select(func.count(distinct(Entry.post))).where(*within)) or 0,
        publications=sum(count for kind, count in kinds if kind in PUBLISHED),
        anchored=anchor.size if anchor else None,
        token=sha256(anchor.token).digest() if anchor else None,
    )


def claim_telling(session: Session, log: str) -> bool:
    """Take it up to tell people of the alarm of *log*; False where somebody has."""
    told = update(Watch).where(Watch.log == log, Watch.told_at.is_(None)).values(told_at=clock.now(session))
    return session.execute(told.returning(Watch.log)).first() is not None


def _workspace(log: str) -> str | None:
    return None if log == INSTALLATION else log


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
