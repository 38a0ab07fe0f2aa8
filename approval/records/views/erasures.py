"""Requests to erase what is known of a person, in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for

from approval.audit.events import INSTALLATION
from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import Refusal
from approval.people.queries import names_of, people_who, workspace_facts
from approval.records import queries, services
from approval.records.disposal_forms import ErasureForm
from approval.records.keeping.fate import ORDER
from approval.records.queries import Answer, ErasureFacts, Gone, OldExport
from approval.records.views.disposition import as_file, instant, line_of
from approval.records.views.routes import blueprint
from approval.web.errors import status_of
from approval.web.identity import current, ensure_may, origin, require, signed_in, unseen, workspace


@dataclass(frozen=True)
class AskPage:
    """A request about to be recorded: of whom, and what would be answered."""

    workspace: str
    person: str | None
    person_name: str | None
    answer: Answer | None
    alone: bool
    order: str


@dataclass(frozen=True)
class ErasurePage:
    """A request: what was answered, what stands against it now, what was erased, and what no erasure reaches."""

    erasure: ErasureFacts
    zone: str
    now: Answer | None
    lines: tuple[Gone, ...]
    exports: tuple[OldExport, ...]
    may_hold: bool
    mine: bool
    order: str


@blueprint.get("/records/erasures/new")
@require(Capability.HOLD)
def new_erasure() -> str:
    """Show the form of a request to erase."""
    name = workspace()
    given = {"workspace": name, "person": request.args.get("person", ""), "posts": request.args.get("posts", "")}
    return _ask(name, ErasureForm(formdata=None, data=given))


def _ask(name: str, form: ErasureForm) -> str:
    person = form.person.data or None
    with reading() as session:
        if person is not None:
            person = services.person_named(session, name, person, where="person")
            form.person.data = person
        page = AskPage(
            workspace=name,
            person=person,
            person_name=names_of(session, [person])[person] if person else None,
            answer=queries.answer_for_person(session, name, person) if person else None,
            alone=not {actor.id for actor in people_who(session, name, Capability.HOLD)} - {current().id},
            order=ORDER,
        )
    return render_template("records/erasure_new.html", page=page, form=form)


@blueprint.post("/records/erasures/new")
@require(Capability.HOLD)
def ask_erasure() -> Any:
    """Record a request to erase."""
    name, form = workspace(), ErasureForm()
    person = form.person.data or None
    if not form.validate_on_submit():
        return _ask(name, form), 422
    try:
        with transaction(origin()) as session:
            if person is not None:
                person = services.person_named(session, name, person, where="person")
            made = services.ask_erasure(
                session,
                name,
                person=person,
                words=None if person else form.words.data or "",
                posts=() if person else form.numbers(),
                asked_on=form.asked_on.data,
                asked_by=form.asked_by.data,
                by=current(),
                reason=form.reason.data.replace("\r\n", "\n"),
            )
            id_ = made.id
    except Refusal as refusal:
        form.show(refusal)
        if any(problem.where == "person" for problem in refusal.problems):
            form.person.data = ""  # Nobody to show the page of.
        return _ask(name, form), status_of(refusal)
    flash("The request is recorded and answered. Another person must agree.", "success")
    return redirect(url_for("records.erasure", erasure_id=id_))


@blueprint.get("/records/erasures/<int:erasure_id>")
@signed_in
def erasure(erasure_id: int) -> str:
    """Show a request to erase."""
    with reading() as session:
        facts = _seen(session, erasure_id, Capability.READ_AUDIT)
        page = ErasurePage(
            erasure=facts,
            zone=workspace_facts(session, facts.workspace).zone,
            now=_now(session, facts),
            lines=_lines(session, facts),
            exports=queries.exports_before(session, facts.workspace, facts.ended_at),
            may_hold=can(current(), Capability.HOLD, facts.workspace),
            mine=facts.proposed_by == current().id,
            order=ORDER,
        )
    return render_template("records/erasure.html", page=page)


def _now(session: Session, facts: ErasureFacts) -> Answer | None:
    if facts.ended_at is not None:
        return None
    if facts.person:
        return queries.answer_for_person(session, facts.workspace, facts.person)
    return queries.answer_for_posts(session, facts.workspace, facts.posts)


def _lines(session: Session, facts: ErasureFacts) -> tuple[Gone, ...]:
    if facts.ended_at is None:
        return ()
    logs = (facts.workspace, INSTALLATION) if facts.person else (facts.workspace,)
    return tuple(line for log in logs for line in queries.certificate(session, log, "erasure", facts.id))


def _seen(session: Session, erasure_id: int, capability: Capability) -> ErasureFacts:
    with unseen():
        facts = queries.erasure(session, erasure_id)
    ensure_may(capability, facts)
    return facts


@blueprint.post("/records/erasures/<int:erasure_id>/answer")
@signed_in
def answer_erasure(erasure_id: int) -> Any:
    """Agree that somebody is erased, or turn it down."""
    accept = request.form.get("answer") == "accept"
    with transaction(origin()) as session:
        _seen(session, erasure_id, Capability.HOLD)
        services.second_erasure(session, erasure_id, by=current(), accept=accept)
    flash("Agreed: it happens as soon as nothing stands against it." if accept else "Turned down.", "success")
    return redirect(url_for("records.erasure", erasure_id=erasure_id))


@blueprint.get("/records/erasures/<int:erasure_id>/certificate.json")
@signed_in
def erasure_certificate_file(erasure_id: int) -> Response:
    """Hand out the certificate of an erasure as a file."""
    with reading() as session:
        facts = _seen(session, erasure_id, Capability.READ_AUDIT)
        lines = _lines(session, facts)
    said = {
        "certificate": "erasure",
        "number": facts.id,
        "workspace": facts.workspace,
        "person": facts.person,
        "posts": list(facts.posts),
        "asked_on": facts.asked_on.isoformat(),
        "asked_by": facts.asked_by,
        "recorded": {"by": facts.recorded_name, "at": instant(facts.recorded_at)},
        "answer": {"outcome": facts.answer, "from": facts.answer_on.isoformat() if facts.answer_on else None},
        "agreed_by": facts.seconded_name,
        "alone": facts.alone,
        "ended_at": instant(facts.ended_at),
        "values": facts.erased,
        "posts_disposed": facts.disposed,
        "traces_removed_at": instant(facts.cleaned_at),
        "entries": [line_of(line) for line in lines],
    }
    return as_file(said, f"erasure-{facts.id}.json")
