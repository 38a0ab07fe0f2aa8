"""Every log is sealed, verified and counted, and what is wrong is told."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from factories import a_firm
from sqlalchemy import select, update

from approval import clock, settings as environment, worker
from approval.app import create_app
from approval.audit import jobs
from approval.audit.events import Event
from approval.audit.models import Entry, Watch
from approval.audit.queries.entries import head
from approval.audit.queries.watching import Wrong, alarms, seal_due
from approval.audit.services import seal, sealing, watching
from approval.audit.services.recording import record
from approval.audit.services.sealing import Because
from approval.db import reading, transaction
from approval.errors import Conflict, SealingRefused
from approval.people import jobs as people
from approval.people.models import Outbox

TODAY = datetime(2030, 5, 6, 0, 5, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Nodded(Event, kind="test.nodded"):
    """Somebody nodded."""


@dataclass(frozen=True, kw_only=True)
class Decided(Event, kind="test-review.decided"):
    """Somebody decided."""


@pytest.fixture
def settings(request, keys, tmp_path):
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    kind = "database_url" if "database_url" in request.fixturenames else "sqlite_url"
    url = request.getfixturevalue(kind)
    return replace(loaded, keys=keys.folder, base_url="http://localhost", database_url=url)


@pytest.fixture
def at(monkeypatch):
    """Set the database's time, for logs whose watch began at the first of May."""

    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda session: instant)

    set_to(TODAY - timedelta(days=5))
    return set_to


def nod(times: int = 1) -> None:
    with transaction() as session:
        for _ in range(times):
            record(session, Nodded(by="t", workspace="northwind"))


def facts(kind: str, log: str = "northwind") -> list[dict]:
    with reading() as session:
        bodies = session.scalars(
            select(Entry.body).where(Entry.log == log, Entry.kind == kind).order_by(Entry.index)
        ).all()
    return [json.loads(body)["facts"] for body in bodies]


def wrong(log: str = "northwind") -> list[Wrong]:
    with reading() as session:
        return [alarm.what for alarm in alarms(session, [log])]


# -- sealing is refused ------------------------------------------------------------------------------------------


@pytest.fixture
def forked(database, keys, settings):
    """A log whose last-signed head is of other entries than those that the database has."""
    a_firm(keys)
    jobs.seal_due(settings, "w")
    (keys.folder / "northwind.head").write_bytes((keys.folder / "installation.head").read_bytes())
    nod(300)
    return settings


def test_a_refusal_is_an_entry_an_alarm_and_a_letter(forked):
    jobs.seal_due(forked, "w")
    assert facts("log.sealing_refused", "installation") == [{"of": "northwind", "because": "head-foreign"}]
    assert wrong() == [Wrong.REFUSED]
    people.tell_alarms(forked, "w")
    with reading() as session:
        assert session.scalars(select(Outbox.kind)).all().count("log_alarm") == 3


def test_a_refusal_is_recorded_once_an_hour_and_told_once(at, forked):
    for minutes in (0, 1, 59, 61, 62):
        at(TODAY + timedelta(days=-5, minutes=minutes))
        jobs.seal_due(forked, "w")
        people.tell_alarms(forked, "w")
    assert len(facts("log.sealing_refused", "installation")) == 2
    with reading() as session:
        assert session.scalars(select(Outbox.kind)).all().count("log_alarm") == 3


def test_the_other_logs_are_sealed_all_the_same(forked):
    nod(300)
    with transaction() as session:
        for _ in range(300):
            record(session, Nodded(by="t"))
    jobs.seal_due(forked, "w")
    with reading() as session:
        assert head(session, "installation").sealed > 300
        assert head(session, "northwind").sealed < 300


def test_sealing_again_ends_the_alarm(forked, keys):
    jobs.seal_due(forked, "w")
    with reading() as session:
        note = head(session, "northwind").note
    keys.store_head("northwind", note.encode())
    jobs.seal_due(forked, "w")
    assert wrong() == []


