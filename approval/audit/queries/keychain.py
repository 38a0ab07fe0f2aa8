"""Which keys sign a log, and until when: folded from the log's own entries, so that nothing else is trusted for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from approval import clock
from approval.audit.events import LogKeyAnnounced, LogKeyRetired, LogKeyRevoked
from approval.audit.models import Entry, Log
from approval.db import Session
from approval.errors import ProofFailed
from approval.tlog import Note, NoteError, VerifierKey, Verify, open_note

KINDS = (LogKeyAnnounced.kind, LogKeyRetired.kind, LogKeyRevoked.kind)
"""Entries without which nobody can tell which key may sign: every export includes them."""


@dataclass(frozen=True)
class Cut:
    """A key is not trusted any more: since when, the last size before that, and the entry that says so."""

    since: datetime
    last_size: int
    index: int


@dataclass(frozen=True)
class SigningKey:
    """A key of a log: it signs the checkpoints of sizes `first` to `last` (None: it still signs).

    `until` is the instant at which it is to be retired, once another key was announced.
    """

    key: VerifierKey
    first: int = 1
    last: int | None = None
    until: datetime | None = None
    cut: Cut | None = None

    def signs(self, size: int) -> bool:
        """Say whether a checkpoint of *size* carries its signature."""
        return self.first <= size and (self.last is None or size <= self.last)

    def in_doubt(self, size: int) -> bool:
        """Say whether its signature over *size* entries is in doubt, because it was revoked."""
        return self.cut is not None and size > self.cut.last_size


@dataclass(frozen=True)
class Keychain:
    """The keys of a log, oldest first."""

    keys: tuple[SigningKey, ...]

    @property
    def newest(self) -> SigningKey:
        """The key that was announced last: the one to hand out."""
        return self.keys[-1]

    def signing(self, size: int) -> list[SigningKey]:
        """Return the keys that sign a checkpoint of *size*: two while one follows the other."""
        return [each for each in self.keys if each.signs(size)]

    def text(self, data: bytes, size: int, *, verify: Verify) -> str:
        """Return the text of a checkpoint of *size*; NoteError unless every key that signs that size signed it."""
        signed = {(each.name, each.key_id) for each in Note.from_bytes(data).signatures}
        keys = [each.key for each in self.signing(size)]
        for key in keys:
            if (key.name, key.key_id) not in signed:
                raise NoteError(f"no signature of {key.to_text()}")
        return open_note(data, keys=keys, verify=verify)

    def ended(self, size: int) -> list[VerifierKey]:
        """Return the keys that signed once and do not sign a checkpoint of *size*."""
        return [each.key for each in self.keys if each.last is not None and each.last < size]

    def is_over(self, now: datetime) -> bool:
        """Say whether the time in which an older key signs too is over."""
        return any(each.last is None and each.until is not None and each.until <= now for each in self.keys[:-1])

    def in_doubt(self, size: int) -> bool:
        """Say whether only keys in doubt signed a checkpoint of *size*."""
        return all(each.in_doubt(size) for each in self.signing(size))


def keychain(session: Session, log: str) -> Keychain:
    """Return the keys of *log*; ProofFailed where its entries do not lead to the key that its head names."""
    vkey = session.scalar(select(Log.vkey).where(Log.name == log))
    if vkey is None:
        raise ProofFailed(f"there is no log named {log}")
    about_keys = (
        select(Entry.index, Entry.kind, Entry.body).where(Entry.log == log, Entry.kind.in_(KINDS)).order_by(Entry.index)
    )
    rows = session.execute(about_keys).all()
    try:
        found = folded([(index, kind, json.loads(body)["facts"]) for index, kind, body in rows], vkey)
    except (ValueError, KeyError, TypeError) as error:
        raise ProofFailed(f"{log}: its entries about keys do not follow from one another: {error}") from error
    if found.newest.key.to_text() != vkey:
        raise ProofFailed(f"{log}: its head names another verifier key than its last announcement")
    return found


def known_keys(session: Session, log: str) -> tuple[SigningKey, ...]:
    """Return the keys of *log* for a page; none where its entries do not lead to one, which verification reports."""
    try:
        return keychain(session, log).keys
    except ProofFailed:
        return ()


def folded(entries: Iterable[tuple[int, str, dict[str, Any]]], vkey: str) -> Keychain:
    """Return the keys that these entries tell of, *vkey* alone where there are none; ValueError for a broken chain."""
    told = list(entries)
    announced = [facts for _, kind, facts in told if kind == LogKeyAnnounced.kind]
    keys = [SigningKey(VerifierKey.from_text(announced[0]["old"] if announced else vkey))]
    for index, kind, facts in told:
        if kind == LogKeyAnnounced.kind:
            _announce(keys, index, facts)
            continue
        place = next((i for i, each in enumerate(keys[:-1]) if each.key.to_text() == facts["vkey"]), None)
        if place is None:
            raise ValueError(f"entry {index} is of a key that has no successor")
        ended = replace(keys[place], last=index if keys[place].last is None else keys[place].last)
        if kind == LogKeyRevoked.kind:
            ended = replace(ended, cut=Cut(clock.from_text(facts["since"]), facts["last_size"], index))
        keys[place] = ended
    return Keychain(tuple(keys))


def _announce(keys: list[SigningKey], index: int, facts: dict[str, Any]) -> None:
    new = VerifierKey.from_text(facts["new"])
    if facts["old"] != keys[-1].key.to_text() or new.name != keys[-1].key.name or facts["signs_from"] != index + 1:
        raise ValueError(f"entry {index} does not announce a successor of the key that was announced last")
    if any(each.key == new for each in keys):
        raise ValueError(f"entry {index} announces a key that was there before")
    until = facts["until"]
    keys[-1] = replace(keys[-1], until=clock.from_text(until) if until else None)
    keys.append(SigningKey(new, first=index + 1))
