"""What docs/export-format.md says can be shown from an export alone, by the lines that stand there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import unicodedata
import zipfile
from functools import reduce
from pathlib import Path

import pytest
from documented import DOCS, block
from factories import CLEAN, HOST, a_picture, a_post, an_approved_post
from sqlalchemy import select

from approval.db import transaction
from approval.people.models import Proposal, Via
from approval.people.services import accounts
from approval.people.services.secrets import seal_secret
from approval.posts import services as posts
from approval.posts.models import Post
from approval.posts.payload import Attachment
from approval.publishing import jobs, services as publishing
from approval.publishing.via import outbound
from approval.records.queries import Filters
from approval.records.services.pages import render
from approval.rules import ENGINE, ruleset
from approval.screening import services as screening
from approval.screening.services import rules as rules_of

PAGE = "export-format.md"
WORDS = f'{CLEAN}\n\tAsk for "Grüezi" \\ 🏦\u2028Member FDIC.'
"""Signs that JSON escapes, and some that it must leave alone."""
SHOWN = dict.fromkeys(("desk", "hook", "news"), "the words of the revision")


@pytest.fixture
def unpacked(export, tmp_path):
    """A function that writes an export and unpacks it into a folder of this name."""

    def unpack(name: str, **changes: object) -> Path:
        with zipfile.ZipFile(export(f"{name}.zip", **changes)[0]) as archive:
            archive.extractall(tmp_path / name)
        return tmp_path / name

    return unpack


def run(section: str, folder: Path) -> list[str]:
    """Run a section's lines of Python with the standard library alone, beside the unpacked archive."""
    # The documentation names an older engine, and the Unicode tables of one Python; these here may be others.
    here = (("approval-rules/3", ENGINE), ("14.0.0", unicodedata.unidata_version))
    code = reduce(lambda text, pair: text.replace(*pair), here, block(PAGE, section, "python"))
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def entries(folder: Path, kind: str) -> list[dict]:
    lines = (folder / "logs" / "northwind" / "entries.jsonl").read_bytes().split(b"\n")[:-1]
    found = (json.loads(json.loads(line)["entry"]) for line in lines)
    return [entry for entry in found if entry["kind"] == kind]


def change(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new, 1))


# -- what was sent ---------------------------------------------------------------------------------------------


@pytest.fixture
def sent(firm_on_sqlite, settings, monkeypatch, unpacked):
    """An export of everything, a post in it that went out in each way, and the body that the webhook sent."""
    firm, bodies = firm_on_sqlite, []

    def take(url, body, headers, *, settings):
        bodies.append(body)
        return outbound.Answer(200, {}, b"{}")

    monkeypatch.setattr(outbound, "post", take)
    with transaction() as session:
        accounts.open_channel(
            session,
            workspace=firm.workspace,
            name="hook",
            title="Hook",
            network="mastodon",
            via=Via.WEBHOOK,
            url="https://receiver.example/hook",
            secret=seal_secret(settings.secret_key, b"k" * 32),
            by=HOST,
        )
        picture = posts.add_media(session, firm.workspace, a_picture("teal"), by=firm.marketer)
    with transaction() as session:
        post = an_approved_post(
            session,
            firm,
            texts=dict.fromkeys(SHOWN, WORDS),
            disclosures=("Member FDIC.",),
            media=(Attachment(picture.digest, "A “teal” flag"),),
        )
    with transaction() as session:
        publishing.publish_now(session, session.get_one(Post, post.id), by=firm.publisher)
    jobs.publish_due(settings, "test")
    (body,) = bodies
    return unpacked("all"), post.id, body


def told(folder: Path, post: int) -> dict[str, str]:
    """What the documentation's lines say of the publications of a post, by channel."""
    begun = {entry["facts"]["channel"] for entry in entries(folder, "publication.begun") if entry["post"] == post}
    lines = [line.split(" ", 2) for line in run("What was sent", folder)][-len(begun) :]
    assert {channel for _, channel, _ in lines} == begun
    return {channel: words for _, channel, words in lines}


