"""Proofs and checkpoints of the reference tree, sound and spoilt by name: one table for both verifiers.

An inclusion proof is the proof of an export that holds one entry: the same hashes, from left to right. An export has
no consistency proof; what is left of those rules is that a log has a positive size and every hash 32 bytes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent / "tlog" / "vectors"
EMPTY_ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
X = base64.b64encode(b"\x55" * 32).decode()


@dataclass(frozen=True)
class Proved:
    """One leaf hash at an index, the lines of the proof, the root: hashes in base64."""

    index: int
    size: int
    leaf: str
    proof: list[str]
    root: str


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


def text_of(hash_: bytes) -> str:
    return base64.b64encode(hash_).decode()


ATTACKS: dict[str, Callable[[Proved], Proved]] = {
    "index-before": lambda p: replace(p, index=p.index - 1),
    "index-after": lambda p: replace(p, index=p.index + 1),
    "index-is-the-size": lambda p: replace(p, index=p.size),
    "index-of-another-half": lambda p: replace(p, index=p.index ^ 2),
    "size-doubled": lambda p: replace(p, size=p.size * 2),
    "size-halved": lambda p: replace(p, size=p.size // 2),
    "size-of-one": lambda p: replace(p, size=1, index=0),
    "wrong-leaf": lambda p: replace(p, leaf=X),
    "empty-leaf": lambda p: replace(p, leaf=""),
    "wrong-root": lambda p: replace(p, root=X),
    "empty-root": lambda p: replace(p, root=""),
    "empty-leaf-and-root": lambda p: replace(p, size=1, index=0, leaf="", proof=[], root=""),
    "root-of-the-empty-tree": lambda p: replace(p, root=EMPTY_ROOT),
    "leaf-and-root-exchanged": lambda p: replace(p, leaf=p.root, root=p.leaf),
    "no-proof": lambda p: replace(p, proof=[]),
    "leaf-for-proof": lambda p: replace(p, proof=[p.leaf]),
    "root-for-proof": lambda p: replace(p, proof=[p.root]),
    "trailing-garbage": lambda p: replace(p, proof=[*p.proof, X]),
    "trailing-empty-line": lambda p: replace(p, proof=[*p.proof, ""]),
    "trailing-root": lambda p: replace(p, proof=[*p.proof, p.root]),
    "preceding-garbage": lambda p: replace(p, proof=[X, *p.proof]),
    "preceding-leaf": lambda p: replace(p, proof=[p.leaf, *p.proof]),
    "garbage-in-the-middle": lambda p: replace(p, proof=[p.proof[0], X, *p.proof[1:]]),
    "last-line-removed": lambda p: replace(p, proof=p.proof[:-1]),
    "first-line-removed": lambda p: replace(p, proof=p.proof[1:]),
    "first-line-emptied": lambda p: replace(p, proof=["", *p.proof[1:]]),
    "hash-cut-short": lambda p: replace(p, proof=[text_of(base64.b64decode(p.proof[0])[:31]), *p.proof[1:]]),
    "hash-too-long": lambda p: replace(p, proof=[text_of(base64.b64decode(p.proof[0]) + b"\0"), *p.proof[1:]]),
    "two-lines-in-one": lambda p: replace(p, proof=[p.proof[0] + p.proof[-1], *p.proof[2:]]),
    "lines-reversed": lambda p: replace(p, proof=[*p.proof[::-1], *([X] if p.proof == p.proof[::-1] else [])]),
    "hash-in-hex": lambda p: replace(p, proof=[base64.b64decode(p.proof[0]).hex(), *p.proof[1:]]),
    "base64-without-padding": lambda p: replace(p, proof=[p.proof[0].rstrip("="), *p.proof[1:]]),
    "base64-with-a-space": lambda p: replace(p, proof=[p.proof[0] + " ", *p.proof[1:]]),
}


def sound_proofs() -> dict[str, Proved]:
    tree = vectors("trees")
    hashes = {name: text_of(bytes.fromhex(value)) for name, value in tree["nodes"].items()}
    return {
        f"{case['index']} in {case['size']}": Proved(
            case["index"],
            case["size"],
            hashes[f"0/{case['index']}"],
            [hashes[name] for name in from_left(case["proof"], case["index"])],
            text_of(bytes.fromhex(tree["roots"][case["size"]])),
        )
        for case in tree["inclusion"]
    }


def from_left(path: list[str], index: int) -> list[str]:
    """The nodes of a path, leaf side first, as they stand in the tree from left to right."""
    left = [name for name in path if first_of(name) < index]
    return [*reversed(left), *(name for name in path if name not in left)]


def first_of(name: str) -> int:
    """The first leaf below `level/number`, or below a ragged node `first-last`."""
    if "-" in name:
        return int(name.split("-")[0])
    level, number = map(int, name.split("/"))
    return number << level


def spoilt_proofs() -> dict[str, Proved]:
    return {
        f"{name}: {attack}": spoil(proof)
        for name, proof in sound_proofs().items()
        for attack, spoil in ATTACKS.items()
        if proof.proof
    }


def is_hidden(old: int, included: list[int], first: int, last: int) -> bool:
    """Whether one hash of the proof covers leaves on both sides of *old*: then nobody can compute the root there."""
    if not any(first <= index < last for index in included):
        return first < old < last
    if last - first == 1:
        return False
    half = 1 << (last - first - 1).bit_length() - 1
    return is_hidden(old, included, first, first + half) or is_hidden(old, included, first + half, last)


def checkpoints() -> tuple[str, dict[int, str]]:
    """The verifier key, and the published signed notes by the size that they state."""
    log, roots = vectors("notes")["checkpoints"], vectors("trees")["roots"]
    notes = {
        case["size"]: f"{log['origin']}\n{case['size']}\n{text_of(bytes.fromhex(roots[case['size']]))}\n\n"
        f"\u2014 {log['origin']} {case['signature']}\n"
        for case in log["signed"]
    }
    return log["vkey"], notes


CHECKPOINT_ATTACKS: dict[str, Callable[[str], str]] = {
    "leading-zero": lambda text: text.replace("\n8\n", "\n08\n"),
    "sign": lambda text: text.replace("\n8\n", "\n+8\n"),
    "other-digits": lambda text: text.replace("\n8\n", "\n\u0668\n"),
    "size-zero": lambda text: text.replace("\n8\n", "\n0\n"),
    "size-of-2-to-the-53": lambda text: text.replace("\n8\n", f"\n{2**53}\n"),
    "extension-line": lambda text: text + "more\n",
    "another-origin": lambda text: text.replace("log1", "log2"),
    "no-root": lambda text: "\n".join(text.split("\n")[:2]) + "\n",
    "short-root": lambda text: text.rsplit("\n", 2)[0] + f"\n{text_of(bytes(31))}\n",
    "carriage-returns": lambda text: text.replace("\n", "\r\n"),
}
