"""The workflow in the browser: the version in force, earlier ones, its editor, and the second person's answer."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from approval.capabilities import ROLE_CAPABILITIES, Actor, Capability, can
from approval.db import Session, reading, transaction
from approval.errors import NotFound, Refusal
from approval.people.models import Proposal, Subject
from approval.people.queries import names_of, people_who, teams, workspace_facts
from approval.review import queries, services
from approval.review.flow import as_table, parse_workflow, table_to_toml, to_toml, workflow_of
from approval.review.forms import WorkflowForm, fields_of, form_data, rearranged
from approval.review.queries import StageLine, Version
from approval.web.identity import current, origin, require, workspace
from approval.web.numbers import number

blueprint = Blueprint("review", __name__)
MOST_DIFF = 400


@dataclass(frozen=True)
class Waiting:
    """A proposed version that waits for a second person, and whether this person proposed it."""

    proposal: int
    number: int
    by: str
    reason: str
    stages: tuple[StageLine, ...]
    diff: tuple[str, ...]
    mine: bool


@dataclass(frozen=True)
class Line:
    """A version in the list."""

    number: int
    digest: str
    by: str
    made_at: Any
    enacted_at: Any
    in_review: int


@dataclass(frozen=True)
class WorkflowPage:
    """The workflow in force, what waits, and every version with the posts that are in review under it."""

    workspace: Any
    number: int
    distinct: bool
    stages: tuple[StageLine, ...]
    waiting: tuple[Waiting, ...]
    versions: tuple[Line, ...]
    in_review: int
    may_define: bool
    administers: bool
    alone: bool


@dataclass(frozen=True)
class VersionPage:
    """One version: its stages, its text, and how it differs from the version in force."""

    workspace: Any
    line: Line
    stages: tuple[StageLine, ...]
    source: str
    diff: tuple[str, ...]
    current: int
    may_define: bool


@dataclass(frozen=True)
class EditPage:
    """The editor: the form or the text, the version it began from, and what proposing would touch."""

    workspace: Any
    form: WorkflowForm
    source: str
    refusal: Refusal | None
    number: int
    in_review: int
    alone: bool


# -- reading ----------------------------------------------------------------------------------------------------


@blueprint.get("/admin/workflow")
@require(Capability.READ)
def workflow() -> str:
    """Show the workflow in force, proposals that wait, and all versions."""
    name = workspace()
    with reading() as session:
        force = queries.in_force(session, name)
        under = queries.in_review_by_version(session, name)
        page = WorkflowPage(
            workspace=workspace_facts(session, name),
            number=force.number,
            distinct=force.workflow.distinct,
            stages=queries.stage_lines(session, force.workflow),
            waiting=_waiting(session, name, force),
            versions=_lines(session, queries.versions(session, name), under),
            in_review=sum(under.values()),
            may_define=can(current(), Capability.DEFINE, name),
            administers=can(current(), Capability.ADMINISTER, name),
            alone=_is_alone(session, name),
        )
    return render_template("review/workflow.html", page=page)


@blueprint.get("/admin/workflow/<int:number>")
@require(Capability.READ)
def version(number: int) -> str:
    """Show one version and how it differs from the one in force."""
    name = workspace()
    with reading() as session:
        force, found = queries.in_force(session, name), _version(session, name, number)
        (line,) = _lines(session, (found,), queries.in_review_by_version(session, name))
        page = VersionPage(
            workspace=workspace_facts(session, name),
            line=line,
            stages=queries.stage_lines(session, found.workflow),
            source=found.source,
            diff=_diff(force, found),
            current=force.number,
            may_define=can(current(), Capability.DEFINE, name),
        )
    return render_template("review/version.html", page=page)


def _version(session: Session, name: str, number: int) -> Version:
    found = next((v for v in queries.versions(session, name, limit=1000) if v.number == number), None)
    if found is None:
        raise NotFound(f"There is no version {number} of this workflow.")
    return found


def _lines(session: Session, versions: tuple[Version, ...], under: dict[int, int]) -> tuple[Line, ...]:
    names = names_of(session, {version.made_by for version in versions})
    return tuple(
        Line(v.number, v.digest.hex(), names[v.made_by], v.made_at, v.enacted_at, under.get(v.number, 0))
        for v in versions
    )


def _waiting(session: Session, name: str, force: Version) -> tuple[Waiting, ...]:
    proposals = queries.waiting_proposals(session, name)
    names = names_of(session, {proposal.proposed_by for proposal in proposals})
    return tuple(
        Waiting(
            proposal=proposal.id,
            number=proposal.version.number,
            by=names[proposal.proposed_by],
            reason=proposal.reason,
            stages=queries.stage_lines(session, proposal.version.workflow),
            diff=_diff(force, proposal.version),
            mine=proposal.proposed_by == current().id,
        )
        for proposal in proposals
    )


def _diff(before: Version, after: Version) -> tuple[str, ...]:
    lines = difflib.unified_diff(
        before.source.splitlines(),
        after.source.splitlines(),
        f"version {before.number}, in force",
        f"version {after.number}",
        lineterm="",
        n=2,
    )
    return tuple(lines)[:MOST_DIFF]


def _is_alone(session: Session, name: str) -> bool:
    """Say whether a change by this person would take effect without a second one."""
    return all(actor.id == current().id for actor in people_who(session, name, Capability.DEFINE))


# -- editing ----------------------------------------------------------------------------------------------------


@blueprint.get("/admin/workflow/edit")
@require(Capability.DEFINE)
def edit() -> str:
    """Show the editor, filled with the version in force or the one that `from` names."""
    return _editor("review/edit.html")


@blueprint.post("/admin/workflow/edit")
@require(Capability.DEFINE)
def send() -> Response | str | tuple[str, int]:
    """Do what the pressed button of the form says: rearrange the stages, show them as text, or propose them."""
    form, act = WorkflowForm(), request.form.get("act", "propose")
    if act == "text":
        return _page("review/text.html", form, table_to_toml(form.table()))
    if act != "propose":
        return _page("review/edit.html", _filled(fields_of(rearranged(form.table(), act)), form.reason.data or ""))
    try:
        return _propose(to_toml(workflow_of(form.table())), form.reason.data or "")
    except Refusal as refusal:
        form.show(refusal.problems)
        return _page("review/edit.html", form, refusal=refusal), 422


@blueprint.get("/admin/workflow/text")
@require(Capability.DEFINE)
def text() -> str:
    """Show the editor as TOML."""
    return _editor("review/text.html")


@blueprint.post("/admin/workflow/text")
@require(Capability.DEFINE)
def send_text() -> Response | str | tuple[str, int]:
    """Propose the text, or show it as a form."""
    source, reason = request.form.get("source", ""), request.form.get("reason", "")
    try:
        if request.form.get("act") == "form":
            return _page("review/edit.html", _filled(form_data(parse_workflow(source)), reason))
        return _propose(source, reason)
    except Refusal as refusal:
        return _page("review/text.html", WorkflowForm(), source, refusal=refusal), 422


def _propose(source: str, reason: str) -> Response:
    with transaction(origin()) as session:
        made = services.propose_workflow(session, workspace(), source, by=current(), reason=reason)
        number, enacted = made.number, made.enacted_at is not None
    told = "is in force; nobody else could second it" if enacted else "waits for a second person"
    flash(f"Version {number} of the workflow {told}.", "success")
    return redirect(url_for("review.workflow", workspace=workspace()))


def _editor(template: str) -> str:
    name = workspace()
    with reading() as session:
        begun = request.args.get("from", type=number)
        found = queries.in_force(session, name) if begun is None else _version(session, name, begun)
    return _page(template, _filled(fields_of(as_table(found.workflow)), ""), found.source)


def _filled(fields: dict[str, Any], reason: str) -> WorkflowForm:
    """Return a form that shows these fields and nothing that the request sent."""
    return WorkflowForm(formdata=None, data={**fields, "reason": reason})


def _page(template: str, form: WorkflowForm, source: str = "", *, refusal: Refusal | None = None) -> str:
    name = workspace()
    with reading() as session:
        form.offer(_choices(session, name))
        page = EditPage(
            workspace=workspace_facts(session, name),
            form=form,
            source=source,
            refusal=refusal,
            number=queries.in_force(session, name).number,
            in_review=sum(queries.in_review_by_version(session, name).values()),
            alone=_is_alone(session, name),
        )
    return render_template(template, page=page)


def _choices(session: Session, name: str) -> list[tuple[str, str]]:
    """Return whom a stage may ask: roles that decide, teams, people who may decide."""
    deciding = [role for role, held in ROLE_CAPABILITIES.items() if Capability.DECIDE in held]
    people: list[Actor] = people_who(session, name, Capability.DECIDE)
    return [
        *((f"role:{role}", f"Role {role}") for role in deciding),
        *((f"team:{team}", f"Team {team}") for team in sorted(teams(session, name))),
        *((f"person:{actor.id}", actor.name) for actor in people),
    ]


# -- the second person ------------------------------------------------------------------------------------------


@blueprint.post("/admin/workflow/proposals/<int:proposal>")
@require(Capability.DEFINE)
def answer(proposal: int) -> Response:
    """Put a proposed version in force, or turn it down."""
    accept = request.form.get("answer") == "accept"
    with transaction(origin()) as session:
        found = session.get(Proposal, proposal)
        if found is None or found.workspace != workspace() or found.subject is not Subject.WORKFLOW:
            raise NotFound("There is no such proposal here.")
        number = services.second_workflow(session, found, by=current(), accept=accept).number
    flash(f"Version {number} of the workflow {'is in force' if accept else 'was turned down'}.", "success")
    return redirect(url_for("review.workflow", workspace=workspace()))
