"""The examiner's path: from the letter that invites them to an export that they verify without the firm.

The pictures of docs/examiner.md are made on the way: APPROVAL_PICTURES=docs/img names the folder for them.
"""

from __future__ import annotations

import email.policy
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pyotp
import pytest
from aiosmtpd.controller import Controller
from doors import a_free_port
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.xdist_group("browser")

PASSWORD = "eleven grey geese at dusk"
PICTURES = os.environ.get("APPROVAL_PICTURES")
SIZE = {"width": 1180, "height": 860}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
PICTURED = "shred harbor"


class Postman:
    """A mail server that keeps what it is given."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []

    async def handle_DATA(self, server, session, envelope) -> str:
        self.letters.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def link(self, address: str) -> str:
        """Wait for a letter to somebody, and return the link in it."""
        for _ in range(240):
            for letter in self.letters:
                if address in letter["To"]:
                    return re.search(r"https?://\S+", letter.get_body(("plain",)).get_content())[0]
            time.sleep(0.5)
        raise AssertionError(f"no letter to {address}: {[letter['To'] for letter in self.letters]}")


@pytest.fixture(scope="module")
def postman() -> Iterator[tuple[Postman, int]]:
    kept, port = Postman(), a_free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    yield kept, port
    controller.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory, postman, served):
    """The demo firm with its posts, and a mail server."""
    with served(tmp_path_factory.mktemp("examined"), APPROVAL_SMTP_URL=f"smtp://127.0.0.1:{postman[1]}") as made:
        yield made


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page for the guide, where somebody asked for them."""
    if PICTURES:
        page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")
        page.wait_for_timeout(300)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_an_examiner_comes_from_the_letter_to_a_verified_export(site, visitor, postman, browser, tmp_path):
    carla = visitor(viewport=SIZE)
    room = _let_in(site, carla)
    greta = visitor(viewport=SIZE, accept_downloads=True)
    secret = _accept(greta, postman[0].link("greta@regulator.example"))
    _look_round(site, greta)
    fetched = _export(greta, tmp_path)
    _verify(browser, fetched)
    _come_again(site, greta, secret)
    _end(site, carla, greta, room)


def _let_in(site, carla) -> str:
    carla.sign_in(site.person("compliance"))
    carla.open("/records/rooms")
    page, today = carla.page, datetime.now(UTC).date()
    page.locator("#name").fill("Greta Examiner")
    page.locator("#email").fill("greta@regulator.example")
    page.locator("#matter").fill("Sweep 26-11")
    page.locator("#first_day").fill(str(today - timedelta(days=400)))
    page.locator("#last_day").fill(str(today + timedelta(days=1)))
    picture(page, "room-invite")
    page.get_by_role("button", name="Let them in").click()
    expect(page.get_by_role("heading", name="Greta Examiner")).to_be_visible()
    carla.look()
    return page.url.removeprefix(site.url)


def _accept(greta, link: str) -> str:
    page = greta.page
    page.goto(link)
    greta.look()
    expect(page.get_by_label("Your name")).to_have_value("Greta Examiner")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    picture(page, "examiner-invitation")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    greta.look()
    picture(page, "examiner-factor")
    page.get_by_text("Type it instead").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set up").click()
    expect(page.locator("#codes li")).to_have_count(10)
    greta.look()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("heading", name="Sweep 26-11")).to_be_visible()
    greta.look()
    picture(page, "examiner-room")
    return secret


def _look_round(site, greta) -> None:
    page = greta.page
    page.locator("a[data-item]").first.click()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    greta.look()
    picture(page, "examiner-case")
    _see_a_picture(greta)
    _search_and_see_it_as_it_stood(greta)
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name=re.compile("^Entry "))).to_be_visible()
    greta.look()
    for closed in ("/tasks", "/posts", "/audit", "/records", "/records/holds", "/admin", "/api/v1/posts?workspace="):
        address = f"{site.url}{closed}{site.workspace if closed.endswith('=') else ''}"
        assert greta.context.request.get(address).status in (403, 404), closed
    greta.open("/records/room")


