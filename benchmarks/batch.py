"""Many posts at a time: `approval check` of a batch, and `approval rules lookback` over an archive.

    python benchmarks/batch.py [--posts 5000] [--publications 5000]

Each command runs as an operator runs it, in a process of its own; memory is the most that the largest process of it
held at once. Each runs over a tenth first: memory that does not grow is constant, and the pace without the start is
that of the rest. A lookback is told with one process that judges and with two.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

from archive import DAYS, FIRST_DAY, fill
from texts import generated

APPROVAL = str(Path(sys.executable).with_name("approval"))
MILLION = 1_000_000
TENTH = 10


@dataclass(frozen=True)
class Run:
    """How a command went: seconds on the clock and of processors, MiB of its largest process, its last words."""

    seconds: float
    processor: float
    memory: float
    said: str


def run(*command: str, data: str | None = None, out: Path | None = None) -> Run:
    """Run `approval` and wait for it; a failure ends the benchmark with what it said."""
    environment: Mapping[str, str] = {**os.environ, **({} if data is None else {"APPROVAL_DATA": data})}
    with tempfile.TemporaryFile() as told, open(out or os.devnull, "wb") as answers:
        begun = time.monotonic()
        process = subprocess.Popen([APPROVAL, *command], env=environment, stdout=answers, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        said = told.read().decode().strip().splitlines()
    if process.returncode:
        sys.exit(f"approval {command[0]}: exit {process.returncode}: {said[-1:]}")
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said[-1] if said else "")


def check(folder: Path, posts: int) -> Run:
    """Check a batch of so many posts."""
    batch, answers = folder / "posts.jsonl", folder / "answers.jsonl"
    with batch.open("w", encoding="utf-8") as lines:
        for number, (text, facts) in enumerate(generated(posts)):
            told = {key: value for key, value in asdict(facts).items() if value is not None}
            lines.write(json.dumps({"id": number, "text": text, **told}) + "\n")
    ran = run("check", str(batch), "--progress", "--fail-on", "never", out=answers)
    with answers.open("rb") as lines_out:
        assert sum(1 for _ in lines_out) == posts, "one line out per line in"
    return ran


def look_back(folder: Path, days: int, workers: int) -> Run:
    """Judge again what was published in the first days of the archive."""
    last = FIRST_DAY + timedelta(days=days - 1)
    asked = ["--from", f"{FIRST_DAY:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}", "--workers", str(workers)]
    return run("rules", "lookback", "--workspace", "northwind", *asked, data=str(folder))


def tell(what: str, few: Run, many: Run, number: int) -> None:
    """Print how *number* posts went, and what a million would take; the pace is that of what *many* had more."""
    pace = (number - number // TENTH) / max(many.seconds - few.seconds, 0.001)
    print(f"{what}: {many.seconds:.1f} s ({many.processor:.1f} s of processors), {pace:,.0f} a second once it runs;")
    print(f"  {few.memory:.0f} MiB at most for a tenth, {many.memory:.0f} MiB for all;", end=" ")
    print(f"at that pace {few.seconds + MILLION / pace:,.0f} s a million; it said: {many.said}", flush=True)


def main() -> None:
    """Print what each command took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--posts", type=int, default=5_000)
    parser.add_argument("--publications", type=int, default=5_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="approval-bench-") as name:
        few, many = (check(Path(name), number) for number in (chosen.posts // TENTH, chosen.posts))
        tell(f"check of {chosen.posts:,} posts", few, many, chosen.posts)
    with tempfile.TemporaryDirectory(prefix="approval-bench-") as name:
        begun = time.monotonic()
        # In a process of its own, because the peak of a child counts what its parent held when it began (Linux, exec).
        filling = get_context("spawn").Process(target=fill, args=(name, chosen.publications))
        filling.start()
        filling.join()
        if filling.exitcode:
            sys.exit("the archive could not be made")
        print(
            f"an archive of {chosen.publications:,} publications, made in {time.monotonic() - begun:.0f} s", flush=True
        )
        for workers in (1, 2):
            # A day more each time, without publications, so that each is a lookback of its own.
            few, many = (look_back(Path(name), days + workers - 1, workers) for days in (DAYS // TENTH, DAYS + 1))
            tell(f"lookback of {chosen.publications:,}, {workers} judging", few, many, chosen.publications)


if __name__ == "__main__":
    main()
