"""One version of the rules: how it differs from the one in force, its packs as a file, and publishing it again."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from approval.capabilities import Capability, can
from approval.db import Session, reading
from approval.people.queries import workspace_facts
from approval.screening import queries
from approval.screening.queries import RuleSetFacts
from approval.screening.services.merging import Changed, changes
from approval.screening.services.packfiles import zipped
from approval.screening.services.packing import is_own
from approval.screening.services.weakening import Weakened, weakened
from approval.screening.services.workshop import pack_title, tables_of
from approval.screening.views.history import PastVersion, history
from approval.screening.views.routes import blueprint, difference, propose_packs
from approval.web.files import attached
from approval.web.identity import current, require, workspace
from approval.web.numbers import number as as_number


@dataclass(frozen=True)
class VersionPage:
    """One version and how it differs from another (`compared`): the one in force, or the one that a reader chose.

    The one in force is compared with the one before it. `packs`: of each, its name, its title, how many rules it has,
    and whether it is the firm's. `weakened` are rules that block under the other and do not here.
    """

    workspace: str
    version: RuleSetFacts
    past: PastVersion
    others: tuple[int, ...]
    current: int
    compared: int | None
    changes: tuple[Changed, ...]
    weakened: tuple[Weakened, ...]
    diff: tuple[str, ...]
    packs: tuple[tuple[str, str, int, bool], ...]
    zone: str
    may_define: bool


@blueprint.get("/rules/versions/<int:number>")
@require(Capability.READ)
def version(number: int) -> str:
    """Show one version and how it differs from the one in force, or from the one that `with` names."""
    name = workspace()
    with reading() as session:
        found = queries.version_numbered(session, name, number)
        force = queries.version_in_force(session, name)
        packs = queries.packs_of(session, found.id)
        other = _other(session, name, found, force)
        before = queries.packs_of(session, other.id) if other else packs
        told = f"in version {other.number}" if other else ""
        past = {one.number: one for one in history(session, name)}
        page = VersionPage(
            workspace=name,
            version=found,
            past=past[number],
            others=tuple(one for one in past if one != number),
            current=force.number,
            compared=other.number if other else None,
            changes=changes(before, packs),
            weakened=weakened(before, packs),
            diff=difference(before, packs, (told, f"in version {number}")),
            packs=tuple(
                (pack, pack_title(pack, source), _rules(source), is_own(pack)) for pack, source in sorted(packs.items())
            ),
            zone=workspace_facts(session, name).zone,
            may_define=can(current(), Capability.DEFINE, name),
        )
    return render_template("screening/version.html", page=page)


def _other(session: Session, name: str, found: RuleSetFacts, force: RuleSetFacts) -> RuleSetFacts | None:
    """The version to compare with: the one asked for or in force; for that one, the one before; for the first, none."""
    if (chosen := request.args.get("with", type=as_number)) is not None:
        return queries.version_numbered(session, name, chosen)
    if found.number != force.number:
        return force
    return queries.version_before(session, name, found, found.enacted_at) if found.enacted_at else None


def _rules(source: bytes) -> int:
    return len(tables_of(source).get("rule", ()))


@blueprint.post("/rules/versions/<int:number>/again")
@require(Capability.DEFINE)
def publish_again(number: int) -> AnyResponse:
    """Propose the packs of an earlier version anew."""
    with reading() as session:
        found = queries.version_numbered(session, workspace(), number)
        force, packs = queries.version_in_force(session, workspace()), queries.packs_of(session, found.id)
    seen = as_number(request.form.get("seen") or str(force.number))
    return propose_packs(packs, request.form.get("reason", ""), seen=seen)


@blueprint.get("/rules/versions/<int:number>/packs.zip")
@require(Capability.READ)
def packs_file(number: int) -> Response:
    """Hand out all packs of a version."""
    with reading() as session:
        found = queries.version_numbered(session, workspace(), number)
        data = zipped(queries.packs_of(session, found.id))
    return attached(data, f"rules-{workspace()}-version-{number}.zip", "application/zip")
