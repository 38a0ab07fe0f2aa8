"""Changing the rules: immutable versions, and a second person as soon as there is one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import func, select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import BadDefinition, Conflict, Problem
from approval.people.models import Proposal, Subject
from approval.people.services import second
from approval.rules import ENGINE, RuleError, RuleSet, failures, load_packs
from approval.screening import events, queries
from approval.screening.models import RuleSetVersion
from approval.screening.services.guards import ensure_may, ensured_reason
from approval.screening.services.merging import merged
from approval.screening.services.rules import UNICODE, digest_in_force

MOST_PACK_BYTES = 4 * 1024 * 1024
"""All packs of a version together; those that ship take less than half."""


def ensure_rule_set(session: Session, workspace: str, *, by: str) -> None:
    """Give a new workspace the shipped packs as version 1; one that has rules is left as it is."""
    if session.scalar(select(RuleSetVersion.id).where(RuleSetVersion.workspace == workspace).limit(1)):
        return
    version = _version(session, workspace, load_packs(), number=1, by=by)
    version.enacted_at = version.made_at
    happened = events.RuleSetShipped(
        by=by, workspace=workspace, number=1, digest=version.digest, engine=ENGINE, unicode=UNICODE
    )
    record(session, happened, version)
    session.flush()


def _version(session: Session, workspace: str, rules: RuleSet, *, number: int, by: str) -> RuleSetVersion:
    version = RuleSetVersion(
        workspace=workspace,
        number=number,
        digest=bytes.fromhex(rules.digest),
        packs={name: source.decode() for name, source in rules.sources.items()},
        made_by=by,
        made_at=clock.now(session),
    )
    session.add(version)
    return version


def propose_rules(
    session: Session, workspace: str, packs: Mapping[str, bytes], *, by: Actor, reason: str
) -> RuleSetVersion:
    """Propose packs (name to TOML) as the next version; in force at once only where nobody else could second it.

    BadDefinition names pack, rule and key of what the engine cannot read.
    """
    ensure_may(by, Capability.DEFINE, workspace)
    rules = _readable(packs)
    if bytes.fromhex(rules.digest) == digest_in_force(session, workspace):
        raise Conflict("These are the rules in force already.")
    where = RuleSetVersion.workspace == workspace
    number = (session.scalar(select(func.max(RuleSetVersion.number)).where(where)) or 0) + 1
    version = _version(session, workspace, rules, number=number, by=by.id)
    proposal = second.propose(
        session,
        workspace,
        Subject.RULE_SET,
        version.digest,
        by=by,
        reason=ensured_reason(reason),
        capability=Capability.DEFINE,
    )
    session.flush()
    happened = events.RuleSetProposed(
        by=by.id,
        workspace=workspace,
        number=number,
        digest=version.digest,
        engine=ENGINE,
        unicode=UNICODE,
        proposal=proposal.id,
    )
    record(session, happened, version)
    if proposal.accepted:
        _enact(session, version, proposal, by=by.id)
    return version


def second_rules(session: Session, proposal: Proposal, *, by: Actor, accept: bool) -> RuleSetVersion:
    """Answer a proposal: accepted rules are in force from now on. Never by whoever proposed them."""
    version = _waiting(session, proposal)
    answered = second.second(session, proposal, by=by, accept=accept, capability=Capability.DEFINE)
    if answered.accepted:
        _enact(session, version, answered, by=by.id)
    return version


def withdraw_rules(session: Session, proposal: Proposal, *, by: Actor) -> RuleSetVersion:
    """Take a proposal back that nobody has answered; only whoever made it. The version stays, and is never in force."""
    version = _waiting(session, proposal)
    ensure_may(by, Capability.DEFINE, proposal.workspace)
    second.withdraw(session, proposal, by=by)
    return version


def _waiting(session: Session, proposal: Proposal) -> RuleSetVersion:
    """Return the version that a proposal is about; Conflict where it is about no rules, or they took effect."""
    version = session.scalar(
        select(RuleSetVersion)
        .where(
            RuleSetVersion.workspace == proposal.workspace,
            RuleSetVersion.digest == proposal.digest,
            RuleSetVersion.enacted_at.is_(None),
        )
        .order_by(RuleSetVersion.number.desc())
        .limit(1)
    )
    if version is None or proposal.subject is not Subject.RULE_SET:
        raise Conflict("This proposal is not about rules that wait for a second person.")
    return version


def carried_over(session: Session, proposal: Proposal) -> dict[str, bytes]:
    """Return the packs in force with what a proposal changes; Conflict where both change the same rule."""
    version = queries.version_proposed(session, proposal)
    begun = queries.version_begun_from(session, proposal.workspace, version)
    force = queries.version_in_force(session, proposal.workspace)
    base, mine, theirs = (queries.packs_of(session, one.id) for one in (begun, force, version))
    return merged(base, mine, theirs)


def propose_anew(session: Session, proposal: Proposal, *, by: Actor) -> RuleSetVersion:
    """Turn down a proposal that newer rules have overtaken, and propose what it changes on the rules in force.

    Who proposed it may put the new one in force, since another person proposes it now.
    """
    packs = carried_over(session, proposal)
    old = second_rules(session, proposal, by=by, accept=False)
    reason = f"Version {old.number}, made anew: {proposal.reason}"[: second.MAX_REASON]
    return propose_rules(session, proposal.workspace, packs, by=by, reason=reason)


def _enact(session: Session, version: RuleSetVersion, proposal: Proposal, *, by: str) -> None:
    version.enacted_at = clock.now(session)
    happened = events.RuleSetEnacted(
        by=by,
        workspace=version.workspace,
        number=version.number,
        digest=version.digest,
        proposal=proposal.id,
        alone=proposal.alone,
    )
    record(session, happened, version)
    session.flush()


def ensure_readable(packs: Mapping[str, bytes]) -> None:
    """Refuse (BadDefinition) packs that the engine cannot read or whose examples do not hold.

    It takes seconds and is remembered: asked before the transaction of a proposal, it holds up no other writer.
    """
    _readable(packs)


def _readable(packs: Mapping[str, bytes]) -> RuleSet:
    return _proven(tuple(sorted(packs.items())))


@lru_cache(maxsize=4)
def _proven(packs: tuple[tuple[str, bytes], ...]) -> RuleSet:
    return _read(dict(packs))


def _read(packs: Mapping[str, bytes]) -> RuleSet:
    if sum(map(len, packs.values())) > MOST_PACK_BYTES:
        raise BadDefinition(f"The packs are larger than {MOST_PACK_BYTES:,} bytes together.")
    try:
        rules = RuleSet.parse(packs)
    except RuleError as error:
        where = ".".join(filter(None, (error.pack, error.rule, error.key)))
        raise BadDefinition(f"The rules cannot be read: {error}", problems=(Problem(where, error.reason),)) from error
    if failed := tuple(failures(rules)):
        problems = tuple(Problem(f.rule, f"“{f.text[:120]}” must {f.expected}, and does not.") for f in failed)
        raise BadDefinition(f"{len(problems)} examples do not hold; they are the rules' tests.", problems=problems)
    return rules
