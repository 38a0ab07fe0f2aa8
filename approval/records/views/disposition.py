"""Disposing of what is due, in the browser: the list, the second person, how far it is, the certificate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for

from approval import clock
from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import Invalid, Problem, Refusal
from approval.people.queries import people_who, workspace_facts
from approval.records import queries, services
from approval.records.disposal_forms import DispositionForm
from approval.records.keeping.fate import ORDER
from approval.records.models import Kind
from approval.records.queries import DispositionFacts, Ending, ErasureFacts, Gone, Listed, PostKeeping
from approval.records.queries.disposing import MOST, today_in
from approval.records.queries.due import Place
from approval.records.views.due import place_in
from approval.records.views.routes import PAGE, Tabs, blueprint, tabs
from approval.web.errors import status_of
from approval.web.files import attached
from approval.web.identity import current, ensure_may, origin, require, signed_in, unseen, workspace
from approval.web.paging import format_cursor, parse_cursor


@dataclass(frozen=True)
class DispositionsPage:
    """What was disposed of, and who asked to be erased."""

    workspace: str
    zone: str
    dispositions: tuple[DispositionFacts, ...]
    erasures: tuple[ErasureFacts, ...]
    may_hold: bool
    next_url: str | None
    tabs: Tabs


@dataclass(frozen=True)
class Due:
    """A record that may go, and of a post what decides about it now."""

    ending: Ending
    keeping: PostKeeping | None


@dataclass(frozen=True)
class PreviewPage:
    """What would be on a list, page by page."""

    workspace: str
    zone: str
    through: date
    latest: date
    count: int
    most: int
    records: tuple[Due, ...]
    alone: bool
    order: str
    next_url: str | None


@dataclass(frozen=True)
class DispositionPage:
    """A list, what became of each record on it, and what this reader may do."""

    disposition: DispositionFacts
    zone: str
    items: tuple[Listed, ...]
    next_url: str | None
    may_hold: bool
    mine: bool


@dataclass(frozen=True)
class CertificatePage:
    """What was erased under a disposition or a request, from the entries of the log."""

    title: str
    href: str
    workspace: str
    zone: str
    facts: DispositionFacts | ErasureFacts
    lines: tuple[Gone, ...]
    download: str
    next_url: str | None


@blueprint.get("/records/dispositions")
@require(Capability.READ_AUDIT)
def dispositions() -> str:
    """Show what was disposed of, and the requests to erase."""
    name, before = workspace(), _number("before")
    with reading() as session:
        found = queries.dispositions(session, name, before=before, limit=PAGE + 1)
        page = DispositionsPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            dispositions=found[:PAGE],
            erasures=queries.erasures(session, name),
            may_hold=can(current(), Capability.HOLD, name),
            next_url=url_for("records.dispositions", workspace=name, before=format_cursor(found[PAGE - 1].id))
            if len(found) > PAGE
            else None,
            tabs=tabs(name),
        )
    return render_template("records/dispositions.html", page=page)


@blueprint.get("/records/dispositions/new")
@require(Capability.HOLD)
def new_disposition() -> str:
    """Show what would be disposed of, before anybody asks for it."""
    name = workspace()
    return _preview(name, DispositionForm(formdata=None, data={"workspace": name}))


def _preview(name: str, form: DispositionForm, through: date | None = None) -> str:
    after = place_in(request.args.get("after"))
    with reading() as session:
        latest = today_in(session, name) - timedelta(days=1)
        through = through or _day(request.args.get("through")) or latest
        found = queries.due_through(session, name, min(through, latest), after=after, limit=PAGE + 1)
        shown = found[:PAGE]
        posts = [one.record for one in shown if one.kind is Kind.POST]
        kept = queries.keeping_of_posts(session, name, posts)
        form.through.data = through.isoformat()
        page = PreviewPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            through=through,
            latest=latest,
            count=queries.count_through(session, name, min(through, latest)),
            most=MOST,
            records=tuple(Due(one, kept.get(one.record) if one.kind is Kind.POST else None) for one in shown),
            alone=_nobody_else(session, name),
            order=ORDER,
            next_url=url_for("records.new_disposition", workspace=name, through=through, after=_cursor(shown[-1]))
            if len(found) > PAGE
            else None,
        )
    return render_template("records/disposition_new.html", page=page, form=form)


def _cursor(last: Ending) -> str:
    place: Place = (last.until, last.kind, last.record)
    return format_cursor(place[0].isoformat(), str(place[1]), place[2])


def _nobody_else(session: Session, name: str) -> bool:
    return not {actor.id for actor in people_who(session, name, Capability.HOLD)} - {current().id}


@blueprint.post("/records/dispositions/new")
@require(Capability.HOLD)
def propose_disposition() -> Any:
    """Ask that everything be disposed of that is due."""
    name, form = workspace(), DispositionForm()
    through = _day(form.through.data)
    if not form.validate_on_submit() or through is None:
        return _preview(name, form, through), 422
    try:
        with transaction(origin()) as session:
            made = services.propose_disposition(
                session, name, through=through, by=current(), reason=form.reason.data.replace("\r\n", "\n")
            )
            id_ = made.id
    except Refusal as refusal:
        form.form_errors.append(refusal.detail)
        return _preview(name, form, through), status_of(refusal)
    flash("The list is fixed. Nothing goes before a second person agrees.", "success")
    return redirect(url_for("records.disposition", disposition_id=id_))


@blueprint.get("/records/dispositions/<int:disposition_id>")
@signed_in
def disposition(disposition_id: int) -> str:
    """Show a list, and what became of each record on it."""
    after = _number("after") or 0
    with reading() as session:
        facts = _seen(session, disposition_id, Capability.READ_AUDIT)
        found = queries.items(session, disposition_id, after=after, limit=PAGE + 1)
        page = DispositionPage(
            disposition=facts,
            zone=workspace_facts(session, facts.workspace).zone,
            items=found[:PAGE],
            next_url=url_for(
                "records.disposition", disposition_id=disposition_id, after=format_cursor(found[PAGE - 1].number)
            )
            if len(found) > PAGE
            else None,
            may_hold=can(current(), Capability.HOLD, facts.workspace),
            mine=facts.proposed_by == current().id,
        )
    return render_template("records/disposition.html", page=page)


def _seen(session: Session, disposition_id: int, capability: Capability) -> DispositionFacts:
    with unseen():
        facts = queries.disposition(session, disposition_id)
    ensure_may(capability, facts)
    return facts


@blueprint.post("/records/dispositions/<int:disposition_id>/answer")
@signed_in
def answer_disposition(disposition_id: int) -> Any:
    """Agree that a list is disposed of, or turn it down."""
    accept = request.form.get("answer") == "accept"
    with transaction(origin()) as session:
        _seen(session, disposition_id, Capability.HOLD)
        services.second_disposition(session, disposition_id, by=current(), accept=accept)
    flash("The worker begins now." if accept else "Turned down: everything stays.", "success")
    return redirect(url_for("records.disposition", disposition_id=disposition_id))


@blueprint.get("/records/dispositions/<int:disposition_id>/certificate")
@signed_in
def disposition_certificate(disposition_id: int) -> str:
    """Show what was disposed of, entry by entry."""
    after = _number("after")
    with reading() as session:
        facts = _seen(session, disposition_id, Capability.READ_AUDIT)
        zone = workspace_facts(session, facts.workspace).zone
        lines = queries.certificate(
            session, facts.workspace, "disposition", facts.id, after=-1 if after is None else after, limit=PAGE + 1
        )
    page = CertificatePage(
        title=f"Certificate of disposition {facts.id}",
        href=url_for("records.disposition", disposition_id=facts.id),
        workspace=facts.workspace,
        zone=zone,
        facts=facts,
        lines=lines[:PAGE],
        download=url_for("records.disposition_certificate_file", disposition_id=facts.id),
        next_url=url_for(
            "records.disposition_certificate",
            disposition_id=facts.id,
            after=format_cursor(lines[PAGE - 1].entry),
        )
        if len(lines) > PAGE
        else None,
    )
    return render_template("records/certificate.html", page=page)


@blueprint.get("/records/dispositions/<int:disposition_id>/certificate.json")
@signed_in
def disposition_certificate_file(disposition_id: int) -> Response:
    """Hand out the certificate of a disposition as a file."""
    with reading() as session:
        facts = _seen(session, disposition_id, Capability.READ_AUDIT)
        lines = queries.certificate(session, facts.workspace, "disposition", facts.id)
    said = {
        "certificate": "disposition",
        "number": facts.id,
        "workspace": facts.workspace,
        "through": facts.through.isoformat(),
        "list": {"records": facts.records, "sha256": facts.digest.hex()},
        "proposed": {"by": facts.proposed_name, "at": clock.to_text(facts.proposed_at), "reason": facts.reason},
        "agreed_by": facts.seconded_name,
        "alone": facts.alone,
        "begun_at": instant(facts.begun_at),
        "ended_at": instant(facts.ended_at),
        "disposed": facts.disposed,
        "kept": facts.kept,
        "traces_removed_at": instant(facts.cleaned_at),
        "entries": [line_of(line) for line in lines],
    }
    return as_file(said, f"disposition-{facts.id}.json")


def instant(at: Any) -> str | None:
    """Write an instant as certificates do."""
    return None if at is None else clock.to_text(at)


def line_of(line: Gone) -> dict[str, Any]:
    """Write a line of a certificate."""
    return {
        "log": line.log,
        "entry": line.entry,
        "at": clock.to_text(line.at),
        "record": line.record,
        "rule": line.rule,
        "kept_until": line.until,
        "commitments": list(line.commitments),
        "contents": list(line.contents),
    }


def as_file(said: dict[str, Any], name: str) -> Response:
    """Hand out JSON as a file."""
    return attached(json.dumps(said, indent=1, ensure_ascii=False) + "\n", name, "application/json")


def _number(argument: str) -> int | None:
    cursor = parse_cursor(request.args.get(argument), int)
    return None if cursor is None else int(str(cursor[0]))


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        what = "Choose a day, such as 2026-11-21."
        raise Invalid(what, problems=(Problem("through", what),)) from None
