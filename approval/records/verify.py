"""Verify an export (approval-export/v1) with nothing but Python's standard library: no database, no network.

    python verify.py FILE.zip [--vkey KEY] [--kept FILE] [--witness KEY] [--authority FILE.pem]

It reads FILE.zip and FILE.zip.note. KEY is a verifier key of the firm's log, from elsewhere than the
export; without it the answer begins "signer not checked" and shows the key that the export itself names.
An older key of the log leads to the newest one by the announcements in the export, each sealed by the key before.
--kept, once for each, is a checkpoint of the log that you kept: the export must continue it, with nothing rewritten.
--witness, once for each, is the key of somebody who watches the log: a checkpoint that they cosigned must be here.
Exit codes: 0 the export holds, 1 it does not, 2 bad usage or input, 3 it could not be read, or it holds and
does not show whether it continues a checkpoint that was kept.
A line that begins "warning:" says what looks odd and refuses nothing, such as an export from the future.

What is checked, in this order (docs/export-format.md describes the format):

1. the note binds the length and the SHA-256 of the archive, so that every bit of both files counts;
2. the note's signature (Ed25519, RFC 8032), under KEY or the key that the manifest names;
3. the archive is bounded, its names are plain and unique, every member has the digest that SHA256SUMS gives;
4. per log: the signed checkpoint; the first entry, which names the same origin and the first key, and the
   announcements that lead from it to the checkpoint's; that every entry is in canonical form (RFC 8785) and
   stands, at its index, in the tree of the checkpoint (RFC 6962);
5. every opened value opens its commitment; every content that an entry names is present or said to be absent;
6. earlier checkpoints are of the beginning of the same log; what a revoked key alone signed is flagged; time
   stamps (RFC 3161) are of these checkpoints. Who signed a time stamp is for openssl to say, the one program that
   is called: under the certificates in FILE.pem, or those in the export. Without openssl that is not checked;
7. with --witness: a checkpoint of each log carries a cosignature (C2SP tlog-cosignature) of that key;
8. with --kept: a key of the log signed it, and the log begins with the entries that it was signed over. Their root
   (RFC 6962) is computed from the entries and the proof, which was checked before, wherever these reach that far.

It runs on Python 3.9 or later. Memory grows with names and opened commitments alone, not with the log.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import calendar
import hashlib
import hmac
import io
import json
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, cast

if sys.version_info < (3, 9):  # noqa: UP036  an examiner's computer, not ours
    sys.stderr.write("verify.py runs on Python 3.9 or later: nothing was checked\n")
    sys.exit(3)

FORMAT = "approval-export/v1"
SUMS = "SHA256SUMS"
MANIFEST = "manifest.json"
LOG_MEMBERS = ("checkpoint", "entries.jsonl", "proof")
AUTHORITY = "anchors/authority.pem"

SIGNER, COSIGNER = 1, 4
"""The algorithms of verifier keys: who signs a log with Ed25519, and who cosigns it as a witness."""

MAX_NOTE = 4096
MAX_SIGNATURES = 16
MAX_EARLIER = 1000
MAX_TOKEN = 2**20
OPENSSL_SECONDS = 30
MAX_MANIFEST = 32 * 2**20
MAX_LINE = 4 * 2**20
MAX_ENTRY = 16 * 2**10
MAX_MEMBERS = 500_000
MAX_DIRECTORY = 128 * 2**20
# Text compresses ten- to thirtyfold; a bomb a thousandfold. Small archives may hold one blank picture.
MAX_RATIO, RATIO_FREE = 200, 64 * 2**20
MAX_DEPTH = 100
MAX_FAULTS = 100
MAX_SHOWN = 100
# Two clocks that are kept right differ by seconds.
MAX_AHEAD = 300
# Transactions that overlap enter a log in another order than they began, by seconds.
MAX_BACK = 600
# 9999-12-31 23:59:59 UTC
LAST_SECOND = 253402300799

# What zipfile and zlib raise for an archive that is not what it claims to be.
BROKEN_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    RuntimeError,
    ValueError,
)

KEY_NAME = re.compile(r"[!-*,-~]{1,255}")
SLUG = re.compile(r"[a-z0-9-]{1,100}")
DIGEST = re.compile(r"[0-9a-f]{64}")
KIND = re.compile(r"[a-z0-9_.-]{1,100}")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
EARLIER = re.compile(
    r"logs/(?P<log>[a-z0-9-]{1,100})/(?:earlier|anchors(?=/[0-9]+\.tsr))/(?P<size>[1-9][0-9]{0,15})\.(?:checkpoint|proof|tsr)"
)
MEMBER = re.compile(r"(?=.{1,200}$)[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class Refused(Exception):
    """The export does not hold: where, and why."""


@dataclass
class Report:
    """The answer: the signer's vkey (None where none was found), what was found, looks odd, and failed where.

    `unsettled`: what was asked and cannot be told from this export, and what to ask for.
    """

    signer: str | None = None
    signer_checked: bool = False
    findings: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.failures

    @property
    def exit_code(self) -> int:
        return 1 if not self.holds else 3 if self.unsettled else 0

    def fail(self, words: str) -> None:
        """Note a fault, and let the reading go on, but not through millions of faults."""
        if len(self.failures) == MAX_FAULTS:
            raise Refused(f"more than {MAX_FAULTS} faults: the rest is not looked at")
        self.failures.append(words)

    def to_text(self) -> str:
        lines = [] if self.signer_checked else [f"signer not checked: {self.signer or 'the check stopped before'}"]
        lines += self.findings
        lines += [f"warning: {each}" for each in self.warnings]
        lines.append("The export holds." if self.holds else "The export does NOT hold:")
        lines += [f"- {each}" for each in self.failures]
        if self.unsettled:
            lines.append("It does NOT show whether it continues what you kept:")
        lines += [f"- {each}" for each in self.unsettled]
        return "".join(line + "\n" for line in lines)


# --- Ed25519 (RFC 8032, 5.1), verification only. A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)
Point = tuple[int, int, int, int]


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds, strictly: one encoding of S and of the points, no key of small order."""
    try:
        key = decode_point(public_key)
        decode_point(signature[:32])
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L or is_neutral(times(8, key)):
        return False
    challenge = hashlib.sha512(signature[:32] + public_key + message).digest()
    # [S]B = R + [h]A, written as R = [S]B + [L - h]A
    rest = times(L - int.from_bytes(challenge, "little") % L, key)
    return encode_point(add(times(s, BASE), rest)) == signature[:32]


