from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from factories import a_decision, a_draft, a_picture, an_approved_post

from approval.db import reading, transaction
from approval.posts import services as posts
from approval.posts.payload import Attachment
from approval.publishing import jobs, services
from approval.publishing.models import StopScope
from approval.publishing.queries import active_stops, feeds, publications_of, stops
from approval.review import services as review

ATOM = {"a": "http://www.w3.org/2005/Atom"}
NASTY = "<script>alert(1)</script> & ]]> “quotes” end"


def published(firm, settings, words: str, **changes) -> int:
    with transaction() as session:
        post = an_approved_post(session, firm, words, **changes)
        services.publish_now(session, post, by=firm.publisher)
    jobs.publish_due(settings, "test")
    return post.id


def with_picture(firm) -> tuple[int, str]:
    with transaction() as session:
        media = posts.add_media(session, firm.workspace, a_picture(), by=firm.marketer)
        session.flush()
        digest = media.digest
    with transaction() as session:
        draft = a_draft(firm, media=(Attachment(digest, "The branch & its door"),))
        post = posts.create(session, draft, by=firm.marketer)
        review.submit(session, post, by=firm.marketer)
        a_decision(session, post, by=firm.reviewer)
        a_decision(session, post, by=firm.compliance)
        services.publish_now(session, post, by=firm.publisher)
        return post.id, digest.hex()


# -- feeds -----------------------------------------------------------------------------------------------------


def test_anybody_reads_a_feed(firm, settings, as_):
    published(firm, settings, "From Monday we open at nine.")
    page = as_(None).get("/feeds/northwind/news")
    assert page.status_code == 200
    assert b"From Monday we open at nine." in page.data
    assert "public" in page.headers["Cache-Control"]
    assert "Set-Cookie" not in page.headers


def test_a_feed_is_valid_atom(firm_on_sqlite, settings, as_):
    published(firm_on_sqlite, settings, "From Monday we open at nine.")
    answer = as_(None).get("/feeds/northwind/news.atom")
    assert answer.mimetype == "application/atom+xml"
    feed = ET.fromstring(answer.data)
    assert feed.tag == "{http://www.w3.org/2005/Atom}feed"
    for name in ("id", "title", "updated", "author/a:name"):
        assert feed.findtext(f"a:{name}", namespaces=ATOM)
    (entry,) = feed.findall("a:entry", ATOM)
    for name in ("id", "title", "updated", "published"):
        assert entry.findtext(f"a:{name}", namespaces=ATOM)
    assert entry.findtext("a:content", namespaces=ATOM) == "From Monday we open at nine."
    assert {link.get("rel") for link in feed.findall("a:link", ATOM)} == {"self", "alternate"}


def test_markup_in_a_post_stays_text(firm_on_sqlite, settings, as_):
    published(firm_on_sqlite, settings, NASTY)
    feed = ET.fromstring(as_(None).get("/feeds/northwind/news.atom").data)
    said = feed.findtext("a:entry/a:content", namespaces=ATOM)
    assert said == NASTY
    page = as_(None).get("/feeds/northwind/news").data
    assert b"<script>alert(1)" not in page
    assert b"&lt;script&gt;alert(1)" in page


def test_ids_of_a_feed_never_change(firm_on_sqlite, settings, as_):
    published(firm_on_sqlite, settings, "From Monday we open at nine.")

    def ids() -> list[str]:
        feed = ET.fromstring(as_(None).get("/feeds/northwind/news.atom").data)
        return [element.text or "" for element in feed.iter("{http://www.w3.org/2005/Atom}id")]

    before = ids()
    published(firm_on_sqlite, settings, "From Tuesday we open at ten.")
    after = ids()
    assert after[0] == before[0]
    assert after[2] == before[1]
    assert len(set(after)) == 3
    assert all(id_.startswith("urn:uuid:") for id_ in after)


def test_a_feed_is_read_page_by_page(firm_on_sqlite, settings, as_, monkeypatch):
    monkeypatch.setattr(feeds.feed_page, "__kwdefaults__", {"before": None, "size": 2})
    words = [f"From Monday we open at {hour}." for hour in ("seven", "eight", "nine", "ten", "eleven")]
    for text in words:
        published(firm_on_sqlite, settings, text)
    seen, href = [], "/feeds/northwind/news.atom"
    while href:
        feed = ET.fromstring(as_(None).get(href).data)
        seen += [content.text for content in feed.iter("{http://www.w3.org/2005/Atom}content")]
        links = {link.get("rel"): link.get("href") for link in feed.findall("a:link", ATOM)}
        href = (links.get("next") or "").removeprefix("http://localhost")
    assert seen == words[::-1]


