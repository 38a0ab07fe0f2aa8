"""The main job as people do it: a marketer writes, two stages decide, a publisher publishes, an examiner proves."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

WORDS = "From Monday, the Harbour Street branch opens at nine. Coffee is on us until ten."

pytestmark = pytest.mark.xdist_group("browser")


def test_a_post_goes_from_draft_to_a_verified_export(site, visitor, tmp_path):
    address = _write(site, visitor)
    _decide(site, visitor, "reviewer", address)
    _decide(site, visitor, "compliance", address)
    _publish(site, visitor, address)
    _examine(site, visitor, address, tmp_path)


def _write(site, visitor) -> str:
    maria = visitor()
    maria.sign_in(site.person("marketer"))
    page = maria.page
    maria.open("/posts/new")
    page.get_by_label("Title").fill("Opening hours")
    page.get_by_label("Product").select_option("brand")
    page.get_by_label("Audience").select_option("retail")
    channel = page.locator("[data-channel=news]")
    box = channel.locator("input[name=channel]")
    box.check()
    text = channel.locator("textarea")
    text.fill("A risk-free way to grow: guaranteed returns of 8%!")
    expect(channel.locator("mark.finding").first).to_be_visible()
    maria.look()
    text.fill(WORDS)
    expect(channel.locator("mark.finding")).to_have_count(0)
    page.get_by_role("button", name="Save draft").first.click()
    page.wait_for_url(re.compile(r"/posts/\d+"))
    maria.look()
    address = re.search(r"/posts/\d+", page.url)[0]
    maria.open(address)
    page.get_by_role("button", name=re.compile("^Submit for review")).click()
    expect(page.get_by_text("In review").first).to_be_visible()
    assert page.locator(".decision-bar").count() == 0, "the author is offered a decision"
    maria.look()
    return address


def _decide(site, visitor, role: str, address: str) -> None:
    reviewer = visitor()
    reviewer.sign_in(site.person(role))
    page = reviewer.page
    page.locator(f"a[data-item][href^='{address}']").first.click()
    expect(page.locator(".decision-bar")).to_be_visible()
    expect(page.get_by_text(WORDS).first).to_be_visible()
    reviewer.look()
    page.locator("body").click(position={"x": 2, "y": 2})
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    expect(page.locator(".decision-bar")).to_have_count(0)
    reviewer.look()


def _publish(site, visitor, address: str) -> None:
    paula = visitor()
    paula.sign_in(site.person("publisher"))
    page = paula.page
    paula.open(address)
    page.get_by_role("button", name="Publish now").first.click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Publish now").click()
    for _ in range(60):
        page.goto(site.url + address)
        if page.locator(".page-sub").get_by_text("Published").count():
            break
        page.wait_for_timeout(500)
    expect(page.locator(".page-sub").get_by_text("Published").first).to_be_visible()
    paula.look()


def _examine(site, visitor, address: str, tmp_path) -> None:
    emil = visitor(accept_downloads=True)
    emil.sign_in(site.person("examiner"))
    page = emil.page
    emil.open(address)
    assert page.get_by_role("button", name=re.compile("Edit|Submit|Withdraw|Publish")).count() == 0
    emil.open("/audit")
    page.locator("a[data-item]").first.click()
    emil.look()
    emil.open("/records" + address)
    emil.open("/records")
    page.get_by_role("button", name="Write the export").click()
    page.wait_for_load_state()
    for _ in range(60):
        if page.get_by_role("link", name=re.compile("archive|zip", re.I)).count():
            break
        page.wait_for_timeout(500)
        page.reload()
    emil.look()
    out = tmp_path / "export.zip"
    for name, path in (
        (re.compile(r"archive|\.zip$", re.I), out),
        (re.compile("note", re.I), tmp_path / "export.zip.note"),
    ):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).first.click()
        download.value.save_as(path)
    verified = subprocess.run(
        [sys.executable, "-m", "approval.cli", "verify", str(out)], capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


LOAN = "Home loans from 5.9% APR, with guaranteed approval."


def _writes_a_loan(site, visitor, **options):
    """Somebody at the composer with `LOAN` in the channel on X; the channel's panel and its text."""
    maria = visitor(**options)
    maria.sign_in(site.person("marketer"))
    maria.open("/posts/new")
    maria.page.get_by_label("Product").select_option("home-loan")
    channel = maria.page.locator("[data-network=x]").first
    channel.locator("input[name=channel]").check()
    text = channel.locator("textarea")
    text.fill(LOAN)
    expect(channel.locator(".finding-list .finding-cost")).to_have_count(3)
    return maria, channel, text


