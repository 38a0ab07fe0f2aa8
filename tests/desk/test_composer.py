"""The composer: what is typed is kept, what is wrong is shown at its place, and an edit says what it voids."""

from __future__ import annotations

import io
import re

import pytest
from doors import csrf_of
from factories import BLOCKED, CLEAN, PDF, TYPED, a_decision, a_picture, a_post, a_post_in_review, an_approved_post
from sqlalchemy import func, select

from approval.db import reading, transaction
from approval.posts import queries as posts
from approval.posts.models import Evidence, Post, Revision, Standing
from approval.posts.reading import Reading
from approval.review.flow import Verdict


def facts(id_):
    with reading() as session:
        return posts.post_facts(session, id_)


# -- the composer --------------------------------------------------------------------------------------------------


def test_a_draft_is_saved_and_the_composer_opens_with_it(signed):
    answer = signed("maria").post("/posts/new", TYPED)
    assert answer.status_code == 302 and answer.location.endswith("/edit")
    page = signed("maria").get(answer.location).text
    assert "Draft saved." in page and CLEAN in page
    assert facts(1).payload.texts == {"news": CLEAN}


def test_saving_and_submitting_are_one_click(signed, standing):
    answer = signed("maria").post("/posts/new", {**TYPED, "action": "submit"})
    assert answer.location == "/posts/1" and standing(1) == Standing.IN_REVIEW


def test_a_blocked_submit_keeps_the_draft_and_links_every_item_to_its_place(signed, standing):
    answer = signed("maria").post("/posts/new", {**TYPED, "text.news": BLOCKED, "action": "submit"})
    assert answer.status_code == 422 and standing(1) == Standing.DRAFT
    assert "Saved, but not submitted." in answer.text
    assert 'href="#text-news"' in answer.text and 'id="text-news"' in answer.text
    # The next save goes to the post that was saved, not to another one.
    assert 'method="post" action="/posts/1/edit"' in answer.text
    assert facts(1).payload.texts["news"] == BLOCKED


def test_what_is_wrong_is_shown_at_its_field_and_nothing_typed_is_lost(signed):
    wrong = {**TYPED, "title": "", "zone": "Mars/Base", "in_reply_to": "ftp://x", "kpi": "calls"}
    answer = signed("maria").post("/posts/new", wrong)
    assert answer.status_code == 422
    for anchor in ("title", "zone", "in_reply_to", "objective"):
        assert f'href="#{anchor}"' in answer.text, anchor
    assert CLEAN in answer.text and 'value="calls"' in answer.text
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Post)) == 0


def test_a_skipped_hour_is_refused_and_a_doubled_one_asked_for(signed):
    maria = signed("maria")
    skipped = maria.post("/posts/new", {**TYPED, "publish_at": "2099-03-29T02:30"})
    assert skipped.status_code == 422 and "does not exist" in skipped.text
    doubled = maria.post("/posts/new", {**TYPED, "publish_at": "2099-10-25T02:30"})
    assert doubled.status_code == 422 and "comes twice" in doubled.text and 'name="fold"' in doubled.text
    later = maria.post("/posts/new", {**TYPED, "publish_at": "2099-10-25T02:30", "fold": "1"})
    assert later.status_code == 302 and facts(1).wanted_at.isoformat() == "2099-10-25T01:30:00+00:00"


def test_the_findings_are_shown_without_scripts(signed):
    page = signed("maria").post("/posts/new", {**TYPED, "title": "", "text.news": BLOCKED}).text
    assert 'class="finding-card" data-tone="block"' in page and '<mark class="finding"' in page


def test_the_live_part_answers_previews_counts_and_stages(signed):
    answer = signed("maria").post("/posts/preview", {**TYPED, "channel": "desk", "text.desk": "See example.com/a/b/c"})
    assert answer.status_code == 200 and 'data-asked="2"' in answer.text
    # X counts every address as 23 characters.
    assert "<span data-count>27</span> / 280" in answer.text
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Post)) == 0


