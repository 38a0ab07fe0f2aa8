"""The only place that asks what time it is.

Instants are aware UTC. A wall time and its IANA zone are kept beside the instant where a person chose it.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from approval.errors import BadTime, Problem


class Asks(Protocol):
    """A session, as far as the clock needs one: its dialect's time, kept for one transaction."""

    @property
    def info(self) -> dict[Any, Any]: ...

    def database_time(self) -> datetime: ...


def now(session: Asks) -> datetime:
    """Return the database's time, asked once per transaction."""
    instant = session.info.get("now")
    if instant is None:
        instant = session.info["now"] = session.database_time()
    return instant


def host_date() -> date:
    """Return the host's date in UTC, for commands that have no database to ask."""
    return datetime.now(UTC).date()


def host_seconds() -> int:
    """Return the host's time in whole POSIX seconds, for a witness, which has no database to ask."""
    return int(time.time())


def monotonic() -> float:
    """Seconds for measuring durations; never a time of day."""
    return time.monotonic()


def to_text(instant: datetime) -> str:
    """Write an instant as RFC 3339 UTC with exactly six decimals, as entries hold it."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> datetime:
    """Read an RFC 3339 instant; one without an offset is refused."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTime(f"“{text[:40]}” is not an RFC 3339 instant such as 2026-11-21T09:00:00Z.") from error
    if instant.tzinfo is None:
        raise BadTime(f"“{text[:40]}” has no offset: write Z, or an offset such as +01:00.")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise BadTime(f"“{text[:40]}” lies outside every calendar.") from error


def zone_named(name: str) -> ZoneInfo:
    """Return the IANA zone, or refuse naming the input."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        problem = Problem("zone", f"“{name[:60]}” is not an IANA time zone such as Europe/Zurich.")
        raise BadTime(problem.what, problems=(problem,)) from error


def from_wall(wall: datetime, zone: str, *, fold: int | None = None) -> datetime:
    """Turn a naive wall time in *zone* into its instant.

    A time in the spring gap is refused. A time that comes twice in autumn is refused too, unless *fold*
    says which one is meant (0 the earlier, 1 the later).
    """
    tz = zone_named(zone)
    first, second = (wall.replace(tzinfo=tz, fold=n).astimezone(UTC) for n in (0, 1))
    if first.astimezone(tz).replace(tzinfo=None) != wall:
        raise BadTime(
            f"{wall:%Y-%m-%d %H:%M} does not exist in {zone}: clocks go forward there. Choose another time.",
            problems=(Problem("publish_at", "This local time is skipped when clocks go forward."),),
        )
    if first != second and fold is None:
        raise BadTime(
            f"{wall:%Y-%m-%d %H:%M} comes twice in {zone}: clocks go back there. Say which one is meant.",
            problems=(Problem("fold", f"Choose the first (UTC {first:%H:%M}) or the second (UTC {second:%H:%M})."),),
        )
    return second if fold == 1 else first


def wall_time(instant: datetime, zone: str) -> datetime:
    """Return the naive wall time of *instant* in *zone*."""
    return instant.astimezone(zone_named(zone)).replace(tzinfo=None)


def local(instant: datetime | str, zone: str = "UTC") -> str:
    """Write an instant in *zone*, with the zone's name: 21 Nov 2026, 14:05 CET."""
    there = _in_zone(instant, zone)
    return f"{there.day} {there:%b %Y, %H:%M %Z}"


def day(instant: datetime | date | str, zone: str = "UTC") -> str:
    """Write the day of an instant in *zone*: Saturday, 21 November 2026."""
    there = _in_zone(instant, zone) if isinstance(instant, datetime | str) else instant
    return f"{there:%A}, {there.day} {there:%B %Y}"


def _in_zone(instant: datetime | str, zone: str) -> datetime:
    moment = from_text(instant) if isinstance(instant, str) else instant
    return moment.astimezone(zone_named(zone))


def seconds(number: float) -> timedelta:
    """Return *number* seconds as a duration."""
    return timedelta(seconds=number)
