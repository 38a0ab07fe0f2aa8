"""The pages of the desk: who sees what, and what each act does."""

from __future__ import annotations

import hashlib
import re
import uuid

import pytest
from doors import give_passwords
from factories import (
    BLOCKED,
    CLEAN,
    SHORTENED,
    TYPED,
    a_decision,
    a_person,
    a_picture,
    a_post,
    a_post_in_review,
    a_workspace,
    an_approved_post,
    with_role,
)
from sqlalchemy import func, select

from approval.audit.models import Entry
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.posts import queries as posts, services as posting
from approval.posts.models import Standing
from approval.posts.payload import Attachment
from approval.publishing import jobs, services as publishing
from approval.publishing.models import Publication, StopScope
from approval.review.flow import Verdict
from approval.review.models import Decision

ACTS = (
    *("submit", "decide", "comments", "comments/1", "comments/1/delete", "withdraw", "schedule", "publish", "copy"),
    *("evidence", "evidence/1/remove", "findings/accept", "findings/ask", "edit"),
)
ADDRESSES = ("/tasks", "/posts", "/posts/new", "/calendar", "/calendar?view=list")


def facts(id_):
    with reading() as session:
        return posts.post_facts(session, id_)


def stage_of(page):
    return re.search(r'name="stage" value="([^"]+)"', page)[1]


def decision(id_, page, **changes):
    """What the page's own form would send."""
    sent = {"stage": stage_of(page), "seen": facts(id_).revision.hex(), "key": str(uuid.uuid4()), "verdict": "approve"}
    return {**sent, **changes}


def entries():
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Entry))


# -- who comes in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", *ADDRESSES, "/posts/1", "/posts/1/edit"])
def test_nobody_sees_a_page_without_signing_in(app, address):
    answer = app.test_client().get(address)
    assert answer.status_code == 302 and answer.location.startswith("/login?next=")


@pytest.mark.parametrize("name", ["maria", "ruth", "carla", "paula", "emil", "ada"])
def test_everybody_sees_the_pages_and_only_marketers_the_composer(signed, made, name):
    id_ = made(a_post, BLOCKED)
    browser = signed(name)
    for address in ("/tasks", "/posts", "/calendar", "/calendar?view=list", f"/posts/{id_}"):
        assert browser.get(address).status_code == 200, address
    drafts = 200 if name == "maria" else 403
    assert browser.get("/posts/new").status_code == drafts
    assert browser.get(f"/posts/{id_}/edit").status_code == drafts


def test_the_way_in_leads_to_the_tasks(signed):
    assert signed("ruth").get("/").location == "/tasks"


def test_for_another_workspace_there_is_no_such_post(app, signed, keys, made):
    id_ = made(a_post)
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
        a_person(session, "stella", *Role, workspace="southwind")
    give_passwords()
    stella = signed("stella")
    for address in (f"/posts/{id_}", f"/posts/{id_}/edit"):
        assert stella.get(address).status_code == 404
    for act in ACTS:
        answer = stella.post(f"/posts/{id_}/{act}", {"text": "Hello"}, page="/account")
        assert answer.status_code == 404 and CLEAN not in answer.text, act


def test_a_token_is_not_taken_by_a_page(app):
    answer = app.test_client().get("/tasks", headers={"Authorization": "Bearer apt_none"})
    assert answer.status_code == 302 and answer.location.startswith("/login")


def test_an_act_without_the_token_of_the_page_changes_nothing(signed, made):
    id_ = made(a_post)
    answer = signed("maria").client.post(f"/posts/{id_}/submit")
    assert answer.status_code == 400 and facts(id_).standing == Standing.DRAFT


# -- deciding ------------------------------------------------------------------------------------------------------


def test_two_decisions_lead_through_both_stages_and_to_the_next_task(signed, made, standing):
    first, second = made(a_post_in_review, title="One"), made(a_post_in_review, title="Two")
    ruth = signed("ruth")
    answer = ruth.post(f"/posts/{first}/decide", decision(first, ruth.get(f"/posts/{first}").text))
    assert answer.location == f"/posts/{second}"
    answer = ruth.post(f"/posts/{second}/decide", decision(second, ruth.get(f"/posts/{second}").text))
    assert answer.location == "/tasks"
    carla = signed("carla")
    carla.post(f"/posts/{first}/decide", decision(first, carla.get(f"/posts/{first}").text))
    assert standing(first) == Standing.APPROVED