def test_an_image_is_stored_even_when_the_rest_must_be_mended(signed):
    data = {**TYPED, "title": "", "image": (io.BytesIO(a_picture()), "a.png"), "image_alt": "A blue square"}
    answer = signed("maria").post("/posts/new", data)
    assert answer.status_code == 422
    digest = re.search(r'name="media" value="([0-9a-f]{64})"', answer.text)[1]
    assert "A blue square" in answer.text
    saved = signed("maria").post("/posts/new", {**TYPED, "media": digest, f"alt.{digest}": "A blue square"})
    assert saved.status_code == 302
    assert [(a.digest.hex(), a.alt) for a in facts(1).payload.media] == [(digest, "A blue square")]
    served = signed("ruth").get(f"/media/northwind/{digest}")
    assert served.mimetype == "image/png" and "immutable" in served.headers["Cache-Control"]


def test_a_file_that_is_no_image_is_named(signed):
    data = {**TYPED, "image": (io.BytesIO(b"#!/bin/sh"), "a.png"), "image_alt": "A"}
    answer = signed("maria").post("/posts/new", data)
    assert answer.status_code == 422 and "a.png" in answer.text and 'href="#images"' in answer.text


@pytest.mark.parametrize(
    ("said", "shown", "findings"),
    [
        (Reading("Guaranteed 12% returns", "tesseract 5.3.0"), "Words read in image 1", 1),
        (Reading("Harbour Street", "tesseract 5.3.0"), "Words read in image 1", 0),
        (Reading("", "tesseract 5.3.0"), "No words were found in image 1.", 0),
        (None, "The words in image 1 were not read, so no rule has seen them", 0),
    ],
    ids=["a promise", "innocent words", "no words", "nobody read it"],
)
def test_words_in_an_image_are_shown_with_what_the_rules_say_of_them(signed, monkeypatch, said, shown, findings):
    monkeypatch.setattr("approval.posts.services.read_words", lambda upload: said)
    data = {**TYPED, "image": (io.BytesIO(a_picture()), "a.png"), "image_alt": "A card"}
    maria = signed("maria")
    address = maria.post("/posts/new", data).location
    for page in (maria.get(address).text, maria.get("/posts/1").text):
        assert shown in page
        assert page.count("In Image 1") == findings
        assert (said is None or said.words in re.sub("<[^>]+>", "", page)) and ("<details" in page)
    assert 'id="words-0"' in maria.get(address).text


def test_a_promise_in_an_image_keeps_the_post_from_being_submitted(signed, standing, monkeypatch):
    said = Reading("Guaranteed 12% returns", "tesseract 5.3.0")
    monkeypatch.setattr("approval.posts.services.read_words", lambda upload: said)
    data = {**TYPED, "image": (io.BytesIO(a_picture()), "a.png"), "image_alt": "A card", "action": "submit"}
    answer = signed("maria").post("/posts/new", data)
    assert answer.status_code == 422 and standing(1) == Standing.DRAFT
    assert 'href="#words-0">Image 1</a>' in answer.text


def test_an_image_that_is_uploaded_is_read(signed, monkeypatch, tmp_path):
    """The whole way, with a program in the place of the real one; without it the upload stands all the same."""
    maria = signed("maria")
    token = maria.get("/api/v1/me").json["csrf_token"]

    def upload(colour):
        form = {"file": (io.BytesIO(a_picture(colour)), "a.png")}
        answer = maria.client.post("/api/v1/media", data=form, headers={"X-CSRFToken": token})
        assert answer.status_code == 201
        return answer.json["words"]

    monkeypatch.setenv("PATH", str(tmp_path))
    assert upload("red") is None
    program = tmp_path / "tesseract"
    columns = "level page_num block_num par_num line_num word_num left top width height conf text".replace(" ", "\\t")
    program.write_text(
        f"#!/bin/sh\n[ $1 = --version ] && echo tesseract 9.9 && exit\n"
        f"printf '{columns}\\n5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t96\\tGuaranteed\\n'\n"
    )
    program.chmod(0o755)
    assert upload("blue") == "Guaranteed"
    assert upload("red") is None, "an image is read once, when it is added"


