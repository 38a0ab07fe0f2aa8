"""A served installation with the demo firm, and a real browser in front of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from doors import a_free_port
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

# Two workers share two cores: a page may take its time, and then it must still be right.
expect.set_options(timeout=30_000)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
COMMAND = [sys.executable, "-m", "approval.cli"]
# WCAG 2.2 AA, as the product promises it.
TAGS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


@dataclass(frozen=True)
class Site:
    """A running installation: its address, and the demo people by role."""

    url: str
    workspace: str
    people: list[dict]

    def person(self, role: str, n: int = 0) -> dict:
        return [person for person in self.people if person["roles"] == [role]][n]


@dataclass
class Visitor:
    """Somebody at a browser; every page they see is held to what the product promises of each page."""

    context: BrowserContext
    site: Site
    page: Page
    complaints: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def watch(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _asked(self, request) -> None:
        if not request.url.startswith((self.site.url, "data:")):
            self.complaints.append(f"{self.page.url} asked another origin: {request.url}")

    def look(self) -> None:
        """Examine the page that is open with axe."""
        found = Axe().run(self.page, options=TAGS).response["violations"]
        self.complaints += [f"{self.page.url}: axe {v['id']}: {v['nodes'][0]['html'][:160]}" for v in found]
        self.seen.add(self.page.url.removeprefix(self.site.url).split("?")[0])

    def open(self, path: str) -> None:
        answer = self.page.goto(self.site.url + path)
        assert answer is not None and answer.status == 200, f"{path}: {answer and answer.status}"
        self.look()

    def sign_in(self, person: dict) -> None:
        self.open("/login")
        self.page.get_by_label("E-mail").fill(person["email"])
        self.page.get_by_label("Password", exact=True).fill(person["password"])
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/tasks*")
        self.look()


@contextmanager
def _served(folder: Path, *options: str, **settings: str) -> Iterator[Site]:
    port = a_free_port()
    base = {"APPROVAL_DATA": str(folder / "data"), "APPROVAL_BASE_URL": f"http://127.0.0.1:{port}"}
    env = {**os.environ, **base, **settings}
    loading = [*COMMAND, "demo", *options, "--format", "json"]
    until = time.monotonic() + 180
    made = subprocess.run(loading, env=env, cwd=folder, capture_output=True, text=True)
    # The port of the demo's webhook is one for the whole machine, and another test may be loading the demo.
    while "is taken" in made.stderr and time.monotonic() < until:
        time.sleep(1)
        made = subprocess.run(loading, env=env, cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    demo = json.loads(made.stdout)
    with (folder / "log").open("w") as log:
        serving = [*COMMAND, "serve", "--port", str(port)]
        server = subprocess.Popen(serving, env=env, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(f"http://127.0.0.1:{port}/healthz", folder / "log")
            yield Site(f"http://127.0.0.1:{port}", demo["workspace"], demo["people"])
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(15)


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[Site]]:
    """Serve an installation in a folder, with options of `approval demo` and settings."""
    return _served


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with _served(tmp_path_factory.mktemp("site"), "--empty") as made:
        yield made


def _wait(url: str, log: Path) -> None:
    for _ in range(240):
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise AssertionError(f"the server is not up: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("APPROVAL_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "no browser: `apt-get install chromium` as root, or name one in APPROVAL_CHROMIUM"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )


@pytest.fixture
def visitor(site: Site, browser: Browser) -> Iterator[type[Visitor]]:
    """Make visitors; at the end nobody may have met a console error, another origin or an axe violation."""
    made: list[Visitor] = []

    def make(**options) -> Visitor:
        # A colour on its way from light to dark is none that axe should judge: visitors ask for less motion.
        options.setdefault("reduced_motion", "reduce")
        # axe is put into the page by the test; the pages' own policy is checked by the console staying silent.
        context = browser.new_context(bypass_csp=options.pop("bypass_csp", True), **options)
        one = Visitor(context, site, context.new_page())
        one.page.set_default_timeout(30_000)
        one.watch()
        made.append(one)
        return one

    yield make
    complaints = [complaint for one in made for complaint in one.complaints]
    for one in made:
        one.context.close()
    assert complaints == []
