"""The words that the rules know; only what becomes one of them is ever unmasked, so that honest words stay as typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise, product
from operator import add

_LEET = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s", "!": "il",
    "|": "il", "€": "ec", "£": "le", "¢": "c", "+": "t", "*": "abcdefghijklmnopqrstuvwxyz",
}  # fmt: skip
_MOST_GUESSES = 1_000
_LONGEST = 40
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class Lexicon:
    """A set of lower-case words, those long ones whose misspellings are understood, and those that are sought.

    What is *sought* by some pattern is read behind digits and symbols, and neither joined, split nor corrected.
    """

    def __init__(
        self,
        words: Iterable[str],
        corrected: Iterable[str] = (),
        kept: Iterable[str] = (),
        sought: Iterable[str] = (),
    ) -> None:
        self.words = frozenset(words) | frozenset(corrected) | frozenset(kept)
        self._sought = self.words.union(sought)
        self._corrected = tuple(sorted(set(corrected)))

    def unmask(self, token: str) -> str | None:
        """The word of the same length behind letters replaced by digits, symbols or stars, or None."""
        choices = [c if c in _ALPHABET else _LEET.get(c, "") for c in token]
        guesses = 1
        for choice in choices:
            guesses *= len(choice)
            if not 0 < guesses <= _MOST_GUESSES:
                return None
        # A star may be any letter, and would make a word of almost anything.
        known = self.words if "*" in token else self._sought
        return next((word for word in map("".join, product(*choices)) if word in known), None)

    def squeeze(self, token: str) -> str | None:
        """The word behind letters held down ("doooouble"), or None."""
        if len(token) > _LONGEST:
            token = re.sub(r"(.)\1{2,}", r"\1\1", token)[:_LONGEST]
        shorter = [re.sub(r"(.)\1{2,}", kept, token) for kept in (r"\1\1", r"\1")]
        known = (word for word in shorter if word in self.words)
        return next(known, None) or next(filter(None, map(self.correct, shorter)), None)

    def may_mend(self, words: Sequence[str]) -> bool:
        """Whether one of these words is misspelt, or two neighbours may be the halves of one."""
        if not self._misspellings.keys().isdisjoint(words):
            return True
        return not self.long_words.isdisjoint(map(add, words, words[1:])) and any(
            first + second in self.long_words and not (first in self.words and second in self.words)
            for first, second in pairwise(words)
        )

    def correct(self, word: str) -> str | None:
        """The word that this one misspells by one letter, or None."""
        return None if word in self.words else self._misspellings.get(word)

    def split(self, run: str) -> list[str] | None:
        """A run of letters as known words, the fewest that cover it whole; None where it cannot be covered."""
        if not 6 <= len(run) <= _LONGEST:
            return None
        best: list[list[str] | None] = [[]] + [None] * len(run)
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - 15), end):
                head, word = best[start], run[start:end]
                if head is None or not self._may_stand(word):
                    continue
                found = best[end]
                if found is None or len(head) + 1 < len(found):
                    best[end] = [*head, word]
        return best[-1]

    def _may_stand(self, word: str) -> bool:
        return (word in self.words and len(word) > 2) or word in ("no", "to", "a", "is", "my", "up", "of", "we")

    @cached_property
    def long_words(self) -> frozenset[str]:
        """Those of eight letters and more: a word broken in two is joined only into one of these."""
        return frozenset(word for word in self.words if len(word) >= 8)

    @cached_property
    def _misspellings(self) -> dict[str, str]:
        return {
            wrong: word for word in reversed(self._corrected) for wrong in _one_off(word) if wrong not in self.words
        }


def _one_off(word: str) -> Iterator[str]:
    """Every string at Damerau-Levenshtein distance one that keeps the first letter."""
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]
        if at + 1 < len(word):
            yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        for letter in _ALPHABET:
            yield word[:at] + letter + word[at + 1 :]
            yield word[:at] + letter + word[at:]
