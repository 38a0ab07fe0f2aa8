"""Until when a record is kept, and why: facts and rules in, a day out. All days are in the workspace's zone."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from approval.records.keeping.definition import Clock, RecordClass, Retention, Rule
from approval.rules import PRODUCTS


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the keeping of one record of one class depends on.

    `changed` is the last day on which anything happened to it, and stands for `last_use` where it was never used.
    While it is `in_use` no clock has started.
    """

    of: RecordClass
    made: date
    changed: date
    last_use: date | None = None
    in_use: bool = False
    regimes: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reason:
    """A rule that holds: the day from which it counts and the last day on which it keeps the record, None for good."""

    rule: Rule
    begins: date
    until: date | None


@dataclass(frozen=True)
class Kept:
    """How long a record is kept: every rule that holds, the longest first. `in_use`: no clock has started."""

    reasons: tuple[Reason, ...]
    in_use: bool = False

    @property
    def for_good(self) -> bool:
        """True where no day ends it."""
        return not self.in_use and self.reasons[0].until is None

    @property
    def until(self) -> date | None:
        """The last day on which it is kept; None while it is in use, and where it is kept for good."""
        return None if self.in_use else self.reasons[0].until


def keep(retention: Retention, *parts: Facts) -> Kept:
    """Return how long a record is kept that consists of these parts: the longest rule of any of them wins."""
    reasons = [_reason(retention, rule, part) for part in parts for rule in _holding(retention, part)]
    reasons.sort(key=lambda reason: (reason.until or date.max, reason.rule.years is None), reverse=True)
    return Kept(tuple(reasons), any(part.in_use for part in parts))


def _holding(retention: Retention, facts: Facts) -> Sequence[Rule]:
    rules = retention.of(facts.of)
    named = [rule for rule in rules if not rule.otherwise and _is_about(rule, facts)]
    return named or [rule for rule in rules if rule.otherwise]


def _is_about(rule: Rule, facts: Facts) -> bool:
    if rule.regimes and not rule.regimes & facts.regimes:
        return False
    if not rule.products and not rule.product_classes:
        return True
    classes = {str(PRODUCTS[product]) for product in facts.products if product in PRODUCTS}
    return bool(rule.products & facts.products or rule.product_classes & classes)


def _reason(retention: Retention, rule: Rule, facts: Facts) -> Reason:
    used = facts.last_use or facts.changed
    begins = {
        Clock.MADE: facts.made,
        Clock.LAST_USE: used,
        Clock.FISCAL_YEAR: fiscal_year_end(used, retention.fiscal_year_ends),
    }[rule.clock]
    return Reason(rule, begins, None if rule.years is None else years_after(begins, rule.years))


def fiscal_year_end(day: date, month: int) -> date:
    """Return the last day of the fiscal year that *day* lies in, where years end with the last day of *month*."""
    year = day.year if day.month <= month else day.year + 1
    return date(year, month, calendar.monthrange(year, month)[1])


def years_after(day: date, years: int) -> date:
    """Return the same day of a later year; 1 March where that year has no 29 February, so that nothing is cut short."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