def test_evidence_joins_the_case_file_and_is_handed_over_as_a_file(signed):
    signed("maria").post("/posts/new", {**TYPED, "evidence": (io.BytesIO(PDF), "rates.pdf")})
    with signed("ruth").get("/posts/1/evidence/1") as answer:
        assert answer.data == PDF and answer.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert signed("maria").post("/posts/1/evidence/1/remove").status_code == 302
    with reading() as session:
        assert session.get_one(Evidence, 1).removed_at is not None


def test_twenty_megabytes_come_through_the_door_and_are_refused_by_name(signed, made):
    id_ = made(a_post)
    maria = signed("maria")
    # Written out by hand: the client would leave the file open that it keeps a large form in.
    parts = (
        f'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{csrf_of(maria.get("/account").text)}\r\n',
        '--b\r\nContent-Disposition: form-data; name="evidence"; filename="large.pdf"\r\n\r\n',
        f"%PDF-1.7\n{'0' * (21 * 1024 * 1024)}\r\n--b--\r\n",
    )
    answer = maria.client.post(
        f"/posts/{id_}/evidence", data="".join(parts).encode(), content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 413 and "at most 20 MB" in answer.text


# -- editing -------------------------------------------------------------------------------------------------------


def test_an_edit_in_review_must_say_that_it_voids(signed, made, standing):
    id_ = made(a_post_in_review)
    maria = signed("maria")
    assert "every approval is void" in maria.get(f"/posts/{id_}/edit").text
    other = {**TYPED, "text.news": "Closed on Monday.", "seen": facts(id_).revision.hex()}
    refused = maria.post(f"/posts/{id_}/edit", other)
    assert refused.status_code == 422 and 'href="#voids"' in refused.text and standing(id_) == Standing.IN_REVIEW
    assert maria.post(f"/posts/{id_}/edit", {**other, "voids": "yes"}).status_code == 302
    assert standing(id_) == Standing.DRAFT and facts(id_).payload.texts["news"] == "Closed on Monday."


def test_what_stands_beside_the_words_changes_without_voiding(signed, made, standing):
    id_ = made(an_approved_post)
    same = {**TYPED, "seen": facts(id_).revision.hex(), "objective": "service", "kpi": "Calls"}
    answer = signed("maria").post(f"/posts/{id_}/edit", same)
    assert answer.status_code == 302 and standing(id_) == Standing.APPROVED and facts(id_).goal.kpi == "Calls"


def test_an_edit_of_words_that_changed_meanwhile_is_refused(signed, made):
    id_ = made(a_post)
    seen = facts(id_).revision.hex()
    signed("milan").post(f"/posts/{id_}/edit", {**TYPED, "text.news": "First.", "seen": seen})
    late = signed("maria").post(f"/posts/{id_}/edit", {**TYPED, "text.news": "Second.", "seen": seen})
    assert late.status_code == 412 and facts(id_).payload.texts["news"] == "First."


def test_opening_and_saving_changes_nothing(signed, made):
    id_ = made(a_post, not_after=None)
    page = signed("maria").get(f"/posts/{id_}/edit").text
    assert CLEAN in page
    before = facts(id_)
    signed("maria").post(f"/posts/{id_}/edit", {**TYPED, "seen": before.revision.hex()})
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Revision)) == 1


def test_what_was_rejected_is_copied_not_edited(signed, made, firm):
    id_ = made(a_post_in_review)
    with transaction() as session:
        a_decision(session, session.get_one(Post, id_), by=firm.reviewer, verdict=Verdict.REJECT)
    assert signed("maria").get(f"/posts/{id_}/edit").status_code == 409
    answer = signed("maria").post(f"/posts/{id_}/copy")
    assert answer.location == f"/posts/{id_ + 1}/edit" and facts(id_ + 1).origin == id_