@pytest.mark.parametrize("before", ["x", "0", "-1", "77", "9" * 30, "1.5", ""])
def test_a_page_of_a_feed_that_does_not_exist_is_not_found(firm_on_sqlite, as_, before):
    assert as_(None).get(f"/feeds/northwind/news?before={before}").status_code in (404, 200 if not before else 404)


@pytest.mark.parametrize("path", ["/feeds/northwind/desk", "/feeds/northwind/nowhere", "/feeds/nowhere/news"])
@pytest.mark.parametrize("form", ["", ".atom"])
def test_only_channels_via_feed_have_one(firm_on_sqlite, as_, path, form):
    assert as_(None).get(path + form).status_code == 404


def test_an_unpublished_post_stands_in_no_feed(firm_on_sqlite, settings, as_):
    with transaction() as session:
        an_approved_post(session, firm_on_sqlite, "From Monday we open at nine.")
    assert b"nine" not in as_(None).get("/feeds/northwind/news.atom").data


def test_an_image_is_public_only_with_its_published_post(firm_on_sqlite, settings, as_):
    post, digest = with_picture(firm_on_sqlite)
    with reading() as session:
        (publication,) = publications_of(session, post)
    url = f"/media/public/{publication.id}/{digest}"
    assert as_(None).get(url).status_code == 404

    jobs.publish_due(settings, "test")
    answer = as_(None).get(url)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert as_(None).get(f"/media/public/{publication.id}/{'0' * 64}").status_code == 404
    assert as_(None).get(f"/media/public/{publication.id}/{digest.upper()}").status_code == 404

    feed = ET.fromstring(as_(None).get("/feeds/northwind/news.atom").data)
    (link,) = [x for x in feed.iter("{http://www.w3.org/2005/Atom}link") if x.get("rel") == "enclosure"]
    assert link.get("href") == f"http://localhost{url}"
    assert (link.get("type"), link.get("length")) == (answer.mimetype, str(len(answer.data)))
    assert link.get("title") == "The branch & its door"


# -- stops -----------------------------------------------------------------------------------------------------


def test_stopping_and_resuming_in_the_browser_takes_two_people(firm, as_):
    carla, cem = as_(firm.compliance), as_(firm.other_compliance)
    answer = carla.post(
        "/admin/stops", data={"workspace": "northwind", "scope": "workspace:northwind", "reason": "Incident."}
    )
    assert answer.status_code == 302
    assert b"Incident." in carla.get("/admin/stops").data
    with reading() as session:
        (held,) = active_stops(session)
    assert carla.post(f"/admin/stops/{held.id}/resume", data={"reason": "Solved."}).status_code == 302
    assert carla.post(f"/admin/stops/{held.id}/lift").status_code == 403
    assert cem.post(f"/admin/stops/{held.id}/lift").status_code == 302
    with reading() as session:
        assert active_stops(session) == ()


@pytest.mark.parametrize("who", ["marketer", "reviewer", "examiner"])
def test_who_may_not_stop_reads_the_page_but_is_offered_nothing(firm_on_sqlite, as_, who):
    client = as_(getattr(firm_on_sqlite, who))
    page = client.get("/admin/stops")
    assert page.status_code == 200
    assert b"Stop now" not in page.data
    answer = client.post("/admin/stops", data={"scope": "workspace:northwind", "reason": "No."})
    assert answer.status_code == 403


def test_a_stop_without_a_reason_is_asked_for_one(firm_on_sqlite, as_):
    answer = as_(firm_on_sqlite.compliance).post("/admin/stops", data={"scope": "workspace:northwind", "reason": ""})
    assert answer.status_code == 422
    assert b"Say why" in answer.data
    with reading() as session:
        assert active_stops(session) == ()