def decode_point(data: bytes) -> Point:
    """The point of 32 bytes (RFC 8032, 5.1.3); ValueError if they are not the one encoding of a point."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if len(data) != 32 or y >= P:
        raise ValueError("not 32 bytes with y < p")
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * SQRT_MINUS_1 % P
    if v * x * x % P != u or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def encode_point(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number: int, point: Point) -> Point:
    found = NEUTRAL
    while number:
        if number & 1:
            found = add(found, point)
        point = add(point, point)
        number >>= 1
    return found


def is_neutral(point: Point) -> bool:
    return point[0] == 0 and point[1] == point[2]


BASE = decode_point(bytes.fromhex("58" + "66" * 31))


# --- Signed notes (C2SP signed-note)


class Key(NamedTuple):
    """A verifier key: the vkey, its name, the key id, the public key."""

    text: str
    name: str
    key_id: bytes
    public_key: bytes


def parse_vkey(text: object, algorithm: int = SIGNER) -> Key:
    parts = text.split("+", 2) if isinstance(text, str) else []
    if len(parts) != 3 or not KEY_NAME.fullmatch(parts[0]):
        raise Refused("a verifier key has the form <name>+<8 hex digits>+<base64>")
    data = decode_base64(parts[2])
    key_id = hashlib.sha256(parts[0].encode() + b"\n" + data).digest()[:4]
    if len(data) != 33 or data[0] != algorithm or parts[1] != key_id.hex():
        whose = "an Ed25519 key" if algorithm == SIGNER else "a witness's Ed25519 key"
        raise Refused(f"the verifier key is not {whose} with its own key id")
    return Key(str(text), parts[0], key_id, data[1:])


class Note(NamedTuple):
    """A note that is well-formed and not yet verified: its signatures are pairs of a name and key id + signature."""

    text: str
    signatures: list[tuple[str, bytes]]

    @property
    def name(self) -> str:
        return self.signatures[0][0]


def parse_note(data: bytes, most: int = 1) -> Note:
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise Refused("the note is not UTF-8") from None
    if any(each < " " and each != "\n" for each in whole):
        raise Refused("the note holds control characters")
    # The text ends before the last empty line. splitlines() would also split at U+0085, U+2028 and others.
    text, empty_line, rest = whole.rpartition("\n\n")
    *lines, after = rest.split("\n")
    parts = [(*line.split(" "), "", "", "")[1:3] for line in lines]
    plain = all(
        line == f"\u2014 {name} {value}" and KEY_NAME.fullmatch(name)
        for line, (name, value) in zip(lines, parts)  # noqa: B905  strict= is of Python 3.10
    )
    if not empty_line or after or not plain or not 1 <= len(lines) <= most:
        count = "one signature line" if most == 1 else f"1 to {most} signature lines"
        raise Refused(f"the note is not a text, an empty line and {count}, each ended by a newline")
    return Note(text + "\n", [(name, decode_base64(value)) for name, value in parts])


def is_signed(note: Note, key: Key) -> bool:
    """Whether the key signed the note. Signatures of other keys are left alone, a false one of this key is refused."""
    found = [value[4:] for name, value in note.signatures if name == key.name and value[:4] == key.key_id]
    if not all(verify_ed25519(key.public_key, note.text.encode(), signature) for signature in found):
        raise Refused(f"the signature of {key.name} does not hold")
    return bool(found)


def ensure_signed(note: Note, key: Key) -> None:
    if not is_signed(note, key):
        raise Refused(f"it is signed with another key than {key.text}")


def cosigned_at(note: Note, witness: Key) -> int | None:
    """When (POSIX seconds) the witness cosigned the note; None where it did not, a false line of its key is refused."""
    times = []
    for name, value in note.signatures:
        if name == witness.name and value[:4] == witness.key_id:
            instant = int.from_bytes(value[4:12], "big")
            message = f"cosignature/v1\ntime {instant}\n{note.text}".encode()
            if len(value) != 76 or not verify_ed25519(witness.public_key, message, value[12:]):
                raise Refused(f"the cosignature of {witness.name} does not hold")
            if instant > LAST_SECOND:
                raise Refused(f"the cosignature of {witness.name} names no time")
            times.append(instant)
    return max(times, default=None)


def decode_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    # The unused bits of the last sextet must be zero, or two texts would mean the same bytes.
    if not data or base64.b64encode(data).decode() != text:
        raise Refused("a base64 text is not in its one standard form")
    return data


# --- Canonical JSON (RFC 8785), without fractions


def parse_json(data: bytes) -> Any:
    """The value of a JSON text; refuses double names, fractions, large integers, lone surrogates, deep nesting."""
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=unique_names,
            parse_int=exact_integer,
            parse_float=no_fraction,
            parse_constant=no_fraction,
        )
        if rb"\ud" in data.lower():
            canonical(value)
        if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
            ensure_shallow(value, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise Refused(f"not the JSON that this format allows ({error})") from None
    return value


def ensure_shallow(value: Any, depth: int) -> None:
    if depth < 0:
        raise ValueError("nested too deeply")
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            ensure_shallow(inner, depth - 1)


def canonical(value: Any) -> bytes:
    try:
        # In ASCII alone the fast encoder sorts as RFC 8785 does: 2.5 times the speed on 100,000 entries.
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return (text if text.isascii() else canonical_text(value)).encode()
    except RecursionError:
        raise Refused("the JSON is nested too deeply") from None


def canonical_text(value: Any) -> str:
    if isinstance(value, dict):
        # RFC 8785, 3.2.3: names sort by UTF-16 code units.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical_text(name)}:{canonical_text(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return value


def exact_integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) >= 2**53 or text == "-0":
        raise ValueError("an integer is outside the exact range")
    return int(text)


def no_fraction(text: str) -> None:
    raise ValueError(f"{text[:20]} is not an integer")


# --- The tree (RFC 6962, 2.1)


Span = tuple[int, int]


def root_over(
    entries: Iterator[tuple[int, bytes]], size: int, proof: Iterator[bytes], wanted: dict[Span, bytes]
) -> bytes:
    """The root of the tree with these leaf hashes at their indexes and the proof's hashes everywhere else.

    The proof gives, left to right, the hash of each largest subtree in which no given entry stands. The hash of
    each subtree that is `wanted` is put there, unless it lies below one of the proof's hashes.
    """
    index, leaf = next(entries, (size, b""))

    def subtree(first: int, last: int) -> bytes:
        nonlocal index, leaf
        if index >= last:
            found = next(proof)
        elif last - first == 1:
            found = leaf
            index, leaf = next(entries, (size, b""))
        else:
            half = 1 << (last - first - 1).bit_length() - 1
            left = subtree(first, first + half)
            found = hashlib.sha256(b"\x01" + left + subtree(first + half, last)).digest()
        if (first, last) in wanted:
            wanted[first, last] = found
        return found

    return subtree(0, size)


def complete_subtrees(size: int) -> list[Span]:
    """The largest complete subtrees of the first `size` leaves: nodes of every tree that is larger."""
    found, first = [], 0
    while first < size:
        last = first + (1 << (size - first).bit_length() - 1)
        found.append((first, last))
        first = last
    return found


def root_of(subtrees: Sequence[bytes]) -> bytes:
    """The root of the tree that consists of these complete subtrees."""
    *rest, root = subtrees
    for left in reversed(rest):
        root = hashlib.sha256(b"\x01" + left + root).digest()
    return root


def ensure_in_tree(
    entries: Iterator[tuple[int, bytes]],
    size: int,
    proof: Iterator[bytes],
    root: bytes,
    wanted: dict[Span, bytes] | None = None,
) -> None:
    """Ensure that these leaf hashes at their indexes and the whole proof, nothing less, lead to the root."""
    try:
        computed = root_over(entries, size, proof, {} if wanted is None else wanted)
    except StopIteration:
        raise Refused("the proof ends early") from None
    if next(proof, None) is not None:
        raise Refused("the proof holds more hashes than it needs")
    if computed != root:
        raise Refused("entries and proof do not lead to the checkpoint's root: one was changed, dropped or put in")


def ensure_beginning(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """Ensure that the tree of size *old* is the beginning of that of *size* (RFC 6962, 2.1.2, 0 < old < size)."""
    rest = iter(proof)

    def roots(old: int, size: int, known: bool) -> tuple[bytes, bytes]:
        if old == size:
            found = old_root if known else next(rest)
            return found, found
        half = 1 << (size - 1).bit_length() - 1
        if old <= half:
            begun, whole = roots(old, half, known)
            return begun, hashlib.sha256(b"\x01" + whole + next(rest)).digest()
        begun, whole = roots(old - half, size - half, False)
        left = next(rest)
        return hashlib.sha256(b"\x01" + left + begun).digest(), hashlib.sha256(b"\x01" + left + whole).digest()

    try:
        if not 0 < old < size or roots(old, size, True) != (old_root, root) or next(rest, None) is not None:
            raise Refused("it is not of the beginning of this log: two histories were signed")
    except StopIteration:
        raise Refused("its proof ends early") from None


# --- The keys of a log: which signs, and from which size on


@dataclass
class SigningKey:
    """A key of a log. It signs the checkpoints of the sizes first to last; `cut` is the last one before a revocation.

    `sealed`: the key before it signed a checkpoint over its announcement, in a time in which that one was trusted.
    """

    key: Key
    first: int
    last: int | None = None
    cut: int | None = None
    revoked_at: int | None = None
    sealed: bool = True

    def signs(self, size: int) -> bool:
        return self.first <= size and (self.last is None or size <= self.last)

    def in_doubt(self, size: int) -> bool:
        return self.cut is not None and size > self.cut


KEY_KINDS = ("log.key_announced", "log.key_retired", "log.key_revoked")


def follow_keys(chain: list[SigningKey], index: int, kind: str, facts: Any) -> None:
    """Do to the chain what an entry about keys says; refuse one that does not follow from those before it."""
    facts = facts if isinstance(facts, dict) else {}
    if kind == "log.key_announced":
        new = parse_vkey(facts.get("new"))
        known = any(each.key.text == new.text for each in chain)
        if facts.get("old") != chain[-1].key.text or new.name != chain[-1].key.name or known:
            raise Refused("it does not announce a successor of the log's newest key")
        if facts.get("signs_from") != index + 1:
            raise Refused("it announces a key from another size than its own")
        chain.append(SigningKey(new, index + 1, sealed=False))
        return
    old = next((each for each in chain[:-1] if each.key.text == facts.get("vkey")), None)
    if old is None:
        raise Refused("it ends a key that has no successor")
    old.last = index if old.last is None else old.last
    if kind == "log.key_revoked":
        if type(facts.get("last_size")) is not int or old.cut is not None:
            raise Refused("it revokes a key twice, or without the size before the cut")
        old.cut, old.revoked_at = facts["last_size"], index


def signers(note: Note, size: int, chain: list[SigningKey]) -> list[SigningKey]:
    """The keys that sign at this size and did sign the checkpoint; refused where there is none."""
    found = [each for each in chain if is_signed(note, each.key) and each.signs(size)]
    if not found:
        raise Refused("none of the keys that the log had at this size signed it")
    return found


# --- Time stamps (RFC 3161), read as far as to what they are of; who signed them is for openssl to say

ID_SHA256 = bytes.fromhex("608648016503040201")
ID_TST_INFO = bytes.fromhex("2a864886f70d0109100104")


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """The DER elements that data consists of, as (tag, content); ValueError or IndexError where it does not."""
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length > 127:
            count = length - 128
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
            if not 1 <= count <= 4:
                raise ValueError("a length that DER does not write")
        if at + length > len(data):
            raise ValueError("an element is cut short")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def read_token(token: bytes) -> tuple[bytes, str]:
    """The SHA-256 that a time-stamp response is of, and its time (UTC, YYYYMMDDhhmmss); nothing is verified."""
    try:
        ((_, response),) = elements(token)
        (_, status), (_, content) = elements(response)
        (_, (_, wrapped)), granted = elements(content), elements(status)[0]
        ((_, signed),) = elements(wrapped)
        (_, kind), (_, octets) = elements(elements(signed)[2][1])
        ((_, text),) = elements(octets)
        ((_, info),) = elements(text)
        fields = elements(info)
        (_, algorithm), (_, digest) = elements(fields[2][1])
        instant = fields[4][1].decode("ascii")
        sound = granted[1] in (b"\x00", b"\x01") and kind == ID_TST_INFO and elements(algorithm)[0][1] == ID_SHA256
    except (ValueError, IndexError):
        raise Refused("it cannot be read as an RFC 3161 response") from None
    if not sound or not re.fullmatch(r"[0-9]{14}(\.[0-9]+)?Z", instant):
        raise Refused("it is no granted time stamp with SHA-256")
    return digest, instant[:14]


def ask_openssl(text: bytes, token: bytes, instant: str, authority: bytes | None) -> str:
    """Whether the certificates vouch for a time stamp, at its own time: "" if so, else why that was not checked."""
    program = shutil.which("openssl")
    if program is None or authority is None:
        return "openssl is not on this computer" if program is None else "no certificates of the authority are known"
    seconds = str(calendar.timegm(time.strptime(instant, "%Y%m%d%H%M%S")))
    with tempfile.TemporaryDirectory() as folder:
        words = [program, "ts", "-verify", "-attime", seconds]
        for option, data in (("-data", text), ("-in", token), ("-CAfile", authority)):
            with open(f"{folder}/{option}", "wb") as file:
                file.write(data)
            words += [option, f"{folder}/{option}"]
        try:
            done = subprocess.run(words, capture_output=True, timeout=OPENSSL_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return "openssl gave no answer"
    if done.returncode != 0:
        raise Refused("openssl does not find it signed under the certificates of the authority")
    return ""


# --- The archive


def ensure_bounded_directory(file: BinaryIO, length: int) -> None:
    """Look at the directory's size, place and number of members before zipfile makes objects of them."""
    file.seek(max(0, length - 98))
    tail = file.read(98)
    if length < 22 or tail[-22:-18] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        raise Refused("archive: it does not end as a ZIP archive without comment ends")
    size, start = struct.unpack("<LL", tail[-10:-2])
    end = length - 22
    if tail[-42:-38] == b"PK\x06\x07":
        if tail[-98:-94] != b"PK\x06\x06":
            raise Refused("archive: its directory is not where it should be")
        size, start = struct.unpack("<QQ", tail[-58:-42])
        end = length - 98
    if size > MAX_DIRECTORY:
        raise Refused("archive: its directory is too large")
    if start + size != end:
        raise Refused("archive: its directory is not where it should be")
    file.seek(start)
    if file.read(size).count(b"PK\x01\x02") > MAX_MEMBERS:
        raise Refused(f"archive: more than {MAX_MEMBERS} members")


