"""The rows of review: workflow versions, submissions and decisions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import CONTENT, PERSONAL, PLAIN, Witnessed
from approval.db import Base, Digest, words
from approval.review.flow.workflow import Outcome, Verdict


class WorkflowVersion(Witnessed, Base):
    """An immutable version of a workspace's review stages, as TOML. In force from `enacted_at`, if ever."""

    __tablename__ = "workflow_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(Digest)
    source: Mapped[str] = mapped_column(Text, info=CONTENT)
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]
    enacted_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("workspace", "number"),)


class Submission(Witnessed, Base):
    """One round: a revision given to review under the workflow and rule set of that moment.

    `version` is compared and swapped by every decision. `outcome` is null while the round is open. `asked` holds,
    for each stage that waits for everybody, the ids of everybody; `note` says why the round was withdrawn.
    """

    __tablename__ = "submission"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    number: Mapped[int]
    revision: Mapped[bytes] = mapped_column(Digest)
    workflow: Mapped[int] = mapped_column(ForeignKey("workflow_version.id"))
    rule_set: Mapped[bytes] = mapped_column(Digest)
    submitted_by: Mapped[str] = mapped_column(String(80))
    submitted_at: Mapped[datetime]
    asked: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict, info=PLAIN)
    outcome: Mapped[Outcome | None] = mapped_column(words(Outcome))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (UniqueConstraint("post", "number"), Index(None, "workspace", "submitted_at"))


class OpenStage(Base):
    """A stage that waits for decisions now: what the task lists are read from.

    `severity_rank` is 0 for a finding that blocks and grows as the post grows harmless, so that lists ascend.
    """

    __tablename__ = "open_stage"
    unwitnessed = "a queue: `flow` derives it from the submission and its decisions"

    submission: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(63), primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    who: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(80))
    distinct_people: Mapped[bool]
    severity_rank: Mapped[int]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]

    __table_args__ = (Index(None, "workspace", "who", "severity_rank", "due_at", "submission"), Index(None, "post"))


class Decision(Witnessed, Base):
    """What one person decided at one stage of one submission, on the bytes they saw. Never changed."""

    __tablename__ = "decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    submission: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    stage: Mapped[str] = mapped_column(String(63))
    verdict: Mapped[Verdict] = mapped_column(words(Verdict))
    reason: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    seen: Mapped[bytes] = mapped_column(Digest)
    by: Mapped[str] = mapped_column(String(80))
    roles: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36), unique=True)
    body: Mapped[bytes] = mapped_column(Digest)

    __table_args__ = (UniqueConstraint("submission", "stage", "by"), Index(None, "post"))
