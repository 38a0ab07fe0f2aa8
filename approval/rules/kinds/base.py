"""What every kind of rule offers, and what it is made from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from ..claim import Claim, Frame
from ..finding import RuleError
from ..pattern import Language, Phrases
from ..text import Reading


@dataclass(frozen=True)
class Hit:
    """A place in bytes of the reading, or none where something is missing; `words` fill the message."""

    start: int | None
    end: int | None
    words: Mapping[str, str] = field(default_factory=dict)


class Kind(Protocol):
    """One rule's way of looking."""

    keys: ClassVar[frozenset[str]]
    probes: tuple[str, ...]
    """Expressions, one of which occurs in every text that the rule can find something in; empty: any text."""
    after: frozenset[str]
    """Topics; where there are some, the rule looks only at a text in which another rule found one of them."""

    def __init__(self, make: Maker) -> None: ...

    def find(self, reading: Reading, found: Collection[str]) -> Iterator[Hit]:
        """The places where the rule is broken; `found` holds the topics that other rules have found."""


class Maker:
    """A rule's table, read key by key with the type that each must have."""

    def __init__(self, table: Mapping[str, Any], language: Language, frames: Mapping[str, Frame]) -> None:
        self._table, self._language, self._frames = table, language, frames

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
        """A whole number."""
        value = self._table.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise RuleError(f"must be a whole number of at least {least}", key=key)
        return value

    def flag(self, key: str) -> bool:
        """True or false; false where the key is absent."""
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            raise RuleError("must be true or false", key=key)
        return value

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
        inner = Maker(self.table(key), self._language, self._frames)
        return {name: self._named(f"{key}.{name}", inner.texts(name, needed=True)) for name in self.table(key)}

    def claim(self, key: str = "match", *, needed: bool = True) -> Claim:
        """The claim that `match` (or another key), `except`, `unless`, `near` and `within` describe together."""
        unknown = [name for name in self.texts("unless") if name not in self._frames]
        if unknown:
            raise RuleError(f"no pack defines the frame “{unknown[0]}”", key="unless")
        return Claim(
            self.phrases(key, needed=needed),
            exceptions=self.phrases("except"),
            frames=[self._frames[name] for name in self.texts("unless")],
            near=self.phrases("near"),
            within=self.text("within", one_of=("sentence", "post"), default="sentence"),
        )

    def _named(self, key: str, sources: tuple[str, ...]) -> Phrases:
        try:
            return Phrases(sources, self._language)
        except RuleError as error:
            raise RuleError(error.reason, key=key) from error


CLAIM_KEYS = frozenset({"match", "except", "unless", "near", "within"})
