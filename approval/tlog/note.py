"""Signed notes and verifier keys (C2SP signed-note v1.0.0), Ed25519 only.

    text, ends with a newline
    <empty line>
    — <key name> <base64 of key id and signature>

One text has one meaning: whatever does not re-format to the same bytes is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

Sign = Callable[[bytes], bytes]
"""Signs a message with one Ed25519 key: 64 bytes."""
Verify = Callable[[bytes, bytes, bytes], bool]
"""verify(public key, message, signature) says whether an Ed25519 signature holds."""

ED25519 = 0x01
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
_MARK = "— "


class NoteError(ValueError):
    """The note, key or checkpoint is malformed, or no known key signed it."""


@dataclass(frozen=True)
class VerifierKey:
    """A named Ed25519 public key; its text form is the vkey `<name>+<key id>+<base64>`."""

    name: str
    public_key: bytes
    algorithm: ClassVar[int] = ED25519

    def __post_init__(self) -> None:
        ensure_name(self.name)
        if len(self.public_key) != 32:
            raise NoteError(f"the public key of {self.name} is {len(self.public_key)} bytes instead of 32")

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_key).digest()[:4]

    def to_text(self) -> str:
        """The vkey."""
        return f"{self.name}+{self.key_id.hex()}+{encoded(bytes([self.algorithm]) + self.public_key)}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse a vkey; NoteError for another type, length or key id."""
        match = _VKEY.fullmatch(text)
        if match is None:
            raise NoteError("a verifier key has the form <name>+<8 hex digits>+<base64>")
        data = decoded(match[3])
        if data[0] != cls.algorithm:
            raise NoteError(f"the verifier key of {match[1]} has the unknown type 0x{data[0]:02x}")
        key = cls(match[1], data[1:])
        if key.key_id.hex() != match[2]:
            raise NoteError(f"the key id of {match[1]} is {key.key_id.hex()}, not {match[2]}")
        return key


@dataclass(frozen=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    value: bytes

    def to_line(self) -> str:
        """The line, with its newline."""
        return f"{_MARK}{self.name} {encoded(self.key_id + self.value)}\n"


@dataclass(frozen=True)
class Note:
    """A text and its signatures, as parsed: nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """The note as a file."""
        return (self.text + "\n" + "".join(each.to_line() for each in self.signatures)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Note:
        """Parse a note; NoteError unless `to_bytes` would write exactly these bytes."""
        if len(data) > MAX_NOTE:
            raise NoteError(f"the note is longer than {MAX_NOTE} bytes")
        try:
            whole = data.decode()
        except UnicodeDecodeError as error:
            raise NoteError(f"the note is not UTF-8 at byte {error.start}") from None
        _ensure_plain(whole)
        # The text ends before the last empty line.
        text, gap, block = whole.rpartition("\n\n")
        if not gap or not block.endswith("\n"):
            raise NoteError("a note is a text, an empty line and signature lines, each ended by a newline")
        # Not splitlines(), which also splits at U+0085, U+2028 and others.
        lines = block[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise NoteError(f"the note has more than {MAX_SIGNATURES} signatures")
        return cls(text + "\n", tuple(map(_parse_signature, lines)))


def sign_note(text: str, *, key: VerifierKey, sign: Sign) -> bytes:
    """The note over `text`, which ends with a newline, signed by the key whose public half is `key`."""
    _ensure_plain(text)
    if not text.endswith("\n") or len(text) < 2:
        raise NoteError("the text of a note is not empty and ends with a newline")
    return Note(text, (Signature(key.name, key.key_id, sign(text.encode())),)).to_bytes()


def open_note(data: bytes, *, keys: Sequence[VerifierKey], verify: Verify) -> str:
    """The text of a note that at least one of `keys` signed; NoteError otherwise.

    Signatures of unknown keys are ignored; one false signature of a known key condemns the note.
    """
    note = Note.from_bytes(data)
    known = {(key.name, key.key_id): key for key in keys}
    signed = False
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not verify(key.public_key, note.text.encode(), signature.value):
            raise NoteError(f"the signature of {key.name} does not hold")
        signed = True
    if not signed:
        raise NoteError("no known key signed the note")
    return note.text


def _parse_signature(line: str) -> Signature:
    name, _, value = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK):
        raise NoteError("a signature line begins with an em dash and a space")
    ensure_name(name)
    data = decoded(value)
    if len(data) < 5:
        raise NoteError(f"the signature of {name} is too short")
    return Signature(name, data[:4], data[4:])


def ensure_name(name: str) -> None:
    """Ensure that a key or log may have this name."""
    if not name or "+" in name or any(each.isspace() for each in name):
        raise NoteError("a key name is not empty and holds neither white space nor a plus sign")


def _ensure_plain(text: str) -> None:
    if any(each < " " and each != "\n" for each in text):
        raise NoteError("a note holds no control characters but the newline")


def encoded(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """The bytes of standard base64 in its one form; NoteError otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    # The last sextet before "=" has unused bits: only the form that encodes back is the number meant.
    if not data or encoded(data) != text:
        raise NoteError("the base64 is not in its one standard form")
    return data
