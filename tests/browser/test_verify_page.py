"""The page that verifies an export in the browser, from a file on disk: the same answers as verify.py."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from export_attacks import ACCEPTED, FLIPPED, TRUNCATED, Given, flipped, refused, signed, sound, truncations
from export_kept import UNREADABLE, UNTOLD, beside_gaps
from playwright.sync_api import Browser, Page, expect
from small_exports import Export, save
from tree_attacks import (
    CHECKPOINT_ATTACKS,
    Proved,
    checkpoints,
    is_hidden,
    sound_proofs,
    spoilt_proofs,
    text_of,
    vectors,
)

from approval import tlog
from approval.records.verify import verify
from approval.settings import shipped

PAGE = shipped("templates") / "records" / "export" / "verify.html"
REFUSED = refused()


pytestmark = pytest.mark.xdist_group("browser")


@dataclass
class Checker:
    """The page in a browser; what it answers about an export."""

    page: Page
    folder: Path
    complaints: list[str]

    def ask(self, given: Given) -> tuple[str, str]:
        """Answer (tone, text) of the section that stands at the end."""
        # A path that was chosen before is no change to the browser.
        path = save(Path(tempfile.mkdtemp(dir=self.folder)), given.archive, given.note)
        self.page.set_input_files("#files", [path, f"{path}.note"])
        self.page.get_by_label("The firm’s verifier key").fill(given.key or "")
        self.page.get_by_label("Keys of witnesses").fill("\n".join(given.witnesses))
        files = [{"name": name, "mimeType": "", "buffer": data} for name, data in given.kept]
        self.page.set_input_files("#kept", files)
        self.page.get_by_role("button", name="Verify").click()
        return self.answer()

    def answer(self) -> tuple[str, str]:
        expect(self.page.get_by_role("button", name="Verify")).to_be_enabled()
        section = self.page.locator("#answer")
        expect(section, self.page.locator("#status").inner_text()).to_be_visible()
        return section.get_attribute("data-tone") or "", section.inner_text()

    def holds(self, given: Given) -> bool:
        """Ask the page's own function, without the form: a few milliseconds."""
        files = [base64.b64encode(data).decode() for data in (given.archive, given.note)]
        ask = """async ([archive, note, key]) => {
            const file = (text) => new Blob([Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))]);
            return (await verify(file(archive), file(note), key, [])).failures.length === 0;
        }"""
        return bool(self.page.evaluate(ask, [*files, given.key]))


@pytest.fixture(scope="module")
def checker(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    """One page for all questions; at the end it has met no error and opened no connection."""
    context, complaints = browser.new_context(), []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url == PAGE.as_uri() else complaints.append(request.url))
    page.goto(PAGE.as_uri())
    yield Checker(page, tmp_path_factory.mktemp("export"), complaints)
    context.close()
    assert complaints == []


