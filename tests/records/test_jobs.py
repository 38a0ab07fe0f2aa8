"""Exports that were asked for: written once, by whoever holds them, and told."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import insert, select, update

from approval import clock
from approval.audit.models import Entry
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, Invalid
from approval.people.models import Notice
from approval.publishing.models import Heartbeat
from approval.records import jobs, queries, services, verify as verifier
from approval.records.models import Export, ExportState
from approval.records.queries import Filters
from approval.records.queries.exports import ABANDONED
from approval.records.services import asking

DAYS = {"first_day": dt.date(2020, 1, 1), "last_day": dt.date(2099, 12, 31)}


def ask(firm, *, by=None, **changes):
    with transaction() as session:
        given = {"workspace": firm.workspace, **DAYS, "filters": Filters(), **changes}
        return services.ask_export(session, **given, by=by or firm.examiner).id


def facts(id_):
    with reading() as session:
        return queries.export(session, id_)


def kinds():
    with reading() as session:
        return session.scalars(
            select(Entry.kind).where(Entry.kind.startswith("export.")).order_by(Entry.log, Entry.index)
        ).all()


def begin(worker):
    with transaction() as session:
        return services.begin_next(session, worker)


def later(monkeypatch, duration):
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda session: real(session) + duration)


def alive(worker):
    with transaction() as session:
        session.execute(insert(Heartbeat).values(worker=worker, at=clock.now(session)))


def test_an_export_that_was_asked_for_is_written_recorded_and_told(firm, settings, vkey):
    id_ = ask(firm, filters=Filters(people=("Ruth@northwind.example",)))
    assert facts(id_).state is ExportState.WAITING
    jobs.write_due(settings, "w1")

    ready = facts(id_)
    path = queries.archive_of(settings.data, id_)
    assert ready.ready and ready.size == path.stat().st_size
    assert ready.filters == {"people": [firm.reviewer.id]}
    assert verifier.verify(str(path), vkey()).holds
    assert kinds() == ["export.asked", "export.begun", "export.made"]
    with reading() as session:
        notice = session.scalars(select(Notice).where(Notice.kind == "export_ready")).one()
    assert (notice.person, notice.ids) == (firm.examiner.id, {"export": id_, "state": "ready"})
    assert sorted(file.name for file in path.parent.iterdir()) == [f"{id_}.zip", f"{id_}.zip.note"]


def test_nothing_is_written_where_nothing_waits(firm_on_sqlite, settings):
    jobs.write_due(settings, "w1")
    assert kinds() == []


def test_an_export_is_taken_up_by_one_worker(firm):
    ask(firm)
    assert begin("w1") is not None
    assert begin("w2") is None


def test_a_dead_workers_export_is_resumed_after_ten_minutes_and_a_living_ones_never(firm, monkeypatch):
    ask(firm)
    assert begin("w1") is not None
    later(monkeypatch, ABANDONED - dt.timedelta(minutes=1))
    assert begin("w2") is None
    later(monkeypatch, dt.timedelta(minutes=2))
    alive("w1")
    assert begin("w2") is None
    with transaction() as session:
        session.execute(update(Heartbeat).values(at=clock.now(session) - dt.timedelta(minutes=5)))
    assert begin("w2") is not None


def test_a_worker_whose_export_was_taken_up_by_another_changes_nothing(firm_on_sqlite, settings, monkeypatch):
    id_ = ask(firm_on_sqlite)
    late = begin("w1")
    later(monkeypatch, ABANDONED + dt.timedelta(minutes=1))
    jobs.write_due(settings, "w2")
    before = facts(id_)
    assert before.ready
    with pytest.raises(Conflict), transaction() as session:
        services.finish(session, late, services.Written(b"0" * 32, 1, 1))
    jobs._write(settings, late)
    assert facts(id_) == before
    assert not list(queries.archive_of(settings.data, id_).parent.glob(".*"))


def test_a_failure_is_told_without_paths_and_leaves_no_file(firm_on_sqlite, settings, monkeypatch):
    id_ = ask(firm_on_sqlite)

    def fail(**_given):
        raise OSError(28, "No space left on device", "/secret/place")

    monkeypatch.setattr(services, "draft_export", fail)
    jobs.write_due(settings, "w1")
    failed = facts(id_)
    assert failed.state is ExportState.FAILED
    assert "No space left on device" in failed.problem and "/secret" not in failed.problem
    assert kinds() == ["export.asked", "export.begun", "export.failed"]
    jobs.write_due(settings, "w1")
    assert facts(id_) == failed


def test_without_the_capability_nobody_asks(firm_on_sqlite):
    for actor in (firm_on_sqlite.marketer, firm_on_sqlite.reviewer, firm_on_sqlite.publisher):
        with pytest.raises(CapabilityMissing):
            ask(firm_on_sqlite, by=actor)
    for actor in (firm_on_sqlite.examiner, firm_on_sqlite.compliance, firm_on_sqlite.administrator):
        assert ask(firm_on_sqlite, by=actor)


@pytest.mark.parametrize(
    "changes", [{"filters": Filters(posts=(404,))}, {"last_day": dt.date(2019, 1, 1)}, {"first_day": dt.date(1, 1, 1)}]
)
def test_what_cannot_be_meant_is_not_asked_for(firm_on_sqlite, changes):
    with pytest.raises(Invalid):
        ask(firm_on_sqlite, **changes)
    with reading() as session:
        assert session.scalars(select(Export)).all() == []


def test_only_so_many_wait_at_once(firm_on_sqlite, monkeypatch):
    monkeypatch.setattr(asking, "MOST_WAITING", 2)
    ask(firm_on_sqlite), ask(firm_on_sqlite)
    with pytest.raises(Conflict):
        ask(firm_on_sqlite)
