"""The proposals that wait for a second person: what each changes, and what it would undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from approval.db import Session
from approval.errors import Conflict
from approval.people.models import Proposal
from approval.people.queries import names_of
from approval.screening import queries, services
from approval.screening.queries import RuleSetFacts
from approval.screening.services.merging import Changed, changes, undone
from approval.screening.services.weakening import Weakened, weakened
from approval.screening.views.routes import difference
from approval.web.identity import current


@dataclass(frozen=True)
class Waiting:
    """A proposed version that waits for a second person, and whether this person may be the one.

    `begun` is the version that it was made from, where another one took effect since: then `undone` is what it would
    take back, and `both`, if anything, keeps what it changes from being put on the rules in force.
    """

    proposal: int
    number: int
    by: str
    reason: str
    changes: tuple[Changed, ...]
    diff: tuple[str, ...]
    mine: bool
    begun: int | None = None
    undone: tuple[Changed, ...] = ()
    both: Conflict | None = None
    held: bool = False
    """Whether the rules in force hold all that it changes already."""
    weakened: tuple[Weakened, ...] = ()
    """The rules in force that block and would no longer do so."""


def waiting(session: Session, name: str, force: RuleSetFacts, packs: Mapping[str, bytes]) -> tuple[Waiting, ...]:
    """Return what waits in a workspace, compared with the version in force and its packs."""
    proposals = queries.waiting_proposals(session, name)
    names = names_of(session, {proposal.proposed_by for proposal in proposals})
    return tuple(_waiting(session, one, names[one.proposed_by], force, packs) for one in proposals)


def _waiting(session: Session, proposal: Proposal, by: str, force: RuleSetFacts, packs: Mapping[str, bytes]) -> Waiting:
    version = queries.version_proposed(session, proposal)
    begun = queries.version_begun_from(session, proposal.workspace, version)
    theirs = queries.packs_of(session, version.id)
    fresh = begun.number == force.number
    base = packs if fresh else queries.packs_of(session, begun.id)
    both, held = (None, False) if fresh else _carried(session, proposal, packs)
    return Waiting(
        proposal=proposal.id,
        number=version.number,
        by=by,
        reason=proposal.reason,
        changes=changes(base, theirs),
        diff=difference(packs, theirs),
        mine=proposal.proposed_by == current().id,
        begun=None if fresh else begun.number,
        undone=() if fresh else undone(base, packs, theirs),
        both=both,
        held=held,
        weakened=weakened(packs, theirs),
    )


def _carried(session: Session, proposal: Proposal, packs: Mapping[str, bytes]) -> tuple[Conflict | None, bool]:
    """What keeps a proposal from being made anew, and whether it would change nothing."""
    try:
        return None, services.carried_over(session, proposal) == packs
    except Conflict as refusal:
        return refusal, False
