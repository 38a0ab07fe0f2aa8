"""One version of the rules: how it differs from the one in force, its packs as a file, and publishing it again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from approval.capabilities import Capability, can
from approval.db import Session, reading
from approval.people.queries import names_of, workspace_facts
from approval.screening import queries
from approval.screening.queries import RuleSetFacts
from approval.screening.services.merging import Changed, changes
from approval.screening.services.packing import is_own
from approval.screening.services.workshop import pack_title, tables_of
from approval.screening.views.routes import blueprint, difference, propose_packs
from approval.web.files import attached
from approval.web.identity import current, require, workspace

_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The first day that a zip knows: the same packs always make the same file."""


@dataclass(frozen=True)
class VersionPage:
    """One version and how it differs from the one in force; that one, from the one before it (`compared`).

    `packs`: of each, its name, its title, how many rules it has, and whether it is the firm's.
    """

    workspace: str
    version: RuleSetFacts
    by: str
    current: int
    compared: int | None
    changes: tuple[Changed, ...]
    diff: tuple[str, ...]
    packs: tuple[tuple[str, str, int, bool], ...]
    zone: str
    may_define: bool


@blueprint.get("/rules/versions/<int:number>")
@require(Capability.READ)
def version(number: int) -> str:
    """Show one version and how it differs from the one in force."""
    name = workspace()
    with reading() as session:
        found = queries.version_numbered(session, name, number)
        force = queries.version_in_force(session, name)
        packs = queries.packs_of(session, found.id)
        other = _other(session, name, found, force)
        before = queries.packs_of(session, other.id) if other else packs
        told = f"in version {other.number}" if other else ""
        page = VersionPage(
            workspace=name,
            version=found,
            by=names_of(session, [found.made_by])[found.made_by],
            current=force.number,
            compared=other.number if other else None,
            changes=changes(before, packs),
            diff=difference(before, packs, (told, f"in version {number}")),
            packs=tuple(
                (pack, pack_title(pack, source), _rules(source), is_own(pack)) for pack, source in sorted(packs.items())
            ),
            zone=workspace_facts(session, name).zone,
            may_define=can(current(), Capability.DEFINE, name),
        )
    return render_template("screening/version.html", page=page)


def _other(session: Session, name: str, found: RuleSetFacts, force: RuleSetFacts) -> RuleSetFacts | None:
    """The version to compare with: the one in force; for that one, the one before; for the first, none."""
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
    return propose_packs(packs, request.form.get("reason", ""), seen=force.number)


@blueprint.get("/rules/versions/<int:number>/packs.zip")
@require(Capability.READ)
def packs_file(number: int) -> Response:
    """Hand out all packs of a version."""
    with reading() as session:
        found = queries.version_numbered(session, workspace(), number)
        data = _zipped(queries.packs_of(session, found.id))
    return attached(data, f"rules-{workspace()}-version-{number}.zip", "application/zip")


def _zipped(packs: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for pack, source in sorted(packs.items()):
            archive.writestr(zipfile.ZipInfo(f"{pack}.toml", _BEGINNING), source, zipfile.ZIP_DEFLATED)
    return out.getvalue()
