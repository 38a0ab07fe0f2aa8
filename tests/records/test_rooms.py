"""What a room shows: the posts within its limits and no other, told to the end of its days; and what is recorded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from doors import Browser, give_passwords
from factories import a_post
from sqlalchemy import select

from approval import clock
from approval.app import create_app
from approval.audit.models import Entry
from approval.capabilities import Room
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Invalid
from approval.people.models import Person, Room as RoomRow
from approval.people.queries import actor_of
from approval.people.services import factors, passwords, rooms, signing
from approval.people.services.rooms import Limits
from approval.records import jobs, queries
from approval.records.models import Export
from approval.records.queries.rooms import shown, shows, told_until
from approval.records.services import fetched
from approval.records.services.rooms import ask_in_room, ensure_known

TODAY = datetime.now(UTC).date()
DAYS = {"first_day": TODAY - timedelta(days=1), "last_day": TODAY + timedelta(days=1)}
FAR = datetime(2090, 1, 1, tzinfo=UTC)


def a_room(**limits) -> Room:
    return Room(1, "northwind", FAR, **limits)


def posts_in(room: Room) -> set[int]:
    with reading() as session:
        found = {one.id for one in shown(session, room, before=None, limit=50)}
        every = range(1, 8)
        assert found == {post for post in every if shows(session, room, post)}, "list and door agree"
    return found


def let_in(firm, limits: Limits):
    with transaction() as session:
        room, _ = rooms.invite(
            session,
            firm.workspace,
            email="greta@regulator.example",
            name="Greta",
            matter="Sweep",
            contact="Carla",
            limits=limits,
            last_day=clock.now(session).date() + timedelta(days=30),
            by=firm.compliance,
            key="s" * 40,
        )
        return actor_of(session, room.person)


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


def test_an_export_in_a_room_holds_its_posts_alone(firm):
    greta = let_in(firm, Limits(post=2))
    with transaction() as session:
        asked = ask_in_room(session, greta.rooms["northwind"], by=greta, **DAYS)
        row = session.get_one(Export, asked.id)
    assert (row.filters, row.asked_by) == ({"posts": [2]}, greta.id)


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
def greta(firm_on_sqlite, settings, sqlite_url, monkeypatch):
    """An examiner who may see post 2, with password and second factor, in a browser."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    app = create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))
    actor, secret = let_in(firm_on_sqlite, Limits(post=2)), factors.new_secret()
    with transaction() as session:
        person = session.get_one(Person, actor.id)
        factors.enrol(session, person, secret, code=pyotp.TOTP(secret).at(clock.now(session)), key="s" * 40)
    give_passwords()
    browser = Browser(app.test_client())
    assert browser.sign_in("greta@regulator.example").location == "/login/code"
    with reading() as session:
        code = pyotp.TOTP(secret).at(clock.now(session) + factors.STEP)
    assert browser.post("/login/code", {"code": code}, page="/login/code").location == "/records/room"
    return browser


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


def test_the_room_closes_in_the_moment_it_ends(greta):
    with transaction() as session:
        row = session.scalars(select(RoomRow)).one()
        by = actor_of(session, row.opened_by)
        rooms.end(session, row, by=by)
    assert greta.get("/records/room").location.startswith("/login?")
    assert isinstance(signing.SHUT, str)