@pytest.fixture
def fresh(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(bypass_csp=True)
    yield context.new_page()
    context.close()


# --- the table that both verifiers answer


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_verify_py_refuses_is_refused_here_for_the_same_reason(checker, make, reason):
    tone, text = checker.ask(make())
    assert (tone, "Not accepted" in text) == ("bad", True)
    assert reason in text


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
def test_what_verify_py_accepts_is_accepted_here(checker, make):
    tone, text = checker.ask(make())
    assert (tone, "Accepted: the export holds" in text) == ("good", True), text


@pytest.mark.parametrize(("make", "says"), UNTOLD.values(), ids=UNTOLD)
def test_what_verify_py_cannot_tell_is_not_told_here_either(checker, make, says):
    tone, text = checker.ask(Given(*make()))
    assert tone == "warn" and "does not show whether it continues what you kept" in text
    assert "Accepted" not in text and says in text


@pytest.mark.parametrize("spoil", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_signed_checkpoint_is_no_answer_about_the_export(checker, spoil):
    given = Given(*beside_gaps(4))
    assert "are still those that" in checker.ask(given)[1], "the control: as it was handed out"
    kept = {"name": "kept", "mimeType": "", "buffer": spoil(given.kept[0][1])}
    checker.page.set_input_files("#kept", [kept])
    checker.page.get_by_role("button", name="Verify").click()
    expect(checker.page.locator("#status")).to_contain_text("What you brought was not read: kept kept: ")
    expect(checker.page.locator("#answer")).to_be_hidden()


def test_none_of_the_truncated_exports_is_accepted(checker):
    assert checker.holds(sound())
    assert [checker.holds(make()) for make in truncations().values()] == [False] * 2 * TRUNCATED


def test_none_of_the_flipped_bits_is_accepted(checker):
    assert [checker.holds(given) for given in flipped()] == [False] * FLIPPED


def test_what_verify_py_refuses_is_refused_here_where_nobody_chose_the_lie(checker, tmp_path):
    """Bits flipped at random, and the archive soundly signed as it is then.

    The platform is stricter in one point: it refuses a deflate stream that holds every byte and has no end.
    """
    draw, accepted, seen = random.Random(4), [], set()
    for _ in range(150):
        export = Export(tmp_path)
        archive = bytearray(export.archive())
        at, bit = draw.randrange(len(archive)), draw.randrange(8)
        archive[at] ^= 1 << bit
        given = signed(export, bytes(archive))
        held = verify(save(tmp_path, given.archive, given.note), given.key).holds
        seen.add(held)
        if checker.holds(given) and not held:
            accepted.append((at, bit))
    assert accepted == []
    assert seen == {True, False}, "some bits of a ZIP archive mean nothing, such as its times"


def test_an_examiner_fetches_page_key_and_export_and_verifies_it_without_the_server(site, visitor, browser, tmp_path):
    emil = visitor(accept_downloads=True)
    emil.sign_in(site.person("examiner"))
    emil.open("/records")
    page = emil.page
    key = page.locator("#vkey").inner_text()
    fetched = {"verify.html": tmp_path / "verify.html"}
    with page.expect_download() as download:
        page.get_by_role("link", name="verify.html").click()
    download.value.save_as(fetched["verify.html"])
    page.get_by_role("button", name="Write the export").click()
    expect(page.get_by_role("link", name="Download the archive")).to_be_visible()
    for name, link in (("export.zip", "Download the archive"), ("export.zip.note", "its signed note")):
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        download.value.save_as(fetched.setdefault(name, tmp_path / name))
    context = browser.new_context(offline=True)
    alone = context.new_page()
    alone.goto(fetched["verify.html"].as_uri())
    alone.set_input_files("#files", [fetched["export.zip"], fetched["export.zip.note"]])
    alone.get_by_label("The firm’s verifier key").fill(key)
    alone.get_by_role("button", name="Verify").click()
    expect(alone.get_by_role("heading", name="Accepted: the export holds")).to_be_visible()
    expect(alone.locator("#answer")).to_contain_text("Workspace northwind")
    expect(alone.locator("#answer")).not_to_contain_text("Warning")
    context.close()


# --- what the answer says


def test_without_a_key_it_holds_and_the_signer_is_not_checked(checker):
    given = sound()
    tone, text = checker.ask(Given(given.archive, given.note, None))
    assert tone == "warn"
    assert "its signer was not checked" in text
    assert given.key in text


def test_the_answer_names_runs_absent_contents_and_what_stays_closed(checker):
    _, text = checker.ask(sound())
    assert "entries that are here and stand in it: 4 of 6. Their indexes: 0, 2–3, 5." in text
    closed = "that stay closed (erased or withheld): 1, first met in the entries 2 (posts.revised)."
    assert f"values that open their commitments: 1; {closed}" in text
    checker.page.get_by_text("with the reason that the export gives").click()
    assert "erased under entry 4" in checker.page.locator("#answer").inner_text()


@pytest.mark.parametrize(
    ("name", "says"), [("from the future", "written in the future"), ("of no known time", "is not a time")]
)
def test_an_odd_time_is_said_and_refuses_nothing(checker, name, says):
    assert says in checker.ask(ACCEPTED[name]())[1]
    assert "Warning" not in checker.ask(ACCEPTED["of a known time"]())[1]


def test_time_that_runs_backwards_is_said_and_overlap_is_not(checker):
    assert (
        "time runs backwards at the entries 7: a clock" in checker.ask(ACCEPTED["with time that runs backwards"]())[1]
    )
    for name in ("with transactions that overlap", "with a month that no calendar has"):
        assert "backwards" not in checker.ask(ACCEPTED[name]())[1]


def test_what_an_export_says_of_itself_is_text_and_nothing_else(checker):
    export = Export(Path())
    export.manifest |= {"zone": "<img src=x onerror=alert(1)>\u202e", "notes": ["<script>alert(1)</script>"]}
    _, text = checker.ask(signed(export))
    assert "<img src=x onerror=alert(1)>\\u{202e}" in text
    assert "<script>alert(1)</script>" in text
    assert checker.page.locator("#answer img, #answer script").count() == 0


@pytest.mark.parametrize("key", ["x", "a+00000000+AAAA", "a b+00000000+AAAA", "é+0+0"])
def test_a_malformed_key_is_no_answer_about_the_export(checker, key):
    given = sound()
    checker.ask(given)
    checker.page.get_by_label("The firm’s verifier key").fill(key)
    checker.page.get_by_role("button", name="Verify").click()
    expect(checker.page.locator("#status")).to_contain_text("What you brought was not read")
    expect(checker.page.locator("#answer")).to_be_hidden()


def test_a_missing_file_is_asked_for(fresh):
    fresh.goto(PAGE.as_uri())
    fresh.get_by_role("button", name="Verify").click()
    expect(fresh.locator("#status")).to_have_text("Choose both files.")
    fresh.set_input_files("#files", [{"name": "a.zip", "mimeType": "", "buffer": b"x"}])
    fresh.get_by_role("button", name="Verify").click()
    expect(fresh.locator("#status")).to_contain_text("Choose FILE.zip.note")


def test_files_on_disk_are_chosen_and_verified_by_keyboard_alone(fresh, tmp_path):
    given = sound()
    path = save(tmp_path, given.archive, given.note)
    # The browser must know long before the key that somebody answers the chooser: told together, it may open its own.
    fresh.on("filechooser", lambda _: None)
    fresh.goto(PAGE.as_uri())
    go_to(fresh, "files")
    with fresh.expect_file_chooser() as chooser:
        fresh.keyboard.press("Space")
    chooser.value.set_files([path, f"{path}.note"])
    go_to(fresh, "key")
    fresh.keyboard.insert_text(f"  {given.key}\n")
    fresh.keyboard.press("Enter")
    expect(fresh.get_by_role("heading", name="Accepted: the export holds")).to_be_visible()
    assert fresh.evaluate("document.activeElement.id") == "answer"


def go_to(page: Page, name: str) -> None:
    """Press Tab until the element has the focus; the page has fewer places to stop at."""
    for _ in range(10):
        if page.evaluate("document.activeElement.id") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {name}")


# --- its own mathematics


def test_its_sha_256_is_the_right_one_however_the_data_is_cut(checker):
    cases = [(size, cut) for size in (*range(131), 1000, 2**16 + 1) for cut in {0, size // 3, max(0, size - 1)}]
    digests = """(cases) => cases.map(([size, cut]) => {
        const data = Uint8Array.from({ length: size }, (_, i) => i % 251);
        return hex(new Sha256().update(data.subarray(0, cut)).update(data.subarray(cut)).digest());
    })"""
    expected = [hashlib.sha256(bytes(i % 251 for i in range(size))).hexdigest() for size, _ in cases]
    assert checker.page.evaluate(digests, cases) == expected


ENSURE_IN_TREE = """async ([leaves, size, proof, root]) => {
    async function* lines() { for (const line of proof) yield decodeHash(line); }
    if (!leaves.every(([index]) => index >= 0 && index < size)) return false;
    try {
        const tree = new Tree(size, lines());
        for (const [index, leaf] of leaves) await tree.leaf(index, decodeHash(leaf));
        return same(await tree.root(), decodeHash(root));
    } catch (error) {
        if (error instanceof Refused) return false;
        throw error;
    }
}"""


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 8])
def test_every_subset_of_a_small_tree_is_proved_and_no_spoilt_proof_is(checker, size):
    leaves = [tlog.leaf_hash(b"record %d" % index) for index in range(size)]
    read = lambda nodes: [tlog.tree_hash(leaves[i << k : i + 1 << k]) for k, i in nodes]  # noqa: E731
    root = text_of(tlog.root(size, read))
    for chosen in range(1, 1 << size, 2):
        indexes = [index for index in range(size) if chosen >> index & 1]
        proof = [text_of(each) for each in tlog.prove_subset(indexes, size, read)]
        given = [[index, text_of(leaves[index])] for index in indexes]
        assert checker.page.evaluate(ENSURE_IN_TREE, [given, size, proof, root])
        for spoilt in ([*proof, root], proof[:-1], [root, *proof], [*proof[1:], ""]):
            assert spoilt == proof or not checker.page.evaluate(ENSURE_IN_TREE, [given, size, spoilt, root])
        assert not checker.page.evaluate(ENSURE_IN_TREE, [given[:-1], size, proof, root])


def test_every_smaller_tree_is_shown_to_be_the_beginning_and_no_spoilt_proof_is(checker):
    ask = """([old, size, proof, oldRoot, root]) => {
        try {
            ensureBeginning(old, size, proof.map(decodeHash), decodeHash(oldRoot), decodeHash(root));
            return true;
        } catch (error) {
            if (error instanceof Refused) return false;
            throw error;
        }
    }"""
    leaves = [tlog.leaf_hash(b"record %d" % index) for index in range(9)]
    read = lambda nodes: [tlog.tree_hash(leaves[i << k : i + 1 << k]) for k, i in nodes]  # noqa: E731
    empty, zero = text_of(tlog.EMPTY_ROOT), text_of(bytes(32))
    for size in range(2, 10):
        root = text_of(tlog.tree_hash(leaves[:size]))
        for old in range(1, size):
            proof = [text_of(each) for each in tlog.prove_consistency(old, size, read)]
            begun = tlog.tree_hash(leaves[:old])
            assert checker.page.evaluate(ask, [old, size, proof, text_of(begun), root])
            for spoilt in ([*proof, root], proof[:-1], [zero, *proof[1:]]):
                assert not checker.page.evaluate(ask, [old, size, spoilt, text_of(begun), root])
            assert not checker.page.evaluate(ask, [old, size, proof, zero, root])
    for old, size in ((0, 0), (0, 2), (2, 2), (3, 2)):
        assert not checker.page.evaluate(ask, [old, size, [], empty, empty])


def test_the_root_of_every_beginning_is_computed_wherever_the_proof_reaches_and_nowhere_else(checker):
    ask = """async ([leaves, size, proof]) => {
        async function* lines() { for (const line of proof) yield decodeHash(line); }
        const sizes = Array.from({ length: size - 1 }, (_, i) => i + 1);
        const wanted = new Map(sizes.flatMap(completeSubtrees).map((span) => [span, null]));
        const tree = new Tree(size, lines(), wanted);
        for (const [index, leaf] of leaves) await tree.leaf(index, decodeHash(leaf));
        await tree.root();
        const here = { notes: new Map(), rootAt: Earlier.prototype.rootAt };
        return sizes.map((old) => here.rootAt(old, wanted)).map((root) => root && base64(root));
    }"""
    leaves = [tlog.leaf_hash(b"record %d" % index) for index in range(8)]
    read = lambda nodes: [tlog.tree_hash(leaves[i << k : i + 1 << k]) for k, i in nodes]  # noqa: E731
    roots = [text_of(tlog.tree_hash(leaves[:old])) for old in range(9)]
    for size in range(2, 9):
        for chosen in range(1, 1 << size, 2):
            indexes = [index for index in range(size) if chosen >> index & 1]
            proof = [text_of(each) for each in tlog.prove_subset(indexes, size, read)]
            given = [[index, text_of(leaves[index])] for index in indexes]
            found = checker.page.evaluate(ask, [given, size, proof])
            hidden = [is_hidden(old, indexes, 0, size) for old in range(1, size)]
            assert found == [None if hidden[old - 1] else roots[old] for old in range(1, size)]


def test_the_published_proofs_hold_and_no_spoilt_one_does(checker):
    def holds(given: Proved) -> bool:
        leaves = [[given.index, given.leaf]]
        return bool(checker.page.evaluate(ENSURE_IN_TREE, [leaves, given.size, given.proof, given.root]))

    assert {name for name, given in sound_proofs().items() if not holds(given)} == set()
    assert {name for name, given in spoilt_proofs().items() if holds(given)} == set()


def test_the_published_checkpoints_hold_in_one_form_and_none_of_an_empty_log(checker):
    ask = """async ([vkey, data, signed]) => {
        try {
            const key = parseKey(vkey), note = signed ? parseNote(utf8.encode(data)) : { text: data };
            if (signed) await ensureSigned(note, key);
            return parseCheckpoint(note.text, key.name).size;
        } catch (error) {
            if (error instanceof Refused) return 0;
            throw error;
        }
    }"""
    vkey, notes = checkpoints()
    assert {size: checker.page.evaluate(ask, [vkey, data, True]) for size, data in notes.items()} == dict(
        zip(notes, notes, strict=True)
    )
    text = notes[8].split("\n\n")[0] + "\n"
    assert checker.page.evaluate(ask, [vkey, text, False]) == 8
    for attack in CHECKPOINT_ATTACKS.values():
        assert checker.page.evaluate(ask, [vkey, attack(text), False]) == 0


def test_published_notes_are_read_and_verified(checker):
    cases = vectors("notes")
    ask = """async ([vkey, text]) => {
        try {
            const key = parseKey(vkey);
            if (text !== null) await ensureSigned(parseNote(utf8.encode(text)), key);
            return true;
        } catch (error) {
            if (error instanceof Refused) return false;
            throw error;
        }
    }"""
    for case in cases["valid"].values():
        note = f"{case['text']}\n{case['line']}"
        assert checker.page.evaluate(ask, [case["vkey"], note])
        assert not checker.page.evaluate(ask, [case["vkey"], f"x{note}"])
    for vkey in cases["refused_vkeys"].values():
        assert not checker.page.evaluate(ask, [vkey, None])


def test_a_key_of_small_order_would_sign_everything_without_the_check_for_it(fresh, tmp_path):
    """The negative control: the platform alone accepts it."""
    given = REFUSED["key-of-small-order"][0]()
    fresh.goto(PAGE.as_uri())
    one = Checker(fresh, tmp_path, [])
    assert not one.holds(given)
    fresh.evaluate("SMALL_ORDER.length = 0")
    assert one.holds(given)


# --- the file itself


def test_the_policy_of_the_page_names_the_digests_of_its_style_and_script():
    text = PAGE.read_text("utf-8")
    for name in ("style", "script"):
        (inline,) = re.findall(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in text, f"write {digest} into the policy"
    assert "default-src 'none'" in text


def test_a_changed_script_does_not_run(browser, tmp_path):
    changed = tmp_path / "verify.html"
    changed.write_text(PAGE.read_text("utf-8").replace('"use strict";', '"use strict"; '), "utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto(changed.as_uri())
    assert page.evaluate("typeof verify") == "undefined"
    context.close()


def test_it_may_open_no_connection(checker):
    ask = "fetch('https://example.com').then(() => 'open', () => 'closed')"
    assert checker.page.evaluate(ask) == "closed"
    assert any("Content Security Policy" in each for each in checker.complaints)
    checker.complaints.clear()


@pytest.mark.parametrize("missing", ["Ed25519", "DecompressionStream", "Web Crypto"])
def test_where_the_browser_lacks_something_the_page_says_so_and_names_verify_py(fresh, missing):
    take_away = {
        "Ed25519": "SubtleCrypto.prototype.verify = () => Promise.reject(new DOMException('', 'NotSupportedError'))",
        "DecompressionStream": "delete globalThis.DecompressionStream",
        "Web Crypto": "Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })",
    }
    fresh.add_init_script(take_away[missing])
    fresh.goto(PAGE.as_uri())
    expect(fresh.locator("#status")).to_contain_text(f"This browser lacks {missing}")
    expect(fresh.locator("#status")).to_contain_text("Use verify.py")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_is_accessible_and_fits(browser, tmp_path, scheme, width):
    context = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(PAGE.as_uri())
    one = Checker(page, tmp_path, [])
    for given in (None, sound(), Given(sound().archive, sound().note, None), REFUSED["lie: entry-changed"][0]()):
        if given is not None:
            one.ask(given)
        found: Any = Axe().run(page).response["violations"]
        assert [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
