"""Tiles and entry bundles of a log: from their files where these stand, from the database otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from approval.audit.models import Entry, Sealing
from approval.audit.models.tiles import TileFiles
from approval.audit.queries.hashes import fetch_all_from, fetch_from
from approval.db import Session
from approval.errors import NotFound
from approval.tlog import (
    ENTRIES,
    TILE_HEIGHT,
    TILE_WIDTH,
    FetchAll,
    Node,
    Read,
    Span,
    Tile,
    pack_bundle,
    split_tile,
    tile_bytes,
)


def sealed_size(session: Session, log: str) -> int:
    """Return how many entries the newest checkpoint of *log* covers; NotFound where there is no such log."""
    size = session.scalar(select(Sealing.size).where(Sealing.log == log))
    if size is None:
        raise NotFound(f"There is no log named {log}.")
    return size


def tile(session: Session, log: str, wanted: Tile, *, files: TileFiles | None = None) -> bytes:
    """Return the bytes of a tile or an entry bundle; NotFound beyond the latest checkpoint."""
    if not wanted.is_in(sealed_size(session, log)):
        raise NotFound("This tile is not filled that far by a signed checkpoint.")
    written = files.read(log, wanted) if files else None
    return written if written is not None else stored_tile(session, log, wanted)


def stored_tile(session: Session, log: str, wanted: Tile) -> bytes:
    """Return the bytes of a tile or an entry bundle as the database has them."""
    if wanted.level != ENTRIES:
        return tile_bytes(wanted, fetch_from(session, log))
    first = wanted.index * TILE_WIDTH
    bodies: Sequence[bytes] = session.scalars(
        select(Entry.body)
        .where(Entry.log == log, Entry.index >= first, Entry.index < first + wanted.width)
        .order_by(Entry.index)
    ).all()
    return pack_bundle(bodies)


def full_tiles(size: int) -> Iterator[tuple[int, int]]:
    """Yield each level of a tree of *size*, bundles first, with the number of its full tiles."""
    level, count = 0, size // TILE_WIDTH
    if count:
        yield ENTRIES, count
    while count:
        yield level, count
        level, count = level + 1, count >> TILE_HEIGHT


def fetch_all_through(session: Session, log: str, files: TileFiles) -> FetchAll:
    """Return a reader of stored hashes that asks the database only for what stands in no file."""
    fetch_rest = fetch_all_from(session, log)

    def fetch_all(spans: Sequence[Span]) -> Sequence[Sequence[bytes]]:
        pieces = [list(_by_tile(span)) for span in spans]
        read: dict[Span, Sequence[bytes] | None] = {
            piece: _from_file(files, log, piece) for span in pieces for piece in span
        }
        missing = [piece for piece, hashes in read.items() if hashes is None]
        if missing:
            read |= dict(zip(missing, fetch_rest(missing), strict=True))
        return [[hash_ for piece in span for hash_ in read[piece] or ()] for span in pieces]

    return fetch_all


_MOST = 10_000
_remembered: dict[tuple[bytes, Node], bytes] = {}
"""Hashes of nodes under a signed root: those at the right edge and above are in every proof of it."""


def remembering(root: bytes, read: Read) -> Read:
    """Return a Read that asks for what this process did not ask before under the same root, some megabyte at most."""

    def remember(nodes: Sequence[Node]) -> Sequence[bytes]:
        known = {node: _remembered.get((root, node)) for node in nodes}
        unknown = [node for node, hash_ in known.items() if hash_ is None]
        asked = dict(zip(unknown, read(unknown), strict=True)) if unknown else {}
        if len(_remembered) > _MOST:
            _remembered.clear()
        _remembered.update({(root, node): hash_ for node, hash_ in asked.items()})
        return [known[node] or asked[node] for node in nodes]

    return remember


def forget() -> None:
    """Forget the hashes of all nodes: one of them was not what its root was signed over."""
    _remembered.clear()


def _by_tile(span: Span) -> Iterator[Span]:
    level, first, last = span
    while first < last:
        end = min(last, (first // TILE_WIDTH + 1) * TILE_WIDTH)
        yield level, first, end
        first = end


def _from_file(files: TileFiles, log: str, piece: Span) -> list[bytes] | None:
    level, first, last = piece
    index = first // TILE_WIDTH
    data = files.read(log, Tile(level, index))
    return None if data is None else split_tile(data)[first - index * TILE_WIDTH : last - index * TILE_WIDTH]
