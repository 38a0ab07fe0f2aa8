"""`approval serve`: pages first, then the demo's posts, then the worker; all end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from doors import a_free_port

# The demo of three posts, the last one last, on whatever port its webhook finds.
FEW = """
import sys
from approval.cli import main
from approval.desk.demo import loading, receiver
chosen = [story for story in loading.stories() if story.title in (
    "Holiday hours at every branch", "Harbor Savings: the rate with its terms",
    "Budgeting with envelopes, the digital way")]
loading.stories = lambda: tuple(chosen)
receiver._PREFERRED = 0
main()
"""
ALL = "from approval.desk.demo import receiver\nreceiver._PREFERRED = 0\nfrom approval.cli import main\nmain()"


class Serving:
    """One `approval serve` in a group of its own."""

    def __init__(self, folder: Path, code: str, *options: str) -> None:
        port = a_free_port()
        self.url, self.folder, self.log = f"http://127.0.0.1:{port}", folder, folder / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, "serve", "--port", str(port), *options],
                env={**os.environ, "APPROVAL_DATA": str(folder / "data")},
                cwd=folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait_for(self, path: str) -> None:
        until = time.monotonic() + 90
        while not self._answers(path):
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(self.url + path).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self, how: int) -> float:
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(30)
        return time.monotonic() - began

    def children(self) -> set[int]:
        """The pids of the server and the worker, and of what they started."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != self.process.pid:
                try:
                    group = entry.joinpath("stat").read_text().rpartition(")")[2].split()[2]
                except OSError:
                    continue
                if int(group) == self.process.pid:
                    found.add(int(entry.name))
        return found


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[type[Serving]]:
    """Start servers in one folder; whatever a test leaves is killed."""
    started: list[Serving] = []

    def start(code: str, *options: str) -> Serving:
        started.append(Serving(tmp_path, code, *options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None or one.children():
            os.killpg(one.process.pid, signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_is_served_and_all_end_together(serve, how):
    serving = serve(FEW, "--demo")
    serving.wait_for("/readyz")
    told = serving.log.read_text()
    assert "maria@northwind.example" in told and f"Approval is at {serving.url}" in told
    assert "3 posts:" in told
    assert len(serving.children()) >= 4, "the server, its two workers, and the worker"
    assert serving.end(how) < 10
    assert serving.process.returncode == 0
    assert serving.children() == set()


def test_pages_are_served_while_the_demo_is_loaded_and_a_load_cut_off_leaves_a_log_that_holds(serve, tmp_path):
    serving = serve(ALL, "--demo")
    serving.wait_for("/login")
    assert "posts:" not in serving.log.read_text(), "the posts are still being loaded"
    assert httpx.get(serving.url + "/readyz").status_code == 503, "without a worker nothing would be published"
    assert serving.end(signal.SIGTERM) < 10
    assert (serving.process.returncode, serving.children()) == (0, set())
    environment = {**os.environ, "APPROVAL_DATA": str(tmp_path / "data")}
    for act in ("seal", "verify", "replay"):
        command = [sys.executable, "-m", "approval.cli", "audit", act]
        subprocess.run(command, env=environment, check=True, capture_output=True)


def test_a_child_that_ends_by_itself_ends_the_whole(serve):
    serving = serve(FEW, "--no-worker", "--demo")
    serving.wait_for("/login")
    os.kill(min(serving.children()), signal.SIGKILL)
    assert serving.process.wait(30) == 3
