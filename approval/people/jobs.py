"""Delivering the outbox by SMTP: one claim, one attempt, one outcome; never a transaction across the network."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from functools import cache
from typing import Any
from urllib.parse import unquote

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape
from sqlalchemy import select, update

from approval import clock
from approval.clock import local
from approval.db import Session, reading, transaction
from approval.errors import BadSetting
from approval.people.models import Outbox, Person
from approval.people.queries import workspaces
from approval.people.services import alarming, links, signing, throttling
from approval.settings import Settings, is_loopback, mail_server, shipped

MOST_TRIES = 12
BATCH = 20
CLAIMED_FOR = timedelta(minutes=5)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=6)
TIMEOUT = 10.0

_log = structlog.get_logger("approval.people")


@dataclass(frozen=True)
class Letter:
    """A message of the outbox, claimed by this worker until its time is up."""

    id: int
    kind: str
    ids: dict[str, Any]
    tries: int
    made_at: datetime
    name: str
    email: str
    workspace: str
    zone: str


def deliver_due(settings: Settings, worker: str) -> None:
    """Send the letters that are due, and forget counters and sign-ins that ran out."""
    with reading() as session:
        waiting = settings.smtp_url is not None and session.scalar(_due(clock.now(session)).limit(1)) is not None
        outdated = throttling.has_old(session) or signing.has_ended(session)
    if outdated:
        with transaction() as session:
            throttling.forget_old(session)
            signing.forget_ended(session)
    if waiting:
        with transaction() as session:
            letters = claim(session)
        _deliver(settings, letters)


def tell_alarms(settings: Settings, worker: str) -> None:
    """Tell those who administer that something is wrong with a log."""
    with reading() as session:
        some = alarming.has_alarms(session)
    if some:
        with transaction() as session:
            alarming.tell_alarms(session)


def _due(now: datetime) -> Any:
    return select(Outbox.id).where(Outbox.sent_at.is_(None), Outbox.due_at <= now, Outbox.tries < MOST_TRIES)


def claim(session: Session) -> list[Letter]:
    """Take the letters that are due, so that no other worker sends them, and return them."""
    now = clock.now(session)
    due = _due(now).order_by(Outbox.due_at, Outbox.id).limit(BATCH)
    ids = session.scalars(due.with_for_update(skip_locked=True)).all()
    session.execute(update(Outbox).where(Outbox.id.in_(ids)).values(due_at=now + CLAIMED_FOR, tries=Outbox.tries + 1))
    places = {facts.name: facts for facts in workspaces(session)}
    rows = session.execute(
        select(Outbox, Person)
        .join(Person, Person.id == Outbox.person)
        .where(Outbox.id.in_(ids))
        .order_by(Outbox.id)
        .execution_options(populate_existing=True)
    )
    letters = []
    for row, person in rows:
        place = places.get(row.ids.get("workspace", ""))
        title, zone = (place.title, place.zone) if place else ("", "UTC")
        letters.append(
            Letter(row.id, row.kind, dict(row.ids), row.tries, row.made_at, person.name, person.email, title, zone)
        )
    return letters


def _deliver(settings: Settings, letters: list[Letter]) -> None:
    try:
        with connected(settings) as server:
            for letter in letters:
                _deliver_one(settings, server, letter)
    except (OSError, smtplib.SMTPException, BadSetting) as error:
        # What was not reached by then stays claimed and is tried again later.
        _log.warning("mail server", error=_words(error))
        with transaction() as session:
            for letter in letters:
                failed(session, letter, _words(error))


def _deliver_one(settings: Settings, server: smtplib.SMTP, letter: Letter) -> None:
    try:
        server.send_message(message(settings, letter))
    except smtplib.SMTPServerDisconnected:
        raise
    except (smtplib.SMTPException, TemplateError, ValueError, BadSetting) as error:
        # One letter that cannot be written or taken holds up no other.
        _log.warning("letter not sent", letter=letter.id, kind=letter.kind, error=_words(error))
        with transaction() as session:
            failed(session, letter, _words(error))
        return
    with transaction() as session:
        sent(session, letter)


def sent(session: Session, letter: Letter) -> None:
    """Note that a letter went out; the secret of a link leaves the outbox with it."""
    ids = {name: value for name, value in letter.ids.items() if name != "sealed"}
    now = clock.now(session)
    session.execute(update(Outbox).where(Outbox.id == letter.id).values(sent_at=now, error=None, ids=ids))


def failed(session: Session, letter: Letter, error: str) -> None:
    """Note that a letter did not go out, and when it is tried again: after 30 s, then twice as long, to 6 hours."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (letter.tries - 1))
    unsent = Outbox.id == letter.id, Outbox.sent_at.is_(None)
    session.execute(update(Outbox).where(*unsent).values(due_at=clock.now(session) + wait, error=error))


# -- the message -------------------------------------------------------------------------------------------------


def message(settings: Settings, letter: Letter) -> EmailMessage:
    """Write a letter: its subject is the first line of the text."""
    subject, _, text = render(settings, letter, "txt").partition("\n")
    mail = EmailMessage()
    mail["Subject"] = " ".join(subject.split())[:200]
    mail["From"] = settings.mail_from
    mail["To"] = letter.email
    mail["Date"] = format_datetime(letter.made_at)
    mail["Message-ID"] = make_msgid(f"outbox{letter.id}", domain=settings.mail_from.rpartition("@")[2] or "localhost")
    # RFC 3834, 5: no holiday reply to a machine.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text.strip() + "\n")
    mail.add_alternative(render(settings, letter, "html"), subtype="html")
    return mail


def render(settings: Settings, letter: Letter, kind: str) -> str:
    """Fill in the template of a letter, as txt or html."""
    base = settings.base_url or "http://127.0.0.1:8000"
    ids = dict(letter.ids)
    path = ids.pop("path", letter.kind)
    if sealed := ids.pop("sealed", None):
        secret = links.secret_of(sealed, key=settings.secret_key)
        ids["href"] = f"{base}/{path}/{secret}"
    return _environment().get_template(f"{letter.kind}.{kind}").render(letter=letter, ids=ids, base=base)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates") / "email"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
    )
    environment.filters["local"] = local
    return environment


# -- the server --------------------------------------------------------------------------------------------------


@contextmanager
def connected(settings: Settings) -> Iterator[smtplib.SMTP]:
    """Connect to the mail server that APPROVAL_SMTP_URL names; over TLS wherever it is offered."""
    url = mail_server(settings.smtp_url or "")
    assert url.hostname is not None, "it was looked for"
    tls = ssl.create_default_context()
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(url.hostname, url.port or 465, timeout=TIMEOUT, context=tls)
    else:
        server = smtplib.SMTP(url.hostname, url.port or 587, timeout=TIMEOUT)
    with server:
        server.ehlo()
        if url.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=tls)
            server.ehlo()
        elif url.scheme == "smtp" and url.username and not is_loopback(url.hostname):
            raise BadSetting("APPROVAL_SMTP_URL", "…", "the server offers no TLS: its password would travel in clear")
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        yield server


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