def ensure_plain_members(archive: zipfile.ZipFile, length: int) -> None:
    members = archive.infolist()
    seen = set()
    for member in members:
        place = f"archive member {member.orig_filename[:200]!a}"
        if member.filename != member.orig_filename or not MEMBER.fullmatch(member.filename):
            raise Refused(f"{place}: the name is not a plain relative path")
        if member.filename.lower() in seen:
            raise Refused(f"{place}: the name occurs twice")
        seen.add(member.filename.lower())
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG) or member.flag_bits & 1:
            raise Refused(f"{place}: not a plain file")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(f"{place}: neither stored nor deflated")
    if sum(member.file_size for member in members) > RATIO_FREE + MAX_RATIO * length:
        raise Refused("archive: it unpacks to far more than its length (a ZIP bomb)")


def ensure_apart(file: BinaryIO, archive: zipfile.ZipFile) -> None:
    """Ensure that every member ends before the next one begins."""
    end = archive.start_dir
    for member in sorted(archive.infolist(), key=lambda member: member.header_offset, reverse=True):
        file.seek(member.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
        if member.header_offset + 30 + name + extra + member.compress_size > end:
            raise Refused(f"archive member {member.filename}: it overlaps with another")
        end = member.header_offset


def ensure_end(member: Any, size: int) -> None:
    if member.tell() != size:
        raise Refused(f"archive member {member.name}: it cannot be unpacked to the size that the directory says")


def read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    try:
        size = archive.getinfo(name).file_size
    except KeyError:
        raise Refused(f"{name}: missing") from None
    if size > limit:
        raise Refused(f"{name}: longer than {limit} bytes")
    with archive.open(name) as member:
        return member.read(size + 1)


def lines_of(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, bytes]]:
    """Each line without its newline, and its place."""
    with archive.open(name) as member, io.BufferedReader(cast(io.RawIOBase, member), 2**16) as stream:
        number = 0
        while line := stream.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE or not line.endswith(b"\n"):
                raise Refused(f"{name} line {number}: too long, or without a newline")
            yield f"{name} line {number}", line[:-1]
        ensure_end(member, archive.getinfo(name).file_size)


