"""A proof file proves one entry under one key; every second form of it is refused."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from approval.tlog import (
    Checkpoint,
    EntryProof,
    ProofError,
    VerifierKey,
    check_entry,
    prove_inclusion,
    sign_checkpoint,
)

SIZE = 7
SECRET = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
KEY = VerifierKey("audit.example.com/log1", SECRET.public_key().public_bytes_raw())
# The reference tree of RFC 6962's tools: eight leaves, of which this tree holds seven.
LEAVES = [bytes.fromhex(leaf) for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
ROOT = bytes.fromhex("ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c")
PATH_OF_0 = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e",
)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


NOTE = sign_checkpoint(Checkpoint(KEY.name, SIZE, ROOT), key=KEY, sign=SECRET.sign)
PROOF = EntryProof(0, tuple(map(bytes.fromhex, PATH_OF_0)), NOTE)


def test_the_published_path_leads_the_first_leaf_to_the_signed_root():
    assert check_entry(PROOF, LEAVES[0], key=KEY, verify=verify) == Checkpoint(KEY.name, SIZE, ROOT)


def test_a_proof_file_reads_as_the_specification_writes_it():
    lines = PROOF.to_bytes().decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 0"]
    assert lines[2:5] == [base64.b64encode(bytes.fromhex(hash_)).decode() for hash_ in PATH_OF_0]
    assert lines[5:7] == ["", "audit.example.com/log1"]
    assert EntryProof.from_bytes(PROOF.to_bytes()) == PROOF


def test_extra_is_carried_and_not_believed():
    told = replace(PROOF, extra=b"a hint")
    assert EntryProof.from_bytes(told.to_bytes()) == told
    check_entry(told, LEAVES[0], key=KEY, verify=verify)


def test_every_entry_of_a_larger_tree_is_proved(oracle):
    size = 300
    note = sign_checkpoint(Checkpoint(KEY.name, size, oracle.root(size)), key=KEY, sign=SECRET.sign)
    for index in (0, 1, 128, 255, 256, 299):
        proof = EntryProof(index, tuple(prove_inclusion(index, size, oracle.reader(size))), note)
        check_entry(EntryProof.from_bytes(proof.to_bytes()), b"record %d" % index, key=KEY, verify=verify)
        with pytest.raises(ProofError):
            check_entry(proof, b"record %d" % (index + 1), key=KEY, verify=verify)


def test_every_flipped_bit_is_refused():
    whole = PROOF.to_bytes()
    for at in range(len(whole)):
        for bit in range(8):
            spoilt = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
            with pytest.raises(ProofError):
                check_entry(EntryProof.from_bytes(spoilt), LEAVES[0], key=KEY, verify=verify)


def test_another_key_or_another_name_is_refused():
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for key in (VerifierKey(KEY.name, other), VerifierKey("audit.example.com/log2", KEY.public_key)):
        with pytest.raises(ProofError, match="no known key"):
            check_entry(PROOF, LEAVES[0], key=key, verify=verify)


TEXT = PROOF.to_bytes().decode()
REFUSED = {
    "nothing": "",
    "another version": TEXT.replace("@v1", "@v2"),
    "no index": TEXT.replace("index 0\n", ""),
    "no lines": "c2sp.org/tlog-proof@v1\n\n" + NOTE.decode(),
    "a negative index": TEXT.replace("index 0", "index -1"),
    "a signed index": TEXT.replace("index 0", "index +0"),
    "leading zeros": TEXT.replace("index 0", "index 00"),
    "digits of another script": TEXT.replace("index 0", "index ٠"),
    "an underscore": TEXT.replace("index 0", "index 1_0"),
    "an index without end": TEXT.replace("index 0", f"index {'9' * 5000}"),
    "an index that no tree has": TEXT.replace("index 0", "index 9223372036854775807"),
    "a short hash": TEXT.replace("index 0\n", f"index 0\n{base64.b64encode(bytes(31)).decode()}\n"),
    "a hash that is no base64": TEXT.replace("index 0\n", "index 0\n????\n"),
    "extra that is no base64": TEXT.replace("index 0\n", "extra ????\nindex 0\n"),
    "extra twice": TEXT.replace("index 0\n", "extra AAAA\nextra AAAA\nindex 0\n"),
    "a line without end": TEXT.replace("index 0\n", f"extra {'A' * 70_000}\nindex 0\n"),
    "a path without end": TEXT.replace("index 0\n", "index 0\n" + f"{base64.b64encode(bytes(32)).decode()}\n" * 64),
    "carriage returns": TEXT.replace("\n", "\r\n"),
    "a megabyte": TEXT + "A" * 1_000_000,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_proof_that_to_bytes_would_not_write_is_refused(text):
    with pytest.raises(ProofError):
        EntryProof.from_bytes(text.encode())


@pytest.mark.parametrize("path", [PROOF.path[:-1], (*PROOF.path, bytes(32)), PROOF.path[::-1], ()])
def test_a_path_that_leads_elsewhere_is_refused(path):
    with pytest.raises(ProofError):
        check_entry(replace(PROOF, path=path), LEAVES[0], key=KEY, verify=verify)
