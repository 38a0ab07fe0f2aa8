"""Letters are written from the running installation, promise nothing, and say no where the answer is no."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest
from argon2 import PasswordHasher
from doors import Browser, give_passwords

from approval import clock
from approval.app import create_app
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Invalid
from approval.people.services import passwords
from approval.records import jobs, queries, services
from approval.records.queries import Filters
from approval.records.queries.configuration import Reply, configuration, points
from approval.records.services.letters import COUNSEL, KINDS, as_text, letter


def told(settings):
    with reading() as session:
        return configuration(session, "northwind", settings)


def answers(settings):
    return {point.source + point.asks: point.reply for point in points(told(settings))}


def reply(settings, words):
    (found,) = (point.reply for point in points(told(settings)) if words in point.asks)
    return found


@pytest.fixture
def an_export(firm_on_sqlite, settings):
    with transaction() as session:
        asked = services.ask_export(
            session,
            workspace="northwind",
            first_day=clock.wall_time(clock.now(session), "UTC").date(),
            last_day=clock.wall_time(clock.now(session), "UTC").date(),
            filters=Filters(),
            by=firm_on_sqlite.compliance,
        )
        id_ = asked.id
    jobs.write_due(settings, "w")
    return id_


def rehearsed(firm, export, *, by=None, verified=True, person="Iris Officer", note="With verify.py, on a laptop."):
    with transaction() as session:
        by = by or firm.compliance
        return services.note_access(
            session, "northwind", export=export, person=person, verified=verified, note=note, by=by
        ).id


# -- the report -----------------------------------------------------------------------------------------------------


def test_every_point_has_a_plain_answer_a_value_and_a_source(firm, settings):
    found = points(told(settings))
    assert len(found) >= 15
    assert all(point.asks and point.value and point.source and point.reply in Reply for point in found)


def test_keys_beside_the_database_are_answered_no_and_keys_apart_yes(firm_on_sqlite, settings, tmp_path):
    assert reply(settings, "keys and records lie apart") is Reply.NO
    apart = replace(settings, keys=tmp_path.parent / "elsewhere")
    assert reply(apart, "keys and records lie apart") is Reply.YES


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"separate_sealer": True}, "cannot sign"),
        ({"timestamp_url": "https://time.example/tsr"}, "Moving the clock"),
        ({"base_url": "https://approval.example"}, "over https"),
    ],
)
def test_a_point_turns_with_its_setting(firm_on_sqlite, settings, changes, words):
    assert reply(settings, words) is Reply.NO
    assert reply(replace(settings, **changes), words) is Reply.YES


def test_what_cannot_be_asked_of_an_embedded_database_is_not_applicable(firm_on_sqlite, settings):
    assert reply(settings, "does not own the tables") is Reply.NOT_APPLICABLE


def test_no_answer_is_yes_because_a_setting_is_there_but_nothing_came_of_it(firm_on_sqlite, settings):
    timed = replace(settings, timestamp_url="https://time.example/tsr")
    assert reply(timed, "attested from outside") is Reply.NO, "no token was obtained yet"
    assert reply(settings, "verified when it is written") is Reply.NO, "nothing was verified yet"


# -- the letters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_is_the_firms_own_and_counsel_confirms_it(firm_on_sqlite, settings, kind):
    text = as_text(letter(kind, told(settings)))
    with reading() as session:
        vkey = queries_head(session).vkey
    assert "Northwind" in text and vkey in text
    assert "to be confirmed by counsel" in " ".join(COUNSEL.split()) and "to be confirmed by" in text
    assert str(settings.data) not in text, "no path of the machine"
    assert all(len(line) <= 96 for line in text.splitlines() if vkey not in line and "SHA-256" not in line)


def queries_head(session):
    from approval.audit.queries.entries import head

    return head(session, "northwind")


@pytest.mark.parametrize("kind", ["officer", "third-party"])
def test_an_undertaking_leaves_room_for_who_signs_it(firm_on_sqlite, settings, kind):
    text = as_text(letter(kind, told(settings)))
    for blank in ("Regulator and address", "Name of the undersigned", "Place and date", "Signature"):
        assert re.search(rf"{blank}:\n\n_+", text), blank
    assert ("the firm cannot end unseen" in " ".join(text.split())) is (kind == "third-party")


# -- tests of access ------------------------------------------------------------------------------------------------


def test_a_test_of_access_is_due_half_a_year_after_the_last_that_verified(firm_on_sqlite, settings, an_export):
    with reading() as session:
        first = queries.access_standing(session, "northwind")
    assert first.last is None and not first.late
    rehearsed(firm_on_sqlite, an_export, verified=False)
    with reading() as session:
        assert queries.access_standing(session, "northwind") == first, "what did not verify is no proof"
    rehearsed(firm_on_sqlite, an_export)
    with reading() as session:
        after = queries.access_standing(session, "northwind")
        assert after.last is not None and after.due == after.last + timedelta(days=183)
    assert reply(settings, "last six months") is Reply.YES


def test_it_is_late_when_half_a_year_has_passed(firm_on_sqlite, monkeypatch):
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda session: now(session) + timedelta(days=184))
    with reading() as session:
        assert queries.access_standing(session, "northwind").late


def test_a_test_names_an_export_that_was_written_and_whoever_made_it(firm_on_sqlite, an_export):
    for wrong in ({"export": 99}, {"export": an_export, "person": " "}, {"export": an_export, "note": ""}):
        with pytest.raises(Invalid):
            rehearsed(firm_on_sqlite, **wrong)
    with pytest.raises(CapabilityMissing):
        rehearsed(firm_on_sqlite, an_export, by=firm_on_sqlite.examiner)


# -- in the browser -------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(firm_on_sqlite, sqlite_url, settings, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    give_passwords()
    app = create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))

    def sign(name):
        browser = Browser(app.test_client())
        assert browser.sign_in(f"{name}@northwind.example").status_code == 302
        return browser

    return sign


def test_letters_are_shown_and_fetched_by_who_may_export(signed):
    emil, maria = signed("emil"), signed("maria")
    assert maria.get("/records/letters").status_code == 403
    for kind, (title, _) in KINDS.items():
        assert title in emil.get("/records/letters").text
        assert "to be confirmed by counsel" in emil.get(f"/records/letters/{kind}").text
        text = emil.get(f"/records/letters/{kind}.txt")
        assert text.mimetype == "text/plain" and title.upper() in text.text
    assert emil.get("/records/letters/nonsense").status_code == 404
    assert "No" in emil.get("/records/letters/configuration").text


def test_a_test_of_access_is_recorded_in_the_browser_and_a_late_one_is_shown(signed, an_export, monkeypatch):
    carla = signed("carla")
    typed = {
        "workspace": "northwind",
        "export": str(an_export),
        "person": "Iris <i>",
        "verified": "yes",
        "note": "Here.",
    }
    assert carla.post("/records/access-tests", {**typed, "note": ""}, page="/records/letters").status_code == 422
    assert carla.post("/records/access-tests", {**typed, "export": "99"}, page="/records/letters").status_code == 422
    assert carla.post("/records/access-tests", typed, page="/records/letters").status_code == 302
    page = carla.get("/records/letters").text
    assert "Iris &lt;i&gt;" in page and "Verified" in page and "is late" not in page
    # The package has a query of the same name, so the module is asked for by its own.
    module = import_module("approval.records.queries.complaints")
    monkeypatch.setattr(module, "HALF_A_YEAR", timedelta(days=-1))
    assert "A test of access is late" in carla.get("/records/letters").text
    assert "A test of access is late" in carla.get("/records").text
