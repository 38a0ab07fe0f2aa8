"""What a change of the retention rules changes, rule by rule, in words."""

from __future__ import annotations

import calendar
from dataclasses import dataclass

from approval.records.keeping.definition import Retention, Rule

_ENDLESS = 10_000


@dataclass(frozen=True)
class Change:
    """One difference between two versions. `shorter`: records may be kept for less time than before."""

    rule: str
    what: str
    shorter: bool


def changes(before: Retention, after: Retention) -> tuple[Change, ...]:
    """Return every difference, in the order of the new rules, then those that are gone."""
    old, new = ({rule.id: rule for rule in of.rules} for of in (before, after))
    found = []
    if before.fiscal_year_ends != after.fiscal_year_ends:
        month, earlier = (calendar.month_name[of.fiscal_year_ends] for of in (after, before))
        what = f"It ends with the last day of {month}, before with that of {earlier}."
        found.append(Change("Fiscal year", what, shorter=True))
    for id_, rule in new.items():
        if id_ not in old:
            found.append(Change(id_, f"New: {rule.of.label.lower()}, {rule.period}.", shorter=False))
        elif rule != old[id_]:
            found.append(_changed(old[id_], rule))
    gone = (rule for id_, rule in old.items() if id_ not in new)
    return (*found, *(Change(rule.id, f"Gone: {rule.of.label.lower()}, {rule.period}.", True) for rule in gone))


def _changed(before: Rule, after: Rule) -> Change:
    names = {
        "of": "class",
        "clock": "from when it counts",
        "years": "period",
        "regimes": "regimes",
        "products": "products",
        "product_classes": "classes of products",
        "otherwise": "whether it is for what no other covers",
        "citation": "citation",
        "as_of": "as of",
        "confirm": "whether counsel is to confirm it",
    }
    differing = [name for name in names if getattr(before, name) != getattr(after, name)]
    period = f" Now {after.period}, before {before.period}." if {"years", "clock"} & set(differing) else ""
    # Only a longer period from the same day for at least the same records is surely not shorter.
    harmless = set(differing) <= {"years", "citation", "as_of", "confirm"} and _years(after) >= _years(before)
    what = f"Changed: {', '.join(names[name] for name in differing)}.{period}"
    return Change(after.id, what, shorter=not harmless)


def _years(rule: Rule) -> int:
    return _ENDLESS if rule.years is None else rule.years
