"""Whether a rule, as another version of it reads, would look at fewer posts or for fewer words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from approval.rules import PRODUCTS

Table = Mapping[str, Any]
_FACTS = ("regimes", "channels", "audiences", "entity_types", "languages")
"""Keys under which a rule lists what it is for; a key that is absent means everything."""
_SOUGHT = ("match", "beside")


def narrowed(old: Table, new: Table) -> list[str]:
    """Return in short phrases how *new* covers less than *old*; patterns count where none came in their place.

    Exceptions are no part of it: they are told one by one among the changes.
    """
    gone = sum(_taken_away(old.get(key, ()), new.get(key, ())) for key in _SOUGHT)
    said = {
        "for fewer posts": _has_less_scope(old, new),
        "for fewer days": _has_fewer_days(old, new),
        "for fewer places": new.get("tokens", 0) < old.get("tokens", 0) or new.get("most", 0) > old.get("most", 0),
        f"without {gone} of its patterns": gone,
    }
    return [what for what, holds in said.items() if holds]


def _has_less_scope(old: Table, new: Table) -> bool:
    lists = ((old.get(key, ()), new.get(key, ())) for key in _FACTS)
    return any(now and not (was and set(was) <= set(now)) for was, now in lists) or not _products(old) <= _products(new)


def _products(table: Table) -> set[str]:
    """The products that a rule is for; its lists of products and of classes are one."""
    products, classes = set(table.get("products", ())), set(table.get("classes", ()))
    some = bool(products or classes)
    covered = {slug for slug, kind in PRODUCTS.items() if not some or slug in products or kind in classes}
    return covered - set(table.get("not_products", ()))


def _has_fewer_days(old: Table, new: Table) -> bool:
    begun, begins = (_day(table, "effective_from", date.min) for table in (old, new))
    ended, ends = (_day(table, "effective_until", date.max) for table in (old, new))
    return begun < begins or ends < ended


def _day(table: Table, key: str, never: date) -> date:
    day: date = table.get(key, never)
    return day


def _taken_away(old: Sequence[str], new: Sequence[str]) -> int:
    return max(len(set(old) - set(new)) - len(set(new) - set(old)), 0)
