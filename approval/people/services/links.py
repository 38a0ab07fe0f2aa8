"""Single-use links: an invitation (7 days) or a password reset (1 hour). Only their hash is kept."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.db import Session
from approval.errors import NotFound
from approval.people import events
from approval.people.models import Link, LinkKind, Person
from approval.people.services import signing, throttling
from approval.people.services.secrets import open_secret, seal_secret
from approval.people.services.telling import write_to

LASTS = {LinkKind.INVITATION: timedelta(days=7), LinkKind.RESET: timedelta(hours=1)}
GONE = "This link has been used, has run out, or was replaced by a newer one. Ask for a new one."


def send_link(session: Session, person: Person, kind: LinkKind, *, by: str, key: str) -> str:
    """Make a link for *person*, put its letter into the outbox, and return its secret part.

    *key* is the installation's secret key: the secret waits in the outbox only encrypted.
    """
    secret = _make(session, person, kind, by=by)
    sealed = base64.b64encode(seal_secret(key, secret.encode())).decode()
    write_to(session, person.id, str(kind), sealed=sealed)
    return secret


def make_invitation(session: Session, person: Person, *, by: str) -> str:
    """Make an invitation that goes out in another letter, and return its secret part."""
    return _make(session, person, LinkKind.INVITATION, by=by)


def _make(session: Session, person: Person, kind: LinkKind, *, by: str) -> str:
    secret = secrets.token_urlsafe(32)
    now = clock.now(session)
    older = session.scalars(
        select(Link).where(Link.person == person.id, Link.kind == kind, Link.used_at.is_(None))
    ).all()
    for link in older:
        link.used_at = now
    link = Link(kind=kind, token=hash_of(secret), person=person.id, made_by=by, expires_at=now + LASTS[kind])
    session.add(link)
    session.flush()
    record(session, events.LinkMade(by=by, person=person.id, link=kind), link, *older)
    return secret


def secret_of(sealed: str, *, key: str) -> str:
    """Return the secret part of a link that waits in the outbox."""
    return open_secret(key, base64.b64decode(sealed)).decode()


def hash_of(secret: str) -> bytes:
    """Return the form of a link's secret part that is kept."""
    return hashlib.sha256(secret.encode()).digest()


def accept(session: Session, secret: str, kind: LinkKind, *, password: str) -> Person:
    """Use a link: keep *password* (its hashed form), and end every sign-in made with the one before."""
    link, person = _open(session, secret, kind)
    link.used_at = clock.now(session)
    set_password(session, person, password=password, by=person.id, through=kind, also=(link,))
    return person


def set_password(
    session: Session,
    person: Person,
    *,
    password: str,
    by: str,
    through: str,
    also: tuple[Link, ...] = (),
) -> None:
    """Keep a new password (its hashed form) and end every sign-in; what was failed before is forgiven."""
    person.password = password
    record(session, events.PasswordSet(by=by, person=person.id, through=through), person, *also)
    signing.end_all(session, person.id, by=by)
    throttling.forgive(session, throttling.account_key(person.email))


def _open(session: Session, secret: str, kind: LinkKind) -> tuple[Link, Person]:
    wanted = select(Link).where(Link.token == hash_of(secret), Link.kind == kind, Link.used_at.is_(None))
    link = session.scalar(wanted.with_for_update())
    person = None if link is None else session.get(Person, link.person)
    if link is None or person is None or link.expires_at <= clock.now(session) or person.disabled_at is not None:
        raise NotFound(GONE)
    return link, person
