"""Comparing a checkpoint that somebody kept elsewhere with the log as it stands."""

from __future__ import annotations

from sqlalchemy import select

from approval.audit.models import Log
from approval.audit.models.keys import verify_signature
from approval.audit.queries.hashes import fetch_all_from
from approval.audit.queries.keychain import keychain
from approval.db import Session
from approval.errors import ProofFailed
from approval.tlog import Checkpoint, Note, NoteError, open_note, root, span_reader


def compare(session: Session, log: str, note: bytes) -> Checkpoint:
    """Return the checkpoint that *note* says where *log* still is what was signed; ProofFailed otherwise.

    A signature under any key that the log ever had will do: what it signed binds the log for good.
    """
    keys = [each.key for each in keychain(session, log).keys]
    try:
        open_note(note, keys=keys, verify=verify_signature)
        kept = Checkpoint.from_text(Note.from_bytes(note).text)
    except NoteError as error:
        raise ProofFailed(f"this is no checkpoint of {log}: {error}") from error
    size = session.scalars(select(Log.size).where(Log.name == log)).one()
    if kept.size > size:
        raise ProofFailed(
            f"{log}: {kept.size} entries were signed and {size} are there: it was rolled back. Keep both as evidence."
        )
    there = root(kept.size, span_reader(fetch_all_from(session, log)))
    if there != kept.root:
        raise ProofFailed(
            f"{log}: two trees of {kept.size} entries: {kept.root.hex()} was signed, {there.hex()} is there. The kept "
            "checkpoint and a new one prove that the log was forked; keep both as evidence."
        )
    return kept