def test_a_wording_is_taken_with_one_click_and_the_count_follows(site, visitor):
    maria, channel, text = _writes_a_loan(site, visitor)
    missing = channel.locator(".finding-list .finding-card", has_text="equal-housing-legend-missing")
    left = 280 - len(LOAN)
    expect(missing.locator(".finding-cost")).to_contain_text(f"Adds 21 weighted characters of the {left} left.")
    missing.get_by_role("button", name="Add these words").click()
    expect(text).to_have_value(f"{LOAN} Equal Housing Lender")
    expect(missing).to_have_count(0)
    expect(channel.locator("[data-count]")).to_have_text(str(len(LOAN) + 21))
    maria.look()


def test_a_wording_that_does_not_fit_is_not_offered(site, visitor):
    _, channel, text = _writes_a_loan(site, visitor)
    text.fill(LOAN + " Our branch opens at nine." * 8 + " Come by us.")
    cost = channel.locator(".finding-list .finding-cost[data-fits=false]")
    expect(cost).to_contain_text("it does not fit")
    missing = channel.locator(".finding-list .finding-card", has_text="equal-housing-legend-missing")
    expect(missing.get_by_role("button")).to_have_count(0)


def test_what_was_taken_leaves_the_page_before_the_server_answers(site, visitor):
    maria, channel, text = _writes_a_loan(site, visitor)
    maria.page.route("**/api/v1/check*", lambda route: None)
    promise = channel.locator(".finding-list .finding-card", has_text="guaranteed-return")
    expect(promise.locator(".finding-then")).to_contain_text("Home loans from 5.9% APR, with approval.")
    promise.get_by_role("button", name="Delete these words").click()
    left = "Home loans from 5.9% APR, with approval."
    expect(text).to_have_value(left)
    expect(promise).to_have_count(0)
    expect(
        channel.locator(".finding-list .finding-card[data-stale]", has_text="approval-for-everybody")
    ).to_be_visible()
    expect(channel.locator("mark.finding")).to_have_count(0)
    expect(channel.locator(".finding-list .finding-card", has_text="equal-housing-legend-missing")).to_be_visible()
    maria.page.keyboard.press("Control+z")
    expect(text).to_have_value(LOAN)


def test_rules_that_cannot_be_asked_are_no_clean_text(site, visitor):
    maria, channel, text = _writes_a_loan(site, visitor)
    maria.page.route("**/api/v1/check*", lambda route: route.fulfill(status=503))
    text.fill(f"{LOAN} Come by us.")
    expect(channel.locator(".finding-list")).to_have_text(re.compile("could not be asked just now"))
    expect(channel.locator("mark.finding")).to_have_count(0)
    maria.page.unroute("**/api/v1/check*")
    text.fill(LOAN)
    expect(channel.locator(".finding-list .finding-cost")).to_have_count(3)
    maria.complaints[:] = [complaint for complaint in maria.complaints if "503" not in complaint]


def test_underlining_stays_with_its_words_while_others_are_typed(site, visitor):
    maria, channel, text = _writes_a_loan(site, visitor)
    maria.page.route("**/api/v1/check*", lambda route: None)
    marked = channel.locator("mark.finding").all_inner_texts()
    text.focus()
    maria.page.keyboard.press("Control+Home")
    maria.page.keyboard.type("🏠 New: ")
    assert channel.locator("mark.finding").all_inner_texts() == marked
    assert channel.locator(".finding-card[data-stale]").count() == 0


def test_the_words_of_a_finding_are_selected(site, visitor):
    _, channel, text = _writes_a_loan(site, visitor)
    card = channel.locator(".finding-list .finding-card", has_text="approval-for-everybody")
    card.get_by_role("button", name="Select the words").click()
    assert text.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == "guaranteed approval"


