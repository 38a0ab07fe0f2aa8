"""Letters and descriptions in the browser, to be printed or fetched as text; tests of access."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for

from approval.capabilities import Capability, can
from approval.db import reading, transaction
from approval.errors import NotFound, Refusal
from approval.people.queries import workspace_facts
from approval.records import queries, services
from approval.records.forms import AccessForm
from approval.records.queries import AccessFacts, AccessStanding
from approval.records.queries.configuration import configuration
from approval.records.services.letters import COUNSEL, KINDS, Letter, as_text, letter
from approval.records.views.routes import Tabs, blueprint, tabs
from approval.web.errors import status_of
from approval.web.files import attached
from approval.web.identity import current, hooks, origin, require, workspace

_SHOWN = 50


@dataclass(frozen=True)
class LettersPage:
    """The letters there are, and the tests of access, newest first."""

    workspace: str
    zone: str
    kinds: tuple[tuple[str, str, str], ...]
    access: AccessStanding
    tests: tuple[AccessFacts, ...]
    may_note: bool
    exports: bool
    counsel: str
    tabs: Tabs


@dataclass(frozen=True)
class LetterPage:
    """One letter."""

    workspace: str
    letter: Letter
    counsel: str


@blueprint.get("/records/letters")
@require(Capability.EXPORT)
def letters() -> str:
    """Show the letters that can be written, and the tests of access."""
    return _letters(AccessForm(formdata=None, data={"workspace": workspace()}))


def _letters(form: AccessForm) -> str:
    name = workspace()
    with reading() as session:
        ready = [one for one in queries.exports(session, name, before=None, limit=_SHOWN) if one.ready]
        form.export.choices = [(one.id, f"Export {one.id}: {one.first_day} to {one.last_day}") for one in ready]
        page = LettersPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            kinds=tuple((kind, *told) for kind, told in KINDS.items()),
            access=queries.access_standing(session, name),
            tests=queries.access_tests(session, name, limit=_SHOWN),
            may_note=can(current(), Capability.HOLD, name),
            exports=bool(ready),
            counsel=COUNSEL,
            tabs=tabs(name),
        )
    return render_template("records/letters.html", page=page, form=form)


@blueprint.get("/records/letters/<kind>")
@require(Capability.EXPORT)
def one_letter(kind: str) -> str:
    """Show a letter, to be printed."""
    return render_template("records/letter.html", page=LetterPage(workspace(), _written(kind), COUNSEL))


@blueprint.get("/records/letters/<kind>.txt")
@require(Capability.EXPORT)
def letter_file(kind: str) -> Response:
    """Hand out a letter as text."""
    return attached(as_text(_written(kind)), f"{workspace()}-{kind}.txt", "text/plain")


def _written(kind: str) -> Letter:
    if kind not in KINDS:
        raise NotFound(f"There is no such letter. There are {', '.join(KINDS)}.")
    with reading() as session:
        return letter(kind, configuration(session, workspace(), hooks().settings))


@blueprint.post("/records/access-tests")
@require(Capability.HOLD)
def note_access() -> Any:
    """Record a test of access."""
    name, form, status = workspace(), AccessForm(), 422
    form.export.choices = [(form.export.data or 0, "")]
    if form.validate_on_submit():
        try:
            with transaction(origin()) as session:
                services.note_access(
                    session,
                    name,
                    export=form.export.data,
                    person=form.person.data or "",
                    verified=request.form.get("verified") == "yes",
                    note=form.note.data or "",
                    by=current(),
                )
            flash("The test of access is recorded.", "success")
            return redirect(url_for("records.letters", workspace=name))
        except Refusal as refusal:
            form.show(refusal)
            status = status_of(refusal)
    return _letters(form), status
