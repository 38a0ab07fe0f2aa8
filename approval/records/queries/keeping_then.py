"""Until when a post was to be kept, and which holds covered it, by what stood at an entry of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from approval import clock
from approval.posts.models import Standing
from approval.records.keeping import Criteria, Kept, Life, covers, keep, parse_retention
from approval.records.queries.folding import Row, Step
from approval.records.queries.keeping import Words, parts_of


def kept_then(mine: Sequence[Row], grounds: Sequence[Row], past: Sequence[Step]) -> Kept | None:
    """Return how long a post was to be kept, by the rules in force then; None where these cannot be read.

    *mine* are its rows as they stood, *grounds* what they rested on, *past* the entries about it so far.
    """
    zone = _zone(grounds)
    rules = [row for row in grounds if row.table == "retention_version" and row.get("enacted_at")]
    newest = max(rules, key=lambda row: (row.get("enacted_at"), row.get("number")), default=None)
    if newest is None or newest.get("source") is None or zone is None:
        return None
    record = _post(mine)
    decided = [clock.from_text(row.get("at")) for row in mine if row.table == "decision"]
    parts = parts_of(
        zone,
        Standing(record.get("standing")),
        clock.from_text(record.get("created_at")),
        _changed(mine, past),
        max((gone or published for published, gone in _uses(mine)), default=None),
        max(decided, default=None),
        {bytes.fromhex(row.get("digest")): _words(row) for row in mine if row.table == "revision"},
    )
    return keep(parse_retention(newest.get("source")), *parts)


def covering(post: int, mine: Sequence[Row], grounds: Sequence[Row], past: Sequence[Step]) -> tuple[Row, ...]:
    """Return of what stood then the holds that covered a post; those of this post alone are among its own rows."""
    zone = _zone(grounds)
    if zone is None:
        return ()
    seen = any(gone is None for _, gone in _uses(mine))
    life = Life(
        post=post,
        people=frozenset(step.actor for step in past) | {row.get("by") for row in mine if row.table == "edit"},
        products=frozenset[str]().union(*(_words(row).products for row in mine if row.table == "revision")),
        first_day=_day(clock.from_text(_post(mine).get("created_at")), zone),
        last_day=None if seen else _day(_changed(mine, past), zone),
    )
    holds = (row for row in grounds if row.table == "hold" and row.get("lifted_at") is None)
    return tuple(row for row in holds if covers(_criteria(row), life))


def _criteria(hold: Row) -> Criteria:
    first, last = hold.get("first_day"), hold.get("last_day")
    return Criteria(
        hold.get("person"),
        hold.get("post"),
        hold.get("product"),
        date.fromisoformat(first) if first else None,
        date.fromisoformat(last) if last else None,
    )


def _post(mine: Iterable[Row]) -> Row:
    return next(row for row in mine if row.table == "post")


def _zone(grounds: Iterable[Row]) -> str | None:
    return next((row.get("zone") for row in grounds if row.table == "workspace"), None)


def _words(revision: Row) -> Words:
    return Words.of(revision.get("title") or "", revision.get("payload") or "")


def _changed(mine: Iterable[Row], past: Iterable[Step]) -> datetime:
    acts = [step.at for step in past if not step.kind.startswith("hold.")]
    return max((clock.from_text(_post(mine).get("changed_at")), *acts))


def _uses(mine: Sequence[Row]) -> list[tuple[datetime, datetime | None]]:
    """Return when each publication went out, and when it was found gone."""
    gone = {row.get("publication"): row.get("gone_at") for row in mine if row.table == "take_down"}
    used = [row for row in mine if row.table == "publication" and row.get("published_at")]
    return [(clock.from_text(row.get("published_at")), _instant(gone.get(row.get("id")))) for row in used]


def _instant(text: str | None) -> datetime | None:
    return None if text is None else clock.from_text(text)


def _day(instant: datetime, zone: str) -> date:
    return clock.wall_time(instant, zone).date()
