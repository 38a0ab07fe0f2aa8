"""Signing checkpoints: under one lock, never inconsistent with what was signed before.

The last-signed head lives in a file beside the key. Before a new head is signed it is proved consistent with that
file, so a database that was rolled back, or forked, is refused and never signed over.
"""

from __future__ import annotations

import enum
import json
from functools import partial

from sqlalchemy import insert, select, update

from approval import clock
from approval.audit.events import LogOpened
from approval.audit.models import Checkpoint as CheckpointRow, Entry, Log, Node, Sealing
from approval.audit.models.keys import Keys, verify_signature
from approval.audit.queries.hashes import fetch_from
from approval.audit.queries.keychain import Keychain, keychain
from approval.db import Session
from approval.errors import ProofFailed, SealingRefused
from approval.tlog import (
    TILE_WIDTH,
    Checkpoint,
    Note,
    NoteError,
    ProofError,
    Signature,
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

    Each key that signs at this size signs it (`queries.keychain`). Raises SealingRefused where the log no longer
    extends what was signed, NotSigned where a device gives no signature: nothing is signed then.
    """
    head = session.execute(select(Log.origin, Log.vkey).where(Log.name == log)).one_or_none()
    if head is None:
        raise ProofFailed(f"there is no log named {log}")
    with keys.held(log):
        session.execute(select(Sealing.size).where(Sealing.log == log).with_for_update())
        # Asked only now: another sealer may have signed more while this one waited for the lock.
        size = session.scalars(select(Log.size).where(Log.name == log)).one()
        notes = _signed_before(session, log, keys)
        if not notes:
            _ensure_begun(session, log, VerifierKey.from_text(head.vkey), size)
        _ensure_not_rolled_back(log, head.origin, size, notes)
        chain = keychain(session, log)
        signed = [_opened(log, note, head.origin, chain, keys) for note in notes]
        _store_nodes(session, log, size)
        new = Checkpoint(head.origin, size, root(size, tile_reader(fetch_from(session, log))))
        for last in signed:
            _ensure_extends(session, log, last, new)
        stored = _is_stored(session, log, size)
        if signed[:1] == [new] and stored:
            return new
        note = _signed(log, new, chain, keys)
        keys.store_head(log, note)
        if not stored:
            _store(session, log, new, note)
        for key in chain.ended(size):
            keys.drop(log, key)
    return new


def _signed(log: str, new: Checkpoint, chain: Keychain, keys: Keys) -> bytes:
    signatures: list[Signature] = []
    for key in (each.key for each in chain.signing(new.size)):
        note = sign_checkpoint(new, key=key, sign=partial(keys.sign, log, key))
        try:
            open_checkpoint(note, key=key, verify=verify_signature)
        except NoteError as error:
            raise SealingRefused(
                Because.KEY_FOREIGN,
                f"the signing key in {keys.folder} is not the one that the entries of {log} name, {key.to_text()}: "
                "restore that one",
            ) from error
        signatures += Note.from_bytes(note).signatures
    return Note(new.to_text(), tuple(signatures)).to_bytes()


def _signed_before(session: Session, log: str, keys: Keys) -> list[bytes]:
    """Return the last-signed head, then the newest stored checkpoint: a new head extends both of them."""
    newest = select(CheckpointRow.note).where(CheckpointRow.log == log).order_by(CheckpointRow.size.desc()).limit(1)
    stored, kept = session.scalar(newest), keys.head(log)
    if kept is None and stored is not None:
        raise SealingRefused(
            Because.HEAD_MISSING,
            f"{log} was sealed before, but its last-signed head is not in {keys.folder}: restore it there",
        )
    return [note for note in (kept, stored.encode() if stored else None) if note is not None]


def _opened(log: str, note: bytes, origin: str, chain: Keychain, keys: Keys) -> Checkpoint:
    try:
        said = Checkpoint.from_text(Note.from_bytes(note).text)
        if said.origin != origin:
            raise NoteError(f"it is of {said.origin}")
        chain.text(note, said.size, verify=verify_signature)
    except NoteError as error:
        raise SealingRefused(
            Because.HEAD_FOREIGN,
            f"the last-signed head of {log} in {keys.folder}, or its newest checkpoint, is not its own: {error}",
        ) from error
    return said


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


def _ensure_not_rolled_back(log: str, origin: str, size: int, notes: list[bytes]) -> None:
    """Ensure that nothing longer was signed. Asked first: an older database may not know the key that signed it."""
    longest = max((_size_of(note, origin) for note in notes), default=0)
    if longest > size:
        raise SealingRefused(
            Because.ROLLED_BACK,
            f"{log} has {size} entries, but {longest} were signed: the database was rolled back. "
            "Nothing was signed; restore the newest backup and keep this one as evidence.",
        )


def _size_of(note: bytes, origin: str) -> int:
    try:
        said = Checkpoint.from_text(Note.from_bytes(note).text)
    except NoteError:
        return 0
    return said.size if said.origin == origin else 0


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
