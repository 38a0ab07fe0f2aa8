"""A checkpoint is signed only over what extends everything signed before."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from factories import a_firm
from sqlalchemy import select

from approval import db, settings as environment
from approval.audit import jobs
from approval.audit.events import Event
from approval.audit.models import Checkpoint, Node
from approval.audit.models.keys import Keys, verify_signature
from approval.audit.queries.entries import head, proof
from approval.audit.queries.tiles import tile
from approval.audit.queries.verifying import verify
from approval.audit.services import open_log, recording, sealing
from approval.audit.services.recording import record
from approval.audit.services.sealing import seal
from approval.db import reading, transaction
from approval.errors import Conflict, ProofFailed
from approval.tlog import (
    ENTRIES,
    Tile,
    VerifierKey,
    check_inclusion,
    leaf_hash,
    open_checkpoint,
    split_tile,
    tree_hash,
    unpack_bundle,
)


@dataclass(frozen=True, kw_only=True)
class Ticked(Event, kind="test.ticked"):
    """A test went on."""

    number: int


def tick(times: int) -> None:
    with transaction() as session:
        for number in range(times):
            record(session, Ticked(by="t", workspace="northwind", number=number))


def sealed(keys: Keys):
    with transaction() as session:
        return seal(session, "northwind", keys=keys)


def test_a_checkpoint_covers_every_entry_and_is_signed_with_the_key_of_entry_zero(database, keys):
    a_firm(keys)
    checkpoint = sealed(keys)

    with reading() as session:
        found = head(session, "northwind")
    assert checkpoint.size == found.size == found.sealed
    assert (
        open_checkpoint(found.note.encode(), key=VerifierKey.from_text(found.vkey), verify=verify_signature)
        == checkpoint
    )


def test_every_entry_of_a_log_over_several_tiles_is_proved(database, keys):
    a_firm(keys)
    tick(700)
    sealed(keys)
    tick(90)
    checkpoint = sealed(keys)

    with reading() as session:
        for index in (0, 1, 255, 256, 511, 512, checkpoint.size - 1):
            found = proof(session, "northwind", index)
            check_inclusion(found.index, found.size, found.leaf, found.path, found.root)
        assert session.scalars(select(Node.index).where(Node.log == "northwind", Node.level == 1)).all() == [0, 1, 2]
        bundle = unpack_bundle(tile(session, "northwind", Tile(ENTRIES, 1)))
        hashes = split_tile(tile(session, "northwind", Tile(0, 1)))
        above = split_tile(tile(session, "northwind", Tile(1, 0, 3)))
    assert [leaf_hash(entry) for entry in bundle] == hashes
    assert above[1] == tree_hash(hashes)


def test_sealing_again_signs_nothing_new(database, keys):
    a_firm(keys)
    assert sealed(keys) == sealed(keys)

    with reading() as session:
        assert len(session.scalars(select(Checkpoint.size).where(Checkpoint.log == "northwind")).all()) == 1


def test_a_head_that_was_signed_but_not_stored_is_stored_by_the_next_sealing(database, keys, monkeypatch):
    a_firm(keys)
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "_store", _fail)
        with pytest.raises(OSError):
            sealed(keys)
    checkpoint = sealed(keys)

    with reading() as session:
        assert verify(session, "northwind", keys=keys).sealed == checkpoint.size


def _copy(source: Path, target: Path) -> None:
    """A backup as an administrator makes it: consistent, from the running database."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def _fail(*_: object) -> None:
    raise OSError("the disk is gone")


def test_a_database_that_was_rolled_back_is_not_signed_over(sqlite, keys, tmp_path):
    a_firm(keys)
    _copy(tmp_path / "approval.db", tmp_path / "yesterday.db")
    tick(5)
    sealed(keys)
    sqlite.dispose()
    for name in ("approval.db-wal", "approval.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "yesterday.db", tmp_path / "approval.db")
    engine = db.connect(f"sqlite:///{tmp_path / 'approval.db'}")

    with pytest.raises(ProofFailed, match="rolled back"):
        sealed(keys)
    engine.dispose()


def test_a_fork_of_the_log_is_not_signed(sqlite, keys, tmp_path):
    a_firm(keys)
    _copy(tmp_path / "approval.db", tmp_path / "fork.db")
    tick(5)
    sealed(keys)
    sqlite.dispose()
    engine = db.connect(f"sqlite:///{tmp_path / 'fork.db'}")
    tick(9)

    with pytest.raises(ProofFailed, match="not an extension"):
        sealed(keys)
    engine.dispose()


def test_without_the_stored_head_the_fork_would_be_signed(sqlite, keys, tmp_path):
    """The negative control: what the file beside the key is for."""
    a_firm(keys)
    _copy(tmp_path / "approval.db", tmp_path / "fork.db")
    tick(5)
    sealed(keys)
    sqlite.dispose()
    (keys.folder / "northwind.head").unlink()
    engine = db.connect(f"sqlite:///{tmp_path / 'fork.db'}")
    tick(9)

    assert sealed(keys).size > 0
    engine.dispose()


def test_a_lost_head_file_is_named(database, keys):
    a_firm(keys)
    sealed(keys)
    (keys.folder / "northwind.head").unlink()
    tick(1)

    with pytest.raises(ProofFailed, match="last-signed head"):
        sealed(keys)


def test_a_key_is_never_replaced(keys):
    made = keys.create("northwind", "a.example/log")
    file = keys.folder / "northwind.key"
    seed = file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0

    again = keys.create("northwind", "b.example/log")
    assert (again.public_key, file.read_bytes()) == (made.public_key, seed), (
        "what never signed was left by a rolled-back transaction"
    )
    assert again.name == "b.example/log"

    keys.store_head("northwind", b"a note")
    with pytest.raises(Conflict, match="has signed"):
        keys.create("northwind", "c.example/log")
    assert file.read_bytes() == seed
    assert [path.name for path in keys.folder.iterdir() if "key." in path.name] == []


def test_a_workspace_that_was_rolled_back_may_be_made_again(database, keys):
    with pytest.raises(ZeroDivisionError), transaction() as session:
        open_log(session, "northwind", keys=keys, by="host:test")
        raise ZeroDivisionError
    a_firm(keys)
    assert sealed(keys).size > 0


def test_what_is_no_key_is_named(keys):
    keys.folder.mkdir(parents=True, exist_ok=True)
    (keys.folder / "northwind.key").write_bytes(b"no key")
    with pytest.raises(ProofFailed, match=r"northwind\.key does not hold a signing key"):
        keys.create("northwind", "a.example/log")


def test_an_entry_is_at_most_16_kib(database, keys):
    a_firm(keys)

    with pytest.raises(recording.AuditFault, match="an entry of"), transaction() as session:
        record(session, Ticked(by="t" * 20_000, workspace="northwind", number=1))


def test_a_worker_without_the_keys_leaves_sealing_to_the_machine_that_has_them(database, keys, tmp_path):
    a_firm(keys)
    settings = environment.load({"APPROVAL_DATA": str(tmp_path / "other"), "APPROVAL_SECRET_KEY": "s" * 40})
    jobs.seal_due(settings, "worker")
    with reading() as session:
        assert head(session, "northwind").sealed == 0
    jobs.seal_due(replace(settings, keys=keys.folder), "worker")
    with reading() as session:
        assert head(session, "northwind").sealed > 0
