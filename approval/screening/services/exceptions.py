"""Answering for findings by name, asking that somebody does, and calling them false alarms."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Conflict, Invalid, NotFound, OwnWords, Problem
from approval.screening import events, queries
from approval.screening.models import Acceptance, Dismissal, ExceptionRequest
from approval.screening.queries import ENGINE_FAILED
from approval.screening.services.guards import ensure_may, ensured_reason
from approval.screening.services.rules import digest_in_force
from approval.screening.services.tallies import tally, untally


def accept(
    session: Session, *, workspace: str, revision: bytes, rule: str, reason: str, by: Actor, post: int
) -> Acceptance:
    """Answer by name for a finding of the rules in force, in this revision only.

    Refused to whoever asked for it, twice, and for an engine that failed. Whether *by* wrote the words, posts knows.
    """
    ensure_may(by, Capability.ACCEPT_FINDING, workspace)
    _ensure_found(session, workspace, revision, rule)
    if by.id in queries.requesters(session, workspace, revision):
        raise OwnWords("You asked for an exception for this revision, so somebody else must answer.")
    _ensure_unanswered(session, Acceptance, workspace, revision, rule, "accept")
    acceptance = Acceptance(
        workspace=workspace,
        revision=revision,
        rule=rule,
        reason=ensured_reason(reason),
        accepted_by=by.id,
        at=clock.now(session),
    )
    session.add(acceptance)
    answered = _answer(session, workspace, revision, rule)
    happened = events.FindingAccepted(by=by.id, workspace=workspace, post=post, revision=revision, rule=rule)
    record(session, happened, acceptance, *answered)
    session.flush()
    return acceptance


def _answer(session: Session, workspace: str, revision: bytes, rule: str) -> Sequence[ExceptionRequest]:
    waiting = session.scalars(
        select(ExceptionRequest).where(
            ExceptionRequest.workspace == workspace,
            ExceptionRequest.revision == revision,
            ExceptionRequest.rule == rule,
            ExceptionRequest.answered_at.is_(None),
        )
    ).all()
    for request in waiting:
        request.answered_at = clock.now(session)
    return waiting


def dismiss(
    session: Session, *, workspace: str, revision: bytes, rule: str, reason: str, by: Actor, post: int
) -> Dismissal:
    """Call a finding of the rules in force a false alarm, in this revision only. What blocks goes on blocking."""
    ensure_may(by, Capability.DECIDE, workspace)
    _ensure_found(session, workspace, revision, rule)
    _ensure_unanswered(session, Dismissal, workspace, revision, rule, "dismiss")
    dismissal = Dismissal(
        workspace=workspace,
        revision=revision,
        rule=rule,
        reason=ensured_reason(reason),
        dismissed_by=by.id,
        at=clock.now(session),
    )
    session.add(dismissal)
    happened = events.FindingDismissed(by=by.id, workspace=workspace, post=post, revision=revision, rule=rule)
    record(session, happened, dismissal)
    tally(session, workspace, dismissed=(rule,))
    session.flush()
    return dismissal


def take_back_dismissal(session: Session, *, workspace: str, revision: bytes, rule: str, by: Actor, post: int) -> None:
    """Let a finding stand that was called a false alarm in this revision. NotFound where nobody called it one."""
    ensure_may(by, Capability.DECIDE, workspace)
    where = (Dismissal.workspace == workspace, Dismissal.revision == revision, Dismissal.rule == rule)
    dismissal = session.scalar(select(Dismissal).where(*where))
    if dismissal is None:
        raise NotFound(f"Nobody calls {rule[:32]} a false alarm in this revision.")
    session.delete(dismissal)
    happened = events.DismissalTakenBack(by=by.id, workspace=workspace, post=post, revision=revision, rule=rule)
    record(session, happened, dismissal)
    untally(session, workspace, rule)
    session.flush()


def ask_exception(
    session: Session, *, workspace: str, revision: bytes, rule: str, reason: str, by: Actor, post: int
) -> ExceptionRequest:
    """Ask that a finding be accepted for this revision. Who asks may not decide on the post."""
    ensure_may(by, Capability.DRAFT, workspace)
    _ensure_found(session, workspace, revision, rule)
    request = ExceptionRequest(
        workspace=workspace,
        revision=revision,
        rule=rule,
        reason=ensured_reason(reason),
        asked_by=by.id,
        at=clock.now(session),
    )
    session.add(request)
    happened = events.ExceptionAsked(by=by.id, workspace=workspace, post=post, revision=revision, rule=rule)
    record(session, happened, request)
    session.flush()
    return request


def _ensure_found(session: Session, workspace: str, revision: bytes, rule: str) -> None:
    applied = digest_in_force(session, workspace)
    if all(found.rule != rule for found in queries.findings_of(session, workspace, revision, applied)):
        what = f"The rule {rule[:32]} found nothing in this revision."
        raise Invalid(what, problems=(Problem("rule", what),))


def _ensure_unanswered(
    session: Session, of: type[Acceptance] | type[Dismissal], workspace: str, revision: bytes, rule: str, verb: str
) -> None:
    """Refuse a second answer of one kind, and any for an engine that failed."""
    if rule == ENGINE_FAILED:
        raise Conflict(f"The rules could not be applied: there is nothing to {verb}. Save the post again.")
    where = (of.workspace == workspace, of.revision == revision, of.rule == rule)
    if session.scalar(select(of.id).where(*where)) is not None:
        raise Conflict(f"{rule} is {verb}ed already for this revision.")
