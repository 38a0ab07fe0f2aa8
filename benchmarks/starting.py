"""How long `make run` takes once packages are installed: the first page, the whole demo, a second start, the end.

Usage: python benchmarks/starting.py. Starts what `make run` starts, in an empty data folder, twice.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from doors import a_free_port

PATIENCE = 120


def answers(url: str) -> bool:
    """Say whether a page is there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def until(url: str, began: float) -> float:
    """Wait for a page; return the seconds since *began*."""
    while not answers(url):
        if time.monotonic() > began + PATIENCE:
            raise SystemExit(f"{url} does not answer within {PATIENCE} s")
        time.sleep(0.02)
    return time.monotonic() - began


def start(folder: Path, name: str) -> None:
    """Start, wait for the first page and for a worker's sign of life, end; print how long each took."""
    port = a_free_port()
    with (folder / "log").open("ab") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "approval.cli", "serve", "--demo", "--port", str(port)],
            env={**os.environ, "APPROVAL_DATA": str(folder / "data")},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            page = until(f"http://127.0.0.1:{port}/login", began)
            ready = until(f"http://127.0.0.1:{port}/readyz", began)
        finally:
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
    print(f"{name}: first page {page:.1f} s, demo and worker {ready:.1f} s, ended {time.monotonic() - began:.1f} s")


def main() -> None:
    """Start twice."""
    with tempfile.TemporaryDirectory(prefix="approval-start-") as folder:
        start(Path(folder), "first start, with the demo to load")
        start(Path(folder), "second start")


if __name__ == "__main__":
    main()
