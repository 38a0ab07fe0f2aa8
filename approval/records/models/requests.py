"""What a regulator asked for in a letter, item by item; and exports that are written in parts."""

from __future__ import annotations

import datetime as dt
import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import CONTENT, PERSONAL, PLAIN, Witnessed
from approval.db import Base, Digest, words


class ItemKind(enum.StrEnum):
    """What an item of a request list asks for."""

    ACCOUNTS = "accounts"
    PEOPLE = "people"
    PROCEDURES = "procedures"
    POSTS = "posts"
    RANDOM = "random"
    RISKIEST = "riskiest"
    COMPLAINTS = "complaints"
    EXCEPTIONS = "exceptions"
    OVERRIDES = "overrides"
    CASES = "cases"
    PROOF = "proof"
    NOTE = "note"


class RequestList(Witnessed, Base):
    """A regulator's letter: whose, about what, the days under review, when it came and when the answer is due.

    `export` is the bundle that answers it, once it was asked for; the items stand still while there is one.
    `handed_by`, `handed_at` and `handed_to` say that it was handed over.
    """

    __tablename__ = "request_list"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    regulator: Mapped[str] = mapped_column(String(120), info=PERSONAL)
    matter: Mapped[str] = mapped_column(String(120), info=PERSONAL)
    received: Mapped[dt.date]
    due: Mapped[dt.date | None]
    first_day: Mapped[dt.date]
    last_day: Mapped[dt.date]
    drafted_by: Mapped[str] = mapped_column(String(80))
    drafted_at: Mapped[datetime]
    export: Mapped[int | None] = mapped_column(ForeignKey("export.id"))
    handed_by: Mapped[str | None] = mapped_column(String(80))
    handed_at: Mapped[datetime | None]
    handed_to: Mapped[str | None] = mapped_column(String(200), info=PERSONAL)

    __table_args__ = (Index(None, "workspace", "id"), Index(None, "export"))


class RequestItem(Witnessed, Base):
    """One item of a letter, in its words, and what answers it; `asks` holds what its kind needs to know.

    `file` is a note that answers an item in free text; `removed_at` takes an item out of the list and keeps the row.
    """

    __tablename__ = "request_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    request: Mapped[int] = mapped_column(ForeignKey("request_list.id"))
    number: Mapped[int]
    kind: Mapped[ItemKind] = mapped_column(words(ItemKind))
    words: Mapped[str] = mapped_column(Text, info=PERSONAL)
    asks: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, info=PLAIN)
    file: Mapped[bytes | None] = mapped_column(LargeBinary, info=CONTENT)
    file_kind: Mapped[str | None] = mapped_column(String(40))
    removed_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("request", "number"),)


class ExportSeries(Witnessed, Base):
    """An export that was asked for in parts of at most so many posts or bytes, each a whole export of its own.

    `digest` is the SHA-256 of the list that names every part, once the last of them is written.
    """

    __tablename__ = "export_series"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    first_day: Mapped[dt.date]
    last_day: Mapped[dt.date]
    most_posts: Mapped[int | None]
    most_bytes: Mapped[int | None] = mapped_column(BigInteger)
    asked_by: Mapped[str] = mapped_column(String(80))
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    digest: Mapped[bytes | None] = mapped_column(Digest)

    __table_args__ = (Index(None, "workspace", "id"),)


class ExportPart(Witnessed, Base):
    """Which part of a series an export is."""

    __tablename__ = "export_part"

    export: Mapped[int] = mapped_column(ForeignKey("export.id"), primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    series: Mapped[int] = mapped_column(ForeignKey("export_series.id"))
    number: Mapped[int]

    __table_args__ = (UniqueConstraint("series", "number"),)


class ExportGone(Witnessed, Base):
    """The files of an export are not on the server any more: when that was seen. The record of the export stays."""

    __tablename__ = "export_gone"

    export: Mapped[int] = mapped_column(ForeignKey("export.id"), primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    seen_at: Mapped[datetime]
