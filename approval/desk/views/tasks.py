"""My tasks, and the way in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from approval.capabilities import Capability
from approval.db import reading
from approval.desk.queries.tasks import TasksPage, tasks_page
from approval.desk.views.routes import blueprint
from approval.web.identity import current, require, signed_in, workspace
from approval.web.paging import format_cursor, parse_cursor


@dataclass(frozen=True)
class Page:
    """The page of tasks, and the address of what follows."""

    tasks: TasksPage
    next_url: str | None
    first: str | None


@blueprint.get("/")
@signed_in
def home() -> Response:
    """Begin with what waits; an examiner begins in their room."""
    return redirect("/records/room" if current().rooms else url_for("desk.tasks"))


@blueprint.get("/tasks")
@require(Capability.READ)
def tasks() -> str:
    """Show what waits for whoever asks, riskiest and soonest first."""
    after = parse_cursor(request.args.get("after"), int, datetime, int)
    with reading() as session:
        found = tasks_page(session, current(), workspace(), after=after)  # type: ignore[arg-type]
    page = Page(
        found,
        url_for("desk.tasks", after=format_cursor(*found.after)) if found.after else None,
        url_for("desk.post", post_id=found.review[0].post) if found.review else None,
    )
    return render_template("desk/tasks.html", page=page)
