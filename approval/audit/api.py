"""The log for programs: entries in order, inclusion proofs."""

from __future__ import annotations

import base64
from typing import Any

import marshmallow as ma
from flask_smorest import Blueprint

from approval.audit.queries import entries as queries
from approval.audit.queries.entries import Filter
from approval.capabilities import Capability
from approval.db import reading
from approval.web.identity import ensure_may, signed_in
from approval.web.numbers import LARGEST

blueprint = Blueprint("audit_api", __name__, url_prefix="/api/v1/audit", description="The audit log")


class EntriesQuery(ma.Schema):
    """Which entries: those of a workspace after an index."""

    workspace = ma.fields.String(required=True)
    after = ma.fields.Integer(load_default=-1, validate=ma.validate.Range(-1, LARGEST))
    limit = ma.fields.Integer(load_default=100, validate=ma.validate.Range(1, queries.MAX_LIMIT))


class EntryAnswer(ma.Schema):
    """An entry: its index and its canonical JSON, byte for byte."""

    index = ma.fields.Integer()
    entry = ma.fields.String()


class EntriesAnswer(ma.Schema):
    """Entries in order, and the size of the log."""

    size = ma.fields.Integer()
    entries = ma.fields.List(ma.fields.Nested(EntryAnswer))


class ProofQuery(ma.Schema):
    """Where the proof leads: a workspace's checkpoint of this size, or the latest."""

    workspace = ma.fields.String(required=True)
    size = ma.fields.Integer(load_default=None, validate=ma.validate.Range(0, LARGEST))


class ProofAnswer(ma.Schema):
    """An inclusion proof; hashes in standard base64, leaf side first."""

    index = ma.fields.Integer()
    size = ma.fields.Integer()
    leaf_hash = ma.fields.String()
    proof = ma.fields.List(ma.fields.String())
    root = ma.fields.String()
    checkpoint = ma.fields.String()


@blueprint.get("/entries")
@signed_in(scope="read")
@blueprint.arguments(EntriesQuery, location="query")
@blueprint.response(200, EntriesAnswer)
def entries(query: dict[str, Any]) -> dict[str, Any]:
    """List entries in order."""
    ensure_may(Capability.READ_AUDIT, query["workspace"])
    with reading() as session:
        head = queries.head(session, query["workspace"])
        found = queries.entries(session, head.log, Filter(after=query["after"], limit=query["limit"]))
    return {"size": head.size, "entries": [{"index": line.index, "entry": line.body} for line in found]}


@blueprint.get("/entries/<int:index>/proof")
@signed_in(scope="read")
@blueprint.arguments(ProofQuery, location="query")
@blueprint.response(200, ProofAnswer)
def proof(query: dict[str, Any], index: int) -> dict[str, Any]:
    """Prove that an entry is in the sealed tree."""
    ensure_may(Capability.READ_AUDIT, query["workspace"])
    with reading() as session:
        found = queries.proof(session, query["workspace"], index, query["size"])
    return {
        "index": found.index,
        "size": found.size,
        "leaf_hash": _text(found.leaf),
        "proof": [_text(hash_) for hash_ in found.path],
        "root": _text(found.root),
        "checkpoint": found.note,
    }


def _text(hash_: bytes) -> str:
    return base64.b64encode(hash_).decode()
