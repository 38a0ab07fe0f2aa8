"""A legal hold keeps what meets all that it names, from one person's word until two lift it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from factories import HOST, a_post, a_workspace
from sqlalchemy import create_engine, select, update

from approval import clock
from approval.audit.models import Entry
from approval.audit.queries.replaying import replay
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, IllegalStep, Invalid, NotFound, OwnWords
from approval.people.models import Notice, Person
from approval.people.services import closing, second
from approval.records import jobs, queries, services
from approval.records.keeping import Criteria, Outcome, covers
from approval.records.models import Hold
from approval.records.queries.keeping import post_records
from approval.records.services import holding


@pytest.fixture(autouse=True)
def in_one_beat(monkeypatch):
    """A beat reckons for a second and the next goes on: here one is enough, however slow the machine."""
    monkeypatch.setattr(jobs, "SPAN", 60.0)


def place(firm, *, by=None, matter="Case 12", reason="A letter before action.", **named):
    with transaction() as session:
        criteria = Criteria(**(named or {"post": 1}))
        by = by or firm.compliance
        return services.place_hold(session, firm.workspace, matter=matter, reason=reason, criteria=criteria, by=by).id


def ask(firm, id_, *, by=None, reason="The matter is settled."):
    with transaction() as session:
        services.propose_lift(session, id_, by=by or firm.compliance, reason=reason)


def answer(firm, id_, *, by=None, accept=True):
    with transaction() as session:
        services.second_lift(session, id_, by=by or firm.other_compliance, accept=accept)


def facts(id_):
    with reading() as session:
        return queries.hold(session, id_)


def held(post):
    with reading() as session:
        found = queries.keeping_of(session, post)
    assert (found.fate.outcome is Outcome.HELD) is bool(found.holds)
    return [hold.id for hold in found.holds]


def today():
    with reading() as session:
        return clock.wall_time(clock.now(session), "Europe/Zurich").date()


# -- placing --------------------------------------------------------------------------------------------------------


def test_a_hold_counts_from_the_moment_it_is_placed(firm):
    assert held(1) == []
    id_ = place(firm, post=1)
    assert held(1) == [id_] and held(2) == []
    with reading() as session:
        entry = session.scalars(select(Entry).where(Entry.kind == "hold.placed")).one()
        assert (entry.post, entry.actor) == (1, firm.compliance.id)
        assert b"Case 12" not in entry.body and b"letter" not in entry.body, "matter and reason are commitments"
        assert list(replay(session, firm.workspace)) == []


def named(firm, what):
    return {
        "person": {"person": firm.reviewer.id},
        "author": {"person": firm.marketer.id},
        "product": {"product": "savings"},
        "today": {"first_day": today(), "last_day": today()},
        "before": {"last_day": today() - timedelta(days=2)},
        "after": {"first_day": today() + timedelta(days=2)},
        "person and product": {"person": firm.reviewer.id, "product": "savings"},
    }[what]


@pytest.mark.parametrize(
    ("what", "covered"),
    [
        ("person", {1, 2}),
        ("author", {1, 2, 3, 4}),
        ("product", {4}),
        ("today", {1, 2, 3, 4}),
        ("before", set()),
        # It was published, so it may be seen until it is taken down.
        ("after", {1}),
        ("person and product", set()),
    ],
)
def test_a_hold_covers_by_who_acted_by_product_and_by_period(firm, settings, what, covered):
    """Posts 1 to 3 are of the firm: one decided on and published, one commented by the reviewer, one in review."""
    with transaction() as session:
        assert a_post(session, firm, product="savings").id == 4
    id_ = place(firm, **named(firm, what))
    assert {post for post in (1, 2, 3, 4) if held(post)} == covered
    jobs.reckon_due(settings, "w")
    with reading() as session:
        assert set(queries.covered_posts(session, id_, before=None, limit=9)) == covered
        assert queries.counts(session, [queries.hold(session, id_)]) == {id_: len(covered)}


def test_a_post_that_meets_it_later_is_covered_from_then_on(firm, settings):
    id_ = place(firm, product="savings")
    jobs.reckon_due(settings, "w")
    with transaction() as session:
        post = a_post(session, firm, product="savings").id
    assert held(post) == [id_]
    jobs.reckon_due(settings, "w")
    with reading() as session:
        assert queries.covered_posts(session, id_, before=None, limit=9) == [post]


def test_placing_a_hold_is_nothing_done_to_a_post(firm):
    """Else the hold itself would count as the last thing that happened to it, and its placer as somebody who acted."""
    with reading() as session:
        (before,) = post_records(session, firm.workspace, [2])
    place(firm, post=2)
    with reading() as session:
        assert post_records(session, firm.workspace, [2]) == [before]
    assert not covers(Criteria(person=firm.compliance.id), before.life)


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"post": None}, ""),
        ({"post": 99}, "post"),
        ({"product": "moon-bond"}, "product"),
        ({"first_day": date(2026, 2, 1), "last_day": date(2026, 1, 1)}, "to"),
        ({"post": 1, "matter": " "}, "matter"),
        ({"post": 1, "matter": "x" * 121}, "matter"),
        ({"post": 1, "reason": ""}, "reason"),
        ({"post": 1, "reason": "x" * 2001}, "reason"),
    ],
)
def test_a_hold_that_means_nothing_is_not_placed(firm_on_sqlite, given, where):
    with pytest.raises(Invalid) as refused:
        place(firm_on_sqlite, **given)
    assert [problem.where for problem in refused.value.problems] == [where]


def test_control_without_the_guard_it_would_be(firm_on_sqlite, monkeypatch):
    monkeypatch.setattr(holding, "ensure_meant", lambda *_: None)
    assert place(firm_on_sqlite, product="moon-bond")


def test_a_post_of_another_workspace_is_not_held_from_here(firm_on_sqlite, keys):
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
    with pytest.raises(CapabilityMissing), transaction() as session:
        services.place_hold(
            session, "southwind", matter="M", reason="R", criteria=Criteria(post=1), by=firm_on_sqlite.compliance
        )
    with pytest.raises(Invalid), transaction() as session:
        holding.ensure_meant(session, "southwind", Criteria(post=1))


def test_only_so_many_stand_as_every_post_can_be_asked_about(firm_on_sqlite, monkeypatch):
    firm = firm_on_sqlite
    monkeypatch.setattr(holding, "MOST_ACTIVE", 2)
    first, _ = place(firm), place(firm)
    with pytest.raises(Conflict, match="2 legal holds"):
        place(firm)
    ask(firm, first)
    answer(firm, first)
    assert place(firm), "a lifted one makes room"


# -- who ------------------------------------------------------------------------------------------------------------


def test_only_who_holds_the_capability_places_and_lifts(firm_on_sqlite):
    firm = firm_on_sqlite
    id_ = place(firm, by=firm.administrator)
    for person in (firm.marketer, firm.reviewer, firm.publisher, firm.examiner):
        with pytest.raises(CapabilityMissing):
            place(firm, by=person)
        with pytest.raises(CapabilityMissing):
            ask(firm, id_, by=person)
    ask(firm, id_)
    for person in (firm.marketer, firm.examiner):
        with pytest.raises(CapabilityMissing):
            answer(firm, id_, by=person)


def test_control_without_the_guard_a_marketer_would_lift_it(firm_on_sqlite, monkeypatch):
    firm = firm_on_sqlite
    id_ = place(firm)
    ask(firm, id_)
    monkeypatch.setattr(holding, "ensure_may", lambda *_: None)
    monkeypatch.setattr(second, "ensure_second", lambda *_: None)
    answer(firm, id_, by=firm.marketer)
    assert not facts(id_).stands


# -- lifting --------------------------------------------------------------------------------------------------------


def test_two_people_lift_a_hold(firm):
    id_ = place(firm)
    ask(firm, id_)
    assert facts(id_).waits and held(1) == [id_]
    with reading() as session:
        told = set(session.scalars(select(Notice.person).where(Notice.kind == "second_wanted")))
    assert told == {firm.other_compliance.id, firm.administrator.id}
    answer(firm, id_)
    assert not facts(id_).stands and held(1) == []
    with reading() as session:
        kinds = session.scalars(select(Entry.kind).where(Entry.kind.startswith("hold.")).order_by(Entry.index)).all()
        assert kinds == ["hold.placed", "hold.lift_proposed", "hold.lifted"]
        assert list(replay(session, firm.workspace)) == []


def test_who_asked_does_not_agree(firm):
    id_ = place(firm)
    ask(firm, id_)
    with pytest.raises(OwnWords):
        answer(firm, id_, by=firm.compliance)
    assert held(1) == [id_]


def test_control_without_the_guard_one_person_would_lift_it(firm_on_sqlite, monkeypatch):
    id_ = place(firm_on_sqlite)
    ask(firm_on_sqlite, id_)
    monkeypatch.setattr(second, "ensure_second", lambda *_: None)
    answer(firm_on_sqlite, id_, by=firm_on_sqlite.compliance)
    assert held(1) == []


def test_who_placed_it_may_be_one_of_the_two(firm_on_sqlite):
    firm = firm_on_sqlite
    id_ = place(firm, by=firm.compliance)
    ask(firm, id_, by=firm.other_compliance)
    answer(firm, id_, by=firm.compliance)
    assert not facts(id_).stands


def test_turned_down_it_stands_and_may_be_asked_again(firm):
    id_ = place(firm)
    ask(firm, id_)
    answer(firm, id_, accept=False)
    assert facts(id_).stands and not facts(id_).waits and held(1) == [id_]
    ask(firm, id_, by=firm.other_compliance)
    answer(firm, id_, by=firm.compliance)
    assert not facts(id_).stands


def test_one_proposal_at_a_time(firm_on_sqlite):
    id_ = place(firm_on_sqlite)
    ask(firm_on_sqlite, id_)
    with pytest.raises(Conflict, match="already"):
        ask(firm_on_sqlite, id_, by=firm_on_sqlite.other_compliance)


def test_control_without_the_guard_there_would_be_two(firm_on_sqlite, monkeypatch):
    id_ = place(firm_on_sqlite)
    ask(firm_on_sqlite, id_)
    monkeypatch.setattr(holding, "ensure_nothing_waits", lambda *_: None)
    ask(firm_on_sqlite, id_, by=firm_on_sqlite.other_compliance)


def test_nothing_is_agreed_to_that_nobody_asked_for_or_that_is_over(firm_on_sqlite):
    firm = firm_on_sqlite
    id_ = place(firm)
    with pytest.raises(IllegalStep, match="Nobody asked"):
        answer(firm, id_)
    ask(firm, id_)
    answer(firm, id_)
    for again in (ask, answer):
        with pytest.raises(IllegalStep, match="lifted already"):
            again(firm, id_)
    with pytest.raises(NotFound):
        ask(firm, 99)


def test_control_without_the_guard_a_lifted_hold_would_be_lifted_again(firm_on_sqlite, monkeypatch):
    firm = firm_on_sqlite
    id_ = place(firm)
    ask(firm, id_)
    answer(firm, id_)
    first = facts(id_).lifted_at
    monkeypatch.setattr(holding, "ensure_stands", lambda *_: None)
    ask(firm, id_)
    answer(firm, id_)
    assert facts(id_).lifted_at != first


def test_who_is_alone_lifts_alone_and_the_log_says_so(firm_on_sqlite):
    firm = firm_on_sqlite
    id_ = place(firm)
    with transaction() as session:
        for other in (firm.compliance, firm.other_compliance):
            closing.disable(session, session.get_one(Person, other.id), by=HOST)
    ask(firm, id_, by=firm.administrator)
    assert not facts(id_).stands
    with reading() as session:
        body = session.scalars(select(Entry.body).where(Entry.kind == "hold.lifted")).one()
    assert b'"alone":true' in body


def test_a_hold_is_witnessed(firm_on_sqlite, sqlite_url):
    """Control: lifted behind the program's back, the log says otherwise."""
    place(firm_on_sqlite)
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(update(Hold.__table__).values(lifted_at=None, post=2))
    engine.dispose()
    with reading() as session:
        assert [(one.table, one.column) for one in replay(session, "northwind")] == [("hold", "post")]
