"""Is every log sealed, verified every night and dated from outside: what is due, and what is wrong."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, select

from approval import clock
from approval.audit.events import INSTALLATION
from approval.audit.models import Checkpoint, Entry, Log, Outpost, Sealing, Watch
from approval.audit.models.keys import Keys
from approval.db import Session
from approval.tlog import Checkpoint as Signed, Note, NoteError

SEAL_AFTER = timedelta(seconds=60)
SEAL_ENTRIES = 256
PUBLISHED = frozenset({"publication.published", "publication.confirmed"})
PROMPT = PUBLISHED | {"review.decided", "export.begun"}
"""Kinds of entries that are sealed, and dated, at once: what is decided, what went out, what is handed out."""
UNVERIFIED_AFTER = timedelta(hours=36)
CLOCKS_DIFFER = timedelta(seconds=5)
"""Two machines in step are this close; beyond it one of them is wrong."""
REFUSALS = {
    "rolled-back": "The database is older than what was signed. Keep it as evidence, and restore the newest backup.",
    "forked": "The database says another thing than what was signed. Keep it as evidence, restore the newest backup.",
    "head-missing": "The last-signed head is not in the keys folder. Restore it there from its backup.",
    "head-foreign": "The last-signed head in the keys folder, or the newest checkpoint, was signed by another key.",
    "key-foreign": "The signing key in the keys folder is not the one of this log. Restore that one.",
    "not-begun": "The log was never signed, and does not begin with the entry that names its key.",
    "incomplete": "Entries, stored hashes or the signing key are missing. `approval audit verify` names the place.",
}
"""What an administrator reads of each reason for which nothing was signed."""


class Wrong(enum.StrEnum):
    """What may be wrong with a log."""

    REFUSED = "refused"
    FAILED = "failed"
    UNVERIFIED = "unverified"
    CONTRADICTED = "contradicted"
    CLOCK = "clock"


@dataclass(frozen=True)
class Alarm:
    """Something is wrong with a log: since when, a headline, and what was found or what to do."""

    log: str
    what: Wrong
    since: datetime
    headline: str
    detail: str


def alarms(session: Session, logs: Collection[str] | None = None, *, untold: bool = False) -> list[Alarm]:
    """Return what is wrong with *logs* (all where None), in order of name; *untold*: what nobody was told yet."""
    query = select(
        Watch.log, Watch.since, Watch.refused_at, Watch.refusal, Watch.checked_at, Watch.good_at, Watch.problem
    )
    if logs is not None:
        query = query.where(Watch.log.in_(logs))
    if untold:
        query = query.where(Watch.told_at.is_(None))
    now = clock.now(session)
    found = []
    for row in session.execute(query.order_by(Watch.log)):
        named = _named(row.log)
        good = row.good_at or row.since
        if row.refused_at is not None:
            headline = f"Checkpoints of {named} are refused."
            found.append(Alarm(row.log, Wrong.REFUSED, row.refused_at, headline, REFUSALS.get(row.refusal, "")))
        if row.problem is not None and row.checked_at is not None:
            found.append(Alarm(row.log, Wrong.FAILED, row.checked_at, f"Verification failed: {named}.", row.problem))
        elif now - good > UNVERIFIED_AFTER:
            headline = f"Nobody verified {named} for {UNVERIFIED_AFTER.total_seconds() / 3600:.0f} hours."
            found.append(
                Alarm(row.log, Wrong.UNVERIFIED, good, headline, "A worker does it every night: is one running?")
            )
    found += [*_contradicted(session, logs, untold=untold), *_behind(session, logs, untold=untold)]
    return sorted(found, key=lambda alarm: alarm.log)


def _contradicted(session: Session, logs: Collection[str] | None, *, untold: bool) -> list[Alarm]:
    query = (
        select(Outpost.log, Outpost.name, Outpost.alarmed_at, Outpost.alarm)
        .join(Watch, Watch.log == Outpost.log)
        .where(Outpost.alarmed_at.is_not(None))
    )
    if logs is not None:
        query = query.where(Outpost.log.in_(logs))
    if untold:
        query = query.where(Watch.told_at.is_(None))
    keep = "Keep this database as evidence until it is clear which of the two is right."
    return [
        Alarm(
            row.log,
            Wrong.CONTRADICTED,
            row.alarmed_at,
            f"{row.name} contradicts {_named(row.log)}.",
            f"{row.alarm}. {keep}",
        )
        for row in session.execute(query.order_by(Outpost.log, Outpost.name))
    ]


def _behind(session: Session, logs: Collection[str] | None, *, untold: bool) -> list[Alarm]:
    """The logs whose newest entry is later than now: the clock was set back, or was ahead before."""
    now = clock.now(session)
    query = (
        select(Log.name, Entry.index, Entry.at)
        .join(Watch, Watch.log == Log.name)
        .join(Entry, and_(Entry.log == Log.name, Entry.index == Log.size - 1))
        .where(Entry.at > now + CLOCKS_DIFFER)
    )
    if logs is not None:
        query = query.where(Log.name.in_(logs))
    if untold:
        query = query.where(Watch.told_at.is_(None))
    return [
        Alarm(
            name,
            Wrong.CLOCK,
            now,
            f"The database's clock is behind {_named(name)}.",
            f"It says {clock.to_text(now)}, entry {index} says {clock.to_text(at)}. Set it right: the order of entries "
            "stands, but their times are what the clock said.",
        )
        for name, index, at in session.execute(query.order_by(Log.name))
    ]


def _named(log: str) -> str:
    return "the installation's log" if log == INSTALLATION else f"the log of {log}"


def seal_due(session: Session, keys: Keys) -> list[str]:
    """Return the logs to seal now: with 256 new entries, with any after a minute, with a prompt one at once; and those
    whose last-signed head is not the one that the database knows: it was rolled back, or not told of a signature."""
    now = clock.now(session)
    last = (
        select(Checkpoint.at)
        .where(Checkpoint.log == Log.name, Checkpoint.size == Sealing.size)
        .correlate(Log, Sealing)
        .scalar_subquery()
    )
    prompt = (
        select(Entry.index)
        .where(Entry.log == Log.name, Entry.kind.in_(PROMPT), Entry.index >= Sealing.size)
        .correlate(Log, Sealing)
        .exists()
    )
    rows = session.execute(
        select(Log.name, Log.size, Sealing.size, last, prompt).join(Sealing, Sealing.log == Log.name).order_by(Log.name)
    )
    return [
        name
        for name, size, sealed, at, at_once in rows
        if signed_size(keys, name) != sealed
        or (size > sealed and (at_once or size - sealed >= SEAL_ENTRIES or at is None or _is_past(at, now)))
    ]


def _is_past(sealed_at: datetime, now: datetime) -> bool:
    # A clock that was set back would otherwise hold sealing up until it is where it was.
    return now - sealed_at >= SEAL_AFTER or now < sealed_at


def signed_size(keys: Keys, log: str) -> int:
    """Return the size that the last-signed head says: 0 without one, -1 for what is no head. Nothing is verified."""
    note = keys.head(log)
    try:
        return 0 if note is None else Signed.from_text(Note.from_bytes(note).text).size
    except NoteError:
        return -1


def size_of(session: Session, log: str) -> int:
    """Return how many entries *log* says it has."""
    return session.scalars(select(Log.size).where(Log.name == log)).one()
