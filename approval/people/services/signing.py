"""Signing in and out. A password is compared between two transactions, so that no lock waits for the hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update

from approval import clock
from approval.audit.services import record
from approval.db import Session
from approval.errors import Forbidden, NotFound
from approval.people import events
from approval.people.models import HalfSignIn, Person, SignIn
from approval.people.queries import IDLE, short_id
from approval.people.queries.factors import has_factor
from approval.people.queries.rooms import is_shut_out
from approval.people.services import throttling
from approval.people.services.accounts import person_with

ABSOLUTE = timedelta(hours=12)
LOOK = timedelta(minutes=1)
HALF = timedelta(minutes=5)
"""How long the right password waits for the code of the second factor."""
WRONG = "The address or the password is wrong, or the account is closed."
SHUT = "This room has ended. Ask the firm’s compliance officer if you need more time."
"""Told to whoever gave all that a sign-in asks for, or stood in the room as it ended: to nobody else."""


@dataclass(frozen=True)
class Attempt:
    """An attempt to sign in, counted already: whose it may be, and the kept password to compare with."""

    person: str | None
    stored: str | None
    account: str
    address: str
    failures: int


@dataclass(frozen=True)
class Half:
    """The secret id of a half sign-in: the right password, and the code of the second factor yet to come."""

    secret: str


def attempt(session: Session, *, email: str, address: str, local: bool = False) -> Attempt:
    """Count an attempt to sign in; TooMany while this account or address must wait.

    An account that is unknown, disabled or without password is treated as any other; so is one that signs in on the
    serving machine only, unless the attempt is *local*.
    """
    keys = throttling.account_key(email), throttling.address_key(address)
    failures = [throttling.count_attempt(session, key) for key in keys]
    person = person_with(session, email)
    open_ = person is not None and person.disabled_at is None and (local or not person.loopback_only)
    return Attempt(
        person=person.id if person is not None and open_ else None,
        stored=person.password if person is not None and open_ else None,
        account=keys[0],
        address=keys[1],
        failures=failures[0],
    )


def sign_in(
    session: Session, tried: Attempt, *, right: bool, address: str, agent: str, rehashed: str | None = None
) -> str | Half | None:
    """End an attempt: with the right password begin a sign-in and return its secret id, else None.

    Half a one where a second factor is to follow; Forbidden where none does and all that was open to them has ended.

    *rehashed* is the same password in today's form, where the kept one is outdated.
    """
    # Nobody is looked up too: it takes the time that somebody takes.
    person = session.get(Person, tried.person or "nobody")
    # What the attempt saw may have changed while the password was compared.
    if not right or person is None or person.disabled_at is not None or person.password != tried.stored:
        if person is not None and tried.failures & (tried.failures - 1) == 0:
            record(session, events.SignInFailed(by="anonymous", person=person.id, failures=tried.failures))
        return None
    succeeded(session, tried)
    if rehashed is not None:
        person.password = rehashed
        record(session, events.PasswordSet(by=person.id, person=person.id, through="rehash"), person)
    return enter(session, person, address=address, agent=agent)


def enter(session: Session, person: Person, *, address: str, agent: str) -> str | Half:
    """Begin a sign-in of somebody who knew the password or had the link: half a one where they have a second factor.

    That all that was open to them has ended is told once they gave that too.
    """
    if not has_factor(session, person.id):
        ensure_not_shut_out(session, person)
        return begin(session, person, address=address, agent=agent)
    secret = secrets.token_urlsafe(32)
    session.add(HalfSignIn(id=id_of(secret), person=person.id, until=clock.now(session) + HALF))
    return Half(secret)


def ensure_not_shut_out(session: Session, person: Person) -> None:
    """Refuse an examiner whose last room has ended."""
    if is_shut_out(session, person.id):
        raise Forbidden(SHUT)


def succeeded(session: Session, tried: Attempt) -> None:
    """Take back an attempt whose password was right: it never counts, and the account's failures are forgiven."""
    throttling.forgive(session, tried.account)
    throttling.uncount(session, tried.address)


def begin(session: Session, person: Person, *, address: str, agent: str) -> str:
    """Begin a sign-in and return its secret id; only the id's hash is kept."""
    secret = secrets.token_urlsafe(32)
    now = clock.now(session)
    row = SignIn(
        id=id_of(secret),
        person=person.id,
        started_at=now,
        seen_at=now,
        expires_at=now + ABSOLUTE,
        address=address[:64],
        agent=" ".join(agent.split())[:200],
    )
    session.add(row)
    record(session, events.SignedIn(by=person.id, session=short_id(row.id)))
    return secret


def id_of(secret: str) -> bytes:
    """Return the id under which a sign-in with this secret is kept."""
    return hashlib.sha256(secret.encode()).digest()


def seen(session: Session, sign_in: bytes) -> None:
    """Note that a sign-in is in use, at most once a minute."""
    now = clock.now(session)
    session.execute(update(SignIn).where(SignIn.id == sign_in, SignIn.seen_at <= now - LOOK).values(seen_at=now))


def end(session: Session, sign_in: bytes, *, by: str, person: str) -> None:
    """End one sign-in of *person*; NotFound where there is none."""
    ended = session.execute(
        delete(SignIn).where(SignIn.id == sign_in, SignIn.person == person).returning(SignIn.id)
    ).scalar_one_or_none()
    if ended is None:
        raise NotFound("This session has ended already.")
    record(session, events.SignedOut(by=by, person=person, session=short_id(ended)))


def replace(session: Session, sign_in: bytes) -> None:
    """End the sign-in that a browser held before it signed in anew, whoever's it was."""
    person = session.scalar(select(SignIn.person).where(SignIn.id == sign_in))
    if person is not None:
        end(session, sign_in, by=person, person=person)


def end_all(session: Session, person: str, *, by: str) -> int:
    """End every sign-in of *person*, whole or half, and return how many whole ones there were."""
    session.execute(delete(HalfSignIn).where(HalfSignIn.person == person))
    ids = session.scalars(select(SignIn.id).where(SignIn.person == person)).all()
    for id_ in ids:
        end(session, id_, by=by, person=person)
    return len(ids)


def has_ended(session: Session) -> bool:
    """Say whether there are sign-ins that ran out."""
    half = select(HalfSignIn.id).where(_over(session))
    return any(session.scalar(one.limit(1)) is not None for one in (select(SignIn.id).where(_ended(session)), half))


def forget_ended(session: Session) -> None:
    """Delete the sign-ins that ran out."""
    session.execute(delete(SignIn).where(_ended(session)))
    session.execute(delete(HalfSignIn).where(_over(session)))


def _over(session: Session) -> ColumnElement[bool]:
    return HalfSignIn.until <= clock.now(session)


def _ended(session: Session) -> ColumnElement[bool]:
    now = clock.now(session)
    return (SignIn.expires_at <= now) | (SignIn.seen_at <= now - IDLE)
