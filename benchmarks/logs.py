"""Verification and replay of a long log beside plain SHA-256, and the proof of one entry in a longer one.

Usage: python benchmarks/log.py [--entries 20000] [--leaves 200000]. Processor time of this process throughout, so that
whoever else keeps the machine busy counts little. The peer hashes the same bytes, leaves and inner nodes, by hashlib.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import tempfile
import time
from hashlib import sha256

from longlog import LOG, fill_with_leaves, fill_with_posts
from sqlalchemy import select

from approval.audit.models import Entry
from approval.audit.models.keys import Keys
from approval.audit.models.tiles import TileFiles
from approval.audit.queries.entries import proof
from approval.audit.queries.replaying import replay
from approval.audit.queries.tiles import sealed_size
from approval.audit.queries.verifying import _Roots, verify
from approval.audit.services.tiling import lay_tiles
from approval.db import connect, reading
from approval.settings import Settings
from approval.tlog import check_inclusion, leaf_hash

SAMPLE = 20_000
"""Entries whose hashing is timed in memory."""
PROOFS = 500


def measure_whole(folder: str, entries: int) -> None:
    """Verify and replay a log of published posts."""
    settings = fill_with_posts(folder, entries)
    engine = connect(settings.database_url)
    with reading() as session:
        begin = time.process_time()
        found = verify(session, LOG, keys=Keys(settings.keys))
        verified = time.process_time() - begin
    with reading() as session:
        begin = time.process_time()
        differences = list(replay(session, LOG))
        replayed = time.process_time() - begin
        assert not differences, differences[:3]
        query = select(Entry.body).where(Entry.log == LOG).order_by(Entry.index).limit(SAMPLE)
        bodies = list(session.scalars(query))
    engine.dispose()
    ours, plain = _hashing(bodies), _plainly(bodies)
    size, length = found.size, sum(map(len, bodies)) // len(bodies)
    print(
        f"{size} entries of {length} bytes: verified {size / verified:.0f}/s, replayed {size / replayed:.0f}/s, "
        f"together {(verified + replayed) / size * 1e6:.0f} s per million entries; "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most"
    )
    print(
        f"hashing alone: {len(bodies) / ours:.0f} entries/s; plain SHA-256 of the same bytes "
        f"{len(bodies) / plain:.0f}/s, ratio {plain / ours:.2f}; it is "
        f"{plain / len(bodies) * size / verified:.3f} of the whole verification"
    )


def _hashing(bodies: list[bytes]) -> float:
    roots, begin = _Roots(), time.process_time()
    for body in bodies:
        roots.add(leaf_hash(body))
    return time.process_time() - begin


def _plainly(bodies: list[bytes]) -> float:
    node, begin = b"\1" * 65, time.process_time()
    for body in bodies:
        sha256(body).digest()
    for _ in bodies:
        sha256(node).digest()
    return time.process_time() - begin


def measure_proofs(folder: str, leaves: int) -> None:
    """Prove random entries, from the database alone and with the tiles laid out."""
    settings: Settings = fill_with_leaves(folder, leaves)
    engine = connect(settings.database_url)
    files = TileFiles.of(settings)
    alone = _proofs(leaves, None)
    with reading() as session:
        assert sealed_size(session, LOG) == leaves
        while lay_tiles(session, LOG, files, most=100_000):
            pass
    laid = _proofs(leaves, files)
    engine.dispose()
    for name, took in (("from the database", alone), ("with tiles in files", laid)):
        print(
            f"a proof of one entry in {leaves}, {name}: {statistics.median(took):.1f} ms of processor time, "
            f"99th percentile {statistics.quantiles(took, n=100)[98]:.1f} ms"
        )


def _proofs(leaves: int, files: TileFiles | None) -> list[float]:
    luck, took = random.Random(1), []
    for _ in range(PROOFS):
        index = luck.randrange(leaves)
        begin = time.process_time()
        with reading() as session:
            found = proof(session, LOG, index, files=files)
        took.append((time.process_time() - begin) * 1000)
        check_inclusion(index, found.size, found.leaf, found.path, found.root)
    return took


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--leaves", type=int, default=200_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="approval-bench-") as folder:
        measure_whole(folder, asked.entries)
    with tempfile.TemporaryDirectory(prefix="approval-bench-") as folder:
        measure_proofs(folder, asked.leaves)


if __name__ == "__main__":
    main()