def test_a_rolled_back_database_is_noticed_before_anything_new_is_written(sqlite, sqlite_url, keys, settings):
    """The very next look of the sealer sees it, 2 seconds later at most, and not only when there is more to seal."""
    a_firm(keys)
    path = sqlite_url.removeprefix("sqlite:///")
    jobs.seal_due(settings, "w")
    with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(path + ".old")) as old:
        live.backup(old)
    nod(300)
    jobs.seal_due(settings, "w")
    with reading() as session:
        assert seal_due(session, keys) == []
    with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(path + ".old")) as old:
        old.backup(live)
    jobs.seal_due(settings, "w")
    assert wrong() == [Wrong.REFUSED]
    assert facts("log.sealing_refused", "installation")[-1]["because"] == "rolled-back"


def test_a_log_that_does_not_begin_with_its_key_is_never_signed(sqlite, sqlite_url, keys):
    a_firm(keys)
    assert _meddle(sqlite_url, """UPDATE entry SET body = replace(body, 'log.opened', 'log.ajarred')""")
    with pytest.raises(SealingRefused) as refused, transaction() as session:
        seal(session, "northwind", keys=keys)
    assert refused.value.because is Because.NOT_BEGUN
    assert keys.head("northwind") is None


def test_a_log_without_an_entry_is_never_signed(sqlite, sqlite_url, keys):
    a_firm(keys)
    assert _meddle(sqlite_url, "DELETE FROM entry", "UPDATE log SET size = 0")
    with pytest.raises(SealingRefused, match="never signed"), transaction() as session:
        seal(session, "northwind", keys=keys)


def test_another_key_under_the_name_of_the_log_signs_nothing(database, keys):
    a_firm(keys)
    (keys.folder / "northwind.key").write_bytes((keys.folder / "installation.key").read_bytes())
    with pytest.raises(SealingRefused) as refused, transaction() as session:
        seal(session, "northwind", keys=keys)
    assert refused.value.because is Because.KEY_FOREIGN
    assert keys.head("northwind") is None


def test_without_these_guards_both_would_be_signed(sqlite, sqlite_url, keys, monkeypatch):
    """The negative control of the three above."""
    a_firm(keys)
    assert _meddle(sqlite_url, """UPDATE entry SET body = replace(body, 'log.opened', 'log.ajarred')""")
    (keys.folder / "northwind.key").write_bytes((keys.folder / "installation.key").read_bytes())
    monkeypatch.setattr(sealing, "_ensure_begun", lambda *_: None)
    monkeypatch.setattr(sealing, "open_checkpoint", lambda *_, **__: None)
    with transaction() as session:
        assert seal(session, "northwind", keys=keys).size > 0
    assert keys.head("northwind")


def test_a_newer_checkpoint_than_the_head_file_must_be_extended_too(database, keys, settings):
    """A keys folder that was restored from its backup is behind: the signed checkpoint in the database counts."""
    a_firm(keys)
    jobs.seal_due(settings, "w")
    old = keys.head("northwind")
    nod(300)
    jobs.seal_due(settings, "w")
    keys.store_head("northwind", old)
    jobs.seal_due(settings, "w")
    with reading() as session:
        assert keys.head("northwind") == head(session, "northwind").note.encode()
    assert wrong() == []


def test_what_is_decided_is_sealed_at_once(database, keys, settings, monkeypatch):
    a_firm(keys)
    jobs.seal_due(settings, "w")
    nod()
    with reading() as session:
        assert seal_due(session, keys) == [], "an entry like any other waits for its minute"
    monkeypatch.setattr("approval.audit.queries.watching.PROMPT", {"test-review.decided"})
    with transaction() as session:
        record(session, Decided(by="t", workspace="northwind"))
    with reading() as session:
        assert seal_due(session, keys) == ["northwind"]


# -- a sealer of its own -----------------------------------------------------------------------------------------


def test_a_worker_beside_a_sealer_of_its_own_signs_nothing(settings, monkeypatch):
    ran: list[set[str]] = []
    monkeypatch.setattr(worker, "work", lambda settings, timetable: ran.append({job.__name__ for _, job in timetable}))
    worker.run(settings)
    worker.run(replace(settings, separate_sealer=True))
    assert ran[0] - ran[1] == {"seal_due", "write_due", "note_gone"}


