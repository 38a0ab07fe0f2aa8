"""Proof files (C2SP tlog-proof, `.tlog-proof`): that one entry is in a signed tree, in one text.

c2sp.org/tlog-proof@v1
extra <base64>          optional, and not authenticated
index <decimal>
<base64 hash>           the path, leaf side first
<empty line>
<checkpoint note>
"""

from __future__ import annotations

from dataclasses import dataclass

from approval.tlog.checkpoint import Checkpoint, open_checkpoint
from approval.tlog.note import MAX_NOTE, NoteError, VerifierKey, Verify, decoded, encoded
from approval.tlog.tree import HASH_SIZE, MAX_SIZE, ProofError, check_inclusion, leaf_hash

PROOF_VERSION = "c2sp.org/tlog-proof@v1"
MAX_LINE = 64 * 1024
MAX_PATH = 63


@dataclass(frozen=True)
class EntryProof:
    """What a proof file says: the entry's index, the path and the note; nothing is verified yet."""

    index: int
    path: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_SIZE or len(self.path) > MAX_PATH:
            raise ProofError("a proof has an index and a path of at most 63 hashes")
        if any(len(hash_) != HASH_SIZE for hash_ in self.path):
            raise ProofError("a hash of the path is not 32 bytes long")

    def to_bytes(self) -> bytes:
        """The proof as a file."""
        extra = [] if self.extra is None else [f"extra {encoded(self.extra)}"]
        lines = [PROOF_VERSION, *extra, f"index {self.index}", *map(encoded, self.path), "", ""]
        return "\n".join(lines).encode() + self.note

    @classmethod
    def from_bytes(cls, data: bytes) -> EntryProof:
        """Parse a proof file; ProofError unless `to_bytes` would write exactly these bytes."""
        if len(data) > MAX_NOTE:
            raise ProofError(f"the proof is longer than {MAX_NOTE} bytes")
        head, gap, note = data.partition(b"\n\n")
        if not gap or not head.isascii():
            raise ProofError("a proof is a few lines, an empty line and a checkpoint")
        version, *lines = head.decode().split("\n")
        if version != PROOF_VERSION:
            raise ProofError(f"the proof does not begin with {PROOF_VERSION}")
        if any(len(line) > MAX_LINE for line in lines):
            raise ProofError("a line of the proof is too long")
        extra = _base64(lines.pop(0)[6:], "extra") if lines and lines[0].startswith("extra ") else None
        if not lines:
            raise ProofError("the proof names no index")
        index = _index(lines.pop(0))
        return cls(index, tuple(_base64(line, "a hash") for line in lines), note, extra)


def check_entry(proof: EntryProof, entry: bytes, *, key: VerifierKey, verify: Verify) -> Checkpoint:
    """The checkpoint that the proof leads *entry* to, signed by *key*; ProofError otherwise.

    The leaf is hashed from the entry itself; `extra` is not looked at, since nobody signed it.
    """
    try:
        checkpoint = open_checkpoint(proof.note, key=key, verify=verify)
    except NoteError as error:
        raise ProofError(f"the checkpoint of the proof does not hold: {error}") from error
    check_inclusion(proof.index, checkpoint.size, leaf_hash(entry), proof.path, checkpoint.root)
    return checkpoint


def _index(line: str) -> int:
    word, _, digits = line.partition(" ")
    # int() alone would also take "+1", "1_0" and digits of other scripts.
    if word != "index" or not digits.isdigit() or len(digits) > 19 or str(int(digits)) != digits:
        raise ProofError("the index of the proof is not a decimal number without leading zeros")
    return int(digits)


def _base64(text: str, what: str) -> bytes:
    try:
        return decoded(text)
    except NoteError as error:
        raise ProofError(f"{what} of the proof: {error}") from error
