"""Records in the browser."""

from approval.records.views import (
    archives,
    cases,
    complaints,
    disposition,
    due,
    erasures,
    exports,
    holds,
    letters,
    parts,
    recreate,
    requests,
    retention,
    room,
    rooms,
    search,
    uses,
)
from approval.records.views.routes import blueprint as blueprint

__all__ = [
    "archives",
    "blueprint",
    "cases",
    "complaints",
    "disposition",
    "due",
    "erasures",
    "exports",
    "holds",
    "letters",
    "parts",
    "recreate",
    "requests",
    "retention",
    "room",
    "rooms",
    "search",
    "uses",
]