def words_of(folder: Path, post: int) -> Path:
    """The content that holds the words that went out."""
    begun = (entry for entry in entries(folder, "publication.begun") if entry["post"] == post)
    (revision,) = {entry["facts"]["revision"] for entry in begun}
    return folder / "content" / revision


def test_that_the_bytes_sent_are_the_approved_words_is_shown_from_an_export_alone(sent):
    folder, post, body = sent
    assert told(folder, post) == SHOWN
    requests = {entry["facts"]["channel"]: entry["facts"]["request"] for entry in entries(folder, "publication.begun")}
    assert requests["hook"] == hashlib.sha256(body).hexdigest(), "these bytes, and no others, were sent"


def test_it_is_shown_from_an_export_that_is_limited_to_the_post(sent, unpacked):
    _, post, _ = sent
    assert told(unpacked("alone", filters=Filters(posts=(post,))), post) == SHOWN


@pytest.mark.parametrize("channel", list(SHOWN))
def test_control_one_sign_changed_in_the_words_of_a_channel_is_other_bytes(sent, channel):
    folder, post, _ = sent
    words = f'"{channel}":"{CLEAN}'.encode()
    change(words_of(folder, post), words, words[:-1] + b"!")
    assert told(folder, post) == SHOWN | {channel: "OTHER BYTES"}


def test_control_another_alternative_text_is_other_bytes_on_every_channel(sent):
    folder, post, _ = sent
    change(words_of(folder, post), b"teal", b"Teal")
    assert told(folder, post) == dict.fromkeys(SHOWN, "OTHER BYTES")


def test_of_words_that_are_absent_nothing_is_shown(sent):
    folder, post, _ = sent
    words = words_of(folder, post)
    words.unlink()
    assert told(folder, post) == dict.fromkeys(SHOWN, f"cannot be shown: content/{words.name} is absent")


# -- rules -----------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(firm_on_sqlite, unpacked):
    """An export of a firm that has changed the rules that shipped, and written a post before and after."""
    packs = {"own": b'[lexicon]\nwords = ["zebrafish"]\n', "Other": b""}
    with transaction() as session:
        screening.propose_rules(session, "northwind", packs, by=firm_on_sqlite.compliance, reason="Our own.")
    with transaction() as session:
        proposal = session.scalars(select(Proposal).order_by(Proposal.id.desc()).limit(1)).one()
        screening.second_rules(session, proposal, by=firm_on_sqlite.other_compliance, accept=True)
        a_post(session, firm_on_sqlite)
    return unpacked("all")


def test_the_digest_of_a_rule_set_is_made_from_the_packs_in_the_export(judged):
    told = [line.split() for line in run("Which rules were applied", judged)]
    kinds = ["rule-set.shipped", "rule-set.proposed", "rule-set.enacted"]
    assert [(kind, same) for _, kind, _, same in told] == [(kind, "True") for kind in kinds]
    stated = [entry["facts"]["digest"] for kind in kinds for entry in entries(judged, kind)]
    named = [entry["facts"]["rule_set"] for entry in entries(judged, "revision.screened")]
    assert set(named) == set(stated) and named[-1] == stated[-1], "what was judged was judged by these"


@pytest.fixture
def upgraded(judged, firm_on_sqlite, unpacked, monkeypatch):
    """A later export, after the program was replaced by one with another engine."""
    for module in (ruleset, rules_of):
        monkeypatch.setattr(module, "ENGINE", "approval-rules/99")
    monkeypatch.setattr(rules_of, "_parsed", {})
    with transaction() as session:
        a_post(session, firm_on_sqlite, f"{CLEAN} From Monday.")
    with transaction() as session:
        a_post(session, firm_on_sqlite, f"{CLEAN} From Tuesday.")
    return unpacked("upgraded")


def test_the_digest_of_a_newer_engine_is_made_from_what_one_entry_states(upgraded):
    (applied,) = entries(upgraded, "rule-set.applied")
    last = [entry["facts"]["rule_set"] for entry in entries(upgraded, "revision.screened")][-2:]
    assert last == [applied["facts"]["digest"]] * 2
    assert run("Which rules were applied", upgraded)[-1].endswith(f"content/{applied['facts']['packs']} True")


