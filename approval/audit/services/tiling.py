"""Writing the full tiles of a sealed log as files, beside the log and after its checkpoint."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from approval.audit.models.tiles import TileFiles
from approval.audit.queries.tiles import full_tiles, sealed_size, stored_tile
from approval.db import Session
from approval.tlog import Tile

TOGETHER = 128
"""At most so many at a time, so that a log which was never laid out holds nothing up."""


def lay_tiles(session: Session, log: str, files: TileFiles, *, most: int = TOGETHER) -> int:
    """Write the next full tiles that no file holds yet, and return how many these were."""
    written = 0
    for level, count in full_tiles(sealed_size(session, log)):
        for index in range(_first_missing(files, log, level, count), count):
            if written == most:
                return written
            tile = Tile(level, index)
            files.write(log, tile, stored_tile(session, log, tile))
            written += 1
    return written


def _first_missing(files: TileFiles, log: str, level: int, count: int) -> int:
    # They are written in order: the last one that stands is found in a few looks.
    return bisect_left(range(count), True, key=lambda index: not files.has(log, Tile(level, index)))


def mend_tiles(session: Session, log: str, files: TileFiles) -> Iterator[str]:
    """Write every full tile that is missing; yield the path of each that says another thing than the log."""
    for level, count in full_tiles(sealed_size(session, log)):
        for index in range(count):
            tile = Tile(level, index)
            data, found = stored_tile(session, log, tile), files.read(log, tile)
            if found is None:
                files.write(log, tile, data)
            elif found != data:
                yield str(files.path(log, tile))
