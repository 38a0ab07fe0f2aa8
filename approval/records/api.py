"""Exports for programs: ask for one, see how far it is, learn where to fetch it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for
from flask_smorest import Blueprint

from approval.capabilities import Capability
from approval.db import reading, transaction
from approval.records import queries, services
from approval.records.models import ExportState
from approval.records.queries import ExportFacts, Filters
from approval.web.identity import current, ensure_may, ensure_may_see_own, origin, signed_in, unseen

blueprint = Blueprint("records_api", __name__, url_prefix="/api/v1/exports", description="Exports of the records")

_POST = ma.fields.Integer(strict=True, validate=ma.validate.Range(1, 2**31 - 1))
_PERSON = ma.fields.String(validate=ma.validate.Regexp(r"[^\x00-\x20\x7f]{1,254}\Z"))


class FiltersBody(ma.Schema):
    """What an export is limited to: posts by id, people by id or address who acted."""

    posts = ma.fields.List(_POST, load_default=())
    people = ma.fields.List(_PERSON, load_default=())


class AskBody(ma.Schema):
    """A workspace and inclusive days in its zone."""

    workspace = ma.fields.String(required=True)
    first_day = ma.fields.Date(required=True, data_key="from")
    last_day = ma.fields.Date(required=True, data_key="to")
    filters = ma.fields.Nested(FiltersBody, load_default=dict)


class ExportAnswer(ma.Schema):
    """An export; digest, size and where to fetch both files once it is ready, the problem where it failed."""

    id = ma.fields.Integer()
    workspace = ma.fields.String()
    first_day = ma.fields.Date(data_key="from")
    last_day = ma.fields.Date(data_key="to")
    filters = ma.fields.Nested(FiltersBody)
    state = ma.fields.Enum(ExportState, by_value=True)
    digest = ma.fields.String(allow_none=True)
    size = ma.fields.Integer(allow_none=True)
    entries = ma.fields.Integer(allow_none=True)
    download = ma.fields.String(allow_none=True)
    note = ma.fields.String(allow_none=True)
    problem = ma.fields.String(allow_none=True)


@blueprint.post("")
@signed_in(scope="export")
@blueprint.arguments(AskBody)
@blueprint.response(202, ExportAnswer)
def ask(body: dict[str, Any]) -> dict[str, Any]:
    """Ask for an export of a period; the worker writes it."""
    ensure_may(Capability.EXPORT, body["workspace"])
    chosen = body["filters"]
    filters = Filters(tuple(chosen.get("posts", ())), tuple(chosen.get("people", ())))
    with transaction(origin()) as session:
        asked = services.ask_export(
            session,
            workspace=body["workspace"],
            first_day=body["first_day"],
            last_day=body["last_day"],
            filters=filters,
            by=current(),
        )
        facts = queries.export(session, asked.id)
    return _answer(facts)


@blueprint.get("/<int:export_id>")
@signed_in(scope="export")
@blueprint.response(200, ExportAnswer)
def show(export_id: int) -> dict[str, Any]:
    """Say how far an export is and, once it is ready, where to fetch both files."""
    with reading() as session, unseen():
        facts = queries.export(session, export_id)
    ensure_may_see_own(Capability.EXPORT, facts, by=facts.asked_by)
    return _answer(facts)


def _answer(facts: ExportFacts) -> dict[str, Any]:
    return {
        **vars(facts),
        "digest": facts.digest.hex() if facts.digest else None,
        "download": url_for("records.download", export_id=facts.id, _external=True) if facts.ready else None,
        "note": url_for("records.note", export_id=facts.id, _external=True) if facts.ready else None,
    }
