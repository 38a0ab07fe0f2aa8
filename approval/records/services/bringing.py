"""Bringing what another tool kept: looked at first, then kept record by record: claimed, not witnessed."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Origin, Session, transaction
from approval.errors import Conflict, IllegalStep, Invalid, NotFound, Problem
from approval.people.queries import workspace_facts
from approval.records import events
from approval.records.archives import Bad, Look, Understood
from approval.records.models import Archive, Archived, ArchiveState
from approval.records.queries.archives import known_of, same_archive
from approval.review.services.guards import ensure_may, normal_text

TOGETHER = 20
"""Records of which one entry tells: each takes some 650 bytes of its 16 KiB."""
STRETCH = 500
MOST_BYTES = 32 * 1024 * 1024
"""Records, and their bytes, that are kept in one transaction."""
MOST_SOURCE = 200
_BLOCK = 1 << 20
WORKER = "worker"


@dataclass(frozen=True)
class Staged:
    """A file that somebody handed in, under a name of its own: its digest and its length."""

    path: Path
    digest: bytes
    size: int

    def place(self, path: Path) -> None:
        """Put it where it waits to be gone through."""
        os.replace(self.path, path)

    def discard(self) -> None:
        """Remove it, where it was not put in its place."""
        self.path.unlink(missing_ok=True)


def stage(file: BinaryIO, folder: Path) -> Staged:
    """Write a file into *folder* block by block, for its owner alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f".{secrets.token_hex(8)}.part"
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += out.write(block)
    return Staged(path, digest.digest(), size)


def look_at_archive(
    session: Session, workspace: str, *, source: str, name: str, digest: bytes, size: int, look: Look, by: Actor
) -> Archive:
    """Note that somebody brought an archive and what is in it; nothing of it is kept yet."""
    ensure_may(by, Capability.HOLD, workspace)
    ensure_new(session, workspace, digest)
    ensure_something(look)
    row = Archive(
        workspace=workspace,
        source=_line(source),
        name=name.replace("\x00", "")[-MOST_SOURCE:] or "archive",
        digest=digest,
        size=size,
        state=ArchiveState.LOOKED_AT,
        brought_by=by.id,
        brought_at=clock.now(session),
        found=look.good,
        wrong=look.bad,
        undated=look.undated,
        problems=[[bad.number, bad.why] for bad in look.problems],
    )
    session.add(row)
    session.flush()
    happened = events.ArchiveLookedAt(
        by=by.id, workspace=workspace, archive=row.id, digest=digest, found=look.good, wrong=look.bad
    )
    record(session, happened, row)
    return row


def ensure_new(session: Session, workspace: str, digest: bytes) -> None:
    """Refuse an archive that was brought already."""
    known = same_archive(session, workspace, digest)
    if known is not None:
        raise Conflict(f"The same file was brought already: it is archive {known}.")


def ensure_something(look: Look) -> None:
    """Refuse an archive in which nothing was understood."""
    if not look.good:
        first = f" The first: line {look.problems[0].number}: {look.problems[0].why}." if look.problems else ""
        what = f"Nothing in this file is a record that can be read.{first}"
        raise Invalid(what, problems=(Problem("file", what),))


def accept_archive(session: Session, id_: int, *, by: Actor, along: str | None = None) -> Archive:
    """Let the records of an archive be kept; the worker, or whoever holds the file, goes through it."""
    row = _for_change(session, id_)
    ensure_may(by, Capability.HOLD, row.workspace)
    ensure_waits(row)
    row.state, row.accepted_by = ArchiveState.WAITING, by.id
    happened = events.ArchiveAccepted(by=by.id, workspace=row.workspace, along=along, archive=row.id, digest=row.digest)
    record(session, happened, row)
    session.flush()
    return row


def discard_archive(session: Session, id_: int, *, by: Actor) -> Archive:
    """Put away an archive of which nothing was kept."""
    row = _for_change(session, id_)
    ensure_may(by, Capability.HOLD, row.workspace)
    return _put_away(session, row, by=by.id)


def put_away(session: Session, id_: int) -> Archive:
    """Put away an archive about which nobody decided."""
    return _put_away(session, _for_change(session, id_), by=WORKER)


def _put_away(session: Session, row: Archive, *, by: str) -> Archive:
    ensure_waits(row)
    row.state, row.ended_at = ArchiveState.DISCARDED, clock.now(session)
    record(session, events.ArchiveDiscarded(by=by, workspace=row.workspace, archive=row.id), row)
    session.flush()
    return row


def ensure_waits(row: Archive) -> None:
    """Refuse an archive about which was decided already."""
    if row.state is not ArchiveState.LOOKED_AT:
        raise IllegalStep(f"This archive is {row.state.replace('-', ' ')}: there is nothing to decide about it.")


