"""What the post shows of its publications, and who is told when somebody must act."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from approval import clock
from approval.capabilities import Capability
from approval.db import Session
from approval.errors import IllegalStep
from approval.people.models import Channel
from approval.people.queries import people_who
from approval.people.services.telling import tell
from approval.posts.models import Post, Standing
from approval.publishing.models import Publication, PublicationStanding
from approval.publishing.queries import standing_of
from approval.review.models import Submission

NEEDS_SOMEBODY = frozenset({Standing.NEEDS_PERSON, Standing.REFUSED, Standing.MISSED})

_TOLD = {
    PublicationStanding.PUBLISHED: "published",
    PublicationStanding.REFUSED: "publication_problem",
    PublicationStanding.MISSED: "publication_problem",
    PublicationStanding.NEEDS_PERSON: "needs_person",
}


def submission_of(session: Session, post: Post) -> Submission:
    """Return the latest round of a post; IllegalStep where it was never submitted."""
    found = session.scalar(
        select(Submission).where(Submission.post == post.id).order_by(Submission.number.desc()).limit(1)
    )
    if found is None:
        raise IllegalStep("This post was never submitted. Submit it first.")
    return found


def current_publications(session: Session, post: Post) -> list[Publication]:
    """Return the publications of the latest round, in order of their making."""
    submission = submission_of(session, post)
    wanted = select(Publication).where(Publication.submission == submission.id).order_by(Publication.id)
    return list(session.scalars(wanted))


def channel_name(session: Session, publication: Publication) -> str:
    """Return the name of a publication's channel."""
    return session.get_one(Channel, publication.channel).name


def stated(session: Session, publication: Publication, *, by: str) -> dict[str, Any]:
    """Return what every event of this publication states."""
    return {
        "by": by,
        "workspace": publication.workspace,
        "post": publication.post,
        "publication": publication.id,
        "channel": channel_name(session, publication),
    }


def restand(session: Session, post: Post) -> tuple[Post, ...]:
    """Make the post stand as the worst of its publications; return it where that changed it, for `record`."""
    publications = current_publications(session, post)
    standing = standing_of(publications)
    if standing is None:
        return ()
    shown = (
        standing,
        "publisher" if standing in NEEDS_SOMEBODY else "nobody",
        _acts_at(publications, standing),
    )
    if (post.standing, post.acts_next, post.acts_next_at) == shown:
        return ()
    post.standing, post.acts_next, post.acts_next_at = shown
    post.changed_at = clock.now(session)
    return (post,)


def _acts_at(publications: list[Publication], standing: Standing) -> datetime | None:
    """Return when the next publication is due; where somebody must act, when the first of them was."""
    wanted = PublicationStanding(standing.value)
    if standing not in NEEDS_SOMEBODY | {Standing.SCHEDULED}:
        return None
    return min(publication.due_at for publication in publications if publication.standing is wanted)


def tell_outcome(session: Session, publication: Publication, post: Post) -> None:
    """Tell the author, and those who may act where somebody must."""
    kind = _TOLD.get(publication.standing)
    if kind is None:
        return
    whom = {post.author}
    if publication.standing is not PublicationStanding.PUBLISHED:
        whom |= {actor.id for actor in people_who(session, post.workspace, Capability.SCHEDULE)}
    tell(session, sorted(whom), kind, workspace=post.workspace, post=post.id, publication=publication.id)
