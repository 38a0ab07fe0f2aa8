"""Tiles: paths, bundles, what is stored, and few questions to the store."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, strategies as st

from approval.tlog import (
    ENTRIES,
    Tile,
    check_consistency,
    check_inclusion,
    leaf_hash,
    pack_bundle,
    parse_tile_path,
    prove_consistency,
    prove_inclusion,
    root,
    split_tile,
    stored_hashes,
    tile_bytes,
    tile_path,
    tile_reader,
    tiles_of,
    tree_hash,
    unpack_bundle,
)

BORDERS = [1, 2, 255, 256, 257, 300, 511, 512, 65_535, 65_536, 65_537, 70_000]


class Store:
    """Only what `stored_hashes` says, by tile level; counts the questions."""

    def __init__(self, size: int) -> None:
        self.levels: list[list[bytes]] = [[] for _ in range(4)]
        self.questions = 0
        for index in range(size):
            for level, at, hash_ in stored_hashes(index, leaf_hash(b"record %d" % index), self.fetch):
                assert at == len(self.levels[level]), "every hash is stored once, in order"
                self.levels[level].append(hash_)
        self.questions = 0

    def fetch(self, level: int, first: int, last: int) -> list[bytes]:
        self.questions += 1
        assert 0 <= first < last <= len(self.levels[level]), "only stored hashes are asked for"
        return self.levels[level][first:last]


@pytest.fixture(scope="module")
def store() -> Store:
    return Store(70_000)


PATHS = [
    (Tile(0, 0), "tile/0/000"),
    (Tile(0, 255), "tile/0/255"),
    (Tile(0, 1000), "tile/0/x001/000"),
    (Tile(3, 1_234_067), "tile/3/x001/x234/067"),
    (Tile(1, 0, 1), "tile/1/000.p/1"),
    (Tile(0, 1, 44), "tile/0/001.p/44"),
    (Tile(ENTRIES, 0, 8), "tile/entries/000.p/8"),
    (Tile(ENTRIES, 1_234_067), "tile/entries/x001/x234/067"),
]


@pytest.mark.parametrize(("tile", "path"), PATHS)
def test_a_tile_and_its_path_name_each_other(tile, path):
    assert tile_path(tile) == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/data/000",
        "tile/0/" + "x999/" * 5000 + "999",
    ],
)
def test_a_path_that_tile_path_would_not_write_is_refused(path):
    with pytest.raises(ValueError):
        parse_tile_path(path)


@given(st.integers(ENTRIES, 7), st.integers(0, 2**50), st.integers(1, 256))
def test_every_tile_comes_back_from_its_path(level, index, width):
    tile = Tile(level, index, width)
    assert parse_tile_path(tile_path(tile)) == tile


@pytest.mark.parametrize("values", [(-2, 0, 1), (8, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_there_is_no_tile_outside_the_layout(values):
    with pytest.raises(ValueError):
        Tile(*values)


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_specification():
    tiles = list(tiles_of(70_000))
    assert [tile for tile in tiles if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert len(tiles) == 274 + 2 + 1
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []
    assert all(tile.is_in(70_000) for tile in tiles)
    assert not any(Tile(tile.level, tile.index, tile.width + 1).is_in(70_000) for tile in tiles if tile.width < 256)
    assert Tile(ENTRIES, 273, 112).is_in(70_000)
    assert not Tile(ENTRIES, 273, 113).is_in(70_000)


def test_the_tiles_of_three_hundred_records_are_the_published_ones(store):
    def digest(path):
        return sha256(tile_bytes(parse_tile_path(path), store.fetch)).hexdigest()

    assert digest("tile/0/000") == "66a1d43136a854a5776d5bce14bf101c925fc7d4b32f1be23b658f636ebfcddb"
    assert digest("tile/0/001.p/44") == "699f078d937f13343d71ad39321757de3ecf391e8d7a1b2015ad38bd36f5d60a"
    assert digest("tile/1/000.p/1") == "dcef9e571841bfe2defd16306f8a7d69f5054092fb8b7f983970c646f7f5fd85"


def test_a_tile_comes_apart_into_its_hashes(store):
    assert split_tile(tile_bytes(Tile(0, 1, 44), store.fetch)) == store.levels[0][256:300]
    for data in (b"", bytes(31), bytes(33), bytes(257 * 32)):
        with pytest.raises(ValueError):
            split_tile(data)


def test_entries_have_no_hashes(store):
    with pytest.raises(ValueError, match="bundle"):
        tile_bytes(Tile(ENTRIES, 0), store.fetch)


def test_the_reference_bundle_is_written_and_read(vectors):
    entries = [bytes.fromhex(data) for data in vectors("trees")["leaves"]]
    bundle = pack_bundle(entries)
    assert sha256(bundle).hexdigest() == "1afdc32f06ff88236207410a37b10ff2b5647186b52a531da0416d539b15a876"
    assert unpack_bundle(bundle) == entries
    tile = b"".join(map(leaf_hash, entries))
    assert sha256(tile).hexdigest() == "aea2f1bbb5140fd5f8eacb503fdf54c00c3d860c72588e40233addd416bc8f10"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_comes_back(entries):
    assert unpack_bundle(pack_bundle(entries)) == entries


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"\0\1", b"\0\1ab", b"\0\0\0", b"\0\0" * 257, b"\xff\xffshort"],
    ids=["empty", "half-a-length", "no-entry", "trailing-byte", "trailing-length", "too-many", "cut-short"],
)
def test_a_bundle_that_is_not_whole_is_refused(data):
    with pytest.raises(ValueError):
        unpack_bundle(data)


def test_a_bundle_holds_1_to_256_entries_of_two_byte_lengths():
    for entries in ([], [b""] * 257, [bytes(65_536)]):
        with pytest.raises(ValueError):
            pack_bundle(entries)
    assert unpack_bundle(pack_bundle([bytes(65_535)])) == [bytes(65_535)]


@pytest.mark.parametrize("size", BORDERS)
def test_roots_and_proofs_come_from_stored_hashes_alone(store, size):
    leaves = store.levels[0][:size]
    expected = tree_hash(leaves)
    assert root(size, tile_reader(store.fetch)) == expected
    for index in {0, 1, 254, 255, 256, size // 2, size - 2, size - 1} & set(range(size)):
        store.questions = 0
        proof = prove_inclusion(index, size, tile_reader(store.fetch))
        assert store.questions <= 5, "about one question per tile level and edge"
        check_inclusion(index, size, leaves[index], proof, expected)
    for before in (0, 1, 255, 256, 257, size // 2, size):
        if before <= size:
            proof = prove_consistency(before, size, tile_reader(store.fetch))
            check_consistency(before, size, proof, tree_hash(leaves[:before]), expected)


def test_a_store_that_answers_too_little_is_noticed(store):
    with pytest.raises(ValueError, match="tile level 0"):
        root(300, tile_reader(lambda level, first, last: store.fetch(level, first, last)[:-1]))


def test_only_whole_leaf_hashes_are_stored():
    for index, hash_ in ((-1, bytes(32)), (0, b"short")):
        with pytest.raises(ValueError):
            stored_hashes(index, hash_, lambda *_: [])
