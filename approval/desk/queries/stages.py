"""Stages in words: those of a round with what was decided there, and those that would follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from approval.audit.queries.entries import Head, explaining, head
from approval.db import Session
from approval.people.queries import names_of
from approval.posts.models import Post
from approval.review import queries as review
from approval.review.events import Decided
from approval.review.flow import Asked, Condition, Flow, StageStanding, StageState, Who
from approval.review.models import OpenStage

MOST_NAMES = 4


@dataclass(frozen=True)
class StageLine:
    """A stage as the page lists it."""

    name: str
    standing: str
    who: str
    note: str | None
    due: datetime | None = None


@dataclass(frozen=True)
class DecisionLine:
    """What somebody decided, in words; `entry` is the index of the entry that records it."""

    stage: str
    by: str
    verdict: str
    reason: str | None
    note: str | None
    at: datetime
    entry: int | None


@dataclass(frozen=True)
class RoundView:
    """The latest round of a post: its stages in order, every decision, and how far their log is proven."""

    id: int
    number: int
    workflow: int
    revision: bytes
    outcome: str
    submitted_by: str
    submitted_at: datetime
    closed_at: datetime | None
    note: str | None
    stages: tuple[StageLine, ...]
    decisions: tuple[DecisionLine, ...]
    log: Head


def round_view(session: Session, found: review.Round) -> RoundView:
    """Return a round in words."""
    made = [(state, decision) for state in found.stages for decision in state.decisions]
    persons = {state.who.name for state in found.stages if state.who.kind is Asked.PERSON}
    names = names_of(session, {found.submitted_by, *persons, *(decision.by for _, decision in made)})
    due = session.scalar(select(OpenStage.due_at).where(OpenStage.submission == found.id).limit(1))
    decisions = sorted(made, key=lambda pair: pair[1].id)
    entries = explaining(session, found.workspace, found.post, Decided.kind, "decision") if made else {}
    return RoundView(
        id=found.id,
        number=found.number,
        workflow=found.workflow,
        revision=found.revision,
        outcome=found.outcome,
        submitted_by=names[found.submitted_by],
        submitted_at=found.submitted_at,
        closed_at=found.closed_at,
        note=found.note,
        stages=tuple(_line(state, names, due) for state in found.stages),
        decisions=tuple(
            DecisionLine(
                state.name,
                names[decision.by],
                decision.verdict,
                decision.reason.label if decision.reason else None,
                decision.note,
                decision.at,
                entries.get(decision.id),
            )
            for state, decision in decisions
        ),
        log=head(session, found.workspace),
    )


def _line(state: StageState, names: Mapping[str, str], due: datetime | None) -> StageLine:
    if state.standing is StageStanding.SKIPPED:
        return StageLine(state.name, "skipped", asked_only(state.stage.when), None)
    is_open = state.standing is StageStanding.OPEN
    standing = "current" if is_open else str(state.standing)
    note = f"{state.got} of {state.needed}"
    return StageLine(state.name, standing, asked(state.who, names), note, due if is_open else None)


def coming(session: Session, workspace: str, flow: Flow, post: Post | None) -> tuple[StageLine, ...]:
    """Return the stages that would follow, with whoever may decide there: nobody whose own words these are."""
    return tuple(_coming(session, workspace, state, post) for state in flow.stages)


def _coming(session: Session, workspace: str, state: StageState, post: Post | None) -> StageLine:
    if state.standing is StageStanding.SKIPPED:
        return StageLine(state.name, "skipped", asked_only(state.stage.when), None)
    found = review.may_decide(session, post, state.who) if post else review.candidates(session, workspace, state.who)
    names = sorted(names_of(session, found).values())
    if len(found) < state.needed:
        note = f"needs {state.needed}, and {len(found)} may decide here: invite somebody first"
    else:
        note = f"{state.needed} of {len(found)} · {state.stage.due_hours} hours"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    who = ", ".join(names[:MOST_NAMES]) + more if names else "Nobody"
    return StageLine(state.name, "waiting", who, note)


def asked(who: Who, names: Mapping[str, str]) -> str:
    """Say whom a stage asks."""
    match who.kind:
        case Asked.PERSON:
            return names.get(who.name, who.name)
        case Asked.TEAM:
            return f"Team {who.name}"
    return who.name.capitalize()


def asked_only(when: Condition) -> str:
    """Say when a stage is asked that is not asked here."""
    parts = []
    if when.severity is not None:
        parts.append(f"findings of {when.severity} or worse")
    for what, words in (("topics", when.topics), ("networks", when.networks), ("products", when.products)):
        if words:
            some = ", ".join(sorted(words)[:MOST_NAMES])
            parts.append(f"the {what} {some}{' and more' if len(words) > MOST_NAMES else ''}")
    return f"Only for {' with '.join(parts)}" if parts else "Not asked"
