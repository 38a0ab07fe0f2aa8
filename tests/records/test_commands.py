"""Exporting and verifying from the terminal: answers, exit codes, who is recorded."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner
from factories import a_post
from sqlalchemy import select

from approval import tlog
from approval.audit.models import Entry
from approval.cli import main
from approval.db import reading, transaction
from approval.records.commands import COMMANDS

exporting, verifying, _ = COMMANDS
PERIOD = ("--from", "2020-01-01", "--to", "2099-12-31")


@pytest.fixture
def exported(firm_on_sqlite, settings, tmp_path):
    def run(*arguments, command=exporting):
        out = tmp_path / "out.zip"
        options = ("--workspace", "northwind", *PERIOD, "--out", str(out), *arguments)
        return out, CliRunner().invoke(command, options, obj=settings, catch_exceptions=False)

    return run


def test_an_export_answers_what_it_wrote_and_names_the_host_user(exported):
    out, result = exported()
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{out}: ") and " SHA-256 " in result.stdout
    with reading() as session:
        actor = session.scalars(select(Entry.actor).where(Entry.kind == "export.made")).one()
    assert actor == f"host:{getpass.getuser()}"


def test_posts_are_chosen_by_number_more_than_once(exported):
    exported("--post", "1", "--post", "3")
    with reading() as session:
        body = session.scalars(select(Entry.body).where(Entry.kind == "export.made")).one()
    assert json.loads(body)["facts"]["posts"] == [1, 3]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "21.11.2026"),
        ("--from", "2026-02-30"),
        ("--post", "one"),
        ("--post", "0"),
    ],
)
def test_bad_options_exit_2(exported, arguments):
    assert exported(*arguments)[1].exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--workspace", "eastwind"), "eastwind"),
        (("--to", "2019-12-31"), "lies before"),
        (("--post", "77"), "no post 77"),
        (("--person", "nobody@northwind.example"), "nobody@northwind.example"),
        (("--out", "/no/such/folder/x.zip"), "/no/such/folder/x.zip"),
    ],
)
def test_a_refusal_exits_2_and_names_the_input(firm_on_sqlite, sqlite_url, tmp_path, monkeypatch, arguments, named):
    monkeypatch.setenv("APPROVAL_DATA", str(tmp_path))
    monkeypatch.setenv("APPROVAL_DATABASE_URL", sqlite_url)
    options = ("export", "--workspace", "northwind", *PERIOD, "--out", str(tmp_path / "x.zip"), *arguments)
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 2
    assert named in result.stderr
    assert not (tmp_path / "x.zip").exists()


def verified(*arguments):
    return CliRunner().invoke(verifying, [str(argument) for argument in arguments])


def test_verify_says_first_that_the_signer_was_not_checked(exported, vkey):
    out, _ = exported()
    result = verified(out)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"signer not checked: {vkey()}"


def test_verify_takes_the_key_and_exits_1_with_another(exported, vkey):
    out, _ = exported()
    assert verified(out, "--vkey", vkey()).exit_code == 0
    assert "not checked" not in verified(out, "--vkey", vkey()).stdout
    assert verified(out, "--vkey", vkey("installation")).exit_code == 1


def test_verify_exits_1_for_a_changed_export_and_2_for_bad_usage(exported, vkey, tmp_path):
    out, _ = exported()
    assert verified(out, "--vkey", "no-key").exit_code == 2
    assert verified(tmp_path / "missing.zip").exit_code == 2
    data = out.read_bytes()
    out.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert verified(out, "--vkey", vkey()).exit_code == 1


@pytest.fixture
def kept(exported, tmp_path):
    """A file with the checkpoint of an earlier export, after which a post was written."""
    out, _ = exported()
    file = tmp_path / "kept"
    with zipfile.ZipFile(out) as archive:
        file.write_bytes(archive.read("logs/northwind/checkpoint"))
    return file


def test_verify_compares_a_later_export_with_a_checkpoint_that_was_kept(firm_on_sqlite, exported, kept, vkey):
    with transaction() as session:
        a_post(session, firm_on_sqlite)
    out, _ = exported()
    size = int(kept.read_text().split("\n")[1])
    answer = verified(out, "--vkey", vkey(), "--kept", kept)
    assert answer.exit_code == 0
    assert f"kept {kept}: the first {size} entries of the log northwind are still those" in answer.stdout


def test_verify_exits_1_where_the_kept_checkpoint_is_contradicted(exported, kept, keys, vkey):
    key = tlog.VerifierKey.from_text(vkey())
    said = tlog.Checkpoint.from_text(tlog.Note.from_bytes(kept.read_bytes()).text)
    other = tlog.Checkpoint(said.origin, said.size, b"r" * 32)
    kept.write_bytes(tlog.sign_checkpoint(other, key=key, sign=lambda text: keys.sign("northwind", key, text)))
    answer = verified(exported()[0], "--kept", kept)
    assert answer.exit_code == 1 and "two histories were signed" in answer.stdout


def test_verify_exits_3_where_a_limited_export_cannot_tell_and_2_for_another_file(exported, kept):
    out, _ = exported("--post", "1", "--to", "2020-01-02")
    answer = verified(out, "--kept", kept)
    assert answer.exit_code == 3 and "ask for an export without limits" in answer.stdout.lower()
    assert verified(out, "--kept", out).exit_code == 2


def test_verify_needs_no_database(exported, tmp_path):
    out, _ = exported()
    (tmp_path / "empty").mkdir()
    answer = subprocess.run(
        [sys.executable, "-m", "approval.cli", "verify", out],
        cwd=tmp_path / "empty",
        env={"PATH": "/usr/bin", "APPROVAL_DATABASE_URL": "postgresql://nowhere.invalid/none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert not list((tmp_path / "empty").iterdir())
