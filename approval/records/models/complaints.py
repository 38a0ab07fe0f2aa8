"""Complaints, take-downs of what was published, and tests that the records can be got at."""

from __future__ import annotations

import datetime as dt
import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import PERSONAL, Witnessed
from approval.db import Base, Digest, words


class Way(enum.StrEnum):
    """By which way a complaint came."""

    LETTER = "letter"
    EMAIL = "e-mail"
    TELEPHONE = "telephone"
    IN_PERSON = "in-person"
    SOCIAL_MEDIA = "social-media"
    WEB_FORM = "web-form"
    REGULATOR = "regulator"
    OTHER = "other"


class Finding(enum.StrEnum):
    """What the firm found about a complaint."""

    UPHELD = "upheld"
    PARTLY = "partly-upheld"
    NOT_UPHELD = "not-upheld"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class Complaint(Witnessed, Base):
    """A customer's complaint, what was done about it, and what was answered. `staff` names who is complained about."""

    __tablename__ = "complaint"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int | None] = mapped_column(ForeignKey("post.id"))
    product: Mapped[str | None] = mapped_column(String(40))
    received_on: Mapped[dt.date]
    way: Mapped[Way] = mapped_column(words(Way))
    customer: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    contact: Mapped[str | None] = mapped_column(String(400), info=PERSONAL)
    account: Mapped[str | None] = mapped_column(String(80), info=PERSONAL)
    staff: Mapped[str | None] = mapped_column(String(200), info=PERSONAL)
    about: Mapped[str] = mapped_column(Text, info=PERSONAL)
    recorded_by: Mapped[str] = mapped_column(String(80))
    recorded_at: Mapped[datetime]
    done: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    answered_on: Mapped[dt.date | None]
    answer: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    finding: Mapped[Finding | None] = mapped_column(words(Finding))
    closed_by: Mapped[str | None] = mapped_column(String(80))
    closed_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace", "closed_at", "id"), Index(None, "post"))


class TakeDown(Witnessed, Base):
    """A publication that was taken down: by whom and why, and who opened its link and found it gone.

    Use ends at `gone_at`: until somebody confirmed that it is gone, it counts as visible.
    """

    __tablename__ = "take_down"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    publication: Mapped[int] = mapped_column(ForeignKey("publication.id"), unique=True)
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    taken_by: Mapped[str] = mapped_column(String(80))
    taken_at: Mapped[datetime]
    confirmed_by: Mapped[str | None] = mapped_column(String(80))
    gone_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "post"),)


class AccessTest(Witnessed, Base):
    """A rehearsal: somebody got at the records as an examiner would, and said whether what they got verified."""

    __tablename__ = "access_test"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    export: Mapped[int] = mapped_column(ForeignKey("export.id"))
    digest: Mapped[bytes] = mapped_column(Digest)
    person: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    verified: Mapped[bool]
    note: Mapped[str] = mapped_column(Text, info=PERSONAL)
    tested_by: Mapped[str] = mapped_column(String(80))
    tested_at: Mapped[datetime]

    __table_args__ = (Index(None, "workspace", "id"),)
