"""The rows of screening: the firm's rule sets, what they found, and what was accepted by name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import CONTENT, PERSONAL, Witnessed
from approval.db import Base, Digest


class RuleSetVersion(Witnessed, Base):
    """An immutable version of a workspace's rules: pack name to TOML source. Version 1 is what shipped.

    `digest` covers packs, engine version and Unicode version. In force from `enacted_at`, if ever.
    """

    __tablename__ = "rule_set_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(Digest)
    packs: Mapped[dict[str, Any]] = mapped_column(JSON, info=CONTENT)
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]
    enacted_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("workspace", "number"),)


class Screening(Witnessed, Base):
    """What one rule set found in one revision: the stored findings are the record."""

    __tablename__ = "screening"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    revision: Mapped[bytes] = mapped_column(Digest)
    rule_set: Mapped[bytes] = mapped_column(Digest)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON, info=CONTENT)
    worst: Mapped[str | None] = mapped_column(String(8))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("workspace", "revision", "rule_set"),)


class Acceptance(Witnessed, Base):
    """A finding accepted by name for one revision, with a reason: an exception that somebody answers for."""

    __tablename__ = "acceptance"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    revision: Mapped[bytes] = mapped_column(Digest)
    rule: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    accepted_by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("workspace", "revision", "rule"), Index(None, "workspace", "rule"))


class ExceptionRequest(Witnessed, Base):
    """Somebody asks that a finding be accepted for one revision. Who asks may not decide on the post."""

    __tablename__ = "exception_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    revision: Mapped[bytes] = mapped_column(Digest)
    rule: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    asked_by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
    answered_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace", "revision"),)


class Dismissal(Witnessed, Base):
    """A reviewer says that a finding is a false alarm in one revision. It lets nothing pass that blocks.

    One that is taken back is no row any more; the log keeps both.
    """

    __tablename__ = "dismissal"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    revision: Mapped[bytes] = mapped_column(Digest)
    rule: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    dismissed_by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("workspace", "revision", "rule"), Index(None, "workspace", "rule", "id"))


class SecondOpinion(Witnessed, Base):
    """What a revision resembles, by the model named: beside the findings, never one of them, and it blocks nothing.

    Each of `resemblances` has `part`, `start`, `end`, `rule`, `similarity` in thousandths, and `found`: whether the
    rules found something in these words. Of its `sentences` so many were `read`.
    """

    __tablename__ = "second_opinion"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    revision: Mapped[bytes] = mapped_column(Digest)
    rule_set: Mapped[bytes] = mapped_column(Digest)
    model: Mapped[str] = mapped_column(String(80))
    model_version: Mapped[str] = mapped_column(String(40))
    resemblances: Mapped[list[dict[str, Any]]] = mapped_column(JSON, info=CONTENT)
    sentences: Mapped[int]
    read: Mapped[int]
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("workspace", "revision"),)


class RuleTally(Base):
    """How often a rule found something in this firm's revisions, in the open and in the shadow, and was wrong."""

    __tablename__ = "rule_tally"
    unwitnessed = "a counter: screenings and dismissals are the record"

    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(32), primary_key=True)
    hits: Mapped[int] = mapped_column(default=0)
    shadows: Mapped[int] = mapped_column(default=0)
    dismissed: Mapped[int] = mapped_column(default=0)