def sha256_of(stream: Any) -> str:
    digest = hashlib.sha256()
    while block := stream.read(2**16):
        digest.update(block)
    return digest.hexdigest()


def check_sums(archive: zipfile.ZipFile, report: Report) -> None:
    """SHA256SUMS names every other member once, in order, as `sha256sum --check` reads it."""
    names = sorted(set(archive.namelist()) - {SUMS})
    if SUMS not in archive.NameToInfo:
        raise Refused(f"{SUMS}: missing")
    expected = iter(names)
    for place, line in lines_of(archive, SUMS):
        name = next(expected, None)
        digest, _, listed = line.decode("ascii", "replace").partition("  ")
        if name is None or listed != name:
            raise Refused(f"{place}: names {listed[:200]!a}, not {name or 'a member'}, which is next in the archive")
        with archive.open(name) as member:
            if sha256_of(member) != digest:
                report.fail(f"{name}: its SHA-256 is not the one in {SUMS}")
            ensure_end(member, archive.getinfo(name).file_size)
        if name.startswith("content/") and name != f"content/{digest}":
            report.fail(f"{name}: it is not named by its SHA-256")
    if (name := next(expected, None)) is not None:
        raise Refused(f"{SUMS}: does not name {name}")
    if report.holds:
        report.findings.append(f"members: {len(names):,}, each with the SHA-256 in {SUMS}")


# --- The export


class Kept(NamedTuple):
    """A checkpoint that the reader kept: the name of its file, and what it says. Nobody has verified it yet."""

    name: str
    note: Note
    origin: str
    size: int
    root: bytes


class Brought(NamedTuple):
    """What the reader has from elsewhere than the export. `authority` is PEM."""

    key: Key | None = None
    witnesses: tuple[Key, ...] = ()
    authority: bytes | None = None
    kept: tuple[Kept, ...] = ()


def verify(
    path: str,
    vkey: str | None = None,
    authority: bytes | None = None,
    witnesses: Sequence[str] = (),
    kept: Sequence[tuple[str, bytes]] = (),
) -> Report:
    """Verify the export at `path`; ValueError for a malformed key or checkpoint, OSError for an unreadable file.

    `authority` are certificates in PEM under which time stamps are looked at, instead of those in the export;
    `kept` are checkpoints, each with the name of its file.
    """
    report = Report()
    try:
        expected = at("--vkey", parse_vkey, vkey) if vkey is not None else None
        watching = tuple(at("--witness", parse_vkey, each, COSIGNER) for each in witnesses)
        begun = tuple(at(f"--kept {name}", parse_kept, name, data) for name, data in kept)
    except Refused as error:
        raise ValueError(str(error)) from None
    brought = Brought(expected, watching, authority, begun)
    with open(path, "rb") as file, open(f"{path}.note", "rb") as note:
        try:
            check_export(file, note.read(MAX_NOTE + 1), brought, report)
        except Refused as error:
            report.failures.append(str(error))
        except BROKEN_ARCHIVE as error:
            report.failures.append(f"archive: it cannot be unpacked ({error!a})")
    return report


def check_export(file: BinaryIO, note_bytes: bytes, brought: Brought, report: Report) -> None:
    expected = brought.key
    note = at("note", parse_note, note_bytes)
    length = check_whole(file, note, report)
    if expected is not None and (note.name != expected.name or at("note", is_signed, note, expected)):
        at("note", ensure_signed, note, expected)
        report.signer, report.signer_checked = expected.text, True
        report.findings.append(f"signer: {expected.text}")
    ensure_bounded_directory(file, length)
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        ensure_plain_members(archive, length)
        ensure_apart(file, archive)
        manifest = read_manifest(archive)
        check_signer(note, manifest, report)
        check_time(manifest["generated_at"], report)
        check_sums(archive, report)
        say_limits(manifest, report)
        own: list[SigningKey] = []
        for log in manifest["logs"]:
            try:
                chain = check_log(archive, log, manifest["absent"], report, brought)
                own = chain if log["log"] == manifest["workspace"] else own
            except Refused as error:
                report.fail(f"log {log['log']}: {error}")
        say_foreign(manifest, brought.kept, report)
        if expected is not None and not report.signer_checked:
            check_followed(expected, own, report)


