"""Which example of the rules a sentence is nearest to. The vectors of the examples are computed once, and kept."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from approval.rules import RuleSet
from approval.screening.opinion import Encoder, Model
from approval.screening.opinion.examples import Examples, examples_of
from approval.settings import sync_names

Vectors = NDArray[np.float32]

LEAST = 0.65
"""The cosine from which a sentence resembles an example: of the labelled posts, 97 % of those remarked on from here are
flawed (94 of 97); from 0.60, 93 %. `benchmarks/second_opinion.py` prints the whole table."""
MOST_KEPT = 4
"""Rule sets whose vectors stay on disk, about 5 MB each."""
_MOST_READY = 2
_AT_ONCE = 64
_SEAL = 32


@dataclass(frozen=True)
class Nearest:
    """The rule that flags the nearest example, and how near it is: the cosine, at most 1."""

    rule: str
    similarity: float


class Bank:
    """The examples of one rule set, ready to be compared with."""

    def __init__(self, examples: Examples, vectors: Vectors) -> None:
        self._rules = np.array([rule for rule, _ in examples.flagged])
        self._flagged = vectors[: len(examples.flagged)]
        self._passing = vectors[len(examples.flagged) :]

    def nearest(self, vector: Vectors, rules: Collection[str], *, least: float = LEAST) -> Nearest | None:
        """What a sentence resembles that one of *rules* flags; None where it is nearer to something that must pass."""
        mine = np.isin(self._rules, list(rules))
        if not mine.any():
            return None
        likeness = np.where(mine, self._flagged @ vector, -1)
        best = int(likeness.argmax())
        similarity = float(likeness[best])
        if similarity < least or similarity <= float((self._passing @ vector).max(initial=-1)):
            return None
        return Nearest(str(self._rules[best]), min(similarity, 1.0))


_ready: dict[tuple[str, Model], Bank] = {}


def bank_of(rules: RuleSet, encoder: Encoder, folder: Path, *, ending: Callable[[], bool]) -> Bank | None:
    """The bank of a rule set, from *folder* where it was kept, else computed (about a minute) and kept there.

    None where *ending* became true meanwhile. A file that is not whole, or is of other sentences, is made anew.
    """
    key = (rules.digest, encoder.model)
    if key not in _ready:
        bank = _read_or_made(rules, encoder, folder, ending)
        if bank is None:
            return None
        while len(_ready) >= _MOST_READY:
            del _ready[next(iter(_ready))]
        _ready[key] = bank
    return _ready[key]


def _read_or_made(rules: RuleSet, encoder: Encoder, folder: Path, ending: Callable[[], bool]) -> Bank | None:
    examples = examples_of(rules)
    model = f"{encoder.model.name}-{encoder.model.version}"
    path = folder / f"{rules.digest}-{model}.vectors"
    about = hashlib.sha256("\0".join((model, *examples.texts)).encode("utf-8", "surrogatepass")).digest()
    vectors = _kept(path, about, len(examples.texts))
    if vectors is None:
        vectors = _computed(examples.texts, encoder, ending)
        if vectors is None:
            return None
        _keep(path, about, vectors)
    return Bank(examples, vectors)


def _computed(texts: tuple[str, ...], encoder: Encoder, ending: Callable[[], bool]) -> Vectors | None:
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    found: list[Vectors] = []
    for start in range(0, len(order), _AT_ONCE):
        if ending():
            return None
        found.append(encoder.encode([texts[n] for n in order[start : start + _AT_ONCE]]))
    if not found:
        return np.empty((0, 1), np.float32)
    rows = np.concatenate(found)
    vectors = np.empty_like(rows)
    vectors[order] = rows
    return vectors


def _kept(path: Path, about: bytes, rows: int) -> Vectors | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    seal, body = data[:_SEAL], data[_SEAL:]
    if seal != hashlib.sha256(about + body).digest() or not rows or len(body) % (4 * rows):
        return None
    return np.frombuffer(body, "<f4").reshape(rows, -1)


def _keep(path: Path, about: bytes, vectors: Vectors) -> None:
    """Write the file whole, then give it its name; the oldest make room."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    body = vectors.astype("<f4").tobytes()
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
        try:
            draft.write(hashlib.sha256(about + body).digest() + body)
            draft.flush()
            os.fsync(draft.fileno())
            os.replace(draft.name, path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    sync_names(path.parent)
    newest = sorted(path.parent.glob("*.vectors"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in newest[MOST_KEPT:]:
        file.unlink(missing_ok=True)