def test_a_scope_that_was_not_offered_is_not_taken(firm_on_sqlite, as_):
    with transaction() as session:
        services.stop(session, scope=StopScope.EVERYTHING, by=firm_on_sqlite.compliance, reason="Drill.")
    answer = as_(firm_on_sqlite.publisher).post("/admin/stops", data={"scope": "workspace:other", "reason": "x"})
    assert answer.status_code == 422


def scheduled(firm, hour: int, **changes) -> int:
    with transaction() as session:
        post = an_approved_post(session, firm, f"From Monday we open at {hour}.", **changes)
        at = datetime.now(UTC) + timedelta(hours=hour)
        services.schedule(session, post, by=firm.publisher, publish_at=at, zone="UTC")
    return post.id


def test_a_stop_shows_what_it_holds_back(firm, as_):
    later, sooner = scheduled(firm, 9), scheduled(firm, 8)
    elsewhere = scheduled(firm, 7, channel="desk")
    with transaction() as session:
        target = services.scope_named(session, "channel:northwind/news")
        services.stop(session, **target, by=firm.compliance, reason="Drill.")
    page = as_(firm.marketer).get("/admin/stops").text
    assert re.findall(r'<a href="/posts/(\d+)">', page) == [str(sooner), str(later)]
    assert elsewhere not in (sooner, later)
    with reading() as session:
        (stop,) = active_stops(session)
        held = stops.held_back(session, "northwind", stop.id, limit=1)
    assert ([one.post for one in held.publications], held.more) == ([sooner], True)


def test_a_stop_that_holds_nothing_back_says_so(firm_on_sqlite, as_):
    with transaction() as session:
        services.stop(session, scope=StopScope.EVERYTHING, by=firm_on_sqlite.compliance, reason="Drill.")
    assert "It holds nothing back" in as_(firm_on_sqlite.marketer).get("/admin/stops").text


def test_the_browser_asks_for_the_reason_before_it_asks_to_confirm(firm_on_sqlite, as_):
    page = as_(firm_on_sqlite.compliance).get("/admin/stops").text
    (form,) = re.findall(r'<form [^>]*action="/admin/stops".*?</form>', page, re.S)
    assert "novalidate" not in form
    assert re.search(r"<textarea[^>]* required", form)
    assert re.search(r'data-confirm="Stop [^"]*Northwind', form)


# -- publications ----------------------------------------------------------------------------------------------


def handed_over(firm, settings) -> tuple[int, int]:
    post = published(firm, settings, "From Monday we open at nine.", channel="desk")
    with reading() as session:
        return post, publications_of(session, post)[0].id


def test_a_publisher_confirms_in_the_browser(firm_on_sqlite, settings, as_):
    post, publication = handed_over(firm_on_sqlite, settings)
    url = f"/posts/{post}/publications/{publication}/confirm"
    client = as_(firm_on_sqlite.publisher)
    assert client.post(url, data={"url": "nowhere"}).status_code == 422
    assert client.post(url, data={"url": ""}).status_code == 422
    assert client.post(url, data={"url": "https://social.example/1"}).status_code == 302
    with reading() as session:
        assert publications_of(session, post)[0].url == "https://social.example/1"
    assert client.post(url, data={"url": "https://social.example/2"}).status_code == 409


@pytest.mark.parametrize("act", ["confirm", "release", "withdraw"])
def test_nobody_else_does(firm_on_sqlite, settings, as_, act):
    post, publication = handed_over(firm_on_sqlite, settings)
    url = f"/posts/{post}/publications/{publication}/{act}"
    data = {"url": "https://social.example/1"}
    assert as_(firm_on_sqlite.marketer).post(url, data=data).status_code == 403
    assert as_(None).post(url, data=data).status_code == 401
    other = f"/posts/{post + 1}/publications/{publication}/{act}"
    assert as_(firm_on_sqlite.publisher).post(other, data=data).status_code == 404


def test_a_publisher_sends_again_and_withdraws(firm_on_sqlite, settings, as_):
    post, publication = handed_over(firm_on_sqlite, settings)
    client = as_(firm_on_sqlite.publisher)
    assert client.post(f"/posts/{post}/publications/{publication}/release").status_code == 302
    jobs.publish_due(settings, "test")
    assert client.post(f"/posts/{post}/publications/{publication}/withdraw").status_code == 302
    with reading() as session:
        assert publications_of(session, post)[0].standing == "withdrawn"