def check_followed(expected: Key, chain: list[SigningKey], report: Report) -> None:
    """Ensure that announcements lead from the key that the reader brought to the one that signed, none by a thief."""
    place = next((i for i, each in enumerate(chain) if each.key.text == expected.text), None)
    if place is None:
        raise Refused(f"note: it is signed with another key than {expected.text}, which leads to no other one here")
    for old, new in zip(chain[place:], chain[place + 1 :]):  # noqa: B905
        if not new.sealed:
            why = f"was revoked by entry {old.revoked_at}" if old.cut is not None else "did not seal its announcement"
            raise Refused(
                f"note: it is signed with another key than {expected.text}. Nothing leads from that one to "
                f"{new.key.text}, since {old.key.text} {why}: ask the firm for the key that it uses now"
            )
    report.signer_checked = True
    names = ", then ".join(f"{each.key.text} (announced by entry {each.first - 1})" for each in chain[place + 1 :])
    report.findings.append(f"signer: {expected.text}, which led to {names}")


def check_whole(file: BinaryIO, note: Note, report: Report) -> int:
    """Ensure that the note is of every byte of the archive; answer its length."""
    digest, length = sha256_of(file), file.tell()
    if note.text != f"{FORMAT}\n{note.name}\n{length}\n{digest}\n":
        raise Refused(
            f"note: it is not of this archive of {length} bytes, SHA-256 {digest}, under its signer's name: it was "
            f"changed or damaged since, or is another one. Unpacked, `sha256sum --check {SUMS}` may say which file"
        )
    report.findings.append(f"archive: {length:,} bytes, SHA-256 {digest}, as the note says")
    return length


def check_signer(note: Note, manifest: dict[str, Any], report: Report) -> None:
    """Ensure that the note is signed by the log of the exported workspace, under its origin."""
    vkey = next(log["vkey"] for log in manifest["logs"] if log["log"] == manifest["workspace"])
    key = at(MANIFEST, parse_vkey, vkey)
    report.signer = report.signer or key.text
    at("note", ensure_signed, note, key)
    if manifest["origin"] != note.name:
        raise Refused(f"{MANIFEST}: its origin is not the note's")
    period = f"{manifest['from']!a} to {manifest['to']!a}, zone {manifest['zone']!a}"
    report.findings.append(f"export: workspace {manifest['workspace']}, {period}")


def say_limits(manifest: dict[str, Any], report: Report) -> None:
    """Say what no verifier can tell from these files."""
    report.findings.append(
        "not compared with the entries: pages, tables and definitions. They are the firm's rendering; what the entries "
        "say stands in logs/, what was written in content/"
    )
    filters = manifest.get("filters")
    # `also` takes posts in, `closed` leaves no entry out; every other name does.
    if limits := set(filters) - {"also", "closed"} if isinstance(filters, dict) else filters:
        names = sorted(filter(KIND.fullmatch, limits)) if isinstance(limits, set) else []
        report.warnings.append(
            f"limited to some {' and '.join(names) or 'things'}: nobody can tell an entry about something else from "
            "one that was left out"
        )


def check_time(generated_at: str, report: Report) -> None:
    """Warn of an export from the future: this computer's clock may be wrong as well, so nothing is refused."""
    if not INSTANT.fullmatch(generated_at):
        report.warnings.append(f"generated_at is not a time: {generated_at!a}")
    elif generated_at > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + MAX_AHEAD)):
        report.warnings.append(f"by this computer's clock it was written in the future: {generated_at}")


def read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    manifest = at(MANIFEST, parse_json, read_member(archive, MANIFEST, MAX_MANIFEST))
    texts = ("format", "workspace", "origin", "from", "to", "zone", "generated_at")
    if not isinstance(manifest, dict) or any(not isinstance(manifest.get(name), str) for name in texts):
        raise Refused(f"{MANIFEST}: it lacks one of {', '.join(texts)}")
    if manifest["format"] != FORMAT:
        raise Refused(f"{MANIFEST}: the format is not {FORMAT}")
    absent = manifest.setdefault("absent", {})
    if not isinstance(absent, dict) or not all(isinstance(reason, str) for reason in absent.values()):
        raise Refused(f"{MANIFEST}: absent is not an object of digests and reasons")
    logs = manifest.get("logs")
    if not isinstance(logs, list) or not all(map(is_log, logs)):
        raise Refused(f"{MANIFEST}: logs is not a list of objects with log, vkey, size and entries")
    names = [log["log"] for log in logs]
    if manifest["workspace"] not in names or len(set(names)) != len(names):
        raise Refused(f"{MANIFEST}: logs does not name the workspace's log and every log once")
    members = {f"logs/{name}/{member}" for name in names for member in LOG_MEMBERS}
    more = {name for name in archive.namelist() if name.startswith("logs/")} - members
    if not members <= archive.NameToInfo.keys() or any(
        (match := EARLIER.fullmatch(name)) is None or match["log"] not in names for name in more
    ):
        raise Refused(f"{MANIFEST}: its logs are not those in the archive")
    return manifest


def is_log(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("log"), str):
        return False
    numbers = all(type(value.get(name)) is int for name in ("size", "entries"))
    return SLUG.fullmatch(value["log"]) is not None and numbers


def check_log(
    archive: zipfile.ZipFile, log: dict[str, Any], absent: dict[str, str], report: Report, brought: Brought
) -> list[SigningKey]:
    key = at(MANIFEST, parse_vkey, log["vkey"])
    folder = f"logs/{log['log']}"
    note = at("checkpoint", parse_note, read_member(archive, f"{folder}/checkpoint", MAX_NOTE), MAX_SIGNATURES)
    at("checkpoint", ensure_signed, note, key)
    size, root = at("checkpoint", parse_checkpoint, note.text, key.name)
    report.findings.append(f"log {log['log']}: checkpoint of {size:,} entries, signed by {key.text}")

    entries = Entries(archive, log["log"], key, size, absent, report)
    proof = (decode_hash(place, line) for place, line in lines_of(archive, f"{folder}/proof"))
    kept = [each for each in brought.kept if each.origin == key.name]
    subtrees = {span: b"" for each in kept if each.size < size for span in complete_subtrees(each.size)}
    ensure_in_tree(entries.read(), size, proof, root, subtrees)
    if (size, entries.count) != (log["size"], log["entries"]):
        raise Refused(f"{MANIFEST} gives other numbers than {size} and {entries.count}")
    report.findings += entries.summary()
    report.warnings += entries.warnings()
    if not entries.chain or entries.chain[-1].key.text != key.text:
        raise Refused("it was opened under another origin or key than the checkpoint's: no announcement leads there")
    earlier = Earlier(archive, log["log"], entries.chain, size, root, {size: note}, brought)
    earlier.check(report)
    for each in kept:
        try:
            check_kept(each, earlier, subtrees, report)
        except Refused as error:
            report.fail(f"kept {each.name}: {error}")
    return entries.chain


