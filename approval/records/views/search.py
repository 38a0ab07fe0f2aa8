"""Search in the browser: what was said and recorded, and what was searched for. Each answer is recorded first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import render_template, request, url_for

from approval.capabilities import Capability, Room
from approval.db import Session, reading, transaction
from approval.errors import Invalid, Problem, Refusal
from approval.people.queries import channels, members, workspace_facts
from approval.posts.models import Standing
from approval.records import queries, services
from approval.records.models import PassageKind
from approval.records.queries import Found, Hit, SearchFacts, Wanted
from approval.records.queries.rooms import findable
from approval.records.queries.searching import MOST_COUNTED
from approval.records.views.routes import PAGE, Tabs, blueprint, tabs
from approval.rules import PRODUCTS
from approval.rules.finding import Severity
from approval.web.errors import status_of
from approval.web.identity import current, origin, require, workspace
from approval.web.numbers import number
from approval.web.paging import format_cursor, parse_cursor

FIELDS = (
    *("words", "kind", "person", "post", "product", "channel", "standing", "severity", "rule", "first_day", "last_day"),
)
KINDS = {
    PassageKind.POST: "Posts, every revision",
    PassageKind.COMMENT: "Comments, with what they said before",
    PassageKind.DECISION: "Decisions",
    PassageKind.ARCHIVED: "Records of another tool",
    PassageKind.ENTRY: "Entries of the log",
}


@dataclass(frozen=True, kw_only=True)
class ResultsPage:
    """What was chosen in a form, and what was found, if anything was looked for."""

    workspace: str
    zone: str
    chosen: dict[str, str]
    found: Found | None
    hrefs: dict[int, str]
    most: int
    next_url: str | None
    first_url: str | None
    refusal: Refusal | None


@dataclass(frozen=True, kw_only=True)
class SearchPage(ResultsPage):
    """The form with all that may be asked."""

    kinds: dict[PassageKind, str]
    people: tuple[tuple[str, str], ...]
    channels: tuple[str, ...]
    products: tuple[str, ...]
    standings: tuple[str, ...]
    severities: tuple[str, ...]
    tabs: Tabs


@dataclass(frozen=True)
class SearchesPage:
    """What was searched for, newest first, each with the address that searches for it again."""

    workspace: str
    zone: str
    searches: tuple[tuple[SearchFacts, str], ...]
    most: int
    next_url: str | None
    tabs: Tabs


@blueprint.get("/records/search")
@require(Capability.READ_AUDIT)
def search() -> Any:
    """Search posts, comments, decisions and entries; what was searched is recorded before it is answered."""
    name = workspace()
    chosen = {field: request.args.get(field, "").strip()[:400] for field in FIELDS}
    if not any(chosen.values()):
        return _page(name, chosen)
    try:
        found = look_for(name, chosen)
    except Invalid as refusal:
        return _page(name, chosen, refusal=refusal), status_of(refusal)
    return _page(name, chosen, found)


def look_for(name: str, chosen: dict[str, str], *, room: Room | None = None) -> Found:
    """Search a workspace, or what a *room* with limits shows of it, and record that before anybody is shown it."""
    wanted, before = _wanted(name, chosen), _before()
    with reading() as session:
        among = () if room is None else findable(session, room)
        found = queries.search(session, name, wanted, before=before, limit=PAGE, among=among)
    inside = None if room is None else room.id
    with transaction(origin()) as session:
        services.note_search(session, name, wanted, found, before=before, by=current().id, room=inside)
    return found


def results(
    session: Session, endpoint: str, name: str, chosen: dict[str, str], found: Found | None, refusal: Refusal | None
) -> dict[str, Any]:
    """Return the fields of a ResultsPage at this endpoint."""
    given: dict[str, Any] = {field: value for field, value in chosen.items() if value} | {"workspace": name}
    onward = None if found is None or found.before is None else format_cursor(found.before)
    return {
        "workspace": name,
        "zone": workspace_facts(session, name).zone,
        "chosen": chosen,
        "found": found,
        "hrefs": {hit.id: _href(name, hit) for hit in found.hits} if found else {},
        "most": MOST_COUNTED,
        "next_url": url_for(endpoint, **given, before=onward) if onward else None,
        "first_url": url_for(endpoint, **given) if request.args.get("before") else None,
        "refusal": refusal,
    }


def _before() -> int | None:
    cursor = parse_cursor(request.args.get("before"), int)
    return None if cursor is None else int(str(cursor[0]))


def _page(name: str, chosen: dict[str, str], found: Found | None = None, refusal: Refusal | None = None) -> str:
    with reading() as session:
        page = SearchPage(
            **results(session, "records.search", name, chosen, found, refusal),
            kinds=KINDS,
            people=tuple((actor.id, actor.name) for actor in members(session, name)),
            channels=tuple(channel.name for channel in channels(session, name)),
            products=tuple(sorted(PRODUCTS)),
            standings=tuple(Standing),
            severities=tuple(reversed(Severity)),
            tabs=tabs(name),
        )
    return render_template("records/search.html", page=page)


def _href(name: str, hit: Hit) -> str:
    """Return where a hit is shown: a post as it stood with these words, what was said about it, an entry itself."""
    if hit.kind is PassageKind.ARCHIVED:
        return url_for("records.archived", record_id=hit.record)
    if hit.kind is PassageKind.ENTRY or hit.post is None:
        return url_for("audit.entry", log_name=name, index=hit.entry)
    return url_for("records.recreated", post_id=hit.post, entry=hit.entry)


def _wanted(name: str, chosen: dict[str, str]) -> Wanted:
    """Read what is looked for; Invalid names the field that is not clear."""
    return Wanted(
        words=chosen["words"],
        kinds=_one_of(chosen, "kind", PassageKind),
        person=_person(name, chosen["person"]),
        post=_post(chosen["post"]),
        products=(chosen["product"],) if chosen["product"] else (),
        channels=(chosen["channel"],) if chosen["channel"] else (),
        standing=next(iter(_one_of(chosen, "standing", Standing)), None),
        severity=next(iter(_one_of(chosen, "severity", Severity)), None),
        rule=chosen["rule"].upper()[:32] or None,
        first_day=_day(chosen, "first_day"),
        last_day=_day(chosen, "last_day"),
    )


def _one_of(chosen: dict[str, str], field: str, words: Any) -> tuple[Any, ...]:
    if not chosen[field]:
        return ()
    try:
        return (words(chosen[field]),)
    except ValueError as error:
        raise _unclear(field, f"“{chosen[field][:40]}” is none of {', '.join(words)}.") from error


def _person(name: str, given: str) -> str | None:
    if not given:
        return None
    with reading() as session:
        return services.person_named(session, name, given, where="person")


def _post(given: str) -> int | None:
    try:
        return number(given) if given else None
    except ValueError as error:
        raise _unclear("post", f"“{given[:40]}” is not the number of a post.") from error


def _day(chosen: dict[str, str], field: str) -> date | None:
    try:
        return date.fromisoformat(chosen[field]) if chosen[field] else None
    except ValueError as error:
        raise _unclear(field, f"“{chosen[field][:40]}” is not a day. Write it as 2026-11-21.") from error


def _unclear(field: str, what: str) -> Invalid:
    return Invalid(what, problems=(Problem(field, what),))


@blueprint.get("/records/searches")
@require(Capability.READ_AUDIT)
def searches() -> str:
    """Show what was searched for."""
    name = workspace()
    with reading() as session:
        found = queries.searches(session, name, before=_before(), limit=PAGE + 1)
        page = SearchesPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            searches=tuple((one, _again(name, one)) for one in found[:PAGE]),
            most=MOST_COUNTED,
            next_url=url_for("records.searches", workspace=name, before=format_cursor(found[PAGE - 1].id))
            if len(found) > PAGE
            else None,
            tabs=tabs(name),
        )
    return render_template("records/searches.html", page=page)


def _again(name: str, one: SearchFacts) -> str:
    given = one.filters
    first = {"kind": "kinds", "product": "products", "channel": "channels"}
    fields = {field: (given.get(key) or [None])[0] for field, key in first.items()}
    fields |= {field: given.get(field) for field in ("person", "post", "standing", "severity", "rule")}
    fields |= {"words": one.words, "first_day": given.get("from"), "last_day": given.get("to")}
    return url_for("records.search", workspace=name, **{field: value for field, value in fields.items() if value})
