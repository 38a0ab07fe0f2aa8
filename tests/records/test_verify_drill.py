"""The drill: keys are rotated, one is stolen and revoked; old exports keep verifying, what is in doubt is flagged."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import zipfile
from dataclasses import replace

import pytest
from authority import an_authority
from documented import block
from witnesses import a_witness

from approval import clock, settings as environment, worker
from approval.audit.queries.entries import head
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import logs, verify as verify_log
from approval.audit.services import rotating, seal
from approval.db import reading, transaction
from approval.records.queries import Filters
from approval.records.services import vouching, write_export, writing
from approval.records.verify import main, verify

LOG = "northwind"


@pytest.fixture
def settings(settings, keys):
    """Keys and data apart, as `keys` has them."""
    return replace(settings, keys=keys.folder)


@pytest.fixture
def key():
    def of(log: str = LOG) -> str:
        with reading() as session:
            return head(session, log).vkey

    return of


def rotate(keys, log=LOG):
    with transaction() as session:
        rotating.rotate(session, log, keys=keys, by="host:op", overlap=dt.timedelta(days=30))
    seal_all(keys)


def retire(log=LOG):
    with transaction() as session:
        rotating.retire(session, log, by="host:op")


def seal_all(keys):
    for log in (LOG, "installation"):
        with transaction() as session:
            seal(session, log, keys=keys)


def asked(path, vkey=None):
    return verify(str(path), vkey)


def still_stands(keys) -> bool:
    with reading() as session:
        for log in logs(session):
            verify_log(session, log, keys=keys)
            assert list(replay(session, log)) == []
    return True


def test_the_drill(firm, export, keys, key):
    """Rotation, overlap, retirement, theft: each export holds under the key of its day, and under older ones."""
    first, before = key(), export("before.zip")[0]
    rotate(keys)
    rotate(keys, "installation")
    second, overlap = key(), export("overlap.zip")[0]
    retire()
    after = export("after.zip")[0]
    assert len({first, second}) == 2 and first.partition("+")[0] == second.partition("+")[0]

    for path, vkey in ((before, first), (overlap, first), (overlap, second), (after, first), (after, second)):
        report = asked(path, vkey)
        assert report.holds and report.signer_checked and not report.warnings, report.to_text()
    assert "another key" in asked(before, second).to_text(), "an old export cannot know of a later key"

    with transaction() as session:
        since = clock.now(session)
    with transaction() as session:
        done = rotating.revoke(session, LOG, keys=keys, by="host:op", since=since, reason="A laptop is gone.")
    seal_all(keys)
    third, stolen = key(), export("stolen.zip")[0]
    assert done.newest.to_text() == third and done.key.to_text() == second

    report = asked(stolen, third)
    assert report.holds and report.signer_checked, report.to_text()
    assert f"the key {second} was revoked by entry" in report.to_text()
    assert "is in doubt; a checkpoint from before the cut covers" in report.to_text()
    for vkey in (first, second):
        assert "was revoked by entry" in asked(stolen, vkey).failures[-1], "a stolen key leads nobody"
    for path, vkey in ((before, first), (overlap, first), (after, first), (after, second)):
        assert asked(path, vkey).holds, "old exports keep verifying with the key of their day"
    assert still_stands(keys)


def test_an_export_of_a_period_before_the_rotation_still_leads_to_the_new_key(firm_on_sqlite, export, keys, key):
    """The entries about keys are included whenever they happened."""
    seal_all(keys)
    first = key()
    rotate(keys)
    path = export(first_day=dt.date(2020, 1, 1), last_day=dt.date(2020, 1, 2))[0]
    report = asked(path, first)
    assert report.holds and report.signer_checked, report.to_text()


def test_a_key_that_was_announced_and_has_signed_nothing_yet_signs_no_export(
    firm_on_sqlite, export, keys, key, monkeypatch
):
    """Between the seal of an export and its snapshot somebody announces a key."""
    first = key()
    seal_all(keys)
    with transaction() as session:
        rotating.rotate(session, LOG, keys=keys, by="host:op", overlap=dt.timedelta(days=30))
    monkeypatch.setattr(writing, "seal", lambda *_, **__: None)
    path = export()[0]
    assert asked(path, first).holds, asked(path, first).to_text()


@pytest.fixture
def watched(firm_on_sqlite, settings, keys, key, tmp_path):
    """The firm's logs, watched by a witness that is asked with what this yields."""
    with a_witness(tmp_path / "witness") as witness:
        for log in (LOG, "installation"):
            witness.folder.trust(key(log))
        port = witness.url.rpartition(":")[2]
        given = environment.load(
            {
                "APPROVAL_WITNESSES": f"{witness.url} {witness.vkey}",
                "APPROVAL_OUTBOUND_ALLOW": f"127.0.0.0/8:{port}",
                "APPROVAL_SECRET_KEY": "s" * 40,
            }
        )
        yield witness, replace(settings, witnesses=given.witnesses, outbound_allow=given.outbound_allow)


def test_an_export_shows_how_far_a_witness_saw_its_logs(watched, keys, key, export, capsys):
    witness, asking = watched
    seal_all(keys)
    worker.witness_due(asking, "w")
    path = export()[0]
    assert main([str(path), "--vkey", key(), "--witness", witness.vkey]) == 0
    told = capsys.readouterr().out
    assert [f"log {log}:" in line for line in told.splitlines() if "were cosigned by auditor.example" in line
            for log in (LOG, "installation")].count(True) == 2  # fmt: skip
    assert main([str(path), "--vkey", key()]) == 0
    assert "not checked, lines of auditor.example" in capsys.readouterr().out


