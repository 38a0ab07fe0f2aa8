"""Rooms: who opens one, what it opens, and that it closes in the moment it ends."""

from __future__ import annotations

from datetime import date, timedelta

import pyotp
import pytest
from factories import a_workspace
from sqlalchemy import func, select, update

from approval import clock
from approval.audit.models import Entry
from approval.capabilities import Actor, Capability, Role, can
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, Forbidden, Invalid
from approval.people import queries
from approval.people.models import Outbox, Person, Room, Scope, SignIn, Token
from approval.people.queries.factors import is_asked
from approval.people.queries.rooms import is_shut_out, room as room_facts
from approval.people.services import accounts, factors, links, rooms, signing, tokens
from approval.people.services.rooms import Limits

KEY = "s" * 40
EVERYTHING = Limits()
SOME_DAYS = Limits(first_day=date(2026, 1, 1), last_day=date(2026, 3, 31))


def invite(firm, by=None, limits=EVERYTHING, days=30, email="greta@regulator.example"):
    with transaction() as session:
        room, secret = rooms.invite(
            session,
            firm.workspace,
            email=email,
            name="Greta",
            matter="Sweep 26-11",
            contact="Carla, extension 12",
            limits=limits,
            last_day=clock.wall_time(clock.now(session), "Europe/Zurich").date() + timedelta(days=days),
            by=by or firm.compliance,
            key=KEY,
        )
        return room.id, secret


def actor(email="greta@regulator.example") -> Actor:
    with reading() as session:
        found = queries.actor_of(session, accounts.person_with(session, email).id)
    assert found is not None
    return found


def sign_in(person):
    """Begin a sign-in as somebody does who gave password and code."""
    with transaction() as session:
        return signing.begin(session, session.get_one(Person, person), address="", agent="")


def signed_in(secret):
    with reading() as session:
        return queries.signed_in(session, secret)


def later(monkeypatch, **delta):
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda session: now(session) + timedelta(**delta))


def stay_in_use(secret, monkeypatch):
    """Let a sign-in be as fresh as if it were used all the time."""
    with transaction() as session:
        at = clock.now(session)
        values = {"seen_at": at, "expires_at": at + timedelta(days=400)}
        session.execute(update(SignIn).where(SignIn.id == signing.id_of(secret)).values(values))
    monkeypatch.setattr(queries, "IDLE", timedelta(days=400))


def kinds(log="northwind"):
    with reading() as session:
        return list(session.scalars(select(Entry.kind).where(Entry.log == log).order_by(Entry.index)))


# -- letting somebody in -----------------------------------------------------------------------------------------


def test_a_room_is_opened_and_its_examiner_written_to(firm_everywhere):
    id_, secret = invite(firm_everywhere)
    with reading() as session:
        facts = room_facts(session, id_)
        (letter,) = session.scalars(select(Outbox).where(Outbox.kind == "room"))
        assert queries.link_owner(session, secret, links.LinkKind.INVITATION).person == facts.person
    assert (facts.name, facts.matter, facts.open, facts.accepted) == ("Greta", "Sweep 26-11", True, False)
    assert facts.opened_by_name == "Carla"
    assert secret not in str(letter.ids)
    assert kinds()[-1] == "room.opened"


@pytest.mark.parametrize("who", ["marketer", "reviewer", "publisher", "examiner"])
def test_only_compliance_and_administrators_let_somebody_in(firm, who):
    with pytest.raises(CapabilityMissing):
        invite(firm, by=getattr(firm, who))
    invite(firm, by=firm.administrator)


def test_the_matter_stands_in_the_log_as_a_commitment(firm):
    invite(firm)
    with reading() as session:
        bodies = b"".join(session.scalars(select(Entry.body).where(Entry.log == "northwind")))
    assert b"Sweep 26-11" not in bodies and b"extension 12" not in bodies


def test_somebody_with_a_role_here_is_given_no_room(firm):
    with pytest.raises(Conflict, match="role"):
        invite(firm, email="maria@northwind.example")


def test_somebody_with_a_room_is_given_no_role(firm):
    invite(firm)
    with pytest.raises(Conflict, match="room"), transaction() as session:
        person = accounts.person_with(session, "greta@regulator.example")
        accounts.give_role(session, person, Role.MARKETER, workspace="northwind", by="host:test")


def test_nobody_has_two_open_rooms_in_a_workspace(firm):
    invite(firm)
    with pytest.raises(Conflict, match="open"):
        invite(firm)


def test_somebody_with_a_password_is_sent_no_link(firm):
    _, secret = invite(firm)
    with transaction() as session:
        links.accept(session, secret, links.LinkKind.INVITATION, password="x")
        rooms.end(session, session.get_one(Room, 1), by=firm.compliance)
    _, again = invite(firm)
    assert again is None


@pytest.mark.parametrize("days", [-1, 400])
def test_the_end_lies_within_a_year(firm, days):
    with pytest.raises(Invalid, match="last day"):
        invite(firm, days=days)


@pytest.mark.parametrize(
    "limits", [Limits(first_day=date(2026, 2, 1), last_day=date(2026, 1, 1)), Limits(channels=("nowhere",))]
)
def test_limits_that_cannot_be_meant_are_refused(firm, limits):
    with pytest.raises(Invalid):
        invite(firm, limits=limits)


# -- what it opens -----------------------------------------------------------------------------------------------


def test_a_room_for_everything_is_the_role_of_an_examiner_and_no_more(firm):
    invite(firm)
    greta = actor()
    assert greta.roles_in("northwind") == {Role.EXAMINER}
    assert can(greta, Capability.EXPORT, "northwind")
    assert not any(can(greta, one, "northwind") for one in (Capability.DRAFT, Capability.HOLD, Capability.ADMINISTER))