def test_a_wording_is_taken_in_every_version_that_says_the_same(site, visitor):
    maria, channel, text = _writes_a_loan(site, visitor)
    page = maria.page
    same, other = page.locator("[data-channel=news]"), page.locator("[data-channel=linkedin-page]")
    for one, words in ((same, f"Good morning. {LOAN}"), (other, "Home loans from 5.9% APR.")):
        one.locator("input[name=channel]").check()
        one.locator("textarea").fill(words)
    expect(same.locator(".finding-list .finding-cost")).to_have_count(3)
    expect(other.locator(".finding-list .finding-cost")).to_have_count(1)
    promise = channel.locator(".finding-list .finding-card", has_text="approval-for-everybody")
    promise.get_by_role("button", name="Use this wording").click()
    expect(channel.locator(".elsewhere")).to_contain_text("(news)")
    expect(channel.locator(".elsewhere")).not_to_contain_text("linkedin")
    maria.look()
    page.get_by_role("button", name="Apply to all versions").click()
    mended = LOAN.replace("guaranteed approval", "subject to credit approval")
    expect(text).to_have_value(mended)
    expect(same.locator("textarea")).to_have_value(f"Good morning. {mended}")
    expect(other.locator("textarea")).to_have_value("Home loans from 5.9% APR.")
    expect(page.locator(".elsewhere")).to_have_count(0)
    expect(text).to_be_focused()


def test_a_long_text_scrolls_in_its_box_with_its_underlining(site, visitor):
    maria = visitor()
    maria.sign_in(site.person("marketer"))
    maria.open("/posts/new")
    maria.page.get_by_label("Product").select_option("fund")
    channel = maria.page.locator("[data-channel=news]")
    channel.locator("input[name=channel]").check()
    text = channel.locator("textarea")
    text.fill(
        ("The branch opens at nine, and coffee is on us until ten. " * 350)[:19_900] + "\nGuaranteed returns of 8%."
    )
    expect(channel.locator("mark.finding").first).to_be_attached()
    assert text.bounding_box()["height"] <= 600
    channel.locator(".finding-card").first.get_by_role("button", name="Select the words").click()
    text.evaluate("e => { e.scrollTop = e.scrollHeight }")
    expect(channel.locator("mark.finding").last).to_be_in_viewport()
    sizes = "e => [e.clientWidth, e.scrollHeight, e.scrollTop]"
    maria.page.wait_for_function(
        "() => { const e = document.querySelector('[data-channel=news] .editor'); "
        "return e.children[0].scrollTop === e.querySelector('textarea').scrollTop }"
    )
    assert text.evaluate(sizes) == channel.locator(".editor-marks").evaluate(sizes)