def test_beside_a_sealer_of_its_own_no_log_is_begun_here(settings, keys):
    assert type(keys).of(settings) == keys
    with pytest.raises(Conflict, match="another user's"):
        type(keys).of(replace(settings, separate_sealer=True))


def test_a_second_sealer_does_not_start(keys):
    keys.folder.mkdir()
    with keys.alone(), pytest.raises(Conflict, match="Another"), keys.alone():
        pass
    with keys.alone():
        pass


# -- every night -------------------------------------------------------------------------------------------------


def test_every_log_is_verified_once_a_day_with_an_entry(database, keys, settings, at):
    a_firm(keys)
    jobs.seal_due(settings, "w")
    jobs.watch_due(settings, "w")
    assert facts("log.verified") == [], "the day on which a log was opened is not over"
    for instant in (TODAY, TODAY + timedelta(hours=5), TODAY + timedelta(days=1)):
        at(instant)
        jobs.watch_due(settings, "w")
    found = facts("log.verified")
    assert [(one["holds"], one["problem"], one["differences"]) for one in found] == [(True, None, 0)] * 2
    assert found[1]["size"] == found[0]["size"] + 2, "an entry of the first verification, a heart-beat of the second"
    assert len(facts("log.verified", "installation")) == 2


def test_two_workers_do_not_verify_the_same_log(database, keys, settings, at):
    a_firm(keys)
    at(TODAY)
    with transaction() as session:
        assert watching.claim_check(session, "northwind")
    with transaction() as session:
        assert not watching.claim_check(session, "northwind")
    at(TODAY + watching.CHECK_TAKES + timedelta(minutes=1))
    with transaction() as session:
        assert watching.claim_check(session, "northwind"), "its worker died"


def test_what_fails_is_recorded_named_and_an_alarm(sqlite, sqlite_url, keys, settings, at):
    a_firm(keys)
    jobs.seal_due(settings, "w")
    assert _meddle(sqlite_url, "UPDATE team SET name = 'x'", "UPDATE channel SET title = 'x'")
    at(TODAY)
    jobs.watch_due(settings, "w")
    (found,) = facts("log.verified")
    assert (found["holds"], found["differences"] > 0) == (False, True)
    assert "channel.title" in found["problem"]
    assert found["root"], "the log itself held"
    assert wrong() == [Wrong.FAILED]


def test_a_log_that_does_not_hold_is_told_by_its_first_bad_entry(sqlite, sqlite_url, keys, settings, at):
    a_firm(keys)
    jobs.seal_due(settings, "w")
    assert _meddle(sqlite_url, """UPDATE entry SET leaf = zeroblob(32) WHERE "index" = 3""")
    at(TODAY)
    jobs.watch_due(settings, "w")
    (found,) = facts("log.verified")
    assert (found["holds"], found["root"]) == (False, None)
    assert "entry 3" in found["problem"]


def test_a_verification_that_did_not_run_is_an_alarm_after_36_hours(database, keys, settings, at):
    a_firm(keys)
    at(TODAY)
    jobs.seal_due(settings, "w")
    jobs.watch_due(settings, "w")
    at(TODAY + timedelta(hours=35))
    assert wrong() == []
    at(TODAY + timedelta(hours=37))
    assert wrong() == [Wrong.UNVERIFIED]
    jobs.watch_due(settings, "w")
    assert wrong() == []


def test_a_worker_that_ends_leaves_the_verification_to_the_next(database, keys, settings, at, monkeypatch):
    a_firm(keys)
    at(TODAY)
    with monkeypatch.context() as patch:
        patch.setattr(jobs.ENDING, "is_set", iter([False, True, True, True]).__next__)
        jobs.watch_due(settings, "w")
    assert facts("log.verified", "installation") == []
    jobs.watch_due(settings, "w")
    assert len(facts("log.verified", "installation")) == 1


def test_without_the_folder_of_keys_the_head_is_not_asked_for(database, keys, settings, at, tmp_path):
    a_firm(keys)
    jobs.seal_due(settings, "w")
    at(TODAY)
    jobs.watch_due(replace(settings, keys=tmp_path / "elsewhere"), "w")
    assert [one["holds"] for one in facts("log.verified")] == [True]


