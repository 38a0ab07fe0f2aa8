"""An export beside reading the same rows and compressing them with no proofs, and its verification.

Usage: python benchmarks/exporting.py [--entries 20000]. Each side is a process of its own, so that its memory is its
own; seconds of the clock, as a user waits, and of the processor.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import sqlite3
import tempfile
import time
import zipfile
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from longlog import LOG, POST_ENTRIES, fill_with_posts

from approval import settings as environment
from approval.audit.queries.entries import head
from approval.db import connect, reading
from approval.records import verify as verifier
from approval.records.queries.selection import Filters
from approval.records.services.writing import write_export


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock, seconds of the processor, MiB at most."""

    wall: float
    cpu: float
    memory: int

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} s of processor, {self.memory} MiB)"


def export(folder: str, out: str, posts: tuple[int, ...]) -> None:
    """Write an export of today, as `approval export` does."""
    settings = environment.load({"APPROVAL_DATA": folder})
    connect(settings.database_url)
    today = datetime.now(UTC).date()
    write_export(
        workspace=LOG,
        first_day=today,
        last_day=today,
        filters=Filters(posts=posts),
        out=Path(out),
        settings=settings,
        by="host:bench",
    )


def copy_out(folder: str, out: str) -> None:
    """The peer: the same rows, entries with their openings and contents, as lines in an archive, with no proofs."""
    queries = {
        "entries": f"SELECT body FROM entry WHERE log = '{LOG}' ORDER BY \"index\"",
        "openings": f"SELECT commitment, hex(salt), value FROM opening WHERE log = '{LOG}' ORDER BY \"index\"",
        "revisions": "SELECT digest, payload FROM revision ORDER BY id",
        "findings": "SELECT findings FROM screening ORDER BY id",
        "posts": "SELECT * FROM post ORDER BY id",
    }
    with (
        closing(sqlite3.connect(f"{folder}/approval.db")) as database,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, query in queries.items():
            with archive.open(f"{name}.jsonl", "w", force_zip64=True) as member:
                for row in database.execute(query):
                    cells = [cell.decode() if isinstance(cell, bytes) else cell for cell in row]
                    member.write(json.dumps(cells).encode() + b"\n")


def verify(out: str, vkey: str) -> None:
    """Verify an export, as `approval verify` does."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        assert verifier.main([out, "--vkey", vkey]) == 0, f"{out} does not hold"


def cost(target, *arguments) -> Cost:
    """What a call costs in a process of its own, its start not counted."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_measured, args=(answers, target, arguments))
    process.start()
    found = answers.get()
    process.join()
    return Cost(*found)


def _measured(answers, target, arguments) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    target(*arguments)
    answers.put((time.perf_counter() - wall, time.process_time() - cpu, _peak()))


def _peak() -> int:
    """MiB of this process at most. What getrusage says begins with the peak of the process that started it."""
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kilobytes) // 1024


def main() -> None:
    """Measure all and one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="approval-bench-") as folder:
        settings = fill_with_posts(folder, asked.entries)
        engine = connect(settings.database_url)
        with reading() as session:
            vkey = head(session, LOG).vkey
        engine.dispose()
        whole, plain, one = (Path(folder) / name for name in ("whole.zip", "plain.zip", "one.zip"))
        peer = cost(copy_out, folder, str(plain))
        ours = cost(export, folder, str(whole), ())
        checked = cost(verify, str(whole), vkey)
        single = cost(export, folder, str(one), (asked.entries // POST_ENTRIES // 2,))
        sizes = [os.path.getsize(path) / 1e6 for path in (whole, plain)]
    print(
        f"export of {asked.entries} entries, {asked.entries // POST_ENTRIES} full records with case files: {ours}, "
        f"{sizes[0]:.0f} MB\nthe same rows read and compressed with no proofs: {peer}, {sizes[1]:.0f} MB; ratio "
        f"{ours.cpu / peer.cpu:.1f} of processor time\napproval verify: {checked}, {checked.cpu / ours.cpu:.2f} of "
        f"the export\none record: {single}"
    )


if __name__ == "__main__":
    main()
