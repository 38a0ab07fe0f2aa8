"""What a post says and said, who set it so, and what changed from one revision to another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from approval import clock
from approval.db import Session, once
from approval.errors import NotFound, ProofFailed
from approval.people.models import Person
from approval.people.queries import ChannelFacts, names_of
from approval.posts.diff import Segment, diff
from approval.posts.models import Edit, Post, Revision
from approval.posts.payload import Payload, parse
from approval.screening.services import Part


@dataclass(frozen=True)
class RevisionFacts:
    """A revision of a post, without its words."""

    number: int
    digest: bytes
    title: str
    made_by: str
    made_by_name: str
    made_at: datetime


@dataclass(frozen=True)
class EditFacts:
    """Somebody set the post to a revision."""

    revision: bytes
    by: str
    by_name: str
    at: datetime


@dataclass(frozen=True)
class PartChange:
    """What changed in one part of a post (`title`, `texts.<channel>`, `alt.<n>`, `product`, …)."""

    part: str
    segments: tuple[Segment, ...]


def payload_text(session: Session, workspace: str, digest: bytes) -> str:
    """Return the canonical payload named by *digest*; NotFound, or ProofFailed where the stored bytes are others."""
    where = (Revision.workspace == workspace, Revision.digest == digest)
    text = session.scalar(select(Revision.payload).where(*where).limit(1))
    if text is None:
        raise NotFound(f"There is no revision {digest.hex()[:12]}… in {workspace}.")
    ensure_intact(text, workspace, digest)
    return text


def ensure_intact(payload: str, workspace: str, digest: bytes) -> None:
    """Refuse (ProofFailed) stored bytes that are not those that their digest names."""
    if hashlib.sha256(payload.encode()).digest() != digest:
        raise ProofFailed(f"the stored payload of revision {digest.hex()} in {workspace} has another digest")


@once
def payload_of(session: Session, workspace: str, digest: bytes) -> Payload:
    """Return the payload named by *digest*, checked against it."""
    return parse(payload_text(session, workspace, digest))


def editors(session: Session, post_id: int) -> frozenset[str]:
    """Return the author and everybody who ever set the post to a revision: none of them decides on it."""
    found = set(session.scalars(select(Edit.by).where(Edit.post == post_id).distinct()))
    author = session.scalar(select(Post.author).where(Post.id == post_id))
    return frozenset(found | ({author} if author else set()))


def edits(session: Session, post_id: int) -> tuple[EditFacts, ...]:
    """Return who set the post to which revision, in order."""
    rows = session.execute(select(Edit.revision, Edit.by, Edit.at).where(Edit.post == post_id).order_by(Edit.id)).all()
    names = names_of(session, (row.by for row in rows))
    return tuple(EditFacts(row.revision, row.by, names[row.by], row.at) for row in rows)


def revisions(session: Session, post_id: int) -> tuple[RevisionFacts, ...]:
    """Return the revisions of a post, oldest first."""
    rows = session.execute(
        select(Revision.number, Revision.digest, Revision.title, Revision.made_by, Person.name, Revision.made_at)
        .outerjoin(Person, Person.id == Revision.made_by)
        .where(Revision.post == post_id)
        .order_by(Revision.number)
    )
    return tuple(
        RevisionFacts(number, digest, title, by, name or by, at) for number, digest, title, by, name, at in rows
    )


def parts(payload: Payload, channels: Iterable[ChannelFacts], words: Mapping[bytes, str | None]) -> tuple[Part, ...]:
    """Return every text of a payload as the rules are asked about it: title, channels, alternatives, images.

    *words* says what stands in each image (`media_words`).
    """
    network = {channel.name: channel.network for channel in channels}
    return (
        Part("title", None, payload.title),
        *(Part(f"texts.{name}", network.get(name, ""), text) for name, text in sorted(payload.texts.items())),
        *(Part(f"alt.{n}", None, attached.alt) for n, attached in enumerate(payload.media)),
        *(Part(f"image.{n}", None, said) for n, a in enumerate(payload.media) if (said := words.get(a.digest))),
    )


def changes(before: Payload, after: Payload) -> tuple[PartChange, ...]:
    """Return what changed between two payloads, part by part and word by word; unchanged parts are left out."""
    old, new = dict(_spelled(before)), dict(_spelled(after))
    order = [*new, *(part for part in old if part not in new)]
    return tuple(
        PartChange(part, diff(old.get(part, ""), new.get(part, "")))
        for part in order
        if old.get(part, "") != new.get(part, "")
    )


def _spelled(payload: Payload) -> Iterator[tuple[str, str]]:
    """Every part of a payload as text. Images are compared by their place."""
    yield "title", payload.title
    for name, text in sorted(payload.texts.items()):
        yield f"texts.{name}", text
    for n, attached in enumerate(payload.media):
        yield f"media.{n}", attached.digest.hex()
        yield f"alt.{n}", attached.alt
    yield "disclosures", _listed(payload.disclosures)
    yield "channels", _listed(payload.channels)
    for name in ("regime", "product", "audience", "in_reply_to"):
        yield name, getattr(payload, name) or ""
    for name in ("not_before", "not_after"):
        instant = getattr(payload, name)
        yield name, clock.to_text(instant) if instant else ""


def _listed(items: Sequence[str]) -> str:
    return "\n".join(items)
