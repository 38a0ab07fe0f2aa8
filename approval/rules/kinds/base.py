"""What every kind of rule offers, and what it is made from."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Protocol, TypeVar

from ..claim import Claim, Finder, Frame
from ..finding import RuleError
from ..needed import Word
from ..pattern import Expressions, Phrases
from ..scope import Facts
from ..text import LARGEST, Reading
from ..vocabulary import Amount, Vocabulary

E = TypeVar("E", bound=Expressions)
_MOST = 1e15
"""No amount, rate or length of time in a post comes near it."""


@dataclass(frozen=True)
class Hit:
    """A place in bytes of the reading, or none where something is missing.

    `words` fill the message; `missing` names each thing that the post does not say.
    """

    start: int | None
    end: int | None
    words: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Around:
    """What a rule may know beside the text: the facts of the post, and the topics that other rules found in it."""

    facts: Facts
    topics: frozenset[str] = frozenset()


class Kind(Protocol):
    """One rule's way of looking."""

    keys: ClassVar[frozenset[str]]
    openers: tuple[Expressions, ...]
    """Patterns, one of which occurs in every text that the rule can find something in; empty: any text."""
    after: frozenset[str]
    """Topics; where there are some, the rule looks only at a text in which another rule found one of them."""
    considered: tuple[str, ...]
    """The exceptions and frames that could have explained a place away, by name or as they are written."""

    def __init__(self, make: Maker) -> None: ...

    def find(self, reading: Reading, around: Around) -> Iterator[Hit]:
        """The places where the rule is broken."""


class Maker:
    """A rule's table, read key by key with the type that each must have."""

    def __init__(self, table: Mapping[str, Any], vocabulary: Vocabulary) -> None:
        self._table, self.vocabulary = table, vocabulary

    def texts(self, key: str, *, needed: bool = False) -> tuple[str, ...]:
        """A list of non-empty strings, () where the key is absent."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise RuleError("must be a list of strings", key=key)
        if needed and not value:
            raise RuleError("is missing or empty", key=key)
        return tuple(value)

    def text(self, key: str, *, one_of: Collection[str] = (), default: str | None = None) -> str:
        """A non-empty string, one of those allowed where some are named."""
        value = self._table.get(key, default)
        if value is None:
            raise RuleError("is missing", key=key)
        if not isinstance(value, str) or not value.strip():
            raise RuleError("must be a string with something in it", key=key)
        if one_of and value not in one_of:
            raise RuleError(f"“{value}” is not one of {', '.join(one_of)}", key=key)
        return value

    def number(self, key: str, *, least: int) -> int:
        """A whole number; no text has more of anything than `LARGEST`."""
        value = self._table.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST:
            raise RuleError(f"must be a whole number from {least} to {LARGEST:,}", key=key)
        return value

    def flag(self, key: str) -> bool:
        """True or false; false where the key is absent."""
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            raise RuleError("must be true or false", key=key)
        return value

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._table

    def table(self, key: str) -> Mapping[str, Any]:
        """A table; empty where the key is absent."""
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise RuleError("must be a table", key=key)
        return value

    def phrases(self, key: str, *, needed: bool = False) -> Phrases:
        """A list of patterns."""
        return self._named(key, self.texts(key, needed=needed))

    def phrases_in(self, key: str) -> Mapping[str, Phrases]:
        """A table of named lists of patterns."""
        inner = Maker(self.table(key), self.vocabulary)
        return {name: self._named(f"{key}.{name}", inner.texts(name, needed=True)) for name in self.table(key)}

    def quantity(self, key: str) -> float:
        """A number, whole or not."""
        value = self._table.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _MOST:
            raise RuleError(f"must be a number below {_MOST:,.0f}", key=key)
        return float(value)

    def amount(self, key: str) -> Amount | None:
        """A number, or the name of an amount that the packs date; None where the key is absent."""
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            return Amount(((date.min, self.quantity(key)),))
        if value not in self.vocabulary.amounts:
            raise RuleError(f"no pack defines the amount “{value}”", key=key)
        return self.vocabulary.amounts[value]

    def frames(self, key: str) -> tuple[Frame, ...]:
        """A list of frames by name."""
        for name in self.texts(key):
            if name not in self.vocabulary.frames:
                raise RuleError(f"no pack defines the frame “{name}”", key=key)
        return tuple(self.vocabulary.frames[name] for name in self.texts(key))

    def claim(self, finder: Finder | None = None, *, needed: bool = True) -> Claim:
        """The claim that `match` (or another finder), `except`, `unless`, `when`, `near` and `within` describe."""
        return Claim(
            self.phrases("match", needed=needed) if finder is None else finder,
            exceptions=self.phrases("except"),
            considered=(*self.texts("unless"), *self.texts("except")),
            frames=self.frames("unless"),
            when=self.frames("when"),
            near=self.phrases("near"),
            within=self.text("within", one_of=("sentence", "post"), default="sentence"),
        )

    def expressions(self, key: str) -> Expressions:
        """A list of bare RE2 expressions."""
        return self._kept(key, lambda: Expressions(self.texts(key, needed=True)))

    def openers(self, *texts: str) -> tuple[Expressions, ...]:
        """What stands in every text that is worth a look; none where none is given."""
        if not texts:
            return ()
        return (
            self.keep(
                Expressions([re.escape(t) for t in texts], needs=[frozenset({frozenset({Word(t)})}) for t in texts])
            ),
        )

    def keep(self, made: E) -> E:
        """The patterns, counted among those of the rule set."""
        self.vocabulary.made.append(made)
        return made

    def _named(self, key: str, sources: tuple[str, ...]) -> Phrases:
        return self._kept(key, lambda: Phrases(sources, self.vocabulary.language))

    def _kept(self, key: str, make: Callable[[], E]) -> E:
        try:
            made = make()
            if self.vocabulary.checked:
                made.ensure_compiled()
        except RuleError as error:
            raise RuleError(error.reason, key=key) from error
        return self.keep(made)


FRAMING_KEYS = frozenset({"except", "unless", "when", "near", "within"})
CLAIM_KEYS = FRAMING_KEYS | {"match"}
