"""The second factor: a time-based code (RFC 6238) from an app, and codes for the day on which the device is lost.

A secret is kept encrypted. A recovery code has 120 random bits, so that its SHA-256 is kept without a slow hash
(NIST SP 800-63B, 3.1.2.2 asks for 112).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import delete, select, update

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Role
from approval.db import Session
from approval.errors import Conflict, Invalid, NotSignedIn, Problem
from approval.people import events
from approval.people.models import Factor, FactorUse, HalfSignIn, Person, RecoveryCode, Workspace
from approval.people.queries.factors import SETTING, codes_left, is_asked, roles_asked
from approval.people.services import signing, throttling
from approval.people.services.secrets import open_secret, seal_secret
from approval.people.services.telling import write_to

ISSUER = "Approval"
STEP = timedelta(seconds=30)
DRIFT = 1
"""Steps by which the clock of a device may be off, to either side (RFC 6238, 5.2)."""
CODES = 10
_CODE_BYTES = 15
WRONG = "This code is wrong, has been used, or is from another time. Wait for the next one."
OVER = "The password was given more than five minutes ago. Sign in again."


def new_secret() -> str:
    """Return a shared secret of 160 bits, in base32."""
    return pyotp.random_base32()


def address_of(secret: str, email: str) -> str:
    """Return the otpauth address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def enrol(session: Session, person: Person, secret: str, *, code: str, key: str) -> tuple[str, ...]:
    """Keep a shared secret of which *code* proves that the device has it; return the recovery codes, shown once.

    *key* is the installation's secret key. A factor that was there is replaced.
    """
    step = _step_of(secret, code, clock.now(session))
    if step is None:
        raise Invalid(WRONG, problems=(Problem("code", WRONG),))
    factor = session.get(Factor, person.id)
    if factor is None:
        factor = Factor(person=person.id)
        session.add(factor)
    factor.secret, factor.made_at = seal_secret(key, secret.encode()), clock.now(session)
    session.execute(delete(FactorUse).where(FactorUse.person == person.id))
    session.add(FactorUse(person=person.id, step=step))
    shown, rows = _new_codes(session, person)
    session.flush()
    record(session, events.FactorEnrolled(by=person.id, person=person.id), factor, *rows)
    return shown


def renew_codes(session: Session, person: Person) -> tuple[str, ...]:
    """Make new recovery codes and return them; those before are void."""
    if session.get(Factor, person.id) is None:
        raise Conflict("There is no second factor that they could stand in for.")
    shown, rows = _new_codes(session, person)
    session.flush()
    record(session, events.RecoveryCodesMade(by=person.id, person=person.id), *rows)
    return shown


def _new_codes(session: Session, person: Person) -> tuple[tuple[str, ...], list[RecoveryCode]]:
    old = list(session.scalars(select(RecoveryCode).where(RecoveryCode.person == person.id)))
    for row in old:
        session.delete(row)
    shown = tuple(_new_code() for _ in range(CODES))
    made = [RecoveryCode(person=person.id, hash=_hash_of(code)) for code in shown]
    session.add_all(made)
    return shown, [*old, *made]


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
    return "-".join(text[n : n + 4] for n in range(0, len(text), 4))


def _hash_of(code: str) -> bytes:
    return hashlib.sha256(_plain(code).encode()).digest()


def _plain(given: str) -> str:
    return "".join(char for char in given[:100] if char.isalnum() and char.isascii()).upper()


# -- giving a code ---------------------------------------------------------------------------------------------


def takes_code(session: Session, person: Person, given: str, *, address: str, key: str) -> bool:
    """Count an attempt and say whether *given* is a code of *person*, used up by this; TooMany while one must wait.

    A wrong code is an answer, not a refusal, so that the count is kept.
    """
    account, place = factor_key(person.id), throttling.address_key(address)
    failures = throttling.count_attempt(session, account)
    throttling.count_attempt(session, place)
    if not _use(session, person, given, key):
        if failures & (failures - 1) == 0:
            record(session, events.FactorFailed(by="anonymous", person=person.id, failures=failures))
        return False
    throttling.forgive(session, account)
    throttling.uncount(session, place)
    return True


def factor_key(person: str) -> str:
    """Return the key under which wrong codes of a person are counted."""
    return f"factor:{person}"


