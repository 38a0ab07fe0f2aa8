"""Whatever call of the operating system fails, and whenever the process dies, the log holds and goes on.

Faults come from outside, by `strace`: each call on a file that appending, sealing and writing a tile make, in turn.
APPROVAL_NIGHTLY=1 takes every call and 2,000 random runs; the suite takes some.
"""

from __future__ import annotations

import ast
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import faulty_job
import pytest
from click.testing import CliRunner
from factories import a_firm
from sqlalchemy import select
from ticking import sealed, tick

from approval import db
from approval.audit.commands import audit
from approval.audit.models import Checkpoint, Entry
from approval.audit.models.keys import Keys
from approval.audit.models.tiles import TileFiles
from approval.audit.queries.comparing import compare
from approval.audit.queries.entries import head
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import logs, verify
from approval.audit.queries.watching import signed_size
from approval.audit.services import sealing
from approval.audit.services.tiling import lay_tiles, mend_tiles
from approval.db import reading
from approval.errors import Conflict, ProofFailed
from approval.tlog import TILE_WIDTH, Checkpoint as Signed, Note

LOG = "northwind"
NIGHTLY = bool(os.environ.get("APPROVAL_NIGHTLY"))
FULL = {"error=EIO": "an error of the disk", "error=ENOSPC": "a full disk", "signal=KILL": "a killed process"}
# How many of a kind the suite leaves out between two; a commit writes some hundred pages.
CALLS = {"fsync": 3, "fdatasync": 3, "pwrite64": 61, "write": 2, "openat": 13, "rename": 1, "link": 1, "unlink": 2}


def _can_trace() -> bool:
    strace = shutil.which("strace")
    probe = [str(strace), "-qq", "-e", "inject=getpid:error=EIO", "-o", os.devnull, "true"]
    return bool(strace) and subprocess.run(probe, capture_output=True).returncode == 0


traced = pytest.mark.skipif(not _can_trace(), reason="strace is not here, or may not trace")


@pytest.fixture
def template(sqlite, sqlite_url, keys, tmp_path) -> Path:
    """A data folder whose log is sealed and fills its first tile in some entries more."""
    a_firm(keys)
    size = sealed(keys).size
    tick(TILE_WIDTH - 3 - size)
    sealed(keys)
    sqlite.dispose()
    folder = tmp_path / "template"
    folder.mkdir()
    for name in ("approval.db", "keys"):
        (tmp_path / name).rename(folder / name)
    return folder


def run(template: Path, fault: str, call: str, *, step: int, careless: bool = False) -> dict[int, list[int]]:
    """Do the work once for each n of a kind of call; return by n which acts were acknowledged."""
    target = template.with_name("runs")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    job = [sys.executable, faulty_job.__file__, str(template), str(target), call]
    # Without `-o`, strace would write its own news between the lines of the job.
    strace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}"]
    if fault.startswith("error"):
        strace.append("--seccomp-bpf")  # several times as fast; strace 6.1 delivers no signal with it
    inject = ["-e", f"inject={call}:{fault}:when={faulty_job.when(call)}"]
    options = ["1", "100000", str(step), *(["careless"] if careless else [])]
    done = subprocess.run([*strace, *inject, *job, *options], capture_output=True, text=True, check=True)
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert lines and lines[-1][1] == "beyond", done.stderr
    return {int(number): ast.literal_eval(acts) for number, acts in lines[:-1]}


def faults_in(folder: Path, acknowledged: list[int]) -> list[str]:
    """What is wrong with a log after the fault, and after it went on; nothing else may have been shown."""
    found = []
    keys, files = Keys(folder / "keys"), TileFiles(folder / "tiles")
    engine = db.connect(f"sqlite:///{folder / 'approval.db'}")
    with reading() as session:
        by = select(Entry.body).where(Entry.log == LOG, Entry.actor == "fault")
        numbers = sorted(number_of(body) for body in session.scalars(by))
        if len(set(numbers)) != len(numbers):
            found.append("an act has two entries")
        for act in acknowledged:
            if not {act * faulty_job.TOGETHER + number for number in range(faulty_job.TOGETHER)} <= set(numbers):
                found.append(f"act {act} was acknowledged and is lost")
        if head(session, LOG).sealed > signed_size(keys, LOG):
            found.append("a checkpoint is served that is not the signed head")
    found += broken(keys)
    try:
        tick(4)
        sealed(keys)
    except Exception as error:
        found.append(f"it does not go on: {error}")
    found += broken(keys)
    with reading() as session:
        lay_tiles(session, LOG, files)
        found += mend_tiles(session, LOG, files)
    engine.dispose()
    return found


def number_of(body: bytes) -> int:
    return int(body.split(b'"number":')[1].split(b"}")[0])


def broken(keys: Keys) -> list[str]:
    found = []
    with reading() as session:
        for log in logs(session):
            try:
                verify(session, log, keys=keys)
            except ProofFailed as failure:
                found.append(str(failure))
            found += map(str, replay(session, log))
    return found


