"""Which retention rules are in force, which were, which wait for a second person."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, func, select

from approval.db import Session, once
from approval.errors import NotFound
from approval.people.models import Proposal, Subject
from approval.records.keeping import SHIPPED, Retention, parse_retention
from approval.records.models import RetentionVersion


@dataclass(frozen=True)
class RulesVersion:
    """A version of a workspace's retention rules; in force from `enacted_at`, if ever.

    `id` is None of the shipped rules, where no version of the workspace is recorded yet.
    """

    id: int | None
    workspace: str
    number: int
    digest: bytes
    source: str
    made_by: str
    made_at: datetime | None
    enacted_at: datetime | None

    @property
    def retention(self) -> Retention:
        """What the version says."""
        return _parsed(self.source)


@dataclass(frozen=True)
class WaitingRules:
    """Retention rules that wait for a second person."""

    id: int
    version: RulesVersion
    reason: str
    proposed_by: str
    proposed_at: datetime


# A version is immutable and parsing it takes longer than finding it.
_parsed = lru_cache(maxsize=256)(parse_retention)

_COLUMNS = (
    RetentionVersion.id,
    RetentionVersion.workspace,
    RetentionVersion.number,
    RetentionVersion.digest,
    RetentionVersion.source,
    RetentionVersion.made_by,
    RetentionVersion.made_at,
    RetentionVersion.enacted_at,
)


@once
def retention_in_force(session: Session, workspace: str) -> RulesVersion:
    """Return the version that took effect last; the shipped rules where none is recorded yet."""
    row = session.execute(
        select(*_COLUMNS)
        .where(RetentionVersion.workspace == workspace, RetentionVersion.enacted_at.is_not(None))
        .order_by(RetentionVersion.enacted_at.desc(), RetentionVersion.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return RulesVersion(None, workspace, 1, hashlib.sha256(SHIPPED.encode()).digest(), SHIPPED, "", None, None)
    return RulesVersion(*row)


def retention_version(session: Session, workspace: str, number: int) -> RulesVersion:
    """Return one version; NotFound where there is none."""
    row = session.execute(
        select(*_COLUMNS).where(RetentionVersion.workspace == workspace, RetentionVersion.number == number)
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no version {number} of these retention rules.")
    return RulesVersion(*row)


def retention_versions(session: Session, workspace: str, *, limit: int = 100) -> tuple[RulesVersion, ...]:
    """Return the versions of a workspace's retention rules, newest first."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(RetentionVersion.workspace == workspace)
        .order_by(RetentionVersion.number.desc())
        .limit(limit)
    )
    return tuple(RulesVersion(*row) for row in rows)


def waiting_retention(session: Session, workspace: str) -> tuple[WaitingRules, ...]:
    """Return the versions that wait for a second person, oldest first."""
    rows = session.execute(
        select(Proposal.id, Proposal.reason, Proposal.proposed_by, Proposal.proposed_at, *_COLUMNS)
        .join(RetentionVersion, RetentionVersion.id == _proposed().scalar_subquery())
        .where(Proposal.workspace == workspace, Proposal.subject == Subject.RETENTION, Proposal.decided_at.is_(None))
        .order_by(Proposal.id)
    )
    return tuple(WaitingRules(id_, RulesVersion(*version), reason, by, at) for id_, reason, by, at, *version in rows)


def proposed_retention(session: Session, proposal: int) -> int:
    """Return the id of the version that a proposal is about; NotFound where it is about something else."""
    id_: int | None = session.scalar(
        select(_proposed().scalar_subquery()).where(Proposal.id == proposal, Proposal.subject == Subject.RETENTION)
    )
    if id_ is None:
        raise NotFound("There is no such proposal about retention rules.")
    return id_


def _proposed() -> Select[Any]:
    """Return the query of the version that a proposal names: the latest of its bytes."""
    return (
        select(func.max(RetentionVersion.id))
        .where(RetentionVersion.workspace == Proposal.workspace, RetentionVersion.digest == Proposal.digest)
        .correlate(Proposal)
    )
