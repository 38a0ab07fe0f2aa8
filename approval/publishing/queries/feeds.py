"""What the public reads of a channel via `feed`: published posts, newest first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select

from approval.audit.models import Log
from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Channel, Via, Workspace
from approval.posts.models import Media, Revision
from approval.posts.payload import Payload, parse
from approval.publishing.models import Publication, PublicationStanding

PAGE = 20


@dataclass(frozen=True)
class FeedMedia:
    """An image of a published post."""

    publication: int
    digest: str
    alt: str
    kind: str
    size: int
    width: int
    height: int


@dataclass(frozen=True)
class FeedEntry:
    """A published post, exactly as it was approved. `message` is its id for good."""

    publication: int
    message: str
    title: str
    text: str
    disclosures: tuple[str, ...]
    media: tuple[FeedMedia, ...]
    in_reply_to: str | None
    published_at: datetime


@dataclass(frozen=True)
class FeedPage:
    """One page of a channel's feed. `origin` names the workspace's log, so that ids differ between installations;
    `before` is where the next page begins, None on the last one."""

    workspace: str
    firm: str
    channel: str
    title: str
    zone: str
    origin: str
    updated: datetime
    entries: tuple[FeedEntry, ...]
    before: int | None


def feed_page(
    session: Session, workspace: str, channel: str, *, before: int | None = None, size: int = PAGE
) -> FeedPage:
    """Return the posts published on a feed, newest first; *before* is the last publication of the page above."""
    row = session.execute(
        select(Channel, Workspace, Log.origin)
        .join(Workspace, Workspace.name == Channel.workspace)
        .join(Log, Log.name == Workspace.name)
        .where(Channel.workspace == workspace, Channel.name == channel, Channel.via == Via.FEED)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such feed.")
    found, firm, origin = row
    rows = session.execute(_published(found.id, _place(session, found.id, before)).limit(size + 1)).all()
    entries = _entries(session, found, rows[:size])
    return FeedPage(
        workspace=workspace,
        firm=firm.title,
        channel=channel,
        title=found.title,
        zone=firm.zone,
        origin=origin,
        updated=entries[0].published_at if entries else firm.created_at,
        entries=entries,
        before=entries[-1].publication if len(rows) > size else None,
    )


def _place(session: Session, channel: int, before: int | None) -> tuple[datetime, int] | None:
    if before is None:
        return None
    at = session.scalar(
        select(Publication.published_at).where(Publication.id == before, Publication.channel == channel)
    )
    if at is None:
        raise NotFound("There is no such page of this feed.")
    return at, before


def _published(channel: int, place: tuple[datetime, int] | None) -> Select[Publication, str]:
    wanted = (
        select(Publication, Revision.payload)
        .join(Revision, and_(Revision.post == Publication.post, Revision.digest == Publication.revision))
        .where(Publication.channel == channel, Publication.standing == PublicationStanding.PUBLISHED)
        .order_by(Publication.published_at.desc(), Publication.id.desc())
    )
    if place is None:
        return wanted
    at, id_ = place
    return wanted.where(
        or_(
            Publication.published_at < at,
            and_(Publication.published_at == at, Publication.id < id_),
        )
    )


def _entries(session: Session, channel: Channel, rows: Sequence[tuple[Publication, str]]) -> tuple[FeedEntry, ...]:
    payloads = {publication.id: parse(text) for publication, text in rows}
    media = _media(session, channel.workspace, payloads.values())
    return tuple(
        _entry(publication, payloads[publication.id], channel.name, media)
        for publication, _ in rows
        if publication.published_at is not None
    )


def _entry(
    publication: Publication, payload: Payload, channel: str, media: dict[bytes, tuple[str, int, int, int]]
) -> FeedEntry:
    assert publication.published_at is not None
    return FeedEntry(
        publication=publication.id,
        message=publication.message,
        title=payload.title,
        text=payload.texts[channel],
        disclosures=tuple(payload.disclosures),
        media=tuple(
            FeedMedia(publication.id, attached.digest.hex(), attached.alt, *media[attached.digest])
            for attached in payload.media
        ),
        in_reply_to=payload.in_reply_to,
        published_at=publication.published_at,
    )


def _media(session: Session, workspace: str, payloads: Any) -> dict[bytes, tuple[str, int, int, int]]:
    digests = {attached.digest for payload in payloads for attached in payload.media}
    columns = (Media.digest, Media.kind, Media.size, Media.width, Media.height)
    rows = session.execute(select(*columns).where(Media.workspace == workspace, Media.digest.in_(digests)))
    return {digest: (kind, size, width, height) for digest, kind, size, width, height in rows}


def public_media(session: Session, publication: int, digest: bytes) -> tuple[str, bytes]:
    """Return type and bytes of an image of a post published on a feed; NotFound for every other image."""
    row = session.execute(
        select(Publication.workspace, Revision.payload)
        .join(Channel, Channel.id == Publication.channel)
        .join(Revision, and_(Revision.post == Publication.post, Revision.digest == Publication.revision))
        .where(
            Publication.id == publication,
            Publication.standing == PublicationStanding.PUBLISHED,
            Channel.via == Via.FEED,
        )
    ).one_or_none()
    attached = row is not None and any(one.digest == digest for one in parse(row[1]).media)
    stored = session.get(Media, (row[0], digest)) if row is not None and attached else None
    if stored is None or hashlib.sha256(stored.data).digest() != digest:
        raise NotFound("There is no such image, or none that was published.")
    return stored.kind, stored.data
