"""What another tool kept, brought here as it was: whole archives, and each record in them."""

from __future__ import annotations

import datetime as dt
import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import CONTENT, PERSONAL, Witnessed
from approval.db import Base, Digest, words


class ArchiveState(enum.StrEnum):
    """How far an archive is: looked at, then recorded, or discarded with nothing kept of it."""

    LOOKED_AT = "looked-at"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DISCARDED = "discarded"


class Archive(Witnessed, Base):
    """An archive that somebody brought: where it came from, the digest of its file, and what became of its records.

    `found` and `wrong` were counted when it was looked at; `reached` records are gone through, of which `kept` were new
    and `repeated` stood here already. `problems` holds number and reason of the first bad lines.
    """

    __tablename__ = "archive"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    source: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    name: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    digest: Mapped[bytes] = mapped_column(Digest)
    size: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[ArchiveState] = mapped_column(words(ArchiveState))
    brought_by: Mapped[str] = mapped_column(String(80))
    brought_at: Mapped[datetime]
    found: Mapped[int]
    wrong: Mapped[int]
    undated: Mapped[int]
    problems: Mapped[list[Any]] = mapped_column(JSON, info=CONTENT)
    accepted_by: Mapped[str | None] = mapped_column(String(80))
    reached: Mapped[int] = mapped_column(default=0)
    kept: Mapped[int] = mapped_column(default=0)
    repeated: Mapped[int] = mapped_column(default=0)
    advanced_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace", "id"), Index(None, "workspace", "digest"), Index(None, "state", "id"))


class Archived(Witnessed, Base):
    """A record that another tool kept: its bytes as they came, and what that tool claims of it; witnessed by nobody.

    `number` is its place in the archive. `used` is the last day of use that is claimed, or the day it was brought;
    keeping counts from it.
    """

    __tablename__ = "archived"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    archive: Mapped[int] = mapped_column(ForeignKey("archive.id"))
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(Digest)
    data: Mapped[bytes] = mapped_column(LargeBinary, info=CONTENT)
    claims: Mapped[dict[str, Any]] = mapped_column(JSON, info=PERSONAL)
    claimed_at: Mapped[datetime | None]
    used: Mapped[dt.date]

    __table_args__ = (
        UniqueConstraint("workspace", "digest"),
        Index(None, "archive", "number"),
        Index(None, "workspace", "id"),
    )


class ArchivedReckoning(Base):
    """How far the dates of archived records are reckoned, and under which rules."""

    __tablename__ = "archived_reckoning"
    unwitnessed = "a cursor: what it leads to is derived"

    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"), primary_key=True)
    swept: Mapped[int]
    under: Mapped[bytes] = mapped_column(Digest)
