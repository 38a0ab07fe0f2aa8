"""The written procedures of a firm as they were in force on a day, to be read by people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import select

from approval import clock
from approval.db import Session
from approval.records.keeping import SHIPPED, parse_retention
from approval.records.models import RetentionVersion
from approval.records.queries.selection import Period
from approval.records.rendering import How, Line
from approval.review.flow import Condition, Stage, parse_workflow
from approval.review.models import WorkflowVersion
from approval.rules import Rule, RuleSet
from approval.screening.models import RuleSetVersion


def procedures(session: Session, workspace: str, zone: str, on: date) -> Iterator[Line]:
    """Tell the workflow, the rules and the retention rules that were in force as *on* ended."""
    ends = Period(on, on, zone).ends
    yield Line(How.NOTE, f"As they were in force at the end of {on.isoformat()}, in {zone}.")
    yield from _workflow(_in_force(session, WorkflowVersion, WorkflowVersion.source, workspace, ends), zone)
    yield from _rules(_in_force(session, RuleSetVersion, RuleSetVersion.packs, workspace, ends), zone)
    yield from _retention(_in_force(session, RetentionVersion, RetentionVersion.source, workspace, ends), zone)


def versions_in_force(session: Session, workspace: str, zone: str, on: date) -> tuple[str, ...]:
    """Name the versions that were in force as *on* ended."""
    ends = Period(on, on, zone).ends
    found = []
    for name, model in (("Workflow", WorkflowVersion), ("Rule set", RuleSetVersion), ("Retention", RetentionVersion)):
        row = _in_force(session, model, model.number, workspace, ends)
        if row is not None:
            found.append(f"{name} {row.number}, in force since {clock.local(row.enacted_at, zone)}")
    return tuple(found)


def _in_force(session: Session, model: Any, source: Any, workspace: str, ends: Any) -> Any:
    return session.execute(
        select(model.number, model.digest, model.enacted_at, source)
        .where(model.workspace == workspace, model.enacted_at < ends)
        .order_by(model.enacted_at.desc(), model.number.desc())
        .limit(1)
    ).one_or_none()


def _version(name: str, row: Any, zone: str) -> Iterator[Line]:
    number, digest, enacted_at, _ = row
    yield Line(How.FACT, "Version", f"{name} {number}, in force since {clock.local(enacted_at, zone)}")
    yield Line(How.FACT, "SHA-256", digest.hex())


def _workflow(row: Any, zone: str) -> Iterator[Line]:
    yield Line(How.HEADING, "Production and approval")
    if row is None:
        yield Line(How.NOTE, "No workflow was in force on this day: nothing could be submitted.")
        return
    yield from _version("Workflow", row, zone)
    workflow = parse_workflow(row[3])
    yield Line(How.FACT, "Always", "Nobody who wrote, edited or asked an exception for a post decides on it")
    if workflow.distinct:
        yield Line(How.FACT, "Always", "Nobody's approval counts at more than one stage of a round")
    for place, stage in enumerate(workflow.stages, 1):
        yield Line(How.STEP, f"{place}. {stage.name}", _asked(stage))
        for point in stage.checklist:
            yield Line(How.FACT, "To be looked at", point)


def _asked(stage: Stage) -> str:
    many = "everybody of" if stage.quorum == "all" else f"{stage.quorum} of"
    return f"{many} {stage.who}, within {stage.due_hours} hours, {_when(stage.when)}"


def _when(when: Condition) -> str:
    if when.always:
        return "for every post"
    parts = [f"a finding of {when.severity} or graver"] if when.severity else []
    for name, chosen in (("topic", when.topics), ("network", when.networks), ("product", when.products)):
        if chosen:
            parts.append(f"{name} {' or '.join(sorted(chosen))}")
    return f"only for posts with {' and '.join(parts)}"


def _rules(row: Any, zone: str) -> Iterator[Line]:
    yield Line(How.HEADING, "What the words are judged by")
    if row is None:
        yield Line(How.NOTE, "No rule set was in force on this day: nothing could be judged, and so nothing passed.")
        return
    yield from _version("Rule set", row, zone)
    rules = RuleSet.parse({name: source.encode() for name, source in row[3].items()}, checked=False)
    for rule in rules.rules:
        yield from _rule(rule, rule.id in rules.shadow)


def _rule(rule: Rule, shadow: bool) -> Iterator[Line]:
    tried = ", on trial: it is recorded and holds nothing up" if shadow else ""
    yield Line(How.STEP, f"{rule.id} {rule.name.replace('-', ' ')}", f"{rule.severity}{tried}")
    yield Line(How.FACT, "Why", rule.why)
    yield Line(How.FACT, "Rests on", rule.citation)


def _retention(row: Any, zone: str) -> Iterator[Line]:
    yield Line(How.HEADING, "How long records are kept")
    if row is None:
        yield Line(How.NOTE, "The rules that ship with the program.")
    else:
        yield from _version("Retention rules", row, zone)
    for rule in parse_retention(SHIPPED if row is None else row[3]).rules:
        scope = sorted(rule.regimes) + sorted(rule.product_classes) + sorted(rule.products)
        yield Line(How.STEP, f"{rule.of.label}: {rule.period}", ", ".join(scope) or "for every regime and product")
        confirm = " (to be confirmed by counsel)" if rule.confirm else ""
        yield Line(How.FACT, "Rests on", f"{rule.citation}{confirm}")
