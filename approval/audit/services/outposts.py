"""Places outside that hold the logs: who is at them, how far they came, and what to do where one contradicts us."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update

from approval import clock
from approval.audit.events import LogContradicted
from approval.audit.models import Outpost, Sealing, Watch
from approval.audit.queries.outposts import COPY
from approval.audit.services.recording import record
from approval.audit.services.watching import MOST_WORDS, WATCH
from approval.db import Session
from approval.errors import Contradicted

TAKES = timedelta(minutes=5)
"""How long a place is left to the worker that is at it."""
AGAIN_AFTER = timedelta(minutes=1)
PROVED_FOR = timedelta(days=1)
PAUSE = timedelta(seconds=5)
"""How often a place is asked about one log at most."""


@dataclass(frozen=True)
class Claimed:
    """A place that this worker is at: the size it holds of the log, and how many full bundles lie there."""

    log: str
    name: str
    size: int
    bundles: int


def set_outposts(session: Session, names: Collection[str], *, copies: bool) -> None:
    """Know these places for every log: the witnesses, or (*copies*) the copy. Others are forgotten."""
    logs = session.scalars(select(Sealing.log)).all()
    wanted = {(log, name) for log in logs for name in names}
    kind = Outpost.name == COPY if copies else Outpost.name != COPY
    known = {(log, name) for log, name in session.execute(select(Outpost.log, Outpost.name).where(kind))}
    for log, name in known - wanted:
        session.execute(delete(Outpost).where(_is(log, name)))
    for log, name in wanted - known:
        session.execute(insert(Outpost).values(log=log, name=name, size=0, bundles=0))


def claim(session: Session, log: str, name: str) -> Claimed | None:
    """Take up a place; None where another worker is at it."""
    now = clock.now(session)
    row = session.execute(
        update(Outpost)
        .where(_is(log, name), or_(Outpost.busy_until.is_(None), Outpost.busy_until <= now))
        .values(busy_until=now + TAKES)
        .returning(Outpost.size, Outpost.bundles)
    ).one_or_none()
    return Claimed(log, name, row.size, row.bundles) if row else None


def note_reached(session: Session, log: str, name: str, size: int) -> None:
    """Note that a place holds *log* up to this size; a witness that does agrees, which ends its alarm."""
    now = clock.now(session)
    over = {} if name == COPY else {"alarm": None, "alarmed_at": None}
    _set(session, log, name, size=size, at=now, busy_until=now + PAUSE, problem=None, **over)


def note_checked(session: Session, log: str, *, holds: bool) -> None:
    """Note that the copy was gone through; one that holds ends the alarm."""
    over = {"alarm": None, "alarmed_at": None} if holds else {}
    _set(session, log, COPY, checked_at=clock.now(session), busy_until=None, **over)


def is_proved(session: Session) -> bool:
    """Say whether the bucket was proved to hold what is written there, within a day."""
    proved = session.scalar(select(func.max(Outpost.proved_at)).where(Outpost.name == COPY))
    return proved is not None and clock.now(session) - proved < PROVED_FOR


def note_proved(session: Session, log: str) -> None:
    """Note that the bucket was proved."""
    _set(session, log, COPY, proved_at=clock.now(session))


def stay(session: Session, log: str, name: str, *, bundles: int) -> None:
    """Stay at a place, of which so many full bundles lie there by now."""
    _set(session, log, name, bundles=bundles, busy_until=clock.now(session) + TAKES)


def put_off(session: Session, log: str, name: str, problem: str) -> None:
    """Note why a place was not reached; it is tried again after a minute."""
    _set(session, log, name, busy_until=clock.now(session) + AGAIN_AFTER, problem=problem[:MOST_WORDS])


def leave(session: Session, log: str, name: str) -> None:
    """Leave a place to whoever comes next."""
    _set(session, log, name, busy_until=None)


def note_contradiction(session: Session, log: str, name: str, found: Contradicted) -> None:
    """Raise the alarm that a place holds another log than this database, with an entry in the installation's log."""
    now = clock.now(session)
    since = session.scalar(select(Outpost.alarmed_at).where(_is(log, name)))
    if since is None:
        record(session, LogContradicted(by=WATCH, of=log, place=name, because=found.because))
        session.execute(update(Watch).where(Watch.log == log).values(told_at=None))
    words = str(found)[:MOST_WORDS]
    _set(session, log, name, alarmed_at=since or now, alarm=words, problem=words, busy_until=now + AGAIN_AFTER)


def _is(log: str, name: str) -> Any:
    return (Outpost.log == log) & (Outpost.name == name)


def _set(session: Session, log: str, name: str, **values: Any) -> None:
    session.execute(update(Outpost).where(_is(log, name)).values(**values))
