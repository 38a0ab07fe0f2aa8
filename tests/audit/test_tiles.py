"""Full tiles stand in files: written once, never beyond what is signed, never trusted alone."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from click.testing import CliRunner
from doors import Browser, give_passwords
from factories import a_firm
from sqlalchemy import select
from ticking import sealed, tick

from approval import settings as environment
from approval.app import create_app
from approval.audit import jobs
from approval.audit.commands import audit
from approval.audit.models import Entry
from approval.audit.models.tiles import TileFiles
from approval.audit.queries.entries import proof
from approval.audit.queries.tiles import remembering, stored_tile, tile
from approval.audit.services.tiling import lay_tiles, mend_tiles
from approval.db import reading
from approval.errors import NotFound
from approval.tlog import ENTRIES, EntryProof, Tile, check_inclusion, leaf_hash, split_tile, unpack_bundle

LOG = "northwind"
FULL = [Tile(ENTRIES, 0), Tile(ENTRIES, 1), Tile(0, 0), Tile(0, 1)]


@pytest.fixture
def files(database, keys, tmp_path) -> TileFiles:
    """The files of a log whose first two tiles are full and sealed, not yet written; a third is begun."""
    a_firm(keys)
    tick(600)
    sealed(keys)
    return TileFiles(tmp_path / "tiles")


def lay(files: TileFiles, **how: int) -> int:
    with reading() as session:
        return lay_tiles(session, LOG, files, **how)


def written(files: TileFiles) -> set[str]:
    return {str(path.relative_to(files.folder)) for path in files.folder.rglob("*") if path.is_file()}


def test_every_full_tile_is_written_once_in_the_layout_in_which_it_is_served(files):
    assert lay(files) == len(FULL)
    assert written(files) == {f"{LOG}/tile/{where}" for where in ("entries/000", "entries/001", "0/000", "0/001")}
    assert lay(files) == 0
    with reading() as session:
        for each in FULL:
            assert files.read(LOG, each) == stored_tile(session, LOG, each)


def test_no_tile_is_written_or_served_beyond_the_signed_size(files, keys):
    lay(files)
    tick(200)
    assert lay(files) == 0
    third = Tile(0, 2)
    with reading() as session, pytest.raises(NotFound, match="signed checkpoint"):
        tile(session, LOG, third, files=files)
    files.write(LOG, third, b"too early")
    with reading() as session, pytest.raises(NotFound, match="signed checkpoint"):
        tile(session, LOG, third, files=files)


def test_a_new_tile_is_written_after_its_checkpoint(files, keys):
    lay(files)
    tick(200)
    sealed(keys)
    assert lay(files) == 2
    assert files.has(LOG, Tile(ENTRIES, 2)) and files.has(LOG, Tile(0, 2))


def test_a_long_log_is_laid_out_a_part_at_a_time(files):
    assert [lay(files, most=1) for _ in range(5)] == [1, 1, 1, 1, 0]


def test_a_tile_without_its_file_is_served_from_the_database(files):
    with reading() as session:
        before = [tile(session, LOG, each, files=files) for each in FULL]
    lay(files)
    with reading() as session:
        assert [tile(session, LOG, each, files=files) for each in FULL] == before
    assert [leaf_hash(entry) for entry in unpack_bundle(before[0])] == split_tile(before[2])


def test_a_tile_with_its_file_is_served_from_it(files):
    """The negative control of every test that compares the two."""
    files.write(LOG, Tile(0, 1), b"from the file")
    with reading() as session:
        assert tile(session, LOG, Tile(0, 1), files=files) == b"from the file"
        assert tile(session, LOG, Tile(0, 1)) != b"from the file"


@pytest.mark.parametrize("data", [b"", b"\0" * 31, b"\0" * 8192], ids=["empty", "torn", "wrong"])
def test_a_proof_never_rests_on_a_file_alone(files, data):
    files.write(LOG, Tile(0, 1), data)
    with reading() as session:
        leaf = session.scalar(select(Entry.leaf).where(Entry.log == LOG, Entry.index == 300))
        found = proof(session, LOG, 300, files=files)
    check_inclusion(300, found.size, leaf, found.path, found.root)


def test_proofs_from_files_and_from_the_database_are_the_same(files):
    with reading() as session:
        before = [proof(session, LOG, index) for index in (0, 255, 256, 511, 512, 600)]
    lay(files)
    with reading() as session:
        assert [proof(session, LOG, index, files=files) for index in (0, 255, 256, 511, 512, 600)] == before


def test_what_is_remembered_of_a_root_is_asked_once_and_never_trusted_alone(files, monkeypatch):
    asked: list[int] = []

    def read(nodes):
        asked.append(len(nodes))
        return [bytes(32) for _ in nodes]

    nodes = [(0, 1), (9, 4)]
    for _ in range(2):
        assert remembering(b"root", read)(nodes) == [bytes(32), bytes(32)]
    remembering(b"another root", read)(nodes)
    assert asked == [2, 2]

    with reading() as session:
        honest = proof(session, LOG, 300)
        for node in ((0, 301), (1, 151), (8, 0)):
            remembering(honest.root, lambda nodes: [bytes(32)])([node])
        assert proof(session, LOG, 300, files=files) == honest


FAULTS = {
    "before the data is written": "fsync",
    "before the name is given": "link",
    "after the name is given": "unlink",
}


@pytest.mark.parametrize("call", FAULTS.values(), ids=FAULTS)
def test_a_tile_that_could_not_be_written_is_written_by_the_next_beat(files, monkeypatch, call):
    """Failed and not stored, failed but stored: the next beat writes what is missing and nothing twice."""
    with monkeypatch.context() as patch:
        patch.setattr(os, call, _fail)
        with pytest.raises(OSError, match="the disk is gone"):
            lay(files)
    stored = call == "unlink"
    assert files.has(LOG, Tile(ENTRIES, 0)) is stored
    lay(files)
    with reading() as session:
        assert list(mend_tiles(session, LOG, files)) == []
        for each in FULL:
            assert files.read(LOG, each) == stored_tile(session, LOG, each)


def _fail(*_: object, **__: object) -> None:
    raise OSError("the disk is gone")


def test_what_stands_there_is_never_written_over(files):
    files.write(LOG, Tile(0, 0), b"the first")
    files.write(LOG, Tile(0, 0), b"the second")
    assert files.read(LOG, Tile(0, 0)) == b"the first"
    assert [name for name in written(files) if "/." in name] == []


def test_the_worker_lays_tiles_out_and_a_full_disk_holds_nothing_up(files, monkeypatch, tmp_path):
    settings = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", _fail)
        jobs.lay_tiles_due(settings, "worker")
    assert not files.has(LOG, Tile(0, 0))
    jobs.lay_tiles_due(settings, "worker")
    assert files.has(LOG, Tile(0, 0))


def test_a_command_writes_what_is_missing_and_names_what_differs(files, tmp_path):
    settings = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})

    def run():
        return CliRunner().invoke(audit, ["tiles", "--workspace", LOG], obj=settings)

    lay(files)
    files.path(LOG, Tile(0, 0)).unlink()
    assert run().exit_code == 0
    assert files.has(LOG, Tile(0, 0))

    os.truncate(files.path(LOG, Tile(ENTRIES, 1)), 100)
    found = run()
    assert found.exit_code == 1
    assert "tile/entries/001 is not of its entries" in found.output


def test_over_http_a_full_tile_never_changes_and_a_partial_one_may(files, database_url, tmp_path):
    give_passwords()
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    settings = replace(loaded, base_url="http://localhost", database_url=database_url)
    auditor = Browser(create_app(settings).test_client())
    auditor.sign_in("carla@northwind.example")
    lay(files)

    full, partial = auditor.get(f"/log/{LOG}/tile/0/001"), auditor.get(f"/log/{LOG}/tile/0/002.p/9")
    assert (full.status_code, partial.status_code) == (200, 200)
    assert full.data == files.read(LOG, Tile(0, 1))
    assert "immutable" in full.headers["Cache-Control"]
    assert "immutable" not in partial.headers["Cache-Control"]
    assert auditor.get(f"/log/{LOG}/tile/0/002").status_code == 404
    checked = EntryProof.from_bytes(auditor.get(f"/audit/{LOG}/300.tlog-proof").data)
    with reading() as session:
        assert checked.path == proof(session, LOG, 300).path
