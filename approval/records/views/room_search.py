"""Search in a room with limits: what the case files of its posts tell, and nothing beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for

from approval.capabilities import Capability, Room, in_room
from approval.db import reading
from approval.errors import CapabilityMissing, Invalid, Refusal
from approval.people.queries.rooms import RoomFacts, room as room_facts
from approval.records.models import PassageKind
from approval.records.queries import Found
from approval.records.views.routes import blueprint
from approval.records.views.search import FIELDS, KINDS, ResultsPage, look_for, results
from approval.web.errors import status_of
from approval.web.identity import current, room as my_room, signed_in

_ASKED = ("words", "kind", "first_day", "last_day")
"""No more: the other fields of a search name people, channels and findings that no case file here may tell of."""
_KINDS = {kind: KINDS[kind] for kind in (PassageKind.POST, PassageKind.COMMENT, PassageKind.DECISION)}


@dataclass(frozen=True, kw_only=True)
class RoomSearchPage(ResultsPage):
    """The form with what may be asked in a room with limits."""

    room: RoomFacts
    kinds: dict[PassageKind, str]


@blueprint.get("/records/room/search")
@signed_in
def room_search() -> Any:
    """Search what a room with limits shows; what was searched is recorded before it is answered."""
    mine = my_room()
    if mine.everything:
        return redirect(url_for("records.search", workspace=mine.workspace))
    if not in_room(current(), Capability.READ_AUDIT, mine.workspace):
        raise CapabilityMissing("This is no room of yours, or it has ended.")
    chosen = {field: request.args.get(field, "").strip()[:400] if field in _ASKED else "" for field in FIELDS}
    if not any(chosen.values()):
        return _page(mine, chosen)
    try:
        found = look_for(mine.workspace, chosen, room=mine)
    except Invalid as refusal:
        return _page(mine, chosen, refusal=refusal), status_of(refusal)
    return _page(mine, chosen, found)


def _page(mine: Room, chosen: dict[str, str], found: Found | None = None, refusal: Refusal | None = None) -> str:
    with reading() as session:
        page = RoomSearchPage(
            **results(session, "records.room_search", mine.workspace, chosen, found, refusal),
            room=room_facts(session, mine.id),
            kinds=_KINDS,
        )
    return render_template("records/room_search.html", page=page)
