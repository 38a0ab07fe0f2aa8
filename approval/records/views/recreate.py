"""A post as it stood, in the browser and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from flask import Response, render_template, request, url_for

from approval import clock
from approval.audit.queries.entries import Head, head
from approval.capabilities import Capability
from approval.db import reading
from approval.errors import BadTime, Invalid, Problem
from approval.people.queries import workspace_facts
from approval.records import queries
from approval.records.queries import Recreated
from approval.records.queries.recreating import in_limits
from approval.records.queries.rooms import told_until
from approval.records.views.routes import blueprint
from approval.web.files import attached
from approval.web.identity import current, ensure_may_see, signed_in, unseen
from approval.web.numbers import number


@dataclass(frozen=True)
class RecreatedPage:
    """A post as it stood, the log that says so, and the addresses of the steps before and after."""

    found: Recreated
    log: Head
    first_url: str | None
    prev_url: str | None
    next_url: str | None
    last_url: str | None
    wall: str


@blueprint.get("/records/posts/<int:post_id>/at")
@signed_in
def recreated(post_id: int) -> str:
    """Show a post as it stood after an entry, or at an instant."""
    found = _found(post_id)
    with reading() as session:
        log = head(session, found.workspace)
    page = RecreatedPage(
        found=found,
        log=log,
        first_url=None if found.before is None else _url(found, found.first),
        prev_url=None if found.before is None else _url(found, found.before),
        next_url=None if found.after is None else _url(found, found.after),
        last_url=None if found.after is None else _url(found, found.last),
        wall=clock.wall_time(found.step.at, found.zone).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    return render_template("records/recreated.html", page=page)


@blueprint.get("/records/posts/<int:post_id>/at.json")
@signed_in(scope="export")
def recreated_file(post_id: int) -> Response:
    """Hand out a post as it stood, each value with the entry that set it."""
    found = _found(post_id)
    data = json.dumps(queries.as_json(found), ensure_ascii=False, indent=1) + "\n"
    return attached(data, f"{found.workspace}-post-{found.post}-entry-{found.cut}.json", "application/json")


def _found(post_id: int) -> Recreated:
    with reading() as session:
        with unseen():
            name = queries.workspace_of(session, post_id)
        ensure_may_see(Capability.READ_AUDIT, name, post=post_id)
        entry, at = _entry(), _instant(workspace_facts(session, name).zone)
        room = current().limited_to(name)
        until = told_until(session, room) if room else None
        found = queries.recreate(session, post_id, entry=entry, at=at, until=until)
    return in_limits(found) if room else found


def _entry() -> int | None:
    text = request.args.get("entry")
    try:
        return number(text) if text else None
    except ValueError as error:
        raise _unclear("entry", f"“{text[:40] if text else text}” is not the index of an entry.") from error


def _instant(zone: str) -> datetime | None:
    """Read the instant of this request: RFC 3339, or a wall time in the workspace's zone."""
    text = request.args.get("time", "").strip()
    if not text:
        return None
    try:
        if text.endswith("Z") or "+" in text:
            return clock.from_text(text)
        return clock.from_wall(datetime.fromisoformat(text), zone)
    except (BadTime, ValueError) as error:
        raise _unclear("time", f"“{text[:40]}” is not a time. Write it as 2026-11-21T09:00, in {zone}.") from error


def _unclear(field: str, what: str) -> Invalid:
    return Invalid(what, problems=(Problem(field, what),))


def _url(found: Recreated, entry: int) -> str:
    return url_for("records.recreated", post_id=found.post, entry=entry)
