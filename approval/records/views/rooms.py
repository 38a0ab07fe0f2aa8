"""The rooms of a workspace as the firm sees them: who was let in, to what, until when, and what they looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from approval import clock
from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import Conflict, NotFound, Refusal
from approval.people.models import Person, Room
from approval.people.queries import channels, workspace_facts
from approval.people.queries.rooms import NO_ROOM, RoomFacts, room as room_facts, rooms as rooms_of
from approval.people.services import accounts, factors, rooms as services
from approval.records.forms import RoomEndForm, RoomForm
from approval.records.queries.rooms import last_seen, looks
from approval.records.services.rooms import ensure_known
from approval.records.views.looking import Step, steps
from approval.records.views.routes import PAGE, Tabs, blueprint, tabs
from approval.web.errors import status_of
from approval.web.identity import current, ensure_may, hooks, origin, require, signed_in, unseen, workspace
from approval.web.paging import format_cursor, parse_cursor

_USUAL = timedelta(days=30)
OPENS = services.OPENS


@dataclass(frozen=True)
class RoomsPage:
    """The rooms of a workspace, newest first, when each examiner was last there, and the form of an invitation."""

    workspace: str
    zone: str
    rooms: tuple[RoomFacts, ...]
    seen: Mapping[str, datetime]
    next_url: str | None
    form: RoomForm
    mails: bool
    tabs: Tabs


@dataclass(frozen=True)
class OneRoomPage:
    """One room, what its examiner looked at, and what the firm may do with it."""

    room: RoomFacts
    zone: str
    steps: tuple[Step, ...]
    next_url: str | None
    form: RoomEndForm
    administers: bool


@dataclass(frozen=True)
class HandedOver:
    """A page that shows the link of an invitation once, where no mail server would carry it."""

    title: str
    detail: str
    label: str
    secret: str
    href: str
    note: str


@blueprint.get("/records/rooms")
@require(OPENS)
def rooms() -> str:
    """List the rooms of a workspace; let an examiner in."""
    name = workspace()
    with reading() as session:
        zone = workspace_facts(session, name).zone
        today = clock.wall_time(clock.now(session), zone).date()
    me = current()
    contact = f"{me.name}, {me.email}"
    return _rooms(name, RoomForm(formdata=None, workspace=name, ends=today + _USUAL, contact=contact))


def _rooms(name: str, form: RoomForm) -> str:
    cursor = parse_cursor(request.args.get("before"), int)
    before = None if cursor is None else int(str(cursor[0]))
    with reading() as session:
        form.channels.choices = _channels(session, name)
        found = rooms_of(session, name, before=before, limit=PAGE + 1)
        more = len(found) > PAGE
        page = RoomsPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            rooms=found[:PAGE],
            seen=last_seen(session, name, {one.person for one in found}),
            next_url=url_for("records.rooms", workspace=name, before=format_cursor(found[PAGE - 1].id))
            if more
            else None,
            form=form,
            mails=hooks().settings.smtp_url is not None,
            tabs=tabs(name),
        )
    return render_template("records/rooms.html", page=page)


def _channels(session: Session, name: str) -> list[SelectChoice]:
    return [SelectChoice(channel.name, channel.title) for channel in channels(session, name)]


@blueprint.post("/records/rooms")
@require(OPENS)
def open_room() -> Any:
    """Let an examiner in: for this workspace, in one matter, within limits, until a day."""
    name, form = workspace(), RoomForm()
    with reading() as session:
        form.channels.choices = _channels(session, name)
    if not form.validate_on_submit():
        return _rooms(name, form), 422
    try:
        id_, secret = _opened(name, form)
    except Refusal as refusal:
        form.show(refusal)
        return _rooms(name, form), status_of(refusal)
    return _answer(id_, secret, form.name.data)


def _opened(name: str, form: RoomForm) -> tuple[int, str | None]:
    with transaction(origin()) as session:
        ensure_known(session, name, form.limits())
        made, secret = services.invite(
            session,
            name,
            email=form.email.data,
            name=form.name.data,
            matter=form.matter.data,
            contact=form.contact.data,
            limits=form.limits(),
            last_day=form.ends.data,
            by=current(),
            key=hooks().settings.secret_key,
        )
        return made.id, secret


def _answer(id_: int, secret: str | None, name: str) -> Any:
    onward = url_for("records.room_of", room_id=id_)
    if secret is None or hooks().settings.smtp_url is not None:
        flash("The examiner is told by e-mail.", "success")
        return redirect(onward)
    base = hooks().settings.base_url or request.host_url.rstrip("/")
    page = HandedOver(
        title=f"{name} is invited",
        detail="No mail server is set (APPROVAL_SMTP_URL), so the invitation is yours to hand over.",
        label="Invitation",
        secret=f"{base}/invitation/{secret}",
        href=onward,
        note="It works once, for 7 days. Whoever opens it chooses the password: give it to nobody else.",
    )
    return render_template("people/once.html", page=page)


# -- one room ----------------------------------------------------------------------------------------------------


@blueprint.get("/records/rooms/<int:room_id>")
@signed_in
def room_of(room_id: int) -> str:
    """Show a room to the firm: its limits, its end, and every step of its examiner."""
    return _room(room_id, None)


def _room(room_id: int, form: RoomEndForm | None) -> str:
    cursor = parse_cursor(request.args.get("before"), int)
    before = None if cursor is None else int(str(cursor[0]))
    with reading() as session:
        with unseen():
            facts = room_facts(session, room_id)
        ensure_may(OPENS, facts)
        found = looks(session, facts.workspace, facts.person, since=facts.opened_at, before=before, limit=PAGE + 1)
        zone = workspace_facts(session, facts.workspace).zone
        page = OneRoomPage(
            room=facts,
            zone=zone,
            steps=steps(found[:PAGE]),
            next_url=url_for("records.room_of", room_id=room_id, before=format_cursor(found[PAGE - 1].index))
            if len(found) > PAGE
            else None,
            form=form or RoomEndForm(formdata=None, ends=_last_day(facts.ends_at, zone)),
            administers=can(current(), Capability.ADMINISTER, facts),
        )
    return render_template("records/room_of.html", page=page)


def _last_day(ends_at: datetime, zone: str) -> date:
    return clock.wall_time(ends_at - timedelta(seconds=1), zone).date()


def _row(session: Session, room_id: int, capability: Capability = OPENS) -> Room:
    row = session.get(Room, room_id, with_for_update=True)
    with unseen():
        if row is None:
            raise NotFound(NO_ROOM)
    ensure_may(capability, row)
    return row


@blueprint.post("/records/rooms/<int:room_id>/until")
@signed_in
def move_room_end(room_id: int) -> Any:
    """Let an examiner in for longer, or for a shorter time."""
    form = RoomEndForm()
    try:
        with transaction(origin()) as session:
            row = _row(session, room_id)
            if form.validate_on_submit():
                services.move_end(session, row, last_day=form.ends.data, by=current())
    except Refusal as refusal:
        if not refusal.problems:
            raise
        form.ends.errors = [problem.what for problem in refusal.problems]
    if form.errors or form.ends.errors:
        return _room(room_id, form), 422
    flash("The end of the room is changed.", "success")
    return redirect(url_for("records.room_of", room_id=room_id))


@blueprint.post("/records/rooms/<int:room_id>/end")
@signed_in
def end_room(room_id: int) -> Response:
    """Shut an examiner out now."""
    with transaction(origin()) as session:
        services.end(session, _row(session, room_id), by=current())
    flash("The room has ended; the examiner is shut out.", "success")
    return redirect(url_for("records.room_of", room_id=room_id))


@blueprint.post("/records/rooms/<int:room_id>/invite")
@signed_in
def invite_to_room(room_id: int) -> Any:
    """Write to the examiner again; a link sent before becomes void."""
    with transaction(origin()) as session:
        row = _row(session, room_id)
        if row.ended_at is not None:
            raise Conflict("This room was ended. Invite the examiner anew.")
        person = session.get_one(Person, row.person)
        name = person.name
        secret = services.write(session, row, person, by=current().id, key=hooks().settings.secret_key)
    return _answer(room_id, secret, name)


@blueprint.post("/records/rooms/<int:room_id>/factor/reset")
@signed_in
def reset_factor_of_room(room_id: int) -> Response:
    """Take away the second factor of an examiner who lost the device; they set up a new one as they come in."""
    with transaction(origin()) as session:
        row = _row(session, room_id, Capability.ADMINISTER)
        person = session.get_one(Person, row.person)
        accounts.ensure_may_close(session, person, by=current())
        factors.reset(session, person, by=current().id)
    flash("The second factor is taken away. The examiner is told, and sets up a new one.", "success")
    return redirect(url_for("records.room_of", room_id=room_id))
