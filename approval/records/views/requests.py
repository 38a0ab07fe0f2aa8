"""What regulators ask for, in the browser: the letter, its items with their answers, the bundle, the hand-over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for

from approval import clock
from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import NotFound, Refusal
from approval.people.queries import channels, workspace_facts
from approval.records import queries, services
from approval.records.models import ItemKind
from approval.records.queries import Asks, ExportFacts, ItemFacts, Period, Preview, RequestFacts
from approval.records.queries.requests import file_of
from approval.records.queries.requests_answers import limits
from approval.records.services.requesting import MOST_ITEMS
from approval.records.views.request_forms import USUAL, WORDS, ItemForm, RequestForm, show
from approval.records.views.routes import PAGE, Tabs, blueprint, tabs
from approval.web.errors import status_of
from approval.web.files import attached
from approval.web.identity import current, ensure_may, hooks, origin, require, signed_in, unseen, workspace
from approval.web.paging import format_cursor, parse_cursor

_USUAL_DAYS = timedelta(days=365)
_ITEMS = 12
"""Items of which a page shows the answers: each is a question to the database."""


@dataclass(frozen=True)
class RequestsPage:
    """The letters of a workspace, newest first."""

    workspace: str
    zone: str
    requests: tuple[RequestFacts, ...]
    next_url: str | None
    may_answer: bool
    tabs: Tabs


@dataclass(frozen=True)
class Shown:
    """An item, its place in the letter, and its answer as it stands now."""

    place: int
    item: ItemFacts
    label: str
    limits: str
    preview: Preview


@dataclass(frozen=True)
class RequestPage:
    """A letter with its items and what answers them."""

    request: RequestFacts
    zone: str
    items: tuple[Shown, ...]
    count: int
    most: int
    next_url: str | None
    kinds: tuple[tuple[ItemKind, str], ...]
    adding: str | None
    export: ExportFacts | None
    written: int
    may_answer: bool
    refusal: str


@blueprint.get("/records/requests")
@require(Capability.READ_AUDIT)
def requests() -> str:
    """Show what regulators asked for."""
    name = workspace()
    with reading() as session:
        today = clock.wall_time(clock.now(session), workspace_facts(session, name).zone).date()
    form = RequestForm(received=today, first_day=today - _USUAL_DAYS, last_day=today, usual=True)
    form.workspace.data = name
    return _requests(name, form)


def _requests(name: str, form: RequestForm) -> str:
    cursor = parse_cursor(request.args.get("before"), int)
    with reading() as session:
        before = None if cursor is None else int(str(cursor[0]))
        found = queries.request_lists(session, name, before=before, limit=PAGE + 1)
        page = RequestsPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            requests=found[:PAGE],
            next_url=url_for("records.requests", workspace=name, before=format_cursor(found[PAGE - 1].id))
            if len(found) > PAGE
            else None,
            may_answer=can(current(), Capability.HOLD, name),
            tabs=tabs(name),
        )
    return render_template("records/requests.html", page=page, form=form)


@blueprint.post("/records/requests")
@require(Capability.HOLD)
def draft_request() -> Any:
    """Enter a letter."""
    name, form = workspace(), RequestForm()
    if not form.validate_on_submit():
        return _requests(name, form), 422
    try:
        with transaction(origin()) as session:
            made = services.draft_request(
                session,
                name,
                regulator=form.regulator.data,
                matter=form.matter.data,
                received=form.received.data,
                due=form.due.data,
                first_day=form.first_day.data,
                last_day=form.last_day.data,
                by=current(),
            )
            for kind in USUAL if form.usual.data else ():
                asks = Asks(on=form.last_day.data) if kind is ItemKind.PROCEDURES else Asks()
                services.add_item(session, made.id, kind=kind, words=WORDS[kind], asks=asks, by=current())
            id_ = made.id
    except Refusal as refusal:
        show(form, refusal)
        return _requests(name, form), status_of(refusal)
    return redirect(url_for("records.request_list", request_id=id_))


@blueprint.get("/records/requests/<int:request_id>")
@signed_in
def request_list(request_id: int) -> str:
    """Show a letter, item by item, with what answers it."""
    with reading() as session:
        facts = _seen(session, request_id, Capability.READ_AUDIT)
    kind = request.args.get("add", "")
    form = None
    if facts.open and kind in set(ItemKind):
        form = ItemForm(kind=kind, words=WORDS[ItemKind(kind)], on=facts.last_day, seed=facts.received.isoformat())
    return _request(request_id, form)


def _request(request_id: int, form: ItemForm | None = None, refusal: str = "") -> str:
    cursor = parse_cursor(request.args.get("after"), int)
    after = 0 if cursor is None else int(str(cursor[0]))
    with reading() as session:
        facts = _seen(session, request_id, Capability.READ_AUDIT)
        firm = workspace_facts(session, facts.workspace)
        if form is not None:
            form.offer(channels(session, facts.workspace))
        items = queries.items_of(session, request_id)
        export = queries.bundle_of(session, facts)
        page = RequestPage(
            request=facts,
            zone=firm.zone,
            items=tuple(
                Shown(
                    place,
                    item,
                    queries.LABELS[item.kind],
                    limits(item),
                    queries.preview(session, firm, Period(facts.first_day, facts.last_day, firm.zone), item),
                )
                for place, item in list(enumerate(items, 1))[after : after + _ITEMS]
            ),
            count=len(items),
            most=MOST_ITEMS,
            next_url=url_for("records.request_list", request_id=request_id, after=format_cursor(after + _ITEMS))
            if len(items) > after + _ITEMS
            else None,
            kinds=tuple(queries.LABELS.items()),
            adding=None if form is None or form.asked is None else queries.LABELS[form.asked],
            export=export,
            written=queries.written_so_far(hooks().settings.data, export.id) if export and export.moving else 0,
            may_answer=can(current(), Capability.HOLD, facts.workspace),
            refusal=refusal,
        )
    return render_template("records/request.html", page=page, form=form)


def _seen(session: Session, request_id: int, capability: Capability) -> RequestFacts:
    with unseen():
        facts = queries.request_list(session, request_id)
    ensure_may(capability, facts)
    return facts


def _back(request_id: int) -> Response:
    return redirect(url_for("records.request_list", request_id=request_id))  # type: ignore[return-value]


@blueprint.post("/records/requests/<int:request_id>/items")
@signed_in
def add_item(request_id: int) -> Any:
    """Add an item to a letter."""
    with reading() as session:
        facts = _seen(session, request_id, Capability.HOLD)
        form = ItemForm()
        form.offer(channels(session, facts.workspace))
    if form.asked is None:
        return _request(request_id, None, "Choose what kind of answer the item gets."), 422
    if not form.validate_on_submit():
        return _request(request_id, form), 422
    try:
        with transaction(origin()) as session:
            services.add_item(
                session,
                request_id,
                kind=form.asked,
                words=form.words.data,
                asks=form.asks(),
                file=form.upload(),
                by=current(),
            )
    except Refusal as refusal:
        show(form, refusal)
        return _request(request_id, form), status_of(refusal)
    return _back(request_id)


@blueprint.post("/records/requests/<int:request_id>/items/<int:number>/remove")
@signed_in
def remove_item(request_id: int, number: int) -> Response:
    """Take an item out of a letter."""
    with transaction(origin()) as session:
        _seen(session, request_id, Capability.HOLD)
        services.remove_item(session, request_id, number, by=current())
    return _back(request_id)


@blueprint.post("/records/requests/<int:request_id>/items/<int:number>/file")
@signed_in
def answer_item(request_id: int, number: int) -> Any:
    """Put in a file as the answer to an item."""
    sent = request.files.get("file")
    try:
        with transaction(origin()) as session:
            _seen(session, request_id, Capability.HOLD)
            services.answer_item(session, request_id, number, file=sent.read() if sent else b"", by=current())
    except NotFound:
        raise
    except Refusal as refusal:
        return _request(request_id, None, refusal.detail), status_of(refusal)
    flash("The file is put in.", "success")
    return _back(request_id)


@blueprint.get("/records/requests/<int:request_id>/items/<int:number>/file")
@signed_in
def item_file(request_id: int, number: int) -> Response:
    """Hand out the file that answers an item."""
    with reading() as session:
        facts = _seen(session, request_id, Capability.READ_AUDIT)
        item = next((item for item in queries.items_of(session, facts.id) if item.number == number), None)
        data = None if item is None else file_of(session, item.id)
    if item is None or data is None:
        raise NotFound("No file answers this item.")
    end = "txt" if item.file_kind == "text/plain" else str(item.file_kind).rpartition("/")[2]
    return attached(data, f"request-{facts.id}-item-{number}.{end}", str(item.file_kind))


@blueprint.post("/records/requests/<int:request_id>/write")
@signed_in
def write_request(request_id: int) -> Any:
    """Ask that the answers be written as one bundle."""
    try:
        with transaction(origin()) as session:
            _seen(session, request_id, Capability.HOLD)
            services.write_request(session, request_id, by=current())
    except NotFound:
        raise
    except Refusal as refusal:
        return _request(request_id, None, refusal.detail), status_of(refusal)
    flash("The answers are being written. You are told when they are ready.", "success")
    return _back(request_id)


@blueprint.post("/records/requests/<int:request_id>/reopen")
@signed_in
def reopen_request(request_id: int) -> Response:
    """Take the answers back, to change the items."""
    with transaction(origin()) as session:
        _seen(session, request_id, Capability.HOLD)
        services.reopen_request(session, request_id, by=current())
    return _back(request_id)


@blueprint.post("/records/requests/<int:request_id>/hand-over")
@signed_in
def hand_over(request_id: int) -> Any:
    """Record that the answers were handed over."""
    try:
        with transaction(origin()) as session:
            _seen(session, request_id, Capability.HOLD)
            services.hand_over(session, request_id, to=request.form.get("to", ""), by=current())
    except NotFound:
        raise
    except Refusal as refusal:
        return _request(request_id, None, refusal.detail), status_of(refusal)
    flash("Recorded: the answers were handed over.", "success")
    return _back(request_id)
