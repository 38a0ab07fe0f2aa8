"""The rows of publishing: publications, attempts, stops; and the unwitnessed claims of the workers."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import PERSONAL, Witnessed
from approval.db import Base, Digest, words


class PublicationStanding(enum.StrEnum):
    """Where one publication stands; the worst one names the post, in this order."""

    UNKNOWN = "unknown"
    NEEDS_PERSON = "needs_person"
    REFUSED = "refused"
    MISSED = "missed"
    PUBLISHING = "publishing"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Because(enum.StrEnum):
    """Why a publication was not simply published."""

    LATE = "late"
    WINDOW_CLOSED = "window-closed"
    CHANNEL_CLOSED = "channel-closed"
    ALTERED = "altered"
    APPROVAL_VOID = "approval-void"
    OPEN_BLOCK = "open-block"
    NOT_REACHED = "not-reached"
    BUSY = "busy"
    NOT_ACCEPTED = "not-accepted"
    GONE = "gone"
    ADDRESS_REFUSED = "address-refused"
    NO_ANSWER = "no-answer"
    HAND_OVER = "hand-over"
    TAKEN_BACK = "taken-back"


class Outcome(enum.StrEnum):
    """What an attempt ended in. Deferred: provably nothing was sent, and it may be tried again."""

    PUBLISHED = "published"
    REFUSED = "refused"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    HANDED_OVER = "handed_over"


class Publication(Witnessed, Base):
    """One approved revision on its way to one channel. `message` names it to the receiver on every try.

    `due_at` is the chosen instant, `wall` the same in `zone`; `retry_at` holds a further try back until then.
    """

    __tablename__ = "publication"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    submission: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    channel: Mapped[int] = mapped_column(ForeignKey("channel.id"))
    revision: Mapped[bytes] = mapped_column(Digest)
    standing: Mapped[PublicationStanding] = mapped_column(words(PublicationStanding))
    due_at: Mapped[datetime]
    wall: Mapped[str] = mapped_column(String(19))
    zone: Mapped[str] = mapped_column(String(64))
    scheduled_by: Mapped[str] = mapped_column(String(80))
    message: Mapped[str] = mapped_column(String(48), unique=True)
    retry_at: Mapped[datetime | None]
    because: Mapped[Because | None] = mapped_column(words(Because))
    url: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    published_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("submission", "channel"),
        Index(None, "standing", "due_at", "id"),
        Index(None, "channel", "standing", "published_at"),
        Index(None, "workspace", "due_at"),
        Index(None, "workspace", "standing", "id", "published_at"),
        Index(None, "workspace", "published_at"),
        Index(None, "post"),
    )


class Attempt(Witnessed, Base):
    """One try: the digest of the exact request, committed before its first byte goes; then its outcome."""

    __tablename__ = "attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    publication: Mapped[int] = mapped_column(ForeignKey("publication.id"))
    number: Mapped[int]
    request: Mapped[bytes] = mapped_column(Digest)
    begun_at: Mapped[datetime]
    outcome: Mapped[Outcome | None] = mapped_column(words(Outcome))
    detail: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    ended_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("publication", "number"),)


class Claim(Base):
    """A worker's hold on one publication: its lease, and its fence (the number of the attempt)."""

    __tablename__ = "claim"
    unwitnessed = "a lease and a fence: the attempt is the fact"

    publication: Mapped[int] = mapped_column(ForeignKey("publication.id"), primary_key=True)
    channel: Mapped[int] = mapped_column(ForeignKey("channel.id"), unique=True)
    worker: Mapped[str] = mapped_column(String(80))
    fence: Mapped[int] = mapped_column(Integer)
    until: Mapped[datetime]


class StopScope(enum.StrEnum):
    """What a stop halts."""

    EVERYTHING = "everything"
    WORKSPACE = "workspace"
    CHANNEL = "channel"
    POST = "post"


class Stop(Witnessed, Base):
    """Publishing is halted for a scope, from one person's word until two lift it.

    `workspace` is null where it halts everything.
    """

    __tablename__ = "stop"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str | None] = mapped_column(ForeignKey("workspace.name"))
    scope: Mapped[StopScope] = mapped_column(words(StopScope))
    channel: Mapped[int | None] = mapped_column(ForeignKey("channel.id"))
    post: Mapped[int | None] = mapped_column(ForeignKey("post.id"))
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    stopped_by: Mapped[str] = mapped_column(String(80))
    stopped_at: Mapped[datetime]
    resume_asked_by: Mapped[str | None] = mapped_column(String(80))
    resume_reason: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    lifted_by: Mapped[str | None] = mapped_column(String(80))
    lifted_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "lifted_at"),)


class Heartbeat(Base):
    """When each worker was last alive."""

    __tablename__ = "heartbeat"
    unwitnessed = "a sign of life"

    worker: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime]
