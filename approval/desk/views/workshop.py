"""The rule workshop, as far as it needs posts: a rule on the firm's own posts, and a rule set on what went out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from flask import render_template, request, url_for

from approval import clock
from approval.capabilities import Capability
from approval.db import Session, reading
from approval.desk.queries.content import part_names
from approval.desk.queries.sweeping import Reader
from approval.desk.views.routes import blueprint
from approval.errors import Invalid, NotFound, Problem, Refusal
from approval.people.models import Proposal
from approval.people.queries import workspace_facts
from approval.records.queries import Period
from approval.rules import Finding, RuleError, RuleSet, Severity
from approval.screening import queries, services
from approval.screening.forms import Draft, RuleForm, draft, edit_page
from approval.screening.services.rules import ready
from approval.screening.services.trying import Hit, Piece, Sweep, sweep
from approval.screening.services.workshop import Change, compare, complete, problems
from approval.web.errors import status_of
from approval.web.identity import NOT_HERE, current, require, workspace
from approval.web.numbers import number

USUAL_DAYS = 30
MOST_IMAGES = 20
_OF_DAYS = ("from", "to", "before", "csrf_token", "workspace")


# -- a rule on our own posts -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PostHit:
    """A post that a rule would newly flag, with the first place."""

    post: int
    title: str
    where: str
    pieces: tuple[Piece, ...]
    more: int


@dataclass(frozen=True)
class Swept:
    """What a rule would newly flag among the newest posts; `problem` where it cannot be tried as it stands."""

    tried: int = 0
    share: float = 0.0
    floods: bool = False
    ended: bool = True
    hits: tuple[PostHit, ...] = ()
    problem: str = ""


@blueprint.post("/rules/try/posts")
@require(Capability.DEFINE)
def sweep_posts() -> str:
    """Show which of the newest posts the rule in the form would newly flag; `part` asks for that alone."""
    form, name = RuleForm(), workspace()
    with reading() as session:
        made = draft(session, name, form, request.form.get("rule") or None)
        swept = _swept(Reader(session, name), made)
        if request.form.get("part"):
            return render_template("screening/_sweep.html", sweep=swept)
        page = edit_page(session, name, form, made, current(), sweep=swept)
    return render_template("screening/edit.html", page=page)


def _swept(reader: Reader, made: Draft) -> Swept:
    if "after" in made.table:
        return Swept(problem="This rule looks only where others found something: it is tried by a back-test.")
    try:
        found = sweep(made.bench, made.table, reader.newest(), before=made.before or made.beside)
    except RuleError as error:
        return Swept(problem=error.reason[:1].upper() + error.reason[1:])
    return Swept(found.tried, found.share, found.floods, found.ended, _hits(reader, found))


def _hits(reader: Reader, found: Sweep) -> tuple[PostHit, ...]:
    names = part_names(reader.channels, MOST_IMAGES)

    def hit(one: Hit) -> PostHit:
        post, title = reader.found[one.key]
        return PostHit(post, title, names.get(one.part or "", "The post"), one.pieces, one.more)

    return tuple(map(hit, found.hits))


# -- a rule set on what went out -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Days:
    """The days of a back-test, both included, as instants from *start* until *end*; *before* is where it goes on."""

    first: date
    last: date
    start: datetime
    end: datetime
    before: int | None


@dataclass(frozen=True)
class Found:
    """What one rule found in a revision: the first words, and how often."""

    rule: str
    name: str
    match: str
    times: int


@dataclass(frozen=True)
class Row:
    """A revision that fares differently under the other rules."""

    post: int
    title: str
    before: Severity | None
    after: Severity | None
    gained: tuple[Found, ...]
    lost: tuple[Found, ...]


@dataclass(frozen=True)
class BacktestPage:
    """How revisions of some days fare under other rules, as far as one request comes.

    `again` is where the next stretch is asked for: a link, or a form that sends `fields` anew from `next`.
    """

    workspace: str
    what: str
    number: int
    first: date
    last: date
    zone: str
    again: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    continued: bool = False
    judged: int = 0
    failed: int = 0
    flagged: tuple[Row, ...] = ()
    passing: tuple[Row, ...] = ()
    otherwise: tuple[Row, ...] = ()
    ended: bool = True
    next: int | None = None
    reached: int | None = None
    known: frozenset[str] = frozenset()
    """The rules in force, which have a page of their own."""
    refusal: Refusal | None = None

    @property
    def unchanged(self) -> int:
        """How many revisions fare as before."""
        return self.judged - len(self.flagged) - len(self.passing) - len(self.otherwise)

    def share(self, rows: Sequence[Row]) -> str:
        """Of the revisions judged, the share that these are."""
        return f"{100 * len(rows) / self.judged:.1f} % of them"


@blueprint.get("/rules/proposals/<int:proposal_id>/backtest")
@require(Capability.DEFINE)
def backtest(proposal_id: int) -> str | tuple[str, int]:
    """Show how what was submitted and published in some days would fare under a proposed version."""
    name = workspace()
    with reading() as session:
        proposal = session.get(Proposal, proposal_id)
        if proposal is None or proposal.workspace != name:
            raise NotFound(NOT_HERE)
        version = queries.version_proposed(session, proposal)
        page = _usual_page(session, f"version {version.number}")
        try:
            page = _tested(session, page, ready(session, version).rules)
        except RuleError as error:
            page = replace(page, refusal=Invalid(f"This program cannot read that version: {error}"))
        except Invalid as refusal:
            page = replace(page, refusal=refusal)
    days: dict[str, Any] = {"from": page.first, "to": page.last, "before": page.next}
    again = url_for("desk.backtest", proposal_id=proposal_id, workspace=name, **days)
    return _shown(replace(page, again=again))


@blueprint.post("/rules/backtest")
@require(Capability.DEFINE)
def backtest_candidate() -> str | tuple[str, int]:
    """Show the same for the rules in force with the rule that a form holds."""
    form, name = RuleForm(), workspace()
    with reading() as session:
        made = draft(session, name, form, request.form.get("rule") or None)
        page = _usual_page(session, f"rule {made.id}")
        try:
            page = _tested(session, page, _candidate(made))
        except Invalid as refusal:
            page = replace(page, refusal=refusal)
    fields = tuple((key, value) for key, value in request.form.items(multi=True) if key not in _OF_DAYS)
    return _shown(replace(page, again=url_for("desk.backtest_candidate", workspace=name), fields=fields))


def _shown(page: BacktestPage) -> str | tuple[str, int]:
    shown = render_template("screening/backtest.html", page=page)
    return (shown, status_of(page.refusal)) if page.refusal else shown


def _usual_page(session: Session, what: str) -> BacktestPage:
    """The page before anything was tested: the last days, until today."""
    zone = workspace_facts(session, workspace()).zone
    today = clock.wall_time(clock.now(session), zone).date()
    force = queries.version_in_force(session, workspace())
    return BacktestPage(workspace(), what, force.number, today - timedelta(days=USUAL_DAYS - 1), today, zone)


def _tested(session: Session, page: BacktestPage, after: RuleSet) -> BacktestPage:
    days = _days(session, page)
    reader = Reader(session, page.workspace)
    force = services.in_force(session, page.workspace).rules
    found = compare(reader.between(days.start, days.end, before=days.before), force, after)
    return replace(
        page,
        first=days.first,
        last=days.last,
        continued=days.before is not None,
        judged=found.judged,
        failed=found.failed,
        flagged=_rows(reader, found.flagged),
        passing=_rows(reader, found.passing),
        otherwise=_rows(reader, found.otherwise),
        ended=found.ended,
        next=None if found.ended else found.last,
        reached=reader.found[found.last][0] if found.last is not None else None,
        known=frozenset(rule.id for rule in force.rules),
    )


def _rows(reader: Reader, changes: Sequence[Change]) -> tuple[Row, ...]:
    return tuple(
        Row(*reader.found[one.key], one.before, one.after, _by_rule(one.gained), _by_rule(one.lost)) for one in changes
    )


def _by_rule(findings: Sequence[Finding]) -> tuple[Found, ...]:
    times = Counter(finding.rule for finding in findings)
    first = {finding.rule: finding for finding in reversed(findings)}
    return tuple(Found(rule, first[rule].name, first[rule].match, count) for rule, count in times.items())


def _candidate(made: Draft) -> RuleSet:
    """The rules in force with the rule of the form; its examples are proven when it is proposed."""
    wrong = [one for one in problems(made.bench, made.table, {}) if one.where in ("match", "needs", "beside", "except")]
    if wrong:
        raise Invalid("The rule cannot be tried as it stands.", problems=tuple(wrong))
    table = {**complete(made.table), "id": made.id, "name": made.table.get("name") or f"rule-{made.id.lower()}"}
    try:
        return RuleSet.parse(made.packs(table))
    except RuleError as error:
        raise Invalid("The rule cannot be tried as it stands.", problems=(Problem(error.key, error.reason),)) from error


def _days(session: Session, page: BacktestPage) -> Days:
    """Read the days that the request names; Invalid where no calendar holds them."""
    first, last = _day("from", page.first), _day("to", page.last)
    if not date(1970, 1, 1) <= first <= last <= date(9998, 12, 31):
        what = f"The days from {first} to {last} are no period: choose a first day that is not after the last."
        raise Invalid(what, problems=(Problem("from", what),))
    period = Period(first, last, workspace_facts(session, page.workspace).zone)
    return Days(first, last, period.begins, period.ends, request.values.get("before", type=number))


def _day(key: str, usual: date) -> date:
    text = request.values.get(key, "")
    try:
        return date.fromisoformat(text) if text else usual
    except ValueError as error:
        what = f"“{text[:40]}” is not a day such as 2026-11-21."
        raise Invalid(what, problems=(Problem(key, what),)) from error
