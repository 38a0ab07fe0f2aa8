"""The blueprint of screening, and how its views propose a version of the rules."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from approval.db import Session, transaction
from approval.errors import Conflict
from approval.screening import queries, services
from approval.screening.naming import amid_words, in_words, network_name
from approval.screening.queries import RuleSetFacts
from approval.screening.services.guards import ensured_reason
from approval.screening.services.weakening import Weakened, weakened
from approval.screening.views.scopes import regime_name
from approval.web.identity import current, origin, workspace

blueprint = Blueprint("screening", __name__)
for _name in (amid_words, in_words, network_name, regime_name):
    blueprint.add_app_template_filter(_name)
MOST_DIFF = 400
MOST_WEAKENED = 5


def packs_in_force(session: Session, name: str) -> tuple[RuleSetFacts, dict[str, bytes]]:
    """Return the version in force with its packs, also where this engine cannot read them."""
    version = queries.version_in_force(session, name)
    return version, dict(queries.packs_of(session, version.id))


def propose_packs(packs: Mapping[str, bytes], reason: str, *, seen: int) -> Response:
    """Propose these packs, made from version *seen*; Conflict where another one took effect meanwhile."""
    name = workspace()
    ensured_reason(reason)
    services.ensure_readable(packs)
    with transaction(origin()) as session:
        ensure_seen(session, name, str(seen))
        _, before = packs_in_force(session, name)
        version = services.propose_rules(session, name, packs, by=current(), reason=reason)
        number, enacted = version.number, version.enacted_at is not None
    return proposed(number, enacted, weakened(before, packs))


def ensure_seen(session: Session, name: str, seen: str) -> None:
    """Refuse (Conflict) whoever looked at other rules than those in force, by the number of the version."""
    force = queries.version_in_force(session, name)
    if seen != str(force.number):
        raise Conflict(f"Version {force.number} of the rules took effect meanwhile: look at it, then decide again.")


def proposed(number: int, enacted: bool, milder: Sequence[Weakened] = ()) -> Response:
    """Go back to the rules, saying what became of a proposed version, and which rules it keeps from blocking."""
    told = "is in force; nobody else could second it" if enacted else "waits for a second person"
    flash(f"Version {number} of the rules {told}.", "success")
    if milder:
        more = f", and {len(milder) - MOST_WEAKENED} more" if len(milder) > MOST_WEAKENED else ""
        flash(f"It weakens rules that block: {'; '.join(map(str, milder[:MOST_WEAKENED]))}{more}.", "warning")
    return redirect(url_for("screening.rules", workspace=workspace()))


def difference(
    before: Mapping[str, bytes], after: Mapping[str, bytes], told: tuple[str, str] = ("in force", "proposed")
) -> tuple[str, ...]:
    """Return the changed lines of all packs, unified."""
    lines: list[str] = []
    for pack in sorted({*before, *after}):
        old, new = (packs.get(pack, b"").decode().splitlines() for packs in (before, after))
        if old != new:
            lines += difflib.unified_diff(old, new, f"{pack} {told[0]}", f"{pack} {told[1]}", lineterm="", n=1)
    more = len(lines) - MOST_DIFF
    return tuple(lines[:MOST_DIFF]) + ((f"… and {more} lines more",) if more > 0 else ())
