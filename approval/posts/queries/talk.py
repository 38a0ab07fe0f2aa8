"""Comments, evidence and images of a post."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.errors import NotFound
from approval.people.queries import names_of
from approval.posts.models import Comment, CommentText, Evidence, Media
from approval.posts.payload import Attachment, Payload


@dataclass(frozen=True)
class Version:
    """What a comment said from one moment on; no text where it was deleted then."""

    number: int
    text: str | None
    at: datetime


@dataclass(frozen=True)
class CommentFacts:
    """A comment as a reader sees it. `versions` are for those who may read the audit, and empty for others.

    `orphaned`: the words that it quotes do not stand in the present revision any more.
    """

    id: int
    by: str
    by_name: str
    at: datetime
    revision: bytes
    part: str | None
    quote: str | None
    text: str | None
    edited: bool
    orphaned: bool
    versions: tuple[Version, ...] = ()

    @property
    def deleted(self) -> bool:
        """True where the author took it back."""
        return self.text is None


@dataclass(frozen=True)
class Thread:
    """A comment and the replies to it, oldest first."""

    first: CommentFacts
    replies: tuple[CommentFacts, ...]


@dataclass(frozen=True)
class EvidenceFacts:
    """A file of evidence, without its bytes."""

    id: int
    name: str
    kind: str
    size: int
    digest: bytes
    added_by: str
    added_by_name: str
    added_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True)
class MediaFacts:
    """An image, without its bytes. `words` stand in it; None where nobody could read it."""

    digest: bytes
    kind: str
    width: int
    height: int
    size: int
    source: bytes
    words: str | None


def comment_for_change(session: Session, post_id: int, comment_id: int) -> Comment:
    """Return the row of a comment on this post, held until the end of the transaction; NotFound where there is none."""
    comment = session.scalars(
        select(Comment).where(Comment.id == comment_id, Comment.post == post_id).with_for_update()
    ).one_or_none()
    if comment is None:
        raise NotFound("There is no such comment on this post.")
    return comment


def comments(session: Session, post_id: int, payload: Payload, *, reader: Actor) -> tuple[Thread, ...]:
    """Return the threads about a post, oldest first, measured against its present *payload*.

    Earlier versions and deleted words are there for a reader who may read the audit.
    """
    rows = session.scalars(select(Comment).where(Comment.post == post_id).order_by(Comment.id)).all()
    if not rows:
        return ()
    said: defaultdict[int, list[Version]] = defaultdict(list)
    for text in session.scalars(
        select(CommentText)
        .where(CommentText.comment.in_([row.id for row in rows]))
        .order_by(CommentText.comment, CommentText.number)
    ):
        said[text.comment].append(Version(text.number, text.text, text.at))
    names = names_of(session, (row.by for row in rows))
    every = can(reader, Capability.READ_AUDIT, rows[0].workspace)
    facts = {row.id: _comment(row, names[row.by], said[row.id], payload, every=every) for row in rows}
    replies: defaultdict[int, list[CommentFacts]] = defaultdict(list)
    for row in rows:
        if row.thread is not None:
            replies[row.thread].append(facts[row.id])
    return tuple(Thread(facts[row.id], tuple(replies[row.id])) for row in rows if row.thread is None)


def _comment(row: Comment, name: str, said: Sequence[Version], payload: Payload, *, every: bool) -> CommentFacts:
    last = said[-1]
    return CommentFacts(
        id=row.id,
        by=row.by,
        by_name=name,
        at=row.at,
        revision=row.revision,
        part=row.part,
        quote=row.quote,
        text=last.text,
        edited=last.number > 1 and last.text is not None,
        orphaned=row.quote is not None and not _stands(row.quote, row.part, payload),
        versions=tuple(said) if every else (),
    )


def _stands(quote: str, part: str | None, payload: Payload) -> bool:
    """Say whether the quoted words still stand in the part that they were quoted from."""
    texts = {f"texts.{name}": text for name, text in payload.texts.items()}
    texts |= {f"alt.{n}": attached.alt for n, attached in enumerate(payload.media)}
    texts["title"] = payload.title
    return quote in texts.get(part, "") if part else any(quote in text for text in texts.values())


_EVIDENCE = (
    Evidence.id,
    Evidence.name,
    Evidence.kind,
    Evidence.size,
    Evidence.digest,
    Evidence.added_by,
    Evidence.added_at,
    Evidence.removed_at,
)


def evidence(session: Session, post_id: int) -> tuple[EvidenceFacts, ...]:
    """Return the files of evidence of a post, those removed too (`removed_at` says when)."""
    rows = session.execute(select(*_EVIDENCE).where(Evidence.post == post_id).order_by(Evidence.id)).all()
    names = names_of(session, (row.added_by for row in rows))
    return tuple(
        EvidenceFacts(
            row.id,
            row.name,
            row.kind,
            row.size,
            row.digest,
            row.added_by,
            names[row.added_by],
            row.added_at,
            row.removed_at,
        )
        for row in rows
    )


def evidence_data(session: Session, post_id: int, evidence_id: int) -> tuple[str, str, bytes]:
    """Return name, media type and bytes of a file of evidence; serve it as an attachment. NotFound where it is not."""
    row = session.execute(
        select(Evidence.name, Evidence.kind, Evidence.data).where(Evidence.id == evidence_id, Evidence.post == post_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such file on this post.")
    return row.name, row.kind, row.data


def media_facts(session: Session, workspace: str, digests: Sequence[bytes]) -> dict[bytes, MediaFacts]:
    """Return what is known of images, by digest; digests that name none are left out."""
    columns = (Media.digest, Media.kind, Media.width, Media.height, Media.size, Media.source, Media.words)
    rows = session.execute(select(*columns).where(Media.workspace == workspace, Media.digest.in_(digests)))
    return {row.digest: MediaFacts(*row) for row in rows}


def media_words(session: Session, workspace: str, media: Sequence[Attachment]) -> dict[bytes, str | None]:
    """Return the words that stand in each image of a payload, by digest; None where nobody could read it."""
    if not media:
        return {}
    digests = [attached.digest for attached in media]
    rows = session.execute(
        select(Media.digest, Media.words).where(Media.workspace == workspace, Media.digest.in_(digests))
    )
    return {row.digest: row.words for row in rows}


def media_data(session: Session, workspace: str, digest: bytes) -> tuple[str, bytes]:
    """Return media type and bytes of an image; NotFound where there is none."""
    row = session.execute(
        select(Media.kind, Media.data).where(Media.workspace == workspace, Media.digest == digest)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such image in this workspace.")
    return row.kind, row.data
