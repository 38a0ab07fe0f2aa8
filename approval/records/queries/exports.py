"""Exports asked for, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from approval import clock
from approval.db import Session
from approval.errors import NotFound
from approval.people.queries import names_of
from approval.publishing.models import Heartbeat
from approval.records.models import Export, ExportState

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
    return _facts(row, names_of(session, [row.asked_by]))


def exports(session: Session, workspace: str, *, before: int | None = None, limit: int = 50) -> list[ExportFacts]:
    """Return the exports of a workspace, newest first, those with a smaller id than *before*."""
    where = [Export.workspace == workspace]
    if before is not None:
        where.append(Export.id < before)
    rows = session.scalars(select(Export).where(*where).order_by(Export.id.desc()).limit(limit)).all()
    names = names_of(session, (row.asked_by for row in rows))
    return [_facts(row, names) for row in rows]


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


def _facts(row: Export, names: Mapping[str, str]) -> ExportFacts:
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
    )
