"""The claim: one transaction that re-checks everything and commits *attempt begun* before the first byte goes.

The post's row is locked first, as in every other act on a post: an edit, a withdrawal or a decision that
commits before the claim wins, one that comes later finds the publication claimed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select

from approval import clock
from approval.audit.events import Event
from approval.audit.services import record
from approval.db import Session
from approval.errors import NotApproved
from approval.people.models import Channel, Via
from approval.posts.models import Media, Post, Revision
from approval.posts.payload import Payload, parse
from approval.publishing import events
from approval.publishing.models import (
    Attempt,
    Because,
    Claim,
    Outcome,
    Publication,
    PublicationStanding as Is,
    Stop,
)
from approval.publishing.queries import halts
from approval.publishing.services.standing import restand, stated, tell_outcome
from approval.publishing.via import REGISTRY, RESENDABLE
from approval.publishing.via.contract import Attachment, Message
from approval.review.models import Submission
from approval.review.queries import approved, own_words
from approval.screening.queries import open_blocks
from approval.settings import Settings

WORKER = "worker"
"""Who acts, in the log, where nobody asked just now."""

_TIME_PASSED = frozenset({Because.LATE, Because.WINDOW_CLOSED, Because.CHANNEL_CLOSED})


@dataclass(frozen=True)
class Due:
    """A publication that may be claimed; its post is locked."""

    publication: int
    post: int


@dataclass(frozen=True)
class Begun:
    """An attempt that was committed: what to send, by which way, and the fence that its outcome must name."""

    publication: int
    post: int
    attempt: int
    fence: int
    via: Via
    message: Message
    body: bytes
    now: datetime


def next_due(session: Session, *, settings: Settings, skipping: Collection[int] = ()) -> Due | None:
    """Lock the post of the next publication that may be claimed, and return both; None where none may."""
    wanted = due(clock.now(session), settings).where(Publication.id.not_in(skipping))
    first = wanted.order_by(Publication.due_at, Publication.id).limit(1)
    # SQLite has no row locks and needs none: the transaction began IMMEDIATE.
    row = session.execute(first.with_for_update(of=Post, skip_locked=True)).one_or_none()
    if row is None:
        return None
    # On PostgreSQL the post was locked after the row was seen; another worker may have been in between.
    still = session.scalar(wanted.where(Publication.id == row[0]).with_only_columns(Publication.id))
    return None if still is None else Due(row[0], row[1])


def due(now: datetime, settings: Settings) -> Select[int, int]:
    """Select publications that want the worker now: due, rested, on a free channel, and not stopped.

    What is late wants it in any case: to be reported, not to be sent.
    """
    busy = select(Claim.publication).where(Claim.channel == Publication.channel).exists()
    own = select(Claim.publication).where(Claim.publication == Publication.id).exists()
    stopped = select(Stop.id).where(halts()).exists()
    late = Publication.due_at < now - clock.seconds(settings.grace)
    return (
        select(Publication.id, Publication.post)
        .join(Post, Post.id == Publication.post)
        .where(
            Publication.standing.in_((Is.SCHEDULED, Is.UNKNOWN)),
            Publication.due_at <= now,
            or_(Publication.retry_at.is_(None), Publication.retry_at <= now),
            ~own,
            or_(late, ~busy & ~stopped),
        )
    )


def claim(session: Session, found: Due, *, settings: Settings, worker: str) -> Begun | None:
    """Begin an attempt on a due publication, or end it here where it may not go out (None)."""
    publication = session.get_one(Publication, found.publication)
    post = session.get_one(Post, found.post)
    channel = session.get_one(Channel, publication.channel)
    hindrance = _doubt_without_end(session, publication, channel) or _hindrance(
        session, publication, post, channel, settings
    )
    if hindrance is not None:
        give_up(session, publication, post, hindrance)
        return None
    message = _message(session, publication, channel)
    body = REGISTRY[channel.via].request_bytes(message)
    return _begin(session, publication, post, channel, message, body, settings=settings, worker=worker)


def _begin(
    session: Session,
    publication: Publication,
    post: Post,
    channel: Channel,
    message: Message,
    body: bytes,
    *,
    settings: Settings,
    worker: str,
) -> Begun:
    now = clock.now(session)
    number = 1 + (session.scalar(select(func.max(Attempt.number)).where(Attempt.publication == publication.id)) or 0)
    until = now + clock.seconds(settings.lease)
    session.add(Claim(publication=publication.id, channel=channel.id, worker=worker[:80], fence=number, until=until))
    attempt = Attempt(
        workspace=publication.workspace,
        publication=publication.id,
        number=number,
        request=hashlib.sha256(body).digest(),
        begun_at=now,
    )
    session.add(attempt)
    publication.standing = Is.PUBLISHING
    publication.retry_at = publication.because = None
    session.flush()
    happened = events.PublicationBegun(
        **stated(session, publication, by=WORKER),
        revision=publication.revision,
        attempt=number,
        request=attempt.request,
    )
    record(session, happened, publication, attempt, *restand(session, post))
    return Begun(publication.id, post.id, attempt.id, number, channel.via, message, body, now)


# -- what stands in the way ----------------------------------------------------------------------------------


def is_doubtful(session: Session, publication: Publication, *, besides: int | None = None) -> bool:
    """Say whether an attempt since the chosen instant may have arrived. A person's word moves that instant on."""
    wanted = select(Attempt.id).where(
        Attempt.publication == publication.id,
        Attempt.begun_at >= publication.due_at,
        or_(Attempt.outcome.is_(None), Attempt.outcome == Outcome.UNKNOWN),
    )
    if besides is not None:
        wanted = wanted.where(Attempt.id != besides)
    return session.scalar(wanted.limit(1)) is not None


