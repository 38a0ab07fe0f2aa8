"""Cosignatures are those of C2SP tlog-cosignature, bit by bit."""

from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approval.audit.models.keys import verify_signature
from approval.tlog import CosignerKey, Note, NoteError, VerifierKey, check_cosignature, cosign, find_cosignature

SECRET = Ed25519PrivateKey.from_private_bytes(sha256(b"skylight test mirror key").digest())
KEY = CosignerKey("mirror.example.org", SECRET.public_key().public_bytes_raw())
TEXT = "rome2026h1.example.org\n300\ngw31yQrqZZCcEOPrzX+bpy3nJ6QgngTKn8G1m0i62uU=\n"
AT = 1767139200
LINE = (
    "— mirror.example.org P7FI7wAAAABpVGeAjA1S4pJm6MbcXjX7UUImu4azZtrfcVW2uyr/"
    "LXIYlwEJzXC0N0EiZkbqfLdXt/4gVEEuGmxJjAfXKMCISpsJAg==\n"
)
"""The vector of Sunlight's test data."""


def test_the_published_vector_comes_out():
    assert KEY.to_text() == "mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O"
    assert CosignerKey.from_text(KEY.to_text()) == KEY
    assert cosign(TEXT, key=KEY, time=AT, sign=SECRET.sign).to_line() == LINE
    assert find_cosignature(TEXT, LINE.encode(), key=KEY, verify=verify_signature) == (LINE, AT)


def test_a_key_of_a_log_is_no_key_of_a_witness():
    """One key for both would let a signature of one kind pass for the other."""
    as_log = VerifierKey(KEY.name, KEY.public_key)
    assert as_log.key_id != KEY.key_id
    for text, wrong in ((as_log.to_text(), CosignerKey), (KEY.to_text(), VerifierKey)):
        with pytest.raises(NoteError, match="unknown type"):
            wrong.from_text(text)


@pytest.mark.parametrize("bit", range(0, 76 * 8, 7))
def test_no_bit_of_it_may_differ(bit):
    """Key id, time and signature are all covered."""
    (signature,) = Note.from_bytes(f"{TEXT}\n{LINE}".encode()).signatures
    whole = bytearray(signature.key_id + signature.value)
    whole[bit // 8] ^= 1 << bit % 8
    changed = type(signature)(signature.name, bytes(whole[:4]), bytes(whole[4:]))
    with pytest.raises(NoteError):
        check_cosignature(TEXT, changed, key=KEY, verify=verify_signature)


def test_it_is_of_one_checkpoint_alone():
    other = TEXT.replace("\n300\n", "\n301\n")
    with pytest.raises(NoteError, match="does not hold"):
        find_cosignature(other, LINE.encode(), key=KEY, verify=verify_signature)


def test_lines_of_others_are_ignored_and_one_of_its_own_is_needed():
    strange = Ed25519PrivateKey.generate()
    stranger = CosignerKey("else.example", strange.public_key().public_bytes_raw())
    theirs = cosign(TEXT, key=stranger, time=AT, sign=strange.sign).to_line()
    assert find_cosignature(TEXT, (theirs + LINE).encode(), key=KEY, verify=verify_signature) == (LINE, AT)
    with pytest.raises(NoteError, match="did not cosign"):
        find_cosignature(TEXT, theirs.encode(), key=KEY, verify=verify_signature)


@pytest.mark.parametrize(
    "answer",
    [b"", b"\n", LINE.encode()[:-1], b"more text\n\n" + LINE.encode(), LINE.encode() * 101, b"\xff\n", b"200 OK\n"],
)
def test_an_answer_that_is_no_signature_lines_is_refused(answer):
    with pytest.raises(NoteError):
        find_cosignature(TEXT, answer, key=KEY, verify=verify_signature)
