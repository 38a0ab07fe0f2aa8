"""What `app.py` puts around every page of somebody who is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g, request

from approval.capabilities import Actor, Capability, can
from approval.db import reading
from approval.desk.queries.shell import Around, around
from approval.errors import Refusal
from approval.people.forms import REGIME_NAMES
from approval.people.queries import workspaces
from approval.web.identity import caller, workspace


@dataclass(frozen=True)
class Item:
    """A place of the rail."""

    label: str
    href: str
    icon: str
    count: int | None
    current: bool


@dataclass(frozen=True)
class Link:
    """A link with a name: a workspace that may be chosen."""

    name: str
    href: str
    current: bool = False


@dataclass(frozen=True)
class Stopped:
    """The banner of a stop."""

    scope: str
    reason: str
    by: str
    since: datetime
    zone: str
    href: str


@dataclass(frozen=True)
class Alone:
    """The banner of a workspace where nobody seconds."""

    text: str
    href: str
    label: str


@dataclass(frozen=True)
class Firm:
    """The workspace of the page."""

    name: str
    regime: str


@dataclass(frozen=True)
class Me:
    """Who is signed in."""

    name: str
    roles: str
    href: str


Place = tuple[str, str, str, Capability]

PLACES: tuple[Place, ...] = (
    ("Tasks", "/tasks", "inbox", Capability.READ),
    ("Posts", "/posts", "file-earmark-text", Capability.READ),
    ("Calendar", "/calendar", "calendar3", Capability.READ),
    ("Rules", "/rules", "shield-check", Capability.READ),
    ("Log", "/audit", "list-check", Capability.READ_AUDIT),
    ("Records", "/records", "archive", Capability.READ_AUDIT),
    ("Admin", "/admin", "gear", Capability.ADMINISTER),
)


ROOM: Place = ("Room", "/records/room", "door-open", Capability.READ_AUDIT)
"""The first place of whoever has a room."""


def shell() -> Mapping[str, Any]:
    """Return the rail, the banners and who is signed in; nothing for a page that nobody is signed in to."""
    asking = caller()
    # Whoever has yet to set up a second factor is told nothing of what waits behind it.
    if asking is None or asking.owes_factor:
        return {}
    actor = asking.actor
    name = _workspace(actor)
    me = Me(actor.name, _roles(actor, name), "/account")
    if name is None:
        return {"me": me}
    if actor.limited_to(name):
        return _room_alone(actor, name, me)
    with reading() as session:
        here = around(session, actor, name)
    named = f"?workspace={name}" if len(actor.workspaces) > 1 else ""
    return {
        "me": me,
        "rail": [_item(actor, here, place, named) for place in _places(actor, name)],
        "workspace": Firm(here.title, REGIME_NAMES.get(here.regime, here.regime)),
        "workspaces": [Link(title, f"/tasks?workspace={slug}", slug == name) for slug, title in here.others],
        "stopped": _stopped(here),
        "alone": _alone(actor, here),
        "alarms": here.alarms,
        "find_url": f"/api/v1/find{named}",
    }


def _room_alone(actor: Actor, name: str, me: Me) -> Mapping[str, Any]:
    """Return what stands around the pages of an examiner whose room has limits: the room, and nothing of the firm."""
    with reading() as session:
        mine = [facts for facts in workspaces(session) if facts.name in actor.workspaces]
    here = next(facts for facts in mine if facts.name == name)
    label, href, icon, _ = ROOM
    current = request.path.startswith("/records")
    named = f"?workspace={name}" if len(mine) > 1 else ""
    return {
        "me": me,
        "rail": [Item(label, href + named, icon, None, current)],
        "workspace": Firm(here.title, REGIME_NAMES.get(here.regime, here.regime)),
        "workspaces": [Link(facts.title, f"/?workspace={facts.name}", facts.name == name) for facts in mine],
        "limited": True,
    }


def _places(actor: Actor, name: str) -> list[Place]:
    """The places that this person may use; whoever defines but does not administer finds the workflow under Admin."""
    places = [*((ROOM,) if name in actor.rooms else ()), *(place for place in PLACES if can(actor, place[3], name))]
    if can(actor, Capability.DEFINE, name) and not can(actor, Capability.ADMINISTER, name):
        places.append(("Admin", "/admin/workflow", "gear", Capability.DEFINE))
    return places


def _workspace(actor: Actor) -> str | None:
    """The workspace of what the page shows, or else the one looked at last."""
    shown: str | None = g.get("shown_workspace") or (g.get("asked_workspace") if actor.rooms else None)
    try:
        return shown or workspace()
    except Refusal:
        return next(iter(sorted(actor.workspaces)), None)


def _roles(actor: Actor, name: str | None) -> str:
    if name in actor.rooms:
        return "Examiner"
    return ", ".join(sorted(role.capitalize() for role in actor.roles_in(name))) if name else ""


def _item(actor: Actor, here: Around, place: Place, named: str) -> Item:
    label, href, icon, _ = place
    count = here.waiting if href == "/tasks" else None
    current = request.path == href or request.path.startswith(href + "/")
    if href == "/records" and request.path == ROOM[1]:
        current = False
    return Item(label, href + named, icon, count, current)


def _stopped(here: Around) -> Stopped | None:
    found = here.stopped
    if found is None:
        return None
    scope = found.scope + (f" and {found.more} more" if found.more else "")
    return Stopped(scope, found.reason, found.by, found.since, here.zone, "/admin/stops")


def _alone(actor: Actor, here: Around) -> Alone | None:
    if not here.alone:
        return None
    text = (
        "Only one person here may change rules and review stages: such changes take effect alone, and are recorded so. "
        "Nobody approves their own words."
    )
    may = can(actor, Capability.ADMINISTER, here.name)
    return Alone(text, "/admin" if may else "", "Invite a second person" if may else "")
