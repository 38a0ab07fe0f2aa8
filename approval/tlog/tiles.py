"""Tiles of 256 hashes and bundles of 256 entries (C2SP tlog-tiles).

A store keeps the hashes of the levels 0, 8, 16 … alone: hash i of tile level t covers the leaves i * 256^t to
(i + 1) * 256^t. Everything between is computed from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from approval.tlog.tree import HASH_SIZE, Node, Read, complete_hash, tree_hash

TILE_HEIGHT = 8
TILE_WIDTH = 256
ENTRIES = -1
"""The level of an entry bundle, whose entries stand beside the tile of level 0 with the same index."""
MAX_ENTRY = 0xFFFF

Fetch = Callable[[int, int, int], Sequence[bytes]]
"""fetch(tile_level, first, last) answers the stored hashes [first, last) of that tile level, in order."""

Span = tuple[int, int, int]
"""(tile level, first, last): the stored hashes [first, last) of that tile level."""
FetchAll = Callable[[Sequence[Span]], Sequence[Sequence[bytes]]]
"""Answers several spans at once, in the same order."""

_MAX_LEVEL = 7  # 256^8 leaves would not fit into a size of 63 bits
_PATH = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True)
class Tile:
    """The tile `index` of a level, or an entry bundle (level ENTRIES); `width` says how much of it is filled."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not ENTRIES <= self.level <= _MAX_LEVEL or self.index < 0 or not 1 <= self.width <= TILE_WIDTH:
            raise ValueError(f"there is no tile {self.index} of level {self.level} and width {self.width}")

    def is_in(self, size: int) -> bool:
        """Whether a tree of `size` fills the tile this far."""
        return (self.index * TILE_WIDTH + self.width) << (TILE_HEIGHT * max(self.level, 0)) <= size


def tile_path(tile: Tile) -> str:
    """The path below the log's prefix, such as `tile/0/x001/x234/067` or `tile/entries/000.p/44`."""
    groups = [f"{tile.index % 1000:03d}"]
    rest = tile.index // 1000
    while rest:
        groups.append(f"x{rest % 1000:03d}")
        rest //= 1000
    level = "entries" if tile.level == ENTRIES else str(tile.level)
    partial = "" if tile.width == TILE_WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def parse_tile_path(path: str) -> Tile:
    """The tile that a path names; ValueError unless `tile_path` writes exactly this path."""
    match = _PATH.fullmatch(path) if len(path) <= 64 else None
    if match is not None:
        level, index, width = match.groups()
        number = int(index.replace("x", "").replace("/", ""))
        tile = Tile(ENTRIES if level == "entries" else int(level), number, int(width or TILE_WIDTH))
        if tile_path(tile) == path:
            return tile
    raise ValueError(f"{path[:64]!r} is not the path of a tile")


def tiles_of(size: int) -> Iterator[Tile]:
    """Every hash tile of a tree of `size`, level by level: the full ones, then the partial one if any."""
    level = 0
    while size:
        full, width = divmod(size, TILE_WIDTH)
        for index in range(full):
            yield Tile(level, index)
        if width:
            yield Tile(level, full, width)
        level, size = level + 1, full


def tile_bytes(tile: Tile, fetch: Fetch) -> bytes:
    """The bytes of a hash tile: its hashes, joined."""
    if tile.level == ENTRIES:
        raise ValueError("an entry bundle is packed from entries, not from hashes")
    first = tile.index * TILE_WIDTH
    return b"".join(_fetched(fetch, tile.level, first, first + tile.width))


