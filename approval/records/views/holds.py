"""Legal holds in the browser: place one, see what it covers, ask to lift it, agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for

from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import Invalid, Refusal
from approval.people.queries import people_who, workspace_facts
from approval.records import queries, services
from approval.records.forms import HoldForm
from approval.records.queries import HoldFacts, PostKeeping
from approval.records.queries.holds import MOST_COUNTED
from approval.records.views.routes import PAGE, Tabs, blueprint, tabs
from approval.web.errors import status_of
from approval.web.identity import current, ensure_may, origin, require, signed_in, unseen, workspace
from approval.web.paging import format_cursor, parse_cursor


@dataclass(frozen=True)
class HoldsPage:
    """The holds that stand with how many posts each covers, and those that were lifted."""

    workspace: str
    zone: str
    standing: tuple[HoldFacts, ...]
    lifted: tuple[HoldFacts, ...]
    counts: dict[int, int]
    most: int
    counting: bool
    next_url: str | None
    may_hold: bool
    tabs: Tabs


@dataclass(frozen=True)
class HoldPage:
    """One hold, the posts it covers, and what this reader may do with it."""

    hold: HoldFacts
    zone: str
    posts: tuple[PostKeeping, ...]
    count: int
    most: int
    counting: bool
    next_url: str | None
    may_hold: bool
    mine: bool
    alone: bool
    refusal: Refusal | None


@blueprint.get("/records/holds")
@require(Capability.READ_AUDIT)
def holds() -> str:
    """Show the legal holds, and the form to place one."""
    name = workspace()
    return _holds(name, HoldForm(formdata=None, data={"workspace": name}))


def _holds(name: str, form: HoldForm) -> str:
    cursor = parse_cursor(request.args.get("before"), int)
    before = None if cursor is None else int(str(cursor[0]))
    with reading() as session:
        standing = queries.active_holds(session, name)
        lifted = queries.lifted_holds(session, name, before=before, limit=PAGE + 1)
        more = len(lifted) > PAGE
        page = HoldsPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            standing=standing,
            lifted=lifted[:PAGE],
            counts=queries.counts(session, standing),
            most=MOST_COUNTED,
            counting=queries.is_counting(session, name),
            next_url=url_for("records.holds", workspace=name, before=format_cursor(lifted[PAGE - 1].id))
            if more
            else None,
            may_hold=can(current(), Capability.HOLD, name),
            tabs=tabs(name),
        )
    return render_template("records/holds.html", page=page, form=form)


@blueprint.post("/records/holds")
@require(Capability.HOLD)
def place_hold() -> Any:
    """Place a legal hold."""
    name, form = workspace(), HoldForm()
    if not form.validate_on_submit():
        return _holds(name, form), 422
    try:
        with transaction(origin()) as session:
            criteria = form.criteria(lambda given: _person(session, name, given))
            made = services.place_hold(
                session, name, matter=form.matter.data, reason=form.reason.data, criteria=criteria, by=current()
            )
            id_ = made.id
    except Refusal as refusal:
        form.show(refusal.problems)
        if not refusal.problems:
            form.form_errors.append(refusal.detail)
        return _holds(name, form), status_of(refusal)
    flash("The hold stands. What it covers is kept from now on.", "success")
    return redirect(url_for("records.hold", hold_id=id_))


def _person(session: Session, name: str, given: str) -> str:
    return services.person_named(session, name, given, where="person")


@blueprint.get("/records/holds/<int:hold_id>")
@signed_in
def hold(hold_id: int) -> str:
    """Show a legal hold and what it covers."""
    return _hold(hold_id)


def _hold(hold_id: int, refusal: Refusal | None = None) -> str:
    cursor = parse_cursor(request.args.get("before"), int)
    before = None if cursor is None else int(str(cursor[0]))
    with reading() as session:
        facts = _seen(session, hold_id, Capability.READ_AUDIT)
        posts = queries.covered_posts(session, hold_id, before=before, limit=PAGE + 1) if facts.stands else []
        kept = queries.keeping_of_posts(session, facts.workspace, posts[:PAGE])
        others = {actor.id for actor in people_who(session, facts.workspace, Capability.HOLD)} - {current().id}
        page = HoldPage(
            hold=facts,
            zone=workspace_facts(session, facts.workspace).zone,
            posts=tuple(kept[post] for post in posts[:PAGE]),
            count=queries.counts(session, [facts])[facts.id],
            most=MOST_COUNTED,
            counting=queries.is_counting(session, facts.workspace),
            next_url=url_for("records.hold", hold_id=hold_id, before=format_cursor(posts[PAGE - 1]))
            if len(posts) > PAGE
            else None,
            may_hold=can(current(), Capability.HOLD, facts.workspace),
            mine=facts.lift is not None and facts.lift.by == current().id,
            alone=not others,
            refusal=refusal,
        )
    return render_template("records/hold.html", page=page)


def _seen(session: Session, hold_id: int, capability: Capability) -> HoldFacts:
    with unseen():
        facts = queries.hold(session, hold_id)
    ensure_may(capability, facts)
    return facts


@blueprint.post("/records/holds/<int:hold_id>/lift")
@signed_in
def propose_lift(hold_id: int) -> Any:
    """Ask that a legal hold be lifted."""
    try:
        with transaction(origin()) as session:
            _seen(session, hold_id, Capability.HOLD)
            reason = request.form.get("reason", "").replace("\r\n", "\n")
            lifted = services.propose_lift(session, hold_id, by=current(), reason=reason).lifted_at is not None
    except Invalid as refusal:
        return _hold(hold_id, refusal), status_of(refusal)
    flash("The hold is lifted; nobody else could agree." if lifted else "Another person must agree.", "success")
    return redirect(url_for("records.hold", hold_id=hold_id))


@blueprint.post("/records/holds/<int:hold_id>/answer")
@signed_in
def answer_lift(hold_id: int) -> Any:
    """Agree that a legal hold is lifted, or keep it."""
    accept = request.form.get("answer") == "accept"
    with transaction(origin()) as session:
        _seen(session, hold_id, Capability.HOLD)
        services.second_lift(session, hold_id, by=current(), accept=accept)
    flash("The hold is lifted." if accept else "The hold stands.", "success")
    return redirect(url_for("records.hold", hold_id=hold_id))
