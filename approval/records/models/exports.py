"""Exports of a period."""

from __future__ import annotations

import datetime as dt
import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import PERSONAL, PLAIN, Witnessed
from approval.db import Base, Digest, words


class ExportState(enum.StrEnum):
    """How far an export is."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class Export(Witnessed, Base):
    """An export of a period, asked for in the browser or the API and written by the worker.

    `begun_by` is the worker that writes it and `begun_at` its fence: only whoever began last may finish.
    """

    __tablename__ = "export"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    first_day: Mapped[dt.date]
    last_day: Mapped[dt.date]
    filters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, info=PLAIN)
    state: Mapped[ExportState] = mapped_column(words(ExportState), default=ExportState.WAITING)
    asked_by: Mapped[str] = mapped_column(String(80))
    asked_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    begun_by: Mapped[str | None] = mapped_column(String(80))
    ready_at: Mapped[datetime | None]
    entries: Mapped[int | None]
    digest: Mapped[bytes | None] = mapped_column(Digest)
    size: Mapped[int | None]
    problem: Mapped[str | None] = mapped_column(Text, info=PERSONAL)

    __table_args__ = (Index(None, "workspace", "id"), Index(None, "state", "id"))
