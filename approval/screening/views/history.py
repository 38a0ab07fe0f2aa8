"""The versions of a workspace's rules: who proposed each, why, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from approval.db import Session
from approval.people.models import Proposal
from approval.people.queries import names_of
from approval.screening import queries
from approval.screening.queries import RuleSetFacts


@dataclass(frozen=True)
class PastVersion:
    """One version and what became of it.

    `outcome`: `force`, `was` (in force, until another took its place), `waiting`, `refused` or `withdrawn`.
    `answered` names the second person; nobody where it shipped, waits, was withdrawn, or took effect `alone`.
    """

    number: int
    digest: str
    by: str
    reason: str
    at: datetime
    outcome: str
    since: datetime | None
    until: datetime | None
    answered: str
    answered_at: datetime | None
    shipped: bool
    alone: bool


def history(session: Session, workspace: str) -> tuple[PastVersion, ...]:
    """Return all versions of a workspace's rules, newest first, those that never took effect too."""
    versions = queries.rule_sets(session, workspace)
    proposals = queries.proposals_of_versions(session, workspace, versions)
    people = {version.made_by for version in versions}
    people |= {one.decided_by for one in proposals.values() if one.decided_by}
    names = names_of(session, people)
    enacted = sorted((one.enacted_at, one.id) for one in versions if one.enacted_at)
    ends = {id_: then for (_, id_), (then, _) in pairwise(enacted)}
    return tuple(_past(one, proposals.get(one.number), names, ends.get(one.id)) for one in versions)


def _past(
    version: RuleSetFacts, proposal: Proposal | None, names: dict[str, str], until: datetime | None
) -> PastVersion:
    outcome = _outcome(version, proposal, until)
    seconded = proposal is not None and outcome != "withdrawn"
    return PastVersion(
        number=version.number,
        digest=version.digest.hex(),
        by=names[version.made_by],
        reason=proposal.reason if proposal else "",
        at=version.made_at,
        outcome=outcome,
        since=version.enacted_at,
        until=until,
        answered=names.get(proposal.decided_by or "", "") if proposal and seconded else "",
        answered_at=proposal.decided_at if proposal else None,
        shipped=proposal is None,
        alone=proposal is not None and proposal.alone,
    )


def _outcome(version: RuleSetFacts, proposal: Proposal | None, until: datetime | None) -> str:
    if version.enacted_at is not None:
        return "was" if until else "force"
    if proposal is None or proposal.decided_at is None:
        return "waiting"
    return "withdrawn" if proposal.decided_by == proposal.proposed_by else "refused"
