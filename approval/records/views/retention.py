"""Retention rules in the browser: those in force, earlier ones, their form, and the second person's answer."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import NotFound, Refusal
from approval.people.models import Proposal, Subject
from approval.people.queries import WorkspaceFacts, names_of, people_who, workspace_facts
from approval.records import queries, services
from approval.records.forms import RetentionForm, fields_of
from approval.records.keeping import Change, RecordClass, Rule, changes, retention_of, table_to_toml
from approval.records.keeping.fate import ORDER
from approval.records.queries import RulesVersion
from approval.records.views.routes import Tabs, blueprint, tabs
from approval.web.errors import status_of
from approval.web.identity import current, origin, require, workspace


@dataclass(frozen=True)
class Waiting:
    """Rules that wait for a second person: what they would change, and whether this person proposed them."""

    proposal: int
    number: int
    by: str
    reason: str
    changes: tuple[Change, ...]
    mine: bool


@dataclass(frozen=True)
class Line:
    """A version in the list."""

    number: int
    digest: str
    by: str
    made_at: Any
    enacted_at: Any


@dataclass(frozen=True)
class RetentionPage:
    """The rules of one version, by class; with those in force also what waits, and every version."""

    workspace: WorkspaceFacts
    number: int
    current: int
    classes: tuple[tuple[RecordClass, tuple[Rule, ...]], ...]
    fiscal_year_ends: str
    order: str
    waiting: tuple[Waiting, ...]
    changes: tuple[Change, ...]
    versions: tuple[Line, ...]
    may_define: bool
    alone: bool
    tabs: Tabs


@dataclass(frozen=True)
class EditPage:
    """The form, the version it began from, and what was wrong with it."""

    workspace: WorkspaceFacts
    number: int
    alone: bool
    refusal: Refusal | None
    wrong: tuple[tuple[str, str], ...]


@blueprint.get("/records/retention")
@require(Capability.READ_AUDIT)
def retention() -> str:
    """Show the retention rules in force, proposals that wait, and all versions."""
    name = workspace()
    with reading() as session:
        force = queries.retention_in_force(session, name)
        page = _page(session, name, force, force)
    return render_template("records/retention.html", page=page)


@blueprint.get("/records/retention/<int:number>")
@require(Capability.READ_AUDIT)
def retention_version(number: int) -> str:
    """Show one version of the retention rules, and how it differs from the one in force."""
    name = workspace()
    with reading() as session:
        force = queries.retention_in_force(session, name)
        # Version 1 is what ships, also before the worker has written it down.
        shown = force if number == force.number else queries.retention_version(session, name, number)
        page = _page(session, name, shown, force)
    return render_template("records/retention.html", page=page)


def _page(session: Session, name: str, shown: RulesVersion, force: RulesVersion) -> RetentionPage:
    rules = shown.retention
    return RetentionPage(
        workspace=workspace_facts(session, name),
        number=shown.number,
        current=force.number,
        classes=tuple((kind, rules.of(kind)) for kind in RecordClass),
        fiscal_year_ends=calendar.month_name[rules.fiscal_year_ends],
        order=ORDER,
        waiting=_waiting(session, name, force) if shown == force else (),
        changes=changes(force.retention, rules),
        versions=_lines(session, queries.retention_versions(session, name)),
        may_define=can(current(), Capability.DEFINE, name),
        alone=_is_alone(session, name),
        tabs=tabs(name),
    )


def _waiting(session: Session, name: str, force: RulesVersion) -> tuple[Waiting, ...]:
    found = queries.waiting_retention(session, name)
    names = names_of(session, {one.proposed_by for one in found})
    return tuple(
        Waiting(
            proposal=one.id,
            number=one.version.number,
            by=names[one.proposed_by],
            reason=one.reason,
            changes=changes(force.retention, one.version.retention),
            mine=one.proposed_by == current().id,
        )
        for one in found
    )


def _lines(session: Session, versions: tuple[RulesVersion, ...]) -> tuple[Line, ...]:
    names = names_of(session, {version.made_by for version in versions})
    return tuple(Line(v.number, v.digest.hex(), names[v.made_by], v.made_at, v.enacted_at) for v in versions)


def _is_alone(session: Session, name: str) -> bool:
    """Say whether a change by this person would take effect without a second one."""
    return all(actor.id == current().id for actor in people_who(session, name, Capability.DEFINE))


@blueprint.get("/records/retention/edit")
@require(Capability.DEFINE)
def edit_retention() -> str:
    """Show the form, filled with the rules in force."""
    with reading() as session:
        force = queries.retention_in_force(session, workspace())
    return _form(RetentionForm(formdata=None, data=fields_of(force.retention)))


@blueprint.post("/records/retention/edit")
@require(Capability.DEFINE)
def propose_retention() -> Response | tuple[str, int]:
    """Propose the rules of the form."""
    name, form = workspace(), RetentionForm()
    try:
        table = form.table()
        # What is no definition may be nothing that TOML can hold.
        retention_of(table)
        with transaction(origin()) as session:
            made = services.propose_retention(
                session,
                name,
                table_to_toml(table),
                by=current(),
                reason=(form.reason.data or "").replace("\r\n", "\n"),
            )
            number, enacted = made.number, made.enacted_at is not None
    except Refusal as refusal:
        form.show(refusal.problems)
        return _form(form, refusal), status_of(refusal)
    told = "are in force; nobody else could second them" if enacted else "wait for a second person"
    flash(f"The retention rules of version {number} {told}.", "success")
    return redirect(url_for("records.retention", workspace=name))


def _form(form: RetentionForm, refusal: Refusal | None = None) -> str:
    name = workspace()
    with reading() as session:
        page = EditPage(
            workspace=workspace_facts(session, name),
            number=queries.retention_in_force(session, name).number,
            alone=_is_alone(session, name),
            refusal=refusal,
            wrong=tuple(form.wrong()),
        )
    return render_template("records/retention_edit.html", page=page, form=form)


@blueprint.post("/records/retention/proposals/<int:proposal>")
@require(Capability.DEFINE)
def answer_retention(proposal: int) -> Response:
    """Put proposed retention rules in force, or turn them down."""
    name, accept = workspace(), request.form.get("answer") == "accept"
    with transaction(origin()) as session:
        found = session.get(Proposal, proposal)
        if found is None or found.workspace != name or found.subject is not Subject.RETENTION:
            raise NotFound("There is no such proposal here.")
        number = services.second_retention(session, found, by=current(), accept=accept).number
    flash(f"The retention rules of version {number} {'are in force' if accept else 'were turned down'}.", "success")
    return redirect(url_for("records.retention", workspace=name))
