"""Exports asked for, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from approval import clock
from approval.db import Session
from approval.errors import NotFound
from approval.people.queries import names_of
from approval.publishing.models import Heartbeat
from approval.records.models import Export, ExportGone, ExportPart, ExportSeries, ExportState

ABANDONED = timedelta(minutes=10)
"""How long a dead worker's export rests before another takes it up."""
ALIVE = timedelta(minutes=1)


@dataclass(frozen=True)
class ExportFacts:
    """An export: the days it covers, how far it is; SHA-256, length and number of entries once it is ready."""

    id: int
    workspace: str
    first_day: date
    last_day: date
    filters: Mapping[str, Any]
    state: ExportState
    asked_by: str
    asked_by_name: str
    asked_at: datetime
    ready_at: datetime | None
    digest: bytes | None
    size: int | None
    entries: int | None
    problem: str | None
    gone_at: datetime | None
    series: int | None
    part: int | None

    @property
    def ready(self) -> bool:
        """True once both files may be fetched."""
        return self.state is ExportState.READY

    @property
    def moving(self) -> bool:
        """True while it waits or is being written."""
        return self.state in (ExportState.WAITING, ExportState.RUNNING)

    @property
    def file_name(self) -> str:
        """What the archive is called when it is downloaded."""
        return f"{self.workspace}-{self.first_day}-{self.last_day}-{self.id}.zip"


def export(session: Session, id_: int) -> ExportFacts:
    """Return one export; NotFound where there is none."""
    row = session.get(Export, id_)
    if row is None:
        raise NotFound("There is no such export, or none that you may see.")
    return _all_facts(session, [row])[0]


def exports(session: Session, workspace: str, *, before: int | None = None, limit: int = 50) -> list[ExportFacts]:
    """Return the exports of a workspace, newest first, those with a smaller id than *before*."""
    where = [Export.workspace == workspace]
    if before is not None:
        where.append(Export.id < before)
    return _all_facts(
        session, session.scalars(select(Export).where(*where).order_by(Export.id.desc()).limit(limit)).all()
    )


@dataclass(frozen=True)
class SeriesFacts:
    """An export in parts of at most so many posts, or bytes; `digest` is that of the list, once all are written."""

    id: int
    workspace: str
    first_day: date
    last_day: date
    most_posts: int | None
    most_bytes: int | None
    asked_by_name: str
    asked_at: datetime
    ended_at: datetime | None
    digest: bytes | None


def series(session: Session, id_: int) -> SeriesFacts:
    """Return an export in parts; NotFound where there is none."""
    row = session.get(ExportSeries, id_)
    if row is None:
        raise NotFound("There is no such export, or none that you may see.")
    return SeriesFacts(
        id=row.id,
        workspace=row.workspace,
        first_day=row.first_day,
        last_day=row.last_day,
        most_posts=row.most_posts,
        most_bytes=row.most_bytes,
        asked_by_name=names_of(session, [row.asked_by])[row.asked_by],
        asked_at=row.asked_at,
        ended_at=row.ended_at,
        digest=row.digest,
    )


def parts_of(session: Session, series: int) -> list[ExportFacts]:
    """Return the parts of a series that were asked for so far, in order."""
    part = select(ExportPart.export).where(ExportPart.series == series)
    return _all_facts(session, session.scalars(select(Export).where(Export.id.in_(part)).order_by(Export.id)).all())


def bytes_kept(session: Session, workspace: str) -> int:
    """Return how many bytes the archives of a workspace take on the server."""
    gone = select(ExportGone.export)
    where = Export.workspace == workspace, Export.state == ExportState.READY, Export.id.not_in(gone)
    return session.scalar(select(func.coalesce(func.sum(Export.size), 0)).where(*where)) or 0


def missing(session: Session, data: Path) -> list[int]:
    """Return the exports whose files were there and are not any more, and of which nobody said so yet.

    Where the folder itself is not there (a disk that is not mounted), nothing can be said.
    """
    if not (data / "exports").is_dir():
        return []
    known = select(Export.id).where(Export.state == ExportState.READY, Export.id.not_in(select(ExportGone.export)))
    return [id_ for id_ in session.scalars(known.order_by(Export.id)) if not archive_of(data, id_).is_file()]


def written_so_far(data: Path, id_: int) -> int:
    """Return how many bytes of an export a worker has written by now."""
    found = 0
    for draft in (data / "exports").glob(f".{id_}.zip.*.part"):
        with suppress(OSError):
            found = max(found, draft.stat().st_size)
    return found


def due(now: datetime, worker: str) -> ColumnElement[bool]:
    """Return what makes an export one that *worker* takes up: it waits, or whoever wrote it has died."""
    living = select(Heartbeat.worker).where(Heartbeat.at > now - ALIVE)
    abandoned = and_(
        Export.state == ExportState.RUNNING,
        Export.begun_at < now - ABANDONED,
        or_(Export.begun_by == worker, Export.begun_by.not_in(living)),
    )
    return or_(Export.state == ExportState.WAITING, abandoned)


def is_due(session: Session, worker: str) -> bool:
    """Say whether there is an export for *worker* to write."""
    return session.scalar(select(Export.id).where(due(clock.now(session), worker)).limit(1)) is not None


def archive_of(data: Path, id_: int) -> Path:
    """Return where the archive of an export lies; its note lies beside it."""
    return data / "exports" / f"{id_}.zip"


def _all_facts(session: Session, rows: Sequence[Export]) -> list[ExportFacts]:
    names = names_of(session, (row.asked_by for row in rows))
    ids = [row.id for row in rows]
    gone = select(ExportGone.export, ExportGone.seen_at).where(ExportGone.export.in_(ids))
    seen = {export: at for export, at in session.execute(gone)}
    columns = (ExportPart.export, ExportPart.series, ExportPart.number)
    parts = {export: place for export, *place in session.execute(select(*columns).where(ExportPart.export.in_(ids)))}
    return [_facts(row, names, seen.get(row.id), *parts.get(row.id, (None, None))) for row in rows]


def _facts(
    row: Export, names: Mapping[str, str], gone_at: datetime | None, series: int | None, part: int | None
) -> ExportFacts:
    return ExportFacts(
        id=row.id,
        workspace=row.workspace,
        first_day=row.first_day,
        last_day=row.last_day,
        filters=row.filters,
        state=row.state,
        asked_by=row.asked_by,
        asked_by_name=names.get(row.asked_by, row.asked_by),
        asked_at=row.asked_at,
        ready_at=row.ready_at,
        digest=row.digest,
        size=row.size,
        entries=row.entries,
        problem=row.problem,
        gone_at=gone_at,
        series=series,
        part=part,
    )
