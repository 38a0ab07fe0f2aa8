"""What a room shows: the posts within its limits and no other, told to the end of its days; and what is recorded."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from argon2 import PasswordHasher
from doors import Browser
from factories import a_picture, a_post
from letting_in import DAYS, TODAY, a_room, let_in
from sqlalchemy import select

from approval.app import create_app
from approval.audit.models import Entry
from approval.capabilities import Room
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Invalid, NotFound
from approval.people.models import Room as RoomRow, Token
from approval.people.queries import actor_of
from approval.people.services import passwords, rooms, signing
from approval.people.services.rooms import Limits
from approval.posts import services as posts
from approval.posts.models import Media, Revision
from approval.records import jobs, queries
from approval.records.models import Export
from approval.records.queries import rooms as of_rooms
from approval.records.queries.rooms import shown, shows, told_until
from approval.records.services import fetched
from approval.records.services.rooms import ask_in_room, ensure_known


def posts_in(room: Room) -> set[int]:
    with reading() as session:
        found = {one.id for one in shown(session, room, before=None, limit=50)}
        every = range(1, 8)
        assert found == {post for post in every if shows(session, room, post)}, "list and door agree"
    return found


@pytest.fixture
def more(firm):
    """Beside posts 1 to 3, whose product is what a post usually has: 4 about deposits, 5 on another channel alone."""
    with transaction() as session:
        a_post(session, firm, title="Deposits", product="cd")
        a_post(session, firm, 'Not "channels":["news"],"disclosures":[ at all.', channel="site", title="Site")
    return firm


def test_limits_show_what_meets_all_of_them_and_nothing_else(more):
    assert posts_in(a_room()) == {1, 2, 3, 4, 5}
    assert posts_in(a_room(post=2)) == {2}
    assert posts_in(a_room(products=("cd",))) == {4}
    assert posts_in(a_room(channels=("site",))) >= {5}
    assert 5 not in posts_in(a_room(channels=("news",)))
    assert posts_in(a_room(products=("cd",), post=2)) == set()
    assert posts_in(a_room(**DAYS)) == {1, 2, 3, 4, 5}
    assert posts_in(a_room(first_day=date(2020, 1, 1), last_day=date(2020, 12, 31))) == set()


def test_a_post_of_another_workspace_is_never_shown(more):
    with reading() as session:
        assert not shows(session, replace(a_room(), workspace="southwind"), 1)


def test_what_happened_after_the_last_day_is_not_shown(firm):
    yesterday = a_room(first_day=TODAY - timedelta(days=3), last_day=TODAY)
    with reading() as session:
        ends = told_until(session, yesterday)
        assert shows(session, yesterday, 1, ends - timedelta(seconds=1))
        assert not shows(session, yesterday, 1, ends)
        middle = session.scalars(select(Entry.at).where(Entry.post == 1).order_by(Entry.index.desc()).limit(1)).one()
        whole = queries.case_file(session, 1)
        part = queries.case_file(session, 1, until=middle)
    assert 0 < len(part.entries) < len(whole.entries)
    assert all(entry.at < middle for entry in part.entries)


@pytest.mark.parametrize(
    ("words", "found"),
    [("", 5), ("deposits", 1), ("POS its", 1), ("o", 3), ("deposits hours", 0), ("%", 0), ("_", 0), ("unicorn", 0)],
)
def test_the_posts_of_a_room_are_found_by_the_words_of_their_title(more, words, found):
    with reading() as session:
        listed = [one.title for one in shown(session, a_room(), words=words, before=None, limit=50)]
        (newest, *others) = shown(session, a_room(), words="o", before=None, limit=50)
        assert shown(session, a_room(), words="o", before=newest.id, limit=50) == others
        assert shown(session, a_room(post=2), words="deposits", before=None, limit=50) == []
    assert len(listed) == found
    assert all(word.lower() in title.lower() for title in listed for word in words.split())


def test_an_image_is_that_of_a_revision_that_the_room_is_told_of(firm):
    with transaction() as session:
        unused = posts.add_media(session, firm.workspace, a_picture("teal"), by=firm.marketer).digest
    with reading() as session:
        digest = session.scalars(select(Media.digest).where(Media.digest != unused)).one()
        made_at = session.scalars(select(Revision.made_at).where(Revision.post == 1)).one()
        kind, data = queries.case_image(session, 1, digest, until=made_at + timedelta(microseconds=1))
        assert (kind, hashlib.sha256(data).digest()) == ("image/png", digest)
        assert queries.kept_images(session, firm.workspace, {digest, b"?" * 32}) == {digest}
        for post, wanted, until in ((1, digest, made_at), (2, digest, None), (1, unused, None), (9, digest, None)):
            with pytest.raises(NotFound):
                queries.case_image(session, post, wanted, until=until)


def test_an_export_in_a_room_holds_its_posts_alone(firm):
    greta = let_in(firm, Limits(post=2))
    with transaction() as session:
        asked = ask_in_room(session, greta.rooms["northwind"], by=greta, **DAYS)
        row = session.get_one(Export, asked.id)
    assert (row.filters, row.asked_by) == ({"posts": [2], "closed": ["hold."]}, greta.id)


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2020, 1, 1), TODAY), (TODAY, TODAY + timedelta(days=9)), (TODAY, TODAY - timedelta(days=1))],
)
def test_days_outside_those_of_the_room_are_refused(firm, first, last):
    greta = let_in(firm, Limits(**DAYS))
    with transaction() as session, pytest.raises(Invalid):
        ask_in_room(session, greta.rooms["northwind"], by=greta, first_day=first, last_day=last)


def test_nobody_asks_in_a_room_that_is_not_theirs(firm):
    greta = let_in(firm, Limits(post=2))
    with transaction() as session:
        for room, by in ((greta.rooms["northwind"], firm.marketer), (a_room(), greta)):
            with pytest.raises(CapabilityMissing):
                ask_in_room(session, room, by=by, **DAYS)


def test_an_examiner_fetches_what_they_asked_for_and_nothing_else(firm, settings):
    greta = let_in(firm, Limits(post=2))
    with transaction() as session:
        asked = ask_in_room(session, greta.rooms["northwind"], by=greta, **DAYS).id
    jobs.write_due(settings, "w")
    with transaction() as session:
        facts = queries.export(session, asked)
        fetched(session, facts, by=greta)
        with pytest.raises(CapabilityMissing):
            fetched(session, replace(facts, asked_by=firm.examiner.id), by=greta)


def test_a_room_that_could_show_nothing_is_refused(firm):
    with reading() as session:
        for limits in (Limits(post=999), Limits(products=("unicorns",))):
            with pytest.raises(Invalid):
                ensure_known(session, "northwind", limits)
        ensure_known(session, "northwind", Limits(post=1))


# -- over HTTP ---------------------------------------------------------------------------------------------------


@pytest.fixture
def app(firm_on_sqlite, settings, sqlite_url, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    return create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))


@pytest.fixture
def greta(come_in):
    """An examiner who may see post 2, in a browser."""
    return come_in(Limits(post=2))[0]


def the_image() -> str:
    with reading() as session:
        return session.scalars(select(Media.digest)).one().hex()


def looks():
    with reading() as session:
        bodies = session.scalars(select(Entry.body).where(Entry.kind == "records.looked_at").order_by(Entry.index))
        return [(facts["page"], facts["about"]) for facts in (json.loads(body)["facts"] for body in bodies)]


def test_each_step_stands_in_the_log_once(greta):
    before = len(looks())
    assert greta.get("/records/room").status_code == 200
    assert greta.get("/records/posts/2").status_code == 200
    assert greta.get("/records/posts/1").status_code == 404
    assert greta.get("/").location == "/records/room"
    assert looks()[before:] == [("records.room", ""), ("records.case_file", "post_id 2")]


def test_the_files_of_a_case_reach_as_far_as_the_room_and_are_recorded(greta):
    before = len(looks())
    lines = [json.loads(line) for line in greta.get("/records/posts/2.jsonl").data.splitlines()]
    assert lines and all(line["v"] == 1 for line in lines)
    assert greta.get("/records/posts/2.pdf").data.startswith(b"%PDF")
    assert [greta.get(f"/records/posts/1.{kind}").status_code for kind in ("pdf", "jsonl")] == [404, 404]
    assert looks()[before:] == [("records.case_entries", "post_id 2"), ("records.case_pages", "post_id 2")]


def test_what_cannot_be_recorded_is_not_shown(greta, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("approval.app.note_look", fail)
    answer = greta.get("/records/posts/2")
    assert answer.status_code == 500
    assert "What happened" not in answer.text


def test_the_case_file_names_no_hold_and_leads_to_no_closed_page(greta):
    text = greta.get("/records/posts/2").text
    assert "/records/retention" not in text
    assert "/tasks" not in text


def test_every_link_of_the_room_opens(greta):
    text = greta.get("/records/room").text
    addresses = {found for found in re.findall(r'href="(/[^"#?]+)', text) if not found.startswith(("/static", "/boot"))}
    assert "/records/posts/2" in addresses
    refused = {address: greta.get(address).status_code for address in addresses}
    # A log that was not sealed yet has no checkpoint.
    refused.pop("/log/northwind/checkpoint", None)
    assert {address: status for address, status in refused.items() if status >= 400} == {}


# -- images and what a page fetches beside itself ------------------------------------------------------------------


def test_the_case_file_shows_the_images_of_its_revisions(come_in):
    greta, _ = come_in(Limits(post=1))
    address = f"/records/posts/1/media/{the_image()}"
    assert f'<img src="{address}" alt="A blue flag" loading="lazy">' in greta.get("/records/posts/1").text
    served = greta.get(address)
    assert (served.status_code, hashlib.sha256(served.data).hexdigest()) == (200, the_image())
    assert served.headers["Content-Type"] == "image/png"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in served.headers["Content-Security-Policy"]


def test_no_image_is_served_but_those_of_posts_in_the_room(greta):
    digest = the_image()
    outside = [f"/records/posts/1/media/{digest}", f"/media/northwind/{digest}"]
    never_named = [f"/records/posts/2/media/{name}" for name in (digest, digest.upper(), "0" * 64, "%20", "x")]
    before = looks()
    assert {address: greta.get(address).status_code for address in (*outside, *never_named)} == dict.fromkeys(
        (*outside, *never_named), 404
    )
    assert looks() == before


def test_an_image_that_was_let_go_is_said_to_be_gone(come_in, monkeypatch):
    greta, _ = come_in(Limits(post=1))
    monkeypatch.setattr(queries, "kept_images", lambda *_: frozenset())
    text = greta.get("/records/posts/1").text
    assert "Not kept any more" in text
    assert f"/media/{the_image()}" not in text


def test_the_images_of_a_page_are_no_steps_of_their_own(come_in):
    greta, _ = come_in(Limits(post=1))
    address, before = f"/records/posts/1/media/{the_image()}", len(looks())
    for page in ("/records/posts/1", address, address):
        assert greta.get(page).status_code == 200
    assert looks()[before:] == [("records.case_file", "post_id 1")]


def test_control_an_image_alone_is_a_step_once_in_a_stretch(come_in, monkeypatch):
    greta, _ = come_in(Limits(post=1))
    address, before = f"/records/posts/1/media/{the_image()}", len(looks())
    step = ("records.case_image", f"digest {the_image()} post_id 1")
    greta.get(address)
    greta.get(address)
    assert looks()[before:] == [step]
    monkeypatch.setattr(of_rooms, "STRETCH", timedelta(0))
    greta.get(address)
    assert looks()[before:] == [step, step]
    assert f"SHA-256 {the_image()[:12]}… post 1" in greta.get("/records/room").text


def test_how_far_an_export_is_is_one_step_and_not_one_of_each_question(greta):
    days = {"workspace": "northwind", **{name: str(day) for name, day in DAYS.items()}}
    first, second = (
        greta.post("/records/room/exports", days, page="/records/room").location.rpartition("/")[2] for _ in range(2)
    )
    before = len(looks())
    for page in (f"/records/exports/{first}", *[f"/api/v1/exports/{first}"] * 3, *[f"/api/v1/exports/{second}"] * 3):
        assert greta.get(page).status_code == 200
    greta.get(f"/records/exports/{second}")
    greta.get(f"/records/exports/{first}")
    assert looks()[before:] == [
        ("records.export", f"export_id {first}"),
        ("records_api.show", f"export_id {second}"),
        ("records.export", f"export_id {second}"),
        ("records.export", f"export_id {first}"),
    ]


# -- around the pages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limits", "offered"), [(Limits(post=2), False), (Limits(), True)], ids=["limited", "control"])
def test_nothing_is_found_beside_a_limited_room_so_find_is_not_there(come_in, limits, offered):
    text = come_in(limits)[0].get("/records/room").text
    assert ("data-find-open" in text, 'data-find="' in text) == (offered, offered)


def test_the_list_of_the_room_keeps_its_words_from_page_to_page(come_in, monkeypatch):
    monkeypatch.setattr("approval.records.views.room.PAGE", 1)
    greta, _ = come_in(Limits(**DAYS))
    text = greta.get("/records/room?words=o").text
    assert "=Today only" in text and "Opening hours" not in text
    (onward,) = re.findall(r'rel="next" href="([^"]+)"', text)
    assert "words=o" in onward
    assert "Opening hours" in greta.get(onward.replace("&amp;", "&")).text
    assert "No title here has these words." in greta.get("/records/room?words=unicorn").text


def scopes_offered(browser):
    form = browser.get("/account").text.partition('name="scope"')[2].partition("</select>")[0]
    return re.findall(r'<option[^>]* value="(\w+)"', form)


def test_only_scopes_that_somebody_can_use_are_offered(greta, signed):
    assert scopes_offered(greta) == ["read", "export"]
    assert scopes_offered(signed("maria")) == ["read", "draft"]
    assert scopes_offered(signed("carla")) == ["read", "export"]
    made = {"name": "x", "days": "3"}
    assert greta.post("/account/tokens", {**made, "scope": "draft"}, page="/account").status_code == 422
    assert greta.post("/account/tokens", {**made, "scope": "read"}, page="/account").status_code == 200
    with reading() as session:
        assert session.scalars(select(Token.scope)).all() == ["read"]


# -- after the end -------------------------------------------------------------------------------------------------


def end_by_hand(_):
    with transaction() as session:
        row = session.scalars(select(RoomRow)).one()
        rooms.end(session, row, by=actor_of(session, row.opened_by))


def let_time_pass(monkeypatch):
    monkeypatch.setattr("approval.people.queries.rooms._open", lambda _: (RoomRow.id < 0,))


@pytest.mark.parametrize("end", [end_by_hand, let_time_pass])
def test_the_room_closes_in_the_moment_it_ends_and_says_so(app, greta, monkeypatch, end):
    greta.get("/records/room")
    assert signing.SHUT not in app.test_client().get("/login").text
    end(monkeypatch)
    answer = greta.get("/records/room")
    assert answer.location.startswith("/login?")
    assert signing.SHUT in greta.get(answer.location).text
    assert signing.SHUT not in app.test_client().get(answer.location).text


def test_whoever_signs_out_carries_nothing_of_the_room(greta, monkeypatch):
    greta.get("/records/room")
    let_time_pass(monkeypatch)
    greta.post("/logout")
    assert signing.SHUT not in greta.get("/login").text


@pytest.mark.parametrize("end", [end_by_hand, let_time_pass])
def test_that_it_ended_is_told_to_password_and_code_and_to_neither_alone(app, come_in, monkeypatch, end):
    _, codes = come_in(Limits(post=2))
    end(monkeypatch)
    browser = Browser(app.test_client())
    assert browser.sign_in("greta@regulator.example", "wrong").status_code == 401
    given = browser.sign_in("greta@regulator.example")
    assert given.location == "/login/code"
    asked = browser.get("/login/code")
    wrong = browser.post("/login/code", {"code": "000000"}, page="/login/code")
    assert wrong.status_code == 401
    assert not any(signing.SHUT in page.text for page in (given, asked, wrong))
    right = browser.post("/login/code", {"code": codes[0]}, page="/login/code")
    assert right.status_code == 403
    assert signing.SHUT in right.text
    assert browser.get("/records/room").status_code == 302
