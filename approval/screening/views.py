"""The firm's rules in the browser: what is in force, one rule, its versions, a proposal and its second person."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import NotFound, Refusal
from approval.people.models import Proposal, Subject
from approval.people.queries import names_of, workspace_facts
from approval.rules import Rule
from approval.screening import queries, services
from approval.screening.intervals import wilson
from approval.screening.queries import RuleSetFacts, Tally
from approval.web.identity import current, origin, require, workspace

blueprint = Blueprint("screening", __name__)

FIRM_PACK = "firm"
"""The name of the firm's own pack beside the shipped ones."""
_EXAMPLE = """[pack]
title = "Our own rules"
about = "What our policies add to the shipped packs."

[[rule]]
id = "FIRM001"
name = "competitor-by-name"
kind = "phrase"
topic = "comparison-unsubstantiated"
severity = "medium"
match = ["example bank"]
message = "“{match}” names a competitor."
why = "Our policy: other banks are not named in posts."
citation = { text = "Social media policy, section 4", as_of = 2026-11-01 }
suggestion = "Speak of our own service."
flags = ["Cheaper than Example Bank."]
passes = ["Ask any bank for its fees."]
"""


@dataclass(frozen=True)
class Waiting:
    """A proposed version that waits for a second person, and whether this person may be the one."""

    proposal: int
    number: int
    by: str
    reason: str
    diff: tuple[str, ...]
    mine: bool


@dataclass(frozen=True)
class RulesPage:
    """The rules in force, filtered by words; their versions; what waits."""

    number: int
    digest: str
    rules: tuple[Rule, ...]
    total: int
    words: str
    topics: tuple[str, ...]
    topic: str
    versions: tuple[RuleSetFacts, ...]
    names: dict[str, str]
    waiting: tuple[Waiting, ...]
    zone: str
    may_define: bool


@dataclass(frozen=True)
class RulePage:
    """One rule of the version in force, and how it did in this firm."""

    rule: Rule
    number: int
    digest: str
    shadow: bool
    tally: Tally
    precision: tuple[int, int, int] | None
    """Per cent of its findings that nobody called a false alarm, with the bounds of a 95 % interval."""
    dismissals: tuple[tuple[str, str, datetime], ...]
    names: dict[str, str]
    zone: str


@dataclass(frozen=True)
class ProposePage:
    """The form for the firm's own pack: its text, and what is wrong with it."""

    source: str
    reason: str
    refusal: Refusal | None


@blueprint.get("/rules")
@require(Capability.READ)
def rules() -> str:
    """List the rules in force."""
    name = workspace()
    words, topic = request.args.get("q", "").strip().lower(), request.args.get("topic", "")
    with reading() as session:
        force = services.in_force(session, name)
        versions = queries.rule_sets(session, name)
        page = RulesPage(
            number=force.number,
            digest=force.digest.hex(),
            rules=tuple(rule for rule in force.rules.rules if _matches(rule, words, topic)),
            total=len(force.rules.rules),
            words=words,
            topics=tuple(sorted({rule.topic for rule in force.rules.rules})),
            topic=topic,
            versions=versions,
            names=names_of(session, {version.made_by for version in versions}),
            waiting=_waiting(session, name, versions),
            zone=workspace_facts(session, name).zone,
            may_define=can(current(), Capability.DEFINE, name),
        )
    return render_template("screening/rules.html", page=page)


def _matches(rule: Rule, words: str, topic: str) -> bool:
    told = f"{rule.id} {rule.name} {rule.topic} {rule.message} {rule.why}".lower()
    return (not topic or rule.topic == topic) and all(word in told for word in words.split())


@blueprint.get("/rules/<rule_id>")
@require(Capability.READ)
def rule(rule_id: str) -> str:
    """Show one rule: what it flags, what it lets pass, why, its source, and how it did here."""
    name = workspace()
    with reading() as session:
        force = services.in_force(session, name)
        try:
            found = force.rules.rule(rule_id)
        except KeyError as error:
            raise NotFound(f"There is no rule {rule_id[:40]} in version {force.number}.") from error
        tally = queries.tallies(session, name, (found.id,)).get(found.id, Tally())
        dismissals = queries.dismissals_of(session, name, found.id)
        page = RulePage(
            rule=found,
            number=force.number,
            digest=force.digest.hex(),
            shadow=found.id in force.rules.shadow,
            tally=tally,
            precision=_precision(tally),
            dismissals=dismissals,
            names=names_of(session, {by for by, _, _ in dismissals}),
            zone=workspace_facts(session, name).zone,
        )
    return render_template("screening/rule.html", page=page)


