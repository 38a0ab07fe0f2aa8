"""Retention rules, legal holds, and until when each record is kept."""

from __future__ import annotations

import datetime as dt
import enum
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import CONTENT, PERSONAL, Witnessed
from approval.db import Base, Digest, words


class RetentionVersion(Witnessed, Base):
    """An immutable version of a workspace's retention rules, as TOML. In force from `enacted_at`, if ever."""

    __tablename__ = "retention_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(Digest)
    source: Mapped[str] = mapped_column(Text, info=CONTENT)
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]
    enacted_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("workspace", "number"),)


class Hold(Witnessed, Base):
    """A legal hold: posts that meet every criterion it names are kept, whatever any date says, until two lift it.

    `person` is an id; days are in the workspace's zone, both included. `proposal` is the last one to lift it.
    """

    __tablename__ = "hold"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    matter: Mapped[str] = mapped_column(String(120), info=PERSONAL)
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    person: Mapped[str | None] = mapped_column(String(80))
    post: Mapped[int | None] = mapped_column(ForeignKey("post.id"))
    product: Mapped[str | None] = mapped_column(String(40))
    first_day: Mapped[dt.date | None]
    last_day: Mapped[dt.date | None]
    placed_by: Mapped[str] = mapped_column(String(80))
    placed_at: Mapped[datetime]
    proposal: Mapped[int | None] = mapped_column(ForeignKey("proposal.id"))
    lifted_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace", "lifted_at", "id"),)


class Kind(enum.StrEnum):
    """What a date of keeping is about: its `record` is the id of such a row."""

    POST = "post"
    WORKFLOW = "workflow"
    RULES = "rules"
    RETENTION = "retention"
    EXPORT = "export"
    LOOKBACK = "lookback"
    ARCHIVED = "archived"
    COMPLAINT = "complaint"


class Keeping(Base):
    """Until when a record is kept, for the calendar; `until` is null while it is in use, and where it is for good."""

    __tablename__ = "keeping"
    unwitnessed = "derived: from the record, what happened to it and the retention rules in force"

    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"), primary_key=True)
    kind: Mapped[Kind] = mapped_column(words(Kind), primary_key=True)
    record: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    until: Mapped[dt.date | None]
    rule: Mapped[str] = mapped_column(String(60))

    __table_args__ = (Index(None, "workspace", "until", "kind", "record"),)


class Covered(Base):
    """A post that a legal hold covers, for counts and lists; whether one is held is asked of the post itself."""

    __tablename__ = "covered"
    unwitnessed = "derived: from the hold and what happened to the post"

    hold: Mapped[int] = mapped_column(ForeignKey("hold.id"), primary_key=True)
    post: Mapped[int] = mapped_column(ForeignKey("post.id"), primary_key=True)

    __table_args__ = (Index(None, "post"),)


class Reckoning(Base):
    """How far `keeping` and `covered` follow a workspace's log: entries below `entries` are in them.

    `swept` is the last post of a pass over all posts, null once it is through; `others_at` is when everything but
    posts was reckoned last.
    """

    __tablename__ = "reckoning"
    unwitnessed = "a cursor: what it leads to is derived"

    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"), primary_key=True)
    entries: Mapped[int] = mapped_column(BigInteger)
    swept: Mapped[int | None]
    others_at: Mapped[datetime | None]
