"""The calendar of keeping in the browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from flask import render_template, request, url_for

from approval import clock
from approval.capabilities import Capability, can
from approval.db import Session, reading
from approval.errors import Invalid, NotFound, Problem
from approval.people.queries import workspace_facts
from approval.records import queries
from approval.records.keeping.fate import ORDER
from approval.records.models import Kind
from approval.records.queries import Ending, Month, PostKeeping
from approval.records.queries.due import MOST_COUNTED, OVERDUE, Place
from approval.records.views.routes import PAGE, Tabs, blueprint, tabs
from approval.web.identity import current, require, workspace
from approval.web.paging import format_cursor, parse_cursor

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Due:
    """A record of the list: where it is shown, and of a post its keeping as it is now."""

    ending: Ending
    href: str
    keeping: PostKeeping | None


@dataclass(frozen=True)
class DuePage:
    """The months with how many records end in each, and the records of the chosen one."""

    workspace: str
    zone: str
    today: date
    months: tuple[Month, ...]
    chosen: Month
    records: tuple[Due, ...]
    any_hold: bool
    order: str
    most: int
    counting: bool
    next_url: str | None
    may_hold: bool
    tabs: Tabs

    @property
    def overdue(self) -> bool:
        """True where the list is of what has ended."""
        return self.chosen.key == OVERDUE


@blueprint.get("/records/due")
@require(Capability.READ_AUDIT)
def due() -> str:
    """Show which records' periods end when."""
    name, after = workspace(), place_in(request.args.get("after"))
    with reading() as session:
        zone = workspace_facts(session, name).zone
        today = clock.wall_time(clock.now(session), zone).date()
        months = queries.months(session, name, today)
        chosen = _chosen(months, request.args.get("month"))
        found = queries.endings(session, name, chosen, after=after, limit=PAGE + 1)
        shown = found[:PAGE]
        page = DuePage(
            workspace=name,
            zone=zone,
            today=today,
            months=months,
            chosen=chosen,
            records=_records(session, name, shown),
            any_hold=bool(queries.active_holds(session, name)),
            order=ORDER,
            most=MOST_COUNTED,
            counting=queries.is_counting(session, name),
            next_url=_next(name, chosen, shown[-1]) if len(found) > PAGE else None,
            may_hold=can(current(), Capability.HOLD, name),
            tabs=tabs(name),
        )
    return render_template("records/due.html", page=page)


def _chosen(months: tuple[Month, ...], key: str | None) -> Month:
    """Return the month that the address names; at first what is overdue, or the first month in which something ends."""
    if key:
        found = next((month for month in months if month.key == key), None)
        if found is None:
            raise NotFound("The calendar shows what is overdue and the next twelve months.")
        return found
    return next((month for month in months if month.count), months[1])


def _records(session: Session, name: str, shown: tuple[Ending, ...]) -> tuple[Due, ...]:
    posts = [one.record for one in shown if one.kind is Kind.POST]
    kept = queries.keeping_of_posts(session, name, posts)
    return tuple(Due(one, _href(name, one), kept.get(one.record) if one.kind is Kind.POST else None) for one in shown)


def _href(name: str, one: Ending) -> str:
    match one.kind:
        case Kind.POST:
            return url_for("records.case_file", post_id=one.record)
        case Kind.WORKFLOW:
            return url_for("review.version", number=one.number, workspace=name)
        case Kind.RULES:
            return url_for("screening.version", number=one.number, workspace=name)
        case Kind.RETENTION:
            return url_for("records.retention_version", number=one.number, workspace=name)
        case Kind.EXPORT:
            return url_for("records.export", export_id=one.record)
        case Kind.LOOKBACK:
            return url_for("records.lookback", lookback_id=one.record, workspace=name)
        case Kind.COMPLAINT:
            return url_for("records.complaint", complaint_id=one.record)
        case Kind.ARCHIVED:
            return url_for("records.archived", record_id=one.record)


def _next(name: str, chosen: Month, last: Ending) -> str:
    after = format_cursor(last.until.isoformat(), str(last.kind), last.record)
    return url_for("records.due", workspace=name, month=chosen.key, after=after)


def place_in(text: str | None) -> Place | None:
    """Return the place in a list of what ends that a cursor names."""
    cursor = parse_cursor(text, str, str, int)
    if cursor is None:
        return None
    until, kind, record = map(str, cursor)
    if _DAY.fullmatch(until) and kind in tuple(Kind):
        try:
            return date.fromisoformat(until), Kind(kind), int(record)
        except ValueError:
            pass  # A day that no calendar has.
    what = "This page address is damaged. Go back to the first page."
    raise Invalid(what, problems=(Problem("after", what),))
