"""Keeping in the browser: what a post's pages say, holds, the calendar, and the form of the retention rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from doors import give_passwords
from factories import a_person, a_workspace
from furniture import retention_typed
from sqlalchemy import insert, select

from approval import clock
from approval.app import create_app
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.people.jobs import Letter, render
from approval.people.models import Proposal
from approval.people.services import passwords
from approval.records import jobs, queries
from approval.records.models import Hold, Keeping, Kind

W = {"workspace": "northwind"}
HOLD = {**W, "matter": "Case 12 <b>", "reason": "A letter before action.", "post": "1"}


@pytest.fixture
def app(firm_on_sqlite, sqlite_url, settings, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    monkeypatch.setattr(jobs, "SPAN", 60.0)
    give_passwords()
    return create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))


def place(browser, **changes):
    return browser.post("/records/holds", {**HOLD, **changes}, page="/records/holds")


def today():
    with reading() as session:
        return clock.wall_time(clock.now(session), "Europe/Zurich").date()


# -- a post ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/posts/1", "/records/posts/1"])
def test_a_post_says_until_when_it_is_kept_and_why(signed, address):
    page = signed("emil").get(address).text
    for expected in ("First use", "Last use", "nothing says that it was taken down", "FINRA Rule 4511(b)", "counsel"):
        assert expected in page, expected
    assert f"Kept until {today().day} " in page


def test_a_post_that_was_never_published_says_from_when_it_counts(signed):
    page = signed("emil").get("/posts/2").text
    assert "never published" in page and "when something last happened to it" in page
    assert "no period has begun" in signed("emil").get("/posts/3").text


def test_everybody_reads_that_a_post_is_held_and_only_auditors_for_what(signed):
    assert place(signed("carla")).status_code == 302
    for name, reads in (("emil", True), ("carla", True), ("maria", False), ("ruth", False)):
        page = signed(name).get("/posts/1").text
        assert "under legal hold" in page
        assert ("Case 12" in page) is reads, name
    assert "under legal hold" not in signed("maria").get("/posts/2").text


# -- holds ----------------------------------------------------------------------------------------------------------


def test_a_hold_is_placed_seen_and_lifted_by_two(signed, settings):
    carla, cem = signed("carla"), signed("cem")
    address = place(carla).location
    jobs.reckon_due(settings, "w")
    page = carla.get(address).text
    assert "Case 12 &lt;b&gt;" in page and "Covers 1 post" in page and "Opening hours" in page
    assert "1 post" in carla.get("/records/holds").text
    carla.post(f"{address}/lift", {"reason": "It is settled."}, page=address)
    assert "somebody else must answer" in carla.get(address).text
    assert "Lifting a legal hold" in cem.get("/tasks").text
    assert carla.post(f"{address}/answer", {"answer": "accept"}, page=address).status_code == 403
    assert "Agree: lift the hold" in cem.get(address).text
    cem.post(f"{address}/answer", {"answer": "accept"}, page=address)
    assert "Lifted" in cem.get(address).text
    assert "under legal hold" not in carla.get("/posts/1").text
    assert "No legal hold stands" in carla.get("/records/holds").text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"post": ""}, "Name at least one of person, post, product and period"),
        ({"post": "one"}, "is not the number of a post"),
        ({"post": "77"}, "There is no post 77"),
        ({"matter": ""}, "Name the matter"),
        ({"reason": " "}, "Say why"),
        ({"person": "nobody@northwind.example"}, "nobody@northwind.example"),
        ({"first_day": "2026-02-01", "last_day": "2026-01-01"}, "lies before the first"),
    ],
)
def test_what_is_wrong_with_a_hold_is_said_and_nothing_typed_is_lost(signed, changes, said):
    answer = place(signed("carla"), **changes)
    assert answer.status_code == 422
    assert said in answer.text
    assert changes.get("reason", "A letter before action.") in answer.text
    with reading() as session:
        assert session.scalars(select(Hold.id)).all() == []


def test_a_reason_is_needed_to_lift(signed):
    carla = signed("carla")
    address = place(carla).location
    answer = carla.post(f"{address}/lift", {"reason": " "}, page=address)
    assert answer.status_code == 422 and "Give a reason" in answer.text


def test_an_examiner_reads_holds_and_changes_none(signed):
    address = place(signed("carla")).location
    emil = signed("emil")
    assert "Place the hold" not in emil.get("/records/holds").text
    assert "Ask to lift" not in emil.get(address).text
    assert place(emil).status_code == 403
    assert emil.post(f"{address}/lift", {"reason": "x"}, page=address).status_code == 403


def test_a_hold_is_of_its_workspace(signed, keys):
    address = place(signed("carla")).location
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
        a_person(session, "sven", Role.COMPLIANCE, workspace="southwind")
    give_passwords()
    stranger = signed("sven")
    assert stranger.get(address).status_code == 404
    assert stranger.post(f"{address}/lift", {"reason": "x"}, page="/account").status_code == 404
    assert stranger.post(f"{address}/answer", {"answer": "accept"}, page="/account").status_code == 404


# -- the calendar ---------------------------------------------------------------------------------------------------


def test_the_calendar_lists_what_ends_page_by_page_and_marks_what_is_held(signed):
    carla = signed("carla")
    place(carla)
    ended = today() - timedelta(days=3)
    rows = [(Kind.POST, 1), (Kind.POST, 2), (Kind.WORKFLOW, 1), *((Kind.EXPORT, n) for n in range(1, 31))]
    with transaction() as session:
        session.execute(
            insert(Keeping),
            [
                {"workspace": "northwind", "kind": kind, "record": record, "until": ended, "rule": "a-rule"}
                for kind, record in rows
            ],
        )
    first = carla.get("/records/due")
    assert "Posts are being gone through" in first.text
    assert first.text.count("a-rule") == 30 and "Export 30" in first.text
    address = first.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = carla.get(address)
    assert second.text.count("a-rule") == 3
    assert "Workflow, version 1" in second.text and "Kept while any hold stands" in second.text
    assert second.text.count("Legal hold</span>") == 2, "post 1 and the workflow; nothing holds post 2"
    assert "Opening hours" in second.text and 'href="/records/posts/1"' in second.text


@pytest.mark.parametrize("address", ["?month=1999-01", "?month=soon"])
def test_a_month_outside_the_calendar_is_not_found(signed, address):
    assert signed("emil").get(f"/records/due{address}").status_code == 404


@pytest.mark.parametrize("after", ["x", "2026-01-01~post", "2026-99-01~post~1", "2026-01-01~memo~1", "20260101~post~1"])
def test_a_damaged_page_address_is_refused(signed, after):
    assert signed("emil").get(f"/records/due?month=overdue&after={after}").status_code == 422


def test_an_empty_calendar_says_so(signed, settings):
    jobs.reckon_due(settings, "w")
    assert "Nothing falls due in this month" in signed("emil").get("/records/due").text
    assert "Nothing is overdue" in signed("emil").get("/records/due?month=overdue").text


# -- retention rules ------------------------------------------------------------------------------------------------


def propose(browser, **changes):
    return browser.post("/records/retention/edit?workspace=northwind", retention_typed(**changes), page="/records")


def test_the_form_proposes_and_another_person_puts_in_force(signed):
    carla, cem = signed("carla"), signed("cem")
    assert propose(carla, **{"rules-2-years": "1"}).status_code == 302
    page = carla.get("/records/retention").text
    assert "Version 2 waits for a second person" in page and "may keep less" in page
    assert "Now 1 year after last use, before 2 years after last use." in page
    assert "somebody else must answer" in page
    assert "New retention rules" in cem.get("/tasks").text
    with reading() as session:
        waiting = session.scalars(select(Proposal.id)).one()
    answer = f"/records/retention/proposals/{waiting}?workspace=northwind"
    assert carla.post(answer, {"answer": "accept"}, page="/records").status_code == 403
    assert cem.post(answer, {"answer": "accept"}, page="/records").status_code == 302
    with reading() as session:
        force = queries.retention_in_force(session, "northwind")
    assert (force.number, {r.id: r.years for r in force.retention.rules}["us-bank-credit"]) == (2, 1)
    assert "Against version 2, in force" in cem.get("/records/retention/1").text
    assert cem.get("/records/retention/3").status_code == 404


def test_a_rule_is_added_and_another_removed(signed):
    new = {
        "rules-18-id": "our-crypto",
        "rules-18-kind": "communication",
        "rules-18-years": "10",
        "rules-18-clock": "last-use",
        "rules-18-product_classes": ["crypto"],
        "rules-18-products": "app, brand",
        "rules-18-citation": "Policy 7",
        "rules-18-as_of": "2026-11-01",
    }
    assert propose(signed("carla"), **new, **{"rules-9-remove": "y"}).status_code == 302
    with reading() as session:
        (waiting,) = queries.waiting_retention(session, "northwind")
    added = next(rule for rule in waiting.version.retention.rules if rule.id == "our-crypto")
    assert (added.years, added.products, added.as_of) == (10, {"app", "brand"}, date(2026, 11, 1))
    assert "au-communication" not in {rule.id for rule in waiting.version.retention.rules}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rules-0-years": "0"}, "Give whole years from 1 to 100"),
        ({"rules-0-years": "many"}, "Give whole years from 1 to 100"),
        ({"rules-0-regimes": ["mars"]}, "is no regime"),
        ({"rules-0-products": "moon-bond"}, "moon-bond"),
        ({"rules-0-as_of": ""}, "Give the day"),
        ({"rules-0-citation": ""}, "Cite what the rule rests on"),
        ({"rules-0-kind": "memo"}, "Choose the class"),
        ({"rules-10-remove": "y"}, "exactly one rule for what no other covers"),
        ({"fiscal_year_ends": "13"}, "Choose the month"),
        ({"rules-0-years": "4", "reason": " "}, "Give a reason"),
        ({}, "in force already"),
    ],
)
def test_what_is_wrong_with_the_rules_is_said_beside_its_field(signed, changes, said):
    answer = propose(signed("carla"), **changes)
    assert answer.status_code in (409, 422)
    assert said in answer.text and "Not proposed" in answer.text
    with reading() as session:
        assert queries.waiting_retention(session, "northwind") == ()


def test_an_examiner_reads_the_rules_and_their_sources(signed):
    page = signed("emil").get("/records/retention").text
    assert "SEC Rule 17a-4(b)(4)" in page and "Have your counsel confirm" in page
    assert "Legal hold, then retention, then a request to erase" in page
    assert "Change the rules" not in page


# -- being told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["txt", "html"])
@pytest.mark.parametrize(
    ("subject", "said", "place"),
    [
        ("hold", "a legal hold shall be lifted", "/records/holds?workspace=northwind"),
        ("retention", "a change of the retention rules", "/records/retention?workspace=northwind"),
    ],
)
def test_the_letter_to_a_second_person_leads_to_what_was_proposed(settings, kind, subject, said, place):
    ids = {"workspace": "northwind", "proposal": 1, "subject": subject}
    letter = Letter(
        1, "second_wanted", ids, 1, datetime(2026, 11, 21, tzinfo=UTC), "Cem", "c@x.example", "North", "UTC"
    )
    text = render(settings, letter, kind)
    assert said in text and place in text
