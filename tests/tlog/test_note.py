"""Signed notes and checkpoints: published vectors, and every second form of the same meaning refused."""

from __future__ import annotations

import base64
import re
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from approval.tlog import (
    EMPTY_ROOT,
    Checkpoint,
    Note,
    NoteError,
    VerifierKey,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
)

NAMES = ["example", "peter-neumann", "enoch-root", "sum-golang-org"]
REFUSED = [
    "wrong-key-length",
    "unknown-type",
    "wrong-key-id",
    "upper-case-key-id",
    "no-name",
    "space-in-name",
    "trailing-newline",
    "empty",
]


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.fixture(scope="module")
def log(vectors):
    return vectors("notes")["checkpoints"]


@pytest.fixture(scope="module")
def key(log):
    return VerifierKey(log["origin"], bytes.fromhex(log["public"]))


@pytest.fixture(scope="module")
def sign(log):
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(log["secret"])).sign


@pytest.fixture(scope="module")
def note(key, sign):
    return sign_note("one\n\ntwo\n", key=key, sign=sign)


@pytest.mark.parametrize("name", NAMES)
def test_published_notes_open(vectors, name):
    case = vectors("notes")["valid"][name]
    key = VerifierKey.from_text(case["vkey"])
    assert key.to_text() == case["vkey"]
    data = (case["text"] + "\n" + case["line"]).encode()
    assert open_note(data, keys=[key], verify=verify) == case["text"]
    assert Note.from_bytes(data).to_bytes() == data


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_verifier_key_is_refused(vectors, name):
    with pytest.raises(NoteError):
        VerifierKey.from_text(vectors("notes")["refused_vkeys"][name])


def test_every_refused_key_is_tested(vectors):
    assert sorted(vectors("notes")["refused_vkeys"]) == sorted(REFUSED)
    assert sorted(vectors("notes")["valid"]) == sorted(NAMES)


def test_a_note_by_two_signers_opens_for_either(vectors):
    cases = [vectors("notes")["valid"][name] for name in ("peter-neumann", "enoch-root")]
    data = (cases[0]["text"] + "\n" + cases[0]["line"] + cases[1]["line"]).encode()
    keys = [VerifierKey.from_text(case["vkey"]) for case in cases]
    for known in (keys, keys[:1], keys[1:]):
        assert open_note(data, keys=known, verify=verify) == cases[0]["text"]


def test_a_note_that_nobody_known_signed_is_refused(vectors, note):
    stranger = VerifierKey.from_text(vectors("notes")["valid"]["example"]["vkey"])
    for keys in ([], [stranger]):
        with pytest.raises(NoteError, match="no known key"):
            open_note(note, keys=keys, verify=verify)


def test_one_false_signature_of_a_known_key_condemns_the_note(note, key):
    good = Note.from_bytes(note).signatures[0]
    false = type(good)(good.name, good.key_id, bytes(64))
    for signatures in ((good, false), (false, good)):
        with pytest.raises(NoteError, match="does not hold"):
            open_note(Note("one\n\ntwo\n", signatures).to_bytes(), keys=[key], verify=verify)


def test_every_flipped_bit_of_a_note_is_refused(note, key):
    for at in range(len(note)):
        for bit in range(8):
            spoilt = note[:at] + bytes([note[at] ^ 1 << bit]) + note[at + 1 :]
            with pytest.raises(NoteError):
                open_note(spoilt, keys=[key], verify=verify)


def test_every_shortened_or_lengthened_note_is_refused(note, key):
    for spoilt in [note[:at] for at in range(len(note))] + [
        note + b"\n",
        note + b" ",
        b"\n" + note,
        note + note,
    ]:
        with pytest.raises(NoteError):
            open_note(spoilt, keys=[key], verify=verify)


def test_a_second_spelling_of_the_base64_is_refused(note, key):
    """The last sextet before "=" has unused bits: a lenient decoder reads the same (negative control)."""
    encoded = note.rsplit(b" ", 1)[1].strip()
    sibling = encoded[:-2] + bytes([encoded[-2] + 1]) + b"="
    assert base64.b64decode(sibling) == base64.b64decode(encoded)
    with pytest.raises(NoteError, match="base64"):
        open_note(note.replace(encoded, sibling), keys=[key], verify=verify)