def test_own_words_are_not_decided_on(signed, made, firm, standing):
    with transaction() as session:
        with_role(session, firm.marketer, Role.REVIEWER)
    id_ = made(a_post_in_review)
    page = signed("ruth").get(f"/posts/{id_}").text
    own = signed("maria")
    assert "You do not decide here." in own.get(f"/posts/{id_}").text
    assert own.post(f"/posts/{id_}/decide", decision(id_, page)).status_code == 403
    assert standing(id_) == Standing.IN_REVIEW


def test_a_decision_on_earlier_words_is_refused(signed, made):
    id_ = made(a_post_in_review)
    ruth = signed("ruth")
    sent = decision(id_, ruth.get(f"/posts/{id_}").text)
    other = {**TYPED, "text.news": "Closed.", "seen": sent["seen"], "voids": "yes", "action": "submit"}
    assert signed("maria").post(f"/posts/{id_}/edit", other).location == f"/posts/{id_}"
    answer = ruth.post(f"/posts/{id_}/decide", {**sent, "note": "I looked at every figure."})
    assert answer.status_code == 409
    assert "I looked at every figure." in answer.text and "changed" in answer.text, "nothing typed is lost"
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Decision)) == 0


def test_the_same_form_sent_twice_is_one_decision(signed, made):
    id_ = made(a_post_in_review)
    ruth = signed("ruth")
    sent = decision(id_, ruth.get(f"/posts/{id_}").text)
    assert [ruth.post(f"/posts/{id_}/decide", sent).status_code for _ in range(2)] == [302, 302]
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Decision)) == 1


def test_asking_for_changes_needs_a_reason_and_keeps_what_was_chosen(signed, made, standing):
    id_ = made(a_post_in_review)
    ruth = signed("ruth")
    sent = decision(id_, ruth.get(f"/posts/{id_}").text, verdict="request_changes", note="Which Monday?")
    refused = ruth.post(f"/posts/{id_}/decide", sent)
    assert refused.status_code == 422 and "Which Monday?" in refused.text
    ruth.post(f"/posts/{id_}/decide", {**sent, "reason": "facts"})
    assert standing(id_) == Standing.CHANGES_REQUESTED
    assert "Which Monday?" in signed("maria").get(f"/posts/{id_}").text
    assert "Returned to you" in signed("maria").get("/tasks").text


def test_what_changed_since_opens_first_on_the_second_round(signed, made):
    id_ = made(a_post_in_review)
    ruth = signed("ruth")
    page = ruth.get(f"/posts/{id_}").text
    assert 'id="changed"' not in page
    ruth.post(f"/posts/{id_}/decide", decision(id_, page, verdict="request_changes", reason="facts", note="When?"))
    words = {**TYPED, "text.news": f"{CLEAN} On weekdays.", "seen": facts(id_).revision.hex(), "action": "submit"}
    signed("maria").post(f"/posts/{id_}/edit", words)
    page = ruth.get(f"/posts/{id_}").text
    assert re.search(r'id="changed"[^>]* open', page) and re.search(r"<ins>[^<]*On weekdays\.", page)


# -- findings ------------------------------------------------------------------------------------------------------


def test_compliance_answers_for_a_finding_by_name_after_the_author_asked(signed, made):
    id_ = made(a_post, BLOCKED)
    rule = re.search(r'name="rule" value="([A-Z0-9]+)"', signed("maria").get(f"/posts/{id_}").text)[1]
    seen = facts(id_).revision.hex()
    asked = {"rule": rule, "reason": "The guarantor is named.", "seen": seen}
    assert signed("maria").post(f"/posts/{id_}/findings/ask", asked).status_code == 302
    assert "The guarantor is named." in signed("carla").get("/tasks").text
    assert signed("ruth").post(f"/posts/{id_}/findings/accept", asked).status_code == 403
    stale = {**asked, "seen": "0" * 64}
    assert signed("carla").post(f"/posts/{id_}/findings/accept", stale).status_code == 409
    empty = {**asked, "reason": " "}
    assert signed("carla").post(f"/posts/{id_}/findings/accept", empty).status_code == 422
    assert signed("carla").post(f"/posts/{id_}/findings/accept", asked).status_code == 302
    assert "Accepted by Carla" in signed("ruth").get(f"/posts/{id_}").text


