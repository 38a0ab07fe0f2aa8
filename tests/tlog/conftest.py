"""Trees for the tests, computed the slow way."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from approval.tlog import Node

VECTORS = Path(__file__).parent / "vectors"


class Oracle:
    """The recursive definition of RFC 6962, 2.1, over the leaf data `record 0`, `record 1` …"""

    def __init__(self) -> None:
        self.leaf = cache(lambda index: sha256(b"\x00record %d" % index).digest())
        self.range_hash = cache(self._range_hash)

    def _range_hash(self, first: int, last: int) -> bytes:
        if last - first <= 1:
            return self.leaf(first) if last > first else sha256().digest()
        middle = first + max(2**power for power in range(40) if 2**power < last - first)
        return sha256(b"\x01" + self.range_hash(first, middle) + self.range_hash(middle, last)).digest()

    def root(self, size: int) -> bytes:
        return self.range_hash(0, size)

    def reader(self, size: int) -> Callable[[Sequence[Node]], list[bytes]]:
        """A Read that holds its callers to the contract: one call, complete subtrees, none of them twice."""
        calls: list[Sequence[Node]] = []

        def read(nodes: Sequence[Node]) -> list[bytes]:
            calls.append(nodes)
            assert len(calls) == 1, "a prover asks once"
            assert len(set(nodes)) == len(nodes), "a prover asks for nothing twice"
            assert all(index + 1 << level <= size for level, index in nodes), "the subtree is not complete"
            return [self.range_hash(index << level, index + 1 << level) for level, index in nodes]

        return read


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    return cache(lambda name: json.loads((VECTORS / f"{name}.json").read_text("utf-8")))
