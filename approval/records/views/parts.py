"""Exports in parts, in the browser: how far they are, and the list that names every part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, flash, redirect, render_template, url_for

from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.people.queries import workspace_facts
from approval.records import queries, services
from approval.records.queries import ExportFacts, SeriesFacts
from approval.records.views.routes import blueprint
from approval.web.files import attached
from approval.web.identity import current, ensure_may, hooks, origin, signed_in, unseen


@dataclass(frozen=True)
class SeriesPage:
    """An export in parts: those that were written, and the one that is on its way."""

    series: SeriesFacts
    zone: str
    parts: list[ExportFacts]
    written: int
    may_export: bool

    @property
    def failed(self) -> ExportFacts | None:
        """The part that could not be written, if any."""
        return next((part for part in self.parts if part.problem), None)

    @property
    def moving(self) -> ExportFacts | None:
        """The part that is on its way, if any."""
        return next((part for part in self.parts if part.moving), None)


@blueprint.get("/records/exports/parts/<int:series_id>")
@signed_in
def series(series_id: int) -> str:
    """Show an export in parts."""
    with reading() as session:
        facts = _seen(session, series_id, Capability.READ_AUDIT)
        parts = queries.parts_of(session, series_id)
        page = SeriesPage(
            series=facts,
            zone=workspace_facts(session, facts.workspace).zone,
            parts=parts,
            written=sum(queries.written_so_far(hooks().settings.data, part.id) for part in parts if part.moving),
            may_export=can(current(), Capability.EXPORT, facts.workspace),
        )
    return render_template("records/parts.html", page=page)


def _seen(session: Session, series_id: int, capability: Capability) -> SeriesFacts:
    with unseen():
        facts = queries.series(session, series_id)
    ensure_may(capability, facts)
    return facts


@blueprint.get("/records/exports/parts/<int:series_id>/list")
@signed_in
def parts_list(series_id: int) -> Response:
    """Hand out the list that names every part with its SHA-256."""
    with reading() as session:
        facts = _seen(session, series_id, Capability.EXPORT)
        data = services.parts_list(queries.parts_of(session, series_id))
    return attached(data, f"{facts.workspace}-{facts.first_day}-{facts.last_day}-parts.sha256", "text/plain")


@blueprint.post("/records/exports/parts/<int:series_id>/resume")
@signed_in
def resume_parts(series_id: int) -> Any:
    """Ask once more for the part that could not be written."""
    with transaction(origin()) as session:
        _seen(session, series_id, Capability.EXPORT)
        services.resume_parts(session, series_id, by=current())
    flash("The part is written anew; those before it stay.", "success")
    return redirect(url_for("records.series", series_id=series_id))
