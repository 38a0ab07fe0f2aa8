"""Races and kills, at the sizes asked for: the suite runs the same tests with fewer rounds.

Usage: python benchmarks/trials.py [--races 100] [--kills 10] [--posts 100]. On SQLite and on PostgreSQL: two reviewers
decide at once; an edit, an approval and the worker race (twice as many rounds); `approval worker` is killed over and
over while it publishes to a receiver that drops and delays.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def trial(name: str, test: str, **sizes: int) -> bool:
    """Run one test with these sizes; print how it went."""
    began = time.monotonic()
    environment = {**os.environ, **{f"APPROVAL_{size.upper()}": str(number) for size, number in sizes.items()}}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    told = "held" if done.returncode == 0 else f"FAILED\n{done.stdout[-4000:]}"
    of = ", ".join(f"{number} {size.replace('_', ' ')}" for size, number in sizes.items())
    print(f"{name}: {of}, on both databases: {told} ({time.monotonic() - began:.0f} s)", flush=True)
    return done.returncode == 0


def main() -> int:
    """Try everything; 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=50)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--posts", type=int, default=100)
    asked = parser.parse_args()
    two = "tests/review/test_races.py::test_two_reviewers_never_contradict_each_other"
    held = (
        trial("two reviewers", two, races=asked.races),
        trial("edit against approval against publication", "tests/publishing/test_races.py", races=2 * asked.races),
        trial("kills", "tests/publishing/test_kills.py", kills=asked.kills, kill_posts=asked.posts),
    )
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
