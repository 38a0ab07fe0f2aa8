"""What the rules say of a post's words, and who answers for it."""

from __future__ import annotations

from approval.audit.services import record
from approval.capabilities import Actor
from approval.db import Session
from approval.errors import IllegalStep, OwnWords
from approval.people.queries import channels
from approval.posts import events, queries
from approval.posts.models import Post, Standing
from approval.posts.payload import Payload
from approval.posts.queries import parts
from approval.screening import services as screening
from approval.screening.models import Acceptance, Dismissal, ExceptionRequest, Screening


def judge(session: Session, post: Post, payload: Payload, *, by: str) -> Screening:
    """Screen the revision that *post* stands at, and set the post's severity (recorded by the caller)."""
    found = screening.screen(
        session,
        workspace=post.workspace,
        revision=post.revision,
        texts=parts(
            payload, channels(session, post.workspace), queries.media_words(session, post.workspace, payload.media)
        ),
        regime=payload.regime,
        product=payload.product,
        audience=payload.audience,
        post=post.id,
        by=by,
    )
    post.severity = found.worst
    return found


def screen_again(session: Session, post: Post, *, by: str) -> Screening:
    """Screen a post under the rules of this moment: before submitting, and after the rules changed."""
    before = post.severity
    found = judge(session, post, queries.payload_of(session, post.workspace, post.revision), by=by)
    if post.severity != before:
        happened = events.PostRescreened(
            by=by, workspace=post.workspace, post=post.id, revision=post.revision, rule_set=found.rule_set
        )
        record(session, happened, post)
    session.flush()
    return found


def accept_finding(session: Session, post: Post, rule: str, *, reason: str, by: Actor) -> Acceptance:
    """Answer by name for a finding in the revision that *post* stands at; never for one's own words."""
    if by.id in queries.editors(session, post.id):
        raise OwnWords("You wrote or edited this post, so somebody else must answer for the finding.")
    return screening.accept(
        session, workspace=post.workspace, revision=post.revision, rule=rule, reason=reason, by=by, post=post.id
    )


def dismiss_finding(session: Session, post: Post, rule: str, *, reason: str, by: Actor) -> Dismissal:
    """Call a finding in the revision that *post* stands at a false alarm; never in one's own words."""
    if by.id in queries.editors(session, post.id):
        raise OwnWords("You wrote or edited this post, so somebody else must judge the finding.")
    return screening.dismiss(
        session, workspace=post.workspace, revision=post.revision, rule=rule, reason=reason, by=by, post=post.id
    )


def take_back_dismissal(session: Session, post: Post, rule: str, *, by: Actor) -> None:
    """Let a finding stand again that was called a false alarm: in review only, and never in one's own words."""
    if by.id in queries.editors(session, post.id):
        raise OwnWords("You wrote or edited this post, so somebody else must judge the finding.")
    if post.standing is not Standing.IN_REVIEW:
        raise IllegalStep("A false alarm is taken back only while the post is in review.")
    screening.take_back_dismissal(
        session, workspace=post.workspace, revision=post.revision, rule=rule, by=by, post=post.id
    )


def ask_exception(session: Session, post: Post, rule: str, *, reason: str, by: Actor) -> ExceptionRequest:
    """Ask that a finding be accepted in the revision that *post* stands at. Who asks may not decide."""
    return screening.ask_exception(
        session, workspace=post.workspace, revision=post.revision, rule=rule, reason=reason, by=by, post=post.id
    )
