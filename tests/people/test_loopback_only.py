"""The people of the demo have known passwords, so they sign in on the serving machine and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from approval.audit.services import record
from approval.db import transaction
from approval.people import events
from approval.people.models import Person
from approval.people.services import signing
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
    assert browser.post("/account/password", changed, page="/account/password", **ELSEWHERE).status_code == 422
    monkeypatch.setattr(account, "is_local", lambda: True)
    assert browser.post("/account/password", changed, page="/account/password", **ELSEWHERE).status_code == 302
