"""Knowing who asks: by the cookie of a sign-in, or by an API token; never by both."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from flask import Request, Response, render_template, request
from flask_login import UserMixin

from approval import clock
from approval.db import reading, transaction
from approval.errors import NotRecorded
from approval.people import queries
from approval.people.services import signing
from approval.settings import is_loopback
from approval.web.identity import Caller, by_token, hooks, sign_in_cookie

_LONGEST = 200


class SessionPerson(UserMixin):  # type: ignore[misc]
    """A caller, as Flask-Login wants one."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def get_id(self) -> str:
        """Return the id of the person."""
        return self.caller.actor.id


@dataclass(frozen=True)
class Once:
    """A page that shows a secret, this once."""

    title: str
    detail: str
    label: str
    secret: str
    href: str
    note: str = ""


def identify(asking: Request) -> SessionPerson | None:
    """Return who sent a request; None for nobody. A request that names a token is never taken for a session."""
    known = _bearer(asking) if by_token() else _session()
    if known is None or (known.loopback_only and not is_local()):
        return None
    sign_in = queries.short_id(known.sign_in) if known.sign_in is not None else None
    scope = str(known.scope) if known.scope is not None else None
    return SessionPerson(Caller(known.actor, sign_in=sign_in, scope=scope, owes_factor=known.owes_factor))


def _bearer(asking: Request) -> queries.SignedIn | None:
    secret = asking.headers.get("Authorization", "")[len("Bearer ") :].strip()
    if not 0 < len(secret) <= _LONGEST:
        return None
    with reading() as session:
        return queries.bearer(session, secret)


def _session() -> queries.SignedIn | None:
    secret = cookie()
    if secret is None:
        return None
    with reading() as session:
        known = queries.signed_in(session, secret)
        now = clock.now(session)
    if known is not None and known.sign_in and known.seen_at and known.seen_at <= now - signing.LOOK:
        _note_seen(known.sign_in)
    return known


def _note_seen(sign_in: bytes) -> None:
    try:
        with transaction() as session:
            signing.seen(session, sign_in)
    except NotRecorded:
        # A page can be read although the disk is full.
        structlog.get_logger("approval.people").warning("last use of a session was not recorded")


def cookie() -> str | None:
    """Return the secret id of the sign-in that the browser holds, if it looks like one."""
    secret = request.cookies.get(sign_in_cookie(hooks().settings), "")
    return secret if 0 < len(secret) <= _LONGEST else None


def this_sign_in() -> bytes | None:
    """Return the id of the sign-in behind this request."""
    secret = None if by_token() else cookie()
    return signing.id_of(secret) if secret is not None else None


def address() -> str:
    """Return the network address that this request came from."""
    return request.remote_addr or ""


def is_local() -> bool:
    """Say whether this request came from the serving machine, and people reach the program there alone."""
    return hooks().settings.loopback and is_loopback(address())


def agent() -> str:
    """Return what the browser calls itself."""
    return request.headers.get("User-Agent", "")


def shown_once(page: Once) -> Response:
    """Show a secret on a page of its own; nothing shows it again."""
    return Response(render_template("people/once.html", page=page))
