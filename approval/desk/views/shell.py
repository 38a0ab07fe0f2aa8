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


def shell() -> Mapping[str, Any]:
    """Return the rail, the banners and who is signed in; nothing for a page that nobody is signed in to."""
    asking = caller()
    if asking is None:
        return {}
    actor = asking.actor
    name = _workspace(actor)
    me = Me(actor.name, _roles(actor, name), "/account")
    if name is None:
        return {"me": me}
    with reading() as session:
        here = around(session, actor, name)
    named = f"?workspace={name}" if len(actor.roles) > 1 else ""
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


def _places(actor: Actor, name: str) -> list[Place]:
    """The places that this person may use; whoever defines but does not administer finds the workflow under Admin."""
    places = [place for place in PLACES if can(actor, place[3], name)]
    if can(actor, Capability.DEFINE, name) and not can(actor, Capability.ADMINISTER, name):
        places.append(("Admin", "/admin/workflow", "gear", Capability.DEFINE))
    return places


def _workspace(actor: Actor) -> str | None:
    """The workspace of what the page shows, or else the one looked at last."""
    shown: str | None = g.get("shown_workspace")
    try:
        return shown or workspace()
    except Refusal:
        return next(iter(sorted(actor.roles)), None)


def _roles(actor: Actor, name: str | None) -> str:
    return ", ".join(sorted(role.capitalize() for role in actor.roles_in(name))) if name else ""


def _item(actor: Actor, here: Around, place: Place, named: str) -> Item:
    label, href, icon, _ = place
    count = here.waiting if href == "/tasks" else None
    current = request.path == href or request.path.startswith(href + "/")
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