def _see_a_picture(greta) -> None:
    """Find a post by words of its title; its case file shows its image, and nothing else is offered to find things."""
    page = greta.page
    greta.open("/records/room")
    _fits(greta)
    expect(page.get_by_role("button", name="Find")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Words in the title").fill(PICTURED)
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("a[data-item]")).to_have_count(1)
    page.locator("a[data-item]").click()
    shown = page.locator(".story img").first
    shown.scroll_into_view_if_needed()
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("image => image.naturalWidth") > 0
    _fits(greta)


def _search_and_see_it_as_it_stood(greta) -> None:
    """What was said is found by its words, a post opens as it stood, and from there the way back to its case file."""
    page = greta.page
    case_file = page.url
    greta.open("/records/room")
    page.get_by_label("Words in posts, comments and decisions").fill("savings")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Search")).to_be_visible()
    _fits(greta)
    page.locator("a[data-item]").first.click()
    expect(page.get_by_role("heading", name=re.compile("as it stood"))).to_be_visible()
    _fits(greta)
    page.goto(case_file)


def _fits(greta) -> None:
    """Look at the page as it is and, dark, on a phone."""
    greta.look()
    assert greta.page.evaluate(FITS), greta.page.url
    greta.page.set_viewport_size({"width": 390, "height": 844})
    greta.page.emulate_media(color_scheme="dark")
    assert greta.page.evaluate(FITS), greta.page.url
    greta.look()
    greta.page.set_viewport_size(SIZE)
    greta.page.emulate_media(color_scheme="light")


def _export(greta, folder: Path) -> dict[str, Path]:
    page = greta.page
    (folder / "key").write_text(page.locator("#vkey").inner_text())
    fetched = {"key": folder / "key"}
    with page.expect_download() as download:
        page.get_by_role("link", name="verify.html").click()
    download.value.save_as(fetched.setdefault("verify.html", folder / "verify.html"))
    page.get_by_role("button", name="Write the export").click()
    expect(page.get_by_role("link", name="Download the archive")).to_be_visible(timeout=120_000)
    greta.look()
    picture(page, "examiner-export")
    for name, link in (("export.zip", "Download the archive"), ("export.zip.note", "its signed note")):
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        download.value.save_as(fetched.setdefault(name, folder / name))
    return fetched


def _verify(browser, fetched: dict[str, Path]) -> None:
    context = browser.new_context(offline=True)
    alone = context.new_page()
    alone.goto(fetched["verify.html"].as_uri())
    alone.set_input_files("#files", [fetched["export.zip"], fetched["export.zip.note"]])
    alone.get_by_label("The firm’s verifier key").fill(fetched["key"].read_text())
    alone.get_by_role("button", name="Verify").click()
    expect(alone.get_by_role("heading", name="Accepted: the export holds")).to_be_visible(timeout=60_000)
    context.close()


def _come_again(site, greta, secret: str) -> None:
    """Password and code; what the page of signing in answers to the password alone is the question for the code."""
    page = greta.page
    greta.context.clear_cookies()
    greta.open("/login")
    page.get_by_label("E-mail").fill("greta@regulator.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    greta.look()
    page.locator("#code").fill(pyotp.TOTP(secret).at(time.time() + 30))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Sweep 26-11")).to_be_visible()


def _end(site, carla, greta, room: str) -> None:
    carla.open(room)
    expect(carla.page.get_by_text("Case file").first).to_be_visible()
    picture(carla.page, "room-steps")
    carla.page.get_by_role("button", name="End it now").click()
    carla.page.get_by_role("dialog").get_by_role("button", name="End it now").click()
    expect(carla.page.get_by_text("Ended").first).to_be_visible()
    carla.open("/records/rooms")
    greta.page.goto(site.url + "/records/room")
    expect(greta.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(greta.page.get_by_text("This room has ended.")).to_be_visible()
    greta.look()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1180])
def test_the_pages_of_rooms_fit_and_are_accessible(site, visitor, scheme, width):
    carla = visitor(color_scheme=scheme, viewport={"width": width, "height": 800})
    carla.sign_in(site.person("compliance"))
    for address in ("/records/rooms", "/account", "/account/factor"):
        carla.open(address)
        assert carla.page.evaluate(FITS), address
