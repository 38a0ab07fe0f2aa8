"""The room of an examiner: what they may see and until when, how to begin, and their own steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for

from approval import clock
from approval.audit.queries.entries import Head, head
from approval.capabilities import Room
from approval.db import Session, reading, transaction
from approval.errors import Invalid
from approval.people.queries import WorkspaceFacts, workspace_facts
from approval.people.queries.rooms import RoomFacts, room as room_facts
from approval.records.forms import RoomExportForm
from approval.records.queries import ExportFacts
from approval.records.queries.rooms import Look, Shown, exports_of, looks, shown
from approval.records.services.rooms import ask_in_room
from approval.records.views.looking import Step, steps
from approval.records.views.routes import PAGE, blueprint
from approval.web.identity import current, origin, room as my_room, signed_in
from approval.web.paging import format_cursor, parse_cursor

MOST_STEPS = 15
MOST_EXPORTS = 10
_LONGEST_WORDS = 100
_USUAL = timedelta(days=30)


@dataclass(frozen=True)
class Beside:
    """Another page for the examiner, where it is there and open to them."""

    label: str
    href: str
    about: str


@dataclass(frozen=True)
class RoomPage:
    """A room as its examiner sees it. `last_day` is the last on which they may come in; `words` those of the titles."""

    workspace: WorkspaceFacts
    room: RoomFacts
    last_day: date
    head: Head
    words: str
    posts: tuple[Shown, ...]
    next_url: str | None
    exports: tuple[ExportFacts, ...]
    steps: tuple[Step, ...]
    beside: tuple[Beside, ...]
    form: RoomExportForm


@blueprint.get("/records/room")
@signed_in
def room() -> str:
    """Show an examiner what they may see, until when, and how to begin."""
    return _page(None)


@blueprint.post("/records/room/exports")
@signed_in
def ask_for_room() -> Any:
    """Ask for an export of what the room shows."""
    form, mine = RoomExportForm(), my_room()
    if form.validate_on_submit():
        try:
            with transaction(origin()) as session:
                days = {"first_day": form.first_day.data, "last_day": form.last_day.data}
                asked = ask_in_room(session, mine, **days, by=current())
                id_ = asked.id
        except Invalid as refusal:
            for problem in refusal.problems:
                form[problem.where].errors = [problem.what]
        else:
            flash("The export is being written. You are told when it is ready.", "success")
            return redirect(url_for("records.export", export_id=id_))
    return _page(form), 422


def _page(form: RoomExportForm | None) -> str:
    mine, cursor = my_room(), parse_cursor(request.args.get("before"), int)
    before = None if cursor is None else int(str(cursor[0]))
    words = " ".join(request.args.get("words", "")[:_LONGEST_WORDS].split())
    with reading() as session:
        posts = shown(session, mine, words=words, before=before, limit=PAGE + 1)
        facts, firm = room_facts(session, mine.id), workspace_facts(session, mine.workspace)
        page = RoomPage(
            workspace=firm,
            room=facts,
            last_day=clock.wall_time(facts.ends_at - timedelta(seconds=1), firm.zone).date(),
            head=head(session, mine.workspace),
            words=words,
            posts=tuple(posts[:PAGE]),
            next_url=_url(mine, words, format_cursor(posts[PAGE - 1].id)) if len(posts) > PAGE else None,
            exports=exports_of(session, mine.workspace, current().id, limit=MOST_EXPORTS),
            steps=steps(_looks(session, facts)),
            beside=_beside(mine),
            form=form or _blank(session, mine, firm.zone),
        )
    return render_template("records/room.html", page=page)


def _looks(session: Session, facts: RoomFacts) -> list[Look]:
    return looks(session, facts.workspace, facts.person, since=facts.opened_at, before=None, limit=MOST_STEPS)


def _blank(session: Session, mine: Room, zone: str) -> RoomExportForm:
    today = clock.wall_time(clock.now(session), zone).date()
    last = min(mine.last_day or today, today)
    first = mine.first_day or last - _USUAL
    return RoomExportForm(formdata=None, workspace=mine.workspace, first_day=first, last_day=last)


def _url(mine: Room, words: str, before: str) -> str:
    return url_for("records.room", workspace=mine.workspace, words=words or None, before=before, _anchor="posts")


_BESIDE = (
    ("records.search", "Search", "words, people, days and rules over all posts, comments, decisions and entries"),
    ("records.requests", "Requests", "the items of your letter, each with its answer"),
    ("audit.log", "The log", "every entry, with its proof"),
    ("records.exports", "Records", "retention rules, legal holds and every export"),
    ("review.workflow", "Workflow", "which stages a post passes, now and before"),
    ("screening.rules", "Rules", "what is flagged, and why"),
)


def _beside(mine: Room) -> tuple[Beside, ...]:
    """Return the pages that are open beside the room: none where it has limits."""
    if not mine.everything:
        return ()
    there = [one for one in _BESIDE if one[0] in current_app.view_functions]
    return tuple(Beside(label, url_for(name, workspace=mine.workspace), about) for name, label, about in there)
