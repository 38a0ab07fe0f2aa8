"""The rows of posts: the post, its immutable revisions, who touched it, what was said about it."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import ABSENT, CONTENT, PERSONAL, PLAIN, Witnessed
from approval.db import Base, Digest, words


class Standing(enum.StrEnum):
    """Where a post stands. The last seven are the worst of its publications' standings, in this order."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    NEEDS_PERSON = "needs_person"
    REFUSED = "refused"
    MISSED = "missed"
    PUBLISHING = "publishing"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"


EDITABLE = (Standing.DRAFT, Standing.CHANGES_REQUESTED)
HELD = (Standing.IN_REVIEW, Standing.APPROVED, Standing.SCHEDULED)
"""A round holds the post and nothing was sent yet: an edit ends the round first."""
SCHEDULABLE = (Standing.APPROVED, Standing.SCHEDULED, Standing.MISSED)
WITHDRAWABLE = (Standing.IN_REVIEW, *SCHEDULABLE, Standing.REFUSED)


class Objective(enum.StrEnum):
    """What a post is for."""

    ACQUISITION = "acquisition"
    SERVICE = "service"
    COMMUNITY = "community"
    BRAND = "brand"
    NOTICE = "notice"


class Post(Witnessed, Base):
    """A retail communication on its way: which revision it is at, where it stands, who acts next.

    `standing`, `acts_next`, `acts_next_at` and `lock` are written by review and publishing. While `lock` is
    set (the submission's number) no new revision is accepted. What stands here beside the revision never
    voids an approval.
    """

    __tablename__ = "post"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    revision: Mapped[bytes] = mapped_column(Digest)
    author: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    standing: Mapped[Standing] = mapped_column(words(Standing), default=Standing.DRAFT)
    acts_next: Mapped[str] = mapped_column(String(120), default="", info=PLAIN)
    acts_next_at: Mapped[datetime | None]
    severity: Mapped[str | None] = mapped_column(String(8))
    lock: Mapped[int | None]
    origin: Mapped[int | None] = mapped_column(ForeignKey("post.id"))
    objective: Mapped[Objective | None] = mapped_column(words(Objective))
    kpi: Mapped[str | None] = mapped_column(String(80), info=PERSONAL)
    baseline: Mapped[str | None] = mapped_column(String(40), info=PERSONAL)
    target: Mapped[str | None] = mapped_column(String(40), info=PERSONAL)
    wanted_at: Mapped[datetime | None]
    wanted_wall: Mapped[str | None] = mapped_column(String(19))
    zone: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index(None, "workspace", "id"),
        Index(None, "workspace", "standing", "id"),
        Index(None, "workspace", "author", "id"),
        Index(None, "workspace", "standing", "severity", "acts_next_at", "id"),
        Index(None, "workspace", "wanted_at"),
    )


class Revision(Witnessed, Base):
    """One exact payload of a post. Identical bytes are the same revision.

    `payload` is the RFC 8785 form whose SHA-256 is `digest`; `title` repeats its title for lists.
    """

    __tablename__ = "revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(Digest)
    title: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    payload: Mapped[str] = mapped_column(Text, info=CONTENT)
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("post", "number"),
        UniqueConstraint("post", "digest"),
        Index(None, "workspace", "digest"),
    )


class Edit(Witnessed, Base):
    """Somebody set the post to a revision, also by returning to earlier bytes: they are an editor of it."""

    __tablename__ = "edit"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    revision: Mapped[bytes] = mapped_column(Digest)
    by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]

    __table_args__ = (Index(None, "post", "by"),)


class Media(Witnessed, Base):
    """An image as it will be published: re-encoded, named by its digest. `source` is the digest of the upload.

    `words` is what stands in it, read once as it was added, so that it is judged alike ever after; `read_by` names
    what read it. Both are None where nobody could read it.
    """

    __tablename__ = "media"

    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    source: Mapped[bytes] = mapped_column(Digest)
    data: Mapped[bytes] = mapped_column(LargeBinary, info=CONTENT)
    added_by: Mapped[str] = mapped_column(String(80))
    added_at: Mapped[datetime]
    words: Mapped[str | None] = mapped_column(Text, info={**CONTENT, ABSENT: None})
    read_by: Mapped[str | None] = mapped_column(String(80), info={ABSENT: None})


class Evidence(Witnessed, Base):
    """A file that substantiates a post: outside the payload, inside the case file. Removal keeps the row."""

    __tablename__ = "evidence"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    name: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    kind: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    digest: Mapped[bytes] = mapped_column(Digest)
    data: Mapped[bytes] = mapped_column(LargeBinary, info=CONTENT)
    added_by: Mapped[str] = mapped_column(String(80))
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "post"),)


class Comment(Witnessed, Base):
    """A remark in a thread about a post, made while it stood at one revision; optionally on a quoted passage."""

    __tablename__ = "comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    post: Mapped[int] = mapped_column(ForeignKey("post.id"))
    thread: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    revision: Mapped[bytes] = mapped_column(Digest)
    part: Mapped[str | None] = mapped_column(String(80))
    quote: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]

    __table_args__ = (Index(None, "post", "id"),)


class CommentText(Witnessed, Base):
    """What a comment says, version by version; a version without text is its deletion. Auditors read them all."""

    __tablename__ = "comment_text"

    comment: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    text: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