def _for_change(session: Session, id_: int) -> Archive:
    row = session.get(Archive, id_, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such archive, or none that you may see.")
    return row


# -- going through it ---------------------------------------------------------------------------------------------


def go_through(
    id_: int, found: Iterable[Understood | Bad], *, reached: int, by: str, along: str | None = None
) -> Iterator[tuple[int, int, int]]:
    """Keep what is in an archive from its *reached*-th record on; yield reached, kept and repeated so far.

    Each stretch is a transaction of its own, so that whoever goes on after an interruption begins where it ended.
    """
    for stretch in _stretches(islice(found, reached, None)):
        with transaction(Origin(method="host")) as session:
            row = advance(session, id_, stretch, reached=reached, by=by, along=along)
            reached = row.reached
            so_far = row.reached, row.kept, row.repeated
        yield so_far
    with transaction(Origin(method="host")) as session:
        row = advance(session, id_, (), reached=reached, by=by, along=along, ended=True)
        so_far = row.reached, row.kept, row.repeated
    yield so_far


def _stretches(found: Iterator[Understood | Bad]) -> Iterator[list[Understood | Bad]]:
    stretch: list[Understood | Bad] = []
    size = 0
    for one in found:
        stretch.append(one)
        size += len(one.data) if isinstance(one, Understood) else 0
        if len(stretch) == STRETCH or size > MOST_BYTES:
            yield stretch
            stretch, size = [], 0
    if stretch:
        yield stretch


def advance(
    session: Session,
    id_: int,
    stretch: Sequence[Understood | Bad],
    *,
    reached: int,
    by: str,
    along: str | None = None,
    ended: bool = False,
) -> Archive:
    """Keep the records of one stretch that are not here yet; Conflict where another went on in the meantime."""
    row = _for_change(session, id_)
    ensure_at(row, reached)
    good = {hashlib.sha256(one.data).digest(): one for one in stretch if isinstance(one, Understood)}
    known = known_of(session, row.workspace, good) if good else set()
    fresh = [_archived(session, row, digest, one) for digest, one in good.items() if digest not in known]
    session.add_all(fresh)
    session.flush()
    for start in range(0, len(fresh), TOGETHER):
        together = fresh[start : start + TOGETHER]
        days = [day for one in together for day in _days(one)]
        happened = events.ArchivedKept(
            by=by, workspace=row.workspace, along=along, archive=row.id, first_day=min(days), last_day=max(days)
        )
        record(session, happened, *together)
    row.state = ArchiveState.DONE if ended else ArchiveState.RUNNING
    row.reached += len(stretch)
    row.kept += len(fresh)
    row.repeated += sum(isinstance(one, Understood) for one in stretch) - len(fresh)
    row.advanced_at = clock.now(session)
    row.ended_at = row.advanced_at if ended else None
    told = events.ArchiveAdvanced(
        by=by,
        workspace=row.workspace,
        along=along,
        archive=row.id,
        reached=row.reached,
        kept=row.kept,
        repeated=row.repeated,
        ended=ended,
    )
    record(session, told, row)
    session.flush()
    return row


def ensure_at(row: Archive, reached: int) -> None:
    """Refuse to go on where somebody else did."""
    if row.state not in (ArchiveState.WAITING, ArchiveState.RUNNING) or row.reached != reached:
        raise Conflict(f"Somebody else went on with archive {row.id} in the meantime.")


def _archived(session: Session, row: Archive, digest: bytes, one: Understood) -> Archived:
    zone = workspace_facts(session, row.workspace).zone
    here = clock.zone_named(zone)
    used = one.claims.used(here) or row.brought_at
    return Archived(
        workspace=row.workspace,
        archive=row.id,
        number=one.number,
        digest=digest,
        data=one.data,
        claims=one.claims.to_json(),
        claimed_at=one.claims.made(here),
        used=clock.wall_time(used, zone).date(),
    )


def _days(one: Archived) -> tuple[date, date]:
    return (one.claimed_at.date() if one.claimed_at else one.used), one.used


def fail_archive(session: Session, id_: int, *, by: str) -> Archive:
    """Say that the rest of an archive could not be gone through; what was kept of it stays."""
    row = _for_change(session, id_)
    row.state, row.ended_at = ArchiveState.FAILED, clock.now(session)
    record(session, events.ArchiveFailed(by=by, workspace=row.workspace, archive=row.id, reached=row.reached), row)
    session.flush()
    return row


def _line(source: str) -> str:
    text = normal_text(source, "source", MOST_SOURCE)
    if text is None:
        what = "Say where it comes from, such as “Old tool, export of 1 October 2026”."
        raise Invalid(what, problems=(Problem("source", what),))
    return " ".join(text.split())
