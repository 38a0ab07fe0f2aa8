"""The shape of a regular expression: its atoms, quantifiers, groups and branches. Nothing here judges it; RE2 does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_ATOM = re.compile(
    r"[a-z0-9]+(?=[a-z0-9][?*+{])|[a-z0-9]+(?![a-z0-9?*+{])|"
    r"\\x(?:\{[^}]*\}|[0-9a-fA-F]{2})|\\[0-7]{1,3}|\\[pP](?:\{[^}]*\}|.)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]?|.",
    re.DOTALL,
)
_QUANTIFIERS = frozenset("?*+{")
_QUANTIFIER = re.compile(r"(?:[?*+]|\{\d*,?\d*\})\??")
GAP = " "
"""In the packs' language: whatever may part two words of one sentence."""
_KEPT = 65_536
"""Patterns share their word lists, so that most of what is taken apart was taken apart before."""
_BRACKETS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]", re.DOTALL)


@lru_cache(maxsize=_KEPT)
def atoms(body: str) -> tuple[tuple[str, str], ...]:
    """The parts of a sequence in order, each with its quantifier; letters without one ("") stand together."""
    return tuple(_atoms(body))


def _atoms(body: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(body):
        end = at + _group(body, at) if body[at] == "(" else _ATOM.match(body, at).end()  # type: ignore[union-attr]
        quantifier = _QUANTIFIER.match(body, end) if body[end : end + 1] in _QUANTIFIERS else None
        count = quantifier.group() if quantifier else ""
        yield body[at:end], count
        at = end + len(count)


def is_run(body: str) -> bool:
    """Whether this is nothing but letters and digits."""
    return body.isascii() and body.isalnum()


def may_be_absent(count: str) -> bool:
    """Whether a quantifier allows nothing at all."""
    return count.startswith(("?", "*", "{0", "{,"))


@lru_cache(maxsize=_KEPT)
def branches(group: str) -> tuple[str, ...]:
    """The alternatives of a pattern, or of the inside of a group."""
    return tuple(_branches(group)) if "|" in group else (group,)


def _branches(group: str) -> Iterator[str]:
    depth, start = 0, 0
    for atom in _BRACKETS.finditer(group):
        depth += (atom.group() == "(") - (atom.group() == ")")
        if atom.group() == "|" and depth == 0:
            yield group[start : atom.start()]
            start = atom.end()
    yield group[start:]


def nesting(body: str) -> int | None:
    """How many groups stand inside each other, at most; None where one is closed that is not open, or left open."""
    depth = deepest = 0
    for atom in _BRACKETS.finditer(body) if "(" in body or ")" in body else ():
        depth += (atom.group() == "(") - (atom.group() == ")")
        deepest = max(deepest, depth)
        if depth < 0:
            return None
    return None if depth else deepest


def _group(body: str, start: int) -> int:
    """The length of the group that opens here; the rest of the pattern where it never closes (RE2 will refuse it)."""
    depth = 0
    for atom in _BRACKETS.finditer(body, start):
        depth += (atom.group() == "(") - (atom.group() == ")")
        if depth == 0:
            return atom.end() - start
    return len(body) - start
