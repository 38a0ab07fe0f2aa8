"""Examiners let in to a room, and their way to it through password and second factor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyotp
from doors import Browser, give_passwords
from factories import Firm
from flask import Flask

from approval import clock
from approval.capabilities import Actor, Room
from approval.db import reading, transaction
from approval.people.models import Person
from approval.people.queries import actor_of
from approval.people.services import factors, rooms
from approval.people.services.rooms import Limits

# The day where the firm is: for an hour or two of each night, UTC has another one.
TODAY = datetime.now(ZoneInfo("Europe/Zurich")).date()
DAYS = {"first_day": TODAY - timedelta(days=1), "last_day": TODAY + timedelta(days=1)}
FAR = datetime(2090, 1, 1, tzinfo=UTC)


def a_room(**limits: object) -> Room:
    return Room(1, "northwind", FAR, **limits)  # type: ignore[arg-type]


def let_in(firm: Firm, limits: Limits) -> Actor:
    with transaction() as session:
        room, _ = rooms.invite(
            session,
            firm.workspace,
            email="greta@regulator.example",
            name="Greta",
            matter="Sweep",
            contact="Carla",
            limits=limits,
            last_day=TODAY + timedelta(days=30),
            by=firm.compliance,
            key="s" * 40,
        )
        return actor_of(session, room.person)


def come_in(app: Flask, firm: Firm, limits: Limits) -> tuple[Browser, tuple[str, ...]]:
    """Let Greta in within limits, with password and second factor: her browser in the room, and her recovery codes."""
    actor, secret = let_in(firm, limits), factors.new_secret()
    with transaction() as session:
        person = session.get_one(Person, actor.id)
        code = pyotp.TOTP(secret).at(clock.now(session))
        codes = factors.enrol(session, person, secret, code=code, key="s" * 40)
    give_passwords()
    browser = Browser(app.test_client())
    assert browser.sign_in("greta@regulator.example").location == "/login/code"
    with reading() as session:
        code = pyotp.TOTP(secret).at(clock.now(session) + factors.STEP)
    assert browser.post("/login/code", {"code": code}, page="/login/code").location == "/records/room"
    return browser, codes
