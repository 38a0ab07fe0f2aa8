"""Changing the keys of a log: another key is announced, both sign for a while, the old one stops; or is revoked.

The chain from key to key stands in the log itself. The first checkpoint over an announcement is signed by the old
key too, so that whoever trusts that one is led to the new one. A key that was stolen can lead nobody: its successor
is then to be trusted on its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from approval import clock
from approval.audit.events import INSTALLATION, LogKeyAnnounced, LogKeyRetired, LogKeyRevoked
from approval.audit.models import Checkpoint, Log, RevokedKey, Sealing
from approval.audit.models.keys import Keys
from approval.audit.queries.keychain import Keychain, SigningKey, keychain
from approval.audit.services.recording import record
from approval.db import Session
from approval.errors import Conflict, Invalid, NotFound
from approval.tlog import VerifierKey

MOST_REASON = 2000


@dataclass(frozen=True)
class Revoked:
    """A key that was revoked: the last size before the cut, and the key that is to be trusted now."""

    key: VerifierKey
    last_size: int
    newest: VerifierKey


def rotate(
    session: Session, log: str, *, keys: Keys, by: str, overlap: timedelta, public_key: bytes | None = None
) -> VerifierKey:
    """Announce another key of *log*, a device's where *public_key* is given, and return it.

    Both sign from the next checkpoint on, until *overlap* is over. Conflict where the last change is not sealed yet.
    """
    chain, size = _locked(session, log)
    _ensure_sealed(session, log, chain.newest)
    return _announce(session, log, chain, size, keys=keys, by=by, overlap=overlap, public_key=public_key)


def retire(session: Session, log: str, *, by: str) -> list[VerifierKey]:
    """End the time in which an older key signs too, and return what signs no more; Conflict where there is none."""
    chain, _ = _locked(session, log)
    _ensure_sealed(session, log, chain.newest)
    ending = [each.key for each in chain.keys[:-1] if each.last is None]
    if not ending:
        raise Conflict(f"One key signs {log}. Announce another one first: `approval audit rotate`.")
    for key in ending:
        record(session, LogKeyRetired(by=by, workspace=_workspace(log), vkey=key.to_text()))
    return ending


def retire_over(session: Session, log: str, *, by: str) -> list[VerifierKey]:
    """Retire the keys of *log* whose time beside another one is over, and return them."""
    chain, _ = _locked(session, log)
    now, sealed = clock.now(session), _sealed(session, log)
    over = [
        each.key
        for each in chain.keys[:-1]
        if each.last is None and each.until is not None and each.until <= now and sealed >= chain.newest.first
    ]
    for key in over:
        record(session, LogKeyRetired(by=by, workspace=_workspace(log), vkey=key.to_text()))
    return over


def revoke(
    session: Session,
    log: str,
    *,
    keys: Keys,
    by: str,
    since: datetime,
    reason: str,
    vkey: str | None = None,
    public_key: bytes | None = None,
) -> Revoked:
    """Say that a key of *log* (its oldest one in use, or *vkey*) is not to be trusted since an instant, and why.

    Where no other key signs, one is announced in the same act. The cut is the last checkpoint before *since*.
    """
    reason = reason.strip()
    if not reason or len(reason) > MOST_REASON:
        raise Invalid(f"Give a reason of at most {MOST_REASON} characters: whoever verifies later asks for it.")
    if since > clock.now(session):
        raise Invalid("The cut lies in the future. Give the instant since which the key may have been in other hands.")
    chain, size = _locked(session, log)
    bad = _chosen(chain, log, vkey)
    if bad.cut is not None:
        raise Conflict(f"{bad.key.to_text()} was revoked before, by entry {bad.cut.index}.")
    newest = chain.newest.key
    if bad.key == newest:
        newest = _announce(session, log, chain, size, keys=keys, by=by, overlap=None, public_key=public_key)
    last_size = _last_before(session, log, since)
    row = RevokedKey(
        vkey=bad.key.to_text(), workspace=_workspace(log), since=since, last_size=last_size, reason=reason, by=by
    )
    session.add(row)
    happened = LogKeyRevoked(by=by, workspace=_workspace(log), vkey=row.vkey, since=since, last_size=last_size)
    record(session, happened, row)
    return Revoked(bad.key, last_size, newest)


def _announce(
    session: Session,
    log: str,
    chain: Keychain,
    size: int,
    *,
    keys: Keys,
    by: str,
    overlap: timedelta | None,
    public_key: bytes | None,
) -> VerifierKey:
    old = chain.newest.key
    # The file stands before the entry commits, so that no announced key is missing; one that never signs is harmless.
    new = keys.add(log, old.name, public_key)
    if any(each.key == new for each in chain.keys):
        raise Conflict(f"{new.to_text()} is a key of {log} already.")
    until = None if overlap is None else clock.now(session) + overlap
    record(
        session,
        LogKeyAnnounced(
            by=by,
            workspace=_workspace(log),
            old=old.to_text(),
            new=new.to_text(),
            signs_from=size + 1,
            until=until,
        ),
    )
    session.execute(update(Log).where(Log.name == log).values(vkey=new.to_text()))
    return new


def _locked(session: Session, log: str) -> tuple[Keychain, int]:
    """Hold the log's head, so that the next entry has the index *size*, and return the keys with it."""
    size = session.scalar(select(Log.size).where(Log.name == log).with_for_update())
    if size is None:
        raise NotFound(f"There is no log named {log}.")
    return keychain(session, log), size


def _ensure_sealed(session: Session, log: str, newest: SigningKey) -> None:
    if _sealed(session, log) < newest.first:
        raise Conflict(
            f"No checkpoint of {log} covers its last change of keys yet, so that nothing vouches for it. Seal it "
            "first: `approval audit seal`."
        )


def _sealed(session: Session, log: str) -> int:
    return session.scalars(select(Sealing.size).where(Sealing.log == log)).one()


def _chosen(chain: Keychain, log: str, vkey: str | None) -> SigningKey:
    if vkey is None:
        return next(each for each in chain.keys if each.last is None)
    found = next((each for each in chain.keys if each.key.to_text() == vkey), None)
    if found is None:
        raise NotFound(f"{vkey} was never a key of {log}. `approval audit keys` lists them.")
    return found


def _last_before(session: Session, log: str, since: datetime) -> int:
    found = select(func.max(Checkpoint.size)).where(Checkpoint.log == log, Checkpoint.at < since)
    return session.scalar(found) or 0


def _workspace(log: str) -> str | None:
    return None if log == INSTALLATION else log
