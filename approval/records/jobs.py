"""What the worker does for records: write the exports that were asked for, reckon until when records are kept."""

from __future__ import annotations

import structlog
from sqlalchemy.exc import IntegrityError

from approval import clock
from approval.db import reading, transaction
from approval.errors import Conflict, ProofFailed, Refusal
from approval.people.queries import workspaces
from approval.records import queries, services
from approval.records.services import Job
from approval.settings import Settings

_log = structlog.get_logger("records")

SPAN = 1.0
"""Seconds for which one beat reckons; the next goes on."""


def write_due(settings: Settings, worker: str) -> None:
    """Write the export that has waited longest, if any; it is signed, so a worker without the keys leaves it."""
    if not settings.keys.is_dir():
        return
    with reading() as session:
        due = queries.is_due(session, worker)
    if not due:
        return
    with transaction() as session:
        job = services.begin_next(session, worker)
    if job is not None:
        _write(settings, job)


def _write(settings: Settings, job: Job) -> None:
    out = queries.archive_of(settings.data, job.id)
    try:
        out.parent.mkdir(parents=True, exist_ok=True, mode=0o750 if settings.separate_sealer else 0o700)
        drafted = services.draft_export(
            workspace=job.workspace,
            first_day=job.first_day,
            last_day=job.last_day,
            filters=job.filters,
            out=out,
            settings=settings,
        )
    except (Refusal, ProofFailed, OSError) as problem:
        _log.error("export failed", export=job.id, reason=str(problem))
        with transaction() as session:
            services.fail(session, job, _told(problem))
        return
    try:
        # Nobody is given the files before the row is marked, which commits last.
        with transaction() as session:
            services.finish(session, job, drafted.written)
            drafted.place()
    except Conflict as problem:
        _log.warning("export dropped", export=job.id, reason=str(problem))
    else:
        _log.info("exported", export=job.id, size=drafted.written.size, entries=drafted.written.entries)
    finally:
        drafted.discard()


def _told(problem: Exception) -> str:
    """Say what went wrong, without paths of the server."""
    if isinstance(problem, OSError):
        return (
            f"The server could not write the files ({problem.strerror}). Ask an operator to make room, then ask again."
        )
    if isinstance(problem, ProofFailed):
        return (
            "What is stored does not lead to what was signed, so it is not handed out. "
            "An operator finds the place with `approval audit verify`."
        )
    return str(problem)


def reckon_due(settings: Settings, worker: str) -> None:
    """Follow the logs with the dates until which records are kept, workspace by workspace in turn."""
    began = clock.monotonic()
    with reading() as session:
        left = [facts.name for facts in workspaces(session)]
        unruled = [name for name in left if not services.has_retention(session, name)]
    for name in unruled:
        with transaction() as session:
            services.ensure_retention(session, name, by=services.WORKER)
    while left and clock.monotonic() - began < SPAN:
        left = [name for name in left if _reckon(name)]


def _reckon(workspace: str) -> bool:
    """Do the next stretch for a workspace; False where nothing is left, or another worker does it."""
    with reading() as session:
        step = queries.next_step(session, workspace)
    if step is None:
        return False
    try:
        with transaction() as session:
            return services.follow(session, step)
    except IntegrityError:
        _log.info("another worker reckons", workspace=workspace)
        return False
