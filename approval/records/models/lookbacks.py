"""Lookbacks: what was published, judged again under later rules."""

from __future__ import annotations

import datetime as dt
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import PERSONAL, PLAIN, Witnessed
from approval.db import Base, Digest


class Lookback(Witnessed, Base):
    """What was published in some days, judged again under one rule set; `reached` is the last publication judged."""

    __tablename__ = "lookback"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    first_day: Mapped[dt.date]
    last_day: Mapped[dt.date]
    rule_set: Mapped[bytes] = mapped_column(Digest)
    begun_by: Mapped[str] = mapped_column(String(80))
    begun_at: Mapped[datetime]
    reached: Mapped[int] = mapped_column(default=0)
    judged: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace", "id"),)


class LookbackHit(Witnessed, Base):
    """A publication that today's rules flag and those of its time did not; somebody says what follows from it.

    `rules` holds rule id to severity, of what is newly found.
    """

    __tablename__ = "lookback_hit"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    lookback: Mapped[int] = mapped_column(ForeignKey("lookback.id"))
    publication: Mapped[int] = mapped_column(ForeignKey("publication.id"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    worst: Mapped[str] = mapped_column(String(8))
    rules: Mapped[dict[str, str]] = mapped_column(JSON, info=PLAIN)
    answered_by: Mapped[str | None] = mapped_column(String(80))
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(Text, info=PERSONAL)

    __table_args__ = (
        UniqueConstraint("lookback", "publication"),
        Index(None, "workspace", "answered_at", "id"),
    )
