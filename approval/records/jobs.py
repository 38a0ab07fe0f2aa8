"""The long work of records: write the exports that were asked for, judge again what was published."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import date

import structlog

from approval import clock
from approval.db import reading, transaction
from approval.errors import Conflict, ProofFailed, Refusal
from approval.people.queries import workspace_facts
from approval.records import queries, services
from approval.records.queries import Published
from approval.records.services import Job
from approval.screening.queries import packs_of, version_in_force
from approval.screening.services import Text, rescreen
from approval.settings import Settings

STRETCH = 2_000
"""Publications that are read, and kept as judged, at a time."""

_log = structlog.get_logger("records")


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
        out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
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


def look_back(
    workspace: str, first: date, last: date, lookback: int, *, after: int, workers: int
) -> Iterator[tuple[int, int]]:
    """Judge the publications of some days after the one with this id; yield how many were judged and flagged so far."""
    with reading() as session:
        packs = packs_of(session, version_in_force(session, workspace).id)
        today = clock.wall_time(clock.now(session), workspace_facts(session, workspace).zone).date()
    waiting: deque[Published] = deque()

    def texts() -> Iterator[Text]:
        at = after
        while True:
            with reading() as session:
                stretch = queries.published_after(session, workspace, first, last, after=at, on=today, limit=STRETCH)
            if not stretch:
                return
            at = stretch[-1].id
            waiting.extend(stretch)
            yield from (Text(one.id, one.text, one.facts) for one in stretch)

    judged: list[Published] = []
    found: dict[int, Mapping[str, str]] = {}
    for verdict in rescreen(packs, texts(), workers=workers):
        judged.append(waiting.popleft())
        found[verdict.key] = verdict.found
        if len(judged) == STRETCH:
            yield _keep(lookback, judged, found, ended=False)
            judged, found = [], {}
    yield _keep(lookback, judged, found, ended=True)


def _keep(
    lookback: int, judged: list[Published], found: Mapping[int, Mapping[str, str]], *, ended: bool
) -> tuple[int, int]:
    with transaction() as session:
        kept = services.advance_lookback(session, lookback, judged, found, ended=ended)
        return kept.judged, kept.found
