"""The posts that a rule flagged, linked from the page of the rule."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request, url_for

from approval.capabilities import Capability
from approval.db import reading
from approval.desk.queries.flagged import MOST_READ, RulePosts, rule_posts
from approval.desk.views.listing import Pill
from approval.desk.views.routes import blueprint
from approval.web.identity import require, workspace
from approval.web.paging import parse_cursor

ALARMS = "alarms"
"""The value of `only` that asks for false alarms alone."""


@dataclass(frozen=True)
class Page:
    """What a rule flagged, with its filter and addresses."""

    found: RulePosts
    pills: tuple[Pill, ...]
    alarms: bool
    first: bool
    next_url: str | None
    read: int = MOST_READ


@blueprint.get("/rules/<rule_id>/posts")
@require(Capability.READ)
def rule_flagged(rule_id: str) -> str:
    """List the posts in which a rule found something, newest first; with `only=alarms` where it was wrong."""
    name, alarms = workspace(), request.args.get("only") == ALARMS
    cursor = parse_cursor(request.args.get("before"), int)
    before = int(str(cursor[0])) if cursor else None
    with reading() as session:
        found = rule_posts(session, name, rule_id, alarms=alarms, before=before)

    def address(only: str | None, before: int | None = None) -> str:
        return url_for("desk.rule_flagged", rule_id=rule_id, workspace=name, only=only, before=before)

    page = Page(
        found=found,
        pills=(
            Pill("All", address(None), not alarms, None),
            Pill("False alarms only", address(ALARMS), alarms, str(found.tally.dismissed)),
        ),
        alarms=alarms,
        first=before is None,
        next_url=address(ALARMS if alarms else None, found.before) if found.before else None,
    )
    return render_template("desk/flagged.html", page=page)
