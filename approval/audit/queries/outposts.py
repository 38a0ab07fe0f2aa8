"""How far places outside hold each log: the witnesses that cosigned it, and the write-once copy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, and_, cast, func, literal, or_, select

from approval import clock
from approval.audit.models import Anchor, Checkpoint, Cosignature, Outpost, Sealing, Watch, WormCopy
from approval.db import Session

COPY = "write-once copy"
"""What the copy is called among the outposts; the name of a witness holds no space."""
LOOK_EVERY = timedelta(hours=1)
"""How often a witness is asked although nothing is new: it would tell of a log that was rolled back."""
COPY_EVERY = timedelta(hours=1)
_BEHIND_AFTER = {COPY: timedelta(hours=2)}
_WITNESS_BEHIND_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Reached:
    """How far a place outside holds a log: up to which size, when it last agreed, since when it is behind, and why."""

    name: str
    size: int
    at: datetime | None
    behind_since: datetime | None
    problem: str | None
    alarm: str | None

    @property
    def is_copy(self) -> bool:
        """Whether this is the write-once copy; a witness otherwise."""
        return self.name == COPY


def reached(session: Session, log: str) -> tuple[Reached, ...]:
    """Return how far each place outside holds *log*, in order of name."""
    now = clock.now(session)
    waits = (
        select(Checkpoint.at)
        .where(Checkpoint.log == Outpost.log, Checkpoint.size > Outpost.size)
        .order_by(Checkpoint.size)
        .limit(1)
        .scalar_subquery()
    )
    columns = (Outpost.name, Outpost.size, Outpost.at, waits, Outpost.problem, Outpost.alarm)
    rows = session.execute(select(*columns).where(Outpost.log == log).order_by(Outpost.name))
    found = []
    for name, size, at, since, problem, alarm in rows:
        patience = _BEHIND_AFTER.get(name, _WITNESS_BEHIND_AFTER)
        behind = since if since is not None and now - since > patience else None
        found.append(Reached(name, size, at, behind, problem, alarm))
    return tuple(found)


def cosignatures(session: Session, log: str, size: int) -> str:
    """Return the lines by which witnesses cosigned the checkpoint of this size."""
    lines = select(Cosignature.line).where(Cosignature.log == log, Cosignature.size == size)
    return "".join(session.scalars(lines.order_by(Cosignature.witness)))


def newest_cosigned(session: Session, log: str, size: int) -> set[int]:
    """Return the sizes, at most *size*, of the newest checkpoint that each witness cosigned."""
    newest = select(func.max(Cosignature.size)).where(Cosignature.log == log, Cosignature.size <= size)
    return set(session.scalars(newest.group_by(Cosignature.witness)))


def differ(session: Session, names: Collection[str], *, copies: bool) -> bool:
    """Say whether the places known are others than these: the witnesses, or (*copies*) the copy."""
    logs = session.scalars(select(Sealing.log)).all()
    kind = Outpost.name == COPY if copies else Outpost.name != COPY
    known = session.execute(select(Outpost.log, Outpost.name).where(kind))
    return {(log, name) for log, name in known} != {(log, name) for log in logs for name in names}


def looks_due(session: Session) -> list[tuple[str, str]]:
    """Return which log is to be shown to which witness now: a new checkpoint, an old one hourly, and every log of which
    sealing was refused since, for evidence from outside."""
    now = clock.now(session)
    rows = session.execute(
        select(Outpost.log, Outpost.name, Outpost.at, Outpost.size < Sealing.size, Watch.refused_at)
        .join(Sealing, Sealing.log == Outpost.log)
        .join(Watch, Watch.log == Outpost.log)
        .where(Outpost.name != COPY, Sealing.size > 0, _free(now))
        .order_by(Outpost.name, Outpost.log)
    )
    return [
        (log, name)
        for log, name, at, new, refused in rows
        if new or at is None or now - at >= LOOK_EVERY or (refused is not None and refused > at)
    ]


def copies_due(session: Session) -> list[str]:
    """Return the logs of which something is to be copied now: hourly, and on at once where it was broken off."""
    now = clock.now(session)
    token = (
        select(Anchor.size)
        .where(Anchor.log == Outpost.log, Anchor.size <= Sealing.size, ~lies(token_key()))
        .correlate(Outpost, Sealing)
        .exists()
    )
    rows = session.execute(
        select(Outpost.log, Outpost.at)
        .join(Sealing, Sealing.log == Outpost.log)
        .where(Outpost.name == COPY, or_(Sealing.size > Outpost.size, token), _free(now))
        .order_by(Outpost.log)
    )
    return [log for log, at in rows if at is None or now - at >= COPY_EVERY]


def inventories_due(session: Session) -> list[str]:
    """Return the logs whose copy nobody went through today, or for an hour where there is an alarm."""
    now = clock.now(session)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    again = and_(Outpost.alarmed_at.is_not(None), Outpost.checked_at <= now - COPY_EVERY)
    due = or_(Outpost.checked_at.is_(None), Outpost.checked_at < midnight, again)
    query = select(Outpost.log).where(Outpost.name == COPY, Outpost.size > 0, due, _free(now)).order_by(Outpost.log)
    return list(session.scalars(query))


def token_key() -> ColumnElement[str]:
    """Return the key under which a token is copied, as a column beside Anchor."""
    return literal("token/", String) + cast(Anchor.size, String) + ".tsr"


def lies(key: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether an object of the anchor's log lies in the copy, as a condition."""
    found = select(WormCopy.key).where(WormCopy.log == Anchor.log, WormCopy.key == key)
    return found.correlate(Anchor).exists()


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(Outpost.busy_until.is_(None), Outpost.busy_until <= now)
