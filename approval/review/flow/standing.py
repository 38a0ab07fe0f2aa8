"""Facts in, standing out: which stage is open, what it still needs, how the round ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from approval.review.flow.workflow import (
    ALL,
    Condition,
    Outcome,
    Reason,
    Stage,
    StageStanding,
    Verdict,
    Who,
    Workflow,
)
from approval.rules.finding import Severity

DONE = frozenset({StageStanding.APPROVED, StageStanding.SKIPPED})


@dataclass(frozen=True)
class Made:
    """A decision that was made in this round."""

    id: int
    stage: str
    by: str
    verdict: Verdict
    reason: Reason | None
    note: str | None
    roles: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class Facts:
    """All that a round's standing follows from.

    severity, topics, networks, products: of the revision under its pinned rule set; decisions: of this round
    alone, in order; asked: for a stage that waits for everybody, who was asked and still may decide; own: whose
    words these are, so that their approval never counts.
    """

    severity: Severity | None = None
    topics: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    decisions: tuple[Made, ...] = ()
    asked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    own: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StageState:
    """One stage of a round: where it stands, how many approvals it needs and has, and what was decided there."""

    stage: Stage
    standing: StageStanding
    needed: int
    got: int
    decisions: tuple[Made, ...]

    @property
    def slug(self) -> str:
        """The stage's name in the definition."""
        return self.stage.slug

    @property
    def name(self) -> str:
        """The stage's name for people."""
        return self.stage.name

    @property
    def who(self) -> Who:
        """Whom the stage asks."""
        return self.stage.who


@dataclass(frozen=True)
class Flow:
    """The stages of a round in order, and how the round stands as a whole."""

    workflow: Workflow
    stages: tuple[StageState, ...]
    outcome: Outcome

    @property
    def open_stage(self) -> StageState | None:
        """The one stage that takes decisions now; None where the round is over."""
        return next((state for state in self.stages if state.standing is StageStanding.OPEN), None)

    def stage(self, slug: str) -> StageState | None:
        """Return the stage of that name; None where there is none."""
        return next((state for state in self.stages if state.slug == slug), None)


def derive(workflow: Workflow, facts: Facts) -> Flow:
    """Return how a round stands. A stage opens when every earlier one is approved or not asked.

    A decision at a stage that was not open counts for nothing. An approval by somebody whose own words these are
    counts for nothing either, while their request for changes stands.
    """
    stages: list[StageState] = []
    spent: set[str] = set()
    ended = Outcome.APPROVED
    for stage in workflow.stages:
        state = _state(stage, facts, spent=frozenset(spent), reached=ended is Outcome.APPROVED)
        stages.append(state)
        if workflow.distinct and state.standing is not StageStanding.WAITING:
            spent |= _approvers(state.decisions)
        if ended is Outcome.APPROVED and state.standing not in DONE:
            ended = Outcome(state.standing)
    return Flow(workflow, tuple(stages), ended)


def is_asked(when: Condition, facts: Facts) -> bool:
    """Say whether a stage with this condition is asked: every part that is given must hold."""
    return (
        (when.severity is None or (facts.severity is not None and facts.severity.rank >= when.severity.rank))
        and (not when.topics or bool(when.topics & facts.topics))
        and (not when.networks or bool(when.networks & facts.networks))
        and (not when.products or bool(when.products & facts.products))
    )


def _state(stage: Stage, facts: Facts, *, spent: frozenset[str], reached: bool) -> StageState:
    must = _must(stage, facts, spent)
    needed = max(1, len(must)) if stage.quorum == ALL else int(stage.quorum)
    if not is_asked(stage.when, facts):
        return StageState(stage, StageStanding.SKIPPED, 0, 0, ())
    if not reached:
        return StageState(stage, StageStanding.WAITING, needed, 0, ())
    decisions = tuple(made for made in facts.decisions if made.stage == stage.slug)
    counted = _approvers(decisions) - facts.own - spent
    got = len(counted & must) if must else len(counted)
    return StageState(stage, _standing(decisions, enough=got >= needed), needed, got, decisions)


def _must(stage: Stage, facts: Facts, spent: frozenset[str]) -> frozenset[str]:
    """Return the people without whom a stage that waits for everybody is not done."""
    if stage.quorum != ALL:
        return frozenset()
    return facts.asked.get(stage.slug, frozenset()) - facts.own - spent


def _standing(decisions: Iterable[Made], *, enough: bool) -> StageStanding:
    verdicts = {made.verdict for made in decisions}
    if Verdict.REJECT in verdicts:
        return StageStanding.REJECTED
    if Verdict.REQUEST_CHANGES in verdicts:
        return StageStanding.CHANGES_REQUESTED
    return StageStanding.APPROVED if enough else StageStanding.OPEN


def _approvers(decisions: Iterable[Made]) -> frozenset[str]:
    return frozenset(made.by for made in decisions if made.verdict is Verdict.APPROVE)
