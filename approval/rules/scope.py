"""Where and when a rule holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from .products import class_of, known

REGIMES = ("us-bd", "us-ria", "us-bank", "uk", "eu", "au")
NETWORKS = ("x", "linkedin", "facebook", "instagram", "bluesky", "mastodon", "blog")
AUDIENCES = ("retail", "institutional")
ENTITY_TYPES = ("bank", "credit-union", "non-bank", "broker-dealer", "adviser", "insurer")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a post beside its words; None where it is not known."""

    channel: str | None = None
    regime: str | None = None
    product: str | None = None
    audience: str | None = None
    entity_type: str | None = None
    language: str | None = None
    on: date | None = None


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Empty means everywhere; a rule for certain regimes (products, …) is silent where the fact is not known."""

    regimes: frozenset[str] = field(default_factory=frozenset)
    products: frozenset[str] = field(default_factory=frozenset)
    classes: frozenset[str] = field(default_factory=frozenset)
    audiences: frozenset[str] = field(default_factory=frozenset)
    channels: frozenset[str] = field(default_factory=frozenset)
    entity_types: frozenset[str] = field(default_factory=frozenset)
    languages: frozenset[str] = field(default_factory=frozenset)
    not_products: frozenset[str] = field(default_factory=frozenset)
    effective_from: date | None = None
    effective_until: date | None = None

    def covers(self, facts: Facts) -> bool:
        """Whether a post with these facts is judged by the rule."""
        product = known(facts.product)
        return (
            _allows(self.regimes, facts.regime)
            and _allows(self.channels, facts.channel)
            and _allows(self.entity_types, facts.entity_type)
            and (
                (not self.products and not self.classes)
                or product in self.products
                or class_of(product) in self.classes
            )
            and product not in self.not_products
            # A post of unknown audience is for everybody, and one of unknown language may be in any.
            and (facts.audience is None or _allows(self.audiences, facts.audience))
            and (facts.language is None or _allows(self.languages, facts.language.partition("-")[0].lower()))
            and self._in_force(facts.on or date.max)
        )

    @property
    def turns(self) -> Iterator[date]:
        """The days on which the rule begins to hold, and no longer holds."""
        if self.effective_from is not None:
            yield self.effective_from
        if self.effective_until is not None and self.effective_until < date.max:
            yield self.effective_until + timedelta(days=1)

    def _in_force(self, day: date) -> bool:
        """`effective_from` and `effective_until` are the first and the last day."""
        begun = self.effective_from is None or self.effective_from <= day
        return begun and (self.effective_until is None or day <= self.effective_until)


def _allows(allowed: frozenset[str], fact: str | None) -> bool:
    return not allowed or fact in allowed
