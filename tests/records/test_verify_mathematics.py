"""What the verifier computes by itself: Ed25519 (RFC 8032) and canonical JSON (RFC 8785)."""

from __future__ import annotations

import json

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings, strategies as st
from tree_attacks import CHECKPOINT_ATTACKS, Proved, checkpoints, is_hidden, sound_proofs, spoilt_proofs, vectors

from approval import tlog
from approval.records import verify as verifier
from approval.records.verify import Refused, parse_json, verify_ed25519

# --- Ed25519

RFC_8032 = {
    "test-1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    "test-2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "test-3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
}
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(
    ("key", "message", "signature"), [[*map(bytes.fromhex, case)] for case in RFC_8032.values()], ids=RFC_8032
)
def test_the_signatures_of_rfc_8032_hold_and_no_flipped_bit_does(key, message, signature):
    assert verify_ed25519(key, message, signature)
    assert not verify_ed25519(key, message + b"x", signature)
    for at in range(0, 512, 23):
        spoilt = (int.from_bytes(signature, "little") ^ 1 << at).to_bytes(64, "little")
        assert not verify_ed25519(key, message, spoilt)


def test_a_signature_has_one_encoding_of_s():
    key, message, signature = map(bytes.fromhex, RFC_8032["test-2"])
    s = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    assert not verify_ed25519(key, message, signature[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("change", [b"", b"\0"])
def test_a_signature_has_64_bytes_and_a_key_32(change):
    key, message, signature = map(bytes.fromhex, RFC_8032["test-2"])
    assert not verify_ed25519(key, message, signature[:-1] + change * 2)
    assert not verify_ed25519(key[:-1] + change * 2, message, signature)


def test_points_have_one_encoding():
    p = 2**255 - 19
    for y in (p, p + 1, 2**255 - 1, 1 | 1 << 255, 2):
        with pytest.raises(ValueError, match="not"):
            verifier.decode_point((y % 2**256).to_bytes(32, "little"))


@pytest.mark.parametrize("y", [1, 2**255 - 20, 0])
def test_a_key_of_small_order_signs_nothing(y):
    """With such a key, R = [S]B would sign every message whose challenge is a multiple of its order."""
    key = y.to_bytes(32, "little")
    neutral = (1).to_bytes(32, "little")
    assert not any(verify_ed25519(key, bytes([number]), neutral + bytes(32)) for number in range(16))


@settings(deadline=None, max_examples=15)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0, 511))
def test_it_agrees_with_another_implementation(seed, message, bit):
    secret = Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = secret.public_key().public_bytes_raw(), secret.sign(message)
    assert verify_ed25519(key, message, signature)
    spoilt = (int.from_bytes(signature, "little") ^ 1 << bit).to_bytes(64, "little")
    assert verify_ed25519(key, message, spoilt) == accepts(key, message, spoilt) is False


