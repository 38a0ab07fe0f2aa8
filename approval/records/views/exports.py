"""Records in the browser: what can be shown, exports, how to verify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Response, flash, redirect, render_template, request, send_file, url_for

from approval import clock
from approval.audit.queries.entries import Head, head
from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import Invalid, NotFound, Refusal
from approval.people.queries import workspace_facts
from approval.records import queries, services, verify as verifier
from approval.records.forms import ExportForm
from approval.records.queries import (
    AccessStanding,
    ExportFacts,
    HitFacts,
    LookbackFacts,
    RequestFacts,
)
from approval.records.services import pages
from approval.records.views.routes import PAGE, Tabs, blueprint, tabs
from approval.screening.services import rule_names
from approval.web.files import attached
from approval.web.identity import (
    current,
    ensure_may_see_own,
    hooks,
    origin,
    require,
    signed_in,
    unseen,
    workspace,
)
from approval.web.paging import format_cursor, parse_cursor

_USUAL_DAYS = timedelta(days=30)


@dataclass(frozen=True)
class RecordsPage:
    """The exports of a workspace, newest first, and the key to verify them with."""

    workspace: str
    zone: str
    head: Head
    exports: list[ExportFacts]
    lookbacks: tuple[LookbackFacts, ...]
    next_url: str | None
    prev_url: str | None
    kept: int
    may_export: bool
    shared_keys: bool
    access: AccessStanding
    tabs: Tabs


@dataclass(frozen=True)
class LookbackPage:
    """What a lookback flagged, and who answered for it."""

    workspace: str
    lookback: LookbackFacts
    hits: tuple[HitFacts, ...]
    names: Mapping[str, str]
    """What the rules in force are called, by id."""
    next_url: str | None
    zone: str
    may_answer: bool
    refusal: Refusal | None


@dataclass(frozen=True)
class ExportPage:
    """One export, and the key to verify it with."""

    export: ExportFacts
    zone: str
    vkey: str
    written: int
    request: RequestFacts | None


@blueprint.get("/records")
@require(Capability.READ_AUDIT)
def exports() -> str:
    """Show what can be shown: exports, case files, how to verify."""
    name = workspace()
    return _records(name, _blank(name))


def _blank(name: str) -> ExportForm:
    with reading() as session:
        today = clock.wall_time(clock.now(session), workspace_facts(session, name).zone).date()
    form = ExportForm(workspace=name, first_day=today - _USUAL_DAYS, last_day=today)
    form.workspace.data = name
    return form


def _records(name: str, form: ExportForm) -> str:
    cursor = parse_cursor(request.args.get("before"), int)
    before = None if cursor is None else int(str(cursor[0]))
    with reading() as session:
        found = queries.exports(session, name, before=before, limit=PAGE + 1)
        page = RecordsPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            head=head(session, name),
            exports=found[:PAGE],
            lookbacks=queries.lookbacks(session, name, limit=PAGE),
            next_url=_url(name, before=format_cursor(found[PAGE - 1].id)) if len(found) > PAGE else None,
            prev_url=_url(name) if before is not None else None,
            kept=queries.bytes_kept(session, name),
            may_export=can(current(), Capability.EXPORT, name),
            shared_keys=hooks().settings.keys.is_relative_to(hooks().settings.data),
            access=queries.access_standing(session, name),
            tabs=tabs(name),
        )
    return render_template("records/exports.html", page=page, form=form)


def _url(name: str, before: str | None = None) -> str:
    return url_for("records.exports", workspace=name, before=before)


@blueprint.post("/records/exports")
@require(Capability.EXPORT)
def ask() -> Any:
    """Ask for an export."""
    name, form = workspace(), ExportForm()
    if form.validate_on_submit():
        try:
            with transaction(origin()) as session:
                place = _asked(session, name, form)
            flash("The export is being written. You are told when it is ready.", "success")
            return redirect(place)
        except Invalid as refusal:
            form.form_errors.append(refusal.detail)
    return _records(name, form), 422


def _asked(session: Session, name: str, form: ExportForm) -> str:
    """Ask for what the form says, and return where it is shown."""
    days = {"first_day": form.first_day.data, "last_day": form.last_day.data}
    if form.in_parts:
        most = None if form.megabytes.data is None else form.megabytes.data * 1_000_000
        series = services.ask_parts(
            session, workspace=name, **days, most_posts=form.most_posts.data, most_bytes=most, by=current()
        )
        return url_for("records.series", series_id=series.id)
    asked = services.ask_export(session, workspace=name, **days, filters=form.filters(), by=current())
    return url_for("records.export", export_id=asked.id)


@blueprint.get("/records/lookbacks/<int:lookback_id>")
@require(Capability.READ_AUDIT)
def lookback(lookback_id: int) -> str:
    """Show what a lookback flagged."""
    return _lookback(lookback_id)


def _lookback(lookback_id: int, refusal: Refusal | None = None) -> str:
    name = workspace()
    cursor = parse_cursor(request.args.get("after"), int)
    after = 0 if cursor is None else int(str(cursor[0]))
    with reading() as session:
        facts = queries.lookback(session, name, lookback_id)
        found = queries.hits(session, lookback_id, after=after, limit=PAGE + 1)
        more = len(found) > PAGE
        page = LookbackPage(
            workspace=name,
            lookback=facts,
            hits=found[:PAGE],
            names=rule_names(session, name),
            next_url=url_for(
                "records.lookback", lookback_id=lookback_id, workspace=name, after=format_cursor(found[PAGE - 1].id)
            )
            if more
            else None,
            zone=workspace_facts(session, name).zone,
            may_answer=can(current(), Capability.ACCEPT_FINDING, name),
            refusal=refusal,
        )
    return render_template("records/lookback.html", page=page)


@blueprint.post("/records/lookbacks/<int:lookback_id>/hits/<int:hit_id>")
@require(Capability.ACCEPT_FINDING)
def answer_hit(lookback_id: int, hit_id: int) -> Any:
    """Say what follows from a publication that a lookback flagged."""
    name = workspace()
    try:
        with transaction(origin()) as session:
            services.answer_hit(session, name, hit_id, by=current(), words=request.form.get("answer", ""))
    except Invalid as refusal:
        return _lookback(lookback_id, refusal), 422
    flash("Your answer is recorded.", "success")
    return redirect(url_for("records.lookback", lookback_id=lookback_id, workspace=name))


@blueprint.get("/records/exports/<int:export_id>")
@signed_in
def export(export_id: int) -> str:
    """Show how far an export is; once it is ready, fetch both files."""
    with reading() as session:
        with unseen():
            facts = queries.export(session, export_id)
        ensure_may_see_own(Capability.READ_AUDIT, facts, by=facts.asked_by)
        page = ExportPage(
            export=facts,
            zone=workspace_facts(session, facts.workspace).zone,
            vkey=head(session, facts.workspace).vkey,
            written=queries.written_so_far(hooks().settings.data, facts.id) if facts.moving else 0,
            request=queries.answered_by(session, facts.id) if can(current(), Capability.READ_AUDIT, facts) else None,
        )
    return render_template("records/export.html", page=page)


@blueprint.get("/records/exports/<int:export_id>/download")
@signed_in(scope="export")
def download(export_id: int) -> Response:
    """Hand out the archive; that is recorded first."""
    facts = _fetchable(export_id)
    path = _path(facts)
    with transaction(origin()) as session:
        services.fetched(session, facts, by=current())
    return send_file(path, mimetype="application/zip", as_attachment=True, download_name=facts.file_name)


@blueprint.get("/records/exports/<int:export_id>/note")
@signed_in(scope="export")
def note(export_id: int) -> Response:
    """Hand out the signed note that belongs beside the archive."""
    facts = _fetchable(export_id)
    path = _path(facts)
    return attached(path.with_name(f"{path.name}.note").read_bytes(), f"{facts.file_name}.note", "text/plain")


def _fetchable(export_id: int) -> ExportFacts:
    with reading() as session, unseen():
        facts = queries.export(session, export_id)
    ensure_may_see_own(Capability.EXPORT, facts, by=facts.asked_by)
    services.ensure_fetchable(facts)
    return facts


def _path(facts: ExportFacts) -> Path:
    path = queries.archive_of(hooks().settings.data, facts.id)
    if not path.is_file():
        raise NotFound("The files of this export are not on this server any more. Ask for the same days again.")
    return path


@blueprint.get("/records/verify.html")
@signed_in
def verifier_page() -> Response:
    """Hand out the verifier that runs in a browser: a file to be kept, never a page of this server."""
    return attached(pages.verifier_page(), "verify.html", "text/html")


@blueprint.get("/records/verify.py")
@signed_in
def verifier_source() -> Response:
    """Hand out the stand-alone verifier."""
    return attached(Path(verifier.__file__).read_bytes(), "verify.py", "text/x-python")
