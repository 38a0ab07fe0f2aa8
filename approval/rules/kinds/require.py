"""`require`: where one thing stands, another must stand too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from ..finding import TOPICS, RuleError
from ..fold import fold_text
from ..text import Reading
from .base import CLAIM_KEYS, FRAMING_KEYS, Around, Hit, Maker

_CONTENTING = ("needs", "exact", "items", "pointer")
_LETTERS = re.compile(rb"[^a-z0-9\x80-\xff%]+")


class Require:
    """A disclosure that a claim, a topic, or the mere subject of the post calls for.

    The rule looks where `match` stands, where another rule found a topic of `after`, or, without both, at every post
    in scope. Any of `needs` contents it, a text of `exact` word for word, all of `items` (named lists), or one of
    `pointer` together with a link. `prominent` asks that it stand before the network's fold. Posts with any of `exempt`
    are left alone. What is missing is shown at the trigger where `at` is "trigger", otherwise nowhere; the message may
    name the first trigger all the same.
    """

    keys: ClassVar[frozenset[str]] = CLAIM_KEYS | {
        "after", "needs", "exact", "items", "pointer", "prominent", "exempt", "at"
    }  # fmt: skip

    def __init__(self, make: Maker) -> None:
        self.after = frozenset(make.texts("after"))
        if unknown := sorted(self.after.difference(TOPICS)):
            raise RuleError(f"“{unknown[0]}” is not one of {', '.join(TOPICS)}", key="after")
        if not any(make.has(key) for key in _CONTENTING):
            raise RuleError(f"is missing: one of {', '.join(_CONTENTING)}", key="needs")
        for key in sorted(FRAMING_KEYS | {"at"}):
            if make.has(key) and not make.has("match"):
                raise RuleError("says nothing without `match`", key=key)
        self._when = make.claim(needed=False)
        self._needs = make.phrases("needs")
        self._exact = tuple(_essence(fold_text(text).lower().encode()) for text in make.texts("exact"))
        self._items = make.phrases_in("items")
        self._pointer = make.phrases("pointer")
        self._exempt = make.phrases("exempt")
        self._at_trigger = make.text("at", one_of=("post", "trigger"), default="post") == "trigger"
        self._folds = make.vocabulary.folds if make.flag("prominent") else {}
        self.openers = self._when.openers
        self.considered = self._when.considered

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """One hit for each trigger, or one for the post."""
        if self.after and self.after.isdisjoint(around.topics):
            return
        triggers = list(self._when.spans(reading)) if self.openers else []
        if (self.openers and not triggers) or self._exempt.occur(reading):
            return
        missing = self._missing(reading, around)
        if missing is None:
            return
        if self._at_trigger and triggers:
            yield from (Hit(start, end, missing=missing) for start, end in triggers)
        else:
            words = {"match": reading.typed(*triggers[0])} if triggers else {}
            yield Hit(None, None, words, missing=missing)

    def _missing(self, reading: Reading, around: Around) -> tuple[str, ...] | None:
        """The names of the missing items, () where the disclosure as a whole is missing, None where nothing is."""
        fold = self._folds.get(around.facts.channel or "")
        shown = reading.before(fold) if fold is not None and len(reading.original) > fold else None
        if self._needs.occur(reading, 0, shown) or self._points(reading, shown):
            return None
        if self._exact and any(text in _essence(reading.plain[:shown]) for text in self._exact):
            return None
        if shown is not None and (self._needs.occur(reading) or self._holds_exactly(reading)):
            return (f"its place: within the first {fold} characters",)
        if self._items:
            return tuple(name for name, phrases in self._items.items() if not phrases.occur(reading, 0, shown)) or None
        return ()

    def _points(self, reading: Reading, shown: int | None) -> bool:
        return b"http" in reading.plain and self._pointer.occur(reading, 0, shown)

    def _holds_exactly(self, reading: Reading) -> bool:
        return any(text in _essence(reading.plain) for text in self._exact)


def _essence(plain: bytes) -> bytes:
    """Words alone: a prescribed text holds whole and in order, whatever its punctuation, quotes and line breaks."""
    return b" " + _LETTERS.sub(b" ", plain.replace(b"'", b"")).strip() + b" "
