"""Closing an account and opening it again."""

from __future__ import annotations

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Role
from approval.db import Session
from approval.errors import Conflict
from approval.people import events
from approval.people.models import Membership, Person, Token
from approval.people.services import signing
from approval.people.services.accounts import ensure_still_administered


def disable(session: Session, person: Person, *, by: str) -> None:
    """Close an account: its sign-ins end and its tokens stop working in the same moment. What it did stands."""
    if person.disabled_at is not None:
        raise Conflict(f"The account of {person.name} is closed already.")
    if person.id == by:
        raise Conflict("Nobody closes their own account: another administrator must.")
    administered = select(Membership.workspace).where(
        Membership.person == person.id, Membership.role == Role.ADMINISTRATOR
    )
    for workspace in session.scalars(administered).all():
        ensure_still_administered(session, workspace, without=person)
    person.disabled_at = now = clock.now(session)
    tokens = session.scalars(select(Token).where(Token.person == person.id, Token.revoked_at.is_(None))).all()
    for token in tokens:
        token.revoked_at = now
    record(session, events.PersonDisabled(by=by, person=person.id), person, *tokens)
    signing.end_all(session, person.id, by=by)


def enable(session: Session, person: Person, *, by: str) -> None:
    """Open a closed account again; its password and roles are as they were, its tokens stay revoked."""
    if person.disabled_at is None:
        raise Conflict(f"The account of {person.name} is open already.")
    person.disabled_at = None
    record(session, events.PersonEnabled(by=by, person=person.id), person)
