"""Re-derive a whole log from its entries, trusting nothing else that is stored."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import rfc8785
from sqlalchemy import select

from approval import clock
from approval.audit.models import Checkpoint as CheckpointRow, Entry, Log, Node, Opening
from approval.audit.models.keys import Keys, verify_signature
from approval.audit.queries.anchoring import tokens
from approval.db import Session
from approval.errors import ProofFailed
from approval.tlog import (
    TILE_WIDTH,
    Checkpoint,
    NoteError,
    VerifierKey,
    leaf_hash,
    node_hash,
    open_checkpoint,
    tree_hash,
)

BATCH = 1000


@dataclass(frozen=True)
class Verified:
    """A log that holds: its size and root, how much of it is sealed, and how many checkpoints agree."""

    log: str
    origin: str
    size: int
    root: bytes
    sealed: int
    checkpoints: int


class _Roots:
    """The roots of a growing tree, and of every full tile below it."""

    def __init__(self) -> None:
        self.complete: list[tuple[int, bytes]] = []  # (level, hash), as the binary digits of the size
        self.size = 0

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf; return the tile roots (tile level, index, hash) that it completes."""
        level, hash_, tiles = 0, leaf, []
        while self.complete and self.complete[-1][0] == level:
            hash_ = node_hash(self.complete.pop()[1], hash_)
            level += 1
            if level % 8 == 0:
                tiles.append((level // 8, self.size >> level, hash_))
        self.complete.append((level, hash_))
        self.size += 1
        return tiles

    def root(self) -> bytes:
        if not self.complete:
            return tree_hash(())
        hashes = [hash_ for _, hash_ in reversed(self.complete)]
        root = hashes[0]
        for left in hashes[1:]:
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

    Checked: every entry's bytes, index and derived columns, the first entry's origin and key, every stored tile
    root, every checkpoint and its signature, the last-signed head, every opening.
    """
    # Before the snapshot is taken, which is by the first question: a head signed later would cover what it lacks.
    note = keys.head(log) if keys else None
    head = session.execute(select(Log.origin, Log.vkey, Log.size).where(Log.name == log)).one_or_none()
    if head is None:
        raise ProofFailed(f"there is no log named {log}")
    key = VerifierKey.from_text(head.vkey)
    checkpoints = _checkpoints(session, log, key)
    sealed = len(checkpoints) and max(checkpoints)
    signed = _signed_head(log, key, note)
    roots = _Roots()
    nodes = _nodes(session, log)
    for row in _entries(session, log, going_on):
        if row.index == 0:
            _ensure_opening(row, head.origin, head.vkey)
        _ensure_entry(log, row, roots.size)
        for tile in roots.add(row.leaf):
            if (tile[1] + 1) * TILE_WIDTH ** tile[0] <= sealed and nodes.pop(tile[:2], None) != tile[2]:
                raise ProofFailed(f"{log}: the stored tile root {tile[1]} of level {tile[0]} is not of its entries")
        if roots.size in checkpoints and checkpoints[roots.size].root != roots.root():
            raise ProofFailed(f"{log}: the entries up to {row.index} are not those of the checkpoint at {roots.size}")
        if signed is not None and roots.size == signed.size and signed.root != roots.root():
            raise ProofFailed(f"{log}: the entries up to {row.index} are not those of the last-signed head")
    _ensure_complete(log, roots.size, head.size, sealed, signed)
    if sealed and signed is None and keys:
        raise ProofFailed(f"{log}: it was sealed, but its last-signed head is not in the keys folder")
    _ensure_tokens(session, log, checkpoints)
    if nodes:
        raise ProofFailed(f"{log}: {len(nodes)} stored tile roots belong to no tile")
    _ensure_openings(session, log)
    return Verified(log, head.origin, roots.size, roots.root(), sealed, len(checkpoints))


def _entries(session: Session, log: str, going_on: Callable[[], None]) -> Iterator[Entry]:
    after = -1
    while True:
        going_on()
        rows = (
            session.execute(
                select(Entry).where(Entry.log == log, Entry.index > after).order_by(Entry.index).limit(BATCH)
            )
            .scalars()
            .all()
        )
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1].index
        session.expunge_all()


def _ensure_entry(log: str, row: Entry, index: int) -> None:
    where = f"{log}: entry {index}"
    if row.index != index:
        raise ProofFailed(f"{where} is missing; the next one stored is {row.index}")
    try:
        body = json.loads(row.body)
        canonical = rfc8785.dumps(body)
    except (ValueError, TypeError) as error:
        raise ProofFailed(f"{where} is not canonical JSON: {error}") from error
    if canonical != row.body:
        raise ProofFailed(f"{where} is not in canonical form")
    if leaf_hash(row.body) != row.leaf:
        raise ProofFailed(f"{where} does not have its leaf hash")
    derived = (row.kind, clock.to_text(row.at), row.actor, row.post, row.act)
    if derived != (body["kind"], body["at"], body["actor"], body["post"], body["act"]):
        raise ProofFailed(f"{where}: the columns for finding it do not repeat what it says")
    if (body["workspace"] or "installation") != log:
        raise ProofFailed(f"{where} is of another log")


def _ensure_opening(row: Entry, origin: str, vkey: str) -> None:
    body = json.loads(row.body)
    if row.kind != "log.opened" or body["facts"] != {"origin": origin, "vkey": vkey}:
        raise ProofFailed(f"{row.log}: entry 0 does not fix this origin and verifier key")


def _checkpoints(session: Session, log: str, key: VerifierKey) -> dict[int, Checkpoint]:
    found: dict[int, Checkpoint] = {}
    rows = session.execute(select(CheckpointRow).where(CheckpointRow.log == log).order_by(CheckpointRow.size))
    for row in rows.scalars():
        try:
            checkpoint = open_checkpoint(row.note.encode(), key=key, verify=verify_signature)
        except NoteError as error:
            raise ProofFailed(f"{log}: the checkpoint at {row.size} does not hold: {error}") from error
        if (checkpoint.size, checkpoint.root) != (row.size, row.root):
            raise ProofFailed(f"{log}: the checkpoint stored at {row.size} says another size or root")
        found[row.size] = checkpoint
    return found


def _signed_head(log: str, key: VerifierKey, note: bytes | None) -> Checkpoint | None:
    if note is None:
        return None
    try:
        return open_checkpoint(note, key=key, verify=verify_signature)
    except NoteError as error:
        raise ProofFailed(f"{log}: the last-signed head does not hold: {error}") from error


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
    rows = session.execute(
        select(Opening.commitment, Opening.index, Opening.salt, Opening.value)
        .where(Opening.log == log, Opening.value.is_not(None))
        .execution_options(yield_per=BATCH)
    )
    for commitment, index, salt, value in rows:
        if hmac.new(salt, str(value).encode(), sha256).digest() != commitment:
            raise ProofFailed(f"{log}: entry {index}: a stored value does not open its commitment")