@pytest.mark.parametrize(
    "separator", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r\n", "\r"]
)
def test_a_line_ends_with_a_newline_and_nothing_else(note, key, separator):
    """splitlines() takes each of these for a line end (the negative control)."""
    text = note.decode()
    for spoilt in (text[:-1] + separator, text.replace("\n\n\u2014", "\n" + separator + "\u2014")):
        assert len(spoilt.splitlines()) >= len(text.splitlines()) - 1
        with pytest.raises(NoteError):
            open_note(spoilt.encode(), keys=[key], verify=verify)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        "text\n\n— name\n".encode(),
        "text\n\n— name AAAA\n".encode(),
        "text\n\n—  AAAAAAAA\n".encode(),
        "text\n\n— na+me AAAAAAAA\n".encode(),
        "text\n\n— na\u2003me AAAAAAAA\n".encode(),
        b"text\n\n- name AAAAAAAA\n",
        "text\n\n— name AAAAAAAA \n".encode(),
        "text\n\n— name  AAAAAAAA\n".encode(),
        "text\n\n— name AAAA AAAA\n".encode(),
        "te\0xt\n\n— name AAAAAAAA\n".encode(),
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"text\n\n" + "— name AAAAAAAA\n".encode() * 101,
        b"x" * 1_000_001,
    ],
)
def test_a_malformed_note_is_refused(data):
    with pytest.raises(NoteError):
        Note.from_bytes(data)


@pytest.mark.parametrize("text", ["", "\n", "no newline", "a\tb\n", "a\r\n"])
def test_what_is_no_text_of_a_note_is_not_signed(key, sign, text):
    with pytest.raises(NoteError):
        sign_note(text, key=key, sign=sign)


@pytest.mark.parametrize(("name", "public"), [("", 32), ("a b", 32), ("a+b", 32), ("a", 31), ("a", 33)])
def test_a_key_has_a_name_and_32_bytes(name, public):
    with pytest.raises(NoteError):
        VerifierKey(name, bytes(public))


# --- checkpoints


@pytest.mark.parametrize("case", range(4))
def test_checkpoints_are_signed_as_published(vectors, log, key, sign, case):
    expected = log["signed"][case]
    root = bytes.fromhex(vectors("trees")["roots"][expected["size"]])
    checkpoint = Checkpoint(log["origin"], expected["size"], root)
    data = sign_checkpoint(checkpoint, key=key, sign=sign)
    assert expected["signature"] in data.decode()
    assert sha256(data).hexdigest() == expected["sha256"]
    assert open_checkpoint(data, key=VerifierKey.from_text(log["vkey"]), verify=verify) == checkpoint


def test_a_cosigned_checkpoint_parses():
    text = "rome2026h1.example.org\n300\ngw31yQrqZZCcEOPrzX+bpy3nJ6QgngTKn8G1m0i62uU=\n"
    line = (
        "— mirror.example.org P7FI7wAAAABpVGeAjA1S4pJm6MbcXjX7UUImu4azZtrfcVW2uyr/LXIYlwEJzXC0N0EiZkbq"
        "fLdXt/4gVEEuGmxJjAfXKMCISpsJAg==\n"
    )
    note = Note.from_bytes((text + "\n" + line).encode())
    checkpoint = Checkpoint.from_text(note.text)
    assert (checkpoint.size, checkpoint.root.hex()[:8]) == (300, "830df5c9")
    assert note.signatures[0].key_id.hex() == "3fb148ef"


ROOT = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"a\n8\n{ROOT}",
        f"a\n8\n{ROOT}\n\n",
        f"a\n8\n{ROOT}\nextension\n",
        f"a\n08\n{ROOT}\n",
        f"a\n+8\n{ROOT}\n",
        f"a\n-8\n{ROOT}\n",
        f"a\n 8\n{ROOT}\n",
        f"a\n8_0\n{ROOT}\n",
        f"a\n٨\n{ROOT}\n",
        f"a\n²\n{ROOT}\n",
        f"a\n\n{ROOT}\n",
        f"a\n9223372036854775808\n{ROOT}\n",
        f"a\n{'9' * 5000}\n{ROOT}\n",
        f"\n8\n{ROOT}\n",
        f"a b\n8\n{ROOT}\n",
        f"a\n0\n{ROOT}\n",
        f"a\n8\n{ROOT[:-2]}h=\n",
        f"a\n8\n{ROOT[:-4]}\n",
        "a\n8\n\n",
        f"a\n8\n{ROOT}\r\n",
    ],
)
def test_a_checkpoint_that_to_text_would_not_write_is_refused(text):
    with pytest.raises(NoteError):
        Checkpoint.from_text(text)


def test_a_checkpoint_and_its_text_name_each_other():
    for checkpoint in (Checkpoint("a", 0, EMPTY_ROOT), Checkpoint("a", 2**63 - 1, bytes(32))):
        assert Checkpoint.from_text(checkpoint.to_text()) == checkpoint


def test_a_log_signs_only_under_its_own_name(key, sign):
    with pytest.raises(ValueError, match=re.escape("may not sign")):
        sign_checkpoint(Checkpoint("other.example.com", 1, bytes(32)), key=key, sign=sign)
    foreign = sign_note(Checkpoint("other.example.com", 1, bytes(32)).to_text(), key=key, sign=sign)
    with pytest.raises(NoteError, match="the checkpoint is of"):
        open_checkpoint(foreign, key=key, verify=verify)
