"""Checkpoints in an export: beside the exported one those that vouch for a change of keys, and those that somebody
outside dated or cosigned."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select

from approval.audit.models import Anchor, Checkpoint, Entry
from approval.audit.queries.entries import Head
from approval.audit.queries.hashes import fetch_from
from approval.audit.queries.keychain import Keychain, keychain
from approval.audit.queries.outposts import cosignatures, newest_cosigned
from approval.audit.services.anchoring import RFC3161
from approval.db import Session
from approval.records.queries.selection import Period
from approval.records.services.archive import Archive
from approval.tlog import VerifierKey, prove_consistency, tile_reader

AUTHORITY = "anchors/authority.pem"
MAX_NOTE, MAX_SIGNATURES = 4096, 16
"""Bytes and signature lines of a checkpoint in an export (docs/export-format.md)."""


def signing_key(session: Session, head: Head) -> VerifierKey:
    """Return the newest key that signed the checkpoint of *head*: one announced since then has signed nothing yet."""
    return keychain(session, head.log).signing(head.sealed)[-1].key


def cosigned(session: Session, log: str, size: int, note: str) -> bytes:
    """Return the note of a checkpoint with as many lines of its witnesses as the format has room for."""
    lines = [note, *cosignatures(session, log, size).splitlines(keepends=True)]
    own = note.count("\n\u2014 ")
    while len(lines) - 1 + own > MAX_SIGNATURES or len("".join(lines).encode()) > MAX_NOTE:
        lines.pop()
    return "".join(lines).encode()


def write_earlier(archive: Archive, session: Session, head: Head, period: Period) -> bool:
    """Write the earlier checkpoints that a verifier needs, each with its proof, and the tokens of time over them.

    The tokens are the first over all that happened until the period's end, the newest, and the newest before the
    cut of each revoked key. Return whether there are any. Of each witness the newest cosignature is there.
    """
    chain = keychain(session, head.log)
    dated = _dated(session, head, chain, period)
    watched = newest_cosigned(session, head.log, head.sealed)
    for size in sorted({*_vouching(session, head, chain), *dated, *watched} - {head.sealed}):
        _write_checkpoint(archive, session, head, size)
    for size in dated:
        where = Anchor.log == head.log, Anchor.size == size, Anchor.kind == RFC3161
        archive.add(f"logs/{head.log}/anchors/{size}.tsr", session.scalars(select(Anchor.token).where(*where)).one())
    return bool(dated)


def write_authority(archive: Archive, ca: Path | None) -> None:
    """Write the certificates under which the firm looks at tokens of time, where it names any."""
    if ca is not None:
        archive.add(AUTHORITY, ca.read_bytes())


def doubts(session: Session, head: Head) -> list[str]:
    """Say of each revoked key what it leaves in doubt."""
    return [
        f"The key {each.key.to_text()} was revoked by entry {each.cut.index} of {head.log}: what it alone signed "
        f"beyond {each.cut.last_size} entries is in doubt."
        for each in keychain(session, head.log).keys
        if each.cut is not None and each.cut.index < head.sealed
    ]


def _vouching(session: Session, head: Head, chain: Keychain) -> set[int]:
    """Return the sizes of the first checkpoints over the announcements of keys."""
    firsts = [each.first for each in chain.keys[1:] if each.first <= head.sealed]
    found = {_size(session, head, func.min, Checkpoint, Checkpoint.size >= first) for first in firsts}
    return {size for size in found if size is not None}


def _dated(session: Session, head: Head, chain: Keychain, period: Period) -> list[int]:
    within = Entry.log == head.log, Entry.index < head.sealed, Entry.at < period.ends
    last = session.scalar(select(func.max(Entry.index)).where(*within))
    cuts = [each.cut.last_size for each in chain.keys if each.cut is not None]
    found = {
        _size(session, head, func.min, Anchor, Anchor.size > (last or 0)),
        _size(session, head, func.max, Anchor),
        *(_size(session, head, func.max, Anchor, Anchor.size <= cut) for cut in cuts),
    }
    return sorted(size for size in found if size is not None)


def _size(
    session: Session, head: Head, which: Any, model: type[Anchor | Checkpoint], *where: ColumnElement[bool]
) -> int | None:
    only = (Anchor.kind == RFC3161,) if model is Anchor else ()
    return session.scalar(
        select(which(model.size)).where(model.log == head.log, model.size <= head.sealed, *only, *where)
    )


def _write_checkpoint(archive: Archive, session: Session, head: Head, size: int) -> None:
    where = Checkpoint.log == head.log, Checkpoint.size == size
    proof = prove_consistency(size, head.sealed, tile_reader(fetch_from(session, head.log)))
    folder = f"logs/{head.log}/earlier/{size}"
    note = session.scalars(select(Checkpoint.note).where(*where)).one()
    archive.add(f"{folder}.checkpoint", cosigned(session, head.log, size, note))
    archive.add(f"{folder}.proof", b"".join(base64.b64encode(hash_) + b"\n" for hash_ in proof))
