"""The calendar follows the log: what it says of a record is soon what the record's own page says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from factories import a_firm, a_post, a_workspace, an_approved_post, put_in_force
from sqlalchemy import create_engine, insert, select, update

from approval import clock
from approval.db import reading, transaction
from approval.people.models import Proposal
from approval.posts.models import Post
from approval.publishing import services as publishing
from approval.publishing.jobs import publish_due
from approval.records import jobs, queries, services
from approval.records.keeping import SHIPPED, Criteria, covers
from approval.records.models import Covered, Keeping, Kind, Reckoning
from approval.records.queries import due, reckoning
from approval.records.queries.keeping import acts, post_records
from approval.review import services as review
from approval.review.flow import Asked, Stage, Who

STAGE = Stage("peer", "Peer", Who(Asked.ROLE, "reviewer"))


@pytest.fixture(autouse=True)
def in_one_beat(monkeypatch):
    """A beat reckons for a second and the next goes on: here one is enough, however slow the machine."""
    monkeypatch.setattr(jobs, "SPAN", 60.0)


def reckon(settings):
    jobs.reckon_due(settings, "w")


def stored(kind=Kind.POST):
    with reading() as session:
        rows = session.execute(select(Keeping.record, Keeping.until, Keeping.rule).where(Keeping.kind == kind))
        return {record: (until, rule) for record, until, rule in rows}


def recomputed(firm):
    with reading() as session:
        ids = session.scalars(select(Post.id).where(Post.workspace == firm.workspace)).all()
        found = queries.keeping_of_posts(session, firm.workspace, ids)
    return {post: (one.kept.until, one.kept.reasons[0].rule.id) for post, one in found.items()}


def truly_covered(firm):
    with reading() as session:
        records = post_records(session, firm.workspace, session.scalars(select(Post.id)).all())
        holds = queries.active_holds(session, firm.workspace)
        return {(hold.id, r.post) for hold in holds for r in records if covers(hold.criteria, r.life)}


def stored_covered():
    with reading() as session:
        return {(hold, post) for hold, post in session.execute(select(Covered.hold, Covered.post))}


def hold(firm, **named):
    with transaction() as session:
        services.place_hold(
            session, firm.workspace, matter="M", reason="R", criteria=Criteria(**named), by=firm.compliance
        )


def test_every_post_has_the_date_that_its_facts_give(firm, settings):
    reckon(settings)
    assert stored() == recomputed(firm) and set(stored()) == {1, 2, 3}
    assert stored()[3][0] is None, "a post in review is in use"


def test_what_happens_to_a_post_moves_its_date(firm, settings):
    reckon(settings)
    with transaction() as session:
        publishing.publish_now(session, an_approved_post(session, firm, product="savings"), by=firm.publisher)
    reckon(settings)
    assert stored()[4][0] is None
    publish_due(settings, "test")
    before = stored()
    reckon(settings)
    assert stored() == recomputed(firm) != before
    assert stored()[4][1] == "decision-otherwise"


def test_control_without_the_log_the_date_would_stay(firm_on_sqlite, settings, monkeypatch):
    reckon(settings)
    monkeypatch.setattr(reckoning, "_news", lambda *_: None)
    with transaction() as session:
        a_post(session, firm_on_sqlite)
    reckon(settings)
    assert stored() != recomputed(firm_on_sqlite)


def test_new_rules_go_through_every_post(firm, settings, monkeypatch):
    monkeypatch.setattr(reckoning, "BATCH", 1)
    reckon(settings)
    with transaction() as session:
        source = SHIPPED.replace("years = 6", "years = 30")
        services.propose_retention(session, firm.workspace, source, by=firm.compliance, reason="Longer.")
    reckon(settings)
    assert {until.year - clock.host_date().year for until, _ in stored().values() if until} == {6}
    with transaction() as session:
        waiting = session.scalars(select(Proposal).where(Proposal.decided_at.is_(None))).one()
        services.second_retention(session, waiting, by=firm.other_compliance, accept=True)
    reckon(settings)
    assert {until.year - clock.host_date().year for until, _ in stored().values() if until} == {30}
    assert stored() == recomputed(firm)


def test_a_hold_goes_through_every_post_and_follows_each(firm, settings, monkeypatch):
    monkeypatch.setattr(reckoning, "BATCH", 2)
    reckon(settings)
    hold(firm, person=firm.reviewer.id)
    hold(firm, product="savings")
    with reading() as session:
        assert queries.is_counting(session, firm.workspace), "the worker has not seen them"
    with transaction() as session:
        a_post(session, firm, product="savings")
    reckon(settings)
    with reading() as session:
        assert not queries.is_counting(session, firm.workspace)
    assert stored_covered() == truly_covered(firm) == {(1, 1), (1, 2), (2, 4)}


def test_while_posts_are_gone_through_the_page_can_say_so(firm_on_sqlite, settings, monkeypatch):
    with reading() as session:
        assert queries.is_counting(session, "northwind"), "nothing was reckoned yet"
    monkeypatch.setattr(reckoning, "BATCH", 1)
    monkeypatch.setattr(jobs, "SPAN", 0.0)
    reckon(settings)
    with reading() as session:
        assert queries.is_counting(session, "northwind")
    monkeypatch.setattr(jobs, "SPAN", 60.0)
    reckon(settings)
    with reading() as session:
        assert not queries.is_counting(session, "northwind")


def test_a_step_that_another_worker_took_is_dropped(firm, settings):
    reckon(settings)
    with transaction() as session:
        a_post(session, firm)
    with reading() as session:
        step = queries.next_step(session, firm.workspace)
    stale = replace(step, posts=tuple(replace(one, until=date(1999, 1, 1)) for one in step.posts))
    with transaction() as session:
        assert services.follow(session, step)
    with transaction() as session:
        assert not services.follow(session, stale)
    assert stored() == recomputed(firm)


def test_procedures_end_when_they_are_replaced_and_nothing_is_left_under_them(firm, settings):
    reckon(settings)
    assert stored(Kind.WORKFLOW) == {1: (None, "procedure-otherwise")}, "in force"
    with transaction() as session:
        put_in_force(session, firm, STAGE)
    reckon(settings)
    assert stored(Kind.WORKFLOW)[1][0] is None, "post 3 is in review under it"
    with transaction() as session:
        review.withdraw(session, session.get_one(Post, 3), by=firm.marketer, reason="No longer true.")
    with transaction() as session:
        session.execute(update(Reckoning).values(others_at=clock.now(session) - timedelta(days=2)))
    reckon(settings)
    with reading() as session:
        today = clock.wall_time(clock.now(session), "Europe/Zurich").date()
    assert stored(Kind.WORKFLOW)[1][0] == date(today.year + 6, today.month, today.day)
    assert stored(Kind.WORKFLOW)[2][0] is None
    assert set(stored(Kind.RULES)) == {1} and set(stored(Kind.RETENTION)) == {1}


def test_exports_are_kept_from_the_day_they_were_written(firm, settings):
    with transaction() as session:
        services.ask_export(
            session,
            workspace=firm.workspace,
            first_day=date(2020, 1, 1),
            last_day=date(2020, 1, 2),
            filters=queries.Filters(),
            by=firm.examiner,
        )
    reckon(settings)
    assert stored(Kind.EXPORT)[1][1] == "report-otherwise"


def test_each_workspace_is_reckoned_by_its_own_log(firm_on_sqlite, keys, settings):
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
    reckon(settings)
    with reading() as session:
        assert set(session.scalars(select(Reckoning.workspace))) == {"northwind", "southwind"}
        assert set(session.scalars(select(Keeping.workspace).where(Keeping.kind == Kind.POST))) == {"northwind"}


def test_what_was_done_to_a_post_is_found_by_the_post(firm_on_sqlite, sqlite_url):
    """Else the whole log would be read for the page of each post."""
    engine = create_engine(sqlite_url)
    text = acts("northwind", [3]).compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all())
    engine.dispose()
    assert "INDEX ix_entry_log_post_index (log=? AND post=?)" in plan


# -- the calendar ---------------------------------------------------------------------------------------------------

TODAY = date(2028, 2, 29)


@pytest.fixture
def calendar(sqlite, keys):
    firm = a_firm(keys)
    ends = (TODAY - timedelta(days=400), TODAY - timedelta(days=1), TODAY, date(2028, 3, 1), date(2029, 1, 31))
    ends = (*ends, date(2029, 2, 1), None)
    with transaction() as session:
        session.execute(
            insert(Keeping),
            [
                {"workspace": "northwind", "kind": Kind.POST, "record": n, "until": end, "rule": "r"}
                for n, end in enumerate(ends, start=1)
            ],
        )
    return firm


def test_a_record_stands_in_the_month_of_its_last_day_and_past_it_is_overdue(calendar):
    with reading() as session:
        found = queries.months(session, "northwind", TODAY)
        listed = {
            m.key: [e.record for e in queries.endings(session, "northwind", m, after=None, limit=9)] for m in found
        }
    assert [m.key for m in found][:3] == ["overdue", "2028-02", "2028-03"] and len(found) == 13
    assert {key: records for key, records in listed.items() if records} == {
        "overdue": [1, 2],
        "2028-02": [3],
        "2028-03": [4],
        "2029-01": [5],
    }
    assert [m.count for m in found] == [len(listed[m.key]) for m in found]


def test_a_month_is_read_page_by_page_and_counted_to_a_bound(calendar, monkeypatch):
    monkeypatch.setattr(due, "MOST_COUNTED", 1)
    with reading() as session:
        overdue = queries.months(session, "northwind", TODAY)[0]
        (first,) = queries.endings(session, "northwind", overdue, after=None, limit=1)
        rest = queries.endings(session, "northwind", overdue, after=(first.until, first.kind, first.record), limit=9)
    assert overdue.count == 1
    assert [one.record for one in (first, *rest)] == [1, 2]
