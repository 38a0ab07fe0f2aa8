"""What a witness is asked, and how it judges (C2SP tlog-witness, `add-checkpoint`).

old <size of the last checkpoint that this witness cosigned, or 0>
<base64 hash>           0 to 63 lines: the consistency proof
<empty line>
<checkpoint note>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from approval.tlog.checkpoint import Checkpoint
from approval.tlog.note import Note, NoteError, VerifierKey, Verify, decoded, encoded, open_note
from approval.tlog.tree import HASH_SIZE, ProofError, check_consistency

MAX_SUBMISSION = 128 * 1024
MAX_HASHES = 63
SIZE_TYPE = "text/x.tlog.size"
"""The content type in which a witness tells the size that it holds."""

Keys = Mapping[str, Sequence[VerifierKey]]
"""The keys that a witness trusts, by the origin of their log."""


class WitnessRefused(Exception):
    """The witness does not cosign: `status` is that of HTTP; `size`, of a conflict, what it holds."""

    def __init__(self, status: int, message: str, *, size: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.size = size


@dataclass(frozen=True)
class Submission:
    """What a log sends: the size that it believes the witness to hold, the proof from there, and its checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """The body of the request."""
        lines = [f"old {self.old}", *map(encoded, self.proof), "", ""]
        return "\n".join(lines).encode() + self.note

    @classmethod
    def from_bytes(cls, data: bytes) -> Submission:
        """Parse the body of a request; NoteError unless `to_bytes` would write exactly these bytes."""
        if len(data) > MAX_SUBMISSION:
            raise NoteError(f"a submission has at most {MAX_SUBMISSION} bytes")
        head, gap, note = data.partition(b"\n\n")
        if not gap or not head.isascii():
            raise NoteError("a submission is a few lines, an empty line and a checkpoint")
        first, *hashes = head.decode().split("\n")
        proof = tuple(map(decoded, hashes))
        if len(proof) > MAX_HASHES or any(len(each) != HASH_SIZE for each in proof):
            raise NoteError(f"a proof has at most {MAX_HASHES} hashes of 32 bytes")
        word, _, digits = first.partition(" ")
        if word != "old":
            raise NoteError("a submission begins with the old size")
        return cls(parse_size(digits), proof, note)


def parse_size(digits: str) -> int:
    """A size in decimal; NoteError for any other way to write it."""
    # int() alone would also take "+1", "1_0" and digits of other scripts.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19) or str(int(digits)) != digits:
        raise NoteError("a size is a decimal number without leading zeros")
    return int(digits)


def submitted(submission: Submission, *, keys: Keys, verify: Verify) -> Checkpoint:
    """The checkpoint that was submitted, of a log that is known and signed by it; WitnessRefused otherwise."""
    try:
        origin = Note.from_bytes(submission.note).text.partition("\n")[0]
    except NoteError as error:
        raise WitnessRefused(400, str(error)) from error
    if origin not in keys:
        raise WitnessRefused(404, "this log is not witnessed here")
    try:
        text = open_note(submission.note, keys=keys[origin], verify=verify)
    except NoteError as error:
        raise WitnessRefused(403, str(error)) from error
    try:
        return Checkpoint.from_text(text)
    except NoteError as error:
        raise WitnessRefused(422, str(error)) from error


def ensure_extends(submission: Submission, new: Checkpoint, held: Checkpoint | None) -> None:
    """Ensure that `new` extends what the witness holds of this log, as the submission proves; else WitnessRefused."""
    size = held.size if held else 0
    if submission.old > new.size:
        raise WitnessRefused(400, f"the old size {submission.old} is beyond the checkpoint's size {new.size}")
    if submission.old != size:
        raise WitnessRefused(409, f"{size} was cosigned, not {submission.old}", size=size)
    try:
        if held is None:
            if submission.proof:
                raise ProofError("the proof from the empty tree is empty")
            return
        check_consistency(held.size, new.size, submission.proof, held.root, new.root)
    except ProofError as error:
        raise WitnessRefused(422, f"this is no extension of what was cosigned at {size}: {error}") from error
