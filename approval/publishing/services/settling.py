"""What came of an attempt, written under its fence: a worker that lost its claim changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from approval import clock
from approval.audit.events import Event
from approval.audit.services import record
from approval.db import Session
from approval.posts.queries import post_for_change
from approval.publishing import events
from approval.publishing.models import (
    Attempt,
    Because,
    Claim,
    Outcome,
    Publication,
    PublicationStanding as Is,
)
from approval.publishing.services.claiming import WORKER, Begun, is_doubtful
from approval.publishing.services.standing import restand, stated, tell_outcome
from approval.publishing.via.contract import Ending, HandedOver, Published, RefusedBefore, Unknown
from approval.settings import Settings

LONGEST_DETAIL = 500


def settle(session: Session, begun: Begun, ending: Ending, *, settings: Settings) -> bool:
    """Write the outcome of an attempt. False, and nothing is changed, where its claim is no longer held."""
    return _settle(session, begun.post, begun.publication, begun.fence, ending, settings=settings)


def lapse(session: Session, publication: int, fence: int, *, settings: Settings) -> bool:
    """End a claim whose lease ran out: nobody knows what became of it."""
    post = session.scalar(select(Publication.post).where(Publication.id == publication))
    assert post is not None, "a claim has a publication"
    ending = Unknown("The worker stopped, or was cut off, before an answer came.")
    return _settle(session, post, publication, fence, ending, settings=settings)


def lapsed(session: Session) -> list[tuple[int, int]]:
    """Return publication and fence of every claim whose lease ran out, oldest first."""
    wanted = select(Claim.publication, Claim.fence).where(Claim.until < clock.now(session)).order_by(Claim.until)
    return [(publication, fence) for publication, fence in session.execute(wanted)]


def _settle(
    session: Session, post_id: int, publication_id: int, fence: int, ending: Ending, *, settings: Settings
) -> bool:
    post = post_for_change(session, post_id)
    if not _release(session, publication_id, fence):
        return False
    publication = session.get_one(Publication, publication_id)
    attempt = session.scalars(
        select(Attempt).where(Attempt.publication == publication_id, Attempt.number == fence)
    ).one()
    attempt.ended_at = clock.now(session)
    happened = _end(session, publication, attempt, ending, settings)
    record(session, happened, publication, attempt, *restand(session, post))
    tell_outcome(session, publication, post)
    return True


def _release(session: Session, publication: int, fence: int) -> bool:
    held = delete(Claim).where(Claim.publication == publication, Claim.fence == fence).returning(Claim.publication)
    return session.execute(held, execution_options={"synchronize_session": False}).first() is not None


def _end(session: Session, publication: Publication, attempt: Attempt, ending: Ending, settings: Settings) -> Event:
    facts = stated(session, publication, by=WORKER)
    match ending:
        case Published(url):
            attempt.outcome = Outcome.PUBLISHED
            publication.standing, publication.url = Is.PUBLISHED, url
            publication.published_at = attempt.ended_at
            return events.PublicationPublished(**facts, attempt=attempt.number)
        case HandedOver():
            attempt.outcome = Outcome.HANDED_OVER
            publication.standing, publication.because = Is.NEEDS_PERSON, Because.HAND_OVER
            return events.PublicationHandedOver(**facts, because=Because.HAND_OVER)
        case Unknown(detail):
            attempt.outcome, attempt.detail = Outcome.UNKNOWN, detail[:LONGEST_DETAIL]
            return _doubt(publication, attempt, facts, settings)
    return _refused(session, publication, attempt, ending, facts, settings)


def _doubt(publication: Publication, attempt: Attempt, facts: dict[str, Any], settings: Settings) -> Event:
    """Let it rest: longer after each try, so that a late effect is seen before anything is repeated."""
    assert attempt.ended_at is not None
    publication.standing, publication.because = Is.UNKNOWN, Because.NO_ANSWER
    publication.retry_at = attempt.ended_at + clock.seconds(settings.settle * attempt.number)
    return events.PublicationDoubted(**facts, attempt=attempt.number)


def _refused(
    session: Session,
    publication: Publication,
    attempt: Attempt,
    ending: RefusedBefore,
    facts: dict[str, Any],
    settings: Settings,
) -> Event:
    """Nothing was sent this time. If an earlier try may have arrived, that stays the question."""
    doubtful = is_doubtful(session, publication, besides=attempt.id)
    attempt.detail, publication.because = ending.detail[:LONGEST_DETAIL], ending.because
    if ending.retry_at is not None:
        attempt.outcome = Outcome.DEFERRED
        publication.standing = Is.UNKNOWN if doubtful else Is.SCHEDULED
        publication.retry_at = _bounded(publication, ending.retry_at, settings)
        return events.PublicationDeferred(
            **facts, attempt=attempt.number, because=ending.because, retry_at=publication.retry_at
        )
    attempt.outcome = Outcome.REFUSED
    if doubtful:
        publication.standing = Is.NEEDS_PERSON
        return events.PublicationHandedOver(**facts, because=ending.because)
    publication.standing = Is.REFUSED
    return events.PublicationRefused(**facts, because=ending.because)


def _bounded(publication: Publication, retry_at: datetime, settings: Settings) -> datetime:
    """A wait beyond the grace would only end as missed: look again when that is so."""
    return min(retry_at, publication.due_at + clock.seconds(settings.grace + 1))