def _doubt_without_end(session: Session, publication: Publication, channel: Channel) -> Because | None:
    """A doubtful attempt may be repeated only where the message id makes the second one harmless."""
    doubtful = publication.standing is Is.UNKNOWN and channel.via not in RESENDABLE
    return Because.NO_ANSWER if doubtful else None


def _hindrance(
    session: Session, publication: Publication, post: Post, channel: Channel, settings: Settings
) -> Because | None:
    """Say why this publication may not go out now, whatever was true when it was scheduled."""
    now = clock.now(session)
    if publication.due_at < now - clock.seconds(settings.grace):
        return Because.LATE
    if channel.closed_at is not None:
        return Because.CHANNEL_CLOSED
    submission = session.get_one(Submission, publication.submission)
    payload = _payload(session, publication)
    if payload is None or not publication.revision == submission.revision == post.revision:
        return Because.ALTERED
    if not _is_within(payload, now):
        return Because.WINDOW_CLOSED
    if channel.name not in payload.channels or channel.name not in payload.texts:
        return Because.ALTERED
    own = own_words(session, post)
    if open_blocks(session, publication.workspace, publication.revision, submission.rule_set, not_by=own):
        return Because.OPEN_BLOCK
    return None if _is_approved(session, submission) else Because.APPROVAL_VOID


def _is_within(payload: Payload, now: datetime) -> bool:
    begins, ends = payload.not_before, payload.not_after
    return (begins is None or begins <= now) and (ends is None or now <= ends)


def _is_approved(session: Session, submission: Submission) -> bool:
    try:
        approved(session, submission.id)
    except NotApproved:
        return False
    return True


def _payload(session: Session, publication: Publication) -> Payload | None:
    """Return the approved payload; None where the stored bytes are not the ones that the publication names."""
    text = session.scalar(
        select(Revision.payload).where(Revision.post == publication.post, Revision.digest == publication.revision)
    )
    if text is None or hashlib.sha256(text.encode()).digest() != publication.revision:
        return None
    try:
        return parse(text)
    except ValueError:
        return None


def give_up(session: Session, publication: Publication, post: Post, because: Because) -> None:
    """End a publication without sending: missed or refused; left to a person where it may be out already."""
    facts = stated(session, publication, by=WORKER) | {"because": because}
    happened: Event
    if is_doubtful(session, publication):
        publication.standing, happened = Is.NEEDS_PERSON, events.PublicationHandedOver(**facts)
    elif because in _TIME_PASSED:
        publication.standing, happened = Is.MISSED, events.PublicationMissed(**facts)
    else:
        publication.standing, happened = Is.REFUSED, events.PublicationRefused(**facts)
    publication.because, publication.retry_at = because, None
    record(session, happened, publication, *restand(session, post))
    tell_outcome(session, publication, post)


def _message(session: Session, publication: Publication, channel: Channel) -> Message:
    payload = _payload(session, publication)
    assert payload is not None, "checked in this transaction"
    media = tuple(
        Attachment(attached.digest, attached.alt, stored.kind, stored.data)
        for attached in payload.media
        for stored in [session.get_one(Media, (publication.workspace, attached.digest))]
    )
    return Message(
        id=publication.message,
        publication=publication.id,
        workspace=publication.workspace,
        channel=channel.name,
        network=channel.network,
        post=publication.post,
        digest=publication.revision,
        title=payload.title,
        text=payload.texts[channel.name],
        disclosures=tuple(payload.disclosures),
        media=media,
        in_reply_to=payload.in_reply_to,
        due_at=publication.due_at,
        address=channel.url,
        secret=channel.secret,
    )
