"""Search in a room with limits: what the case files of its posts tell, and nothing beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for

from approval.capabilities import Capability, Room, in_room
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Invalid, Refusal
from approval.people.queries import workspace_facts
from approval.people.queries.rooms import RoomFacts, room as room_facts
from approval.records import queries, services
from approval.records.models import PassageKind
from approval.records.queries import Found
from approval.records.queries.rooms import findable
from approval.records.queries.searching import MOST_COUNTED
from approval.records.views.routes import PAGE, blueprint
from approval.records.views.search import FIELDS, KINDS, href, read_before, read_wanted
from approval.web.errors import status_of
from approval.web.identity import current, origin, room as my_room, signed_in
from approval.web.paging import format_cursor

_ASKED = ("words", "kind", "first_day", "last_day")
"""No more: the other fields of a search name people, channels and findings that no case file here may tell of."""
_KINDS = {kind: KINDS[kind] for kind in (PassageKind.POST, PassageKind.COMMENT, PassageKind.DECISION)}


@dataclass(frozen=True)
class RoomSearchPage:
    """The form with what was chosen, and what was found, if anything was looked for."""

    room: RoomFacts
    workspace: str
    zone: str
    chosen: dict[str, str]
    kinds: dict[PassageKind, str]
    found: Found | None
    hrefs: dict[int, str]
    most: int
    next_url: str | None
    first_url: str | None
    refusal: Refusal | None


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
        wanted, before = read_wanted(mine.workspace, chosen), read_before()
        with reading() as session:
            among = findable(session, mine)
            found = queries.search(session, mine.workspace, wanted, before=before, limit=PAGE, among=among)
        with transaction(origin()) as session:
            services.note_search(session, mine.workspace, wanted, found, before=before, by=current().id, room=mine.id)
    except Invalid as refusal:
        return _page(mine, chosen, refusal=refusal), status_of(refusal)
    return _page(mine, chosen, found)


def _page(mine: Room, chosen: dict[str, str], found: Found | None = None, refusal: Refusal | None = None) -> str:
    given: dict[str, Any] = {field: value for field, value in chosen.items() if value}
    given["workspace"] = mine.workspace
    onward = None if found is None or found.before is None else format_cursor(found.before)
    with reading() as session:
        page = RoomSearchPage(
            room=room_facts(session, mine.id),
            workspace=mine.workspace,
            zone=workspace_facts(session, mine.workspace).zone,
            chosen=chosen,
            kinds=_KINDS,
            found=found,
            hrefs={hit.id: href(mine.workspace, hit) for hit in found.hits} if found else {},
            most=MOST_COUNTED,
            next_url=url_for("records.room_search", **given, before=onward) if onward else None,
            first_url=url_for("records.room_search", **given) if request.args.get("before") else None,
            refusal=refusal,
        )
    return render_template("records/room_search.html", page=page)
