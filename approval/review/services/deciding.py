"""One decision: by one person, at one open stage of the current round, on exactly the bytes they saw, once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import rfc8785
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import (
    AlreadyDecided,
    IllegalStep,
    Invalid,
    KeyReused,
    NeededLater,
    NotAsked,
    OwnWords,
    Problem,
    StaleRevision,
    StaleStage,
)
from approval.posts import queries as posts
from approval.posts.models import Post, Standing
from approval.review import events
from approval.review.flow import (
    ALL,
    Ask,
    Facts,
    Flow,
    Reason,
    StageStanding,
    StageState,
    Verdict,
    Workflow,
    derive,
    first_short,
)
from approval.review.models import Decision, Submission
from approval.review.queries import may_decide
from approval.review.queries.rounds import facts_of, latest_submission, made
from approval.review.queries.workflows import version_with
from approval.review.services.guards import MOST_NOTE, ensure_may, normal_key, normal_text
from approval.review.services.settling import settle


def decide(
    session: Session,
    post: Post,
    *,
    by: Actor,
    stage: str,
    verdict: Verdict,
    seen: bytes,
    reason: Reason | None = None,
    note: str | None = None,
    key: str,
) -> Decision:
    """Record what *by* says at *stage* (`<submission>.<slug>`) of the bytes named by *seen*.

    The same *key* (a UUID) with the same body gives the first answer, with another body KeyReused. Refused, each with
    its own error: another role, own words, bytes or a stage that are not current, a second decision by the same
    person, a request for changes or a rejection without reason and note.
    """
    post = posts.post_for_change(session, post.id)
    asked = _Asked(by, stage, verdict, seen, reason, normal_text(note, "note", MOST_NOTE), normal_key(key))
    if (first := _answered(session, post, asked)) is not None:
        return first
    ensure_may(by, Capability.DECIDE, post.workspace)
    submission = _submission(session, post, stage)
    workflow = version_with(session, submission.workflow).workflow
    facts = facts_of(session, post, submission, workflow)
    _ensure_not_own(by, facts)
    _ensure_first(workflow, facts, stage, by)
    _ensure_current(post, submission, seen)
    state = _open_stage(derive(workflow, facts), stage)
    _ensure_asked(session, post, state, by)
    _ensure_reasoned(verdict, reason, asked.note)
    if verdict is Verdict.APPROVE:
        _ensure_not_needed_later(session, post, workflow, facts, state, by)
    decision = _add(session, post, submission, state, asked)
    before = post.version
    after = derive(workflow, replace(facts, decisions=(*facts.decisions, made(decision))))
    settle(session, post, submission, after, by=by.id)
    session.flush()
    _record(session, decision, after, submission, *((post,) if post.version != before else ()))
    return decision


@dataclass(frozen=True)
class _Asked:
    """A decision as somebody asks for it."""

    by: Actor
    stage: str
    verdict: Verdict
    seen: bytes
    reason: Reason | None
    note: str | None
    key: str

    def body(self, post: Post) -> bytes:
        """Return the digest of all that is asked, the person included, but for the key."""
        asked: dict[str, Any] = {
            "post": post.id,
            "by": self.by.id,
            "stage": self.stage,
            "verdict": self.verdict.value,
            "seen": self.seen.hex(),
            "reason": self.reason.value if self.reason else None,
            "note": self.note,
        }
        return hashlib.sha256(rfc8785.dumps(asked)).digest()


def _answered(session: Session, post: Post, asked: _Asked) -> Decision | None:
    """Return the decision that this key made before; KeyReused where it said something else."""
    first = session.scalar(select(Decision).where(Decision.key == asked.key))
    if first is not None and first.body != asked.body(post):
        what = "This key belongs to another decision: make a new one for each decision."
        raise KeyReused(what, problems=(Problem("key", what),))
    return first


def _submission(session: Session, post: Post, stage: str) -> Submission:
    """Return the post's latest submission; StaleStage where *stage* is one of an earlier one."""
    submission = latest_submission(session, post.id)
    if submission is None:
        raise IllegalStep("This post was never submitted: there is nothing to decide.")
    if stage.partition(".")[0] != str(submission.id):
        raise StaleStage("This stage belongs to an earlier round of the post. Load it again and look at what changed.")
    return submission


def _ensure_not_own(by: Actor, facts: Facts) -> None:
    if by.id in facts.own:
        raise OwnWords("You wrote or edited this post, or asked for an exception for it, so somebody else must decide.")


