"""Checkpoints: the tree head as a signed note (C2SP tlog-checkpoint v1.0.0), without extension lines.

The signed text is three lines: the origin, the size in decimal, the root in base64.
"""

from __future__ import annotations

from dataclasses import dataclass

from approval.tlog.note import (
    NoteError,
    Sign,
    VerifierKey,
    Verify,
    decoded,
    encoded,
    ensure_name,
    open_note,
    sign_note,
)
from approval.tlog.tree import EMPTY_ROOT, HASH_SIZE, MAX_SIZE


@dataclass(frozen=True)
class Checkpoint:
    """What a log commits to: its origin, its size and its root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        ensure_name(self.origin)
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE:
            raise NoteError("a checkpoint has a size and a root of 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise NoteError("the root of size 0 is not that of the empty tree")

    def to_text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encoded(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Parse the three lines; NoteError unless `to_text` would write exactly this text."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise NoteError("a checkpoint has exactly three lines")
        origin, size, root = lines[:3]
        # 19 digits hold every size; int() alone would also take "+1", "1_0" and digits of other scripts.
        if not (size.isascii() and size.isdigit() and len(size) <= 19) or str(int(size)) != size:
            raise NoteError("the size of a checkpoint is a decimal number without leading zeros")
        return cls(origin, int(size), decoded(root))


def sign_checkpoint(checkpoint: Checkpoint, *, key: VerifierKey, sign: Sign) -> bytes:
    """The checkpoint as a signed note; ValueError unless the key's name is the origin."""
    if key.name != checkpoint.origin:
        raise ValueError(f"the key of {key.name} may not sign a checkpoint of {checkpoint.origin}")
    return sign_note(checkpoint.to_text(), key=key, sign=sign)


def open_checkpoint(data: bytes, *, key: VerifierKey, verify: Verify) -> Checkpoint:
    """The checkpoint of a note that `key` signed, whose name is the origin; NoteError otherwise."""
    checkpoint = Checkpoint.from_text(open_note(data, keys=[key], verify=verify))
    if checkpoint.origin != key.name:
        raise NoteError(f"the checkpoint is of {checkpoint.origin}, the key of {key.name}")
    return checkpoint