@dataclass
class Earlier:
    """The checkpoints of a log: that one key was announced under another, what was dated when, who watched it."""

    archive: zipfile.ZipFile
    log: str
    chain: list[SigningKey]
    size: int
    root: bytes
    notes: dict[int, Note]
    brought: Brought

    def check(self, report: Report) -> None:
        signed = {self.size: at("checkpoint", signers, self.notes[self.size], self.size, self.chain)}
        sizes = self._sizes()
        for size in sorted(sizes):
            if size != self.size:
                place = f"logs/{self.log}/earlier/{size}.checkpoint"
                self.notes[size] = at(place, self._read, size)
                signed[size] = at(place, signers, self.notes[size], size, self.chain)
        self._follow(signed, report)
        dated = {size: self._dated(size, report) for size in sorted(sizes) if self._token(size) is not None}
        self._flag(signed, dated, report)
        for witness in self.brought.witnesses:
            self._watched(witness, report)
        self._say_unwatched(report)

    def root_at(self, size: int, subtrees: dict[Span, bytes]) -> bytes | None:
        """The root over the first `size` entries, where a checkpoint here, or entries and proof, lead to it."""
        if size in self.notes:
            return parse_checkpoint(self.notes[size].text, self.chain[0].key.name)[1]
        found = [subtrees.get(span, b"") for span in complete_subtrees(size)]
        return root_of(found) if all(found) else None

    def _sizes(self) -> set[int]:
        names = (EARLIER.fullmatch(name) for name in self.archive.namelist())
        found = {int(match["size"]) for match in names if match and match["log"] == self.log}
        if len(found) > MAX_EARLIER:
            raise Refused(f"more than {MAX_EARLIER} earlier checkpoints")
        twice = f"logs/{self.log}/earlier/{self.size}.checkpoint" in self.archive.NameToInfo
        if twice or max(found, default=0) > self.size:
            raise Refused("an earlier checkpoint is not smaller than the checkpoint: of one size there is one alone")
        return found

    def _read(self, size: int) -> Note:
        folder = f"logs/{self.log}/earlier/{size}"
        note = parse_note(read_member(self.archive, f"{folder}.checkpoint", MAX_NOTE), MAX_SIGNATURES)
        said, old_root = parse_checkpoint(note.text, self.chain[0].key.name)
        lines = read_member(self.archive, f"{folder}.proof", 2**16).split(b"\n")
        if said != size or lines.pop():
            raise Refused("it is of another size than its name says, or its proof does not end with a newline")
        proof = [decode_hash("proof", line) for line in lines]
        ensure_beginning(size, self.size, proof, old_root, self.root)
        return note

    def _follow(self, signed: dict[int, list[SigningKey]], report: Report) -> None:
        """Find out which announcements were sealed by the key before; without a theft each one must be."""
        for old, new in zip(self.chain, self.chain[1:]):  # noqa: B905
            over = [size for size, keys in signed.items() if size >= new.first and old in keys]
            new.sealed = any(not old.in_doubt(size) for size in over)
            if not new.sealed and old.cut is None:
                report.fail(
                    f"log {self.log}: the key announced by entry {new.first - 1} is not sealed by the one before: no "
                    f"checkpoint over that entry carries a signature of {old.key.text}"
                )

    def _token(self, size: int) -> bytes | None:
        name = f"logs/{self.log}/anchors/{size}.tsr"
        return read_member(self.archive, name, MAX_TOKEN) if name in self.archive.NameToInfo else None

    def _dated(self, size: int, report: Report) -> str:
        place, token = f"logs/{self.log}/anchors/{size}.tsr", self._token(size)
        text = self.notes[size].text.encode()
        digest, instant = at(place, read_token, token)
        if digest != hashlib.sha256(text).digest():
            raise Refused(f"{place}: the time stamp is of something else than the checkpoint of {size} entries")
        given = AUTHORITY in self.archive.NameToInfo
        authority = self.brought.authority or (read_member(self.archive, AUTHORITY, MAX_TOKEN) if given else None)
        why = at(place, ask_openssl, text, token, instant, authority)
        under = "the certificates that you gave" if self.brought.authority else f"{AUTHORITY}, which the firm chose"
        who = f"not checked, {why}" if why else f"verified by openssl under {under}"
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.strptime(instant, "%Y%m%d%H%M%S"))
        report.findings.append(f"log {self.log}: {size:,} entries are dated {when}; who signed that: {who}")
        return when

    def _watched(self, witness: Key, report: Report) -> None:
        """Ensure that the witness cosigned one of the checkpoints; the longest is what counts."""
        times = {size: at("cosignature", cosigned_at, note, witness) for size, note in self.notes.items()}
        size = max((size for size, instant in times.items() if instant is not None), default=0)
        if not size:
            report.fail(f"log {self.log}: no checkpoint here is cosigned by {witness.text}")
            return
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(times[size]))
        report.findings.append(
            f"log {self.log}: {size:,} entries were cosigned by {witness.name} at {when}: it had seen no other history"
        )

    def _say_unwatched(self, report: Report) -> None:
        known = {self.chain[0].key.name, *(each.name for each in self.brought.witnesses)}
        others = sorted({name for note in self.notes.values() for name, _ in note.signatures} - known)
        if others:
            report.findings.append(
                f"log {self.log}: not checked, lines of {', '.join(others)}; give their keys with --witness"
            )

    def _flag(self, signed: dict[int, list[SigningKey]], dated: dict[int, str], report: Report) -> None:
        for size, keys in sorted(signed.items()):
            if all(each.in_doubt(size) for each in keys):
                words = f"the checkpoint of {size:,} entries is flagged: only a key that was revoked signed it"
                report.warnings.append(f"log {self.log}: {words}")
        for each in self.chain:
            if each.cut is not None and each.revoked_at is not None:
                stands = max((size for size in signed if size <= each.cut), default=0)
                date = f", dated {dated[stands]}" if stands in dated else ""
                report.warnings.append(
                    f"log {self.log}: the key {each.key.text} was revoked by entry {each.revoked_at}: what it alone "
                    f"signed beyond {each.cut:,} entries is in doubt"
                    + (f"; a checkpoint from before the cut covers {stands:,} entries{date}" if stands else "")
                )


def parse_kept(name: str, data: bytes) -> Kept:
    if len(data) > MAX_NOTE:
        raise Refused(f"it is longer than {MAX_NOTE} bytes: not a checkpoint")
    note = parse_note(data, MAX_SIGNATURES)
    origin = note.text.split("\n")[0]
    if not KEY_NAME.fullmatch(origin):
        raise Refused("not a checkpoint: its first line is not the name of a log")
    size, root = at("not a checkpoint", parse_checkpoint, note.text, origin)
    return Kept(name, note, origin, size, root)


