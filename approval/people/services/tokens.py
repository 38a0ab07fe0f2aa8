"""API tokens: shown once, kept as SHA-256 (256 random bits need no slow hash), bound to a scope and an end."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from approval import clock
from approval.audit.services import record
from approval.db import Session
from approval.errors import Conflict, Invalid, Problem
from approval.people import events
from approval.people.models import Person, Scope, Token
from approval.people.queries import actor_of

PREFIX = "apv_"
MAX_DAYS = 366
DEFAULT_DAYS = 90


def create(
    session: Session, person: Person, *, name: str, scope: Scope, by: str, days: int = DEFAULT_DAYS
) -> tuple[Token, str]:
    """Make a token of *person*; return it and its secret, which nothing shows again."""
    if person.disabled_at is not None:
        raise Conflict(f"The account of {person.name} is closed: it takes no token.")
    name = " ".join(name.split())
    if not 0 < len(name) <= 80:
        what = "Give the token a name of 1 to 80 characters that says where it is used."
        raise Invalid(what, problems=(Problem("name", what),))
    if not 1 <= days <= MAX_DAYS:
        what = f"A token lasts 1 to {MAX_DAYS} days."
        raise Invalid(what, problems=(Problem("days", what),))
    ensure_within_room(session, person, scope, days)
    secret = PREFIX + secrets.token_urlsafe(32)
    now = clock.now(session)
    token = Token(
        person=person.id,
        name=name,
        scope=scope,
        hash=hash_of(secret),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(token)
    session.flush()
    record(session, events.TokenCreated(by=by, person=person.id, scope=scope), token)
    return token, secret


def ensure_within_room(session: Session, person: Person, scope: Scope, days: int) -> None:
    """Refuse somebody who is here as an examiner alone a token that drafts, or that outlasts their room."""
    actor = actor_of(session, person.id)
    if actor is None or not actor.rooms or set(actor.roles) - set(actor.rooms):
        return
    if scope is Scope.DRAFT:
        what = "An examiner changes nothing: choose the scope read or export."
        raise Invalid(what, problems=(Problem("scope", what),))
    ends_at = max(room.ends_at for room in actor.rooms.values())
    most = (ends_at - clock.now(session)).days
    if days > most:
        what = f"Your room ends before that: choose at most {most} days." if most else "Your room ends within a day."
        raise Invalid(what, problems=(Problem("days", what),))


def revoke(session: Session, token: Token, *, by: str) -> None:
    """Make a token stop working now."""
    if token.revoked_at is not None:
        raise Conflict("This token has been revoked already.")
    token.revoked_at = clock.now(session)
    record(session, events.TokenRevoked(by=by, person=token.person), token)


def hash_of(secret: str) -> bytes:
    """Return the form of a token that is kept."""
    return hashlib.sha256(secret.encode()).digest()