def test_a_false_alarm_is_muted_left_out_of_the_count_and_taken_back(signed, made):
    id_ = made(a_post_in_review, SHORTENED)
    ruth, path = signed("ruth"), f"/posts/{id_}/findings/"
    page = ruth.get(f"/posts/{id_}").text
    badge = re.compile(r"<h2>Findings</h2>.*?</div>", re.DOTALL)
    assert "Low" in badge.search(page)[0] and " data-quiet" not in page and "No false alarm after all" not in page
    rule = re.search(r'name="rule" value="([A-Z0-9]+)"', page)[1]
    form = {"rule": rule, "reason": "It names the day of the opening.", "seen": facts(id_).revision.hex()}
    assert ruth.post(path + "dismiss", form).status_code == 302
    page = signed("maria").get(f"/posts/{id_}").text
    assert "Low" not in badge.search(page)[0]
    assert " data-settled" in page and " data-quiet" in page
    told = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))
    assert re.search(r"A false alarm, says Ruth[^,]*, [^:]*\d\d:\d\d[^:]*: It names the day of the opening\.", told)
    assert "No false alarm after all" not in page, "the author takes back nothing"
    assert signed("maria").post(path + "restore", form).status_code == 403
    rafael = signed("rafael")
    assert "No false alarm after all" in rafael.get(f"/posts/{id_}").text
    assert rafael.post(path + "restore", {**form, "seen": "0" * 64}).status_code == 409
    assert rafael.post(path + "restore", form).status_code == 302
    page = ruth.get(f"/posts/{id_}").text
    assert "Low" in badge.search(page)[0] and " data-quiet" not in page
    assert rafael.post(path + "restore", form, page="/account").status_code == 404


def test_a_false_alarm_that_blocks_goes_on_counting(signed, made):
    id_ = made(a_post, BLOCKED)
    ruth = signed("ruth")
    rule = re.search(r'name="rule" value="([A-Z0-9]+)"', ruth.get(f"/posts/{id_}").text)[1]
    before = re.findall(r'data-tone="block"', ruth.get(f"/posts/{id_}").text)
    form = {"rule": rule, "reason": "It quotes a scam.", "seen": facts(id_).revision.hex()}
    assert ruth.post(f"/posts/{id_}/findings/dismiss", form).status_code == 302
    page = ruth.get(f"/posts/{id_}").text
    assert re.findall(r'data-tone="block"', page) == before and "It goes on blocking until compliance" in page


def test_submitting_asks_first_while_a_grave_finding_is_open(signed, made):
    loan = made(a_post, "Home loans from 5.9% APR.", product="home-loan")
    question = "1 finding of severity High is open. Submit all the same?"
    for address in (f"/posts/{loan}", f"/posts/{loan}/edit"):
        assert f'data-confirm="{question}"' in signed("maria").get(address).text
    for words in (CLEAN, BLOCKED, SHORTENED):
        assert "of severity High" not in signed("maria").get(f"/posts/{made(a_post, words)}/edit").text


# -- talking -------------------------------------------------------------------------------------------------------


def test_a_comment_is_answered_changed_and_taken_back_by_its_author_alone(signed, made):
    id_ = made(a_post)
    ruth, maria = signed("ruth"), signed("maria")
    quoted = {"text": "Which branch?", "part": "texts.news", "quote": "our branch"}
    ruth.post(f"/posts/{id_}/comments", quoted)
    maria.post(f"/posts/{id_}/comments", {"text": "The one in Zug.", "thread": "1"})
    page = maria.get(f"/posts/{id_}").text
    assert "Which branch?" in page and "The one in Zug." in page and "our branch" in page
    assert maria.post(f"/posts/{id_}/comments/1", {"text": "No"}).status_code == 403
    assert ruth.post(f"/posts/{id_}/comments/1", {"text": "Which one?"}).status_code == 302
    assert ruth.post(f"/posts/{id_}/comments/1/delete").status_code == 302
    assert "Which one?" not in maria.get(f"/posts/{id_}").text
    assert "Which one?" in signed("emil").get(f"/posts/{id_}").text
    assert ruth.post(f"/posts/{id_}/comments", {"text": " "}).status_code == 422
    assert signed("emil").post(f"/posts/{id_}/comments", {"text": "Hm"}).status_code == 403


