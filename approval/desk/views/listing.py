"""The list of all posts. Its filters are remembered in the page session until they are chosen anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import render_template, request, session as page_session, url_for

from approval.capabilities import Capability, can
from approval.db import reading
from approval.desk.queries.listing import MOST_COUNTED, Filter, PostsPage, posts_page
from approval.desk.views.routes import blueprint
from approval.errors import Invalid, Problem
from approval.posts.models import Standing
from approval.web.identity import current, require, workspace

_REMEMBERED = "posts"
_FIELDS = ("standing", "author", "channel", "q")


@dataclass(frozen=True)
class Pill:
    """A filter by standing, with how many posts it finds."""

    label: str
    href: str
    current: bool
    count: str | None


@dataclass(frozen=True)
class Page:
    """The list with its filters and addresses."""

    posts: PostsPage
    pills: tuple[Pill, ...]
    chosen: dict[str, str]
    next_url: str | None
    may_draft: bool

    @property
    def filtered(self) -> bool:
        """True where some posts may be left out."""
        return any(self.chosen.values())


@blueprint.get("/posts")
@require(Capability.READ)
def posts() -> str:
    """List the posts of the workspace, newest first, with who acts next."""
    chosen, name = _chosen(), workspace()
    with reading() as session:
        found = posts_page(session, name, replace(_filter(chosen), before=_before()))
    page = Page(
        posts=found,
        pills=_pills(found, chosen),
        chosen=chosen,
        next_url=_address(chosen, before=found.before) if found.before else None,
        may_draft=can(current(), Capability.DRAFT, name),
    )
    return render_template("desk/posts.html", page=page)


def _chosen() -> dict[str, str]:
    """The filters of this request, which are remembered, or else those remembered."""
    if any(name in request.args for name in _FIELDS):
        chosen = {name: request.args.get(name, "").strip()[:200] for name in _FIELDS}
        if page_session.get(_REMEMBERED) != chosen:
            page_session[_REMEMBERED] = chosen
        return chosen
    kept: Any = page_session.get(_REMEMBERED)
    return {name: str(kept.get(name, "")) if isinstance(kept, dict) else "" for name in _FIELDS}


def _filter(chosen: dict[str, str]) -> Filter:
    try:
        standing = Standing(chosen["standing"]) if chosen["standing"] else None
    except ValueError as error:
        what = f"“{chosen['standing'][:40]}” is not a standing: choose one of {', '.join(Standing)}."
        raise Invalid(what, problems=(Problem("standing", what),)) from error
    return Filter(standing, chosen["author"] or None, chosen["channel"] or None, chosen["q"] or None)


def _before() -> int | None:
    text = request.args.get("before")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid("This page address is damaged. Go back to the first page.")
    return int(text)


def _pills(found: PostsPage, chosen: dict[str, str]) -> tuple[Pill, ...]:
    def pill(label: str, standing: str, number: int | None) -> Pill:
        count = None if number is None else f"{MOST_COUNTED - 1}+" if number >= MOST_COUNTED else str(number)
        href = _address(chosen, standing=standing)
        return Pill(label, href, chosen["standing"] == standing, count)

    each = (pill(standing.replace("_", " ").capitalize(), standing, n) for standing, n in found.counts.items())
    return (pill("All", "", None), *each)


def _address(chosen: dict[str, str], **changes: Any) -> str:
    """Return the address of the list with these filters."""
    values: dict[str, Any] = {**chosen, **changes}
    return url_for("desk.posts", **values)