def _ensure_first(workflow: Workflow, facts: Facts, stage: str, by: Actor) -> None:
    """Refuse a second decision: at the same stage always, in the same round where stages need different people."""
    slug = stage.partition(".")[2]
    mine = [made.stage for made in facts.decisions if made.by == by.id]
    if slug in mine:
        raise AlreadyDecided("You have decided at this stage in this round.")
    if mine and workflow.distinct:
        raise AlreadyDecided("You decided at an earlier stage of this round; each stage needs another person.")


def _ensure_current(post: Post, submission: Submission, seen: bytes) -> None:
    """Refuse a decision in a round that is over, or on other bytes than the post's."""
    if submission.outcome is not None:
        ended = submission.outcome.replace("_", " ")
        raise StaleStage(f"This round is over: {ended}. Load the post again.")
    if post.standing is not Standing.IN_REVIEW or post.lock != submission.number:
        raise IllegalStep("This post is not in review.")
    if seen != submission.revision or seen != post.revision:
        raise StaleRevision("These are not the words in review. Load the post again and decide on what it says now.")


def _open_stage(flow: Flow, stage: str) -> StageState:
    """Return the stage that *stage* names; StaleStage unless it takes decisions now."""
    state = flow.stage(stage.partition(".")[2])
    if state is None:
        raise StaleStage("There is no such stage in this round.")
    if state.standing is not StageStanding.OPEN:
        standing = state.standing.replace("_", " ")
        raise StaleStage(f"The stage {state.name} takes no decision now: it is {standing}. Load the post again.")
    return state


def _ensure_asked(session: Session, post: Post, state: StageState, by: Actor) -> None:
    """The separation of duties as the query has it: asked by the stage, and no words of the post are theirs."""
    if by.id not in may_decide(session, post, state.who):
        raise NotAsked(f"The stage {state.name} asks {state.who}, which does not include you.")


def _ensure_reasoned(verdict: Verdict, reason: Reason | None, note: str | None) -> None:
    if verdict is Verdict.APPROVE:
        return
    problems = []
    if reason is None:
        problems.append(Problem("reason", f"Choose why: {', '.join(Reason)}."))
    if note is None:
        problems.append(Problem("note", "Say in a few words what is wrong, so that the author can mend it."))
    if problems:
        raise Invalid("Asking for changes and rejecting need a reason and a note.", problems=tuple(problems))


def _ensure_not_needed_later(
    session: Session, post: Post, workflow: Workflow, facts: Facts, state: StageState, by: Actor
) -> None:
    """Refuse an approval that would leave a later stage without anybody to decide, where another may give it."""
    if not workflow.distinct:
        return
    flow = derive(workflow, facts)
    later = [s for s in flow.stages if s.standing is StageStanding.WAITING]
    spent = frozenset(made.by for made in facts.decisions)
    asks = [
        Ask(s.slug, 1 if s.stage.quorum == ALL else s.needed, may_decide(session, post, s.who) - spent) for s in later
    ]
    without = [replace(ask, people=ask.people - {by.id}) for ask in asks]
    short = first_short(without, distinct=True)
    if short is not None and first_short(asks, distinct=True) is None:
        name = next(s.name for s in later if s.slug == short.slug)
        raise NeededLater(
            f"Leave {state.name} to somebody else: only you can decide at {name}, and each stage needs another person."
        )


def _add(session: Session, post: Post, submission: Submission, state: StageState, asked: _Asked) -> Decision:
    decision = Decision(
        workspace=post.workspace,
        post=post.id,
        submission=submission.id,
        stage=state.slug,
        verdict=asked.verdict,
        reason=asked.reason,
        note=asked.note,
        seen=asked.seen,
        by=asked.by.id,
        roles=" ".join(sorted(asked.by.roles_in(post.workspace))),
        at=clock.now(session),
        key=asked.key,
        body=asked.body(post),
    )
    session.add(decision)
    try:
        session.flush()
    except IntegrityError as error:
        # Two requests with one key, on two posts at the same instant: the database let the first one through.
        raise KeyReused("This key belongs to another decision: make a new one for each decision.") from error
    return decision


def _record(session: Session, decision: Decision, after: Flow, *moved: Submission | Post) -> None:
    happened = events.Decided(
        by=decision.by,
        workspace=decision.workspace,
        post=decision.post,
        submission=decision.submission,
        stage=decision.stage,
        verdict=decision.verdict,
        reason=decision.reason,
        seen=decision.seen,
        roles=tuple(decision.roles.split()),
        outcome=after.outcome,
    )
    record(session, happened, decision, *moved)