@pytest.mark.parametrize(
    "limits", [SOME_DAYS, Limits(channels=("news",)), Limits(products=("cd",)), Limits(post=7)], ids=str
)
def test_a_room_with_limits_gives_no_capability_at_all(firm, limits):
    invite(firm, limits=limits)
    greta = actor()
    assert greta.limited_to("northwind").id == 1
    assert not any(can(greta, capability, "northwind") for capability in Capability)


def test_a_second_factor_is_always_asked(firm):
    invite(firm)
    greta = actor()
    with reading() as session:
        assert is_asked(session, greta)
        assert not is_asked(session, queries.actor_of(session, firm.examiner.id))
    assert signed_in(sign_in(greta.id)).owes_factor
    secret = factors.new_secret()
    with transaction() as session:
        code = pyotp.TOTP(secret).at(clock.now(session))
        factors.enrol(session, session.get_one(Person, greta.id), secret, code=code, key=KEY)
    assert not signed_in(sign_in(greta.id)).owes_factor


# -- until it ends -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [EVERYTHING, SOME_DAYS], ids=["everything", "limited"])
def test_the_session_ends_in_the_moment_the_room_does(firm_everywhere, monkeypatch, limits):
    id_, _ = invite(firm_everywhere, limits=limits, days=0)
    secret = sign_in(actor().id)
    stay_in_use(secret, monkeypatch)
    with reading() as session:
        left = room_facts(session, id_).ends_at - clock.now(session)
    assert signed_in(secret) is not None
    later(monkeypatch, seconds=left.total_seconds() - 20)
    assert signed_in(secret) is not None
    later(monkeypatch, seconds=21)
    assert signed_in(secret) is None
    with transaction() as session, pytest.raises(Forbidden, match="ended"):
        person = accounts.person_with(session, "greta@regulator.example")
        signing.enter(session, person, address="", agent="")


def test_the_token_ends_with_the_room_too(firm, monkeypatch):
    invite(firm, days=3)
    with transaction() as session:
        person = accounts.person_with(session, "greta@regulator.example")
        _, secret = tokens.create(session, person, name="x", scope=Scope.EXPORT, days=2, by=person.id)
    with reading() as session:
        assert queries.bearer(session, secret) is not None
    monkeypatch.setattr("approval.people.queries.rooms._open", lambda now: (Room.id < 0,))
    with reading() as session:
        assert is_shut_out(session, actor().id)
        assert queries.bearer(session, secret) is None


@pytest.mark.parametrize(
    ("scope", "days", "refused"),
    [(Scope.READ, 3, False), (Scope.EXPORT, 30, True), (Scope.DRAFT, 1, True)],
)
def test_a_token_reaches_no_further_than_the_room(firm, scope, days, refused):
    invite(firm, days=4)
    with transaction() as session:
        person = accounts.person_with(session, "greta@regulator.example")
        make = lambda: tokens.create(session, person, name="x", scope=scope, days=days, by=person.id)  # noqa: E731
        if not refused:
            make()
            return
        with pytest.raises(Invalid):
            make()


def test_ended_by_hand_it_ends_sessions_and_tokens(firm_everywhere):
    invite(firm_everywhere)
    person = actor().id
    secret = sign_in(person)
    with transaction() as session:
        tokens.create(session, session.get_one(Person, person), name="x", scope=Scope.READ, days=3, by=person)
    with transaction() as session:
        rooms.end(session, session.get_one(Room, 1), by=firm_everywhere.compliance)
    assert signed_in(secret) is None
    with reading() as session:
        assert session.scalar(select(func.count(SignIn.id)).where(SignIn.person == person)) == 0
        assert session.scalars(select(Token.revoked_at)).one() is not None
        assert not room_facts(session, 1).open
    assert kinds()[-1] == "room.ended"
    with pytest.raises(Conflict), transaction() as session:
        rooms.end(session, session.get_one(Room, 1), by=firm_everywhere.compliance)


def test_control_who_has_a_role_elsewhere_stays_signed_in(firm, keys):
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
    invite(firm)
    person = actor().id
    with transaction() as session:
        row = session.get_one(Person, person)
        accounts.give_role(session, row, Role.REVIEWER, workspace="southwind", by="host:test")
    secret = sign_in(person)
    with transaction() as session:
        rooms.end(session, session.get_one(Room, 1), by=firm.compliance)
    known = signed_in(secret)
    assert known.actor.workspaces == {"southwind"}


def test_the_end_is_moved_and_that_is_recorded(firm_everywhere):
    id_, _ = invite(firm_everywhere, days=2)
    with transaction() as session:
        before = room_facts(session, id_).ends_at
        last_day = clock.now(session).date() + timedelta(days=9)
        rooms.move_end(session, session.get_one(Room, id_), last_day=last_day, by=firm_everywhere.administrator)
    with reading() as session:
        assert room_facts(session, id_).ends_at - before == timedelta(days=7)
    assert kinds()[-1] == "room.end-moved"


def test_a_last_day_ends_at_midnight_in_the_zone_of_the_workspace(firm):
    with reading() as session:
        today = clock.wall_time(clock.now(session), "Europe/Zurich").date()
        ends_at = rooms.end_of(session, "northwind", today)
    wall = clock.wall_time(ends_at, "Europe/Zurich")
    assert (wall.date() - today, wall.hour, wall.minute) == (timedelta(days=1), 0, 0)