def _use(session: Session, person: Person, given: str, key: str) -> bool:
    """Use a code: the app's of a step after the last one used, or a recovery code."""
    factor = session.get(Factor, person.id)
    if factor is None:
        return False
    if _use_recovery(session, person, given):
        return True
    secret = open_secret(key, factor.secret).decode()
    step = _step_of(secret, given, clock.now(session))
    if step is None:
        return False
    later = FactorUse.person == person.id, FactorUse.step < step
    # One statement: of two requests with the same code one comes through.
    return (
        session.execute(update(FactorUse).where(*later).values(step=step).returning(FactorUse.step)).first() is not None
    )


def _use_recovery(session: Session, person: Person, given: str) -> bool:
    unused = RecoveryCode.person == person.id, RecoveryCode.hash == _hash_of(given), RecoveryCode.used_at.is_(None)
    code = session.scalar(select(RecoveryCode).where(*unused).with_for_update())
    if code is None:
        return False
    code.used_at = clock.now(session)
    session.flush()
    left = codes_left(session, person.id)
    record(session, events.RecoveryCodeUsed(by=person.id, person=person.id, left=left), code)
    return True


def _step_of(secret: str, given: str, now: datetime) -> int | None:
    """Return the step whose code this is, among those around *now*."""
    code, totp = "".join(given[:20].split()), pyotp.TOTP(secret)
    this = int(now.timestamp()) // int(STEP.total_seconds())
    around = range(this - DRIFT, this + DRIFT + 1)
    return next((n for n in around if hmac.compare_digest(totp.generate_otp(n).encode(), code.encode())), None)


# -- signing in ------------------------------------------------------------------------------------------------


def finish(session: Session, half: str, given: str, *, address: str, agent: str, key: str) -> str | None:
    """End a sign-in that waits for its code: return its secret id; None where the code is wrong.

    NotSignedIn where there is no such half sign-in any more, Forbidden where their last room has ended.
    """
    person = half_owner(session, half)
    if person is None:
        raise NotSignedIn(OVER)
    if not takes_code(session, person, given, address=address, key=key):
        return None
    signing.ensure_not_shut_out(session, person)
    session.execute(delete(HalfSignIn).where(HalfSignIn.id == signing.id_of(half)))
    return signing.begin(session, person, address=address, agent=agent)


def half_owner(session: Session, half: str) -> Person | None:
    """Return whose half sign-in this is; None where it ran out or was ended, or the account is closed."""
    return session.scalar(
        select(Person)
        .join(HalfSignIn, HalfSignIn.person == Person.id)
        .where(
            HalfSignIn.id == signing.id_of(half),
            HalfSignIn.until > clock.now(session),
            Person.disabled_at.is_(None),
        )
    )


# -- taking it away ----------------------------------------------------------------------------------------------


def remove(session: Session, person: Person, *, by: str) -> None:
    """Take the second factor of *person* away, with its recovery codes."""
    factor = session.get(Factor, person.id)
    if factor is None:
        raise Conflict(f"{person.name} has no second factor.")
    codes = session.scalars(select(RecoveryCode).where(RecoveryCode.person == person.id)).all()
    for row in (factor, *codes):
        session.delete(row)
    session.execute(delete(FactorUse).where(FactorUse.person == person.id))
    session.flush()
    record(session, events.FactorRemoved(by=by, person=person.id), factor, *codes)


def reset(session: Session, person: Person, *, by: str) -> None:
    """Take the second factor away where the device is lost: every sign-in ends, and the person is told."""
    if person.id == by:
        raise Conflict("Nobody resets their own second factor: use a recovery code, or ask another administrator.")
    remove(session, person, by=by)
    throttling.forgive(session, factor_key(person.id))
    signing.end_all(session, person.id, by=by)
    write_to(session, person.id, "factor_reset")


def ensure_may_remove(session: Session, actor: Actor) -> None:
    """Refuse to do without a second factor where one is asked."""
    if is_asked(session, actor):
        raise Conflict("A second factor is asked of you. You may move it to another device, not do without it.")


# -- of whom it is asked ------------------------------------------------------------------------------------------


def ask_of(session: Session, workspace: Workspace, roles: Collection[Role], *, by: str) -> bool:
    """Ask a second factor of whoever holds one of these roles; False where nothing differs."""
    if roles_asked(session, workspace.name) == frozenset(roles):
        return False
    workspace.settings = {**workspace.settings, SETTING: sorted(roles)}
    record(session, events.WorkspaceChanged(by=by, workspace=workspace.name), workspace)
    return True
