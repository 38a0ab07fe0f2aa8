"""Where the pages of records hang, and what they share: their tabs."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, request, url_for

from approval.capabilities import Capability, can
from approval.web.identity import current

blueprint = Blueprint("records", __name__)

PAGE = 30


@dataclass(frozen=True)
class Tab:
    """A page of records in the row above each of them."""

    label: str
    href: str
    current: bool


def tabs(workspace: str) -> tuple[Tab, ...]:
    """Return the pages of records, the shown one marked."""
    pages = (
        ("Exports", "records.exports"),
        ("Search", "records.search"),
        ("Requests", "records.requests"),
        ("What falls due", "records.due"),
        ("Disposal", "records.dispositions"),
        ("Legal holds", "records.holds"),
        ("Retention rules", "records.retention"),
        ("Complaints", "records.complaints"),
        ("Archives", "records.archives"),
        ("Letters", "records.letters"),
        *((("Rooms", "records.rooms"),) if can(current(), Capability.HOLD, workspace) else ()),
    )
    return tuple(
        Tab(label, url_for(endpoint, workspace=workspace), (request.endpoint or "") == endpoint)
        for label, endpoint in pages
    )