# -- publishing ----------------------------------------------------------------------------------------------------

WHEN = {"publish_at": "2099-11-21T09:00", "zone": "Europe/Zurich", "channels": "news"}


def test_a_publisher_schedules_in_a_zone_and_the_calendar_shows_it(signed, made, standing):
    id_ = made(an_approved_post)
    paula = signed("paula")
    assert "To publish" in paula.get("/tasks").text
    assert signed("maria").post(f"/posts/{id_}/schedule", WHEN).status_code == 403
    assert paula.post(f"/posts/{id_}/schedule", WHEN).status_code == 302
    assert standing(id_) == Standing.SCHEDULED
    with reading() as session:
        out = session.scalars(select(Publication)).one()
    assert out.due_at.isoformat() == "2099-11-21T08:00:00+00:00" and out.wall == "2099-11-21T09:00:00"
    assert f'href="/posts/{id_}"' in paula.get("/calendar?month=2099-11").text
    assert "21 November 2099" in signed("ruth").get("/calendar?month=2099-11&view=list").text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"publish_at": ""}, "Choose a date and a time."),
        ({"publish_at": "2020-01-01T09:00"}, "is past"),
        ({"publish_at": "2099-03-29T02:30"}, "skipped when clocks go forward"),
        ({"publish_at": "2099-10-25T02:30"}, "comes twice"),
        ({"zone": "Mars/Base"}, "IANA"),
        ({"channels": ""}, "not among the approved channels"),
    ],
)
def test_a_time_that_cannot_be_meant_is_told_on_the_page(signed, made, standing, changes, told):
    id_ = made(an_approved_post)
    answer = signed("paula").post(f"/posts/{id_}/schedule", {**WHEN, **changes})
    assert answer.status_code == 422 and told in answer.text and 'id="schedule"' in answer.text
    assert standing(id_) == Standing.APPROVED


def test_a_post_goes_out_now(signed, made, standing):
    id_ = made(an_approved_post)
    assert signed("paula").post(f"/posts/{id_}/publish", {"channels": "news"}).status_code == 302
    assert standing(id_) == Standing.SCHEDULED


def test_nothing_goes_out_where_no_channel_is_ticked(signed, made, standing):
    id_ = made(an_approved_post)
    answer = signed("paula").post(f"/posts/{id_}/publish", {"publish_at": "", "zone": "Europe/Zurich"})
    assert answer.status_code == 422 and "channel" in answer.text
    assert standing(id_) == Standing.APPROVED


def test_rescheduling_begins_with_the_channels_that_were_chosen(signed, made):
    id_ = made(an_approved_post, texts={"news": CLEAN, "site": CLEAN})
    paula = signed("paula")
    assert paula.post(f"/posts/{id_}/schedule", {**WHEN, "channels": "site"}).status_code == 302
    ticked = re.findall(r'<input[^>]*name="channels"[^>]*>', paula.get(f"/posts/{id_}").text)
    assert {re.search(r'value="(\w+)"', one)[1]: "checked" in one for one in ticked} == {"news": False, "site": True}


def test_a_channel_by_hand_hands_over_words_images_and_alternative_texts(signed, app, firm):
    with transaction() as session:
        media = posting.add_media(session, firm.workspace, a_picture(), by=firm.marketer)
        attached = (Attachment(media.digest, "A blue door"),)
        post = an_approved_post(session, firm, channel="desk", media=attached)
        publishing.publish_now(session, post, by=firm.publisher)
        id_ = post.id
    jobs.publish_due(app.extensions["approval"].settings, "test")
    page = signed("paula").get(f"/posts/{id_}").text
    assert re.search(rf'id="words-\d+">{CLEAN}<', page) and re.search(r'id="alt-\d+-1">A blue door<', page)
    address = re.search(r'<a class="btn btn-sm" href="([^"]+)" download>', page)[1]
    saved = signed("paula").get(address)
    assert hashlib.sha256(saved.data).digest() == media.digest
    assert saved.headers["Content-Disposition"] == f'inline; filename="{media.digest.hex()[:12]}.png"'
    assert "download>" not in signed("maria").get(f"/posts/{id_}").text, "who cannot confirm is handed nothing"


