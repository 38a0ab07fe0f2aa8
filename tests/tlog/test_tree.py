"""The tree of RFC 6962: published vectors, every small size, and every way to spoil a proof by name."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest
from hypothesis import given, settings, strategies as st

from approval.tlog import (
    EMPTY_ROOT,
    ProofError,
    check_consistency,
    check_inclusion,
    check_subset,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    prove_subset,
    root,
    tree_hash,
)

SIZES = range(65)
RECORDS_ROOTS = {
    1: "3b367d6db7bc51726d918b18e9a79e0fce53f867fbe38671f609e6bb59d46035",
    2: "5c34a11205877ecf2c4f28e25495d08301b33dbfb862419f7946fa6fdf8124ef",
    255: "12d20e0393b2b10464b55a5269dd066f0b836ea9512a34f13e3ad5c72575f43b",
    256: "dc9349f9787ed0086da6d97f679c51a5198f98e456e95b1d87fa3abc012fec31",
    257: "7bc95338d9eb756fddd6fcde386a6cd7692116c13bf5abef15dfb7e5358e68ae",
    300: "830df5c90aea65909c10e3ebcd7f9ba72de727a4209e04ca9fc1b59b48badae5",
}


# --- published values


def test_single_hashes_are_those_of_the_reference_implementations():
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    assert base64.b64encode(leaf_hash(b"hello world")) == b"TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0="


def test_the_empty_tree_has_the_root_of_rfc_6962():
    assert tree_hash([]) == root(0, lambda nodes: []) == EMPTY_ROOT == sha256(b"").digest()


def test_a_leaf_is_never_taken_for_a_node():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_the_reference_tree_has_the_published_roots(vectors):
    tree = vectors("trees")
    leaves = [leaf_hash(bytes.fromhex(data)) for data in tree["leaves"]]
    assert [tree_hash(leaves[:size]).hex() for size in range(9)] == tree["roots"]
    assert [leaf.hex() for leaf in leaves] == [tree["nodes"][f"0/{index}"] for index in range(8)]


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_reference_proofs_are_written_and_accepted(vectors, kind):
    tree = vectors("trees")
    nodes = {name: bytes.fromhex(value) for name, value in tree["nodes"].items()}
    nodes["3/0"] = bytes.fromhex(tree["roots"][8])
    roots = [bytes.fromhex(value) for value in tree["roots"]]

    def read(wanted):
        return [nodes[f"{level}/{index}"] for level, index in wanted]

    for case in tree[kind]:
        proof = [nodes[name] for name in case["proof"]]
        if kind == "inclusion":
            index, size = case["index"], case["size"]
            assert prove_inclusion(index, size, read) == proof
            check_inclusion(index, size, nodes[f"0/{index}"], proof, roots[size])
        else:
            size1, size2 = case["size1"], case["size2"]
            assert prove_consistency(size1, size2, read) == proof
            check_consistency(size1, size2, proof, roots[size1], roots[size2])


@pytest.mark.parametrize(("size", "expected"), RECORDS_ROOTS.items())
def test_the_tree_of_records_has_the_published_roots(oracle, size, expected):
    assert tree_hash(map(oracle.leaf, range(size))).hex() == root(size, oracle.reader(size)).hex() == expected


def test_roots_up_to_ten_thousand_leaves_are_what_they_were(oracle):
    digest = sha256()
    for size in range(0, 10_000, 7):
        digest.update(root(size, oracle.reader(size)))
    assert digest.hexdigest() == "154118755c84fa640508b80e949cff658430f1b1886fa8a2dea99bd75f685152"


# --- every small size


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_of_every_small_tree_is_proved(oracle, size):
    assert tree_hash(map(oracle.leaf, range(size))) == root(size, oracle.reader(size)) == oracle.root(size)
    for index in range(size):
        proof = prove_inclusion(index, size, oracle.reader(size))
        check_inclusion(index, size, oracle.leaf(index), proof, oracle.root(size))


@pytest.mark.parametrize("size", SIZES)
def test_every_small_tree_continues_every_smaller_one(oracle, size):
    for before in range(size + 1):
        proof = prove_consistency(before, size, oracle.reader(size))
        check_consistency(before, size, proof, oracle.root(before), oracle.root(size))


@pytest.mark.parametrize("size", SIZES)
def test_every_flipped_hash_of_a_proof_is_refused(oracle, size):
    bit = random.Random(size)
    for index in range(size):
        proof = prove_inclusion(index, size, oracle.reader(size))
        for spoilt in flips([oracle.leaf(index), oracle.root(size), *proof], bit):
            with pytest.raises(ProofError):
                check_inclusion(index, size, spoilt[0], spoilt[2:], spoilt[1])
    for before in range(1, size + 1):
        proof = prove_consistency(before, size, oracle.reader(size))
        for spoilt in flips([oracle.root(before), oracle.root(size), *proof], bit):
            with pytest.raises(ProofError):
                check_consistency(before, size, spoilt[2:], spoilt[0], spoilt[1])


def flips(hashes: list[bytes], bit: random.Random) -> Iterator[list[bytes]]:
    for at, each in enumerate(hashes):
        flipped = (int.from_bytes(each, "big") ^ 1 << bit.randrange(256)).to_bytes(32, "big")
        yield [*hashes[:at], flipped, *hashes[at + 1 :]]


# --- attacks by name: the conformance set, regenerated: (index, size, leaf, proof, root) -> the same, spoilt

X = b"\x55" * 32
ATTACKS: dict[str, Callable[..., tuple]] = {
    "wrong-index-before": lambda i, n, leaf, p, r: (i - 1, n, leaf, p, r),
    "wrong-index-after": lambda i, n, leaf, p, r: (i + 1, n, leaf, p, r),
    "negative-index": lambda i, n, leaf, p, r: (-1, n, leaf, p, r),
    "index-of-another-half": lambda i, n, leaf, p, r: (i ^ 2, n, leaf, p, r),
    "index-is-the-size": lambda i, n, leaf, p, r: (n, n, leaf, p, r),
    "size-zero": lambda i, n, leaf, p, r: (0, 0, leaf, p, r),
    "size-doubled": lambda i, n, leaf, p, r: (i, n * 2, leaf, p, r),
    "size-halved": lambda i, n, leaf, p, r: (i, n // 2, leaf, p, r),
    "size-beyond-63-bits": lambda i, n, leaf, p, r: (i, 2**63, leaf, p, r),
    "wrong-leaf": lambda i, n, leaf, p, r: (i, n, X, p, r),
    "empty-leaf": lambda i, n, leaf, p, r: (i, n, b"", p, r),
    "wrong-root": lambda i, n, leaf, p, r: (i, n, leaf, p, X),
    "empty-root": lambda i, n, leaf, p, r: (i, n, leaf, p, b""),
    "root-of-the-empty-tree": lambda i, n, leaf, p, r: (i, n, leaf, p, EMPTY_ROOT),
    "leaf-and-root-swapped": lambda i, n, leaf, p, r: (i, n, r, p, leaf),
    "no-proof": lambda i, n, leaf, p, r: (i, n, leaf, [], r),
    "leaf-in-place-of-proof": lambda i, n, leaf, p, r: (i, n, leaf, [leaf], r),
    "root-in-place-of-proof": lambda i, n, leaf, p, r: (i, n, leaf, [r], r),
    "trailing-garbage": lambda i, n, leaf, p, r: (i, n, leaf, [*p, X], r),
    "trailing-empty-hash": lambda i, n, leaf, p, r: (i, n, leaf, [*p, b""], r),
    "trailing-root": lambda i, n, leaf, p, r: (i, n, leaf, [*p, r], r),
    "preceding-garbage": lambda i, n, leaf, p, r: (i, n, leaf, [X, *p], r),
    "preceding-leaf": lambda i, n, leaf, p, r: (i, n, leaf, [leaf, *p], r),
    "garbage-in-the-middle": lambda i, n, leaf, p, r: (i, n, leaf, [*p[:1], X, *p[1:]], r),
    "last-hash-removed": lambda i, n, leaf, p, r: (i, n, leaf, p[:-1], r),
    "first-hash-removed": lambda i, n, leaf, p, r: (i, n, leaf, p[1:], r),
    "hashes-swapped": lambda i, n, leaf, p, r: (i, n, leaf, [p[1], p[0], *p[2:]], r),
    "first-hash-emptied": lambda i, n, leaf, p, r: (i, n, leaf, [b"", *p[1:]], r),
    "hash-cut-short": lambda i, n, leaf, p, r: (i, n, leaf, [p[0][:31], *p[1:]], r),
    "hash-too-long": lambda i, n, leaf, p, r: (i, n, leaf, [p[0] + b"\0", *p[1:]], r),
    "two-hashes-joined": lambda i, n, leaf, p, r: (i, n, leaf, [p[0] + p[1], *p[2:]], r),
    "hash-is-a-text": lambda i, n, leaf, p, r: (i, n, leaf, ["x" * 32, *p[1:]], r),
    "index-is-no-number": lambda i, n, leaf, p, r: ("0", n, leaf, p, r),
    "size-is-no-number": lambda i, n, leaf, p, r: (i, None, leaf, p, r),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize(("index", "size"), [(0, 8), (5, 8), (1, 5), (0, 7), (3, 64), (4, 6)])
def test_a_spoilt_inclusion_proof_is_refused(oracle, attack, index, size):
    sound = (
        index,
        size,
        oracle.leaf(index),
        prove_inclusion(index, size, oracle.reader(size)),
        oracle.root(size),
    )
    check_inclusion(*sound)
    with pytest.raises(ProofError):
        check_inclusion(*attack(*sound))


GROWTH_ATTACKS: dict[str, Callable[..., tuple]] = {
    "old-size-before": lambda m, n, p, a, b: (m - 1, n, p, a, b),
    "old-size-after": lambda m, n, p, a, b: (m + 1, n, p, a, b),
    "old-size-zero": lambda m, n, p, a, b: (0, n, p, a, b),
    "old-size-zero-without-proof": lambda m, n, p, a, b: (0, n, [], a, b),
    "negative-size": lambda m, n, p, a, b: (-m, n, p, a, b),
    "sizes-swapped": lambda m, n, p, a, b: (n, m, p, b, a),
    "new-size-doubled": lambda m, n, p, a, b: (m, n * 2, p, a, b),
    "new-size-halved": lambda m, n, p, a, b: (m, n // 2, p, a, b),
    "equal-sizes": lambda m, n, p, a, b: (n, n, p, b, b),
    "equal-sizes-other-root": lambda m, n, p, a, b: (n, n, [], a, b),
    "wrong-old-root": lambda m, n, p, a, b: (m, n, p, X, b),
    "wrong-new-root": lambda m, n, p, a, b: (m, n, p, a, X),
    "empty-roots": lambda m, n, p, a, b: (m, n, p, b"", b""),
    "roots-swapped": lambda m, n, p, a, b: (m, n, p, b, a),
    "old-root-twice": lambda m, n, p, a, b: (m, n, p, a, a),
    "no-proof": lambda m, n, p, a, b: (m, n, [], a, b),
    "trailing-garbage": lambda m, n, p, a, b: (m, n, [*p, X], a, b),
    "trailing-old-root": lambda m, n, p, a, b: (m, n, [*p, a], a, b),
    "preceding-garbage": lambda m, n, p, a, b: (m, n, [X, *p], a, b),
    "preceding-old-root": lambda m, n, p, a, b: (m, n, [a, *p], a, b),
    "last-hash-removed": lambda m, n, p, a, b: (m, n, p[:-1], a, b),
    "first-hash-removed": lambda m, n, p, a, b: (m, n, p[1:], a, b),
    "first-hash-emptied": lambda m, n, p, a, b: (m, n, [b"", *p[1:]], a, b),
    "hashes-swapped": lambda m, n, p, a, b: (m, n, [p[1], p[0], *p[2:]], a, b),
    "hash-too-long": lambda m, n, p, a, b: (m, n, [p[0] + b"\0", *p[1:]], a, b),
    "size-is-no-number": lambda m, n, p, a, b: (m, "8", p, a, b),
    "size-is-a-truth-value": lambda m, n, p, a, b: (True, n, p, a, b),
}


@pytest.mark.parametrize("attack", GROWTH_ATTACKS.values(), ids=GROWTH_ATTACKS)
@pytest.mark.parametrize(("size1", "size2"), [(2, 8), (6, 8), (2, 5), (6, 7), (3, 7), (4, 64), (63, 65)])
def test_a_spoilt_consistency_proof_is_refused(oracle, attack, size1, size2):
    proof = prove_consistency(size1, size2, oracle.reader(size2))
    sound = (size1, size2, proof, oracle.root(size1), oracle.root(size2))
    check_consistency(*sound)
    with pytest.raises(ProofError):
        check_consistency(*attack(*sound))


@pytest.mark.parametrize(
    ("size1", "size2", "proof", "root1", "root2"),
    [
        pytest.param(0, 0, [], X, X, id="two-equal-wrong-empty-roots"),
        pytest.param(0, 0, [], b"", b"", id="two-missing-roots"),
        pytest.param(0, 0, [X], EMPTY_ROOT, EMPTY_ROOT, id="proof-from-nothing-to-nothing"),
        pytest.param(0, 1, [], X, X, id="any-old-root-before-the-first-leaf"),
        pytest.param(0, 1, [X], EMPTY_ROOT, X, id="proof-from-nothing"),
        pytest.param(1, 1, [], X, EMPTY_ROOT, id="equal-sizes-other-roots"),
        pytest.param(1, 1, [X], X, X, id="equal-sizes-with-a-proof"),
        pytest.param(1, 1, [], b"", b"", id="equal-sizes-missing-roots"),
    ],
)
def test_the_edges_of_consistency_are_strict(size1, size2, proof, root1, root2):
    with pytest.raises(ProofError):
        check_consistency(size1, size2, proof, root1, root2)


def test_nothing_is_the_beginning_of_everything():
    check_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    check_consistency(0, 5, [], EMPTY_ROOT, X)


def plain_check(index: int, size: int, leaf: bytes, proof: list[bytes], expected: bytes) -> bool:
    """RFC 9162, 2.1.3.2, word by word, without a look at the lengths of the hashes."""
    if index >= size:
        return False
    fn, sn, found = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            found = node_hash(sibling, found)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and found == expected


def test_an_empty_root_does_not_match_an_empty_leaf_hash():
    assert plain_check(0, 1, b"", [], b""), "the negative control: the plain algorithm accepts it"
    with pytest.raises(ProofError):
        check_inclusion(0, 1, b"", [], b"")


@pytest.mark.parametrize("size", range(1, 33))
def test_the_plain_algorithm_of_the_rfc_agrees_on_sound_proofs(oracle, size):
    for index in range(size):
        proof = prove_inclusion(index, size, oracle.reader(size))
        assert plain_check(index, size, oracle.leaf(index), proof, oracle.root(size))


# --- many leaves at once


@pytest.mark.parametrize("size", range(9))
def test_every_subset_of_every_small_tree_is_proved(oracle, size):
    for chosen in range(1 << size):
        indexes = [index for index in range(size) if chosen >> index & 1]
        proof = prove_subset(indexes, size, oracle.reader(size))
        leaves = [(index, oracle.leaf(index)) for index in indexes]
        check_subset(leaves, size, proof, oracle.root(size))
        for at in range(len(leaves)):
            with pytest.raises(ProofError):
                check_subset(leaves[:at] + leaves[at + 1 :], size, proof, oracle.root(size))
        for spoilt in ([*proof, X], proof[:-1], [X, *proof], [b"", *proof[1:]], [*proof[::-1], X]):
            if spoilt != proof:
                with pytest.raises(ProofError):
                    check_subset(leaves, size, spoilt, oracle.root(size))


def test_a_run_of_leaves_costs_few_hashes(oracle):
    proof = prove_subset(range(1_000, 9_000), 10_000, oracle.reader(10_000))
    assert len(proof) <= 2 * 14
    check_subset(((index, oracle.leaf(index)) for index in range(1_000, 9_000)), 10_000, proof, oracle.root(10_000))


@pytest.mark.parametrize(
    "leaves",
    [
        pytest.param([(1, 1), (0, 0)], id="out-of-order"),
        pytest.param([(0, 0), (0, 0)], id="twice"),
        pytest.param([(0, 0), (8, 8)], id="outside"),
        pytest.param([(-1, 0)], id="negative"),
        pytest.param([(0, 1), (1, 0)], id="exchanged"),
    ],
)
def test_leaves_in_the_wrong_place_are_refused(oracle, leaves):
    proof = prove_subset([0, 1], 8, oracle.reader(8))
    with pytest.raises(ProofError):
        check_subset([(index, oracle.leaf(leaf)) for index, leaf in leaves], 8, proof, oracle.root(8))


# --- bad arguments


@pytest.mark.parametrize("size", [-1, 2**63, "8", None, 1.0, True])
def test_a_size_that_is_none_is_a_bad_argument(oracle, size):
    for call in (
        lambda: root(size, list),
        lambda: prove_inclusion(0, size, list),
        lambda: prove_subset([], size, list),
    ):
        with pytest.raises(ValueError, match="is not the size of a tree"):
            call()


def test_what_a_tree_does_not_hold_cannot_be_proved():
    for call in (
        lambda: prove_inclusion(8, 8, list),
        lambda: prove_inclusion(-1, 8, list),
        lambda: prove_consistency(9, 8, list),
        lambda: prove_subset([8], 8, list),
        lambda: prove_subset([1, 1], 8, list),
        lambda: tree_hash([b"short"]),
    ):
        with pytest.raises(ValueError):
            call()


@pytest.mark.parametrize("answer", [[], [b"short"] * 3, [X] * 2, [X] * 4])
def test_a_store_that_answers_something_else_is_noticed(answer):
    with pytest.raises(ValueError, match="read was asked for 3 hashes"):
        prove_inclusion(0, 8, lambda nodes: answer)


# --- properties

numbers = st.integers(1, 3_000)


@settings(deadline=None, max_examples=60)
@given(numbers, numbers, st.data())
def test_proofs_hold_between_any_two_sizes(oracle, one, other, data):
    size1, size2 = sorted((one, other))
    index = data.draw(st.integers(0, size1 - 1))
    for size in (size1, size2):
        proof = prove_inclusion(index, size, oracle.reader(size))
        check_inclusion(index, size, oracle.leaf(index), proof, oracle.root(size))
    proof = prove_consistency(size1, size2, oracle.reader(size2))
    check_consistency(size1, size2, proof, oracle.root(size1), oracle.root(size2))


@settings(deadline=None, max_examples=60)
@given(numbers, st.sets(st.integers(0, 2_999), max_size=40))
def test_any_subset_is_proved(oracle, size, chosen):
    indexes = sorted(index for index in chosen if index < size)
    proof = prove_subset(indexes, size, oracle.reader(size))
    check_subset([(index, oracle.leaf(index)) for index in indexes], size, proof, oracle.root(size))


@settings(deadline=None, max_examples=200)
@given(st.integers(), st.integers(), st.lists(st.binary(max_size=33), max_size=5), st.binary(max_size=33))
def test_arbitrary_proofs_are_refused_and_nothing_else_is_raised(index, size, proof, leaf):
    for call in (
        lambda: check_inclusion(index, size, leaf, proof, X),
        lambda: check_consistency(index, size, proof, leaf or X, X[:31] + b"!"),
        lambda: check_subset([(index, leaf)], size, proof, X),
    ):
        with pytest.raises(ProofError):
            call()
