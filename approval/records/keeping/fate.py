"""What becomes of a record: legal hold, then retention, then a request to erase, then its date of disposition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from approval.records.keeping.dates import Kept

ORDER = "Legal hold, then retention, then a request to erase, then the date of disposition."
"""What comes first, in words."""


class Outcome(StrEnum):
    """What decides about a record today."""

    HELD = "held"
    RETAINED = "retained"
    ERASABLE = "erasable"
    PAST = "past"


@dataclass(frozen=True)
class Fate:
    """What decides about a record today, and what to tell whoever asks."""

    outcome: Outcome
    words: str

    @property
    def protected(self) -> bool:
        """True while nobody may delete it."""
        return self.outcome in (Outcome.HELD, Outcome.RETAINED)


def fate(kept: Kept, *, held: bool, erasure_asked: bool, today: date) -> Fate:
    """Return what becomes of a record. *today* is a day in the workspace's zone."""
    if held:
        after = " A request to erase it waits until the hold is lifted." if erasure_asked else ""
        return Fate(Outcome.HELD, f"Kept: it is under legal hold, whatever any date says.{after}")
    if kept.in_use or kept.until is None or today <= kept.until:
        return Fate(Outcome.RETAINED, _retained(kept, erasure_asked))
    if erasure_asked:
        return Fate(Outcome.ERASABLE, f"Kept until {_day(kept.until)}: nothing stands against the erasure asked for.")
    return Fate(Outcome.PAST, f"Kept until {_day(kept.until)}: no rule keeps it any longer.")


def _retained(kept: Kept, erasure_asked: bool) -> str:
    if kept.in_use:
        words, when = "Kept: it is in use, and no period has begun.", "once its period has passed"
    elif kept.until is None:
        words, when = "Kept for good.", "never"
    else:
        words, when = f"Kept until {_day(kept.until)}.", f"after {_day(kept.until)}"
    return f"{words} A request to erase it takes effect {when}." if erasure_asked else words


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
