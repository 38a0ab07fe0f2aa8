"""Versions of the workflow: immutable, proposed by one person and seconded by another, pinned by each submission."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from sqlalchemy import func, select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import BadDefinition, Conflict, Invalid, Problem
from approval.people.models import Proposal, Subject, Workspace
from approval.people.queries import members, teams
from approval.people.services import second
from approval.review import events
from approval.review.flow import (
    ALL,
    Ask,
    Asked,
    Stage,
    Who,
    Workflow,
    first_short,
    parse_workflow,
    to_toml,
)
from approval.review.models import WorkflowVersion
from approval.review.queries import candidates, in_force, waiting_proposals
from approval.review.queries.workflows import proposed_version
from approval.review.services.guards import ensure_may, normal_text

MOST_REASON = 2_000

STANDARD = Workflow(
    stages=(
        Stage(
            slug="peer-review",
            name="Peer review",
            who=Who(Asked.ROLE, "reviewer"),
            due_hours=24,
            checklist=(
                "Facts, figures and links are right",
                "Benefits and risks are balanced",
                "Tone and spelling are ours",
            ),
        ),
        Stage(
            slug="compliance",
            name="Compliance",
            who=Who(Asked.ROLE, "compliance"),
            due_hours=48,
            checklist=(
                "Every finding is answered",
                "Required disclosures stand in every channel's text",
                "Claims are substantiated in the evidence",
            ),
        ),
    )
)
"""The workflow that ships with the program: version 1 of every workspace."""


def ensure_workflow(session: Session, workspace: str, *, by: str) -> None:
    """Give a new workspace the shipped workflow as version 1; one that has a workflow is left as it is."""
    if session.scalar(select(WorkflowVersion.id).where(WorkflowVersion.workspace == workspace).limit(1)):
        return
    version = _version(session, workspace, to_toml(STANDARD), number=1, by=by)
    version.enacted_at = version.made_at
    record(session, events.WorkflowShipped(by=by, workspace=workspace, version=1, digest=version.digest), version)
    session.flush()


def propose_workflow(session: Session, workspace: str, source: str, *, by: Actor, reason: str) -> WorkflowVersion:
    """Propose TOML as the next version; in force at once only where nobody else could second it.

    BadDefinition names what is wrong with it, a stage that nobody can fulfil included. Addresses of people become
    ids, so that no personal data stands in the version; the text is kept in its one normal form.
    """
    ensure_may(by, Capability.DEFINE, workspace)
    workflow = _resolved(session, workspace, parse_workflow(source))
    ensure_fulfillable(session, workspace, workflow)
    text = to_toml(workflow)
    _ensure_new(session, workspace, text)
    # One proposal at a time takes the next number.
    session.execute(select(Workspace.name).where(Workspace.name == workspace).with_for_update())
    last = session.scalar(select(func.max(WorkflowVersion.number)).where(WorkflowVersion.workspace == workspace))
    version = _version(session, workspace, text, number=(last or 0) + 1, by=by.id)
    proposal = second.propose(
        session,
        workspace,
        Subject.WORKFLOW,
        version.digest,
        by=by,
        reason=_reason(reason),
        capability=Capability.DEFINE,
    )
    happened = events.WorkflowProposed(by=by.id, workspace=workspace, version=version.number, digest=version.digest)
    record(session, happened, version)
    if proposal.accepted:
        _enact(session, version, alone=proposal.alone, by=by.id)
    session.flush()
    return version


def second_workflow(session: Session, proposal: Proposal, *, by: Actor, accept: bool) -> WorkflowVersion:
    """Answer a proposal: an accepted version is in force from now on. Never by whoever proposed it."""
    version = session.get_one(WorkflowVersion, proposed_version(session, proposal.id).id)
    if accept:
        ensure_fulfillable(session, version.workspace, parse_workflow(version.source))
    answered = second.second(session, proposal, by=by, accept=accept, capability=Capability.DEFINE)
    if answered.accepted:
        _enact(session, version, alone=False, by=by.id)
    return version


def ensure_fulfillable(session: Session, workspace: str, workflow: Workflow) -> None:
    """Refuse a workflow with a stage that the people of this workspace cannot fulfil."""
    asks = []
    for stage in workflow.stages:
        people = candidates(session, workspace, stage.who)
        needed = 1 if stage.quorum == ALL else stage.quorum
        if len(people) < needed:
            _refuse(stage, f"needs {needed}, but {stage.who} are {len(people)} who may decide: invite somebody first.")
        asks.append(Ask(stage.slug, needed, people))
    if short := first_short(asks, distinct=workflow.distinct):
        stage = next(stage for stage in workflow.stages if stage.slug == short.slug)
        _refuse(stage, "has nobody left: each stage needs another person, and too few people share these stages.")


def _refuse(stage: Stage, what: str) -> None:
    where = f"stages.{stage.slug}.who"
    what = f"Nobody can fulfil the stage {stage.name}: it {what}"
    raise BadDefinition(what, problems=(Problem(where, what),))


def _resolved(session: Session, workspace: str, workflow: Workflow) -> Workflow:
    """Return the workflow with people by id; BadDefinition where a stage names nobody, or no team."""
    known = teams(session, workspace)
    ids = {actor.email: actor.id for actor in members(session, workspace)}
    stages = []
    for stage in workflow.stages:
        who = stage.who
        if who.kind is Asked.TEAM and who.name not in known:
            _refuse(stage, f"asks the team {who.name}, which this workspace does not have.")
        if who.kind is Asked.PERSON:
            id_ = ids.get(who.name.lower(), who.name)
            if id_ not in ids.values():
                _refuse(stage, f"asks {who.name}, who is not a member of this workspace.")
            who = Who(Asked.PERSON, id_)
        stages.append(replace(stage, who=who))
    return replace(workflow, stages=tuple(stages))


def _ensure_new(session: Session, workspace: str, text: str) -> None:
    if text == in_force(session, workspace).source:
        raise Conflict("This is the workflow in force already.")
    if any(text == waiting.version.source for waiting in waiting_proposals(session, workspace)):
        raise Conflict("The same workflow waits for a second person already.")


def _version(session: Session, workspace: str, source: str, *, number: int, by: str) -> WorkflowVersion:
    version = WorkflowVersion(
        workspace=workspace,
        number=number,
        digest=hashlib.sha256(source.encode()).digest(),
        source=source,
        made_by=by,
        made_at=clock.now(session),
    )
    session.add(version)
    return version


def _enact(session: Session, version: WorkflowVersion, *, alone: bool, by: str) -> None:
    version.enacted_at = clock.now(session)
    happened = events.WorkflowEnacted(
        by=by, workspace=version.workspace, version=version.number, digest=version.digest, alone=alone
    )
    record(session, happened, version)
    session.flush()


def _reason(text: str) -> str:
    reason = normal_text(text, "reason", MOST_REASON)
    if reason is None:
        what = "Say why the workflow should change: whoever seconds it reads this."
        raise Invalid(what, problems=(Problem("reason", what),))
    return reason
