"""An export in parts: each verifies on its own, together they hold everything, and a killed worker loses nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import multiprocessing
import os
import time
import zipfile

import pytest
from factories import a_post
from sqlalchemy import select

from approval import clock
from approval.audit.models import Entry
from approval.db import connect, reading, transaction
from approval.errors import CapabilityMissing, IllegalStep, Invalid
from approval.records import jobs, queries, services, verify as verifier
from approval.records.models import ExportState
from approval.records.queries import Filters
from approval.records.queries.exports import ABANDONED
from approval.records.queries.selection import LAST_POST
from approval.records.services import series as of_series

DAYS = {"first_day": dt.date(2020, 1, 1), "last_day": dt.date(2098, 12, 31)}


def ask(firm, *, by=None, **changes):
    with transaction() as session:
        given = {"most_posts": 1, "most_bytes": None, **DAYS, **changes}
        return services.ask_parts(session, workspace=firm.workspace, **given, by=by or firm.compliance).id


def parts(series):
    with reading() as session:
        return queries.parts_of(session, series)


def ended(series):
    with reading() as session:
        return queries.series(session, series)


def work(settings, times=20):
    for _ in range(times):
        jobs.write_due(settings, "w1")


def indexes(path):
    with zipfile.ZipFile(path) as archive:
        return {json.loads(line)["index"] for line in archive.read("logs/northwind/entries.jsonl").splitlines()}


def kinds():
    with reading() as session:
        return session.scalars(select(Entry.kind).where(Entry.kind.startswith("export.")).order_by(Entry.index)).all()


def test_every_part_verifies_on_its_own_and_together_they_hold_everything(firm, settings, vkey, export):
    series = ask(firm)
    work(settings, 3)
    found = parts(series)
    assert [part.part for part in found] == [1, 2, 3] and all(part.ready for part in found)
    assert [part.filters["span"] for part in found] == [[0, 1], [2, 2], [3, LAST_POST]]
    paths = [queries.archive_of(settings.data, part.id) for part in found]
    for path in paths:
        assert verifier.verify(str(path), vkey()).holds
    with zipfile.ZipFile(paths[1]) as archive:
        assert [name for name in archive.namelist() if name.startswith("posts/")] == ["posts/2.html"]
    whole, _ = export()
    before = {i for i in indexes(whole) if i < max(indexes(paths[0])) + 1}
    assert before <= set().union(*map(indexes, paths))


def test_the_list_names_every_part_with_its_digest_and_the_log_names_the_list(firm_on_sqlite, settings):
    series = ask(firm_on_sqlite, most_posts=2)
    assert ended(series).digest is None
    work(settings, 2)
    found = parts(series)
    listed = services.parts_list(found).decode().splitlines()
    for part, line in zip(found, listed, strict=True):
        data = queries.archive_of(settings.data, part.id).read_bytes()
        assert line == f"{hashlib.sha256(data).hexdigest()}  {part.file_name}"
    assert ended(series).digest == hashlib.sha256(services.parts_list(found)).digest()
    assert kinds()[-1] == "export.parts_ended" and kinds()[0] == "export.parts_asked"


def test_a_part_larger_than_parts_may_be_is_written_anew_with_fewer_posts(firm_on_sqlite, settings, monkeypatch):
    series = ask(firm_on_sqlite, most_posts=None, most_bytes=10_000_000)
    monkeypatch.setattr(
        of_series.Part,
        "smaller",
        lambda self, posts, size: of_series.replace(self, posts=posts - 1) if posts > 1 else None,
    )
    jobs.write_due(settings, "w1")
    first, waiting = parts(series)
    assert first.filters["span"] == [0, 1] and waiting.state is ExportState.WAITING
    assert sorted(path.name for path in (settings.data / "exports").iterdir()) == [
        f"{first.id}.zip",
        f"{first.id}.zip.note",
    ]


@pytest.mark.parametrize(
    ("posts", "size", "then"),
    [(100, 500, None), (100, 1001, 50), (100, 10_000, 9), (1, 10_000, None), (2, 10_000, 1)],
)
def test_a_part_is_tried_with_so_many_posts(posts, size, then):
    tried = of_series.Part(1, 1, 100, 1000).smaller(posts, size)
    assert (None if tried is None else tried.posts) == then
    assert of_series.Part(1, 1, 100, None).smaller(posts, size) is None


def test_a_part_that_failed_is_taken_up_and_those_before_it_stay(firm_on_sqlite, settings, monkeypatch):
    series = ask(firm_on_sqlite)
    jobs.write_due(settings, "w1")
    with pytest.raises(IllegalStep), transaction() as session:
        services.resume_parts(session, series, by=firm_on_sqlite.compliance)

    def fail(**_given):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(services, "draft_export", fail)
        work(settings, 3)
    first, failed = parts(series)
    assert failed.state is ExportState.FAILED
    with transaction() as session:
        services.resume_parts(session, series, by=firm_on_sqlite.compliance)
    work(settings, 2)
    assert [part.id for part in parts(series)][:2] == [first.id, failed.id]
    assert parts(series)[0] == first and ended(series).ended_at is not None


def _write_forever(url, settings):
    connect(url)
    real = jobs.services.draft_export

    def slow(**given):
        real(**given)
        given["out"].with_name(f".{given['out'].name}.{os.getpid()}.part").write_bytes(b"half")
        time.sleep(600)

    jobs.services.draft_export = slow
    jobs.write_due(settings, "killed")


def test_a_worker_killed_in_the_middle_leaves_that_part_to_another(firm, settings, database_url, vkey, monkeypatch):
    series = ask(firm, most_posts=2)
    jobs.write_due(settings, "w1")
    process = multiprocessing.get_context("spawn").Process(target=_write_forever, args=(database_url, settings))
    process.start()
    try:
        waiting = parts(series)[1]
        until = time.monotonic() + 120
        while not list((settings.data / "exports").glob(f".{waiting.id}.zip.*.part")) or not queries.written_so_far(
            settings.data, waiting.id
        ):
            assert time.monotonic() < until and process.is_alive()
            time.sleep(0.1)
        while b"half" not in {
            path.read_bytes() for path in (settings.data / "exports").glob(f".{waiting.id}.zip.*.part")
        }:
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        process.kill()
        process.join()
    jobs.write_due(settings, "w2")
    assert parts(series)[1].state is ExportState.RUNNING
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda session: real(session) + ABANDONED + dt.timedelta(minutes=1))
    jobs.write_due(settings, "w2")
    second = parts(series)[1]
    assert second.ready and ended(series).ended_at is not None
    assert verifier.verify(str(queries.archive_of(settings.data, second.id)), vkey()).holds
    assert not list((settings.data / "exports").glob(".*"))


@pytest.mark.parametrize(
    "sizes",
    [
        {"most_posts": None},
        {"most_posts": 0},
        {"most_posts": 1_000_001},
        {"most_posts": None, "most_bytes": 9_999_999},
        {"most_bytes": 2_000_000_000_000},
        {"last_day": dt.date(2019, 1, 1)},
    ],
)
def test_parts_of_a_size_that_cannot_be_meant_are_not_asked_for(firm_on_sqlite, sizes):
    with pytest.raises(Invalid):
        ask(firm_on_sqlite, **sizes)


def test_without_the_capability_nobody_asks_for_parts(firm_on_sqlite):
    for by in (firm_on_sqlite.marketer, firm_on_sqlite.reviewer, firm_on_sqlite.publisher):
        with pytest.raises(CapabilityMissing):
            ask(firm_on_sqlite, by=by)


# -- files that are gone ----------------------------------------------------------------------------------------


def test_deleted_files_are_said_to_be_deleted_once(firm, settings):
    with transaction() as session:
        id_ = services.ask_export(session, workspace=firm.workspace, **DAYS, filters=Filters(), by=firm.examiner).id
    jobs.note_gone(settings, "w1")
    jobs.write_due(settings, "w1")
    jobs.note_gone(settings, "w1")
    with reading() as session:
        assert queries.export(session, id_).gone_at is None and queries.bytes_kept(session, "northwind") > 0
    queries.archive_of(settings.data, id_).unlink()
    jobs.note_gone(settings, "w1")
    jobs.note_gone(settings, "w1")
    with reading() as session:
        assert queries.export(session, id_).gone_at is not None and queries.bytes_kept(session, "northwind") == 0
    assert kinds().count("export.files_gone") == 1


def test_where_the_folder_is_not_there_nothing_is_said_to_be_deleted(firm_on_sqlite, settings):
    with transaction() as session:
        services.ask_export(session, workspace="northwind", **DAYS, filters=Filters(), by=firm_on_sqlite.examiner)
    jobs.write_due(settings, "w1")
    (settings.data / "exports").rename(settings.data / "unmounted")
    jobs.note_gone(settings, "w1")
    assert "export.files_gone" not in kinds()


def test_what_is_new_after_a_part_belongs_to_no_earlier_one(firm_on_sqlite, settings):
    series = ask(firm_on_sqlite, most_posts=3)
    with transaction() as session:
        a_post(session, firm_on_sqlite, "A fourth post.")
    work(settings, 2)
    assert [part.filters["span"] for part in parts(series)] == [[0, 3], [4, LAST_POST]]