def check_kept(kept: Kept, here: Earlier, subtrees: dict[Span, bytes], report: Report) -> None:
    """Ensure that the log begins as it did when the reader kept this checkpoint; say so where that cannot be told."""
    keys = [each for each in here.chain if is_signed(kept.note, each.key)]
    if not keys:
        known = " and ".join(each.key.text for each in here.chain)
        raise Refused(f"no key of the log {here.log} signed it, which has {known}: it is of another log, or forged")
    place, what = f"kept {kept.name}", f"the first {kept.size:,} entries of the log {here.log}"
    root, signer = here.root_at(kept.size, subtrees), keys[0].key.text
    if root is None:
        report.unsettled.append(f"{place}: {what}: {what_to_ask(kept.size, here)}")
        return
    if root != kept.root:
        stolen = all(each.in_doubt(kept.size) for each in keys)
        raise Refused(
            f"contradicted. Of {what} it states the root {base64.b64encode(kept.root).decode()}, and this export has "
            f"{base64.b64encode(root).decode()}: two histories were signed. Keep all these files as evidence"
            + (f"; the key {signer} was revoked, and who stole it may have signed what you kept" if stolen else "")
        )
    report.findings.append(f"{place}: {what} are still those that {signer} signed then")


def what_to_ask(size: int, here: Earlier) -> str:
    if size > here.size:
        return (
            f"this export's log ends at {here.size:,}. It was written before, or the log was set back: ask for a newer "
            "one; where none is as long, entries are gone"
        )
    return (
        f"entry {size - 1} and entry {size} are not here, and no proof reaches between them. Ask for an export without "
        "limits from the day on which you got this checkpoint until today; for a log of which no export holds all, ask "
        "for `approval audit compare` in your presence, or a witness"
    )


def say_foreign(manifest: dict[str, Any], kept: Sequence[Kept], report: Report) -> None:
    """Say which checkpoints are of logs that this export does not have."""
    origins = [str(log.get("vkey")).partition("+")[0] for log in manifest["logs"]]
    report.unsettled += [
        f"kept {each.name}: it is of the log {each.origin}, and this export of {' and '.join(origins)}: take the "
        "export of that log, or another checkpoint"
        for each in kept
        if each.origin not in origins
    ]


def parse_checkpoint(text: str, origin: str) -> tuple[int, bytes]:
    """The size and root of a checkpoint (C2SP tlog-checkpoint, without extension lines)."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[0] != origin:
        raise Refused("it is not three lines with the key's name as origin")
    if not re.fullmatch(r"[1-9][0-9]{0,15}", lines[1]) or int(lines[1]) >= 2**53:
        raise Refused("its size is not a positive decimal number below 2^53")
    return int(lines[1]), decode_hash("its root", lines[2].encode())


def decode_hash(place: str, line: bytes) -> bytes:
    hash_ = at(place, decode_base64, line.decode("ascii", "replace"))
    if len(hash_) != 32:
        raise Refused(f"{place}: not a hash of 32 bytes")
    return bytes(hash_)


@dataclass
class Entries:
    """The included entries of one log, each checked as it is read."""

    archive: zipfile.ZipFile
    log: str
    key: Key
    size: int
    absent: dict[str, str]
    report: Report
    count: int = 0
    runs: list[list[int]] = field(default_factory=list)
    run_count: int = 0
    opened: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    closed_in: list[str] = field(default_factory=list)
    latest: str = ""
    back: list[str] = field(default_factory=list)
    contents: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    chain: list[SigningKey] = field(default_factory=list)

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Answer (index, leaf hash), ascending; a fault of one entry is reported and the reading goes on."""
        last = -1
        for place, line in lines_of(self.archive, f"logs/{self.log}/entries.jsonl"):
            index, text, openings = self._parts(place, at(place, parse_json, line))
            if index <= last:
                raise Refused(f"{place}: index {index} does not come after {last}")
            if last < 0 < index:
                raise Refused(f"{place}: the first entry of the log (index 0) is not included")
            self._count(index, after=last)
            last = index
            data = text.encode()
            try:
                self._check(f"{place} (entry {index})", index, data, openings)
            except Refused as error:
                self.report.fail(str(error))
            yield index, hashlib.sha256(b"\x00" + data).digest()
        if last < 0:
            raise Refused("no entry is included, not even the first")

    def _parts(self, place: str, record: Any) -> tuple[int, str, list[Any]]:
        if not isinstance(record, dict) or not record.keys() <= {"index", "entry", "openings"}:
            raise Refused(f"{place}: not an object with index, entry and perhaps openings")
        index, text, openings = record.get("index"), record.get("entry"), record.get("openings", [])
        if type(index) is not int or not 0 <= index < self.size:
            raise Refused(f"{place}: its index is not a number below {self.size}")
        if not isinstance(text, str) or not isinstance(openings, list):
            raise Refused(f"{place}: entry is not a text, or openings not a list")
        return index, text, openings

    def _count(self, index: int, *, after: int) -> None:
        self.count += 1
        if index != after + 1 or index == 0:
            self.run_count += 1
            self.runs = [*self.runs, [index, index]][:MAX_SHOWN]
        if self.run_count <= MAX_SHOWN:
            self.runs[-1][1] = index

    def _check(self, place: str, index: int, data: bytes, openings: list[Any]) -> None:
        if len(data) > MAX_ENTRY:
            raise Refused(f"{place}: longer than {MAX_ENTRY} bytes")
        entry = at(place, parse_json, data)
        if not isinstance(entry, dict) or canonical(entry) != data:
            raise Refused(f"{place}: not an object in canonical form")
        if repr(entry.get("v")) != "1" or not isinstance(entry.get("kind"), str):
            raise Refused(f"{place}: not an entry of version 1 with a kind")
        if index == 0:
            self._check_opening_entry(place, entry)
        elif entry["kind"] in KEY_KINDS and self.chain:
            at(place, follow_keys, self.chain, index, entry["kind"], entry.get("facts"))
        commitments: set[str] = set()
        digests: set[str] = set()
        for name, value in references(entry):
            (commitments if name == "commitment" else digests).add(value)
        self._check_contents(place, digests)
        for digest in payloads(entry):
            self._check_pictures(place, digest)
        if closed := self._check_openings(place, commitments, openings):
            self.closed |= closed
            kind = entry["kind"] if KIND.fullmatch(entry["kind"]) else "of no known kind"
            self.closed_in = [*self.closed_in, f"{index} ({kind})"][: MAX_SHOWN + 1]
        if isinstance(entry.get("at"), str) and INSTANT.fullmatch(entry["at"]):
            self._follow(index, entry["at"])

    def _follow(self, index: int, instant: str) -> None:
        """Note an entry that states an instant long before one that stands before it."""
        if instant >= self.latest:
            self.latest = instant
        elif is_long_before(instant, self.latest):
            self.back = [*self.back, str(index)][: MAX_SHOWN + 1]

    def _check_opening_entry(self, place: str, entry: dict[str, Any]) -> None:
        facts = entry.get("facts")
        if entry["kind"] != "log.opened" or not isinstance(facts, dict):
            raise Refused(f"{place}: the first entry is not log.opened")
        vkey = facts.get("vkey")
        first = self.key if vkey == self.key.text else at(f"{place}: another origin or key", parse_vkey, vkey)
        if facts.get("origin") != self.key.name or first.name != self.key.name:
            raise Refused(f"{place}: the log was opened under another origin or key than the checkpoint's")
        self.chain.append(SigningKey(first, 1))

    def _check_contents(self, place: str, digests: set[str]) -> None:
        for digest in sorted(digests):
            present = f"content/{digest}" in self.archive.NameToInfo
            if not present and digest not in self.absent:
                raise Refused(f"{place}: content {digest} is missing and not said to be absent")
            self.contents[present] += 1

    def _check_pictures(self, place: str, payload: str) -> None:
        """What a revision shows is there as well, or said to be absent."""
        if f"content/{payload}" not in self.archive.NameToInfo:
            return
        name = f"content/{payload}"
        words = at(name, parse_json, read_member(self.archive, name, MAX_LINE))
        for each in words.get("media", []) if isinstance(words, dict) else []:
            digest = each.get("digest") if isinstance(each, dict) else None
            if f"content/{digest}" not in self.archive.NameToInfo and digest not in self.absent:
                raise Refused(f"{place}: the picture {digest!a} of {name} is missing and not said to be absent")

    def _check_openings(self, place: str, commitments: set[str], openings: list[Any]) -> set[str]:
        """An opening stands with the first included entry that holds its commitment; answer what stays closed in it."""
        for opening in openings:
            if not isinstance(opening, dict) or opening.keys() != {"commitment", "salt", "value"}:
                raise Refused(f"{place}: an opening is not an object with commitment, salt and value")
            commitment, salt = opening["commitment"], opening["salt"]
            if commitment not in commitments - self.opened - self.closed:
                raise Refused(f"{place}: opens {commitment!a}, which is not first met in this entry")
            if not isinstance(salt, str) or not DIGEST.fullmatch(salt):
                raise Refused(f"{place}: the salt of {commitment} is not 32 bytes in hex")
            mac = hmac.new(bytes.fromhex(salt), canonical(opening["value"]), hashlib.sha256).hexdigest()
            if mac != commitment:
                raise Refused(f"{place}: the value does not open the commitment {commitment}")
            self.opened.add(commitment)
        return commitments - self.opened - self.closed

    def warnings(self) -> list[str]:
        if not self.back:
            return []
        more = " and more" if len(self.back) > MAX_SHOWN else ""
        return [
            f"log {self.log}: time runs backwards at the entries {', '.join(self.back[:MAX_SHOWN])}{more}: a clock was "
            "set, or an instant is false. The order of the entries is proved; trust no instant more than the anchors "
            "around it"
        ]

    def summary(self) -> list[str]:
        runs = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in self.runs)
        more = f" and {self.run_count - MAX_SHOWN:,} more runs" if self.run_count > MAX_SHOWN else ""
        closed = f"{len(self.closed):,} stay closed (erased or withheld)"
        if self.closed_in:
            first, rest = self.closed_in[:MAX_SHOWN], " and more" if len(self.closed_in) > MAX_SHOWN else ""
            closed += f", first met in the entries {', '.join(first)}{rest}"
        contents = f"{self.contents[True]:,} times, and {self.contents[False]:,} times one said to be absent"
        return [
            f"log {self.log}: {self.count:,} entries stand in it: {runs}{more}",
            f"log {self.log}: {len(self.opened):,} values open their commitments, {closed}",
            f"log {self.log}: its entries name a present content {contents}",
        ]