def test_submitting_with_grave_findings_asks_once(site, visitor):
    maria, _, text = _writes_a_loan(site, visitor)
    page, submit = maria.page, maria.page.locator("[data-submit]").first
    page.get_by_label("Title").fill("Loans")
    assert submit.get_attribute("data-confirm") is None, "what blocks is refused anyway"
    page.route("**/posts/preview", lambda route: (page.wait_for_timeout(600), route.continue_()))
    text.fill("Home loans from 5.9% APR.")
    submit.click()
    expect(page.get_by_role("dialog")).to_contain_text("1 finding of severity High is open.")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.unroute("**/posts/preview")
    expect(submit).to_have_attribute("data-confirm", "1 finding of severity High is open. Submit all the same?")
    submit.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 finding of severity High is open.")
    maria.look()
    dialog.get_by_role("button", name="Cancel").click()
    assert page.url.endswith("/posts/new")
    submit.click()
    with page.expect_navigation():
        dialog.get_by_role("button", name="Submit for review").click()
    expect(page.get_by_text("In review").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_card_of_a_finding_opens_under_the_pointer_and_closes_with_escape(site, visitor, scheme):
    maria, channel, text = _writes_a_loan(site, visitor, color_scheme=scheme)
    page, card = maria.page, channel.locator(".peek")
    channel.scroll_into_view_if_needed()
    words = channel.locator("mark.finding").last.bounding_box()
    page.mouse.move(words["x"] + 4, words["y"] + 8)
    page.mouse.move(words["x"] + 6, words["y"] + 8)
    expect(card).to_be_visible()
    expect(card.get_by_role("button", name="Use this wording")).to_be_visible()
    maria.look()
    card.get_by_text("approval-for-everybody").hover()
    page.wait_for_timeout(600)
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.mouse.move(words["x"] + 6, words["y"] + 8)
    expect(card).to_be_visible()
    page.mouse.move(2, 2)
    expect(card).to_be_hidden()
    expect(text).to_have_value(LOAN)


def test_the_card_of_a_finding_is_reached_with_the_keyboard_alone(site, visitor):
    maria, channel, text = _writes_a_loan(site, visitor)
    page, card = maria.page, channel.locator(".peek")
    text.focus()
    page.keyboard.press("End")
    expect(card).to_be_hidden()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    expect(card).to_be_visible()
    page.keyboard.press("Tab")
    expect(card.get_by_role("button", name="Use this wording")).to_be_focused()
    maria.look()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(text).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(text).to_have_value(LOAN.replace("guaranteed approval", "subject to credit approval"))
    expect(card).to_be_hidden()


PAGES = {
    "marketer": ("/tasks", "/posts", "/posts/new", "/calendar", "/rules", "/account", "/notices"),
    "compliance": (
        "/tasks",
        "/posts",
        "/calendar",
        "/calendar?view=list",
        "/rules",
        "/rules/propose",
        "/rules/new",
        "/rules/new?copy=PRO101",
        "/rules/import",
        "/rules/PRO101",
        "/rules/PRO101/posts",
        "/rules/PRO101/posts?only=alarms",
        "/rules/versions/1",
        "/audit",
        "/records",
        "/admin/stops",
    ),
    "administrator": (
        "/admin",
        "/admin/people",
        "/admin/teams",
        "/admin/channels",
        "/admin/workspace",
        "/admin/workflow",
        "/audit?log=installation",
    ),
}


@pytest.mark.parametrize("role", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_quiet(site, visitor, role, scheme):
    one = visitor(color_scheme=scheme)
    one.sign_in(site.person(role))
    for path in PAGES[role]:
        one.open(path)


def test_pages_fit_a_phone(site, visitor):
    one = visitor(viewport={"width": 390, "height": 800})
    one.sign_in(site.person("compliance"))
    for path in ("/tasks", "/posts", "/calendar", "/audit", "/records", "/rules", "/rules/new", "/rules/PRO101"):
        one.open(path)
        wide = one.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} scrolls sideways by {wide} px"


def test_the_card_of_a_finding_fits_a_phone(site, visitor):
    maria, channel, text = _writes_a_loan(site, visitor, viewport={"width": 390, "height": 800})
    text.focus()
    for key in ("End", *["ArrowLeft"] * 4):
        maria.page.keyboard.press(key)
    expect(channel.locator(".peek")).to_be_visible()
    box = channel.locator(".peek").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert maria.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("size", [(1280, 620), (390, 620)], ids=["desktop", "phone"])
@pytest.mark.parametrize("place", ["start", "end"])
def test_the_card_of_a_finding_stays_in_the_window(site, visitor, size, place):
    width, height = size
    maria, channel, text = _writes_a_loan(site, visitor, viewport={"width": width, "height": height})
    page, card = maria.page, channel.locator(".peek")
    # Where its words stand at the top or at the end of the window, the bar of a phone aside.
    channel.locator("mark.finding").last.evaluate(
        "(mark, place) => { mark.scrollIntoView({ block: place, behavior: 'instant' });"
        " window.scrollBy({ top: place === 'end' ? 70 : -10, behavior: 'instant' }) }",
        place,
    )
    for key in ("End", *["ArrowLeft"] * 4):
        text.evaluate("e => e.focus({ preventScroll: true })")
        page.keyboard.press(key)
    expect(card).to_be_visible()
    box = card.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert box["y"] >= 0 and box["y"] + box["height"] <= height - (56 if width < 640 else 0)
    words = channel.locator("mark.finding").last.bounding_box()
    assert box["y"] >= words["y"] + words["height"] or box["y"] + box["height"] <= words["y"] + 4


def test_the_policy_of_the_pages_lets_no_inline_script_run(site, visitor):
    """The negative control of the silent console: what axe is let do here, nobody is let do there."""
    one = visitor(bypass_csp=False)
    one.page.goto(site.url + "/login")
    one.page.evaluate(
        "() => { const s = document.createElement('script'); "
        "s.textContent = 'window.ran = true'; document.body.append(s); }"
    )
    assert one.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in complaint for complaint in one.complaints)
    one.complaints.clear()
