"""Which posts a legal hold covers: those that meet every criterion that it names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Criteria:
    """What a hold names: a person's id, a post, a product, a period of days with both included and open ends."""

    person: str | None = None
    post: int | None = None
    product: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    @property
    def empty(self) -> bool:
        """True where nothing is named."""
        return self == Criteria()


@dataclass(frozen=True)
class Life:
    """A post as holds look at it: who did anything to it, its products in any revision, and when it lived.

    `last_day` is the last day on which anything happened to it; None of a post that was published and that nobody
    found gone since: it may still be seen.
    """

    post: int
    people: frozenset[str]
    products: frozenset[str]
    first_day: date
    last_day: date | None


def covers(criteria: Criteria, life: Life) -> bool:
    """Say whether a hold covers a post. One that names nothing covers nothing."""
    return (
        not criteria.empty
        and criteria.post in (None, life.post)
        and (criteria.person is None or criteria.person in life.people)
        and (criteria.product is None or criteria.product in life.products)
        and (criteria.last_day is None or life.first_day <= criteria.last_day)
        and (criteria.first_day is None or life.last_day is None or life.last_day >= criteria.first_day)
    )


def may_cover(criteria: Criteria, *, first_day: date, names_person: bool) -> bool:
    """Say whether a hold may cover a record of another tool, of which little is known for sure.

    It is of no post here; its product and its last day are unknown, so that they stand against no hold. *first_day* is
    the first that it claims, *names_person* whether it names the person of the hold, or nobody at all.
    """
    return (
        not criteria.empty
        and criteria.post is None
        and (criteria.person is None or names_person)
        and (criteria.last_day is None or first_day <= criteria.last_day)
    )
