"""What may happen in review."""

from __future__ import annotations

from dataclasses import dataclass

from approval.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class WorkflowShipped(Event, kind="workflow.shipped"):
    """The workspace began with the workflow that ships with the program, as version 1."""

    version: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class WorkflowProposed(Event, kind="workflow.proposed"):
    """A new version of the workflow was written; it takes effect when a second person accepts it."""

    version: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class WorkflowEnacted(Event, kind="workflow.enacted"):
    """A version of the workflow took effect for every later submission. Open rounds keep theirs.

    `alone`: nobody else held the capability, so no second person was asked.
    """

    version: int
    digest: bytes
    alone: bool


@dataclass(frozen=True, kw_only=True)
class Submitted(Event, kind="review.submitted"):
    """A revision was given to review, under the workflow and the rule set in force at that moment.

    `stages` are those that the workflow asks of this revision, in order.
    """

    submission: int
    revision: bytes
    workflow: int
    rule_set: bytes
    stages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Decided(Event, kind="review.decided"):
    """A person decided at a stage, on exactly the bytes that `seen` names, with the roles they held."""

    submission: int
    stage: str
    verdict: str
    reason: str | None
    seen: bytes
    roles: tuple[str, ...]
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Reconsidered(Event, kind="review.reconsidered"):
    """The round followed a change of people: who asked for an exception lost their say, or who was asked has left."""

    submission: int


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event, kind="review.withdrawn"):
    """The post was withdrawn; its approvals, if any, ended with the round."""

    submission: int


@dataclass(frozen=True, kw_only=True)
class Superseded(Event, kind="review.superseded"):
    """An edit ended the round: its decisions hold for the earlier bytes only."""

    submission: int


@dataclass(frozen=True, kw_only=True)
class Expired(Event, kind="review.expired"):
    """The window in which the approved post might go out has passed."""

    submission: int