def test_control_another_engine_than_the_entry_states_is_another_digest(upgraded):
    change(upgraded / "logs" / "northwind" / "entries.jsonl", b"approval-rules/99", b"approval-rules/98")
    said = [line.split()[-1] for line in run("Which rules were applied", upgraded)]
    assert said == ["True", "True", "True", "False"]


def test_the_digests_of_a_log_that_states_no_engine_are_made_from_what_the_documentation_names(judged):
    log = judged / "logs" / "northwind" / "entries.jsonl"
    log.write_bytes(log.read_bytes().replace(b'\\"engine\\":', b'\\"motor\\":'))
    told = run("Which rules were applied", judged)
    assert b"engine" not in log.read_bytes() and [line.split()[-1] for line in told] == ["True"] * 3


def test_control_another_sign_in_a_pack_is_another_rule_set(judged):
    content = run("Which rules were applied", judged)[-1].split()[2]
    change(judged / content, b"zebra", b"zobra")
    said = [line.split()[-1] for line in run("Which rules were applied", judged)]
    assert said == ["True", "False", "False"]


def test_the_documentation_names_the_unicode_tables_of_this_python():
    major, minor = sys.version_info[:2]
    assert f"{major}.{minor}: {unicodedata.unidata_version}" in (DOCS / PAGE).read_text("utf-8")


# -- a checkpoint that was kept --------------------------------------------------------------------------------


@pytest.fixture
def kept(firm_on_sqlite, unpacked):
    """A later export, and beside it the checkpoint of an earlier one."""
    checkpoint = (unpacked("before") / "logs" / "northwind" / "checkpoint").read_bytes()
    with transaction() as session:
        a_post(session, firm_on_sqlite)
    folder = unpacked("after")
    (folder / "kept").write_bytes(checkpoint)
    return folder


def test_a_kept_checkpoint_is_compared_with_a_later_export_without_gaps(kept):
    (said,) = run("A checkpoint that you kept", kept)
    size = int(said.removeprefix("still what was signed at "))
    (kept / "kept").write_bytes((kept / "logs" / "northwind" / "checkpoint").read_bytes())
    (later,) = run("A checkpoint that you kept", kept)
    assert int(later.removeprefix("still what was signed at ")) > size, "also all entries that there are"


@pytest.mark.parametrize("lie", ["another root", "an entry left out", "an entry changed", "more than there are"])
def test_control_another_history_is_not_what_was_signed(kept, lie):
    log = kept / "logs" / "northwind" / "entries.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    match lie:
        case "another root":
            origin, size, _, rest = (kept / "kept").read_text().split("\n", 3)
            (kept / "kept").write_text(f"{origin}\n{size}\n{'A' * 43}=\n{rest}")
        case "an entry left out":
            log.write_bytes(b"".join(lines[:5] + lines[6:]))
        case "an entry changed":
            log.write_bytes(b"".join([*lines[:5], lines[5].replace(b"2026", b"2027", 1), *lines[6:]]))
        case _:
            log.write_bytes(b"".join(lines[:5]))
    assert run("A checkpoint that you kept", kept)[0].startswith("NOT shown to be what was signed at ")


# -- what is said inside ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "filters, limited", [({}, False), ({"posts": [1]}, True), ({"span": [0, 7]}, True), ({"also": [1]}, False)]
)
def test_the_guide_inside_says_where_gaps_are_normal(filters, limited):
    """Whose whole story is told besides limits nothing."""
    manifest = {"from": "2026-01-01", "to": "2026-12-31", "zone": "UTC", "filters": filters, "notes": []}
    logs = [{"log": "northwind", "vkey": "n+1+A", "entries": 3, "size": 5}]
    text = render("how-to-verify.txt", manifest=manifest | {"logs": logs})
    assert ("limited as the manifest says" in text, "gaps are normal here" in text) == (limited, limited)
    assert ("Days leave gaps" in text) is not limited
    assert "python verify.py FILE.zip --vkey KEY\n" in text, "as it can be typed in every shell"
