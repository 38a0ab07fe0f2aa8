"""The list of rules, and one rule: what it says, its state, and how it did in this firm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import render_template, request, url_for

from approval.capabilities import Capability, can
from approval.db import Session, reading
from approval.errors import NotFound
from approval.people.queries import names_of, workspace_facts
from approval.rules import Rule, RuleError
from approval.screening import queries, services
from approval.screening.intervals import wilson
from approval.screening.naming import KIND_NAMES
from approval.screening.queries import Tally
from approval.screening.services.packing import FIRM_PACK, is_own, to_toml
from approval.screening.services.release import Release, release
from approval.screening.services.workshop import KINDS, Written, bench_of, pack_title
from approval.screening.views.history import PastVersion, history
from approval.screening.views.routes import blueprint, packs_in_force
from approval.screening.views.scopes import scope_lines
from approval.screening.views.waiting import Waiting, waiting
from approval.web.identity import current, require, workspace
from approval.web.numbers import number

PAGE = 50
ORDERS = {"id": "Id", "hits": "Hits", "alarms": "False alarms", "precision": "Least precise"}
STATES = {"on": "In force", "shadow": "In the shadow", "off": "Switched off"}
_FILTERS = ("q", "topic", "pack", "state", "order")


@dataclass(frozen=True)
class Line:
    """A rule in the list. `precision`: per cent of its findings that nobody called a false alarm, with its interval."""

    id: str
    name: str
    topic: str
    severity: str
    message: str
    pack: str
    own: bool
    amended: bool
    state: str
    tally: Tally
    precision: tuple[int, int, int] | None


@dataclass(frozen=True)
class RulesPage:
    """The rules in force, filtered and paged; their versions; what waits. `broken`: why this engine reads them not."""

    workspace: str
    number: int
    digest: str
    broken: str
    lines: tuple[Line, ...]
    total: int
    found: int
    chosen: Mapping[str, str]
    topics: tuple[str, ...]
    packs: Mapping[str, str]
    orders: Mapping[str, str]
    states: Mapping[str, str]
    before: str | None
    after: str | None
    first: int
    versions: tuple[PastVersion, ...]
    waiting: tuple[Waiting, ...]
    release: Release | None
    zone: str
    may_define: bool


@dataclass(frozen=True)
class RulePage:
    """One rule of the version in force, and how it did in this firm."""

    workspace: str
    rule: Rule
    number: int
    digest: str
    written: Written
    kind: str
    pack: str
    scope: tuple[tuple[str, str], ...]
    source: str
    editable: bool
    copyable: bool
    may_define: bool
    tally: Tally
    precision: tuple[int, int, int] | None
    """Per cent of its findings that nobody called a false alarm, with the bounds of a 95 % interval."""
    dismissals: tuple[tuple[str, str, datetime], ...]
    names: dict[str, str]
    zone: str

    @property
    def movable(self) -> bool:
        """Whether the firm can change the state: what a shipped pack silences, it cannot bring back."""
        return self.written.state == "on" or is_own(self.written.stated_by)


# -- the list --------------------------------------------------------------------------------------------------


@blueprint.get("/rules")
@require(Capability.READ)
def rules() -> str:
    """List the rules in force."""
    name = workspace()
    chosen = {key: request.args.get(key, "").strip() for key in (*_FILTERS, "ours")}
    with reading() as session:
        version, packs = packs_in_force(session, name)
        lines, broken = _lines(session, name)
        found = _ordered([line for line in lines if _matches(line, chosen)], chosen["order"])
        first = min(max(0, request.args.get("first", 0, type=number)), max(0, len(found) - 1))
        page = RulesPage(
            workspace=name,
            number=version.number,
            digest=version.digest.hex(),
            broken=broken,
            lines=tuple(found[first : first + PAGE]),
            total=len(lines),
            found=len(found),
            chosen=chosen,
            topics=tuple(sorted({line.topic for line in lines})),
            packs={pack: pack_title(pack, packs[pack]) for pack in sorted(packs)},
            orders=ORDERS,
            states=STATES,
            before=_address(chosen, max(0, first - PAGE)) if first else None,
            after=_address(chosen, first + PAGE) if first + PAGE < len(found) else None,
            first=first,
            versions=history(session, name),
            waiting=waiting(session, name, version, packs),
            release=release(packs),
            zone=workspace_facts(session, name).zone,
            may_define=can(current(), Capability.DEFINE, name),
        )
    return render_template("screening/rules.html", page=page)


def _lines(session: Session, name: str) -> tuple[list[Line], str]:
    """Every rule with how it did; none, and why, where this engine cannot read the rules in force."""
    try:
        bench = bench_of(services.in_force(session, name).rules)
    except RuleError as error:
        return [], str(error)
    tallies = queries.tallies(session, name, tuple(bench.rules))
    return [_line(id_, written, tallies.get(id_, Tally())) for id_, written in bench.rules.items()], ""


def _line(id_: str, written: Written, tally: Tally) -> Line:
    table = written.table
    return Line(
        id=id_,
        name=table["name"],
        topic=table["topic"],
        severity=table["severity"],
        message=table["message"],
        pack=written.pack,
        own=written.own,
        amended=written.amendment is not None,
        state=written.state,
        tally=tally,
        precision=_precision(tally),
    )


def _matches(line: Line, chosen: Mapping[str, str]) -> bool:
    told = f"{line.id} {line.name} {line.topic} {line.message}".lower()
    return (
        all(word in told for word in chosen["q"].lower().split())
        and (not chosen["ours"] or line.own or line.amended)
        and all(not chosen[key] or chosen[key] == getattr(line, key) for key in ("topic", "pack", "state"))
    )


def _ordered(lines: list[Line], order: str) -> list[Line]:
    if order == "hits":
        return sorted(lines, key=lambda line: (-line.tally.hits, -line.tally.shadows, line.id))
    if order == "alarms":
        return sorted(lines, key=lambda line: (-line.tally.dismissed, line.id))
    if order == "precision":
        return sorted(lines, key=lambda line: (line.precision[0] if line.precision else 101, line.id))
    return sorted(lines, key=lambda line: (not line.own, line.id))


def _address(chosen: Mapping[str, str], first: int) -> str:
    values: dict[str, Any] = {key: value for key, value in chosen.items() if value}
    return url_for("screening.rules", **values, workspace=workspace(), first=first or None)


# -- one rule --------------------------------------------------------------------------------------------------


@blueprint.get("/rules/<rule_id>")
@require(Capability.READ)
def rule(rule_id: str) -> str:
    """Show one rule: what it flags, what it lets pass, why, its source, and how it did here."""
    name = workspace()
    with reading() as session:
        force = services.in_force(session, name)
        bench = bench_of(force.rules)
        id_ = next((i for i, one in bench.rules.items() if rule_id in (i, one.table["name"])), None)
        if id_ is None:
            raise NotFound(f"There is no rule {rule_id[:40]} in version {force.number}.")
        found, written = bench.one(id_), bench.rules[id_]
        tally = queries.tallies(session, name, (id_,)).get(id_, Tally())
        dismissals = queries.dismissals_of(session, name, id_)
        page = RulePage(
            workspace=name,
            rule=found,
            number=force.number,
            digest=force.digest.hex(),
            written=written,
            kind=KIND_NAMES[found.kind],
            pack=pack_title(written.pack, force.rules.sources[written.pack]),
            scope=tuple(scope_lines(found.scope)),
            source=_toml(written),
            editable=written.pack == FIRM_PACK and found.kind in KINDS,
            copyable=found.kind in KINDS,
            may_define=can(current(), Capability.DEFINE, name),
            tally=tally,
            precision=_precision(tally),
            dismissals=dismissals,
            names=names_of(session, {by for by, _, _ in dismissals}),
            zone=workspace_facts(session, name).zone,
        )
    return render_template("screening/rule.html", page=page)


def _toml(written: Written) -> str:
    """The rule as its pack writes it, and what the firm says otherwise."""
    amendment = {"amend": [written.amendment]} if written.amendment else {}
    return to_toml({"rule": [written.plain], **amendment})


def _precision(tally: Tally) -> tuple[int, int, int] | None:
    if not tally.hits:
        return None
    right = max(0, tally.hits - tally.dismissed)
    low, high = wilson(right, tally.hits)
    return round(100 * right / tally.hits), round(100 * low), round(100 * high)
