"""Witnesses remember how long a log was, and tell where it became shorter or another."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from factories import a_firm
from sqlalchemy import select
from witnesses import a_witness

from approval import clock, settings as environment, worker
from approval.audit import jobs
from approval.audit.events import Event
from approval.audit.models import Cosignature, Entry, Outpost, Watch
from approval.audit.models.keys import verify_signature
from approval.audit.queries.entries import head
from approval.audit.queries.outposts import cosignatures, reached
from approval.audit.queries.watching import Wrong, alarms
from approval.audit.services import seal
from approval.audit.services.cosigning import WitnessFolder, hash_of
from approval.audit.services.recording import record
from approval.cli import main
from approval.db import reading, transaction
from approval.errors import BadSetting, Conflict
from approval.people import jobs as people
from approval.people.models import Outbox
from approval.tlog import Checkpoint, Note, Submission, WitnessRefused, find_cosignature

NOW = datetime(2030, 5, 6, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Whistled(Event, kind="test.whistled"):
    """Somebody whistled."""


@pytest.fixture
def witness(tmp_path):
    with a_witness(tmp_path / "witness") as witness:
        yield witness


def asking(settings, *witnesses):
    """Settings with these witnesses, reached by the one way out."""
    named = ", ".join(f"{one.url} {one.vkey}" for one in witnesses)
    ports = ",".join(f"127.0.0.0/8:{one.url.rpartition(':')[2]}" for one in witnesses)
    given = environment.load(
        {"APPROVAL_WITNESSES": named, "APPROVAL_OUTBOUND_ALLOW": ports, "APPROVAL_SECRET_KEY": "s" * 40}
    )
    return replace(settings, witnesses=given.witnesses, outbound_allow=given.outbound_allow)


@pytest.fixture
def settings(request, keys, tmp_path, witness):
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    kind = "database_url" if "database_url" in request.fixturenames else "sqlite_url"
    return asking(replace(loaded, keys=keys.folder, database_url=request.getfixturevalue(kind)), witness)


@pytest.fixture
def at(monkeypatch):
    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda session: instant)

    set_to(NOW)
    return set_to


def trusted(witness, *logs: str) -> None:
    for log in logs:
        with reading() as session:
            witness.folder.trust(head(session, log).vkey)


def sealed(keys) -> None:
    for log in ("installation", "northwind"):
        with transaction() as session:
            seal(session, log, keys=keys)


@pytest.fixture
def firm(at, sqlite, keys, settings, witness):
    firm = a_firm(keys)
    trusted(witness, "installation", "northwind")
    sealed(keys)
    return firm


def whistle(keys, times: int = 1) -> None:
    with transaction() as session:
        for _ in range(times):
            record(session, Whistled(by="t", workspace="northwind"))
    sealed(keys)


def sizes(log: str = "northwind") -> list[int]:
    with reading() as session:
        return list(session.scalars(select(Cosignature.size).where(Cosignature.log == log).order_by(Cosignature.size)))


def place(log: str = "northwind"):
    with reading() as session:
        (found,) = reached(session, log)
    return found


def held(witness, log: str = "northwind") -> int:
    with reading() as session:
        found = witness.folder.head(hash_of(head(session, log).origin))
    return Checkpoint.from_text(Note.from_bytes(found).text).size if found else 0


def wrong(log: str = "northwind") -> list[Wrong]:
    with reading() as session:
        return [alarm.what for alarm in alarms(session, [log])]


def contradictions() -> int:
    with reading() as session:
        return len(session.scalars(select(Entry.index).where(Entry.kind == "log.contradicted")).all())


# -- cosigning ---------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_shown_and_its_cosignature_is_kept(at, database, keys, settings, witness):
    a_firm(keys)
    trusted(witness, "installation", "northwind")
    sealed(keys)
    worker.witness_due(settings, "w")
    with reading() as session:
        found = head(session, "northwind")
        lines = cosignatures(session, "northwind", found.sealed)
    assert sizes() == [found.sealed] == [held(witness)]
    text = Note.from_bytes(found.note.encode()).text
    line, when = find_cosignature(text, lines.encode(), key=witness.folder.key, verify=verify_signature)
    assert line == lines and abs(when - time.time()) < 60
    assert place().behind_since is None and place().problem is None


def test_the_checkpoint_that_is_served_carries_the_cosignatures(firm, settings, witness):
    from doors import Browser, give_passwords

    from approval.app import create_app

    worker.witness_due(settings, "w")
    give_passwords()
    browser = Browser(create_app(settings).test_client())
    browser.sign_in("ada@northwind.example")
    note = Note.from_bytes(browser.get("/log/northwind/checkpoint").data)
    assert [each.name for each in note.signatures][1:] == ["auditor.example"]
    page = browser.get("/audit?workspace=northwind").text
    assert "auditor.example" in page and "up to date" in page
    assert "Held outside by auditor.example." in page


def test_growth_is_proved_from_what_the_witness_holds(firm, settings, witness, keys, at):
    worker.witness_due(settings, "w")
    for minute in range(1, 4):
        whistle(keys, 100)
        at(NOW + timedelta(minutes=minute))
        worker.witness_due(settings, "w")
    assert len(sizes()) == 4 and sizes()[-1] == held(witness)
    assert set(witness.asked) == {200}


def test_nothing_new_is_shown_once_an_hour(firm, settings, witness, at):
    for minutes in (0, 1, 59, 61, 62):
        at(NOW + timedelta(minutes=minutes))
        worker.witness_due(settings, "w")
    assert len(witness.asked) == 2 * 2
    assert len(sizes()) == 1, "the first cosignature over a checkpoint is the one that is kept"


def test_two_workers_do_not_show_the_same_checkpoint(firm, settings, witness):
    real = witness.app
    twice: list[str] = []

    def meanwhile(environ, start):
        if not twice:
            twice.append("once")
            worker.witness_due(settings, "another")
        return real(environ, start)

    witness.app = meanwhile
    worker.witness_due(settings, "w")
    assert len(witness.asked) == 2, "one for each log"


def test_each_of_two_witnesses_has_its_own_pace(firm, settings, witness, tmp_path, at):
    with a_witness(tmp_path / "second", "second.example") as second:
        trusted(second, "installation", "northwind")
        second.lie = "down"
        worker.witness_due(asking(settings, witness, second), "w")
        with reading() as session:
            assert [(one.name, bool(one.size)) for one in reached(session, "northwind")] == [
                ("auditor.example", True),
                ("second.example", False),
            ]


def test_a_witness_that_is_taken_out_of_the_settings_is_not_behind_for_ever(firm, settings):
    worker.witness_due(settings, "w")
    worker.witness_due(replace(settings, witnesses=()), "w")
    with reading() as session:
        assert reached(session, "northwind") == ()
    assert len(sizes()) == 1, "what it signed is kept"


# -- when it fails -----------------------------------------------------------------------------------------------


def test_a_witness_may_be_down_for_a_day(firm, settings, witness, keys, at):
    """A39: work goes on, each attempt is a minute apart, the gap is known, and it catches up in order."""
    worker.witness_due(settings, "w")
    before = sizes()
    witness.lie = "down"
    for hour in range(1, 25):
        at(NOW + timedelta(hours=hour))
        whistle(keys)
        worker.witness_due(settings, "w")
        worker.witness_due(settings, "w")
    behind = place()
    assert (behind.size, behind.behind_since) == (before[0], NOW + timedelta(hours=1))
    assert "status 503" in (behind.problem or "") and behind.alarm is None
    witness.lie = ""
    for second in range(0, 30, 10):
        at(NOW + timedelta(hours=24, minutes=2, seconds=second))
        worker.witness_due(settings, "w")
    with reading() as session:
        assert place().size == head(session, "northwind").sealed == held(witness)
    assert place().behind_since is None and place().problem is None
    assert sizes() == sorted(sizes()) and len(sizes()) == 2, "the newest covers the gap, by one proof"


def test_control_a_witness_that_is_never_asked_again_stays_behind(firm, settings, witness, keys, at):
    worker.witness_due(settings, "w")
    at(NOW + timedelta(hours=1))
    whistle(keys)
    at(NOW + timedelta(hours=2))
    assert place().behind_since == NOW + timedelta(hours=1)


def test_failed_but_stored_is_found_and_not_an_alarm(firm, settings, witness, keys, at):
    """A6: the witness keeps the head and the answer is lost. It then holds more than we believe, and says so."""
    witness.lie = "stored, no answer"
    for _ in range(2):
        worker.witness_due(settings, "w")
    assert (held(witness) > 0, sizes(), place().size) == (True, [], 0)
    witness.lie = ""
    whistle(keys)
    at(NOW + timedelta(minutes=2))
    worker.witness_due(settings, "w")
    assert witness.asked[-2:] == [409, 200] or witness.asked[-4:] == [409, 200, 409, 200]
    assert sizes() == [held(witness)] and wrong() == []


def test_failed_and_not_stored_is_tried_again(firm, settings, witness, at):
    witness.lie = "down"
    worker.witness_due(settings, "w")
    assert held(witness) == 0
    witness.lie = ""
    at(NOW + timedelta(minutes=2))
    worker.witness_due(settings, "w")
    assert sizes() == [held(witness)] and set(witness.asked) == {200}


@pytest.mark.parametrize("lie", ["another line", "broken line"])
def test_a_cosignature_that_does_not_hold_is_not_kept(firm, settings, witness, lie):
    witness.lie = lie
    for _ in range(2):
        worker.witness_due(settings, "w")
    with reading() as session:
        assert session.scalars(select(Cosignature.line)).all() == []
        assert ["gave no cosignature" in each for each in session.scalars(select(Outpost.problem))] == [True, True]


def test_an_address_that_the_guarded_way_does_not_allow_is_not_asked(firm, settings, witness):
    worker.witness_due(replace(settings, outbound_allow=()), "w")
    assert witness.asked == []
    with reading() as session:
        problems = session.scalars(select(Outpost.problem).where(Outpost.problem.is_not(None))).all()
    assert len(problems) == 1 and "APPROVAL_OUTBOUND_ALLOW" in problems[0]


@pytest.mark.parametrize(
    "value",
    ["https://a.example", "https://a.example nokey", "ftp://a.example a+00000000+AAAA", "{one}, {one}"],
)
def test_a_setting_that_names_no_witness_is_refused(value, witness):
    one = f"https://a.example {witness.vkey}"
    with pytest.raises(BadSetting, match="APPROVAL_WITNESSES"):
        environment.load({"APPROVAL_WITNESSES": value.format(one=one), "APPROVAL_SECRET_KEY": "s" * 40})


def test_a_key_of_a_log_is_no_key_of_a_witness(firm, settings, witness):
    with reading() as session:
        vkey = head(session, "northwind").vkey
    given = replace(settings, witnesses=(replace(settings.witnesses[0], vkey=vkey),))
    with pytest.raises(BadSetting, match="unknown type"):
        worker.witness_due(given, "w")


# -- rollback and fork -------------------------------------------------------------------------------------------


def back_up(url: str, to: Path) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def put_back(engine, url: str, backup: Path) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    engine.dispose()
    for rest in path.parent.glob(f"{path.name}*"):
        rest.unlink()
    shutil.copy(backup, path)


@pytest.fixture
def yesterday(firm, settings, witness, keys, sqlite, sqlite_url, at, tmp_path):
    """Put yesterday's database back under a witness that saw today's; with *heads*, the keys folder as well."""
    worker.witness_due(settings, "w")
    back_up(sqlite_url, tmp_path / "yesterday.db")
    shutil.copytree(keys.folder, tmp_path / "yesterday-keys")
    at(NOW + timedelta(days=1))
    whistle(keys, 5)
    worker.witness_due(settings, "w")

    def restore(*, heads: bool) -> None:
        put_back(sqlite, sqlite_url, tmp_path / "yesterday.db")
        if heads:
            shutil.rmtree(keys.folder)
            shutil.copytree(tmp_path / "yesterday-keys", keys.folder)

    return restore


def test_a_database_of_yesterday_is_refused_by_the_sealer_and_told_by_the_witness(yesterday, settings, witness, at):
    """A12: sealing refused, the witness answers 409, and there is an alarm within a minute."""
    yesterday(heads=False)
    witness.asked.clear()
    restored = NOW + timedelta(days=1, minutes=1)
    for second in range(0, 60, 5):
        at(restored + timedelta(seconds=second))
        jobs.seal_due(settings, "w")
        worker.witness_due(settings, "w")
    assert Wrong.REFUSED in wrong() and Wrong.CONTRADICTED in wrong()
    assert 409 in witness.asked
    assert "auditor.example cosigned" in (place().alarm or "") and contradictions() == 1
    people.tell_alarms(settings, "w")
    with reading() as session:
        assert "log_alarm" in session.scalars(select(Outbox.kind)).all()
        assert session.scalar(select(Watch.refusal).where(Watch.log == "northwind")) == "rolled-back"


def test_with_the_heads_rolled_back_too_only_the_witness_knows(yesterday, settings, witness, keys, at):
    """Whoever owns database and keys folder silences the sealer; not the witness."""
    yesterday(heads=True)
    at(NOW + timedelta(days=1, hours=2))
    jobs.seal_due(settings, "w")
    assert Wrong.REFUSED not in wrong()
    worker.witness_due(settings, "w")
    assert wrong() == [Wrong.CONTRADICTED] and "cosigned" in (place().alarm or "")


def test_control_without_a_witness_nobody_would_know(yesterday, settings, keys, at):
    yesterday(heads=True)
    at(NOW + timedelta(days=1, hours=2))
    jobs.seal_due(settings, "w")
    worker.witness_due(replace(settings, witnesses=()), "w")
    assert wrong() == []


def test_a_history_that_was_rewritten_and_outgrew_the_witness_is_told_too(yesterday, settings, witness, keys, at):
    yesterday(heads=True)
    at(NOW + timedelta(days=1, hours=2))
    whistle(keys, 50)
    worker.witness_due(settings, "w")
    assert witness.asked[-1] == 422 or 422 in witness.asked
    assert "another history" in (place().alarm or "")
    size = held(witness)
    at(NOW + timedelta(days=1, hours=3))
    worker.witness_due(settings, "w")
    assert held(witness) == size and contradictions() == 1, "told once while it lasts"


def test_the_alarm_ends_with_the_right_database(yesterday, settings, witness, sqlite, sqlite_url, at, tmp_path):
    back_up(sqlite_url, tmp_path / "today.db")
    yesterday(heads=False)
    at(NOW + timedelta(days=1, hours=2))
    worker.witness_due(settings, "w")
    assert wrong() == [Wrong.CONTRADICTED]
    at(NOW + timedelta(days=1, hours=3))
    worker.witness_due(settings, "w")
    assert wrong() == [Wrong.CONTRADICTED]
    put_back(sqlite, sqlite_url, tmp_path / "today.db")
    worker.witness_due(settings, "w")
    assert wrong() == [] and place().alarm is None


# -- the witness itself ------------------------------------------------------------------------------------------


def submit(witness, old: int, note: str, proof: tuple[bytes, ...] = ()) -> httpx.Response:
    return httpx.post(f"{witness.url}/add-checkpoint", content=Submission(old, proof, note.encode()).to_bytes())


def test_it_answers_in_the_words_of_the_protocol(firm, settings, witness, keys):
    with reading() as session:
        found = head(session, "northwind")
    assert submit(witness, 0, found.note).status_code == 200
    conflict = submit(witness, 0, found.note)
    assert (conflict.status_code, conflict.headers["content-type"]) == (409, "text/x.tlog.size")
    assert conflict.text == f"{found.sealed}\n"
    assert submit(witness, found.sealed, found.note).status_code == 200, "the same again"
    assert submit(witness, found.sealed + 1, found.note).status_code == 400
    assert submit(witness, 0, found.note.replace("/northwind", "/southwind")).status_code == 404
    assert submit(witness, 0, found.note.replace(f"\n{found.sealed}\n", "\n99\n", 1)).status_code == 403
    assert submit(witness, found.sealed, found.note, (bytes(32),)).status_code == 422
    assert httpx.post(f"{witness.url}/add-checkpoint", content=b"x" * 300_000).status_code == 413
    assert httpx.post(f"{witness.url}/add-checkpoint", content=b"hello").status_code == 400
    latest = httpx.get(f"{witness.url}/{hash_of(found.origin)}/checkpoint")
    assert latest.text.startswith(found.note) and latest.text.count("— auditor.example ") == 1
    assert httpx.get(f"{witness.url}/../../etc/passwd/checkpoint").status_code == 404
    assert httpx.get(f"{witness.url}/{'0' * 64}/checkpoint").status_code == 404
    assert httpx.get(witness.url).text == f"{witness.vkey}\n"


def test_of_many_at_once_it_never_goes_back(firm, witness, keys):
    """The race of the specification: without one lock over look and store a smaller tree would replace a larger."""
    notes = []
    for _ in range(6):
        whistle(keys, 3)
        with reading() as session:
            notes.append(head(session, "northwind").note)
    answers: list[str] = []

    def one(note: str) -> None:
        try:
            answers.append(witness.folder.answer(Submission(0, (), note.encode()).to_bytes(), time=1))
        except WitnessRefused as refused:
            assert refused.status == 409

    for _ in range(5):
        threads = [threading.Thread(target=one, args=(note,)) for note in notes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 1, "from size 0 it cosigns once"


def test_control_without_the_lock_it_would_cosign_from_the_same_size_twice(firm, witness, keys, monkeypatch):
    from contextlib import nullcontext

    notes = []
    for _ in range(2):
        whistle(keys, 3)
        with reading() as session:
            notes.append(head(session, "northwind").note)
    monkeypatch.setattr(WitnessFolder, "_alone", lambda self, name: nullcontext())
    store, both = WitnessFolder._store, threading.Barrier(2)

    def late(self, path, data):
        both.wait(10)
        store(self, path, data)

    monkeypatch.setattr(WitnessFolder, "_store", late)
    answers: list[str] = []
    threads = [
        threading.Thread(
            target=lambda note=note: answers.append(
                witness.folder.answer(Submission(0, (), note.encode()).to_bytes(), time=1)
            )
        )
        for note in notes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2


def test_its_head_is_durable_before_it_answers(firm, witness, monkeypatch):
    """A witness that answers and then forgets lets a log go back."""

    def full(self, path, data):
        raise OSError(28, "No space left on device")

    with reading() as session:
        note = head(session, "northwind").note
    monkeypatch.setattr(WitnessFolder, "_store", full)
    with pytest.raises(OSError, match="No space"):
        witness.folder.answer(Submission(0, (), note.encode()).to_bytes(), time=1)
    assert held(witness) == 0


def test_a_folder_holds_one_witness(witness):
    with pytest.raises(Conflict):
        witness.folder.create("another.example")
    assert witness.folder.key.name == "auditor.example"
    assert (witness.folder.folder / "key").stat().st_mode & 0o777 == 0o600


def test_the_command_runs_a_witness_without_a_database(firm, settings, keys, tmp_path):
    runner, folder = CliRunner(), str(tmp_path / "office")
    made = runner.invoke(main, ["witness", "create", folder, "--name", "office.example"])
    assert made.exit_code == 0, made.output
    with reading() as session:
        found = head(session, "northwind")
    assert runner.invoke(main, ["witness", "trust", folder, found.vkey]).exit_code == 0
    assert runner.invoke(main, ["witness", "trust", folder, made.output.strip()]).exit_code == 2
    assert runner.invoke(main, ["witness", "create", folder, "--name", "x y"]).exit_code == 2
    port = _free_port()
    environ = {**os.environ, "APPROVAL_DATABASE_URL": "sqlite:////nowhere/at/all.db"}
    command = [sys.executable, "-m", "approval.cli", "witness", "serve", folder, "--port", str(port)]
    running = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not _answers(port):
            assert running.poll() is None and time.monotonic() < until
            time.sleep(0.2)
        body = Submission(0, (), found.note.encode()).to_bytes()
        answer = httpx.post(f"http://127.0.0.1:{port}/add-checkpoint", content=body)
        assert answer.status_code == 200 and answer.text.startswith("— office.example ")
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
    told = runner.invoke(main, ["witness", "heads", folder, "--format", "json"])
    assert f'"size": {found.sealed}' in told.output


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
    except httpx.TransportError:
        return False
