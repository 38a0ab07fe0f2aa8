"""What follows from a round's standing: the post's, the queue of open stages, and who is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from approval import clock
from approval.capabilities import Capability
from approval.db import Session
from approval.people.queries import people_who
from approval.people.services.telling import tell
from approval.posts import queries as posts
from approval.posts.models import Post, Standing
from approval.posts.queries import AUTHOR
from approval.review.flow import Asked, Flow, Outcome, StageState, Who
from approval.review.models import OpenStage, Submission
from approval.review.queries import may_decide, own_words
from approval.rules.finding import Severity

NOBODY = "nobody"
PUBLISHER = "publisher"
SOMEBODY = "a named person"

_STANDINGS = {
    Outcome.APPROVED: Standing.APPROVED,
    Outcome.CHANGES_REQUESTED: Standing.CHANGES_REQUESTED,
    Outcome.REJECTED: Standing.REJECTED,
    Outcome.SUPERSEDED: Standing.DRAFT,
    Outcome.WITHDRAWN: Standing.WITHDRAWN,
    Outcome.EXPIRED: Standing.EXPIRED,
}
_ACTS_NEXT = {
    Outcome.APPROVED: PUBLISHER,
    Outcome.CHANGES_REQUESTED: AUTHOR,
    Outcome.SUPERSEDED: AUTHOR,
}


def settle(session: Session, post: Post, submission: Submission, flow: Flow, *, by: str) -> None:
    """Make post and queue follow *flow*, and tell whoever acts next.

    The submission is flagged as changed in any case, so that its version moves with each decision: a second writer
    of the same round fails instead of deciding on what it did not see.
    """
    flag_modified(submission, "outcome")
    if flow.outcome is not Outcome.OPEN:
        close(session, post, submission, flow.outcome, by=by)
        return
    state = flow.open_stage
    assert state is not None, "an open round has an open stage"
    post.standing = Standing.IN_REVIEW
    post.lock = submission.number
    queued = session.scalar(select(OpenStage).where(OpenStage.submission == submission.id))
    if queued is not None and queued.stage == state.slug:
        return
    _open(session, post, submission, flow, state)


def close(session: Session, post: Post, submission: Submission, outcome: Outcome, *, by: str) -> None:
    """End the round: the post takes its standing, the queue forgets it, the people concerned are told."""
    submission.outcome = outcome
    submission.closed_at = clock.now(session)
    submission.closed_by = by
    post.standing = _STANDINGS[outcome]
    post.acts_next = _ACTS_NEXT.get(outcome, NOBODY)
    post.acts_next_at = None
    post.lock = None
    if outcome is Outcome.APPROVED:
        post.lock = submission.number
        post.acts_next_at = posts.payload_of(session, post.workspace, submission.revision).not_after
    clear_queue(session, submission)
    _tell_ended(session, post, submission, outcome, by=by)


def clear_queue(session: Session, submission: Submission) -> None:
    """Take a submission out of everybody's tasks."""
    for queued in session.scalars(select(OpenStage).where(OpenStage.submission == submission.id)):
        session.delete(queued)


def acts_next(who: Who) -> str:
    """Name whom a stage asks, in words that hold no personal data."""
    match who.kind:
        case Asked.ROLE:
            return who.name
        case Asked.TEAM:
            return f"team {who.name}"
        case Asked.PERSON:
            return SOMEBODY


def severity_rank(severity: str | None) -> int:
    """Return 0 for what blocks, growing as it grows harmless: lists ascend."""
    return len(Severity) if severity is None else len(Severity) - 1 - Severity(severity).rank


def _open(session: Session, post: Post, submission: Submission, flow: Flow, state: StageState) -> None:
    clear_queue(session, submission)
    now = clock.now(session)
    due = _due(post, now, state)
    session.add(
        OpenStage(
            submission=submission.id,
            stage=state.slug,
            workspace=post.workspace,
            post=post.id,
            who=str(state.who),
            name=state.name,
            distinct_people=flow.workflow.distinct,
            severity_rank=severity_rank(post.severity),
            opened_at=now,
            due_at=due,
        )
    )
    post.acts_next = acts_next(state.who)
    post.acts_next_at = due
    _tell(session, may_decide(session, post, state.who), "task_waiting", post, submission, stage=state.slug)


def _due(post: Post, now: datetime, state: StageState) -> datetime:
    """Return when the stage is due: in its hours, or when the post wants to go out, whichever comes first."""
    due = now + timedelta(hours=state.stage.due_hours)
    return post.wanted_at if post.wanted_at is not None and now < post.wanted_at < due else due


def _tell_ended(session: Session, post: Post, submission: Submission, outcome: Outcome, *, by: str) -> None:
    authors = own_words(session, post)
    match outcome:
        case Outcome.APPROVED:
            publishers = {actor.id for actor in people_who(session, post.workspace, Capability.SCHEDULE)}
            _tell(session, (authors | publishers) - {by}, "approved", post, submission)
        case Outcome.CHANGES_REQUESTED | Outcome.REJECTED:
            _tell(session, authors - {by}, outcome.value, post, submission)
        case _:
            return


def _tell(
    session: Session, whom: frozenset[str] | set[str], kind: str, post: Post, submission: Submission, **ids: Any
) -> None:
    tell(session, sorted(whom), kind, workspace=post.workspace, post=post.id, submission=submission.id, **ids)
