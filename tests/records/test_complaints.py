"""Complaints are entered, answered and closed; what was published is used until somebody found it gone; a test of
access is due twice a year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from argon2 import PasswordHasher
from doors import Browser, give_passwords
from sqlalchemy import select

from approval import clock
from approval.app import create_app
from approval.audit.models import Entry
from approval.audit.queries.replaying import replay
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, IllegalStep, Invalid
from approval.people.services import passwords
from approval.publishing.models import Publication
from approval.records import jobs, queries, services
from approval.records.keeping import Criteria, Outcome, parse_retention
from approval.records.keeping.definition import SHIPPED, RecordClass
from approval.records.models import Finding, Keeping, Kind, Way
from approval.records.services import Told

W = {"workspace": "northwind"}


def today():
    with reading() as session:
        return clock.wall_time(clock.now(session), "Europe/Zurich").date()


def entered(firm, *, by=None, **more):
    told = Told(
        **{
            "received_on": today(),
            "way": Way.LETTER,
            "customer": "Hans Muster",
            "about": "The hours were wrong.",
            "post": 1,
            **more,
        }
    )
    with transaction() as session:
        return services.receive_complaint(session, firm.workspace, told, by=by or firm.compliance).id


def answered(firm, id_, **more):
    told = {"done": "Hours corrected.", "answer": "We are sorry.", "answered_on": today(), **more}
    with transaction() as session:
        services.answer_complaint(session, id_, by=firm.compliance, **told)


def closed(firm, id_):
    with transaction() as session:
        services.close_complaint(session, id_, by=firm.compliance, finding=Finding.UPHELD)


def facts(id_):
    with reading() as session:
        return queries.complaint(session, id_)


def keeping(id_):
    with reading() as session:
        return queries.keeping_of_complaint(session, queries.complaint(session, id_))


def taken_down(publication=1, *, by, gone=False, taken_at=None, reason="The hours were wrong."):
    with transaction() as session:
        return services.take_down(session, publication, by=by, taken_at=taken_at, reason=reason, gone=gone).id


def record(post=1):
    with reading() as session:
        return queries.keeping_of(session, post).record


# -- complaints -----------------------------------------------------------------------------------------------------


def test_a_complaint_is_entered_answered_closed_and_opened_again(firm):
    id_ = entered(firm)
    with transaction() as session, pytest.raises(IllegalStep, match="what was done"):
        services.close_complaint(session, id_, by=firm.compliance, finding=Finding.UPHELD)
    answered(firm, id_)
    closed(firm, id_)
    one = facts(id_)
    assert (one.done, one.answer, one.finding, one.open) == ("Hours corrected.", "We are sorry.", Finding.UPHELD, False)
    with transaction() as session, pytest.raises(IllegalStep, match="closed"):
        services.answer_complaint(session, id_, by=firm.compliance, done="x", answer="x", answered_on=today())
    with transaction() as session:
        services.reopen_complaint(session, id_, by=firm.compliance)
    assert facts(id_).open
    with reading() as session:
        assert queries.count_open(session, firm.workspace) == 1
        assert list(replay(session, firm.workspace)) == []


def test_the_log_names_no_customer(firm):
    answered(firm, entered(firm))
    with reading() as session:
        bodies = session.scalars(select(Entry.body).where(Entry.kind.startswith("complaint."))).all()
    assert len(bodies) == 2
    assert not any(word in body for body in bodies for word in (b"Hans", b"hours", b"sorry"))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"customer": " "}, "customer"),
        ({"about": ""}, "about"),
        ({"post": 77}, "post"),
        ({"product": "moon-bond"}, "product"),
        ({"received_on": date(2099, 1, 1)}, "received_on"),
        ({"about": "a\x00"}, "about"),
    ],
)
def test_what_is_wrong_with_a_complaint_is_said_where_it_stands(firm_on_sqlite, changes, where):
    with pytest.raises(Invalid) as refused:
        entered(firm_on_sqlite, **changes)
    assert refused.value.problems[0].where == where


def test_nobody_is_answered_before_they_complained(firm_on_sqlite):
    id_ = entered(firm_on_sqlite)
    with pytest.raises(Invalid, match="not answered before"):
        answered(firm_on_sqlite, id_, answered_on=today() - timedelta(days=1))


def test_only_who_keeps_records_keeps_complaints(firm_on_sqlite):
    for nobody in (firm_on_sqlite.examiner, firm_on_sqlite.marketer, firm_on_sqlite.publisher):
        with pytest.raises(CapabilityMissing):
            entered(firm_on_sqlite, by=nobody)


def test_a_complaint_is_in_use_while_it_is_open_and_counts_from_its_end(firm, settings, monkeypatch):
    monkeypatch.setattr(jobs, "SPAN", 60.0)
    id_ = entered(firm)
    assert keeping(id_).kept.in_use
    answered(firm, id_)
    closed(firm, id_)
    until = today().replace(year=today().year + 6)
    assert keeping(id_).kept.until == until
    jobs.reckon_due(settings, "w")
    with reading() as session:
        row = session.scalars(select(Keeping).where(Keeping.kind == Kind.COMPLAINT)).one()
        assert (row.record, row.until, row.rule) == (id_, until, "complaint-otherwise")


def test_a_hold_covers_a_complaint_about_what_it_names(firm_on_sqlite):
    firm = firm_on_sqlite
    id_, other = entered(firm), entered(firm, post=2)
    with transaction() as session:
        services.place_hold(session, "northwind", matter="m", reason="r", criteria=Criteria(post=1), by=firm.compliance)
    assert keeping(id_).fate.outcome is Outcome.HELD
    assert keeping(other).fate.outcome is Outcome.RETAINED


def test_the_complaint_of_a_broker_is_kept_four_years_by_the_rule_that_says_so():
    (rule,) = (rule for rule in parse_retention(SHIPPED).rules if rule.id == "us-bd-complaint")
    assert (rule.years, "4513" in rule.citation, rule.confirm) == (4, True, True)


def test_rules_written_before_there_were_complaints_are_read_with_the_shipped_ones_for_them():
    before = SHIPPED.partition('\n[[rules]]\nid = "us-bd-complaint"')[0]
    assert RecordClass.COMPLAINT not in before and len(before) < len(SHIPPED)
    assert parse_retention(before) == parse_retention(SHIPPED)


# -- take-downs -----------------------------------------------------------------------------------------------------


def test_use_ends_when_somebody_found_it_gone_not_when_somebody_said_so(firm):
    published = record()
    assert published.last_use == published.first_use and published.life.last_day is None
    id_ = taken_down(by=firm.publisher)
    assert record().last_use == published.last_use and not record().taken_down, "nobody looked yet"
    with transaction() as session:
        services.confirm_gone(session, id_, by=firm.compliance)
    after = record()
    assert after.taken_down and after.last_use == after.uses[0].gone_at > published.last_use
    assert after.life.last_day == today()
    assert (after.uses[0].taken_by_name, after.uses[0].confirmed_by_name) == ("Paula", "Carla")
    with reading() as session:
        assert list(replay(session, firm.workspace)) == []


def test_whoever_takes_it_down_may_have_looked(firm_on_sqlite):
    taken_down(by=firm_on_sqlite.publisher, gone=True)
    assert record().taken_down
    with reading() as session:
        kinds = session.scalars(select(Entry.kind).where(Entry.kind.startswith("take_down.")).order_by(Entry.index))
        assert kinds.all() == ["take_down.recorded", "take_down.confirmed"]
        story = queries.case_file(session, 1).story
    assert [moment.title for moment in story][-2:] == ["Taken down from news", "Found gone from news"]


def test_the_years_count_from_the_day_it_was_gone(firm_on_sqlite, monkeypatch):
    taken_down(by=firm_on_sqlite.publisher, gone=True)
    with transaction() as session:
        gone = session.get_one(Publication, 1).published_at + timedelta(days=400)
    uses = tuple(replace(use, gone_at=gone) for use in record().uses)
    monkeypatch.setattr("approval.records.queries.keeping.uses_of", lambda *_: {1: uses})
    with reading() as session:
        kept = queries.keeping_of(session, 1).kept
    communication = next(reason for reason in kept.reasons if reason.rule.of is RecordClass.COMMUNICATION)
    assert communication.begins == clock.wall_time(gone, "Europe/Zurich").date()


def test_what_is_not_out_or_down_already_is_not_taken_down(firm_on_sqlite):
    firm = firm_on_sqlite
    with pytest.raises(Invalid, match="why"):
        taken_down(by=firm.publisher, reason=" ")
    with reading() as session:
        before = session.get_one(Publication, 1).published_at - timedelta(minutes=1)
    with pytest.raises(Invalid, match="after it was published"):
        taken_down(by=firm.publisher, taken_at=before)
    with pytest.raises(CapabilityMissing):
        taken_down(by=firm.marketer)
    id_ = taken_down(by=firm.publisher)
    with pytest.raises(Conflict, match="already"):
        taken_down(by=firm.publisher)
    with transaction() as session, pytest.raises(CapabilityMissing):
        services.confirm_gone(session, id_, by=firm.examiner)
    with transaction() as session:
        services.confirm_gone(session, id_, by=firm.publisher)
    with transaction() as session, pytest.raises(IllegalStep):
        services.confirm_gone(session, id_, by=firm.publisher)


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


TYPED = {
    **W,
    "received_on": "2026-11-01",
    "way": "e-mail",
    "customer": "Hans <b>",
    "about": "The hours were wrong.",
    "post": "1",
    "product": "",
}


def test_a_complaint_goes_its_way_in_the_browser_and_stands_in_the_case_file(signed):
    carla = signed("carla")
    assert "No complaint is open" in carla.get("/records/complaints").text
    refused = carla.post("/records/complaints", {**TYPED, "customer": "", "post": "77"}, page="/records/complaints/new")
    assert (
        refused.status_code == 422 and "Name who complains" in refused.text and "The hours were wrong." in refused.text
    )
    address = carla.post("/records/complaints", TYPED, page="/records/complaints/new").location
    page = carla.get(address).text
    assert "Hans &lt;b&gt;" in page and "Waits for an answer" in page and "Opening hours" in page
    assert "Hans &lt;b&gt;" in carla.get("/records/complaints").text
    assert "Complaint received" in carla.get("/records/posts/1").text and address in carla.get("/records/posts/1").text
    told = {"done": "Corrected.", "answer": "Sorry.", "answered_on": "2026-10-01"}
    assert "not answered before" in carla.post(f"{address}/answer", told, page=address).text
    told["answered_on"] = today().isoformat()
    assert carla.post(f"{address}/answer", told, page=address).status_code == 302
    assert carla.post(f"{address}/close", {"finding": "nonsense"}, page=address).status_code == 422
    assert carla.post(f"{address}/close", {"finding": "upheld"}, page=address).status_code == 302
    assert "No complaint is open" in carla.get("/records/complaints").text
    assert "Upheld" in carla.get("/records/complaints?state=closed").text
    emil = signed("emil")
    assert emil.get(address).status_code == 200 and "Open it again" not in emil.get(address).text
    assert emil.post(f"{address}/reopen", page=address).status_code == 403
    assert signed("maria").get(address).status_code == 403
    assert carla.post(f"{address}/reopen", page=address).status_code == 302


def test_a_take_down_is_recorded_and_confirmed_in_the_browser(signed):
    paula = signed("paula")
    assert "/records/posts/1/use" in paula.get("/posts/1").text
    place, use = "/records/publications/1/take-down", "/records/posts/1/use"
    assert "Say why" in paula.post(place, {"reason": ""}, page=use).text
    assert "after it was published" in paula.post(place, {"reason": "x", "taken_at": "2020-01-01T10:00"}, page=use).text
    assert paula.post(place, {"reason": "Wrong <hours>."}, page=use).status_code == 302
    assert "Taken down, not looked at" in paula.get(use).text and "Wrong &lt;hours&gt;." in paula.get(use).text
    assert "nobody confirmed that it is gone" in paula.get("/posts/1").text
    assert paula.post("/records/take-downs/1/gone", page=use).status_code == 302
    assert "its use ended" in paula.get(use).text
    assert "found gone from every channel" in paula.get("/posts/1").text
    assert signed("maria").post("/records/take-downs/1/gone", page="/account").status_code == 403
    assert "never published" in signed("maria").get("/records/posts/2/use").text