@traced
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FULL if NIGHTLY else ["error=EIO", "signal=KILL"])
def test_a_fault_at_each_call_leaves_a_log_that_holds_and_goes_on(template, fault, call):
    runs = run(template, fault, call, step=1 if NIGHTLY else CALLS[call])
    assert runs, "the work makes no such call"
    wrong = {
        number: found
        for number, acts in runs.items()
        if (found := faults_in(template.with_name("runs") / str(number), acts))
    }
    assert not wrong


@traced
def test_who_is_told_before_the_commit_is_told_of_what_is_lost(template):
    """The negative control: the same runs find a program that acknowledges too early."""
    runs = run(template, "signal=KILL", "pwrite64", step=20, careless=True)
    found = [faults_in(template.with_name("runs") / str(number), acts) for number, acts in runs.items()]
    assert any("was acknowledged and is lost" in str(each) for each in found)


# -- failed but stored, failed and not stored -----------------------------------------------------------------------


PLACES = ("head not stored", "head stored", "checkpoint not stored", "commit failed", "tile not stored", "tile stored")


def fail_at(place: str, patch: pytest.MonkeyPatch) -> None:
    """Let the next sealing fail at *place*, before or after what is done there."""
    owner, name = {
        "head": (Keys, "store_head"),
        "checkpoint": (sealing, "_store"),
        "commit": (db.Session, "commit"),
        "tile": (TileFiles, "write"),
    }[place.split()[0]]
    honest = getattr(owner, name)

    def fails(*arguments: object, **options: object) -> None:
        if place.endswith(" stored") and not place.endswith("not stored"):
            honest(*arguments, **options)
        raise OSError("the disk is gone")

    patch.setattr(owner, name, fails)


def test_in_random_order_no_two_roots_are_signed_for_one_size(database, keys, tmp_path):
    """Every head that was ever written is of one log: of two of one size the roots are the same."""
    a_firm(keys)
    sealed(keys)
    files, luck = TileFiles(tmp_path / "tiles"), random.Random(13)
    signed: dict[int, bytes] = {}
    failed = 0
    for _ in range(2_000 if NIGHTLY else 100):
        tick(luck.randint(0, 9))
        with pytest.MonkeyPatch.context() as patch:
            if luck.random() < 0.6:
                fail_at(luck.choice(PLACES), patch)
            try:
                sealed(keys)
                with reading() as session:
                    lay_tiles(session, LOG, files)
            except OSError:
                failed += 1
        note = Signed.from_text(Note.from_bytes(keys.head(LOG) or b"").text)
        assert signed.setdefault(note.size, note.root) == note.root
        with reading() as session:
            served = session.execute(
                select(Checkpoint.size, Checkpoint.root).where(Checkpoint.log == LOG).order_by(Checkpoint.size.desc())
            ).first()
        assert served is not None and signed[served.size] == served.root, "what is served was signed first"
    assert failed > 20
    sealed(keys)
    assert broken(keys) == []
    with reading() as session:
        lay_tiles(session, LOG, files)
        assert list(mend_tiles(session, LOG, files)) == []


# -- two sealers with one key ---------------------------------------------------------------------------------------


@pytest.fixture
def forked(sqlite, keys, tmp_path) -> tuple[str, Keys]:
    """A copy of the database and of the folder of keys, made before the log went on: the second sealer's."""
    a_firm(keys)
    sealed(keys)
    _backup(tmp_path / "approval.db", tmp_path / "second.db")
    shutil.copytree(keys.folder, tmp_path / "second")
    tick(3)
    return f"sqlite:///{tmp_path / 'second.db'}", Keys(tmp_path / "second")


