"""Signing checkpoints: under one lock, never inconsistent with what was signed before.

The last-signed head lives in a file beside the key. Before a new head is signed it is proved consistent with that
file, so a database that was rolled back, or forked, is refused and never signed over.
"""

from __future__ import annotations

from sqlalchemy import insert, select, update

from approval import clock
from approval.audit.models import Checkpoint as CheckpointRow, Log, Node, Sealing
from approval.audit.models.keys import Keys, verify_signature
from approval.audit.queries.hashes import fetch_from
from approval.db import Session
from approval.errors import ProofFailed
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


def seal(session: Session, log: str, *, keys: Keys) -> Checkpoint:
    """Sign a checkpoint over all entries of *log* and return it; the last one where nothing is new.

    Raises ProofFailed where the log no longer extends what was signed: nothing is signed then.
    """
    head = session.execute(select(Log.origin, Log.vkey, Log.size).where(Log.name == log)).one_or_none()
    if head is None:
        raise ProofFailed(f"there is no log named {log}")
    key = VerifierKey.from_text(head.vkey)
    with keys.held(log):
        session.execute(select(Sealing.size).where(Sealing.log == log).with_for_update())
        last = _last_signed(session, log, key, keys)
        if last is not None and last.size > head.size:
            raise ProofFailed(
                f"{log} has {head.size} entries, but {last.size} were signed: the database was rolled back. "
                "Nothing was signed; restore the newest backup and keep this one as evidence."
            )
        _store_nodes(session, log, head.size)
        new = Checkpoint(head.origin, head.size, root(head.size, tile_reader(fetch_from(session, log))))
        _ensure_extends(session, log, last, new)
        if last == new and _is_stored(session, log, new.size):
            return new
        note = sign_checkpoint(new, key=key, sign=lambda message: keys.sign(log, message))
        keys.store_head(log, note)
        if not _is_stored(session, log, new.size):
            _store(session, log, new, note)
    return new


def _last_signed(session: Session, log: str, key: VerifierKey, keys: Keys) -> Checkpoint | None:
    note = keys.head(log)
    if note is None:
        if session.scalar(select(CheckpointRow.size).where(CheckpointRow.log == log).limit(1)) is not None:
            raise ProofFailed(
                f"{log} was sealed before, but its last-signed head is not in {keys.folder}: restore it there"
            )
        return None
    try:
        return open_checkpoint(note, key=key, verify=verify_signature)
    except NoteError as error:
        raise ProofFailed(f"the last-signed head of {log} in {keys.folder} is not its own: {error}") from error


def _ensure_extends(session: Session, log: str, last: Checkpoint | None, new: Checkpoint) -> None:
    if last is None or last.size == 0:
        return
    proof = prove_consistency(last.size, new.size, tile_reader(fetch_from(session, log)))
    try:
        check_consistency(last.size, new.size, proof, last.root, new.root)
    except ProofError as error:
        raise ProofFailed(f"{log} is not an extension of what was signed at {last.size}: {error}") from error


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