def split_tile(data: bytes) -> list[bytes]:
    """The hashes of a hash tile; ValueError unless there are 1 to 256 whole ones."""
    if not data or len(data) % HASH_SIZE or len(data) > TILE_WIDTH * HASH_SIZE:
        raise ValueError(f"a tile of {len(data)} bytes does not hold 1 to {TILE_WIDTH} hashes")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def pack_bundle(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry after its length, a big-endian uint16; ValueError if one is longer."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise ValueError(f"a bundle holds 1 to {TILE_WIDTH} entries, not {len(entries)}")
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise ValueError(f"an entry is longer than {MAX_ENTRY} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle; ValueError for one cut short, an empty one, or more than 256 entries."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < TILE_WIDTH:
        begin = at + 2
        end = begin + int.from_bytes(data[at:begin], "big")
        if begin > len(data) or end > len(data):
            raise ValueError(f"the bundle ends inside entry {len(entries)}")
        entries.append(data[begin:end])
        at = end
    if not entries or at != len(data):
        raise ValueError(f"the bundle does not hold 1 to {TILE_WIDTH} entries")
    return entries


def stored_hashes(index: int, leaf_hash: bytes, fetch: Fetch) -> list[tuple[int, int, bytes]]:
    """What to store when leaf `index` is appended: (tile level, index, hash), the leaf's first.

    Every 256th leaf completes a tile, whose root is stored one tile level up; `fetch` is asked for the other 255.
    """
    if index < 0 or len(leaf_hash) != HASH_SIZE:
        raise ValueError("a leaf has an index and a hash of 32 bytes")
    stored = [(0, index, leaf_hash)]
    while index % TILE_WIDTH == TILE_WIDTH - 1:
        level, _, hash_ = stored[-1]
        before = _fetched(fetch, level, index - TILE_WIDTH + 1, index)
        index //= TILE_WIDTH
        stored.append((level + 1, index, tree_hash([*before, hash_])))
    return stored


def tile_reader(fetch: Fetch) -> Read:
    """A Read over stored hashes: one fetch per tile level and neighbourhood, at most 128 hashes per node."""
    return span_reader(lambda spans: [fetch(*span) for span in spans])


def span_reader(fetch_all: FetchAll) -> Read:
    """A Read over stored hashes that asks for all of them at once."""

    def read(nodes: Sequence[Node]) -> list[bytes]:
        needs = [_need(node) for node in nodes]
        wanted = _merged(needs)
        answers = fetch_all(wanted)
        if len(answers) != len(wanted):
            raise ValueError(f"{len(answers)} answers to {len(wanted)} spans")
        spans = [_Answered(*span, _ensured(hashes, span)) for span, hashes in zip(wanted, answers, strict=True)]
        return [complete_hash(_cut(spans, need)) for need in needs]

    return read


class _Answered(NamedTuple):
    level: int
    first: int
    last: int
    hashes: Sequence[bytes]


def _need(node: Node) -> Span:
    level, index = node
    tile_level, height = divmod(level, TILE_HEIGHT)
    return tile_level, index << height, (index + 1) << height


def _merged(needs: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for level, first, last in sorted(needs):
        # Hashes that are fetched and not used cost less than another question: one tile is 8 KiB.
        if merged and merged[-1][0] == level and first - merged[-1][2] < TILE_WIDTH:
            merged[-1] = (level, merged[-1][1], max(last, merged[-1][2]))
        else:
            merged.append((level, first, last))
    return merged


def _cut(spans: Sequence[_Answered], need: Span) -> Sequence[bytes]:
    level, first, last = need
    for span in spans:
        if span.level == level and span.first <= first and last <= span.last:
            return span.hashes[first - span.first : last - span.first]
    raise AssertionError("every need lies inside one span")


def _fetched(fetch: Fetch, level: int, first: int, last: int) -> Sequence[bytes]:
    return _ensured(fetch(level, first, last), (level, first, last))


def _ensured(hashes: Sequence[bytes], span: Span) -> Sequence[bytes]:
    level, first, last = span
    if len(hashes) != last - first or any(len(hash_) != HASH_SIZE for hash_ in hashes):
        raise ValueError(f"fetch did not answer just the hashes {first} to {last - 1} of tile level {level}")
    return hashes
