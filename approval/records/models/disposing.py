"""Letting go: dispositions of what is due, and requests to erase what is known of a person."""

from __future__ import annotations

import datetime as dt
import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import PERSONAL, PLAIN, Witnessed
from approval.db import Base, Digest, words
from approval.records.models.keeping import Kind


class LettingGo(enum.StrEnum):
    """How far a disposition or an erasure is: proposed, agreed to by a second person, done, or turned down."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    DONE = "done"
    TURNED_DOWN = "turned_down"


class Disposition(Witnessed, Base):
    """A list of records that two people let go of; `digest` names the list, and the proposal names that digest.

    `disposed` and `kept` are filled at the end; `cleaned_at` says that no trace is left beside the tables.
    """

    __tablename__ = "disposition"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    state: Mapped[LettingGo] = mapped_column(words(LettingGo))
    through: Mapped[dt.date]
    records: Mapped[int]
    digest: Mapped[bytes] = mapped_column(Digest)
    proposal: Mapped[int] = mapped_column(ForeignKey("proposal.id"))
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    disposed: Mapped[int | None]
    kept: Mapped[int | None]
    cleaned_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace", "id"), Index(None, "state", "id"))


class DispositionItem(Base):
    """A record of a disposition's list: settled once it is gone, or once something turned out to keep it.

    `media` are digests of images that it named, looked at again at the end.
    """

    __tablename__ = "disposition_item"
    unwitnessed = "a work list: the proposal's digest names it, and the entries say what became of each"

    disposition: Mapped[int] = mapped_column(ForeignKey("disposition.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[Kind] = mapped_column(words(Kind))
    record: Mapped[int]
    until: Mapped[dt.date]
    rule: Mapped[str] = mapped_column(String(60))
    settled_at: Mapped[datetime | None]
    kept_because: Mapped[str | None] = mapped_column(Text)
    media: Mapped[list[Any]] = mapped_column(JSON, default=list)

    __table_args__ = (Index(None, "disposition", "settled_at", "number"), Index(None, "kind", "record"))


class Erasure(Witnessed, Base):
    """A request to erase what is known of a person: of an account, or of somebody named in free text of some posts.

    `asked_on` is the day on which it came in. `answer` and `answer_on` are what was answered when it was recorded:
    the outcome (see `keeping.fate`) and the first day on which it can take effect. `words` is erased with the rest.
    """

    __tablename__ = "erasure"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    state: Mapped[LettingGo] = mapped_column(words(LettingGo))
    person: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    words: Mapped[str | None] = mapped_column(String(120), info=PERSONAL)
    posts: Mapped[list[int]] = mapped_column(JSON, default=list, info=PLAIN)
    asked_on: Mapped[dt.date]
    asked_by: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    recorded_by: Mapped[str] = mapped_column(String(80))
    recorded_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(String(24))
    answer_on: Mapped[dt.date | None]
    proposal: Mapped[int] = mapped_column(ForeignKey("proposal.id"))
    ended_at: Mapped[datetime | None]
    erased: Mapped[int | None]
    disposed: Mapped[int | None]
    cleaned_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace", "id"), Index(None, "state", "id"))
