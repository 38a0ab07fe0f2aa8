"""The pages of the log: how far an entry is proven, and its proof as a file."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from doors import Browser, give_passwords
from export_cosigned import of
from factories import a_decision, a_post_in_review
from sqlalchemy import insert

from approval import clock, settings as environment
from approval.app import create_app
from approval.audit.models import Anchor, Cosignature
from approval.audit.models.keys import verify_signature
from approval.audit.queries.entries import explaining, head
from approval.audit.services import rotating, seal
from approval.db import reading, transaction
from approval.posts.models import Post
from approval.review.flow import Verdict
from approval.tlog import EntryProof, Note, ProofError, VerifierKey, check_cosignature, check_entry, cosign


@pytest.fixture
def firm(firm_on_sqlite):
    return firm_on_sqlite


@pytest.fixture
def browser(firm, sqlite_url, keys, tmp_path):
    give_passwords()
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    settings = replace(loaded, keys=keys.folder, base_url="http://localhost", database_url=sqlite_url)
    browser = Browser(create_app(settings).test_client())
    browser.sign_in("carla@northwind.example")
    return browser


def sealed(keys) -> int:
    with transaction() as session:
        return seal(session, "northwind", keys=keys).size


def anchored(size: int) -> None:
    with transaction() as session:
        row = {"log": "northwind", "size": size, "kind": "rfc3161", "token": b"token", "at": clock.now(session)}
        session.execute(insert(Anchor).values(**row))


def test_an_entry_is_recorded_then_sealed_then_anchored(firm, keys, browser):
    with reading() as session:
        assert head(session, "northwind").reached(3) == "recorded"
    assert ">recorded<" in _chips(browser.get("/audit/northwind/3").text)
    size = sealed(keys)
    assert ">sealed<" in _chips(browser.get("/audit/northwind/3").text)
    anchored(size)
    page = browser.get("/audit/northwind/3").text
    assert ">anchored<" in _chips(page) and "An authority outside dated" in page
    with reading() as session:
        found = head(session, "northwind")
    assert [found.reached(index) for index in (size - 1, size)] == ["anchored", "recorded"]


def test_the_post_and_its_case_file_say_it_beside_each_decision(firm, keys, browser):
    with transaction() as session:
        post = a_post_in_review(session, firm).id
    with transaction() as session:
        a_decision(session, session.get_one(Post, post), by=firm.reviewer, verdict=Verdict.APPROVE)
    for word, then in (("recorded", lambda: anchored(sealed(keys))), ("anchored", None)):
        for address in (f"/posts/{post}", f"/records/posts/{post}"):
            assert f">{word}<" in _chips(browser.get(address).text), (address, word)
        if then:
            then()
    with reading() as session:
        (index,) = explaining(session, "northwind", post, "review.decided", "decision").values()
        assert head(session, "northwind").reached(index) == "anchored"


def test_the_proof_of_an_entry_is_one_click_and_holds_without_this_program(firm, keys, browser):
    assert browser.get("/audit/northwind/3.tlog-proof").status_code == 404, "there is no checkpoint yet"
    sealed(keys)
    page = browser.get("/audit/northwind/3").text
    assert 'href="/audit/northwind/3.tlog-proof"' in page and 'href="/audit/northwind/3.json"' in page
    answer = browser.get("/audit/northwind/3.tlog-proof")
    assert answer.headers["Content-Disposition"] == "attachment; filename=northwind-3.tlog-proof"
    proof = EntryProof.from_bytes(answer.data)
    entry = browser.get("/audit/northwind/3.json").data
    with reading() as session:
        key = VerifierKey.from_text(head(session, "northwind").vkey)
    assert check_entry(proof, entry, key=key, verify=verify_signature).size > 3
    with pytest.raises(ProofError):
        check_entry(proof, browser.get("/audit/northwind/4.json").data, key=key, verify=verify_signature)


def test_the_proof_of_an_entry_carries_the_cosignatures_over_its_checkpoint(firm, keys, browser):
    size = sealed(keys)
    witness, secret = of("auditor.example")
    with transaction() as session:
        text = head(session, "northwind").note.partition("\n\n")[0] + "\n"
        line = cosign(text, key=witness, time=1, sign=secret.sign).to_line()
        row = {"log": "northwind", "size": size, "witness": witness.name, "line": line, "at": clock.now(session)}
        session.execute(insert(Cosignature).values(**row))
    proof = EntryProof.from_bytes(browser.get("/audit/northwind/3.tlog-proof").data)
    note = Note.from_bytes(proof.note)
    assert check_cosignature(note.text, note.signatures[-1], key=witness, verify=verify_signature) == 1


def test_an_entry_that_is_not_there_has_no_proof(firm, keys, browser):
    sealed(keys)
    assert browser.get("/audit/northwind/9999.json").status_code == 404
    assert browser.get("/audit/northwind/9999.tlog-proof").status_code == 422


def _chips(page: str) -> str:
    """The text of each chip between its marks."""
    return "".join(f">{word}<" for word in re.findall(r'<span class="chip"[^>]*>.*?</svg>([^<]*)<', page, re.DOTALL))


def test_the_page_of_the_log_tells_of_its_keys_and_of_a_revoked_one(browser, keys):
    before = sealed(keys)
    assert browser.get("/audit").text.count("Signs from size") == 2, (
        "the head of the table, and the label of its one row"
    )
    with transaction() as session:
        since = clock.now(session)
        done = rotating.revoke(session, "northwind", keys=keys, by="host:op", since=since, reason="A laptop is gone.")
    sealed(keys)
    text = browser.get("/audit").text
    assert "A key of this log was revoked" in text and f"after {before} entries" in text
    assert done.key.to_text() in text and done.newest.to_text() in text
