"""Asking for an export, and what becomes of it: waiting, running, ready or failed; then handed out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability, can, in_room
from approval.db import Session
from approval.errors import CapabilityMissing, Conflict
from approval.people.services.telling import tell
from approval.records.events import ExportAsked, ExportBegun, ExportFailed, ExportFetched
from approval.records.models import Export, ExportState, RequestList
from approval.records.queries.exports import ExportFacts, due
from approval.records.queries.selection import Filters
from approval.records.services.choosing import ensure_days, normal_filters
from approval.records.services.series import Part, go_on, part_of
from approval.records.services.writing import Written, made

WORKER = "worker"
MOST_WAITING = 20


@dataclass(frozen=True)
class Job:
    """An export that a worker has begun; `begun_at` is its fence."""

    id: int
    workspace: str
    first_day: date
    last_day: date
    filters: Filters
    begun_at: datetime
    part: Part | None = None
    """Which part of a series it is, if it is one: the last number of its posts is found as it is written."""
    request: int | None = None
    """The letter that it answers, if any."""


def ask_export(
    session: Session, *, workspace: str, first_day: date, last_day: date, filters: Filters, by: Actor
) -> Export:
    """Ask for an export; the worker writes it and tells whoever asked."""
    if not can(by, Capability.EXPORT, workspace):
        raise CapabilityMissing(f"Your roles in {workspace} do not include “{Capability.EXPORT}”.")
    ensure_days(first_day, last_day)
    return asked_for(session, workspace, first_day, last_day, normal_filters(session, workspace, filters), by=by)


def asked_for(
    session: Session, workspace: str, first_day: date, last_day: date, filters: Filters, *, by: Actor
) -> Export:
    """Put an export that *by* may ask for among those that wait."""
    ensure_room(session, workspace)
    export = Export(
        workspace=workspace,
        first_day=first_day,
        last_day=last_day,
        filters=filters.to_json(),
        asked_by=by.id,
        asked_at=clock.now(session),
    )
    session.add(export)
    session.flush()
    happened = ExportAsked(by=by.id, workspace=workspace, export=export.id, first_day=first_day, last_day=last_day)
    record(session, happened, export)
    return export


def ensure_room(session: Session, workspace: str) -> None:
    """Refuse an export more where many wait already."""
    waiting = select(Export.id).where(Export.workspace == workspace, Export.state == ExportState.WAITING)
    if len(session.scalars(waiting.limit(MOST_WAITING)).all()) == MOST_WAITING:
        raise Conflict(f"{MOST_WAITING} exports of {workspace} are waiting already. Wait until they are written.")


def begin_next(session: Session, worker: str) -> Job | None:
    """Take up the export that has waited longest, or one whose worker died; None where there is nothing to do."""
    now = clock.now(session)
    export = session.scalar(
        select(Export).where(due(now, worker)).order_by(Export.id).limit(1).with_for_update(skip_locked=True)
    )
    if export is None:
        return None
    export.state, export.begun_at, export.begun_by = ExportState.RUNNING, now, worker
    record(session, ExportBegun(by=WORKER, workspace=export.workspace, export=export.id), export)
    session.flush()
    return Job(
        export.id,
        export.workspace,
        export.first_day,
        export.last_day,
        Filters.from_json(export.filters),
        now,
        part_of(session, export.id),
        session.scalar(select(RequestList.id).where(RequestList.export == export.id)),
    )


def finish(session: Session, job: Job, written: Written) -> None:
    """Mark an export as ready, record it and tell whoever asked."""
    export = _held(session, job)
    export.state, export.ready_at = ExportState.READY, clock.now(session)
    export.digest, export.size, export.entries = written.digest, written.size, written.entries
    happened = made(written, job.workspace, job.first_day, job.last_day, job.filters, by=WORKER, export=export.id)
    record(session, happened, export)
    if job.part is not None:
        export.filters = job.filters.to_json()
    if job.part is None or go_on(session, job.part, job.filters.span[1], by=WORKER):
        _tell(session, export)


def fail(session: Session, job: Job, problem: str) -> None:
    """Mark an export as failed, with what whoever asked may read about it."""
    export = _held(session, job)
    export.state, export.ready_at, export.problem = ExportState.FAILED, clock.now(session), problem
    record(session, ExportFailed(by=WORKER, workspace=export.workspace, export=export.id), export)
    _tell(session, export)


def _held(session: Session, job: Job) -> Export:
    export = session.get_one(Export, job.id, with_for_update=True)
    if export.state is not ExportState.RUNNING or export.begun_at != job.begun_at:
        raise Conflict(f"Another worker has taken up export {job.id} in the meantime.")
    return export


def _tell(session: Session, export: Export) -> None:
    tell(
        session,
        [export.asked_by],
        "export_ready",
        workspace=export.workspace,
        export=export.id,
        state=str(export.state),
    )


def ensure_fetchable(export: ExportFacts) -> None:
    """Refuse an export that is not ready."""
    if not export.ready:
        raise Conflict(f"Export {export.id} is {export.state}: there is nothing to fetch.")


def fetched(session: Session, export: ExportFacts, *, by: Actor) -> None:
    """Record that somebody downloads an export: by their role, or one that they asked for in a room."""
    own = in_room(by, Capability.EXPORT, export.workspace) and export.asked_by == by.id
    if not own and not can(by, Capability.EXPORT, export.workspace):
        raise CapabilityMissing(f"Your roles in {export.workspace} do not include “{Capability.EXPORT}”.")
    assert export.digest is not None, "a ready export has its digest"
    record(session, ExportFetched(by=by.id, workspace=export.workspace, export=export.id, digest=export.digest))
