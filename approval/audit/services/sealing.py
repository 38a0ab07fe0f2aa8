"""Signing checkpoints: under one lock, never inconsistent with what was signed before.

The last-signed head lives in a file beside the key. Before a new head is signed it is proved consistent with that
file, so a database that was rolled back, or forked, is refused and never signed over.
"""

from __future__ import annotations

import enum
import json

from sqlalchemy import insert, select, update

from approval import clock
from approval.audit.events import LogOpened
from approval.audit.models import Checkpoint as CheckpointRow, Entry, Log, Node, Sealing
from approval.audit.models.keys import Keys, verify_signature
from approval.audit.queries.hashes import fetch_from
from approval.db import Session
from approval.errors import ProofFailed, SealingRefused
from approval.tlog import (
    TILE_WIDTH,
    Checkpoint,
    NoteError,
    ProofError,
    VerifierKey,
    check_consistency,
    open_checkpoint,
    prove_consistency,
    root,
    sign_checkpoint,
    tile_reader,
    tree_hash,
)


class Because(enum.StrEnum):
    """Why nothing was signed."""

    ROLLED_BACK = "rolled-back"
    FORKED = "forked"
    HEAD_MISSING = "head-missing"
    HEAD_FOREIGN = "head-foreign"
    KEY_FOREIGN = "key-foreign"
    NOT_BEGUN = "not-begun"
    INCOMPLETE = "incomplete"


def seal(session: Session, log: str, *, keys: Keys) -> Checkpoint:
    """Sign a checkpoint over all entries of *log* and return it; the last one where nothing is new.

    Raises SealingRefused where the log no longer extends what was signed: nothing is signed then.
    """
    head = session.execute(select(Log.origin, Log.vkey).where(Log.name == log)).one_or_none()
    if head is None:
        raise ProofFailed(f"there is no log named {log}")
    key = VerifierKey.from_text(head.vkey)
    with keys.held(log):
        session.execute(select(Sealing.size).where(Sealing.log == log).with_for_update())
        # Asked only now: another sealer may have signed more while this one waited for the lock.
        size = session.scalars(select(Log.size).where(Log.name == log)).one()
        signed = _signed_before(session, log, key, keys)
        if not signed:
            _ensure_begun(session, log, key, size)
        _ensure_not_rolled_back(log, size, signed)
        _store_nodes(session, log, size)
        new = Checkpoint(head.origin, size, root(size, tile_reader(fetch_from(session, log))))
        for last in signed:
            _ensure_extends(session, log, last, new)
        stored = _is_stored(session, log, size)
        if signed[:1] == [new] and stored:
            return new
        note = _signed(log, new, key, keys)
        keys.store_head(log, note)
        if not stored:
            _store(session, log, new, note)
    return new


def _signed(log: str, new: Checkpoint, key: VerifierKey, keys: Keys) -> bytes:
    note = sign_checkpoint(new, key=key, sign=lambda message: keys.sign(log, message))
    try:
        open_checkpoint(note, key=key, verify=verify_signature)
    except NoteError as error:
        raise SealingRefused(
            Because.KEY_FOREIGN,
            f"the signing key in {keys.folder} is not the one that entry 0 of {log} names: restore that one",
        ) from error
    return note


def _signed_before(session: Session, log: str, key: VerifierKey, keys: Keys) -> list[Checkpoint]:
    """Return the last-signed head, then the newest stored checkpoint: a new head extends both of them."""
    newest = select(CheckpointRow.note).where(CheckpointRow.log == log).order_by(CheckpointRow.size.desc()).limit(1)
    stored, kept = session.scalar(newest), keys.head(log)
    if kept is None and stored is not None:
        raise SealingRefused(
            Because.HEAD_MISSING,
            f"{log} was sealed before, but its last-signed head is not in {keys.folder}: restore it there",
        )
    notes = [note for note in (kept, stored.encode() if stored else None) if note is not None]
    try:
        return [open_checkpoint(note, key=key, verify=verify_signature) for note in notes]
    except NoteError as error:
        raise SealingRefused(
            Because.HEAD_FOREIGN,
            f"the last-signed head of {log} in {keys.folder}, or its newest checkpoint, is not its own: {error}",
        ) from error


def _ensure_begun(session: Session, log: str, key: VerifierKey, size: int) -> None:
    """Ensure that a log which was never signed begins with the entry that fixes its origin and its key."""
    first = session.scalar(select(Entry.body).where(Entry.log == log, Entry.index == 0))
    said = json.loads(first) if first else {}
    facts = {"origin": key.name, "vkey": key.to_text()}
    if size < 1 or said.get("kind") != LogOpened.kind or said.get("facts") != facts:
        raise SealingRefused(
            Because.NOT_BEGUN,
            f"{log} was never signed, and its entry 0 does not name this origin and this key: it is not the log that "
            "was opened here",
        )


def _ensure_not_rolled_back(log: str, size: int, signed: list[Checkpoint]) -> None:
    longest = max((last.size for last in signed), default=0)
    if longest > size:
        raise SealingRefused(
            Because.ROLLED_BACK,
            f"{log} has {size} entries, but {longest} were signed: the database was rolled back. "
            "Nothing was signed; restore the newest backup and keep this one as evidence.",
        )


def _ensure_extends(session: Session, log: str, last: Checkpoint, new: Checkpoint) -> None:
    if last.size == 0:
        return
    proof = prove_consistency(last.size, new.size, tile_reader(fetch_from(session, log)))
    try:
        check_consistency(last.size, new.size, proof, last.root, new.root)
    except ProofError as error:
        raise SealingRefused(
            Because.FORKED, f"{log} is not an extension of what was signed at {last.size}: {error}"
        ) from error


def _is_stored(session: Session, log: str, size: int) -> bool:
    where = (CheckpointRow.log == log, CheckpointRow.size == size)
    return session.scalar(select(CheckpointRow.size).where(*where)) is not None


def _store(session: Session, log: str, checkpoint: Checkpoint, note: bytes) -> None:
    session.execute(
        insert(CheckpointRow).values(
            log=log, size=checkpoint.size, root=checkpoint.root, note=note.decode(), at=clock.now(session)
        )
    )
    session.execute(update(Sealing).where(Sealing.log == log).values(size=checkpoint.size))


def _store_nodes(session: Session, log: str, size: int) -> None:
    """Keep the root of every tile that is full by now, level by level."""
    fetch = fetch_from(session, log)
    level, count = 0, size // TILE_WIDTH
    while count:
        where = (Node.log == log, Node.level == level + 1)
        last = session.scalar(select(Node.index).where(*where).order_by(Node.index.desc()).limit(1))
        for index in range(0 if last is None else last + 1, count):
            hashes = fetch(level, index * TILE_WIDTH, (index + 1) * TILE_WIDTH)
            node = {"log": log, "level": level + 1, "index": index, "hash": tree_hash(hashes)}
            session.execute(insert(Node).values(**node))
        level, count = level + 1, count // TILE_WIDTH
