"""What a person does with a publication: confirm it with its link, send it again, withdraw it."""

from __future__ import annotations

import enum
from urllib.parse import urlsplit

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.errors import CapabilityMissing, IllegalStep, Invalid, Problem
from approval.people.queries import workspace_facts
from approval.posts.models import Post
from approval.posts.queries import payload_of, post_for_change
from approval.publishing import events
from approval.publishing.models import Publication, PublicationStanding as Is
from approval.publishing.services.moments import at
from approval.publishing.services.scheduling import ensure_inside_window, ensure_not_stopped, withdraw_one
from approval.publishing.services.standing import channel_name, restand, stated

LONGEST_URL = 2000


class Resolution(enum.StrEnum):
    """What a person says of a publication that waits for one."""

    PUBLISHED = "published"
    SCHEDULED = "scheduled"
    WITHDRAWN = "withdrawn"


WITHDRAWABLE = frozenset({Is.SCHEDULED, Is.MISSED, Is.REFUSED, Is.NEEDS_PERSON})


def resolve(session: Session, publication: Publication, *, by: Actor, as_: Resolution, url: str | None = None) -> None:
    """Settle a publication by a person's word: it is out (at *url*), it shall be sent again now, or it shall not.

    Published and scheduled need one that waits for a person; withdrawn, any that is not out or on its way.
    """
    post = post_for_change(session, publication.post)
    session.refresh(publication)
    ensure_may_resolve(by, publication)
    match as_:
        case Resolution.PUBLISHED:
            _confirm(session, publication, post, by=by, url=url or "")
        case Resolution.SCHEDULED:
            _release(session, publication, post, by=by)
        case Resolution.WITHDRAWN:
            _withdraw(session, publication, post, by=by)


def confirm(session: Session, publication: Publication, *, by: Actor, url: str) -> None:
    """Confirm with the link that a publication that waited for a person is out."""
    resolve(session, publication, by=by, as_=Resolution.PUBLISHED, url=url)


def ensure_may_resolve(by: Actor, publication: Publication) -> None:
    """Refuse all but publishers."""
    if not can(by, Capability.CONFIRM, publication.workspace):
        raise CapabilityMissing("Only publishers of this workspace say what became of a publication.")


def ensure_waits(publication: Publication) -> None:
    """Refuse a publication that does not wait for a person."""
    if publication.standing is not Is.NEEDS_PERSON:
        raise IllegalStep(f"This publication is {publication.standing.replace('_', ' ')}: it waits for nobody's word.")


def ensure_link(url: str) -> None:
    """Refuse what is not the web address of a post."""
    what = "Give the address of the published post, such as https://social.example/posts/1."
    problem = Invalid(what, problems=(Problem("url", what),))
    if not 0 < len(url) <= LONGEST_URL or not url.isprintable() or " " in url:
        raise problem
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise problem from error
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise problem


def _confirm(session: Session, publication: Publication, post: Post, *, by: Actor, url: str) -> None:
    ensure_waits(publication)
    ensure_link(url)
    publication.standing, publication.url = Is.PUBLISHED, url
    publication.published_at = clock.now(session)
    publication.because = None
    record(
        session,
        events.PublicationConfirmed(**stated(session, publication, by=by.id)),
        publication,
        *restand(session, post),
    )


def _release(session: Session, publication: Publication, post: Post, *, by: Actor) -> None:
    """Send it again under the same message id, on this person's word that it did not go out."""
    ensure_waits(publication)
    now = at(clock.now(session), workspace_facts(session, post.workspace).zone)
    ensure_inside_window(payload_of(session, post.workspace, publication.revision), now)
    ensure_not_stopped(session, post, [channel_name(session, publication)])
    publication.standing, publication.because, publication.retry_at = Is.SCHEDULED, None, None
    publication.due_at, publication.wall, publication.zone = now.instant, now.wall, now.zone
    publication.scheduled_by = by.id
    happened = events.PublicationReleased(**stated(session, publication, by=by.id), due_at=publication.due_at)
    record(session, happened, publication, *restand(session, post))


def _withdraw(session: Session, publication: Publication, post: Post, *, by: Actor) -> None:
    if publication.standing not in WITHDRAWABLE:
        standing = publication.standing.replace("_", " ")
        raise IllegalStep(f"This publication is {standing}: it cannot be withdrawn.")
    withdraw_one(session, publication, by=by.id, shown_on=post)