def _precision(tally: Tally) -> tuple[int, int, int] | None:
    if not tally.hits:
        return None
    right = max(0, tally.hits - tally.dismissed)
    low, high = wilson(right, tally.hits)
    return round(100 * right / tally.hits), round(100 * low), round(100 * high)


@blueprint.get("/rules/propose")
@require(Capability.DEFINE)
def propose() -> str:
    """Show the form for the firm's own pack."""
    with reading() as session:
        packs = _packs(session, workspace())
    source = packs.get(FIRM_PACK, _EXAMPLE.encode()).decode()
    return render_template("screening/propose.html", page=ProposePage(source, "", None))


@blueprint.post("/rules/propose")
@require(Capability.DEFINE)
def send_proposal() -> Response | tuple[str, int]:
    """Propose the firm's own pack as the next version of the rules."""
    name = workspace()
    source, reason = request.form.get("source", ""), request.form.get("reason", "")
    try:
        with transaction(origin()) as session:
            packs = {**_packs(session, name), FIRM_PACK: source.encode()}
            version = services.propose_rules(session, name, packs, by=current(), reason=reason)
            number, enacted = version.number, version.enacted_at is not None
    except Refusal as refusal:
        return render_template("screening/propose.html", page=ProposePage(source, reason, refusal)), 422
    told = "is in force; nobody else could second it" if enacted else "waits for a second person"
    flash(f"Version {number} of the rules {told}.", "success")
    return redirect(url_for("screening.rules"))


@blueprint.post("/rules/proposals/<int:proposal_id>")
@require(Capability.DEFINE)
def answer(proposal_id: int) -> Response:
    """Accept a proposed version, or turn it down."""
    accept = request.form.get("answer") == "accept"
    with transaction(origin()) as session:
        proposal = session.get(Proposal, proposal_id)
        if proposal is None or proposal.workspace != workspace() or proposal.subject is not Subject.RULE_SET:
            raise NotFound("There is no such proposal here.")
        version = services.second_rules(session, proposal, by=current(), accept=accept)
        number = version.number
    flash(f"Version {number} of the rules {'is in force' if accept else 'was turned down'}.", "success")
    return redirect(url_for("screening.rules"))


def _packs(session: Session, name: str) -> dict[str, bytes]:
    return dict(queries.packs_of(session, queries.version_in_force(session, name).id))


def _waiting(session: Session, name: str, versions: tuple[RuleSetFacts, ...]) -> tuple[Waiting, ...]:
    proposals = session.scalars(
        select(Proposal)
        .where(Proposal.workspace == name, Proposal.subject == Subject.RULE_SET, Proposal.decided_at.is_(None))
        .order_by(Proposal.id)
        .limit(20)
    ).all()
    names = names_of(session, {proposal.proposed_by for proposal in proposals})
    by_digest = {version.digest: version for version in versions if version.enacted_at is None}
    before = _packs(session, name) if proposals else {}
    return tuple(
        Waiting(
            proposal=proposal.id,
            number=version.number,
            by=names[proposal.proposed_by],
            reason=proposal.reason,
            diff=_diff(before, queries.packs_of(session, version.id)),
            mine=proposal.proposed_by == current().id,
        )
        for proposal in proposals
        if (version := by_digest.get(proposal.digest)) is not None
    )


def _diff(before: Any, after: Any) -> tuple[str, ...]:
    """Return the changed lines of all packs, unified."""
    lines: list[str] = []
    for pack in sorted({*before, *after}):
        old, new = (packs.get(pack, b"").decode().splitlines() for packs in (before, after))
        lines += difflib.unified_diff(old, new, f"{pack} in force", f"{pack} proposed", lineterm="", n=1)
    return tuple(lines[:400])