def is_long_before(instant: str, latest: str) -> bool:
    """Say so of two instants that a calendar has."""
    try:
        then, last = (time.strptime(each[:19], "%Y-%m-%dT%H:%M:%S") for each in (instant, latest))
    except ValueError:
        return False
    return calendar.timegm(last) - calendar.timegm(then) > MAX_BACK


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Every {"commitment": <hex>} and {"sha256": <hex>} in a value, as (name, hex)."""
    if isinstance(value, dict):
        if len(value) == 1:
            name, inner = next(iter(value.items()))
            if name in ("commitment", "sha256") and isinstance(inner, str) and DIGEST.fullmatch(inner):
                yield name, inner
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def payloads(entry: dict[str, Any]) -> Iterator[str]:
    """The digests of the words of every revision that an entry records."""
    rows = entry.get("rows")
    for row in rows if isinstance(rows, list) else []:
        image = row.get("image") if isinstance(row, dict) and row.get("table") == "revision" else None
        payload = image.get("payload") if isinstance(image, dict) else None
        digest = payload.get("sha256") if isinstance(payload, dict) else None
        if isinstance(digest, str) and DIGEST.fullmatch(digest):
            yield digest


def at(place: str, check: Any, *args: Any) -> Any:
    """Call a check; what it refuses is refused with its place."""
    try:
        return check(*args)
    except Refused as error:
        raise Refused(f"{place}: {error}") from None


def read_file(path: str, limit: int = -1) -> bytes:
    with open(path, "rb") as file:
        return file.read(limit)


def main(argv: Sequence[str] | None = None) -> int:
    """Verify the export that the arguments name, print the answer, return the exit code."""
    parser = argparse.ArgumentParser(prog="verify", description=f"Verify an export ({FORMAT}) offline.")
    parser.add_argument("file", metavar="FILE.zip", help="the export; FILE.zip.note is read beside it")
    parser.add_argument("--vkey", metavar="KEY", help="a verifier key of the log, from a source that you trust")
    parser.add_argument("--kept", metavar="FILE", action="append", default=[], help="a checkpoint that you kept")
    parser.add_argument("--witness", metavar="KEY", action="append", default=[], help="the key of a witness, from them")
    parser.add_argument("--authority", metavar="FILE.pem", help="certificates of who dated it, from such a source")
    options = parser.parse_args(argv)
    try:
        # Some shells hand on the quotation marks that a guide puts round a key.
        vkey = options.vkey and options.vkey.strip("'\"")
        witnesses = [each.strip("'\"") for each in options.witness]
        authority = read_file(options.authority) if options.authority else None
        kept = [(path, read_file(path, MAX_NOTE + 1)) for path in options.kept]
        report = verify(options.file, vkey, authority, witnesses, kept)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename or options.file}: {error.strerror or error}\n")
        return 2 if isinstance(error, (FileNotFoundError, IsADirectoryError)) else 3
    # Plain ASCII, whatever the terminal and whatever the export holds.
    sys.stdout.write(report.to_text().encode("ascii", "backslashreplace").decode())
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