def _backup(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


@contextmanager
def connected(url: str) -> Iterator[None]:
    engine = db.connect(url)
    yield
    engine.dispose()


def test_of_one_folder_of_keys_there_is_one_sealer(keys):
    keys.folder.mkdir(parents=True)
    with keys.alone(), pytest.raises(Conflict, match="would fork"), Keys(keys.folder).alone():
        pass
    with keys.alone():
        pass


def test_a_fork_is_refused_by_the_sealer_that_kept_its_head(forked, keys):
    url, _ = forked
    first = sealed(keys)
    with connected(url):
        tick(4)
        with pytest.raises(ProofFailed, match="not an extension"):
            sealed(keys)
    assert Signed.from_text(Note.from_bytes(keys.head(LOG)).text) == first


def test_an_older_head_on_the_true_log_forks_nothing(forked, keys):
    """The copied folder of keys is behind: what it signs there extends the newest checkpoint all the same."""
    _, second = forked
    first = sealed(keys)
    assert sealed(second) == first
    tick(1)
    assert sealed(second).size == first.size + 1
    assert broken(keys) == []


def test_of_a_forced_fork_the_two_heads_of_one_size_are_the_proof(forked, keys, tmp_path):
    url, second = forked
    with connected(url):
        tick(3)
        forced = sealed(second)
    kept = tmp_path / "kept"
    kept.write_bytes(second.head(LOG))
    with connected(f"sqlite:///{tmp_path / 'approval.db'}"):
        first = sealed(keys)
        assert (first.size, first.root == forced.root) == (forced.size, False)
        told = CliRunner().invoke(audit, ["compare", "--workspace", LOG, str(kept)])
        assert told.exit_code == 1
        assert "forked" in told.output and forced.root.hex() in told.output and first.root.hex() in told.output

        keys.store_head(LOG, second.head(LOG))
        with pytest.raises(ProofFailed, match="not an extension"):
            sealed(keys)
        with reading() as session, pytest.raises(ProofFailed, match="not those of the last-signed head"):
            verify(session, LOG, keys=keys)


def test_a_checkpoint_that_was_kept_agrees_with_the_log_that_went_on(sqlite, keys, tmp_path):
    """The negative control of the comparison; and what is no checkpoint of the log is said to be none."""
    a_firm(keys)
    sealed(keys)
    kept, spoilt = tmp_path / "kept", tmp_path / "spoilt"
    kept.write_bytes(keys.head(LOG))
    spoilt.write_bytes(keys.head(LOG).replace(b"approval.local", b"approval.other"))
    tick(5)
    told = CliRunner().invoke(audit, ["compare", "--workspace", LOG, str(kept)])
    assert told.exit_code == 0
    assert "still what was signed" in told.output
    told = CliRunner().invoke(audit, ["compare", "--workspace", LOG, str(kept), str(spoilt)])
    assert told.exit_code == 1
    assert "no checkpoint of northwind" in told.output


def test_a_checkpoint_beyond_the_log_tells_of_a_rollback(forked, keys, tmp_path):
    url, _ = forked
    sealed(keys)
    with connected(url), reading() as session, pytest.raises(ProofFailed, match="rolled back"):
        compare(session, LOG, keys.head(LOG))


# -- every byte of a head -------------------------------------------------------------------------------------------


def test_no_byte_of_the_signed_head_may_be_another(sqlite, keys):
    a_firm(keys)
    sealed(keys)
    note = keys.head(LOG)
    places = range(len(note)) if NIGHTLY else random.Random(3).sample(range(len(note)), 40)
    for place in places:
        keys.store_head(LOG, note[:place] + bytes([note[place] ^ 1]) + note[place + 1 :])
        with reading() as session, pytest.raises(ProofFailed, match="last-signed head"):
            verify(session, LOG, keys=keys)
    keys.store_head(LOG, note)
    assert broken(keys) == []


# -- any value of any row of the log --------------------------------------------------------------------------------

LOG_TABLES = ("entry", "opening", "node", "checkpoint", "log")
BESIDE = {("checkpoint", "at")}
"""When a checkpoint was stored is no part of what is signed."""
OPEN = {"opening": " WHERE value IS NOT NULL"}
"""The salt of a secret is tried against the stored secret, by replay, and opens nothing once that was replaced."""


def test_no_value_of_a_row_of_the_log_may_be_another(sqlite, keys, tmp_path):
    """Of a random row of a random table a random column; `test_verifying` does it to the rows that are witnessed."""
    a_firm(keys)
    tick(300)
    sealed(keys)
    luck, path = random.Random(5), tmp_path / "approval.db"
    _disarm(path)
    _backup(path, tmp_path / "kept.db")
    missed, times = [], 500 if NIGHTLY else 15
    for _ in range(times):
        changed = _meddle(path, luck)
        if not broken(keys):
            missed.append(changed)
        with closing(sqlite3.connect(path)) as plain, closing(sqlite3.connect(tmp_path / "kept.db")) as kept:
            kept.backup(plain)
    assert missed == []
    assert broken(keys) == [], "what was put back holds"


def _disarm(path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain, plain:
        for (trigger,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            plain.execute(f"DROP TRIGGER {trigger}")


def _meddle(path: Path, luck: random.Random) -> str:
    with closing(sqlite3.connect(path)) as plain, plain:
        table = luck.choice(LOG_TABLES)
        columns = plain.execute(f"PRAGMA table_info({table})").fetchall()
        keys = [name for _, name, _, _, _, key in columns if key]
        rows = plain.execute(f"SELECT * FROM {table}{OPEN.get(table, '')}").fetchall()
        row = dict(zip([name for _, name, *_ in columns], luck.choice(rows), strict=True))
        column = luck.choice(
            [
                name
                for _, name, _, _, _, key in columns
                if not key and row[name] is not None and (table, name) not in BESIDE
            ]
        )
        where = " AND ".join(f'"{key}" = ?' for key in keys)
        change = f'UPDATE {table} SET "{column}" = ? WHERE {where}'
        assert plain.execute(change, (_another(row[column]), *(row[key] for key in keys))).rowcount == 1
    return f"{table}.{column} of {[row[key] for key in keys]}"


def _another(value: object) -> object:
    """A value of the same kind and length."""
    if isinstance(value, int):
        return value + 1
    last = b"1" if isinstance(value, bytes) else "1"
    other = b"2" if isinstance(value, bytes) else "2"
    return value[:-1] + (other if value[-1:] == last else last)
