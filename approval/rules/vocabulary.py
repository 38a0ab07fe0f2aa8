"""What rules share by name: word lists, frames, amounts that change over the years, folds of networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from .claim import Frame
from .pattern import Expressions, Language


@dataclass(frozen=True)
class Amount:
    """A figure of the law with the days from which it counts, oldest first."""

    values: tuple[tuple[date, float], ...]

    def on(self, day: date | None) -> float:
        """The value in force on that day; the latest where no day is given, the first one before all of them."""
        begun = [value for first, value in self.values if day is None or first <= day]
        return begun[-1] if begun else self.values[0][1]


@dataclass(frozen=True)
class Vocabulary:
    """The shared names of all packs; `folds` holds the code points that a network shows before “more”.

    `sources` holds, for each regime, how the sources begin that are law or guidance there.

    `made` collects every list of patterns that rules and frames are made of, for the one look at a text. `checked`
    says that each is compiled at once, so that what RE2 refuses is named with its rule.
    """

    language: Language
    frames: Mapping[str, Frame] = field(default_factory=dict)
    amounts: Mapping[str, Amount] = field(default_factory=dict)
    folds: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    checked: bool = True
    made: list[Expressions] = field(default_factory=list, compare=False, repr=False)
