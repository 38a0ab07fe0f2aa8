"""Which workflow is in force, which were, which wait for a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, func, select

from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Proposal, Subject
from approval.review.flow import Workflow, parse_workflow
from approval.review.models import OpenStage, Submission, WorkflowVersion


@dataclass(frozen=True)
class Version:
    """A version of a workspace's workflow; in force from `enacted_at`, if ever."""

    id: int
    workspace: str
    number: int
    digest: bytes
    source: str
    made_by: str
    made_at: datetime
    enacted_at: datetime | None

    @property
    def workflow(self) -> Workflow:
        """What the version says."""
        return _parsed(self.source)


@dataclass(frozen=True)
class WaitingProposal:
    """A version that waits for a second person."""

    id: int
    version: Version
    reason: str
    proposed_by: str
    proposed_at: datetime


# A definition is immutable and parsing it takes longer than finding it.
_parsed = lru_cache(maxsize=256)(parse_workflow)

_COLUMNS = (
    WorkflowVersion.id,
    WorkflowVersion.workspace,
    WorkflowVersion.number,
    WorkflowVersion.digest,
    WorkflowVersion.source,
    WorkflowVersion.made_by,
    WorkflowVersion.made_at,
    WorkflowVersion.enacted_at,
)


def in_force(session: Session, workspace: str) -> Version:
    """Return the version that took effect last; NotFound where the workspace has none, so nothing passes unreviewed."""
    row = session.execute(
        select(*_COLUMNS)
        .where(WorkflowVersion.workspace == workspace, WorkflowVersion.enacted_at.is_not(None))
        .order_by(WorkflowVersion.enacted_at.desc(), WorkflowVersion.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound(f"The workspace {workspace} has no workflow in force.")
    return Version(*row)


def version_with(session: Session, id_: int) -> Version:
    """Return the version of that id; NotFound where there is none."""
    row = session.execute(select(*_COLUMNS).where(WorkflowVersion.id == id_)).one_or_none()
    if row is None:
        raise NotFound("There is no such version of the workflow.")
    return Version(*row)


def versions(session: Session, workspace: str, *, limit: int = 100) -> tuple[Version, ...]:
    """Return the versions of a workspace's workflow, newest first."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(WorkflowVersion.workspace == workspace)
        .order_by(WorkflowVersion.number.desc())
        .limit(limit)
    )
    return tuple(Version(*row) for row in rows)


def waiting_proposals(session: Session, workspace: str) -> tuple[WaitingProposal, ...]:
    """Return the versions that wait for a second person, oldest first."""
    rows = session.execute(
        select(Proposal.id, Proposal.reason, Proposal.proposed_by, Proposal.proposed_at, *_COLUMNS)
        .join(WorkflowVersion, WorkflowVersion.id == _proposed().scalar_subquery())
        .where(Proposal.workspace == workspace, Proposal.subject == Subject.WORKFLOW, Proposal.decided_at.is_(None))
        .order_by(Proposal.id)
    )
    return tuple(WaitingProposal(id_, Version(*version), reason, by, at) for id_, reason, by, at, *version in rows)


def proposed_version(session: Session, proposal: int) -> Version:
    """Return the version that a proposal is about; NotFound where it is about something else."""
    id_ = session.scalar(
        select(_proposed().scalar_subquery()).where(Proposal.id == proposal, Proposal.subject == Subject.WORKFLOW)
    )
    if id_ is None:
        raise NotFound("There is no such proposal about the workflow.")
    return version_with(session, id_)


def _proposed() -> Select[Any]:
    """Return the query of the version that a proposal names: the latest of its bytes."""
    return (
        select(func.max(WorkflowVersion.id))
        .where(WorkflowVersion.workspace == Proposal.workspace, WorkflowVersion.digest == Proposal.digest)
        .correlate(Proposal)
    )


def in_review_by_version(session: Session, workspace: str) -> dict[int, int]:
    """Return how many posts are in review under each version, by its number; they keep it."""
    rows = session.execute(
        select(WorkflowVersion.number, func.count())
        .join(Submission, Submission.workflow == WorkflowVersion.id)
        .join(OpenStage, OpenStage.submission == Submission.id)
        .where(OpenStage.workspace == workspace)
        .group_by(WorkflowVersion.number)
    )
    return {number: count for number, count in rows}
