from __future__ import annotations

import statistics
import time
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from doors import PASSWORD, give_passwords
from factories import a_firm
from sqlalchemy import func, select, update

from approval import clock
from approval.audit.models import Entry
from approval.db import reading, transaction
from approval.errors import NotFound, TooMany
from approval.people import queries
from approval.people.models import Person, SignIn, Throttle
from approval.people.services import closing, links, passwords, signing, throttling

MARIA = "maria@northwind.example"


def knock(email=MARIA, password=PASSWORD, address="192.0.2.1"):
    """Sign in as the door does; return the secret or None."""
    with transaction() as session:
        tried = signing.attempt(session, email=email, address=address)
    right = passwords.matches(tried.stored, password)
    with transaction() as session:
        return signing.sign_in(session, tried, right=right, address=address, agent="a test")


def later(key, **delta):
    """Let time pass for a counter."""
    with transaction() as session:
        until = session.get_one(Throttle, key).until
        session.execute(update(Throttle).where(Throttle.key == key).values(until=until - timedelta(**delta)))


def kinds():
    with reading() as session:
        return list(session.scalars(select(Entry.kind).where(Entry.log == "installation").order_by(Entry.index)))


def test_the_right_password_begins_a_sign_in_known_by_its_hash_alone(firm_everywhere):
    secret = knock()

    with reading() as session:
        known = queries.signed_in(session, secret)
        (stored,) = session.scalars(select(SignIn.id))
    assert known.actor.id == firm_everywhere.marketer.id
    assert stored == signing.id_of(secret) != secret.encode()
    assert len(secret) == 43  # 256 bits
    assert kinds()[-1] == "person.signed-in"


def test_each_sign_in_has_an_id_of_its_own(firm):
    assert knock() != knock()


@pytest.mark.parametrize("case", ["unknown", "wrong", "disabled", "without password"])
def test_every_failure_has_the_same_answer(firm, case):
    email, password = MARIA, "this is not the password"
    if case == "unknown":
        email = "nobody@northwind.example"
    elif case != "wrong":
        password = PASSWORD
        with transaction() as session:
            person = session.get_one(Person, firm.marketer.id)
            if case == "disabled":
                closing.disable(session, person, by="host:test")
            else:
                links.set_password(session, person, password=None, by="host:test", through="change")
    assert knock(email, password) is None


def test_an_address_is_known_in_any_case(firm):
    assert knock(" Maria@Northwind.EXAMPLE ") is not None


def test_what_changed_while_the_password_was_compared_counts(firm):
    with transaction() as session:
        tried = signing.attempt(session, email=MARIA, address="192.0.2.1")
    with transaction() as session:
        closing.disable(session, session.get_one(Person, firm.marketer.id), by="host:test")
    with transaction() as session:
        assert signing.sign_in(session, tried, right=True, address="", agent="") is None


# -- the throttle ------------------------------------------------------------------------------------------------


def test_from_the_fifth_failure_on_each_wait_doubles():
    waits = [throttling.wait_after(n).total_seconds() for n in range(1, 10)]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16]
    assert throttling.wait_after(1000) == throttling.LONGEST


@pytest.mark.parametrize("email", [MARIA, "nobody@northwind.example"], ids=["known", "unknown"])
def test_after_five_failures_even_the_right_password_waits(firm_everywhere, email):
    for n in range(5):
        assert knock(email, "wrong", address=f"192.0.2.{n}") is None
    with pytest.raises(TooMany) as refused:
        knock(email, PASSWORD, address="192.0.2.99")
    assert 1 <= refused.value.retry_after <= 2

    later(throttling.account_key(email), seconds=2)
    assert (knock(email, PASSWORD, address="192.0.2.99") is not None) == (email == MARIA)


def test_an_address_that_fails_waits_whoever_it_tries(firm):
    for n in range(5):
        assert knock(f"guess{n}@northwind.example", "wrong") is None
    with pytest.raises(TooMany):
        knock()
    assert knock(address="198.51.100.7") is not None


def test_all_hosts_of_an_ipv6_network_are_one_address(firm):
    assert throttling.address_key("2001:db8::1") == throttling.address_key("2001:db8::ffff:2")
    assert throttling.address_key("2001:db8::1") != throttling.address_key("2001:db8:0:1::1")


def test_successes_never_count(firm_everywhere):
    for _ in range(12):
        assert knock() is not None
    with reading() as session:
        assert session.scalar(select(func.sum(Throttle.failures))) == 0


def test_a_success_forgives_the_account(firm):
    for _ in range(4):
        knock(password="wrong", address="192.0.2.50")
    assert knock() is not None
    for _ in range(4):
        assert knock(password="wrong", address="192.0.2.51") is None
    assert knock() is not None


def test_a_burst_of_parallel_guesses_is_counted_before_any_is_judged(firm):
    for _ in range(5):
        with transaction() as session:
            signing.attempt(session, email=MARIA, address="192.0.2.1")
    with pytest.raises(TooMany), transaction() as session:
        signing.attempt(session, email=MARIA, address="192.0.2.2")


def test_quiet_forgives_an_address_sooner_than_an_account(firm):
    for _ in range(4):
        knock(password="wrong")
    for key in (throttling.account_key(MARIA), throttling.address_key("192.0.2.1")):
        later(key, minutes=4)
    with transaction() as session:
        tried = signing.attempt(session, email=MARIA, address="192.0.2.1")
        address = session.get_one(Throttle, tried.address)
        assert (tried.failures, address.failures) == (5, 1)


