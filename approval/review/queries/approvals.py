"""The full re-check of an approval, from stored facts alone: what the publishing claim rests on."""

from __future__ import annotations

import hashlib

from sqlalchemy import select

from approval.capabilities import ROLE_CAPABILITIES, Capability, Role
from approval.db import Session
from approval.errors import NotApproved, NotFound
from approval.posts.models import Post, Revision
from approval.review.flow import Asked, Outcome, StageState, Verdict, Who
from approval.review.models import Decision, Submission
from approval.review.queries.duties import own_words
from approval.review.queries.rounds import round_of
from approval.screening import queries as screening

_DECIDING = frozenset(role for role, held in ROLE_CAPABILITIES.items() if Capability.DECIDE in held)


def approved(session: Session, submission: int) -> None:
    """Refuse (NotApproved, naming why) a submission whose bytes do not hold every approval they need.

    The caller holds the post. Checked anew: that the bytes hash to their name and are still the post, that this
    round is the post's and ended in approval, that each stage's quorum is met on these bytes by people with the role
    when they decided, none of whom is author, editor or asked for an exception, and that no finding blocks.
    """
    row = session.get(Submission, submission, populate_existing=True)
    if row is None:
        raise NotFound("There is no such submission.")
    post = session.get_one(Post, row.post)
    _ensure_same_bytes(session, post, row)
    _ensure_round_holds(post, row)
    _ensure_decisions_hold(session, row)
    _ensure_stages_done(session, post, row)
    if blocking := screening.open_blocks(
        session, post.workspace, post.revision, row.rule_set, not_by=own_words(session, post)
    ):
        raise NotApproved(f"The finding {blocking[0].rule} blocks this post and nobody has accepted it.")


def _ensure_same_bytes(session: Session, post: Post, submission: Submission) -> None:
    payload = session.scalar(
        select(Revision.payload).where(Revision.post == post.id, Revision.digest == submission.revision)
    )
    if payload is None or hashlib.sha256(payload.encode()).digest() != submission.revision:
        raise NotApproved("The stored words are not those that their digest names.")
    if post.revision != submission.revision:
        raise NotApproved("The post was edited after this submission: submit it again.")


def _ensure_round_holds(post: Post, submission: Submission) -> None:
    if submission.outcome is not Outcome.APPROVED:
        how = "is still open" if submission.outcome is None else f"ended: {submission.outcome.replace('_', ' ')}"
        raise NotApproved(f"The review round {how}.")
    if post.lock != submission.number:
        raise NotApproved("Another review round, or none, holds this post.")


def _ensure_decisions_hold(session: Session, submission: Submission) -> None:
    for decision in session.scalars(select(Decision).where(Decision.submission == submission.id)):
        if decision.verdict is not Verdict.APPROVE or decision.seen != submission.revision:
            raise NotApproved("A decision of this round was made on other bytes, or was no approval.")
        if not _DECIDING & {Role(name) for name in decision.roles.split()}:
            raise NotApproved("A decision of this round was made by somebody who held no role to decide.")


def _ensure_stages_done(session: Session, post: Post, submission: Submission) -> None:
    flow = round_of(session, post, submission).flow
    for state in flow.stages:
        if any(not _held(state.who, made.roles) for made in state.decisions):
            raise NotApproved(f"At {state.name} somebody decided who did not hold the role it asks.")
    if flow.outcome is not Outcome.APPROVED:
        short = flow.open_stage
        raise NotApproved(f"{_name(short)} lacks approvals by people who may give them: {_count(short)}.")


def _held(who: Who, roles: tuple[str, ...]) -> bool:
    return who.kind is not Asked.ROLE or who.name in roles


def _name(state: StageState | None) -> str:
    return f"The stage {state.name}" if state else "The round"


def _count(state: StageState | None) -> str:
    return f"{state.got} of {state.needed}" if state else "a stage was not approved"
