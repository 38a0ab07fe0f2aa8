"""Complaints in the browser: those that are open, each with what was done; entered, answered, closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from approval import clock
from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import Invalid, Problem, Refusal
from approval.people.queries import workspace_facts
from approval.records import queries, services
from approval.records.forms import AnswerForm, ComplaintForm
from approval.records.models import Finding, Way
from approval.records.queries import ComplaintFacts, ComplaintKeeping
from approval.records.views.routes import PAGE, Tab, Tabs, blueprint, tabs
from approval.web.errors import status_of
from approval.web.identity import current, ensure_may, origin, require, signed_in, unseen, workspace
from approval.web.paging import format_cursor, parse_cursor


@dataclass(frozen=True)
class ComplaintsPage:
    """The complaints that are open, or those that are closed."""

    workspace: str
    zone: str
    today: date
    open: bool
    complaints: tuple[ComplaintFacts, ...]
    states: tuple[Tab, ...]
    next_url: str | None
    may_enter: bool
    tabs: Tabs


@dataclass(frozen=True)
class ComplaintPage:
    """One complaint, and until when it is kept."""

    complaint: ComplaintFacts
    keeping: ComplaintKeeping
    zone: str
    today: date
    may_answer: bool
    findings: tuple[tuple[str, str], ...]


def _today(session: Session, name: str) -> date:
    return clock.wall_time(clock.now(session), workspace_facts(session, name).zone).date()


@blueprint.get("/records/complaints")
@require(Capability.READ_AUDIT)
def complaints() -> str:
    """Show the complaints of a workspace."""
    name, is_open = workspace(), request.args.get("state") != "closed"
    cursor = parse_cursor(request.args.get("before"), int)
    before = None if cursor is None else int(str(cursor[0]))
    state = None if is_open else "closed"
    with reading() as session:
        found = queries.complaints(session, name, open_=is_open, before=before, limit=PAGE + 1)
        page = ComplaintsPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            today=_today(session, name),
            open=is_open,
            complaints=found[:PAGE],
            states=(
                Tab("Open", url_for("records.complaints", workspace=name), is_open),
                Tab("Closed", url_for("records.complaints", workspace=name, state="closed"), not is_open),
            ),
            next_url=url_for(
                "records.complaints", workspace=name, before=format_cursor(found[PAGE - 1].id), state=state
            )
            if len(found) > PAGE
            else None,
            may_enter=can(current(), Capability.HOLD, name),
            tabs=tabs(name),
        )
    return render_template("records/complaints.html", page=page)


@blueprint.get("/records/complaints/new")
@require(Capability.HOLD)
def new_complaint() -> str:
    """Show the form of a complaint."""
    name = workspace()
    with reading() as session:
        today = _today(session, name)
    given = {"workspace": name, "received_on": today, "post": request.args.get("post", "")[:9]}
    return render_template(
        "records/complaint_new.html", form=ComplaintForm(formdata=None, data=given), page={"workspace": name}
    )


@blueprint.post("/records/complaints")
@require(Capability.HOLD)
def receive_complaint() -> Any:
    """Enter a complaint."""
    name, form = workspace(), ComplaintForm()
    status = 422
    if form.validate_on_submit():
        try:
            with transaction(origin()) as session:
                id_ = services.receive_complaint(session, name, _told(form), by=current()).id
            flash("The complaint is recorded.", "success")
            return redirect(url_for("records.complaint", complaint_id=id_))
        except Invalid as refusal:
            form.show(refusal)
            status = status_of(refusal)
    return render_template("records/complaint_new.html", form=form, page={"workspace": name}), status


def _told(form: ComplaintForm) -> services.Told:
    return services.Told(
        received_on=form.received_on.data,
        way=Way(form.way.data),
        customer=form.customer.data or "",
        about=form.about.data or "",
        contact=form.contact.data,
        account=form.account.data,
        staff=form.staff.data,
        post=int(form.post.data) if (form.post.data or "").strip() else None,
        product=form.product.data or None,
    )


@blueprint.get("/records/complaints/<int:complaint_id>")
@signed_in
def complaint(complaint_id: int) -> str:
    """Show a complaint."""
    return _complaint(complaint_id)


def _complaint(complaint_id: int, form: AnswerForm | None = None) -> str:
    with reading() as session:
        facts = _seen(session, complaint_id, Capability.READ_AUDIT)
        page = ComplaintPage(
            complaint=facts,
            keeping=queries.keeping_of_complaint(session, facts),
            zone=workspace_facts(session, facts.workspace).zone,
            today=_today(session, facts.workspace),
            may_answer=can(current(), Capability.HOLD, facts.workspace),
            findings=tuple((str(one), one.replace("-", " ").capitalize()) for one in Finding),
        )
    given = {"done": facts.done, "answered_on": facts.answered_on or page.today, "answer": facts.answer}
    return render_template("records/complaint.html", page=page, form=form or AnswerForm(formdata=None, data=given))


def _seen(session: Session, complaint_id: int, capability: Capability) -> ComplaintFacts:
    with unseen():
        facts = queries.complaint(session, complaint_id)
    ensure_may(capability, facts.workspace)
    return facts


@blueprint.post("/records/complaints/<int:complaint_id>/answer")
@signed_in
def answer_complaint(complaint_id: int) -> Any:
    """Write down what was done and answered."""
    with reading() as session:
        _seen(session, complaint_id, Capability.HOLD)
    form, status = AnswerForm(), 422
    if form.validate_on_submit():
        try:
            with transaction(origin()) as session:
                services.answer_complaint(
                    session,
                    complaint_id,
                    by=current(),
                    done=form.done.data or "",
                    answered_on=form.answered_on.data,
                    answer=form.answer.data or "",
                )
            flash("The answer is recorded.", "success")
            return redirect(url_for("records.complaint", complaint_id=complaint_id))
        except Refusal as refusal:
            form.show(refusal)
            status = status_of(refusal)
    return _complaint(complaint_id, form), status


@blueprint.post("/records/complaints/<int:complaint_id>/close")
@signed_in
def close_complaint(complaint_id: int) -> Response:
    """End a complaint with what the firm found."""
    given = request.form.get("finding", "")
    with transaction(origin()) as session:
        _seen(session, complaint_id, Capability.HOLD)
        if given not in tuple(Finding):
            what = f"Choose what you found: {', '.join(Finding)}."
            raise Invalid(what, problems=(Problem("finding", what),))
        services.close_complaint(session, complaint_id, by=current(), finding=Finding(given))
    flash("The complaint is closed. Its period of keeping begins today.", "success")
    return redirect(url_for("records.complaint", complaint_id=complaint_id))


@blueprint.post("/records/complaints/<int:complaint_id>/reopen")
@signed_in
def reopen_complaint(complaint_id: int) -> Response:
    """Take up a complaint again."""
    with transaction(origin()) as session:
        _seen(session, complaint_id, Capability.HOLD)
        services.reopen_complaint(session, complaint_id, by=current())
    flash("The complaint is open again.", "success")
    return redirect(url_for("records.complaint", complaint_id=complaint_id))