def accepts(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


# --- the tree


def leads_to_the_root(given: Proved) -> bool:
    """What check_log does with hashes: each is decoded strictly, and an index lies below the size."""
    if not 0 <= given.index < given.size:
        return False
    try:
        leaf, root = (verifier.decode_hash("hash", text.encode()) for text in (given.leaf, given.root))
        proof = (verifier.decode_hash("proof", line.encode()) for line in given.proof)
        verifier.ensure_in_tree(iter([(given.index, leaf)]), given.size, proof, root)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("given", sound_proofs().values(), ids=sound_proofs())
def test_the_published_proofs_hold(given):
    assert leads_to_the_root(given)


@pytest.mark.parametrize("given", spoilt_proofs().values(), ids=spoilt_proofs())
def test_a_published_proof_that_was_spoilt_does_not_hold(given):
    assert not leads_to_the_root(given)


def is_beginning(old: int, size: int, proof: list[bytes], old_root: bytes, root: bytes) -> bool:
    try:
        verifier.ensure_beginning(old, size, proof, old_root, root)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("size", range(2, 18))
def test_every_smaller_tree_is_shown_to_be_the_beginning_and_no_spoilt_proof_is(size):
    leaves = [tlog.leaf_hash(b"record %d" % index) for index in range(size)]
    read = lambda nodes: [tlog.tree_hash(leaves[i << k : i + 1 << k]) for k, i in nodes]  # noqa: E731
    root = tlog.tree_hash(leaves)
    for old in range(1, size):
        proof, old_root = tlog.prove_consistency(old, size, read), tlog.tree_hash(leaves[:old])
        assert is_beginning(old, size, proof, old_root, root)
        for spoilt in ([*proof, root], proof[:-1], [root, *proof], [bytes(32), *proof[1:]]):
            assert not is_beginning(old, size, spoilt, old_root, root)
        assert not is_beginning(old, size, proof, bytes(32), root)
        assert not is_beginning(old, size, proof, old_root, bytes(32))


@pytest.mark.parametrize(("old", "size"), [(0, 0), (0, 2), (2, 2), (3, 2), (-1, 2)])
def test_an_empty_tree_an_equal_one_and_a_larger_one_are_no_beginning(old, size):
    """Rules 2 to 4 of the conformance set: with two equal roots and no proof these would pass unasked."""
    assert not is_beginning(old, size, [], tlog.EMPTY_ROOT, tlog.EMPTY_ROOT)


# --- the beginning of a log, from what an export holds


def beginnings(leaves: list[bytes], included: list[int], size: int) -> dict[int, bytes | None]:
    """The root over each number of entries that verify.py computes from some entries and their proof."""
    read = lambda nodes: [tlog.tree_hash(leaves[i << k : i + 1 << k]) for k, i in nodes]  # noqa: E731
    spans = {old: verifier.complete_subtrees(old) for old in range(1, size)}
    wanted = dict.fromkeys((span for each in spans.values() for span in each), b"")
    proof = iter(tlog.prove_subset(included, size, read))
    entries = iter([(index, leaves[index]) for index in included])
    verifier.ensure_in_tree(entries, size, proof, tlog.tree_hash(leaves[:size]), wanted)
    found = {old: [wanted[span] for span in each] for old, each in spans.items()}
    return {old: verifier.root_of(each) if all(each) else None for old, each in found.items()}


@pytest.mark.parametrize("size", range(2, 11))
def test_the_root_of_every_beginning_is_computed_wherever_the_proof_reaches_and_nowhere_else(size):
    leaves = [tlog.leaf_hash(b"record %d" % index) for index in range(size)]
    for chosen in range(1, 1 << size, 2):
        included = [index for index in range(size) if chosen >> index & 1]
        reached = {old: not is_hidden(old, included, 0, size) for old in range(1, size)}
        expected = {old: tlog.tree_hash(leaves[:old]) if reached[old] else None for old in reached}
        assert beginnings(leaves, included, size) == expected


def test_beginnings_of_odd_sizes_consist_of_the_bits_of_their_size():
    assert verifier.complete_subtrees(13) == [(0, 8), (8, 12), (12, 13)]
    assert len(verifier.complete_subtrees(2**53 - 1)) == 53


# --- notes and checkpoints


@pytest.mark.parametrize("case", vectors("notes")["valid"].values(), ids=vectors("notes")["valid"])
def test_the_published_notes_hold_and_with_another_text_they_do_not(case):
    key = verifier.parse_vkey(case["vkey"])
    verifier.ensure_signed(verifier.parse_note(f"{case['text']}\n{case['line']}".encode()), key)
    with pytest.raises(Refused):
        verifier.ensure_signed(verifier.parse_note(f"x{case['text']}\n{case['line']}".encode()), key)


@pytest.mark.parametrize("vkey", vectors("notes")["refused_vkeys"].values(), ids=vectors("notes")["refused_vkeys"])
def test_the_published_malformed_keys_are_refused(vkey):
    with pytest.raises(Refused):
        verifier.parse_vkey(vkey)


def test_the_published_checkpoints_hold_but_none_of_an_empty_log():
    vkey, notes = checkpoints()
    key = verifier.parse_vkey(vkey)
    for size, data in notes.items():
        note = verifier.parse_note(data.encode())
        verifier.ensure_signed(note, key)
        if size:
            assert verifier.parse_checkpoint(note.text, key.name)[0] == size
        else:
            with pytest.raises(Refused, match="positive"):
                verifier.parse_checkpoint(note.text, key.name)


@pytest.mark.parametrize("attack", CHECKPOINT_ATTACKS.values(), ids=CHECKPOINT_ATTACKS)
def test_a_checkpoint_has_one_form(attack):
    vkey, notes = checkpoints()
    text = notes[8].split("\n\n")[0] + "\n"
    assert attack(text) != text
    with pytest.raises(Refused):
        verifier.parse_checkpoint(attack(text), verifier.parse_vkey(vkey).name)


# --- canonical JSON

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_its_canonical_json_agrees_with_another_implementation(value):
    data = rfc8785.dumps(value)
    assert verifier.canonical(value) == data
    assert parse_json(data) == value


def test_names_sort_by_utf_16_code_units():
    names = ["1", "\U0001f600", "\ufb33"]
    assert sorted(names) != names, "the negative control: code points sort otherwise"
    assert list(json.loads(verifier.canonical(dict.fromkeys(reversed(names))))) == names


REFUSED_JSON = [
    *(
        b"",
        b"1.0",
        b"1e3",
        b"-0",
        b"NaN",
        b"Infinity",
        b"9007199254740992",
        b"1" * 5000,
        b"\xff",
        b"{",
        b"1 2",
    ),
    *(b'{"a":1,"a":1}', b'"\\ud800"', b'["\\uDC00"]', b'"\x01"', b"'a'", b"\xef\xbb\xbf1", b"[" * 100_000),
]


@pytest.mark.parametrize("data", REFUSED_JSON, ids=lambda data: repr(data[:20]))
def test_json_outside_the_format_is_refused(data):
    with pytest.raises(Refused):
        parse_json(data)
