"""What other tools kept: archives that were brought, their records with what is claimed of each, and their keeping."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from approval import clock
from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Person
from approval.people.queries import names_of, workspace_facts
from approval.records.archives import Bad, Claims
from approval.records.keeping import Facts, Fate, Kept, RecordClass, fate, keep, may_cover
from approval.records.models import Archive, Archived, ArchivedReckoning, ArchiveState
from approval.records.queries.holds import HoldFacts, active_holds
from approval.records.queries.retention import retention_in_force
from approval.rules import PRODUCTS

ABANDONED = timedelta(minutes=1)
"""How long an archive rests after its last stretch before another worker goes on with it."""
UNDECIDED = timedelta(days=30)
"""How long an archive waits for somebody to decide about it before it is put away."""
_NOT_HERE = "There is no such archive, or none that you may see."


@dataclass(frozen=True)
class ArchiveFacts:
    """An archive: where it came from, who brought it, what was understood of it, and how far it is kept."""

    id: int
    workspace: str
    source: str
    name: str
    digest: bytes
    size: int
    state: ArchiveState
    by_name: str
    brought_at: datetime
    found: int
    wrong: int
    undated: int
    problems: tuple[Bad, ...]
    accepted_by: str | None
    reached: int
    kept: int
    repeated: int
    ended_at: datetime | None

    @property
    def moving(self) -> bool:
        """True while the worker goes through it."""
        return self.state in (ArchiveState.WAITING, ArchiveState.RUNNING)

    @property
    def waits(self) -> bool:
        """True while somebody is to say whether its records are kept."""
        return self.state is ArchiveState.LOOKED_AT


@dataclass(frozen=True)
class ArchivedFacts:
    """A record of another tool: what it claims, and its digest; its bytes are asked for apart."""

    id: int
    workspace: str
    archive: int
    number: int
    digest: bytes
    claims: Claims
    claimed_at: datetime | None
    used: date

    @property
    def first_day(self) -> date:
        """The first day that it claims."""
        return min(self.used, self.claimed_at.date()) if self.claimed_at else self.used


def archive(session: Session, id_: int) -> ArchiveFacts:
    """Return one archive; NotFound where there is none."""
    row = session.get(Archive, id_)
    if row is None:
        raise NotFound(_NOT_HERE)
    return _facts(session, [row])[0]


def archives(session: Session, workspace: str, *, before: int | None, limit: int) -> tuple[ArchiveFacts, ...]:
    """Return the archives of a workspace but those discarded, newest first, those with a smaller id than *before*."""
    wanted = select(Archive).where(Archive.workspace == workspace, Archive.state != ArchiveState.DISCARDED)
    if before is not None:
        wanted = wanted.where(Archive.id < before)
    return _facts(session, session.scalars(wanted.order_by(Archive.id.desc()).limit(limit)).all())


def same_archive(session: Session, workspace: str, digest: bytes) -> int | None:
    """Return the id of the archive with these bytes that was brought here already; None where there is none."""
    gone = (ArchiveState.DISCARDED, ArchiveState.FAILED)
    here = Archive.workspace == workspace, Archive.digest == digest, Archive.state.not_in(gone)
    return session.scalar(select(Archive.id).where(*here).order_by(Archive.id).limit(1))


def archive_due(session: Session) -> int | None:
    """Return the archive that waits to be gone through, or whose worker went away; None where there is none."""
    late = clock.now(session) - ABANDONED
    due = or_(
        Archive.state == ArchiveState.WAITING,
        and_(Archive.state == ArchiveState.RUNNING, Archive.advanced_at < late),
    )
    return session.scalar(select(Archive.id).where(due).order_by(Archive.id).limit(1))


def archives_left(session: Session) -> list[tuple[int, bytes]]:
    """Return the archives, by id and digest, about which nobody decided in all the time that there is for it."""
    late = clock.now(session) - UNDECIDED
    left = select(Archive.id, Archive.digest).where(Archive.state == ArchiveState.LOOKED_AT, Archive.brought_at < late)
    return [(id_, digest) for id_, digest in session.execute(left.order_by(Archive.id))]


def files_of(data: Path) -> Path:
    """Return the folder in which the files of archives lie until their records are kept."""
    return data / "archives"


def file_of(data: Path, digest: bytes) -> Path:
    """Return where the file of an archive lies until its records are kept."""
    return files_of(data) / digest.hex()


def _facts(session: Session, rows: Sequence[Archive]) -> tuple[ArchiveFacts, ...]:
    names = names_of(session, {row.brought_by for row in rows})
    return tuple(
        ArchiveFacts(
            **{
                name: getattr(row, name)
                for name in ArchiveFacts.__dataclass_fields__
                if name not in ("by_name", "problems")
            },
            by_name=names[row.brought_by],
            problems=tuple(Bad(number, why) for number, why in row.problems),
        )
        for row in rows
    )


# -- records ------------------------------------------------------------------------------------------------------


def archived(session: Session, id_: int) -> ArchivedFacts:
    """Return one record of another tool; NotFound where there is none."""
    found = _records(session, Archived.id == id_, limit=1)
    if not found:
        raise NotFound("There is no such record, or none that you may see.")
    return found[0]


def archived_in(session: Session, id_: int, *, after: int, limit: int) -> tuple[ArchivedFacts, ...]:
    """Return the records of an archive in its order, those whose number is above *after*."""
    return _records(session, Archived.archive == id_, Archived.number > after, limit=limit, order=Archived.number)


def archived_after(session: Session, workspace: str, *, after: int, limit: int) -> tuple[ArchivedFacts, ...]:
    """Return the records of a workspace that other tools kept, in order of id, those above *after*."""
    return _records(session, Archived.workspace == workspace, Archived.id > after, limit=limit)


def archived_words(session: Session, workspace: str, *, after: int, limit: int = 500) -> list[tuple[int, str, Claims]]:
    """Return id, words and claims of records that other tools kept, those with an id above *after*: for a search."""
    found = archived_after(session, workspace, after=after, limit=limit)
    return [(one.id, "\n".join(filter(None, (one.claims.title, one.claims.text))), one.claims) for one in found]


def original(session: Session, id_: int) -> bytes:
    """Return the bytes of a record as they came."""
    return session.scalars(select(Archived.data).where(Archived.id == id_)).one()


def known_of(session: Session, workspace: str, digests: Iterable[bytes]) -> set[bytes]:
    """Return those of some digests of which a record is kept here already."""
    wanted = select(Archived.digest).where(Archived.workspace == workspace, Archived.digest.in_(list(digests)))
    return set(session.scalars(wanted))


def _records(
    session: Session, *where: ColumnElement[bool], limit: int, order: Any = Archived.id
) -> tuple[ArchivedFacts, ...]:
    columns = (
        Archived.id,
        Archived.workspace,
        Archived.archive,
        Archived.number,
        Archived.digest,
        Archived.claims,
        Archived.claimed_at,
        Archived.used,
    )
    rows = session.execute(select(*columns).where(*where).order_by(order).limit(limit))
    return tuple(
        ArchivedFacts(id_, name, of, number, digest, Claims.from_json(claims or {}), at, used)
        for id_, name, of, number, digest, claims, at, used in rows
    )


# -- keeping ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ArchivedKeeping:
    """Until when a record of another tool is kept, the holds that may cover it, and what follows."""

    kept: Kept
    holds: tuple[HoldFacts, ...]
    fate: Fate
    version: int


def parts_of(regime: str, used: date) -> tuple[Facts, ...]:
    """Return what the keeping of a record rests on of which nobody knows what it is about: the longest of all rules."""
    about_nothing = Facts(
        of=RecordClass.COMMUNICATION, made=used, changed=used, last_use=used, regimes=frozenset({regime})
    )
    about_all = Facts(
        of=RecordClass.COMMUNICATION,
        made=used,
        changed=used,
        last_use=used,
        regimes=frozenset({regime}),
        products=frozenset(PRODUCTS),
    )
    return about_nothing, about_all


def rules_of(session: Session, workspace: str) -> bytes:
    """Return a digest of all that the dates of such records rest on beside the records."""
    firm, rules = workspace_facts(session, workspace), retention_in_force(session, workspace)
    return hashlib.sha256(f"{rules.digest.hex()} {firm.regime} {firm.zone}".encode()).digest()


def is_dated(session: Session, workspace: str) -> bool:
    """Say whether every record of another tool has its date under the rules in force."""
    cursor = session.execute(
        select(ArchivedReckoning.swept, ArchivedReckoning.under).where(ArchivedReckoning.workspace == workspace)
    ).one_or_none()
    last = session.scalar(select(func.max(Archived.id)).where(Archived.workspace == workspace))
    if last is None:
        return True
    return cursor is not None and cursor.swept >= last and cursor.under == rules_of(session, workspace)


def keeping_of_archived(session: Session, one: ArchivedFacts) -> ArchivedKeeping:
    """Return until when a record of another tool is kept, and why."""
    firm, rules = workspace_facts(session, one.workspace), retention_in_force(session, one.workspace)
    kept = keep(rules.retention, *parts_of(firm.regime, one.used))
    holds = archived_holds(session, one.workspace, [one])[one.id]
    today = clock.wall_time(clock.now(session), firm.zone).date()
    return ArchivedKeeping(kept, holds, fate(kept, held=bool(holds), erasure_asked=False, today=today), rules.number)


def archived_holds(session: Session, workspace: str, some: Sequence[ArchivedFacts]) -> dict[int, tuple[HoldFacts, ...]]:
    """Return the holds that may cover some records of other tools, by record; what is unknown stands against none."""
    holds = active_holds(session, workspace)
    named = {hold.criteria.person for hold in holds} - {None}
    spelled = {
        id_: (name.casefold(), email.casefold())
        for id_, name, email in session.execute(
            select(Person.id, Person.name, Person.email).where(Person.id.in_(named))
        )
    }

    def names(one: ArchivedFacts, person: str | None) -> bool:
        said = f"{one.claims.author}\n{one.claims.approver}".casefold()
        return not one.claims.author or any(spelling in said for spelling in spelled.get(person or "", ()))

    return {
        one.id: tuple(
            hold
            for hold in holds
            if may_cover(hold.criteria, first_day=one.first_day, names_person=names(one, hold.criteria.person))
        )
        for one in some
    }
