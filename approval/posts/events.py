"""What may happen to posts, their revisions, comments, images and evidence."""

from __future__ import annotations

from dataclasses import dataclass

from approval.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class PostCreated(Event, kind="post.created"):
    """A post was begun with its first revision; `origin` names the post that it is a copy of."""

    revision: bytes
    origin: int | None


@dataclass(frozen=True, kw_only=True)
class PostRevised(Event, kind="post.revised"):
    """The post got a revision that it never had before. Whoever did it is an editor of it."""

    number: int
    revision: bytes
    before: bytes


@dataclass(frozen=True, kw_only=True)
class PostReturned(Event, kind="post.returned"):
    """The post was set back to earlier bytes. Whoever did it is an editor; no approval comes back with them."""

    number: int
    revision: bytes
    before: bytes


@dataclass(frozen=True, kw_only=True)
class PostPlanned(Event, kind="post.planned"):
    """The objective or the wished time of a post changed: outside the payload, so no approval is voided."""


@dataclass(frozen=True, kw_only=True)
class PostRescreened(Event, kind="post.rescreened"):
    """The rules in force judged an unchanged revision otherwise; the post's severity follows."""

    revision: bytes
    rule_set: bytes


@dataclass(frozen=True, kw_only=True)
class CommentMade(Event, kind="comment.made"):
    """Somebody remarked on a post, while it stood at this revision."""

    comment: int
    revision: bytes


@dataclass(frozen=True, kw_only=True)
class CommentEdited(Event, kind="comment.edited"):
    """The author of a comment changed it; what it said before stays readable to auditors."""

    comment: int
    number: int


@dataclass(frozen=True, kw_only=True)
class CommentDeleted(Event, kind="comment.deleted"):
    """The author of a comment took it back; what it said stays readable to auditors."""

    comment: int
    number: int


@dataclass(frozen=True, kw_only=True)
class MediaAdded(Event, kind="media.added"):
    """An image was taken in and re-encoded; `source` is the digest of the file as it was uploaded."""

    digest: bytes
    source: bytes


@dataclass(frozen=True, kw_only=True)
class EvidenceAdded(Event, kind="evidence.added"):
    """A file that substantiates a post was added to its case file."""

    evidence: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class EvidenceRemoved(Event, kind="evidence.removed"):
    """A file was taken out of the list of evidence; it stays in the records."""

    evidence: int
    digest: bytes
