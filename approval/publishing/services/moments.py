"""The instant that a person means: an instant with its offset, or a wall time in a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from approval import clock
from approval.errors import BadTime, Problem

_WALL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?")


@dataclass(frozen=True)
class Moment:
    """An instant in UTC, and the same on a wall in an IANA zone (to the second)."""

    instant: datetime
    wall: str
    zone: str


def moment(text: str, zone: str, *, fold: int | None = None) -> Moment:
    """Read an RFC 3339 instant, or a wall time such as 2026-11-21T09:00 in *zone*.

    A wall time that is skipped is refused, one that comes twice too, unless *fold* (0 earlier, 1 later) chooses.
    """
    if not _WALL.fullmatch(text):
        return at(clock.from_text(text), zone)
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as error:
        what = f"“{text}” is not a date and time."
        raise BadTime(what, problems=(Problem("publish_at", what),)) from error
    return at(clock.from_wall(wall, zone, fold=fold), zone)


def at(instant: datetime, zone: str) -> Moment:
    """Return an instant with its wall time in *zone*."""
    try:
        wall = clock.wall_time(instant, zone)
    except (OverflowError, ValueError) as error:
        raise BadTime("This instant lies outside the calendar.") from error
    return Moment(instant, f"{wall.replace(microsecond=0):%Y-%m-%dT%H:%M:%S}", zone)
