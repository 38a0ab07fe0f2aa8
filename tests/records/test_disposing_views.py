"""Letting go in the browser: what is due is proposed, agreed to, followed and certified; so is a request to erase."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from doors import give_passwords
from letting_go import follow, moved, place

from approval.app import create_app
from approval.db import transaction
from approval.people.models import Person
from approval.people.services import closing, passwords
from approval.records import jobs

NEW = "/records/dispositions/new"
ERASE = "/records/erasures/new"


@pytest.fixture
def app(firm_on_sqlite, sqlite_url, settings, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    monkeypatch.setattr(jobs, "SPAN", 60.0)
    moved(firm_on_sqlite, settings, monkeypatch)
    give_passwords()
    return create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))


def propose(browser, **changes):
    return browser.post(
        NEW, {"workspace": "northwind", "through": "2030-01-01", "reason": "Yearly.", **changes}, page=NEW
    )


def test_what_is_due_is_proposed_agreed_to_and_certified(signed, settings):
    carla, cem = signed("carla"), signed("cem")
    assert "Dispose of what is due" in carla.get("/records/due?month=overdue").text
    preview = carla.get(NEW).text
    assert (
        "Opening hours" in preview and "no rule keeps it any longer" in preview and "another person agrees" in preview
    )
    through = preview.split('name="through" type="date" value="')[1][:10]
    address = propose(carla, through=through).location
    assert "somebody else must answer" in carla.get(address).text
    assert "Disposing of records" in cem.get("/tasks").text
    assert carla.post(f"{address}/answer", {"answer": "accept"}, page=address).status_code == 403
    assert "Agree: dispose of them" in cem.get(address).text
    cem.post(f"{address}/answer", {"answer": "accept"}, page=address)
    assert "still there" in carla.get(address).text
    assert "Nothing is gone yet" in carla.get(f"{address}/certificate").text
    jobs.let_go_due(settings, "w")
    page = carla.get(address).text
    assert "Gone" in page and "Opening hours" not in page and "35 days" in page
    certificate = signed("emil").get(f"{address}/certificate").text
    assert "post 1" in certificate and "Carla" in certificate and "Cem" in certificate
    said = json.loads(carla.get(f"{address}/certificate.json").text)
    assert (said["disposed"], said["kept"], said["agreed_by"]) == (2, 0, "Cem")
    assert sum(len(line["commitments"]) for line in said["entries"]) > 5
    assert "Disposition 1" in carla.get("/records/dispositions").text
    assert carla.get("/posts/1").status_code == 404


@pytest.mark.parametrize(
    ("changes", "status"), [({"reason": ""}, 422), ({"through": "2012-01-01"}, 409), ({"through": "x"}, 422)]
)
def test_what_is_wrong_with_a_proposal_is_said(signed, changes, status):
    assert propose(signed("carla"), **changes).status_code == status


def ask(browser, **changes):
    given = {
        "workspace": "northwind",
        "words": "John Smith",
        "posts": "2",
        "asked_on": "2026-11-02",
        "asked_by": "The person, by letter.",
        "reason": "Article 17.",
    }
    return browser.post(ERASE, {**given, **changes}, page=ERASE)


def test_a_request_is_answered_agreed_to_and_carried_out(signed, settings, firm_on_sqlite):
    ada, cem = signed("ada"), signed("cem")
    person = firm_on_sqlite.publisher.id
    assert "Record their request" in ada.get(f"/admin/people/{person}?workspace=northwind").text
    assert "Close it first" in ada.get(f"{ERASE}?workspace=northwind&person={person}").text
    assert ask(ada, person=person).status_code == 409
    with transaction() as session:
        closing.disable(session, session.get_one(Person, person), by="host:test")
    follow(settings)
    assert "nothing stands against" in ada.get(f"{ERASE}?workspace=northwind&person=paula@northwind.example").text
    address = ask(ada, person=person).location
    assert "Paula" in ada.get(address).text
    cem.post(f"{address}/answer", {"answer": "accept"}, page=address)
    follow(settings)
    jobs.erase_due(settings, "w")
    page = ada.get(address).text
    assert "Erased person" in page and "Paula" not in page and "Erased under these entries" in page
    said = json.loads(ada.get(f"{address}/certificate.json").text)
    assert said["values"] >= 2 and {line["log"] for line in said["entries"]} == {"installation"}
    assert "Request 1" in ada.get("/records/dispositions").text


def test_a_request_under_a_hold_says_that_it_waits(signed, settings, firm_on_sqlite):
    carla = signed("carla")
    place(firm_on_sqlite, post=2)
    page = carla.get(ask(carla).location).text
    assert "It waits" in page and "legal hold" in page and "Legal hold, then retention" in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"words": "Jo"}, "3 to 120 characters"),
        ({"posts": "two"}, "is not the number of a post"),
        ({"posts": ""}, "numbers of 1 to"),
        ({"posts": "77"}, "There is no post 77"),
        ({"asked_by": ""}, "Say who asked"),
        ({"asked_on": "2099-01-01"}, "lies ahead"),
        ({"person": "nobody@x.example"}, "Nobody with a part"),
    ],
)
def test_what_is_wrong_with_a_request_is_said_and_nothing_typed_is_lost(signed, changes, said):
    answer = ask(signed("carla"), **changes)
    assert answer.status_code == 422 and said in answer.text
    assert "Article 17." in answer.text
