"""How a round stands: facts gathered from the database, standing derived by `flow`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, func, select

from approval.db import Session
from approval.errors import NotFound
from approval.people.queries import channels
from approval.posts import queries as posts
from approval.posts.models import Post
from approval.review.flow import ALL, Facts, Flow, Made, Outcome, Reason, StageState, Workflow, derive
from approval.review.models import Decision, OpenStage, Submission
from approval.review.queries.duties import may_decide, own_words
from approval.review.queries.workflows import in_force, version_with
from approval.rules.finding import Severity
from approval.screening import queries as screening
from approval.screening.models import Screening

MOST_LOOKED_AT = 50


@dataclass(frozen=True)
class Round:
    """One submission of a post: the revision, the pinned definitions, and how it stands.

    `workflow` is the version's number; `outcome` is `open` until the round is over.
    """

    id: int
    workspace: str
    post: int
    number: int
    revision: bytes
    workflow: int
    rule_set: bytes
    submitted_by: str
    submitted_at: datetime
    outcome: Outcome
    closed_at: datetime | None
    closed_by: str | None
    note: str | None
    flow: Flow

    @property
    def stages(self) -> tuple[StageState, ...]:
        """The stages in order."""
        return self.flow.stages

    def stage_id(self, stage: StageState) -> str:
        """The stage as it is named outside: never to be mistaken for one of an earlier round."""
        return stage_id(self.id, stage.slug)


def stage_id(submission: int, slug: str) -> str:
    """Name a stage of a submission for the outside."""
    return f"{submission}.{slug}"


def flow_of(session: Session, post: int) -> Round | None:
    """Return the latest round of a post; None where it was never submitted."""
    submission = latest_submission(session, post)
    if submission is None:
        return None
    return round_of(session, session.get_one(Post, post), submission)


def latest_submission(session: Session, post: int) -> Submission | None:
    """Return the row of a post's latest submission, as the database has it now."""
    return session.scalar(
        select(Submission)
        .where(Submission.post == post)
        .order_by(Submission.number.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def round_of(session: Session, post: Post, submission: Submission) -> Round:
    """Return a submission of *post* with its standing, derived from the facts."""
    version = version_with(session, submission.workflow)
    facts = facts_of(session, post, submission, version.workflow)
    return Round(
        id=submission.id,
        workspace=submission.workspace,
        post=submission.post,
        number=submission.number,
        revision=submission.revision,
        workflow=version.number,
        rule_set=submission.rule_set,
        submitted_by=submission.submitted_by,
        submitted_at=submission.submitted_at,
        outcome=submission.outcome or Outcome.OPEN,
        closed_at=submission.closed_at,
        closed_by=submission.closed_by,
        note=submission.note,
        flow=derive(version.workflow, facts),
    )


def facts_of(session: Session, post: Post, submission: Submission, workflow: Workflow) -> Facts:
    """Gather what a round's standing follows from.

    Whose words the post holds counts while the round is open or approved; what was decided before an edit ended it
    was decided by people who had not edited then.
    """
    given = Facts()
    if any(not stage.when.always for stage in workflow.stages):
        given = revision_facts(session, post.workspace, submission.revision, submission.rule_set)
    decisions = decisions_of(session, submission.id)
    living = submission.outcome in (None, Outcome.APPROVED)
    return Facts(
        severity=given.severity,
        topics=given.topics,
        networks=given.networks,
        products=given.products,
        decisions=decisions,
        asked=_still_asked(session, post, submission, workflow, decisions),
        own=own_words(session, post) if living else frozenset(),
    )


def revision_facts(session: Session, workspace: str, revision: bytes, rule_set: bytes) -> Facts:
    """Return what conditions look at, of a revision under a rule set; nothing about people."""
    findings = screening.findings_of(session, workspace, revision, rule_set)
    payload = posts.payload_of(session, workspace, revision)
    return content_facts(
        {channel.name: channel.network for channel in channels(session, workspace)},
        payload.channels,
        severities=(Severity(found.severity) for found in findings),
        topics=(found.topic for found in findings),
        product=payload.product,
    )


def content_facts(
    networks: Mapping[str, str],
    channels: Iterable[str],
    *,
    severities: Iterable[Severity] = (),
    topics: Iterable[str] = (),
    product: str | None = None,
) -> Facts:
    """Return what conditions look at: *networks* gives each channel's network."""
    return Facts(
        severity=max(severities, key=lambda severity: severity.rank, default=None),
        topics=frozenset(topics),
        networks=frozenset(networks[name] for name in channels if name in networks),
        products=frozenset({product} if product else ()),
    )


def decisions_of(session: Session, submission: int) -> tuple[Made, ...]:
    """Return the decisions of a submission, in order."""
    rows = session.scalars(select(Decision).where(Decision.submission == submission).order_by(Decision.id))
    return tuple(made(row) for row in rows)


def made(row: Decision) -> Made:
    """Return a decision as a fact."""
    return Made(
        id=row.id,
        stage=row.stage,
        by=row.by,
        verdict=row.verdict,
        reason=Reason(row.reason) if row.reason else None,
        note=row.note,
        roles=tuple(row.roles.split()),
        at=row.at,
    )


def _still_asked(
    session: Session, post: Post, submission: Submission, workflow: Workflow, decisions: Iterable[Made]
) -> dict[str, frozenset[str]]:
    """Return who must still approve where everybody must: who was asked, but for those who have left since."""
    decided = frozenset(decision.by for decision in decisions)
    return {
        stage.slug: asked & (may_decide(session, post, stage.who) | decided)
        for stage in workflow.stages
        if stage.quorum == ALL and (asked := frozenset(submission.asked.get(stage.slug, ())))
    }


def is_outdated(session: Session, submission: Submission, flow: Flow) -> bool:
    """Say whether the queue of an open round differs from what its facts lead to now."""
    state = flow.open_stage
    queued = session.scalar(select(OpenStage.stage).where(OpenStage.submission == submission.id))
    return queued != (state.slug if state else None)


def outdated_posts(session: Session, *, limit: int = MOST_LOOKED_AT) -> tuple[int, ...]:
    """Return posts whose round waits for somebody who has left, of some rounds that wait for everybody, picked anew."""
    found = session.execute(
        select(Submission, Post)
        .join(Post, Post.id == Submission.post)
        .join(OpenStage, OpenStage.submission == Submission.id)
        .where(cast(Submission.asked, String) != "{}")
        .order_by(func.random())
        .limit(limit)
    )
    return tuple(
        post.id
        for submission, post in found.all()
        if is_outdated(session, submission, round_of(session, post, submission).flow)
    )


def preview(session: Session, workspace: str, facts: Facts) -> Flow:
    """Say which stages would follow if these facts were submitted now."""
    return derive(in_force(session, workspace).workflow, facts)


def preview_of(session: Session, post: int) -> Flow:
    """Say which stages will follow if the post is submitted as it stands; NotFound where there is no such post."""
    row = session.get(Post, post)
    if row is None:
        raise NotFound("There is no such post.")
    rule_set = session.scalar(
        select(Screening.rule_set)
        .where(Screening.workspace == row.workspace, Screening.revision == row.revision)
        .order_by(Screening.id.desc())
        .limit(1)
    )
    if rule_set is None:
        raise NotFound("The rules have not judged this post yet: save it again.")
    return preview(session, row.workspace, revision_facts(session, row.workspace, row.revision, rule_set))
