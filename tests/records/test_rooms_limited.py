"""A room with limits finds and re-creates what its posts tell, and nothing beside it: no title, no count, no entry."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from factories import BLOCKED, a_decision, a_post, a_post_in_review
from letting_in import DAYS, TODAY, a_room
from sqlalchemy import select

from approval.app import create_app
from approval.audit.models import Entry
from approval.capabilities import Room
from approval.db import reading, transaction
from approval.errors import NotFound
from approval.people.services import passwords
from approval.people.services.rooms import Limits
from approval.posts import services as posts
from approval.posts.models import Comment, Post
from approval.records import jobs, queries, services
from approval.records.keeping import Criteria
from approval.records.models import PassageKind, Search
from approval.records.queries import Wanted
from approval.records.queries.recreating import as_json, in_limits, recreate
from approval.records.queries.rooms import findable
from approval.review.flow import Verdict

SECRET = "Nightjar"


@pytest.fixture(autouse=True)
def in_one_beat(monkeypatch):
    monkeypatch.setattr(jobs, "SPAN", 60.0)


@pytest.fixture
def said(firm):
    """Post 4 speaks of bakeries in text, comment and decision; post 5, about another product, does too, and so do a
    hold on all posts and one on post 4. Answers the ids of both."""
    return say(firm)


def say(firm) -> tuple[int, int]:
    with transaction() as session:
        inside = a_post_in_review(session, firm, "Our branch lends to bakeries.", title="Ovens")
    with transaction() as session:
        posts.comment(session, session.get_one(Post, inside.id), "Which bakeries?", by=firm.reviewer)
    with transaction() as session:
        inside = session.get_one(Post, inside.id)
        a_decision(session, inside, by=firm.reviewer, verdict=Verdict.REQUEST_CHANGES, note="Name the bakeries.")
        outside = a_post(session, firm, "Bakeries of the nightjar.", title="Nightjar bakeries", product="cd")
        posts.comment(session, outside, "These bakeries are a secret.", by=firm.reviewer)
        for criteria in (Criteria(product="cd"), Criteria(post=inside.id), Criteria(person=firm.marketer.id)):
            services.place_hold(
                session,
                firm.workspace,
                matter=f"{SECRET} bakeries",
                reason="A letter.",
                criteria=criteria,
                by=firm.compliance,
            )
        return inside.id, outside.id


def search(settings, room: Room | None, words: str = "bakeries", **more):
    jobs.index_due(settings, "w")
    limit = more.pop("limit", 30)
    with reading() as session:
        among = findable(session, room) if room else ()
        return queries.search(session, "northwind", Wanted(words, **more), limit=limit, among=among)


# -- search --------------------------------------------------------------------------------------------------------


def test_a_search_in_a_room_finds_counts_and_names_its_posts_alone(said, settings):
    inside, _ = said
    found = search(settings, a_room(post=inside))
    assert {hit.kind for hit in found.hits} == {PassageKind.POST, PassageKind.COMMENT, PassageKind.DECISION}
    assert ({hit.post for hit in found.hits}, found.count) == ({inside}, 3)
    assert SECRET not in str(found)


def test_control_without_the_room_the_same_words_find_more(said, settings):
    found = search(settings, None)
    assert found.count == 8 and {hit.post for hit in found.hits} >= {*said}
    assert PassageKind.ENTRY in {hit.kind for hit in found.hits} and SECRET in str(found)


def test_the_count_and_the_pages_are_of_what_may_be_found(said, settings):
    room = a_room(post=said[0])
    first = search(settings, room, limit=2)
    assert (len(first.hits), first.count) == (2, 3)
    with reading() as session:
        among = findable(session, room)
        rest = queries.search(session, "northwind", Wanted("bakeries"), before=first.before, limit=2, among=among)
    assert (len(rest.hits), rest.before) == (1, None)


@pytest.mark.parametrize("words", ["nightjar", "secret", '"bakeries of"', "nigh*"])
def test_words_that_were_said_elsewhere_are_not_found(said, settings, words):
    assert search(settings, None, words).count > 0, "the control: they were said"
    found = search(settings, a_room(post=said[0]), words)
    assert (found.hits, found.count, found.before) == ((), 0, None)


@pytest.mark.parametrize("kind", [PassageKind.ENTRY, PassageKind.ARCHIVED])
def test_entries_and_records_of_other_tools_are_not_found_even_where_they_are_about_a_post_of_the_room(
    said, settings, kind
):
    assert search(settings, a_room(post=said[0]), kinds=(kind,)).count == 0
    if kind is PassageKind.ENTRY:
        assert search(settings, None, kinds=(kind,)).count > 0


def test_limits_by_product_and_by_days_count_for_search_as_well(said, settings):
    inside, outside = said
    assert {hit.post for hit in search(settings, a_room(products=("cd",))).hits} == {outside}
    assert {hit.post for hit in search(settings, a_room(**DAYS)).hits} == {inside, outside}
    past = a_room(first_day=TODAY - timedelta(days=30), last_day=TODAY - timedelta(days=20))
    assert search(settings, past).count == 0


def test_another_workspace_finds_nothing(said, settings):
    found = search(settings, replace(a_room(post=said[0]), workspace="southwind"))
    assert found.count == 0


def test_what_was_said_after_the_last_day_is_not_found(firm, said, settings, monkeypatch):
    room = a_room(post=said[0])
    with reading() as session:
        comment = session.scalars(select(Comment).where(Comment.post == said[0])).one()
        at, id_ = comment.at, comment.id
    told = "approval.records.queries.rooms.told_until"
    monkeypatch.setattr(told, lambda *_: at + timedelta(microseconds=1))
    assert {hit.kind for hit in search(settings, room).hits} == {PassageKind.POST, PassageKind.COMMENT}
    monkeypatch.setattr(told, lambda *_: at)
    assert {hit.kind for hit in search(settings, room).hits} == {PassageKind.POST}
    # All that a comment ever said is one passage.
    with transaction() as session:
        posts.edit_comment(session, session.get_one(Comment, id_), f"Not the bakeries: {SECRET}.", by=firm.reviewer)
    monkeypatch.setattr(told, lambda *_: at + timedelta(microseconds=1))
    assert search(settings, room, SECRET).count == 0
    assert {hit.kind for hit in search(settings, room).hits} == {PassageKind.POST}
    monkeypatch.setattr(told, lambda *_: None)
    assert search(settings, room, SECRET).count == 1, "the control"


# -- as it stood ---------------------------------------------------------------------------------------------------


def steps(post: int) -> list[int]:
    with reading() as session:
        return list(session.scalars(select(Entry.index).where(Entry.post == post).order_by(Entry.index)))


def talked(post: int) -> tuple[datetime, list[int], list[int]]:
    """When the post was first commented on; its entries before, and those since."""
    with reading() as session:
        at = session.scalars(select(Entry.at).where(Entry.post == post, Entry.kind == "comment.made")).one()
        before = session.scalars(select(Entry.index).where(Entry.post == post, Entry.at < at).order_by(Entry.index))
        earlier = list(before)
    return at, earlier, steps(post)[len(earlier) :]


def test_a_post_that_is_told_to_an_instant_has_no_later_entry(said):
    until, earlier, since = talked(said[0])
    with reading() as session:
        whole, part = recreate(session, said[0]), recreate(session, said[0], until=until)
        assert (whole.of, whole.last) == (len(earlier) + len(since), since[-1]), "the control"
        assert (part.of, part.number, part.after) == (len(earlier), len(earlier), None)
        assert part.last == part.step.index == earlier[-1] <= part.cut < since[0]
        assert recreate(session, said[0], until=until, at=datetime.now(UTC)).cut == part.cut
        for later in (since[0], since[-1]):
            with pytest.raises(NotFound):
                recreate(session, said[0], until=until, entry=later)


def test_what_a_hold_is_about_is_not_shown_within_limits(said):
    with reading() as session:
        found = recreate(session, said[0])
    assert SECRET in json.dumps(as_json(found)), "the control"
    assert len(found.of_table("hold")) == 2 == len(in_limits(found).of_table("hold"))
    assert SECRET not in json.dumps(as_json(in_limits(found)))
    assert SECRET not in str(in_limits(found))


def test_the_entry_of_another_post_with_the_same_words_is_not_named_within_limits(firm):
    with transaction() as session:
        first = a_post(session, firm, BLOCKED, title="Twin").id
        twin = a_post(session, firm, BLOCKED, title="Twin").id
    with reading() as session:
        found = recreate(session, twin)
    others = {*steps(first)}

    def named(told) -> set[int]:
        rows = as_json(told)["record"]
        return {column["set_by"]["entry"] for row in rows for column in row["columns"].values()}

    assert named(found) & others, "the control"
    assert not named(in_limits(found)) & others
    assert in_limits(found).findings == found.findings != []


# -- over HTTP -----------------------------------------------------------------------------------------------------


@pytest.fixture
def app(firm_on_sqlite, settings, sqlite_url, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    return create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))


@pytest.fixture
def there(firm_on_sqlite):
    return say(firm_on_sqlite)


@pytest.fixture
def greta(app, there, firm_on_sqlite, settings, come_in):
    """An examiner who may see the post that was spoken of, in a browser."""
    jobs.index_due(settings, "w")
    return come_in(Limits(post=there[0]))[0]


def searched() -> list[tuple[str | None, dict]]:
    with reading() as session:
        return [(row.words, row.filters) for row in session.scalars(select(Search).order_by(Search.id))]


def test_an_examiner_searches_their_room_and_every_link_of_the_answer_opens(greta, there):
    text = greta.get("/records/room/search?words=bakeries").text
    assert "3 found" in text and "Ovens" in text and SECRET not in text
    addresses = set(re.findall(r'href="(/(?:records/posts|audit)[^"]+)"', text))
    assert len(addresses) >= 4
    assert {greta.get(address.replace("&amp;", "&")).status_code for address in addresses} == {200}


def test_a_search_in_a_room_is_recorded_with_the_room(greta):
    greta.get("/records/room/search?words=bakeries")
    greta.get("/records/room/search")
    assert searched() == [("bakeries", {"room": 1})]


@pytest.mark.parametrize("asked", ["words=nightjar", "kind=entry&words=bakeries", "post=5", "severity=block"])
def test_no_question_reaches_beyond_the_room(greta, asked):
    text = greta.get(f"/records/room/search?{asked}").text
    assert SECRET not in text and "<blockquote" not in text


@pytest.mark.parametrize(
    "asked", ["words=%22%22&kind=x", "first_day=2026-02-30", "first_day=2026-02-02&last_day=2026-02-01"]
)
def test_a_question_that_is_not_clear_is_answered_with_why(greta, asked):
    answer = greta.get(f"/records/room/search?{asked}")
    assert answer.status_code == 422 and "Not searched." in answer.text


def test_nobody_else_has_the_search_of_a_room(signed, come_in, greta):
    assert signed("carla").get("/records/room/search?words=bakeries").status_code == 404
    assert greta.get("/records/search?words=bakeries").status_code == 404


def test_a_room_for_everything_is_led_to_the_search_of_everything(there, come_in):
    greta, _ = come_in(Limits())
    assert greta.get("/records/room/search").location.startswith("/records/search")
    text = greta.get("/records/room").text
    assert "/records/room/search" not in text and "Not open here" not in text


def test_the_case_file_leads_to_the_post_as_it_stood_and_that_page_tells_no_more_than_the_room(greta, there):
    inside, outside = there
    assert f'href="/records/posts/{inside}/at"' in greta.get(f"/records/posts/{inside}").text
    text = greta.get(f"/records/posts/{inside}/at").text
    assert "as it stood" in text and "legal hold" in text and SECRET not in text
    file = greta.get(f"/records/posts/{inside}/at.json")
    assert file.status_code == 200 and SECRET not in file.text
    assert [greta.get(f"/records/posts/{outside}/at{kind}").status_code for kind in ("", ".json")] == [404, 404]


def test_a_room_whose_days_are_over_shows_no_step_and_no_count_after_them(greta, there, monkeypatch):
    until, earlier, since = talked(there[0])
    monkeypatch.setattr("approval.records.views.recreate.told_until", lambda *_: until)
    text = greta.get(f"/records/posts/{there[0]}/at").text
    assert f"After entry {len(earlier)} of the {len(earlier)} about post {there[0]}" in text
    assert 'data-key-label="Before"' in text and 'data-key-label="After"' not in text
    assert greta.get(f"/records/posts/{there[0]}/at?entry={since[0]}").status_code == 404
    assert greta.get(f"/records/posts/{there[0]}/at?entry={earlier[-1]}").status_code == 200


def test_the_room_says_what_is_closed_and_whom_to_ask(greta):
    text = greta.get("/records/room").text
    closed = text.partition("Not open here")[2].partition("</section>")[0]
    assert "request list" in closed and "Ask Carla" in closed
