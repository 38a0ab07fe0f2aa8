"""What the worker does for records: write the exports that were asked for, reckon until when records are kept, make
them findable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy.exc import IntegrityError

from approval import clock
from approval.audit.models import WITNESSED
from approval.db import Session, reading, transaction
from approval.db.traces import remove_traces
from approval.errors import BadFile, Conflict, NotSigned, ProofFailed, Refusal
from approval.people.queries import workspace_facts, workspaces
from approval.records import queries, services
from approval.records.archives import read_archive
from approval.records.services import Draft, Job
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
        # What a worker that was killed left behind.
        for left in out.parent.glob(f".{out.name}.*.part*"):
            left.unlink(missing_ok=True)
        job, drafted = _drafted(settings, job, out)
    except NotSigned as problem:
        # Begun anew like one whose worker died: it waits for the device that signs.
        _log.warning("export waits", export=job.id, reason=str(problem))
        return
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


def _drafted(settings: Settings, job: Job, out: Path) -> tuple[Job, Draft]:
    """Write an export; a part that turns out larger than parts may be is written anew with fewer posts."""
    if job.part is None:
        return job, _draft(settings, job, out)
    part = job.part
    while True:
        with reading() as session:
            period = queries.Period(job.first_day, job.last_day, workspace_facts(session, job.workspace).zone)
            span, posts = queries.next_span(session, job.workspace, period, job.filters.span[0], part.posts)
        tried = replace(job, filters=queries.Filters(span=span))
        drafted = _draft(settings, tried, out)
        smaller = part.smaller(posts, drafted.written.size)
        if smaller is None:
            return tried, drafted
        drafted.discard()
        part = smaller


def _draft(settings: Settings, job: Job, out: Path) -> Draft:
    answers = None
    if job.request is not None:
        with reading() as session:
            answers = services.answers_to(queries.request_list(session, job.request))
    return services.draft_export(
        workspace=job.workspace,
        first_day=job.first_day,
        last_day=job.last_day,
        filters=job.filters,
        out=out,
        settings=settings,
        answers=answers,
    )


def note_gone(settings: Settings, worker: str) -> None:
    """Record which exports have no files any more: an operator deleted them, or a disk was lost."""
    with reading() as session:
        missing = queries.missing(session, settings.data)
    for id_ in missing:
        with transaction() as session:
            services.note_gone(session, id_)
        _log.warning("the files of an export are gone", export=id_)


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
        left = [name for name in left if _reckon(name) or _date_archived(name)]


def _reckon(workspace: str) -> bool:
    """Do the next stretch for a workspace; False where nothing is left, or another worker does it."""
    with reading() as session:
        step = queries.next_step(session, workspace)
    if step is None:
        return False
    return _advanced(workspace, lambda session: services.follow(session, step))


def index_due(settings: Settings, worker: str) -> None:
    """Follow the logs with what search finds, workspace by workspace in turn, and tidy up what was forgotten."""
    began = clock.monotonic()
    with reading() as session:
        left = [facts.name for facts in workspaces(session)]
    while left and clock.monotonic() - began < SPAN:
        left = [name for name in left if _index(name)]
    while clock.monotonic() - began < SPAN:
        with reading() as session:
            tidied = queries.is_tidy(session)
        if tidied:
            return
        with transaction() as session:
            services.tidy(session)


def _index(workspace: str) -> bool:
    """Do the next stretch for a workspace; False where nothing is left, or another worker does it."""
    with reading() as session:
        stretch = queries.next_stretch(session, workspace)
    if stretch is None:
        return False
    return _advanced(workspace, lambda session: services.index(session, stretch))


def let_go_due(settings: Settings, worker: str) -> None:
    """Go on with dispositions that two people agreed on, then remove what is left beside the tables."""
    began = clock.monotonic()
    with reading() as session:
        waiting = queries.agreed_dispositions(session)
    for id_, workspace in waiting:
        while clock.monotonic() - began < SPAN and _dispose(id_):
            pass
        _end_disposition(id_, workspace)
    _remove_traces(settings)


def erase_due(settings: Settings, worker: str) -> None:
    """Carry out requests to erase against which nothing stands any more."""
    with reading() as session:
        waiting = queries.agreed_erasures(session)
    for id_ in waiting:
        with transaction() as session:
            if services.carry_out(session, id_):
                _log.info("erased", request=id_)


def _dispose(id_: int) -> bool:
    with transaction() as session:
        return services.dispose_some(session, id_)


def _end_disposition(id_: int, workspace: str) -> None:
    with reading() as session:
        if queries.disposition(session, id_).left:
            return
        # Every payload is read, so nobody is kept waiting meanwhile; what was written since is looked at again.
        media, seen = queries.unnamed_media(session, workspace, queries.media_of(session, id_))
    with transaction() as session:
        if services.end_disposition(session, id_, media, seen):
            _log.info("disposed", disposition=id_)


def _remove_traces(settings: Settings) -> None:
    with reading() as session:
        left, tidy = queries.uncleaned(session), queries.is_tidy(session)
        exports = queries.exports_disposed(session, [id_ for under, id_ in left if under == "disposition"])
    for export in exports:
        archive = queries.archive_of(settings.data, export)
        for path in (archive, archive.with_name(f"{archive.name}.note")):
            path.unlink(missing_ok=True)
    if left and tidy and remove_traces({"opening", "passage", *WITNESSED}):
        for under, id_ in left:
            with transaction() as session:
                services.traces_removed(session, under, id_)


def _date_archived(workspace: str) -> bool:
    """Date the next stretch of what other tools kept; False where nothing is left, or another worker does it."""
    with reading() as session:
        if queries.is_dated(session, workspace):
            return False
    return _advanced(workspace, lambda session: services.date_archived(session, workspace))


def _advanced(workspace: str, act: Callable[[Session], bool]) -> bool:
    """Do one stretch in a transaction; False where nothing is left, or another worker began the same."""
    try:
        with transaction() as session:
            return act(session)
    except IntegrityError:
        _log.info("another worker does it", workspace=workspace)
        return False


def put_away_due(settings: Settings, worker: str) -> None:
    """Put away archives of other tools about which nobody decided: their files hold what people wrote."""
    with reading() as session:
        left = queries.archives_left(session)
    for id_, digest in left:
        with transaction() as session:
            services.put_away(session, id_)
        queries.file_of(settings.data, digest).unlink(missing_ok=True)
        _log.info("archive put away", archive=id_)


def bring_due(settings: Settings, worker: str) -> None:
    """Keep the records of the archive that waits longest, stretch by stretch, from where it was left."""
    with reading() as session:
        due = queries.archive_due(session)
        if due is None:
            return
        facts = queries.archive(session, due)
    path = queries.file_of(settings.data, facts.digest)
    by = facts.accepted_by or services.WORKER
    try:
        with path.open("rb") as file:
            for reached, kept, _ in services.go_through(
                due, read_archive(file, facts.name), reached=facts.reached, by=by
            ):
                _log.info("archive", archive=due, reached=reached, kept=kept)
    except Conflict as problem:
        _log.warning("archive left to another", archive=due, reason=str(problem))
    except (BadFile, OSError) as problem:
        _log.error("archive failed", archive=due, reason=str(problem))
        with transaction() as session:
            services.fail_archive(session, due, by=services.WORKER)
    else:
        path.unlink(missing_ok=True)
