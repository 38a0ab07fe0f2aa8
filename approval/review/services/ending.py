"""How a round ends other than by its decisions: withdrawn, superseded by an edit, or expired."""

from __future__ import annotations

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.errors import Conflict, Forbidden, Invalid, Problem
from approval.people.models import Workspace
from approval.posts import queries as posts
from approval.posts.models import HELD, WITHDRAWABLE, Post, Standing
from approval.review import events
from approval.review.flow import Outcome
from approval.review.models import Submission
from approval.review.queries import own_words
from approval.review.queries.rounds import latest_submission
from approval.review.services.guards import ensure_may, ensure_standing, normal_text
from approval.review.services.settling import close

WORKER = "worker"
MOST_REASON = 2_000


def withdraw(session: Session, post: Post, *, by: Actor, reason: str) -> None:
    """Take the post back; whatever was approved ends with the round. Publishing withdraws its publications first.

    By somebody who wrote or edited it and may submit, by publishers and by compliance.
    """
    post = posts.post_for_change(session, post.id)
    ensure_may_withdraw(session, post, by=by)
    ensure_standing(post, WITHDRAWABLE, "withdrawn")
    note = normal_text(reason, "reason", MOST_REASON)
    if note is None:
        what = "Say why the post is withdrawn."
        raise Invalid(what, problems=(Problem("reason", what),))
    submission = _held(session, post)
    submission.note = note
    close(session, post, submission, Outcome.WITHDRAWN, by=by.id)
    happened = events.Withdrawn(by=by.id, workspace=post.workspace, post=post.id, submission=submission.id)
    record(session, happened, submission, post)
    session.flush()


def ensure_may_withdraw(session: Session, post: Post, *, by: Actor) -> None:
    """Refuse all but who wrote or edited the post and may submit, publishers, and compliance."""
    if any(can(by, held, post.workspace) for held in (Capability.SCHEDULE, Capability.ACCEPT_FINDING)):
        return
    ensure_may(by, Capability.SUBMIT, post.workspace)
    if by.id not in own_words(session, post):
        raise Forbidden("A post is withdrawn by who wrote or edited it, by publishers or by compliance.")


def supersede(session: Session, post: Post, *, by: Actor) -> None:
    """End the round because the post is edited: it is a draft again, and nothing decided holds for new words."""
    post = posts.post_for_change(session, post.id)
    ensure_may(by, Capability.DRAFT, post.workspace)
    ensure_standing(post, HELD, "edited")
    submission = _held(session, post)
    close(session, post, submission, Outcome.SUPERSEDED, by=by.id)
    happened = events.Superseded(by=by.id, workspace=post.workspace, post=post.id, submission=submission.id)
    record(session, happened, submission, post)
    session.flush()


def expire_due(session: Session, *, limit: int = 100) -> int:
    """Expire approved posts whose window has passed; return how many. The worker calls it with each beat."""
    now = clock.now(session)
    # `acts_next_at` of an approved post is the end of its window, and stands in the index with the standing.
    due = session.scalars(
        select(Post.id)
        .where(
            Post.workspace.in_(select(Workspace.name)),
            Post.standing == Standing.APPROVED,
            Post.acts_next_at <= now,
        )
        .order_by(Post.id)
        .limit(limit)
    ).all()
    return sum(_expire(session, post) for post in due)


def _expire(session: Session, id_: int) -> bool:
    post = posts.post_for_change(session, id_)
    end = posts.payload_of(session, post.workspace, post.revision).not_after
    if post.standing is not Standing.APPROVED or end is None or end > clock.now(session):
        return False
    submission = _held(session, post)
    close(session, post, submission, Outcome.EXPIRED, by=WORKER)
    happened = events.Expired(by=WORKER, workspace=post.workspace, post=post.id, submission=submission.id)
    record(session, happened, submission, post)
    session.flush()
    return True


def _held(session: Session, post: Post) -> Submission:
    """Return the submission that brought the post where it stands."""
    submission = latest_submission(session, post.id)
    if submission is None:
        raise Conflict("This post was never submitted.")
    return submission
