"""TOML tables, checked for their shape; what is unknown is refused with pack and key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from .finding import RuleError

Table = Mapping[str, Any]


def ensure_known(table: Table, known: frozenset[str], *, pack: str = "", key: str = "") -> None:
    """Refuses a table with a key that nobody reads."""
    for name in table:
        if name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            what = f"is not known: {near[0]}?" if near else f"is not known; known are {', '.join(sorted(known))}"
            raise RuleError(what, pack=pack, key=f"{key}.{name}" if key else name)


def lists(document: Table, key: str, *, pack: str) -> dict[str, list[str]]:
    """The table of lists of strings under a key; empty where the key is absent."""
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise RuleError("must be a table of lists", pack=pack, key=key)
    for name, values in table.items():
        if not isinstance(values, list) or not values or not all(isinstance(value, str) and value for value in values):
            raise RuleError("must be a list of strings", pack=pack, key=f"{key}.{name}")
    return table


def tables(document: Table, key: str, *, pack: str) -> tuple[Table, ...]:
    """The [[tables]] under a key; none where the key is absent."""
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RuleError(f"must be written as [[{key}]] tables", pack=pack, key=key)
    return tuple(entries)


def day(table: Table, key: str) -> date | None:
    """The day under a key, None where the key is absent."""
    value = table.get(key)
    if value is not None and type(value) is not date:
        raise RuleError("must be a day, such as 2026-07-15", key=key)
    return value
