"""A table as every format shows it: typed columns, the zone said where an instant stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from approval import clock


class Sort(StrEnum):
    """What stands in a column."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    INSTANT = "instant"


@dataclass(frozen=True)
class Column:
    """A column: its heading, what stands in it, how wide it is in characters, and whether it stands in a summary."""

    name: str
    sort: Sort = Sort.TEXT
    width: int = 20
    brief: bool = False


@dataclass(frozen=True)
class Table:
    """An answer in rows. `rows` may be read once; `notes` say what the table is of, and what it is not."""

    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Any]]
    notes: tuple[str, ...] = ()


def headings(columns: Iterable[Column], zone: str) -> list[str]:
    """Return the headings; an instant has two, in UTC and in *zone*."""
    return [name for column in columns for name in _names(column, zone)]


def _names(column: Column, zone: str) -> tuple[str, ...]:
    return (f"{column.name} (UTC)", f"{column.name} ({zone})") if column.sort is Sort.INSTANT else (column.name,)


def in_text(columns: Sequence[Column], row: Sequence[Any], zone: str) -> Iterator[Any]:
    """Yield the cells of a row as text formats hold them: instants in RFC 3339, in UTC and with the zone's offset."""
    for column, value in zip(columns, row, strict=True):
        if column.sort is Sort.INSTANT:
            yield None if value is None else clock.to_text(value)
            yield None if value is None else value.astimezone(clock.zone_named(zone)).isoformat(timespec="seconds")
        else:
            yield value.isoformat() if isinstance(value, date) else value


def naive(columns: Sequence[Column], row: Sequence[Any], zone: str) -> Iterator[tuple[Sort, Any]]:
    """Yield the cells of a row as spreadsheets hold them: wall times whose zone stands in the heading."""
    for column, value in zip(columns, row, strict=True):
        if column.sort is Sort.INSTANT:
            for each in ("UTC", zone):
                yield Sort.INSTANT, value if value is None else _wall(value, each)
        else:
            yield column.sort, value


def _wall(instant: datetime, zone: str) -> datetime:
    return clock.wall_time(instant, zone).replace(microsecond=0)
