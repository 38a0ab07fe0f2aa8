"""The second person: nothing that binds everybody takes effect on one person's word while there is another."""

from __future__ import annotations

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.errors import AlreadyDecided, CapabilityMissing, Forbidden, Invalid, OwnWords, Problem
from approval.people import events
from approval.people.models import Proposal, Subject
from approval.people.queries import people_who
from approval.people.services.telling import tell

MAX_REASON = 2000


def propose(
    session: Session,
    workspace: str,
    subject: Subject,
    digest: bytes,
    *,
    by: Actor,
    reason: str,
    capability: Capability,
) -> Proposal:
    """Propose a change named by *digest*. Where nobody else holds *capability* it is accepted at once, `alone`."""
    reason = reason.strip()
    if not 0 < len(reason) <= MAX_REASON:
        what = f"Give a reason of 1 to {MAX_REASON:,} characters."
        raise Invalid(what, problems=(Problem("reason", what),))
    others = [actor.id for actor in people_who(session, workspace, capability) if actor.id != by.id]
    now = clock.now(session)
    proposal = Proposal(
        workspace=workspace,
        subject=subject,
        digest=digest,
        reason=reason,
        proposed_by=by.id,
        proposed_at=now,
        decided_at=None if others else now,
        accepted=None if others else True,
        alone=not others,
    )
    session.add(proposal)
    session.flush()
    kind = events.Proposed if others else events.TookEffectAlone
    record(session, kind(by=by.id, workspace=workspace, subject=subject, digest=digest), proposal)
    if others:
        tell(session, others, "second_wanted", workspace=workspace, proposal=proposal.id, subject=str(subject))
    return proposal


def second(session: Session, proposal: Proposal, *, by: Actor, accept: bool, capability: Capability) -> Proposal:
    """Agree to a proposal or turn it down, once; never by whoever proposed it."""
    session.refresh(proposal, with_for_update=True)
    ensure_second(proposal, by, capability)
    proposal.decided_by = by.id
    proposal.decided_at = clock.now(session)
    proposal.accepted = accept
    kind = events.Seconded if accept else events.TurnedDown
    happened = kind(
        by=by.id,
        workspace=proposal.workspace,
        subject=proposal.subject,
        digest=proposal.digest,
        proposed_by=proposal.proposed_by,
    )
    record(session, happened, proposal)
    return proposal


def withdraw(session: Session, proposal: Proposal, *, by: Actor) -> Proposal:
    """Take back a proposal that nobody has answered; only whoever made it.

    It is decided as not accepted, by the person who proposed it: that is how it is told from one turned down.
    """
    session.refresh(proposal, with_for_update=True)
    if proposal.proposed_by != by.id:
        raise Forbidden("Only whoever proposed a change withdraws it; anybody else with the capability turns it down.")
    ensure_waiting(proposal)
    proposal.decided_by = by.id
    proposal.decided_at = clock.now(session)
    proposal.accepted = False
    happened = events.Withdrawn(
        by=by.id, workspace=proposal.workspace, subject=proposal.subject, digest=proposal.digest
    )
    record(session, happened, proposal)
    return proposal


def ensure_second(proposal: Proposal, by: Actor, capability: Capability) -> None:
    """Refuse whoever proposed it, whoever lacks the capability, and a proposal that has been decided."""
    if proposal.proposed_by == by.id:
        raise OwnWords("Nobody seconds their own proposal: another person with the same capability must.")
    if not can(by, capability, proposal):
        raise CapabilityMissing(f"This needs the capability “{capability}” in {proposal.workspace}.")
    ensure_waiting(proposal)


def ensure_waiting(proposal: Proposal) -> None:
    """Refuse a proposal that has been answered or withdrawn."""
    if proposal.decided_at is not None:
        raise AlreadyDecided("This proposal has been decided already.")
