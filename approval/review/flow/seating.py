"""Can everybody who is needed be found? A stage needs people; with distinct stages each person sits once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ask:
    """A stage that needs so many of these people."""

    slug: str
    needed: int
    people: frozenset[str]


def first_short(asks: Sequence[Ask], *, distinct: bool) -> Ask | None:
    """Return the first stage that these people cannot fulfil; None where all can be fulfilled.

    With *distinct* nobody fulfils two stages: each stage's seats are matched to people by augmenting paths
    (Kuhn 1955), so a person is moved to another seat before a stage is called short.
    """
    if not distinct:
        return next((ask for ask in asks if len(ask.people) < ask.needed), None)
    total = sum(ask.needed for ask in asks)
    sitting: dict[str, int] = {}
    seats: list[list[str]] = []
    for ask in asks:
        # More candidates than there are seats in all are never needed: one of them is free at the end.
        candidates = sorted(ask.people)[:total]
        for _ in range(ask.needed):
            seats.append(candidates)
            if not _seat(len(seats) - 1, seats, sitting, set()):
                return ask
    return None


def _seat(seat: int, seats: list[list[str]], sitting: dict[str, int], tried: set[str]) -> bool:
    """Give *seat* a person, moving whoever sits there to another seat where that is possible."""
    for person in seats[seat]:
        if person in tried:
            continue
        tried.add(person)
        if person not in sitting or _seat(sitting[person], seats, sitting, tried):
            sitting[person] = seat
            return True
    return False
