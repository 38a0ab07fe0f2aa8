"""Publications and their attempts, and where they make a post stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from approval.db import Session
from approval.people.models import Channel, Via
from approval.posts.models import Standing
from approval.publishing.models import (
    Attempt,
    Because,
    Outcome,
    Publication,
    PublicationStanding,
)

WORST_FIRST = tuple(standing for standing in PublicationStanding if standing is not PublicationStanding.WITHDRAWN)


@dataclass(frozen=True)
class AttemptFacts:
    """One try: the digest of its request, and what came of it (None: not ended)."""

    number: int
    request: bytes
    begun_at: datetime
    outcome: Outcome | None
    detail: str | None
    ended_at: datetime | None


@dataclass(frozen=True)
class PublicationFacts:
    """One publication with its channel and its attempts in order."""

    id: int
    workspace: str
    post: int
    channel: str
    network: str
    via: Via
    standing: PublicationStanding
    revision: bytes
    due_at: datetime
    wall: str
    zone: str
    scheduled_by: str
    message: str
    because: Because | None
    retry_at: datetime | None
    url: str | None
    published_at: datetime | None
    attempts: tuple[AttemptFacts, ...] = ()


def standing_of(publications: Iterable[Publication | PublicationFacts]) -> Standing | None:
    """Return the worst standing of these publications; None where there are none. Withdrawn ones do not count
    unless all are."""
    standings = {publication.standing for publication in publications}
    if not standings:
        return None
    worst = next((standing for standing in WORST_FIRST if standing in standings), PublicationStanding.WITHDRAWN)
    return Standing(worst.value)


def publications_of(session: Session, post: int) -> tuple[PublicationFacts, ...]:
    """Return every publication of a post, of earlier rounds too, in order of their making."""
    rows = session.execute(
        select(Publication, Channel)
        .join(Channel, Channel.id == Publication.channel)
        .where(Publication.post == post)
        .order_by(Publication.id)
    ).all()
    tries = _attempts(session, [publication.id for publication, _ in rows])
    return tuple(_facts(publication, channel, tries[publication.id]) for publication, channel in rows)


def _facts(row: Publication, channel: Channel, attempts: Sequence[AttemptFacts]) -> PublicationFacts:
    return PublicationFacts(
        id=row.id,
        workspace=row.workspace,
        post=row.post,
        channel=channel.name,
        network=channel.network,
        via=channel.via,
        standing=row.standing,
        revision=row.revision,
        due_at=row.due_at,
        wall=row.wall,
        zone=row.zone,
        scheduled_by=row.scheduled_by,
        message=row.message,
        because=row.because,
        retry_at=row.retry_at,
        url=row.url,
        published_at=row.published_at,
        attempts=tuple(attempts),
    )


def _attempts(session: Session, publications: Sequence[int]) -> defaultdict[int, list[AttemptFacts]]:
    found: defaultdict[int, list[AttemptFacts]] = defaultdict(list)
    if not publications:
        return found
    for row in session.scalars(
        select(Attempt).where(Attempt.publication.in_(publications)).order_by(Attempt.publication, Attempt.number)
    ):
        found[row.publication].append(
            AttemptFacts(row.number, row.request, row.begun_at, row.outcome, row.detail, row.ended_at)
        )
    return found
