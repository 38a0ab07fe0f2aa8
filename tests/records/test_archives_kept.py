"""An archive is looked at, then kept once, record by record, as claimed and not witnessed; holds, dates and exports
know its records."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from doors import Browser, give_passwords
from sqlalchemy import func, select

from approval import clock
from approval.app import create_app
from approval.audit.models import Entry
from approval.audit.queries.replaying import replay
from approval.cli import main
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, IllegalStep, Invalid
from approval.people.services import passwords
from approval.records import jobs, queries, services
from approval.records.archives import look_at, read_archive
from approval.records.keeping import Criteria, Outcome
from approval.records.models import Archived, ArchiveState, Keeping, Kind
from approval.records.queries.archives import UNDECIDED
from approval.records.services import bringing

LINES = b"\n".join(
    json.dumps(line).encode()
    for line in (
        {"text": "We open at nine.", "author": "Maria Old", "approved_by": "Carla", "date": "2020-03-01"},
        {"text": "Bring a friend.", "date": "2021-06-01", "removed_at": "2022-01-31"},
        {"nothing": 1},
        {"text": "Undated.", "author": "maria@northwind.example"},
    )
)
W = {"workspace": "northwind"}
"""Three records and one line that is none."""


@pytest.fixture(autouse=True)
def in_one_beat(monkeypatch):
    monkeypatch.setattr(jobs, "SPAN", 60.0)


def looked(firm, settings, data=LINES, *, by=None, name="old.jsonl", source="Old tool"):
    staged = services.stage(io.BytesIO(data), queries.files_of(settings.data))
    look = look_at(read_archive(io.BytesIO(data), name), clock.zone_named("Europe/Zurich"))
    with transaction() as session:
        row = services.look_at_archive(
            session,
            firm.workspace,
            source=source,
            name=name,
            digest=staged.digest,
            size=staged.size,
            look=look,
            by=by or firm.compliance,
        )
        staged.place(queries.file_of(settings.data, staged.digest))
        return row.id


def accepted(firm, settings, data=LINES, **more):
    id_ = looked(firm, settings, data, **more)
    with transaction() as session:
        services.accept_archive(session, id_, by=firm.compliance)
    return id_


def brought(firm, settings, data=LINES, **more):
    id_ = accepted(firm, settings, data, **more)
    jobs.bring_due(settings, "w")
    return facts(id_)


def facts(id_):
    with reading() as session:
        return queries.archive(session, id_)


def records():
    with reading() as session:
        return queries.archived_after(session, "northwind", after=0, limit=1000)


def entries(kind):
    with reading() as session:
        return session.scalars(select(Entry).where(Entry.kind == kind).order_by(Entry.index)).all()


# -- looking, then keeping ------------------------------------------------------------------------------------------


def test_what_was_only_looked_at_is_no_record(firm, settings):
    archive = facts(looked(firm, settings))
    assert (archive.state, archive.found, archive.wrong, archive.undated) == (ArchiveState.LOOKED_AT, 3, 1, 1)
    assert [(bad.number, "no text" in bad.why) for bad in archive.problems] == [(3, True)]
    jobs.bring_due(settings, "w")
    assert records() == () and facts(archive.id).waits


def test_each_record_is_kept_as_it_came_and_as_it_is_claimed(firm, settings):
    archive = brought(firm, settings)
    assert (archive.state, archive.kept, archive.reached, archive.repeated) == (ArchiveState.DONE, 3, 4, 0)
    first, second, third = records()
    assert (first.number, first.claims.author, first.claims.approver) == (1, "Maria Old", "Carla")
    assert (first.used, second.used) == (date(2020, 3, 1), date(2022, 1, 31))
    assert third.claimed_at is None and third.used == clock.wall_time(archive.brought_at, "Europe/Zurich").date()
    with reading() as session:
        assert queries.original(session, first.id) == LINES.split(b"\n")[0]
        assert list(replay(session, firm.workspace)) == []
    assert not queries.file_of(settings.data, archive.digest).exists(), "its bytes stand in the records now"


def test_the_log_says_who_brought_what_and_names_nobody_that_is_claimed(firm, settings):
    brought(firm, settings)
    (kept,) = entries("archived.kept")
    assert kept.actor == firm.compliance.id
    body = json.loads(kept.body)
    assert (body["facts"]["first_day"], len(body["rows"])) == ("2020-02-29", 3)
    assert b"Maria Old" not in kept.body and b"We open" not in kept.body
    assert {"commitment"} == set(body["rows"][0]["image"]["claims"])
    assert {"sha256"} == set(body["rows"][0]["image"]["data"])
    assert [json.loads(entry.body)["facts"]["ended"] for entry in entries("archive.advanced")] == [False, True]


def test_the_same_record_is_kept_once_however_often_it_is_brought(firm, settings):
    brought(firm, settings)
    with pytest.raises(Conflict, match="brought already"):
        looked(firm, settings)
    again = brought(firm, settings, LINES + b'\n{"text": "New."}\n{"text": "New."}', source="Old tool, later")
    assert (again.kept, again.repeated) == (1, 4)


def test_whoever_goes_on_begins_where_the_other_ended(firm, settings, monkeypatch):
    monkeypatch.setattr(bringing, "STRETCH", 10)
    lines = b"".join(b'{"text": "Post %d", "date": "2020-01-01"}\n' % n for n in range(95))
    id_ = accepted(firm, settings, lines)
    stretches = services.go_through(id_, read_archive(io.BytesIO(lines), "a.jsonl"), reached=0, by="worker")
    for _ in range(3):
        next(stretches)
    assert (facts(id_).reached, len(records())) == (30, 30)
    rival = services.go_through(id_, read_archive(io.BytesIO(lines), "a.jsonl"), reached=30, by="worker")
    next(rival)
    with pytest.raises(Conflict, match="Somebody else"):
        next(stretches)
    jobs.bring_due(settings, "w")
    assert facts(id_).reached == 40, "another is at work on it: its last stretch is a moment old"
    list(rival)
    assert (facts(id_).state, facts(id_).kept, len(records())) == (ArchiveState.DONE, 95, 95)
    with reading() as session:
        assert list(replay(session, firm.workspace)) == []


def test_a_file_that_is_gone_fails_and_says_so(firm, settings):
    id_ = accepted(firm, settings)
    queries.file_of(settings.data, facts(id_).digest).unlink()
    jobs.bring_due(settings, "w")
    assert facts(id_).state is ArchiveState.FAILED
    assert brought(firm, settings).kept == 3, "the same file may be brought again"


def test_only_who_keeps_records_brings_them(firm, settings):
    for nobody in (firm.examiner, firm.marketer, firm.publisher):
        with pytest.raises(CapabilityMissing):
            looked(firm, settings, by=nobody)
    id_ = looked(firm, settings)
    with transaction() as session, pytest.raises(CapabilityMissing):
        services.accept_archive(session, id_, by=firm.examiner)
    with transaction() as session:
        services.discard_archive(session, id_, by=firm.administrator)
    with transaction() as session, pytest.raises(IllegalStep):
        services.accept_archive(session, id_, by=firm.compliance)


def test_an_archive_about_which_nobody_decides_is_put_away_with_its_file(firm_on_sqlite, settings, monkeypatch):
    id_ = looked(firm_on_sqlite, settings)
    file, late = queries.file_of(settings.data, facts(id_).digest), facts(id_).brought_at + UNDECIDED
    monkeypatch.setattr(clock, "now", lambda session: late)
    jobs.put_away_due(settings, "w")
    assert file.exists() and facts(id_).state is ArchiveState.LOOKED_AT, "somebody may still decide"
    monkeypatch.setattr(clock, "now", lambda session: late + timedelta(seconds=1))
    jobs.put_away_due(settings, "w")
    assert not file.exists() and facts(id_).state is ArchiveState.DISCARDED
    jobs.put_away_due(settings, "w")


def test_an_archive_that_is_being_kept_is_not_put_away(firm_on_sqlite, settings, monkeypatch):
    id_ = accepted(firm_on_sqlite, settings)
    late = facts(id_).brought_at + UNDECIDED + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda session: late)
    jobs.put_away_due(settings, "w")
    assert queries.file_of(settings.data, facts(id_).digest).exists()
    with transaction() as session, pytest.raises(IllegalStep):
        services.put_away(session, id_)


def test_an_archive_without_a_record_or_a_source_is_refused(firm, settings):
    with pytest.raises(Invalid, match="line 1: it is not JSON"):
        looked(firm, settings, b"{")
    with pytest.raises(Invalid, match="where it comes from"):
        looked(firm, settings, source=" ")


# -- keeping --------------------------------------------------------------------------------------------------------


def test_each_record_gets_its_date_from_the_last_use_that_is_claimed(firm, settings):
    brought(firm, settings)
    jobs.reckon_due(settings, "w")
    with reading() as session:
        rows = session.scalars(select(Keeping).where(Keeping.kind == Kind.ARCHIVED).order_by(Keeping.record)).all()
        assert [row.until for row in rows][:2] == [date(2026, 3, 1), date(2028, 1, 31)]
        assert {row.rule for row in rows} == {"communication-otherwise"}, "nobody knows the product: the longest holds"
        assert queries.is_dated(session, firm.workspace)
    jobs.reckon_due(settings, "w")
    with reading() as session:
        assert session.scalar(select(func.count()).where(Keeping.kind == Kind.ARCHIVED)) == 3


@pytest.mark.parametrize(
    ("criteria", "covered"),
    [
        ({"first_day": date(2030, 1, 1)}, [1, 2, 4]),
        ({"last_day": date(2020, 12, 31)}, [1]),
        ({"product": "cd"}, [1, 2, 4]),
        ({"post": 1}, []),
        ({"person": "marketer"}, [1, 2, 4]),
        ({"person": "publisher"}, [2]),
    ],
)
def test_a_hold_covers_what_it_may_mean_and_what_is_unknown_stands_against_none(firm, settings, criteria, covered):
    brought(firm, settings)
    if criteria.get("person"):
        criteria = {"person": getattr(firm, criteria["person"]).id}
    with transaction() as session:
        services.place_hold(
            session, firm.workspace, matter="m", reason="r", criteria=Criteria(**criteria), by=firm.compliance
        )
    with reading() as session:
        held = queries.archived_holds(session, firm.workspace, records())
        assert [one.number for one in records() if held[one.id]] == covered
        for one in records():
            kept = queries.keeping_of_archived(session, one)
            assert (kept.fate.outcome is Outcome.HELD) is bool(held[one.id])


def test_search_is_given_words_and_an_id_to_go_on_from(firm, settings):
    brought(firm, settings)
    with reading() as session:
        (_id, words, _), *rest = queries.archived_words(session, firm.workspace, after=0)
        assert words == "We open at nine." and len(rest) == 2
        assert queries.archived_words(session, firm.workspace, after=rest[-1][0]) == []


# -- exports --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "there"), [((2020, 3, 1), True), ((2026, 1, 1), True), ((2019, 1, 1), False)])
def test_an_export_of_the_days_that_are_claimed_holds_them_and_verifies(
    firm_on_sqlite, settings, export, vkey, days, there, tmp_path
):
    archive = brought(firm_on_sqlite, settings, LINES.rpartition(b"\n")[0])
    day = date(*days) if days[0] < 2026 else clock.wall_time(archive.brought_at, "Europe/Zurich").date()
    out, _ = export(f"{days[0]}.zip", first_day=day, last_day=day)
    with zipfile.ZipFile(out) as members:
        contents = [members.read(name) for name in members.namelist() if name.startswith("content/")]
    assert (LINES.split(b"\n")[0] in contents) is there
    done = subprocess.run(
        [sys.executable, "-m", "approval.records.verify", str(out), "--vkey", vkey()], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


# -- from the host --------------------------------------------------------------------------------------------------


def run(settings, *words):
    env = {"APPROVAL_DATA": str(settings.data), "APPROVAL_SECRET_KEY": settings.secret_key}
    return CliRunner().invoke(main, ["records", "import", *map(str, words)], env=env)


def test_the_host_brings_a_file_and_names_what_it_could_not_read(firm_on_sqlite, settings, tmp_path: Path):
    file = tmp_path / "old.jsonl"
    file.write_bytes(LINES)
    told = (file, "--workspace", "northwind", "--source", "Old tool")
    shown = run(settings, *told, "--look")
    assert (shown.exit_code, "3 records can be kept, 1 cannot" in shown.output) == (1, True), shown.output
    assert records() == ()
    done = run(settings, *told, "--as", "carla@northwind.example")
    assert done.exit_code == 1 and "line 3: it has no text" in done.output and "3 records kept" in done.output
    (kept,) = entries("archived.kept")
    assert kept.actor.startswith("host:") and json.loads(kept.body)["along"] == firm_on_sqlite.compliance.id
    assert "nothing is kept twice" in run(settings, *told).output
    assert run(settings, *told, "--as", "emil@northwind.example").exit_code == 1
    assert run(settings, *told, "--as", "nobody@northwind.example").exit_code == 2
    assert run(settings, tmp_path / "x.exe", *told[1:]).exit_code == 2


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


def send(browser, data=LINES, name="old.jsonl", **fields):
    told = {**W, "source": "Old <tool>", "file": (io.BytesIO(data), name), **fields}
    return browser.post("/records/archives", told, page="/records/archives", content_type="multipart/form-data")


def test_a_person_sees_what_was_understood_before_anything_is_kept(signed, settings):
    carla = signed("carla")
    assert "No archive was brought yet" in carla.get("/records/archives").text
    address = send(carla).location
    page = carla.get(address).text
    for expected in (
        "Old &lt;tool&gt;",
        "3 records can be kept",
        "claimed, not witnessed",
        "it has no text",
        "Maria Old",
    ):
        assert expected in page, expected
    assert carla.post(f"{address}/keep", page=address).status_code == 302
    assert "Its records are being kept" in carla.get(address).text
    jobs.bring_due(settings, "w")
    page = carla.get(address).text
    assert "We open at nine." in page and "claimed, not witnessed" in page
    first = records()[0].id
    page = signed("emil").get(f"/records/archived/{first}").text
    for expected in ("claimed, not witnessed", "Maria Old", "“2020-03-01”", "Kept until", "counts from 2020-03-01"):
        assert expected in page, expected
    original = carla.get(f"/records/archived/{first}/original")
    assert original.data == LINES.split(b"\n")[0]
    assert original.headers["Content-Disposition"].startswith("attachment") and "octet" in original.mimetype


def test_what_is_wrong_with_a_file_is_said_at_the_form_and_nothing_is_left(signed, settings):
    carla = signed("carla")
    for data, name, said in (
        (b"x", "a.exe", "of no kind that is read"),
        (b"{", "a.jsonl", "it is not JSON"),
        (b"", "", "Choose the file"),
        (b"a;b\n1;2\n", "a.csv", "names no column of text"),
    ):
        answer = send(carla, data, name)
        assert answer.status_code == 422 and said in answer.text, name
    assert send(carla, source=" ").status_code == 422
    folder = settings.data / "archives"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_an_archive_may_be_put_away_and_is_of_its_workspace(signed, settings):
    carla = signed("carla")
    address = send(carla).location
    assert signed("emil").post(f"{address}/keep", page=address).status_code == 403
    assert carla.post(f"{address}/discard", page=address).status_code == 302
    assert list((settings.data / "archives").iterdir()) == [] and records() == ()
    assert "No archive was brought yet" in carla.get("/records/archives").text
    assert signed("maria").get(address).status_code == 403


def test_the_worker_finds_the_record_in_the_calendar(signed, settings, firm_on_sqlite):
    brought(firm_on_sqlite, settings)
    jobs.reckon_due(settings, "w")
    page = signed("carla").get("/records/due?month=overdue").text
    assert "We open at nine." in page and "/records/archived/" in page
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Archived)) == 3
