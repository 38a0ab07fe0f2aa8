from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from approval import clock
from approval.db import reading, transaction
from approval.errors import NotFound
from approval.people import queries
from approval.people.models import Link, LinkKind, Outbox, Person
from approval.people.services import closing, links, passwords

KEY = "k" * 40
INVITATION, RESET = LinkKind.INVITATION, LinkKind.RESET


def send(firm, kind=RESET):
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        return links.send_link(session, person, kind, by="anonymous", key=KEY)


def accept(secret, kind=RESET, password="new"):
    with transaction() as session:
        return links.accept(session, secret, kind, password=password)


def test_a_link_sets_the_password_once(firm_everywhere):
    secret = send(firm_everywhere)
    accept(secret, password=passwords.hashed("a new password for all"))
    with reading() as session:
        assert passwords.matches(
            session.get_one(Person, firm_everywhere.marketer.id).password, "a new password for all"
        )
    with pytest.raises(NotFound, match="used"):
        accept(secret, password="again")


def test_only_the_hash_of_a_link_is_kept(firm):
    secret = send(firm)
    with reading() as session:
        (link,) = session.scalars(select(Link))
        (letter,) = session.scalars(select(Outbox))
    assert link.token == links.hash_of(secret)
    assert secret not in str(letter.ids)
    assert links.secret_of(letter.ids["sealed"], key=KEY) == secret


@pytest.mark.parametrize(("kind", "lasts"), [(INVITATION, timedelta(days=7)), (RESET, timedelta(hours=1))])
def test_a_link_runs_out(firm, kind, lasts, monkeypatch):
    secret = send(firm, kind)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda session: now(session) + lasts - timedelta(seconds=30))
    with reading() as session:
        assert queries.link_owner(session, secret, kind).name == "Maria"
    monkeypatch.setattr(clock, "now", lambda session: now(session) + lasts + timedelta(seconds=1))
    with reading() as session:
        assert queries.link_owner(session, secret, kind) is None
    with pytest.raises(NotFound):
        accept(secret, kind)


def test_a_newer_link_makes_the_older_void(firm):
    older, newer = send(firm), send(firm)
    with pytest.raises(NotFound):
        accept(older)
    accept(newer)


def test_a_link_is_good_for_its_own_purpose_only(firm):
    secret = send(firm, RESET)
    with pytest.raises(NotFound):
        accept(secret, INVITATION)
    accept(secret, RESET)


def test_a_link_of_a_closed_account_opens_nothing(firm):
    secret = send(firm)
    with transaction() as session:
        closing.disable(session, session.get_one(Person, firm.marketer.id), by="host:test")
    with pytest.raises(NotFound):
        accept(secret)
    with transaction() as session:
        closing.enable(session, session.get_one(Person, firm.marketer.id), by="host:test")
    accept(secret)


@pytest.mark.parametrize("secret", ["", "x", "ü" * 50, "' OR 1=1 --"])
def test_what_is_no_link_opens_nothing(firm, secret):
    with pytest.raises(NotFound):
        accept(secret)
