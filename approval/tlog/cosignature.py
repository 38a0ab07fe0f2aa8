"""Cosignatures of witnesses (C2SP tlog-cosignature, Ed25519, type 0x04).

A witness signs `cosignature/v1`, a time in POSIX seconds and the text of a checkpoint: by that time this was the
largest consistent tree of the log that it had seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from approval.tlog.note import MAX_SIGNATURES, Note, NoteError, Sign, Signature, VerifierKey, Verify

COSIGNATURE = 0x04
_TIME, _SIGNATURE = 8, 64
_LATEST = 1 << 63


@dataclass(frozen=True)
class CosignerKey(VerifierKey):
    """A witness's name and Ed25519 public key; it must serve no other cosigner, for the message does not name one."""

    algorithm: ClassVar[int] = COSIGNATURE


def cosign(text: str, *, key: CosignerKey, time: int, sign: Sign) -> Signature:
    """The witness's signature line over the text of a checkpoint, as of `time` (POSIX seconds)."""
    return Signature(key.name, key.key_id, time.to_bytes(_TIME, "big") + sign(_message(text, time)))


def check_cosignature(text: str, signature: Signature, *, key: CosignerKey, verify: Verify) -> int:
    """The time (POSIX seconds) at which `key` cosigned the text of a checkpoint; NoteError where it did not."""
    if (signature.name, signature.key_id) != (key.name, key.key_id):
        raise NoteError(f"the cosignature is of {signature.name}, not of {key.name}")
    if len(signature.value) != _TIME + _SIGNATURE:
        raise NoteError(f"the cosignature of {key.name} does not hold a time and 64 bytes")
    time = int.from_bytes(signature.value[:_TIME], "big")
    if time >= _LATEST or not verify(key.public_key, _message(text, time), signature.value[_TIME:]):
        raise NoteError(f"the cosignature of {key.name} does not hold")
    return time


def find_cosignature(text: str, lines: bytes, *, key: CosignerKey, verify: Verify) -> tuple[str, int]:
    """The line among `lines` by which `key` cosigned the text, with its time; NoteError where none does.

    Lines of other keys are ignored, as the protocol asks.
    """
    if lines.count(b"\n") > MAX_SIGNATURES:
        raise NoteError(f"there are more than {MAX_SIGNATURES} lines")
    note = Note.from_bytes(text.encode() + b"\n" + lines)
    if note.text != text:
        raise NoteError("an answer of a witness holds signature lines alone")
    for each in note.signatures:
        if (each.name, each.key_id) == (key.name, key.key_id):
            return each.to_line(), check_cosignature(text, each, key=key, verify=verify)
    raise NoteError(f"{key.name} did not cosign")


def _message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
