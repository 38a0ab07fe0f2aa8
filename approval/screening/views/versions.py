"""One version of the rules: how it differs from the one in force, its packs as a file, and publishing it again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from approval.capabilities import Capability, can
from approval.db import reading
from approval.people.queries import names_of, workspace_facts
from approval.screening import queries
from approval.screening.queries import RuleSetFacts
from approval.screening.services.packing import is_own
from approval.screening.services.workshop import tables_of
from approval.screening.views.routes import blueprint, difference, packs_in_force, propose_packs
from approval.web.identity import current, require, workspace

_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The first day that a zip knows: the same packs always make the same file."""


@dataclass(frozen=True)
class VersionPage:
    """One version and what is different from the one in force; each pack with how many rules it has."""

    workspace: str
    version: RuleSetFacts
    by: str
    current: int
    diff: tuple[str, ...]
    packs: tuple[tuple[str, int, bool], ...]
    zone: str
    may_define: bool


@blueprint.get("/rules/versions/<int:number>")
@require(Capability.READ)
def version(number: int) -> str:
    """Show one version and how it differs from the one in force."""
    name = workspace()
    with reading() as session:
        found = queries.version_numbered(session, name, number)
        force, before = packs_in_force(session, name)
        packs = queries.packs_of(session, found.id)
        page = VersionPage(
            workspace=name,
            version=found,
            by=names_of(session, [found.made_by])[found.made_by],
            current=force.number,
            diff=difference(before, packs, (f"in version {force.number}, in force", f"in version {number}")),
            packs=tuple((pack, _rules(source), is_own(pack)) for pack, source in sorted(packs.items())),
            zone=workspace_facts(session, name).zone,
            may_define=can(current(), Capability.DEFINE, name),
        )
    return render_template("screening/version.html", page=page)


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
    name = f"rules-{workspace()}-version-{number}.zip"
    return Response(data, mimetype="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _zipped(packs: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for pack, source in sorted(packs.items()):
            archive.writestr(zipfile.ZipInfo(f"{pack}.toml", _BEGINNING), source, zipfile.ZIP_DEFLATED)
    return out.getvalue()
