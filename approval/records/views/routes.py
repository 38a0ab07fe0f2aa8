"""Where the pages of records hang, and what they share: their tabs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, request, url_for

from approval.capabilities import Capability, can
from approval.web.identity import current

blueprint = Blueprint("records", __name__)

PAGE = 30
_GROUPS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Examinations": {
        "Exports": ("records.exports",),
        "Requests": ("records.requests",),
        "Search": ("records.search", "records.searches"),
        "Rooms": ("records.rooms",),
    },
    "Keeping": {
        "What falls due": ("records.due",),
        "Legal holds": ("records.holds",),
        "Disposal": ("records.dispositions",),
        "Retention rules": ("records.retention",),
    },
    "Complaints": {"Complaints": ("records.complaints",)},
    "Archives": {"Archives": ("records.archives",)},
    "Letters": {"Letters": ("records.letters",)},
}
"""The pages of each group with their endpoints; the first is where a link to the page leads."""
_ASKS = {"Rooms": Capability.HOLD}


@dataclass(frozen=True)
class Tab:
    """A link in one of the two rows above each page of records."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True)
class Tabs:
    """The groups of pages, and the pages of the shown group."""

    groups: tuple[Tab, ...]
    pages: tuple[Tab, ...]


def tabs(workspace: str) -> Tabs:
    """Return the pages of records that whoever asks may open, the shown one marked."""
    shown = request.endpoint or ""
    groups: list[Tab] = []
    beside: tuple[Tab, ...] = ()
    for name, pages in _GROUPS.items():
        allowed = {
            page: at for page, at in pages.items() if page not in _ASKS or can(current(), _ASKS[page], workspace)
        }
        links = tuple(
            Tab(page, url_for(endpoints[0], workspace=workspace), shown in endpoints)
            for page, endpoints in allowed.items()
        )
        is_shown = any(link.current for link in links)
        groups.append(Tab(name, links[0].href, is_shown))
        beside = links if is_shown else beside
    return Tabs(tuple(groups), beside)
