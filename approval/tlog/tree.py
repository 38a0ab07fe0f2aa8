"""The Merkle tree of RFC 6962, section 2.1: hashes, roots and proofs.

Every hash of a proof is the hash of a range [first, last) of leaves. Which ranges a proof needs follows from
the numbers alone, so a prover asks for all it needs at once and a checker knows the exact length of a proof
before it hashes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise

Node = tuple[int, int]
"""(level, index): the complete subtree over the leaves index * 2^level to (index + 1) * 2^level."""

Read = Callable[[Sequence[Node]], Sequence[bytes]]
"""Answers the hashes of the nodes asked for, in the same order."""

HASH_SIZE = 32
MAX_SIZE = 2**63 - 1
# RFC 6962, 2.1: the hash of an empty list is the hash of an empty string.
EMPTY_ROOT = sha256().digest()


class ProofError(Exception):
    """The proof does not show what it claims."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry (RFC 6962, 2.1)."""
    # 0x00 here and 0x01 below: a node can never be passed off as a leaf.
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over its two children (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def tree_hash(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over leaf hashes of 32 bytes each, in order; keeps one hash per level in memory."""
    complete: list[bytes] = []
    for index, hash_ in enumerate(leaf_hashes):
        if not _is_hash(hash_):
            raise ValueError(f"leaf hash {index} is not {HASH_SIZE} bytes")
        complete.append(hash_)
        while index & 1:
            right = complete.pop()
            complete.append(node_hash(complete.pop(), right))
            index >>= 1
    return _fold(complete) if complete else EMPTY_ROOT


def complete_hash(hashes: Sequence[bytes]) -> bytes:
    """The root over 2^n leaf hashes, 2^n known to be so: level by level, several times as fast as `tree_hash`."""
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return hashes[0]


def root(size: int, read: Read) -> bytes:
    """The root of the first `size` leaves; ValueError for a bad size."""
    _ensure_size(size)
    return _hashes([(0, size)], read)[0] if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, read: Read) -> list[bytes]:
    """The path that shows leaf `index` in the tree of `size`, leaf side first; ValueError for bad numbers."""
    _ensure_size(size)
    if not _is_count(index) or index >= size:
        raise ValueError(f"there is no leaf {index!r} in a tree of size {size}")
    return _hashes(_inclusion_ranges(index, size), read)


def check_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Ensure that `leaf_hash` stands at `index` in the tree of `size` under `root`; else ProofError."""
    if not _is_count(size) or not _is_count(index) or index >= size:
        raise ProofError(f"there is no leaf {index!r} in a tree of size {size!r}")
    ranges = _inclusion_ranges(index, size)
    _ensure_hashes([leaf_hash, root], proof, len(ranges))
    found = leaf_hash
    for (_, last), sibling in zip(ranges, proof, strict=True):
        found = node_hash(sibling, found) if last <= index else node_hash(found, sibling)
    _ensure_same("root", found, root)


def prove_consistency(size1: int, size2: int, read: Read) -> list[bytes]:
    """The proof that the tree of `size1` is the beginning of the tree of `size2`; ValueError for bad numbers.

    It is empty from the empty tree and between equal sizes.
    """
    _ensure_size(size1)
    _ensure_size(size2)
    if size1 > size2:
        raise ValueError(f"a tree of size {size2} cannot continue one of size {size1}")
    return _hashes(_consistency_ranges(size1, size2), read)


def check_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Ensure that the tree of `size1` begins that of `size2`, under `root1` and `root2`; else ProofError."""
    if not _is_count(size1) or not _is_count(size2) or size1 > size2:
        raise ProofError(f"a tree of size {size2!r} cannot continue one of size {size1!r}")
    ranges = _consistency_ranges(size1, size2)
    _ensure_hashes([root1, root2], proof, len(ranges))
    for size, given in ((size1, root1), (size2, root2)):
        if size == 0:
            _ensure_same("root of the empty tree", EMPTY_ROOT, given)
    if size1 in (0, size2):
        if size1:
            _ensure_same("root", root1, root2)
        return
    # The first range ends where the old tree ends, unless that is one complete subtree: then it is the old root.
    begins_inside = ranges[0][1] == size1
    old = new = proof[0] if begins_inside else root1
    for (_, last), sibling in zip(ranges[begins_inside:], proof[begins_inside:], strict=True):
        if last < size1:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    _ensure_same("old root", old, root1)
    _ensure_same("new root", new, root2)


def prove_subset(indexes: Sequence[int], size: int, read: Read) -> list[bytes]:
    """The proof of many leaves at once: the hashes of the largest subtrees without them, left to right.

    `indexes` ascend strictly (a `range` will do). A contiguous run costs O(log size) hashes however long it is.
    """
    _ensure_size(size)
    if any(not _is_count(index) or index >= size for index in indexes):
        raise ValueError(f"an index lies outside the tree of size {size}")
    if any(left >= right for left, right in pairwise(indexes)):
        raise ValueError("the indexes do not ascend")
    return _hashes(list(_gaps(indexes, 0, size)) if size else [], read)


def check_subset(leaves: Iterable[tuple[int, bytes]], size: int, proof: Iterable[bytes], root: bytes) -> None:
    """Ensure that every (index, leaf hash), ascending, stands in the tree under `root`; else ProofError.

    Reads both iterables once, in order, and keeps one hash per level in memory.
    """
    if not _is_count(size):
        raise ProofError(f"{size!r} is not the size of a tree")
    ahead = _Ahead(leaves)
    hashes = iter(proof)

    def subtree(first: int, last: int) -> bytes:
        if ahead.index is None or ahead.index >= last:
            return _ensured_hash(next(hashes, None))
        if ahead.index < first:
            raise ProofError(f"leaf {ahead.index} is out of order")
        if last - first == 1:
            return ahead.take()
        middle = first + _split(last - first)
        return node_hash(subtree(first, middle), subtree(middle, last))

    found = subtree(0, size) if size else EMPTY_ROOT
    if ahead.index is not None:
        raise ProofError(f"leaf {ahead.index} is out of order or outside the tree of size {size}")
    if next(hashes, None) is not None:
        raise ProofError("the proof holds more hashes than it needs")
    _ensure_same("root", found, _ensured_hash(root))


class _Ahead:
    """The leaves still to come, and the index of the next one."""

    def __init__(self, leaves: Iterable[tuple[int, bytes]]) -> None:
        self._leaves = iter(leaves)
        self.index: int | None
        self._hash: bytes | None
        self._step()

    def _step(self) -> None:
        self.index, self._hash = next(self._leaves, (None, None))

    def take(self) -> bytes:
        hash_ = _ensured_hash(self._hash)
        self._step()
        return hash_


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    # RFC 6962, 2.1.1: PATH(m, D[n]), walked from the root and turned round.
    ranges = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            ranges.append((middle, last))
            last = middle
        else:
            ranges.append((first, middle))
            first = middle
    return ranges[::-1]


def _consistency_ranges(size1: int, size2: int) -> list[tuple[int, int]]:
    # RFC 6962, 2.1.2: SUBPROOF(m, D[n], b); b is true as long as the walk has never gone right.
    if size1 in (0, size2):
        return []
    ranges = []
    first, last = 0, size2
    while last != size1:
        middle = first + _split(last - first)
        if size1 <= middle:
            ranges.append((middle, last))
            last = middle
        else:
            ranges.append((first, middle))
            first = middle
    if first:
        ranges.append((first, last))
    return ranges[::-1]


def _gaps(indexes: Sequence[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    here = bisect_left(indexes, last) - bisect_left(indexes, first)
    if here == 0:
        yield first, last
    elif here < last - first:
        middle = first + _split(last - first)
        yield from _gaps(indexes, first, middle)
        yield from _gaps(indexes, middle, last)


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _complete_subtrees(first: int, last: int) -> Iterator[Node]:
    while first < last:
        level = (last - first).bit_length() - 1
        assert first % (1 << level) == 0, "a range of the tree begins at a multiple of its largest subtree"
        yield level, first >> level
        first += 1 << level


def _hashes(ranges: Sequence[tuple[int, int]], read: Read) -> list[bytes]:
    nodes = [list(_complete_subtrees(*each)) for each in ranges]
    wanted = [node for group in nodes for node in group]
    answered = read(wanted) if wanted else []
    if len(answered) != len(wanted) or not all(map(_is_hash, answered)):
        raise ValueError(f"read was asked for {len(wanted)} hashes and did not answer just these")
    hashes = iter(answered)
    return [_fold([next(hashes) for _ in group]) for group in nodes]


def _fold(complete: Sequence[bytes]) -> bytes:
    found = complete[-1]
    for left in reversed(complete[:-1]):
        found = node_hash(left, found)
    return found


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_SIZE


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SIZE


def _ensure_size(size: int) -> None:
    if not _is_count(size):
        raise ValueError(f"{size!r} is not the size of a tree")


def _ensured_hash(value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) != HASH_SIZE:
        raise ProofError(f"a hash is missing or is not {HASH_SIZE} bytes")
    return value


def _ensure_hashes(given: Sequence[bytes], proof: Sequence[bytes], length: int) -> None:
    if len(proof) != length:
        raise ProofError(f"the proof has {len(proof)} hashes instead of {length}")
    for value in (*given, *proof):
        _ensured_hash(value)


def _ensure_same(what: str, found: bytes, given: bytes) -> None:
    if found != given:
        raise ProofError(f"the {what} is {found.hex()}, not {given.hex()}")
