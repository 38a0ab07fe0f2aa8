"""Versions of the retention rules: immutable, proposed by one person and seconded by another."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Conflict
from approval.people.models import Proposal, Subject, Workspace
from approval.people.services import second
from approval.records import events
from approval.records.keeping import SHIPPED, parse_retention, table_to_toml, to_table
from approval.records.models import RetentionVersion
from approval.records.queries.retention import proposed_retention, retention_in_force, waiting_retention
from approval.review.services.guards import ensure_may


def ensure_retention(session: Session, workspace: str, *, by: str) -> None:
    """Give a workspace the shipped retention rules as version 1; one that has a version is left as it is."""
    if has_retention(session, workspace):
        return
    version = _version(session, workspace, SHIPPED, number=1, by=by)
    version.enacted_at = version.made_at
    happened = events.RetentionShipped(by=by, workspace=workspace, number=1, digest=version.digest)
    record(session, happened, version)
    session.flush()


def has_retention(session: Session, workspace: str) -> bool:
    """Say whether a version of the retention rules is recorded for a workspace."""
    wanted = select(RetentionVersion.id).where(RetentionVersion.workspace == workspace).limit(1)
    return session.scalar(wanted) is not None


def propose_retention(session: Session, workspace: str, source: str, *, by: Actor, reason: str) -> RetentionVersion:
    """Propose TOML as the next version; in force at once only where nobody else could second it.

    BadDefinition names what is wrong with it. The text is kept in its one normal form.
    """
    ensure_may(by, Capability.DEFINE, workspace)
    text = table_to_toml(to_table(parse_retention(source)))
    # One proposal at a time takes the next number.
    session.execute(select(Workspace.name).where(Workspace.name == workspace).with_for_update())
    ensure_retention(session, workspace, by=by.id)
    ensure_new(session, workspace, text)
    last = session.scalar(select(func.max(RetentionVersion.number)).where(RetentionVersion.workspace == workspace))
    version = _version(session, workspace, text, number=(last or 0) + 1, by=by.id)
    proposal = second.propose(
        session,
        workspace,
        Subject.RETENTION,
        version.digest,
        by=by,
        reason=reason,
        capability=Capability.DEFINE,
    )
    happened = events.RetentionProposed(
        by=by.id, workspace=workspace, number=version.number, digest=version.digest, proposal=proposal.id
    )
    record(session, happened, version)
    if proposal.accepted:
        _enact(session, version, alone=proposal.alone, by=by.id)
    session.flush()
    return version


def second_retention(session: Session, proposal: Proposal, *, by: Actor, accept: bool) -> RetentionVersion:
    """Answer a proposal: accepted rules are in force from now on, for every record. Never by whoever proposed them."""
    version = session.get_one(RetentionVersion, proposed_retention(session, proposal.id))
    answered = second.second(session, proposal, by=by, accept=accept, capability=Capability.DEFINE)
    if answered.accepted:
        _enact(session, version, alone=False, by=by.id)
    return version


def ensure_new(session: Session, workspace: str, text: str) -> None:
    """Refuse rules that are in force already, or wait for a second person already."""
    if text == retention_in_force(session, workspace).source:
        raise Conflict("These are the retention rules in force already.")
    if any(text == waiting.version.source for waiting in waiting_retention(session, workspace)):
        raise Conflict("The same retention rules wait for a second person already.")


def _version(session: Session, workspace: str, source: str, *, number: int, by: str) -> RetentionVersion:
    version = RetentionVersion(
        workspace=workspace,
        number=number,
        digest=hashlib.sha256(source.encode()).digest(),
        source=source,
        made_by=by,
        made_at=clock.now(session),
    )
    session.add(version)
    return version


def _enact(session: Session, version: RetentionVersion, *, alone: bool, by: str) -> None:
    version.enacted_at = clock.now(session)
    happened = events.RetentionEnacted(
        by=by, workspace=version.workspace, number=version.number, digest=version.digest, alone=alone
    )
    record(session, happened, version)
    session.flush()
