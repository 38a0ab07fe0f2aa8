"""The second factor: what proves it, what stands in for it, and that nothing goes round it."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
from click.testing import CliRunner
from doors import PASSWORD, Browser, csrf_of
from sqlalchemy import func, select, update

from approval import clock
from approval.audit.models import Entry
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.errors import Conflict, Invalid, NotSignedIn, TooMany
from approval.people import commands, queries
from approval.people.models import (
    Factor,
    FactorUse,
    HalfSignIn,
    Outbox,
    Person,
    RecoveryCode,
    Scope,
    SignIn,
    Throttle,
    Workspace,
)
from approval.people.services import closing, factors, links, passwords, signing, throttling, tokens

KEY = "s" * 40
MARIA = "maria@northwind.example"


def enrol(person, secret=None):
    """Set up a second factor; return the shared secret and the recovery codes. Its first code counts as used."""
    secret = secret or factors.new_secret()
    with transaction() as session:
        row = session.get_one(Person, person.id)
        codes = factors.enrol(session, row, secret, code=code_of(secret, session), key=KEY)
    return secret, codes


def code_of(secret, session, steps=0):
    return pyotp.TOTP(secret).at(clock.now(session) + steps * factors.STEP)


def half(person):
    with transaction() as session:
        entered = signing.enter(session, session.get_one(Person, person.id), address="192.0.2.1", agent="a test")
    assert isinstance(entered, signing.Half)
    return entered.secret


def give(half_secret, code, address="192.0.2.1"):
    with transaction() as session:
        return factors.finish(session, half_secret, code, address=address, agent="a test", key=KEY)


def next_code(secret, steps=1):
    with reading() as session:
        return code_of(secret, session, steps)


def later(key):
    """Let the wait of a counter pass, not its count."""
    with transaction() as session:
        session.execute(update(Throttle).where(Throttle.key == key).values(until=clock.now(session)))


def kinds():
    with reading() as session:
        return list(session.scalars(select(Entry.kind).where(Entry.log == "installation").order_by(Entry.index)))


# -- setting it up -----------------------------------------------------------------------------------------------


def test_a_factor_is_set_up_by_a_code_that_proves_the_device(firm_everywhere):
    secret, codes = enrol(firm_everywhere.marketer)
    with reading() as session:
        facts = queries.factors.factor(session, firm_everywhere.marketer.id)
        stored = session.scalars(select(Factor.secret)).one()
        hashes = set(session.scalars(select(RecoveryCode.hash)))
    assert facts.codes_left == len(set(codes)) == 10
    assert secret.encode() not in stored
    assert all(code.encode() not in b"".join(hashes) for code in codes)
    assert kinds()[-1] == "person.factor-enrolled"


@pytest.mark.parametrize("wrong", ["", "000000x", "12345", "１２３４５６", "-000001"])
def test_without_the_right_code_nothing_is_set_up(firm, wrong):
    with pytest.raises(Invalid), transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        factors.enrol(session, person, factors.new_secret(), code=wrong, key=KEY)
    with reading() as session:
        assert session.scalar(select(func.count(Factor.person))) == 0


def test_the_entries_hold_neither_the_secret_nor_a_recovery_code(firm):
    secret, codes = enrol(firm.marketer)
    with reading() as session:
        bodies = b"".join(session.scalars(select(Entry.body)))
    for hidden in (secret, *codes, factors._plain(codes[0])):
        assert hidden.encode() not in bodies
        assert hidden.encode().hex().encode() not in bodies


# -- signing in --------------------------------------------------------------------------------------------------


def test_the_right_password_alone_begins_no_sign_in(firm_everywhere):
    firm = firm_everywhere
    secret, _ = enrol(firm.marketer)
    waiting = half(firm.marketer)
    with reading() as session:
        assert session.scalar(select(func.count(SignIn.id))) == 0
        assert queries.signed_in(session, waiting) is None
    begun = give(waiting, next_code(secret))
    with reading() as session:
        assert queries.signed_in(session, begun).actor.id == firm.marketer.id
        assert session.scalar(select(func.count(HalfSignIn.id))) == 0


def test_control_without_a_factor_the_password_is_enough(firm):
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        assert isinstance(signing.enter(session, person, address="", agent=""), str)


def test_a_code_is_taken_once(firm_everywhere):
    secret, _ = enrol(firm_everywhere.marketer)
    code = next_code(secret)
    assert give(half(firm_everywhere.marketer), code) is not None
    assert give(half(firm_everywhere.marketer), code) is None


def test_control_without_the_last_step_the_same_code_would_be_taken_again(firm):
    secret, _ = enrol(firm.marketer)
    code = next_code(secret)
    assert give(half(firm.marketer), code) is not None
    with transaction() as session:
        session.execute(update(FactorUse).values(step=0))
    assert give(half(firm.marketer), code) is not None


def test_the_code_that_set_it_up_signs_nobody_in(firm):
    secret, _ = enrol(firm.marketer)
    assert give(half(firm.marketer), next_code(secret, 0)) is None


@pytest.mark.parametrize(("steps", "taken"), [(1, True), (2, False), (-1, False), (-2, False)])
def test_a_device_may_be_half_a_minute_off_and_no_more(firm, steps, taken):
    secret, _ = enrol(firm.marketer)
    with transaction() as session:
        session.execute(update(FactorUse).values(step=FactorUse.step if steps < 0 else 0))
    assert (give(half(firm.marketer), next_code(secret, steps)) is not None) is taken


def test_a_half_sign_in_ends_after_five_minutes(firm, monkeypatch):
    secret, _ = enrol(firm.marketer)
    waiting, now = half(firm.marketer), clock.now
    monkeypatch.setattr(clock, "now", lambda session: now(session) + signing.HALF + timedelta(seconds=1))
    with pytest.raises(NotSignedIn):
        give(waiting, next_code(secret))
    with transaction() as session:
        assert signing.has_ended(session)
        signing.forget_ended(session)
        assert session.scalar(select(func.count(HalfSignIn.id))) == 0


@pytest.mark.parametrize("why", ["closed", "new password"])
def test_a_half_sign_in_ends_with_the_account_or_the_password(firm, why):
    secret, _ = enrol(firm.marketer)
    waiting = half(firm.marketer)
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        if why == "closed":
            closing.disable(session, person, by="host:test")
        else:
            links.set_password(session, person, password="x", by=person.id, through="change")
    with pytest.raises(NotSignedIn):
        give(waiting, next_code(secret))


def test_who_guesses_codes_waits_and_then_even_the_right_one_does(firm_everywhere):
    secret, _ = enrol(firm_everywhere.marketer)
    for n in range(5):
        assert give(half(firm_everywhere.marketer), "000000", address=f"192.0.2.{n}") is None
    with pytest.raises(TooMany):
        give(half(firm_everywhere.marketer), next_code(secret), address="192.0.2.99")
    assert kinds().count("person.factor-failed") == 3  # the 1st, 2nd and 4th
    later(factors.factor_key(firm_everywhere.marketer.id))
    assert give(half(firm_everywhere.marketer), next_code(secret), address="192.0.2.99") is not None


def test_control_without_the_count_a_guesser_would_go_on(firm, monkeypatch):
    monkeypatch.setattr(throttling, "FREE", 10**6)
    enrol(firm.marketer)
    for _ in range(8):
        assert give(half(firm.marketer), "000000") is None


def test_the_right_password_forgives_no_wrong_code(firm, app):
    enrol(firm.marketer)
    for n in range(4):
        assert give(half(firm.marketer), "000000", address=f"192.0.2.{n}") is None
    Browser(app.test_client()).sign_in(MARIA)
    with reading() as session:
        assert session.get_one(Throttle, factors.factor_key(firm.marketer.id)).failures == 4


# -- recovery codes ----------------------------------------------------------------------------------------------


def test_a_recovery_code_stands_in_once(firm_everywhere):
    _, codes = enrol(firm_everywhere.marketer)
    assert give(half(firm_everywhere.marketer), codes[3].lower().replace("-", " ")) is not None
    assert give(half(firm_everywhere.marketer), codes[3]) is None
    assert give(half(firm_everywhere.marketer), codes[4]) is not None
    with reading() as session:
        assert queries.factors.codes_left(session, firm_everywhere.marketer.id) == 8
    assert kinds().count("person.recovery-code-used") == 2


def test_a_recovery_code_is_good_for_its_person_only(firm):
    _, codes = enrol(firm.marketer)
    enrol(firm.reviewer)
    assert give(half(firm.reviewer), codes[0]) is None


def test_new_recovery_codes_make_the_old_void(firm_everywhere):
    _, old = enrol(firm_everywhere.marketer)
    with transaction() as session:
        new = factors.renew_codes(session, session.get_one(Person, firm_everywhere.marketer.id))
    assert give(half(firm_everywhere.marketer), old[0]) is None
    assert give(half(firm_everywhere.marketer), new[0]) is not None


# -- taking it away ----------------------------------------------------------------------------------------------


def test_an_administrator_takes_it_away_and_the_person_is_told(firm_everywhere):
    firm = firm_everywhere
    secret, codes = enrol(firm.marketer)
    begun = give(half(firm.marketer), next_code(secret))
    with transaction() as session:
        factors.reset(session, session.get_one(Person, firm.marketer.id), by=firm.administrator.id)
    with reading() as session:
        assert queries.signed_in(session, begun) is None
        assert session.scalar(select(func.count(RecoveryCode.id))) == 0
        (letter,) = session.scalars(select(Outbox).where(Outbox.kind == "factor_reset"))
    assert letter.person == firm.marketer.id
    assert "person.factor-removed" in kinds()
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        assert isinstance(signing.enter(session, person, address="", agent=""), str)
    assert codes


def test_nobody_resets_their_own(firm):
    enrol(firm.administrator)
    with pytest.raises(Conflict, match="own"), transaction() as session:
        factors.reset(session, session.get_one(Person, firm.administrator.id), by=firm.administrator.id)


# -- of whom it is asked -----------------------------------------------------------------------------------------


def ask_of(*roles):
    with transaction() as session:
        assert factors.ask_of(session, session.get_one(Workspace, "northwind"), roles, by="host:test")


def test_who_owes_a_factor_sees_nothing_but_where_to_set_it_up(firm, signed):
    maria, ruth = signed(MARIA), signed("ruth@northwind.example")
    ask_of(Role.MARKETER)
    for address in ("/account", "/tasks", "/notices"):
        answer = maria.get(address)
        assert (answer.status_code, answer.location) == (302, "/account/factor"), address
    made = maria.post("/account/tokens", {"name": "x", "scope": "read", "days": 3}, page="/account/factor")
    assert made.status_code == 403
    page = maria.get("/account/factor")
    assert page.status_code == 200
    assert "data:image/svg+xml" in page.text
    assert 'class="rail' not in page.text
    assert ruth.get("/tasks").status_code == 200


def test_control_where_it_is_not_asked_the_pages_are_open(firm, signed):
    assert signed(MARIA).get("/account").status_code == 200


def test_a_token_of_who_owes_a_factor_opens_nothing(firm, app):
    with transaction() as session:
        _, secret = tokens.create(
            session, session.get_one(Person, firm.marketer.id), name="x", scope=Scope.READ, by="host:test"
        )
    bearer = {"Authorization": f"Bearer {secret}"}
    assert app.test_client().get("/tasks", headers=bearer).status_code == 200
    ask_of(Role.MARKETER)
    assert app.test_client().get("/tasks", headers=bearer).status_code in (302, 403)


def test_nobody_of_whom_it_is_asked_does_without_it(firm):
    enrol(firm.marketer)
    with reading() as session:
        factors.ensure_may_remove(session, queries.actor_of(session, firm.marketer.id))
    ask_of(Role.MARKETER)
    with reading() as session, pytest.raises(Conflict):
        factors.ensure_may_remove(session, queries.actor_of(session, firm.marketer.id))


# -- in the browser ----------------------------------------------------------------------------------------------


def secret_on(page):
    return re.search(r'id="secret">([A-Z2-7 ]+)<', page.text).group(1).replace(" ", "")


def set_up(browser):
    page = browser.get("/account/factor")
    secret = secret_on(page)
    assert secret_on(browser.get("/account/factor")) == secret, "a page loaded again shows the same"
    sent = {"csrf_token": csrf_of(page.text), "code": next_code(secret, 0)}
    answer = browser.client.post("/account/factor", data=sent)
    assert answer.status_code == 200, answer.text
    return secret, re.findall(r"<li>([A-Z2-7-]{29})</li>", answer.text)


def test_a_person_sets_it_up_and_signs_in_with_it(firm, app, signed):
    secret, codes = set_up(signed(MARIA))
    assert len(codes) == 10
    maria = Browser(app.test_client())
    answer = maria.sign_in(MARIA)
    assert answer.location == "/login/code"
    assert maria.get("/tasks").location.startswith("/login?")
    assert maria.post("/login/code", {"code": "000000"}, page="/login/code").status_code == 401
    assert maria.post("/login/code", {"code": next_code(secret)}, page="/login/code").location == "/tasks"
    assert maria.get("/tasks").status_code == 200
    assert maria.get("/account/factor").status_code == 200


def test_a_password_by_a_link_goes_round_no_factor(firm, app):
    enrol(firm.marketer)
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        secret = links.send_link(session, person, links.LinkKind.RESET, by="anonymous", key=KEY)
    browser, new = Browser(app.test_client()), "eleven grey geese at dusk"
    answer = browser.post(f"/reset/{secret}", {"password": new, "again": new}, page=f"/reset/{secret}")
    assert answer.location == "/login/code"
    assert browser.get("/tasks").location.startswith("/login?")


def test_moving_it_takes_a_code_of_the_one_before(firm, signed):
    browser = signed(MARIA)
    _, codes = set_up(browser)
    page = browser.get("/account/factor?move=1")
    secret = secret_on(page)
    sent = {"csrf_token": csrf_of(page.text), "code": next_code(secret, 0)}
    assert browser.client.post("/account/factor", data={**sent, "current": "000000"}).status_code == 422
    assert browser.client.post("/account/factor", data={**sent, "current": codes[0]}).status_code == 200
    with reading() as session:
        assert queries.factors.codes_left(session, firm.marketer.id) == 10


def test_it_is_taken_away_with_a_code_only(firm, signed):
    browser = signed(MARIA)
    _, codes = set_up(browser)
    refused = browser.post("/account/factor/remove", {"code": "000000"}, page="/account/factor")
    assert refused.status_code == 422
    assert browser.post("/account/factor/remove", {"code": codes[0]}, page="/account/factor").status_code == 302
    with reading() as session:
        assert queries.factors.factor(session, firm.marketer.id) is None


def test_an_administrator_asks_it_of_roles_and_takes_it_away(firm, signed):
    enrol(firm.marketer)
    ada = signed("ada@northwind.example")
    assert ada.post("/admin/workspace/factor", {"roles": "publisher"}, page="/account").status_code == 302
    with reading() as session:
        assert queries.factors.roles_asked(session, "northwind") == {Role.PUBLISHER}
    address = f"/admin/people/{firm.marketer.id}/factor/reset"
    assert ada.post(address, page="/account").status_code == 302
    with reading() as session:
        assert queries.factors.factor(session, firm.marketer.id) is None


def test_a_wrong_password_is_told_alike_with_and_without_a_factor(firm, app):
    enrol(firm.marketer)
    told = []
    for email in (MARIA, "ruth@northwind.example"):
        answer = Browser(app.test_client()).post("/login", {"email": email, "password": "x" * 20})
        told.append((answer.status_code, signing.WRONG in answer.text))
    assert told == [(401, True), (401, True)]
    assert PASSWORD and passwords.MIN_LENGTH


def test_the_host_takes_it_away_for_the_last_administrator(firm):
    enrol(firm.administrator)
    done = CliRunner().invoke(commands.people, ["reset-factor", "ada@northwind.example"])
    assert done.exit_code == 0, done.output
    with reading() as session:
        assert queries.factors.factor(session, firm.administrator.id) is None
