"""Whatever the clock says, entries keep their order, the log holds, and a clock that was set back is told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from factories import a_firm
from sqlalchemy import select
from ticking import sealed, tick

from approval import clock
from approval.audit.models import Entry
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import logs, verify
from approval.audit.queries.watching import CLOCKS_DIFFER, Wrong, alarms, seal_due
from approval.db import reading

LOG = "northwind"
NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
CLOCKS = {
    "an hour back": NOON - timedelta(hours=1),
    "an hour ahead": NOON + timedelta(hours=1),
    "1970": datetime(1970, 1, 1, tzinfo=UTC),
    "a leap day": datetime(2028, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
    "the hour that comes twice in Zurich": datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    "the hour that Zurich skips": datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
    "a clock that stands": NOON,
}


@pytest.fixture
def at(monkeypatch):
    """Set the database's time."""

    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda session: instant)

    set_to(NOON)
    return set_to


def times() -> list[datetime]:
    with reading() as session:
        return list(session.scalars(select(Entry.at).where(Entry.log == LOG).order_by(Entry.index)))


def wrong() -> list[Wrong]:
    with reading() as session:
        return [alarm.what for alarm in alarms(session, [LOG])]


@pytest.mark.parametrize("instant", CLOCKS.values(), ids=CLOCKS)
def test_the_log_goes_on_in_order_and_holds_under_any_clock(database, keys, at, instant):
    a_firm(keys)
    before = sealed(keys).size
    at(instant)
    tick(2)
    at(NOON)
    tick(1)
    assert times()[before:] == [instant, instant, NOON], "an entry says what the clock said, in the order of events"
    sealed(keys)
    with reading() as session:
        for log in logs(session):
            assert verify(session, log, keys=keys).size > 0
            assert list(replay(session, log)) == []


@pytest.mark.parametrize("instant", CLOCKS.values(), ids=CLOCKS)
def test_sealing_waits_a_minute_at_most_under_any_clock(database, keys, at, instant):
    a_firm(keys)
    sealed(keys)
    at(instant)
    tick(1)
    if instant == NOON:
        with reading() as session:
            assert LOG not in seal_due(session, keys), "sealed this minute"
        at(instant + timedelta(seconds=60))
    with reading() as session:
        assert LOG in seal_due(session, keys)
    sealed(keys)
    with reading() as session:
        assert LOG not in seal_due(session, keys)


def test_a_clock_that_is_behind_the_log_is_told_of_until_it_is_right(database, keys, at):
    a_firm(keys)
    assert Wrong.CLOCK not in wrong()
    at(NOON - CLOCKS_DIFFER)
    assert Wrong.CLOCK not in wrong(), "two machines in step"
    at(NOON - timedelta(hours=1))
    assert Wrong.CLOCK in wrong()
    at(NOON)
    assert Wrong.CLOCK not in wrong()


def test_a_clock_that_was_ahead_is_told_of_when_it_is_set_right(database, keys, at):
    a_firm(keys)
    at(NOON + timedelta(hours=1))
    tick(1)
    assert Wrong.CLOCK not in wrong(), "nothing within the machine shows it"
    at(NOON)
    with reading() as session:
        (alarm,) = [each for each in alarms(session, [LOG]) if each.what is Wrong.CLOCK]
    assert "2026-05-05T13:00:00" in alarm.detail and "Set it right" in alarm.detail