def test_failures_of_a_known_account_are_recorded_but_cannot_flood_the_log(firm):
    before = kinds().count("person.sign-in-failed")
    for n in range(16):
        assert knock(password="wrong", address=f"192.0.2.{n}") is None
        later(throttling.account_key(MARIA), seconds=throttling.wait_after(n + 1).total_seconds())
    assert kinds().count("person.sign-in-failed") - before == 5  # the 1st, 2nd, 4th, 8th and 16th

    knock("nobody@northwind.example", "wrong", address="198.51.100.1")
    assert kinds().count("person.sign-in-failed") - before == 5


# -- how long a sign-in lasts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "ago", "lasts"),
    [
        ("seen_at", timedelta(minutes=29), True),
        ("seen_at", timedelta(minutes=31), False),
        ("expires_at", timedelta(hours=11, minutes=59), True),
        ("expires_at", timedelta(hours=12, minutes=1), False),
    ],
)
def test_a_sign_in_ends_after_30_idle_minutes_and_after_12_hours(firm, column, ago, lasts):
    secret = knock()
    with transaction() as session:
        row = session.get_one(SignIn, signing.id_of(secret))
        session.execute(update(SignIn).where(SignIn.id == row.id).values({column: getattr(row, column) - ago}))
    with reading() as session:
        assert (queries.signed_in(session, secret) is not None) == lasts
    with transaction() as session:
        signing.forget_ended(session)
        assert (session.get(SignIn, signing.id_of(secret)) is not None) == lasts


def test_use_is_noted_at_most_once_a_minute(firm):
    secret = knock()
    id_ = signing.id_of(secret)

    def seen_after(ago):
        with transaction() as session:
            began = session.get_one(SignIn, id_).started_at
            session.execute(update(SignIn).where(SignIn.id == id_).values(seen_at=began - ago))
        with transaction() as session:
            signing.seen(session, id_)
        with reading() as session:
            return session.get_one(SignIn, id_).seen_at != began - ago

    assert not seen_after(timedelta(seconds=50))
    assert seen_after(timedelta(seconds=61))


def test_a_person_sees_and_ends_their_own_sign_ins_only(firm_everywhere):
    mine, other = knock(), knock("ruth@northwind.example")
    with reading() as session:
        assert len(queries.sign_ins(session, firm_everywhere.marketer.id, this=signing.id_of(mine))) == 1
    with pytest.raises(NotFound), transaction() as session:
        signing.end(session, signing.id_of(other), by=firm_everywhere.marketer.id, person=firm_everywhere.marketer.id)
    with transaction() as session:
        signing.end(session, signing.id_of(mine), by=firm_everywhere.marketer.id, person=firm_everywhere.marketer.id)
    with reading() as session:
        assert queries.signed_in(session, mine) is None
        assert queries.signed_in(session, other) is not None


@pytest.mark.parametrize("why", ["disabled", "new password"])
def test_every_sign_in_ends_when_the_account_is_closed_or_the_password_changes(firm_everywhere, why):
    secrets = [knock(), knock()]
    with transaction() as session:
        person = session.get_one(Person, firm_everywhere.marketer.id)
        if why == "disabled":
            closing.disable(session, person, by="host:test")
        else:
            links.set_password(session, person, password="x", by=person.id, through="change")
    with reading() as session:
        assert [queries.signed_in(session, secret) for secret in secrets] == [None, None]
        assert session.scalar(select(func.count(SignIn.id))) == 0
    assert kinds().count("person.signed-out") == 2


def test_a_closed_account_is_refused_even_where_its_sign_in_remained(firm):
    secret = knock()
    with transaction() as session:
        closing.disable(session, session.get_one(Person, firm.marketer.id), by="host:test")
        now = clock.now(session)
        times = {"started_at": now, "seen_at": now, "expires_at": now + timedelta(hours=1)}
        session.add(SignIn(id=signing.id_of(secret), person=firm.marketer.id, address="", agent="", **times))
    with reading() as session:
        assert queries.signed_in(session, secret) is None


# -- timing ------------------------------------------------------------------------------------------------------


def test_an_unknown_person_takes_as_long_as_a_wrong_password(sqlite, keys, monkeypatch):
    # Cheaper than in earnest, so that everything beside the hash weighs more here than it does there.
    hasher = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "NOBODYS", hasher.hash("nobody"))
    monkeypatch.setattr(throttling, "FREE", 10**6)
    a_firm(keys)
    give_passwords()

    assert _apart() < 0.10

    # Negative control: without the comparison for nobody, the difference is plain.
    monkeypatch.setattr(passwords, "matches", lambda stored, password: bool(stored and hasher.verify(stored, password)))
    assert _apart(rounds=20, wrong=True) > 0.10


def _apart(rounds=200, *, wrong=False):
    """Return by how much the medians differ, as a part of the larger: time of this process, whatever else runs."""
    times = {MARIA: [], "nobody@northwind.example": []}
    for n in range(rounds):
        for email in times:
            began = time.process_time()
            try:
                knock(email, "a wrong password", address=f"10.0.{n // 250}.{n % 250}")
            except Exception:
                assert wrong
            times[email].append(time.process_time() - began)
    known, unknown = (statistics.median(taken) for taken in times.values())
    return abs(known - unknown) / max(known, unknown)
