"""What is in an archive, before anything of it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from approval.records.archives.claims import Bad, Claims, Understood

MOST_NAMED = 100
"""Bad lines that are named; the others are counted."""
MOST_SHOWN = 5
_MOST_FIELDS = 40


@dataclass
class Look:
    """What was understood of an archive, and what was not; `undated` are kept as from the day they are brought."""

    good: int = 0
    bad: int = 0
    undated: int = 0
    first: datetime | None = None
    last: datetime | None = None
    size: int = 0

    def __post_init__(self) -> None:
        self.problems: list[Bad] = []
        self.samples: list[tuple[int, Claims]] = []
        self.unread: set[str] = set()

    def add(self, found: Understood | Bad, zone: tzinfo) -> None:
        """Count one more."""
        if isinstance(found, Bad):
            self.bad += 1
            if len(self.problems) < MOST_NAMED:
                self.problems.append(found)
            return
        self.good += 1
        self.size += len(found.data)
        if len(self.samples) < MOST_SHOWN:
            self.samples.append((found.number, found.claims))
        if len(self.unread) < _MOST_FIELDS:
            self.unread.update(found.unread)
        made, used = found.claims.made(zone), found.claims.used(zone)
        self.undated += used is None
        for at in filter(None, (made, used)):
            self.first = at if self.first is None else min(self.first, at)
            self.last = at if self.last is None else max(self.last, at)


def look_at(found: Iterable[Understood | Bad], zone: tzinfo) -> Look:
    """Look through an archive once; memory holds what is shown of it."""
    look = Look()
    for one in found:
        look.add(one, zone)
    return look