def test_the_author_withdraws_with_a_reason(signed, made, standing):
    id_ = made(a_post_in_review)
    assert signed("maria").post(f"/posts/{id_}/withdraw", {"reason": ""}).status_code == 422
    assert signed("ruth").post(f"/posts/{id_}/withdraw", {"reason": "No"}).status_code == 403
    assert signed("maria").post(f"/posts/{id_}/withdraw", {"reason": "No longer true."}).status_code == 302
    assert standing(id_) == Standing.WITHDRAWN


# -- lists and the shell -------------------------------------------------------------------------------------------


def test_filters_are_remembered_until_they_are_cleared(signed, made):
    made(a_post, title="Kept words")
    made(a_post_in_review, title="Other words")
    maria = signed("maria")
    assert "Other words" not in maria.get("/posts?standing=draft").text
    assert "Other words" not in maria.get("/posts").text
    assert "Other words" in maria.get("/posts?q=").text


@pytest.mark.parametrize(
    "address",
    ["/posts?standing=gone", "/posts?before=x", "/tasks?after=x", "/calendar?month=2026-13", "/calendar?month=9999-12"],
)
def test_a_damaged_address_is_told_what_is_wrong_with_it(signed, address):
    assert signed("maria").get(address).status_code == 422


def test_the_rail_offers_what_the_reader_may_do(signed):
    def offered(name):
        rail = signed(name).get("/tasks").text.partition('<nav class="rail-nav"')[2].partition("</nav>")[0]
        return re.findall(r'class="rail-label">([^<]+)<', rail)

    assert offered("maria") == ["Tasks", "Posts", "Calendar", "Rules"]
    assert offered("emil") == ["Tasks", "Posts", "Calendar", "Rules", "Log", "Records"]
    assert offered("ada") == ["Tasks", "Posts", "Calendar", "Rules", "Log", "Records", "Admin"]


def test_a_page_of_somebody_not_signed_in_has_no_rail(app):
    assert "rail-nav" not in app.test_client().get("/login").text


def test_a_stop_is_told_on_every_page(signed, firm):
    with transaction() as session:
        publishing.stop(
            session, scope=StopScope.WORKSPACE, workspace="northwind", by=firm.compliance, reason="A wrong rate."
        )
    page = signed("maria").get("/calendar").text
    assert "Publishing is stopped" in page and "A wrong rate." in page


def test_looking_at_pages_leaves_no_entry(signed, made):
    id_ = made(a_post, BLOCKED)
    maria = signed("maria")
    maria.get("/tasks")
    before = entries()
    for address in (*ADDRESSES, f"/posts/{id_}", f"/posts/{id_}/edit"):
        assert maria.get(address).status_code == 200
    assert entries() == before


def test_what_people_wrote_is_never_markup(signed):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    page = signed("maria").post("/posts/new", {**TYPED, "title": evil, "text.news": evil, "action": "submit"})
    texts = [page.text, *(signed("maria").get(a).text for a in ("/posts", "/posts/1", "/posts/1/edit", "/tasks"))]
    assert all("<script>alert" not in text and "<img src=x" not in text for text in texts)


def test_the_api_lists_whatever_must_be_acted_on(signed, made, firm):
    decide = made(a_post_in_review)
    place = made(an_approved_post)
    with transaction() as session:
        post = a_post_in_review(session, firm)
        a_decision(session, post, by=firm.reviewer, verdict=Verdict.REQUEST_CHANGES)
        mend = post.id
    asked = {
        name: [(task["post"], task["stage"] is not None) for task in signed(name).get("/api/v1/tasks").json["tasks"]]
        for name in ("ruth", "paula", "maria")
    }
    assert asked == {"ruth": [(decide, True)], "paula": [(place, False)], "maria": [(mend, False)]}
