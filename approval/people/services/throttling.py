"""Slowing down whoever guesses: from the 5th failure on, each next attempt waits twice as long."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from approval import clock
from approval.db import Session
from approval.errors import TooMany
from approval.people.models import Throttle

FREE = 4
LONGEST = timedelta(minutes=15)
# One failure is forgiven for so much quiet. Behind one address may sit a whole firm that mistypes now and then.
ACCOUNT_FORGIVES = timedelta(minutes=15)
ADDRESS_FORGIVES = timedelta(minutes=1)
_ADDRESS = "address:"


def account_key(email: str) -> str:
    """Return the key of an account, existing or not; addresses do not stand in the table."""
    return "account:" + hashlib.sha256(email.strip().lower().encode()).hexdigest()


def address_key(address: str) -> str:
    """Return the key of a network address; of IPv6, whose hosts choose the rest, the first 64 bits."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return _ADDRESS + address[:64]
    if ip.version == 6:
        return f"{_ADDRESS}{ipaddress.ip_network((ip, 64), strict=False)}"
    return f"{_ADDRESS}{ip}"


def count_attempt(session: Session, key: str) -> int:
    """Count an attempt before its outcome is known, and return how many have failed in a row, this one included.

    TooMany while the wait after the last one lasts. Counting first lets no burst of parallel guesses through.
    """
    now = clock.now(session)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(Throttle).values(key=key, failures=0, until=now).on_conflict_do_nothing())
    row = session.get_one(Throttle, key, with_for_update=True, populate_existing=True)
    if row.until > now:
        wait = int((row.until - now).total_seconds()) + 1
        raise TooMany(f"Too many attempts failed. Try again in {_words(wait)}.", retry_after=wait)
    forgives = ADDRESS_FORGIVES if key.startswith(_ADDRESS) else ACCOUNT_FORGIVES
    row.failures = max(0, row.failures - (now - row.until) // forgives) + 1
    row.until = now + wait_after(row.failures)
    session.flush()
    return row.failures


def wait_after(failures: int) -> timedelta:
    """Return how long the attempt after this many failures waits: 1 s after the 5th, then doubling to 15 minutes."""
    if failures <= FREE:
        return timedelta(0)
    return min(LONGEST, timedelta(seconds=2 ** min(failures - FREE - 1, 20)))


def forgive(session: Session, key: str) -> None:
    """Forget every failure of an account whose person came through."""
    session.execute(delete(Throttle).where(Throttle.key == key))


def uncount(session: Session, key: str) -> None:
    """Take back an attempt that succeeded: it never counts against its address."""
    now = clock.now(session)
    session.execute(
        update(Throttle)
        .where(Throttle.key == key, Throttle.failures > 0)
        .values(failures=Throttle.failures - 1, until=now)
    )


def has_old(session: Session) -> bool:
    """Say whether there are counters that no longer hold anybody back."""
    return session.scalar(select(Throttle.key).where(_old(session)).limit(1)) is not None


def forget_old(session: Session) -> None:
    """Delete counters that no longer hold anybody back."""
    session.execute(delete(Throttle).where(_old(session)))


def _old(session: Session) -> ColumnElement[bool]:
    return Throttle.until < clock.now(session) - timedelta(days=1)


def _words(seconds: int) -> str:
    if seconds < 90:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{(seconds + 59) // 60} minutes"
