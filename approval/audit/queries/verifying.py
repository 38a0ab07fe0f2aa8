"""Re-derive a whole log from its entries, trusting nothing else that is stored."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, select

from approval import clock
from approval.audit.events import INSTALLATION
from approval.audit.models import Checkpoint as CheckpointRow, Entry, Log, Node, Opening
from approval.audit.models.keys import Keys, verify_signature
from approval.audit.queries.anchoring import tokens
from approval.audit.queries.canonical import said_by
from approval.audit.queries.erasing import ensure_erased
from approval.audit.queries.keychain import Keychain, keychain
from approval.db import Session
from approval.errors import ProofFailed
from approval.tlog import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Checkpoint,
    Note,
    NoteError,
    leaf_hash,
    node_hash,
    tree_hash,
)

BATCH = 1000


@dataclass(frozen=True)
class Verified:
    """A log that holds: its size and root, how much of it is sealed, and how many checkpoints agree.

    `in_doubt` are the sizes of the checkpoints that only a revoked key signed, after the cut.
    """

    log: str
    origin: str
    size: int
    root: bytes
    sealed: int
    checkpoints: int
    in_doubt: tuple[int, ...] = ()


class _Roots:
    """The roots of a growing tree, and of every full tile below it."""

    def __init__(self) -> None:
        self.complete: list[bytes] = []  # of complete subtrees, one for each binary digit 1 of the size
        self.size = 0

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf; return the tile roots (tile level, index, hash) that it completes."""
        index, level, tiles = self.size, 0, []
        self.size += 1
        while index & 1:
            leaf = node_hash(self.complete.pop(), leaf)
            index, level = index >> 1, level + 1
            if level % TILE_HEIGHT == 0:
                tiles.append((level // TILE_HEIGHT, index, leaf))
        self.complete.append(leaf)
        return tiles

    def root(self) -> bytes:
        if not self.complete:
            return tree_hash(())
        root = self.complete[-1]
        for left in reversed(self.complete[:-1]):
            root = node_hash(left, root)
        return root


def logs(session: Session) -> list[str]:
    """Return the names of all logs, in order."""
    return list(session.scalars(select(Log.name).order_by(Log.name)))


def go_on() -> None:
    """Hold nothing up."""


def verify(session: Session, log: str, *, keys: Keys | None, going_on: Callable[[], None] = go_on) -> Verified:
    """Verify one log, or raise ProofFailed naming the first bad index.

    Without *keys* the last-signed head is not looked at, which is for its own folder alone to show. *going_on* is
    called now and then, and may raise to end it.

    Checked: every entry's bytes, index and derived columns, the first entry's origin and key, that one key leads to
    the next, every stored tile root, every checkpoint and its signatures, the last-signed head, every opening.
    """
    # Before the snapshot is taken, which is by the first question: a head signed later would cover what it lacks.
    note = keys.head(log) if keys else None
    head = session.execute(select(Log.origin, Log.vkey, Log.size).where(Log.name == log)).one_or_none()
    if head is None:
        raise ProofFailed(f"there is no log named {log}")
    chain = keychain(session, log)
    checkpoints = _checkpoints(session, log, chain)
    sealed = len(checkpoints) and max(checkpoints)
    signed = _signed_head(log, head.origin, chain, note)
    roots = _Roots()
    nodes = _nodes(session, log)
    for row in _entries(session, log, going_on):
        index = roots.size
        said = _ensure_entry(log, row, index)
        if index == 0:
            _ensure_opening(log, said, head.origin, chain.keys[0].key.to_text())
        for tile in roots.add(row[2]):
            if (tile[1] + 1) * TILE_WIDTH ** tile[0] <= sealed and nodes.pop(tile[:2], None) != tile[2]:
                raise ProofFailed(f"{log}: the stored tile root {tile[1]} of level {tile[0]} is not of its entries")
        if roots.size in checkpoints and checkpoints[roots.size].root != roots.root():
            raise ProofFailed(f"{log}: the entries up to {index} are not those of the checkpoint at {roots.size}")
        if signed is not None and roots.size == signed.size and signed.root != roots.root():
            raise ProofFailed(f"{log}: the entries up to {index} are not those of the last-signed head")
    _ensure_complete(log, roots.size, head.size, sealed, signed)
    if sealed and signed is None and keys:
        raise ProofFailed(f"{log}: it was sealed, but its last-signed head is not in the keys folder")
    _ensure_tokens(session, log, checkpoints)
    if nodes:
        raise ProofFailed(f"{log}: {len(nodes)} stored tile roots belong to no tile")
    _ensure_openings(session, log)
    ensure_erased(session, log)
    in_doubt = tuple(size for size in checkpoints if chain.in_doubt(size))
    return Verified(log, head.origin, roots.size, roots.root(), sealed, len(checkpoints), in_doubt)


_Row = tuple[int, bytes, bytes, str, datetime, str, int | None, str]


def _entries(session: Session, log: str, going_on: Callable[[], None]) -> Iterator[_Row]:
    columns = (Entry.index, Entry.body, Entry.leaf, Entry.kind, Entry.at, Entry.actor, Entry.post, Entry.act)
    after = -1
    while True:
        going_on()
        query = select(*columns).where(Entry.log == log, Entry.index > after).order_by(Entry.index).limit(BATCH)
        rows: Any = session.execute(query).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1][0]


def _ensure_entry(log: str, row: _Row, expected: int) -> dict[str, Any]:
    index, body, leaf, kind, at, actor, post, act = row
    where = f"{log}: entry {expected}"
    if index != expected:
        raise ProofFailed(f"{where} is missing; the next one stored is {index}")
    try:
        said = said_by(body)
    except (ValueError, TypeError) as error:
        raise ProofFailed(f"{where} is not canonical JSON: {error}") from error
    if not isinstance(said, dict):
        raise ProofFailed(f"{where} is no JSON object")
    if leaf_hash(body) != leaf:
        raise ProofFailed(f"{where} does not have its leaf hash")
    try:
        repeated = said["kind"], said["at"], said["actor"], said["post"], said["act"]
        of = said["workspace"] or "installation"
    except (KeyError, TypeError) as error:
        raise ProofFailed(f"{where} does not say what every entry says") from error
    if (kind, clock.to_text(at), actor, post, act) != repeated:
        raise ProofFailed(f"{where}: the columns for finding it do not repeat what it says")
    if of != log:
        raise ProofFailed(f"{where} is of another log")
    return said


def _ensure_opening(log: str, said: dict[str, Any], origin: str, vkey: str) -> None:
    if said["kind"] != "log.opened" or said.get("facts") != {"origin": origin, "vkey": vkey}:
        raise ProofFailed(f"{log}: entry 0 does not fix this origin and verifier key")


def _checkpoints(session: Session, log: str, chain: Keychain) -> dict[int, Checkpoint]:
    found: dict[int, Checkpoint] = {}
    rows = session.execute(
        select(CheckpointRow.size, CheckpointRow.root, CheckpointRow.note)
        .where(CheckpointRow.log == log)
        .order_by(CheckpointRow.size)
    )
    for size, root, note in rows:
        try:
            checkpoint = Checkpoint.from_text(chain.text(note.encode(), size, verify=verify_signature))
        except NoteError as error:
            raise ProofFailed(f"{log}: the checkpoint at {size} does not hold: {error}") from error
        if checkpoint != Checkpoint(chain.newest.key.name, size, root):
            raise ProofFailed(f"{log}: the checkpoint stored at {size} says another origin, size or root")
        found[size] = checkpoint
    return found


def _signed_head(log: str, origin: str, chain: Keychain, note: bytes | None) -> Checkpoint | None:
    if note is None:
        return None
    try:
        signed = Checkpoint.from_text(Note.from_bytes(note).text)
        chain.text(note, signed.size, verify=verify_signature)
        if signed.origin != origin:
            raise NoteError(f"it is of {signed.origin}")
    except NoteError as error:
        raise ProofFailed(f"{log}: the last-signed head does not hold: {error}") from error
    return signed


def _ensure_complete(log: str, size: int, claimed: int, sealed: int, signed: Checkpoint | None) -> None:
    if size != claimed:
        raise ProofFailed(f"{log}: {size} entries are stored, its head says {claimed}: entry {size} is missing")
    if sealed > size:
        raise ProofFailed(f"{log}: entry {size} is missing; a checkpoint covers {sealed}")
    if signed is not None and signed.size > size:
        raise ProofFailed(f"{log}: entry {size} is missing; the last-signed head covers {signed.size}")


def _nodes(session: Session, log: str) -> dict[tuple[int, int], bytes]:
    rows = session.execute(select(Node.level, Node.index, Node.hash).where(Node.log == log))
    return {(level, index): hash_ for level, index, hash_ in rows}


def _ensure_tokens(session: Session, log: str, checkpoints: dict[int, Checkpoint]) -> None:
    """Ensure that each token names its checkpoint. Who signed the token is for `openssl ts -verify` to say."""
    for size, token in tokens(session, log):
        if size not in checkpoints or sha256(checkpoints[size].to_text().encode()).digest() not in token:
            raise ProofFailed(f"{log}: the token of time at {size} is of no checkpoint of that size")


def _ensure_openings(session: Session, log: str) -> None:
    """Ensure that each opening stands with the entry that commits to it, and that each value opens its commitment."""
    rows = session.execute(
        select(Opening.commitment, Opening.index, Opening.salt, Opening.value, Entry.body)
        .outerjoin(Entry, and_(Entry.log == Opening.log, Entry.index == Opening.index))
        .where(Opening.log == log)
        .execution_options(yield_per=BATCH)
    )
    for commitment, index, salt, value, body in rows:
        if body is None or commitment.hex().encode() not in body:
            raise ProofFailed(f"{log}: entry {index} does not commit to a value that is kept as its own")
        if value is not None and hmac.digest(salt, str(value).encode(), "sha256") != commitment:
            raise ProofFailed(f"{log}: entry {index}: a stored value does not open its commitment")
    if log == INSTALLATION:
        stray = session.execute(select(Opening.log, Opening.index).where(Opening.log.not_in(select(Log.name)))).first()
        if stray is not None:
            raise ProofFailed(f"a value is kept for entry {stray.index} of {stray.log}, which is no log")
