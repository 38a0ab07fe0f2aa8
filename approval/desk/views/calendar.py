"""The calendar: a month, or the same as a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import render_template, request

from approval.capabilities import Capability, can
from approval.db import reading
from approval.desk.queries.calendar import CalendarPage, calendar_page
from approval.desk.views.routes import blueprint
from approval.errors import Invalid, Problem
from approval.web.identity import current, require, workspace

MOST_SHOWN = 4
"""Posts of a day in the month; the list has them all."""


@dataclass(frozen=True)
class Page:
    """The calendar as it is shown: `month` or `list`."""

    month: CalendarPage
    view: str
    most: int
    may_move: bool
    may_draft: bool


@blueprint.get("/calendar")
@require(Capability.READ)
def calendar() -> str:
    """Show what goes out when, in the workspace's zone."""
    name, view = workspace(), "list" if request.args.get("view") == "list" else "month"
    first = _month(request.args.get("month"))
    with reading() as session:
        found = calendar_page(session, name, first)
    actor = current()
    page = Page(found, view, MOST_SHOWN, can(actor, Capability.SCHEDULE, name), can(actor, Capability.DRAFT, name))
    return render_template("desk/calendar.html", page=page)


def _month(text: str | None) -> date | None:
    """Read a month such as 2026-11; the calendar reaches from 2000 to 2100."""
    if not text:
        return None
    try:
        first = date.fromisoformat(f"{text}-01")
        if not 2000 <= first.year <= 2100:
            raise ValueError("out of range")
    except ValueError as error:
        what = f"“{text[:20]}” is not a month such as 2026-11."
        raise Invalid(what, problems=(Problem("month", what),)) from error
    return first
