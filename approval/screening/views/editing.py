"""The workshop: a rule written, tried, copied, put in the shadow or switched off, in a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from approval.capabilities import Capability
from approval.db import reading
from approval.errors import Conflict, Invalid, NotFound, Problem, Refusal
from approval.screening import services
from approval.screening.forms import Draft, EditPage, RuleForm, draft, edit_page, fields_of
from approval.screening.services.packing import FIRM_PACK, is_own, with_state
from approval.screening.services.trying import try_text
from approval.screening.services.workshop import KINDS, Written, bench_of, problems
from approval.screening.views.routes import blueprint, propose_packs
from approval.web.errors import status_of
from approval.web.identity import current, require, workspace

MOST_SAMPLE = 20_000
_USUAL_FRAMES = ("negated", "warning")
"""What a new rule lets pass until its author says otherwise: “we do not …”, and warnings of whoever says so."""


@blueprint.get("/rules/new")
@require(Capability.DEFINE)
def new_rule() -> str:
    """Show an empty form, or one that begins with a copy of the rule that `copy` names."""
    copied = request.args.get("copy", "")
    if not copied:
        return _page(_filled({"kind": "phrase", "unless": list(_USUAL_FRAMES)}), None)
    with reading() as session:
        rules = bench_of(services.in_force(session, workspace()).rules).rules
    if copied not in rules or rules[copied].table["kind"] not in KINDS:
        raise NotFound(f"There is no rule {copied[:40]} that the form could copy.")
    table = rules[copied].table
    return _page(_filled({**fields_of(table), "name": f"{table['name']}-ours", "copied": copied}), None)


@blueprint.post("/rules/new")
@require(Capability.DEFINE)
def add_rule() -> Response | tuple[str, int]:
    """Propose a new rule."""
    return _send(None)


@blueprint.get("/rules/<rule_id>/edit")
@require(Capability.DEFINE)
def edit_rule(rule_id: str) -> str | Response:
    """Show the form of one of the firm's own rules; of another rule, the form that copies it."""
    written = _written(rule_id)
    if written.pack != FIRM_PACK:
        return _to_copy(rule_id)
    if written.table["kind"] not in KINDS:
        return redirect(url_for("screening.propose", workspace=workspace()))
    return _page(_filled(fields_of(written.table)), rule_id)


@blueprint.post("/rules/<rule_id>/edit")
@require(Capability.DEFINE)
def change_rule(rule_id: str) -> Response | tuple[str, int]:
    """Propose a change of one of the firm's own rules."""
    return _send(rule_id) if _written(rule_id).pack == FIRM_PACK else _to_copy(rule_id)


def _written(rule_id: str) -> Written:
    with reading() as session:
        written = bench_of(services.in_force(session, workspace()).rules).rules.get(rule_id)
    if written is None:
        raise NotFound(f"There is no rule {rule_id[:40]}.")
    return written


def _to_copy(rule_id: str) -> Response:
    flash("Only rules of your own pack are changed here: this is a copy to begin with.", "warning")
    return redirect(url_for("screening.new_rule", copy=rule_id, workspace=workspace()))


@blueprint.post("/rules/try")
@require(Capability.DEFINE)
def try_rule() -> str:
    """Show what the rule in the form finds in the text beside it; the form again, or (`part`) that alone."""
    form, id_ = RuleForm(), request.form.get("rule") or None
    with reading() as session:
        made = draft(session, workspace(), form, id_)
        tried = try_text(made.bench, made.table, (form.sample.data or "")[:MOST_SAMPLE])
        if request.form.get("part"):
            return render_template("screening/_tried.html", tried=tried)
        page = edit_page(session, workspace(), form, made, current(), tried=tried)
    return render_template("screening/edit.html", page=page)


@blueprint.post("/rules/<rule_id>/state")
@require(Capability.DEFINE)
def put_state(rule_id: str) -> Response:
    """Propose that a rule be in the shadow, off, or back in force."""
    state, reason = request.form.get("state", ""), request.form.get("reason", "")
    if state not in ("on", "shadow", "off"):
        what = "Choose one of: back in force, in the shadow, off."
        raise Invalid(what, problems=(Problem("state", what),))
    with reading() as session:
        force = services.in_force(session, workspace())
    written = bench_of(force.rules).rules.get(rule_id)
    if written is None:
        raise NotFound(f"There is no rule {rule_id[:40]}.")
    if written.state == state:
        raise Conflict("It is so already.")
    return propose_packs(_with_state(force.rules.sources, rule_id, state), reason, seen=force.number)


def _with_state(sources: Mapping[str, bytes], rule_id: str, state: str) -> dict[str, bytes]:
    """Say it in the firm's own pack, and let no other pack of the firm say otherwise."""
    packs = {FIRM_PACK: b"", **sources}
    for pack in filter(is_own, list(packs)):
        if pack == FIRM_PACK or rule_id.encode() in packs[pack]:
            wanted = state if pack == FIRM_PACK and state != "on" else None
            packs[pack] = with_state(packs[pack].decode(), [rule_id], wanted).encode()
    return packs


def _filled(fields: dict[str, Any]) -> RuleForm:
    """Return a form that shows these fields and nothing that the request sent."""
    return RuleForm(formdata=None, data=fields)


def _page(form: RuleForm, id_: str | None, refusal: Refusal | None = None) -> str:
    with reading() as session:
        page: EditPage = edit_page(
            session, workspace(), form, draft(session, workspace(), form, id_), current(), refusal=refusal
        )
    return render_template("screening/edit.html", page=page)


def _send(id_: str | None) -> Response | tuple[str, int]:
    """Propose what the form holds; where something is wrong with it, show each thing at its field."""
    form = RuleForm()
    with reading() as session:
        made = draft(session, workspace(), form, id_)
    try:
        _ensure_sound(form, made)
        return propose_packs(made.proposal(), form.reason.data or "", seen=made.force.number)
    except (Invalid, Conflict) as refusal:
        form.show(refusal.problems)
        return _page(form, id_, refusal), status_of(refusal)


def _ensure_sound(form: RuleForm, made: Draft) -> None:
    names = {one.table["name"]: id_ for id_, one in made.bench.rules.items() if id_ != made.id}
    found = list(problems(made.bench, made.table, names))
    if made.shadow and made.replaced:
        what = f"With {made.replaced} off and this rule in the shadow, nothing is flagged: choose one of the two."
        found.append(Problem("shadow", what))
    if not (form.reason.data or "").strip():
        found.append(Problem("reason", "Say why: whoever seconds the change reads this."))
    if found:
        raise Invalid("The rule cannot work as written.", problems=tuple(found))
    if made.before is not None and form.seen.data != str(made.force.number):
        raise Conflict("The rules changed while you wrote: open the rule again to see it as it is now.")