# -- heart-beats -------------------------------------------------------------------------------------------------


def test_an_empty_day_is_proven_empty(database, keys, settings, at):
    a_firm(keys)
    at(TODAY - timedelta(days=1))
    nod(3)
    with transaction() as session:
        record(session, Nodded(by="t", workspace="northwind", post=7))
    jobs.watch_due(settings, "w")
    for day in range(3):
        at(TODAY + timedelta(days=day))
        jobs.watch_due(settings, "w")
    first, busy, *empty = facts("log.beat")
    assert (first["first_day"], first["last_day"]) == ("2030-05-01", "2030-05-04")
    assert first["entries"]["log"] == 1 and first["entries"]["role"] > 0
    assert busy["first_day"] == busy["last_day"] == "2030-05-05"
    assert busy["entries"] == {"test": 4, "log": 2} and (busy["posts"], busy["publications"]) == (1, 0)
    assert [beat["entries"] for beat in empty] == [{"log": 2}] * 2, "the beat and the verification alone"
    assert empty[0]["size"] == busy["size"] + 2


def test_a_day_is_counted_once(database, keys, settings, at):
    a_firm(keys)
    at(TODAY)
    for _ in range(3):
        with transaction() as session:
            watching.beat(session, "northwind")
    assert len(facts("log.beat")) == 1


# -- where it is shown -------------------------------------------------------------------------------------------


def test_readyz_and_the_pages_tell_of_it(sqlite, keys, settings):
    from doors import Browser, give_passwords

    a_firm(keys)
    give_passwords()
    app = create_app(settings)
    with transaction() as session:
        session.execute(
            update(Watch).where(Watch.log == "northwind").values(refused_at=clock.now(session), refusal="forked")
        )
        session.execute(update(Watch).where(Watch.log == "installation").values(since=TODAY - timedelta(days=4000)))
    ready = app.test_client().get("/readyz")
    assert ready.status_code == 503
    assert (ready.json["seal"], ready.json["log"]) == ("refused", "unverified")
    told = {}
    for name in ("ada", "maria"):
        browser = Browser(app.test_client())
        browser.sign_in(f"{name}@northwind.example")
        told[name] = browser.get("/posts").text
    assert "Checkpoints of the log of northwind are refused." in told["ada"]
    assert "Nobody verified the installation" in told["ada"]
    assert "Checkpoints of the log" not in told["maria"], "whoever cannot mend it is not troubled"


def test_without_an_alarm_readyz_is_quiet(sqlite, keys, settings):
    a_firm(keys)
    ready = create_app(settings).test_client().get("/readyz").json
    assert (ready["seal"], ready["log"]) == ("ok", "ok")


def _meddle(url: str, *statements: str) -> int:
    """Change the file behind the program's back."""
    changed = 0
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as plain:
        for (trigger,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            plain.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            changed += plain.execute(statement).rowcount
        plain.commit()
    return changed


# -- the command -------------------------------------------------------------------------------------------------


def test_the_sealer_seals_alone_until_it_is_told_to_stop(sqlite, sqlite_url, keys, tmp_path):
    a_firm(keys)
    environ = {
        **os.environ,
        "APPROVAL_DATA": str(tmp_path),
        "APPROVAL_DATABASE_URL": sqlite_url,
        "APPROVAL_KEYS": str(keys.folder),
        "APPROVAL_SEALER": "separate",
    }
    command = [sys.executable, "-m", "approval.cli", "sealer"]
    first = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while (sealed := _sealed()) == 0:
            assert first.poll() is None and time.monotonic() < until
            time.sleep(0.2)
        second = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
        assert (second.returncode, "two would fork the logs" in second.stderr) == (2, True)
        first.send_signal(signal.SIGTERM)
        assert first.wait(30) == 0
    finally:
        first.kill()
        first.wait()
    with reading() as session:
        assert sealed == head(session, "northwind").size


def _sealed() -> int:
    with reading() as session:
        return head(session, "northwind").sealed
