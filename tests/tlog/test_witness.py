"""A witness answers every row of the table of C2SP tlog-witness."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approval.audit.models.keys import verify_signature
from approval.tlog import (
    Checkpoint,
    NoteError,
    Submission,
    VerifierKey,
    WitnessRefused,
    ensure_extends,
    leaf_hash,
    prove_consistency,
    root,
    sign_checkpoint,
    sign_note,
    submitted,
    tile_reader,
)

SECRET = Ed25519PrivateKey.generate()
KEY = VerifierKey("log.example/one", SECRET.public_key().public_bytes_raw())
KNOWN = {KEY.name: [KEY]}


def tree(size: int, mark: bytes = b"leaf"):
    leaves = [leaf_hash(mark + b"%d" % index) for index in range(size)]
    return tile_reader(lambda level, first, last: leaves[first:last])


def head(size: int, mark: bytes = b"leaf") -> Checkpoint:
    return Checkpoint(KEY.name, size, root(size, tree(size, mark)))


def note(size: int, mark: bytes = b"leaf", key: VerifierKey = KEY, secret=SECRET) -> bytes:
    return sign_checkpoint(head(size, mark), key=key, sign=secret.sign)


def submission(old: int, size: int, mark: bytes = b"leaf") -> Submission:
    return Submission(old, tuple(prove_consistency(old, size, tree(size, mark))), note(size, mark))


def judged(given: Submission, held: Checkpoint | None) -> None:
    new = submitted(Submission.from_bytes(given.to_bytes()), keys=KNOWN, verify=verify_signature)
    ensure_extends(given, new, held)


@pytest.mark.parametrize(("old", "size"), [(0, 0), (0, 1), (0, 100), (1, 2), (64, 100), (99, 100), (100, 100)])
def test_what_extends_is_cosigned(old, size):
    judged(submission(old, size), head(old) if old else None)


def refused(status: int, given: Submission, held: Checkpoint | None) -> WitnessRefused:
    with pytest.raises(WitnessRefused) as found:
        judged(given, held)
    assert found.value.status == status
    return found.value


def test_an_old_size_beyond_the_checkpoint_is_a_bad_request():
    refused(400, Submission(9, (), note(8)), head(9))


def test_a_log_that_is_not_known_is_not_found():
    other = VerifierKey("log.example/two", KEY.public_key)
    text = sign_note(head(3).to_text().replace(KEY.name, other.name), key=other, sign=SECRET.sign)
    refused(404, Submission(0, (), text), None)


def test_a_checkpoint_that_the_log_did_not_sign_is_forbidden():
    stranger = Ed25519PrivateKey.generate()
    theirs = VerifierKey(KEY.name, stranger.public_key().public_bytes_raw())
    refused(403, Submission(0, (), note(3, key=theirs, secret=stranger)), None)
    refused(403, Submission(0, (), note(3, secret=stranger)), None)


def test_both_keys_of_a_log_that_changes_them_are_trusted():
    secret = Ed25519PrivateKey.generate()
    new = VerifierKey(KEY.name, secret.public_key().public_bytes_raw())
    given = Submission(0, (), note(3, key=new, secret=secret))
    assert submitted(given, keys={KEY.name: [KEY, new]}, verify=verify_signature) == head(3)
    with pytest.raises(WitnessRefused):
        submitted(given, keys=KNOWN, verify=verify_signature)


@pytest.mark.parametrize(("old", "held"), [(0, 5), (4, 5), (6, 5), (5, 0)])
def test_another_old_size_is_a_conflict_that_tells_the_size(old, held):
    assert refused(409, submission(old, 8), head(held) if held else None).size == held


def test_what_does_not_extend_is_unprocessable():
    refused(422, submission(5, 8, b"other"), head(5))
    refused(422, Submission(8, (), note(8, b"other")), head(8))
    refused(422, Submission(5, (), note(8)), head(5))
    refused(422, Submission(0, (bytes(32),), note(8)), None)


def test_the_empty_tree_has_one_root():
    text = f"{KEY.name}\n0\n{'A' * 43}=\n"
    refused(422, Submission(0, (), sign_note(text, key=KEY, sign=SECRET.sign)), None)


def test_a_submission_has_one_form():
    good = submission(5, 8).to_bytes()
    assert Submission.from_bytes(good) == submission(5, 8)
    for wrong in (
        good.replace(b"old 5", b"old 05"),
        good.replace(b"old 5", b"old +5"),
        good.replace(b"old 5", b"OLD 5"),
        good.replace(b"old 5", b"old 5\r"),
        good.replace(b"old 5\n", b"old 5\nAAAA\n"),
        good.replace(b"old 5\n", b"old 5\n" + b"\n".join([b"A" * 43 + b"="] * 64) + b"\n"),
        good.replace(b"\n\n", b"\n"),
        b"",
        b"old 0\n\n" + b"x" * 200_000,
    ):
        with pytest.raises((NoteError, WitnessRefused)):
            submitted(Submission.from_bytes(wrong), keys=KNOWN, verify=verify_signature)