def test_an_export_that_no_witness_saw_is_refused_by_whoever_brings_the_key_of_one(watched, export, key, capsys):
    witness, _ = watched
    assert main([str(export()[0]), "--vkey", key(), "--witness", witness.vkey]) == 1
    assert f"no checkpoint here is cosigned by {witness.vkey}" in capsys.readouterr().out


def test_as_many_witnesses_stand_in_a_checkpoint_as_the_format_has_room_for(watched, monkeypatch, key, export):
    line = f"— {'w' * 200} {'A' * 104}\n"
    monkeypatch.setattr(vouching, "cosignatures", lambda *_: line * 40)
    report = asked(export()[0], key())
    assert report.holds, report.to_text()
    assert "not checked, lines of www" in report.to_text()


@pytest.fixture
def authority(tmp_path):
    with an_authority(tmp_path / "authority") as running:
        yield running


@pytest.fixture
def dated(firm_on_sqlite, settings, keys, authority, monkeypatch):
    """The firm's log, dated from outside, and an export of it that carries the tokens."""
    allowed = environment.load(
        {"APPROVAL_OUTBOUND_ALLOW": f"127.0.0.0/8:{authority.port}", "APPROVAL_SECRET_KEY": "s" * 40}
    )
    seal_all(keys)
    asking = replace(
        settings, outbound_allow=allowed.outbound_allow, timestamp_url=authority.url, timestamp_ca=authority.ca
    )
    worker.anchor_due(asking, "w")
    return asking


@pytest.fixture
def dated_export(dated, tmp_path):
    out = tmp_path / "dated.zip"
    days = {"first_day": dt.date(2020, 1, 1), "last_day": dt.date(2099, 12, 31)}
    write_export(workspace=LOG, **days, filters=Filters(), by="host:test", out=out, settings=dated)
    return out


def test_tokens_of_time_are_in_the_export_and_openssl_vouches_for_them(dated_export, authority, key, capsys):
    with zipfile.ZipFile(dated_export) as archive:
        names = set(archive.namelist())
    assert "anchors/authority.pem" in names
    assert len([name for name in names if name.startswith(f"logs/{LOG}/anchors/")]) == 1
    assert main([str(dated_export), "--vkey", key()]) == 0
    assert "verified by openssl under anchors/authority.pem, which the firm chose" in capsys.readouterr().out
    assert main([str(dated_export), "--authority", str(authority.ca)]) == 0
    assert "verified by openssl under the certificates that you gave" in capsys.readouterr().out


def test_under_another_authority_a_token_is_refused(dated_export, tmp_path, capsys):
    with an_authority(tmp_path / "stranger") as stranger:
        assert main([str(dated_export), "--authority", str(stranger.ca)]) == 1
    assert "openssl does not find it signed" in capsys.readouterr().out


def test_without_openssl_who_signed_a_token_is_not_checked_and_that_is_said(dated_export, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert main([str(dated_export)]) == 0
    assert "who signed that: not checked, openssl is not on this computer" in capsys.readouterr().out


def test_the_steps_of_the_documentation_verify_a_token_without_our_program(dated_export, authority, tmp_path):
    """docs/export-format.md: the first three lines of the checkpoint are what was dated."""
    with zipfile.ZipFile(dated_export) as archive:
        archive.extractall(tmp_path / "unpacked")
    folder = tmp_path / "unpacked" / "logs" / LOG
    (token,) = (folder / "anchors").iterdir()
    note = folder / "earlier" / f"{token.stem}.checkpoint"
    note = note if note.exists() else folder / "checkpoint"
    (tmp_path / "text").write_text("".join(note.read_text().splitlines(keepends=True)[:3]))
    ca = tmp_path / "unpacked" / "anchors" / "authority.pem"
    assert "Verification: OK" in authority.openssl(f"ts -verify -data {tmp_path / 'text'} -in {token} -CAfile {ca}")


@pytest.fixture
def openssl_says(firm_on_sqlite, export, key, tmp_path):
    """What the shell lines of docs/export-format.md say of an export whose note, of so many lines, was changed so."""
    folder, path = tmp_path / "by-hand", export()[0]
    folder.mkdir()
    shutil.copy(path, folder / "FILE.zip")
    note = path.with_name(f"{path.name}.note").read_bytes()
    _, commands = block("export-format.md", "The note", "sh").split("\n", 1)

    def says(change=lambda note: note, lines=4):
        (folder / "FILE.zip.note").write_bytes(change(note))
        script = f"KEY={key()}\n" + commands.replace("head -n 4", f"head -n {lines}")
        done = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    return says


def test_the_steps_of_the_documentation_verify_the_note_with_openssl_alone(openssl_says):
    told = openssl_says()
    assert "Signature Verified Successfully" in told
    text, below = told.split("Successfully\n")[1].split("FILE.zip", 1)
    _, _, length, digest, counted = text.split()
    assert (counted, below.split()[0]) == (length, digest)


@pytest.mark.parametrize("old, new", [(b"export/v1", b"export/v2"), (b"/northwind\n", b"/northwing\n")])
def test_control_openssl_refuses_a_note_that_was_changed(openssl_says, old, new):
    told = openssl_says(lambda note: note.replace(old, new, 1))
    assert "Verified Successfully" not in told and "Signature Verification Failure" in told


@pytest.mark.parametrize("lines, told", [(3, "Signature Verified Successfully"), (2, "Signature Verification Failure")])
def test_a_checkpoint_is_checked_alike_over_its_first_three_lines(openssl_says, tmp_path, lines, told):
    with zipfile.ZipFile(tmp_path / "by-hand" / "FILE.zip") as archive:
        checkpoint = archive.read(f"logs/{LOG}/checkpoint")
    assert told in openssl_says(lambda _: checkpoint, lines)
