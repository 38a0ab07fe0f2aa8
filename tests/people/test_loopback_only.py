"""The people of the demo have known passwords, so they sign in on the serving machine and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from factories import HOST
from sqlalchemy import select

from approval.audit.services import record
from approval.db import transaction
from approval.people import events
from approval.people.models import Person, Scope
from approval.people.services import signing, tokens
from approval.people.views import account, entrance, knowing

MARIA = "maria@northwind.example"
ELSEWHERE = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}


@pytest.fixture
def kept_here(firm):
    with transaction() as session:
        person = session.scalars(select(Person).where(Person.email == MARIA)).one()
        person.loopback_only = True
        record(session, events.PersonChanged(by="host:test", person=person.id), person)


def test_who_is_kept_to_this_machine_signs_in_here(browser, kept_here):
    assert browser.sign_in(MARIA).status_code == 302


def test_who_is_kept_to_this_machine_is_nobody_elsewhere(browser, kept_here):
    answer = browser.sign_in(MARIA, **ELSEWHERE)
    assert answer.status_code == 401
    assert signing.WRONG in answer.text


def test_others_sign_in_from_elsewhere(browser, kept_here):
    assert browser.sign_in("carla@northwind.example", **ELSEWHERE).status_code == 302


@pytest.mark.parametrize(
    ("base_url", "address", "local"),
    [
        ("http://localhost", "127.0.0.1", True),
        ("http://[::1]:8000", "::1", True),
        ("http://localhost", "192.0.2.7", False),
        ("https://approval.example", "127.0.0.1", False),
    ],
)
def test_only_a_request_from_here_to_here_is_local(make_app, settings, base_url, address, local):
    app = make_app(replace(settings, base_url=base_url))
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert knowing.is_local() is local


def test_without_the_check_anybody_who_read_the_manual_would_come_in(browser, kept_here, monkeypatch):
    monkeypatch.setattr(entrance, "is_local", lambda: True)
    assert browser.sign_in(MARIA, **ELSEWHERE).status_code == 302


def test_the_check_stands_before_a_change_of_password_too(browser, kept_here, monkeypatch):
    browser.sign_in(MARIA)
    changed = {
        "current": "seven quiet herons at dawn",
        "password": "nine calm otters by noon",
        "again": "nine calm otters by noon",
    }
    assert browser.post("/account/password", changed, page="/account/password", **ELSEWHERE).status_code == 401
    monkeypatch.setattr(knowing, "is_local", lambda: True)
    monkeypatch.setattr(account, "is_local", lambda: True)
    assert browser.post("/account/password", changed, page="/account/password", **ELSEWHERE).status_code == 302


def test_a_sign_in_from_here_is_nobodys_elsewhere(browser, kept_here):
    browser.sign_in(MARIA)
    assert browser.get("/tasks").status_code == 200
    assert browser.get("/tasks", **ELSEWHERE).status_code == 302


def test_a_token_made_here_is_nobodys_elsewhere(firm, browser, kept_here):
    with transaction() as session:
        _, secret = tokens.create(
            session, session.get_one(Person, firm.marketer.id), name="script", scope=Scope.READ, days=1, by=HOST
        )
    bearing = {"headers": {"Authorization": f"Bearer {secret}"}}
    assert browser.get("/tasks", **bearing).status_code == 200
    assert browser.get("/tasks", **bearing, **ELSEWHERE).status_code in (302, 401)


def test_without_the_check_a_sign_in_from_here_would_do_elsewhere(browser, kept_here, monkeypatch):
    browser.sign_in(MARIA)
    monkeypatch.setattr(knowing, "is_local", lambda: True)
    assert browser.get("/tasks", **ELSEWHERE).status_code == 200
