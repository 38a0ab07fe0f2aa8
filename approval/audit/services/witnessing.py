"""Showing checkpoints to witnesses (C2SP tlog-witness): others remember how long a log was, and sign that they do.

A witness that holds more than this database, or something else, is the proof that the database was rolled back or
forked, whoever owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import insert, select

from approval import clock
from approval.audit.models import Checkpoint, Cosignature, Sealing
from approval.audit.models.keys import verify_signature
from approval.audit.queries.hashes import fetch_from
from approval.audit.services.outposts import Claimed, claim, leave, note_reached
from approval.audit.services.sealing import Because
from approval.db import Session
from approval.errors import BadSetting, Contradicted, OutpostFailed
from approval.settings import Settings
from approval.tlog import (
    CosignerKey,
    Note,
    NoteError,
    Submission,
    find_cosignature,
    parse_size,
    prove_consistency,
    tile_reader,
)

Answer = tuple[int, Mapping[str, str], bytes]
Ask = Callable[[str, str, bytes, Mapping[str, str]], Answer]
"""ask(method, url, body, headers) makes one request; OutpostFailed where no answer came."""
Prove = Callable[[int], tuple[bytes, ...]]
"""prove(old) answers the proof that the shown checkpoint extends the tree of size *old*."""


@dataclass(frozen=True)
class Witness:
    """A witness: the prefix of its addresses, and its key."""

    url: str
    key: CosignerKey


@dataclass(frozen=True)
class Shown:
    """A checkpoint to be shown, and the size that the witness is believed to hold."""

    log: str
    size: int
    note: bytes
    old: int

    @property
    def text(self) -> str:
        """The lines that are signed."""
        return Note.from_bytes(self.note).text


def witnesses(settings: Settings) -> dict[str, Witness]:
    """Return the witnesses of the settings by name; BadSetting for a key that is none."""
    found = {}
    for each in settings.witnesses:
        try:
            key = CosignerKey.from_text(each.vkey)
        except NoteError as error:
            raise BadSetting("APPROVAL_WITNESSES", each.vkey, str(error)) from error
        found[key.name] = Witness(each.url, key)
    return found


def claim_look(session: Session, log: str, witness: str) -> Shown | None:
    """Take up the newest checkpoint of *log* for a witness; None where another worker is at it, or there is none."""
    claimed: Claimed | None = claim(session, log, witness)
    if claimed is None:
        return None
    row = session.execute(
        select(Checkpoint.size, Checkpoint.note)
        .join(Sealing, (Sealing.log == Checkpoint.log) & (Sealing.size == Checkpoint.size))
        .where(Checkpoint.log == log)
    ).one_or_none()
    if row is None:
        leave(session, log, witness)
        return None
    return Shown(log, row.size, row.note.encode(), min(claimed.size, row.size))


def proof(session: Session, shown: Shown, old: int) -> tuple[bytes, ...]:
    """Return the proof that the shown checkpoint extends the tree of size *old*."""
    return tuple(prove_consistency(old, shown.size, tile_reader(fetch_from(session, shown.log))))


def cosigned(shown: Shown, *, witness: Witness, ask: Ask, prove: Prove) -> str:
    """Return the witness's line over the checkpoint, verified.

    Where the witness holds another size than was believed, it is asked once more from there. Raises Contradicted where
    it holds more than this database, or something that this database does not extend.
    """
    status, body = _submitted(shown, shown.old, witness, ask, prove)
    if status == 409:
        held = _held(shown, body, witness)
        status, body = _submitted(shown, held, witness, ask, prove)
        if status == 409 and held == shown.size:
            # Some witnesses answer so, and not with 422, where the sizes are equal and the roots are not.
            status = 422
    if status == 422:
        raise Contradicted(
            Because.FORKED,
            f"{witness.key.name} cosigned another history of this log: what is here at {shown.size} does not extend it",
        )
    if status != 200:
        raise OutpostFailed(f"{witness.key.name} answered with status {status}")
    try:
        line, _ = find_cosignature(shown.text, body, key=witness.key, verify=verify_signature)
    except NoteError as error:
        raise OutpostFailed(f"{witness.key.name} gave no cosignature: {error}") from error
    return line


def _submitted(shown: Shown, old: int, witness: Witness, ask: Ask, prove: Prove) -> tuple[int, bytes]:
    body = Submission(old, prove(old), shown.note).to_bytes()
    status, _, answer = ask("POST", f"{witness.url}/add-checkpoint", body, {"content-type": "text/plain"})
    return status, answer


def _held(shown: Shown, body: bytes, witness: Witness) -> int:
    try:
        held = parse_size(body.decode("ascii").removesuffix("\n"))
    except (NoteError, UnicodeDecodeError) as error:
        raise OutpostFailed(f"{witness.key.name} answered 409 and did not tell its size") from error
    if held > shown.size:
        raise Contradicted(
            Because.ROLLED_BACK,
            f"{witness.key.name} cosigned {held} entries of this log; the newest checkpoint here is of {shown.size}",
        )
    return held


def keep_cosignature(session: Session, shown: Shown, witness: str, line: str) -> None:
    """Keep a witness's line, the first one over each checkpoint: it binds its time most closely."""
    key = {"log": shown.log, "size": shown.size, "witness": witness}
    known = select(Cosignature.size).filter_by(**key)
    if session.scalar(known) is None:
        session.execute(insert(Cosignature).values(**key, line=line, at=clock.now(session)))
    note_reached(session, shown.log, witness, shown.size)
