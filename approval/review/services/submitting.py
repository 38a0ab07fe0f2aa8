"""Giving a revision to review, under the definitions of that moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import func, select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import NotReady, Problem
from approval.posts import queries as posts
from approval.posts.models import Post, Standing
from approval.posts.services import screen_again
from approval.review import events
from approval.review.flow import ALL, Ask, Flow, Stage, StageStanding, derive, first_short
from approval.review.models import Submission
from approval.review.queries import in_force, may_decide
from approval.review.queries.rounds import facts_of, is_outdated, latest_submission, revision_facts
from approval.review.queries.workflows import Version, version_with
from approval.review.services.guards import ensure_may, ensure_standing
from approval.review.services.settling import settle

MOST_ASKED = 200
"""Over all stages of a round that wait for everybody: so many ids stand in the entry of a submission."""


def submit(session: Session, post: Post, *, by: Actor) -> Submission:
    """Give the post's revision to review; approved at once where the workflow asks no stage of it.

    NotReady names every failed item with where it is: what the post lacks, findings that block and that nobody
    has accepted, and stages that nobody can fulfil who has no words in the post.
    """
    post = posts.post_for_change(session, post.id)
    ensure_may(by, Capability.SUBMIT, post.workspace)
    ensure_standing(post, (Standing.DRAFT, Standing.CHANGES_REQUESTED), "submitted")
    version = in_force(session, post.workspace)
    rule_set = screen_again(session, post, by=by.id).rule_set
    facts = revision_facts(session, post.workspace, post.revision, rule_set)
    people = _people(session, post, derive(version.workflow, facts))
    _ensure_ready(session, post, version, people)

    asked = {stage.slug: sorted(found) for stage, found in people if stage.quorum == ALL}
    submission = _submission(session, post, version, rule_set, asked, by=by)
    flow = derive(version.workflow, replace(facts, asked={slug: frozenset(ids) for slug, ids in asked.items()}))
    settle(session, post, submission, flow, by=by.id)
    happened = events.Submitted(
        by=by.id,
        workspace=post.workspace,
        post=post.id,
        submission=submission.id,
        revision=submission.revision,
        workflow=version.number,
        rule_set=rule_set,
        stages=tuple(stage.slug for stage, _ in people),
    )
    record(session, happened, submission, post)
    session.flush()
    return submission


def reconsider(session: Session, post: Post, *, by: str) -> None:
    """Make round and queue follow the facts, where people changed while the post was in review.

    Whoever asks for an exception loses their say, so a stage that their approval closed opens again; whoever has left
    is not waited for at a stage that asks everybody.
    """
    post = posts.post_for_change(session, post.id)
    submission = latest_submission(session, post.id)
    if submission is None or post.lock != submission.number or post.standing is not Standing.IN_REVIEW:
        return
    workflow = version_with(session, submission.workflow).workflow
    flow = derive(workflow, facts_of(session, post, submission, workflow))
    if not is_outdated(session, submission, flow):
        return
    settle(session, post, submission, flow, by=by)
    happened = events.Reconsidered(by=by, workspace=post.workspace, post=post.id, submission=submission.id)
    record(session, happened, submission, post)
    session.flush()


def _submission(
    session: Session, post: Post, version: Version, rule_set: bytes, asked: dict[str, list[str]], *, by: Actor
) -> Submission:
    last = session.scalar(select(func.max(Submission.number)).where(Submission.post == post.id)) or 0
    submission = Submission(
        workspace=post.workspace,
        post=post.id,
        number=last + 1,
        revision=post.revision,
        workflow=version.id,
        rule_set=rule_set,
        submitted_by=by.id,
        submitted_at=clock.now(session),
        asked=asked,
        outcome=None,
    )
    session.add(submission)
    session.flush()
    return submission


def _people(session: Session, post: Post, flow: Flow) -> list[tuple[Stage, frozenset[str]]]:
    """Return the stages that will be asked, each with everybody who may decide there on this post."""
    return [
        (state.stage, may_decide(session, post, state.who))
        for state in flow.stages
        if state.standing is not StageStanding.SKIPPED
    ]


def _ensure_ready(session: Session, post: Post, version: Version, people: list[tuple[Stage, frozenset[str]]]) -> None:
    problems = (*posts.problems(session, post), *_short(people, distinct=version.workflow.distinct))
    if problems:
        count = len(problems)
        detail = problems[0].what if count == 1 else f"{count} things stand in the way. First: {problems[0].what}"
        raise NotReady(detail, problems=problems)


def _short(people: list[tuple[Stage, frozenset[str]]], *, distinct: bool) -> Iterable[Problem]:
    asks = [Ask(stage.slug, 1 if stage.quorum == ALL else stage.quorum, found) for stage, found in people]
    if short := first_short(asks, distinct=distinct):
        name = next(stage.name for stage, _ in people if stage.slug == short.slug)
        others = " beside the other stages, each of which needs another person" if distinct and len(asks) > 1 else ""
        yield Problem(
            f"stages.{short.slug}",
            f"Nobody can fulfil the stage {name}: it needs {short.needed}, and {len(short.people)} may decide who did "
            f"not write, edit or ask an exception for this post{others}. Give somebody else the role, or invite them.",
        )
    if sum(len(found) for stage, found in people if stage.quorum == ALL) > MOST_ASKED:
        yield Problem("stages", f"Stages that wait for everybody ask more than {MOST_ASKED} people: ask a team.")
