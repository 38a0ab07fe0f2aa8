"""The words of review: what a workflow is made of, and what may be said of a stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from approval.rules.finding import Severity

MAX_STAGES = 20
ALL: Final = "all"
"""The quorum of a stage that waits for everybody who was asked."""

Quorum = int | Literal["all"]


class Verdict(StrEnum):
    """What a reviewer says of exactly these bytes."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"


class Reason(StrEnum):
    """Why changes are asked for, or a post is rejected: the codes that figures are kept by."""

    MISLEADING = "misleading"
    UNBALANCED = "unbalanced"
    UNSUBSTANTIATED = "unsubstantiated"
    DISCLOSURE = "disclosure"
    PROHIBITED = "prohibited"
    FACTS = "facts"
    PRIVACY = "privacy"
    RIGHTS = "rights"
    AUDIENCE = "audience"
    TIMING = "timing"
    TONE = "tone"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The code in words, for people."""
        return _LABELS[self]


_LABELS = {
    Reason.MISLEADING: "Misleading or promissory",
    Reason.UNBALANCED: "Benefits without risks",
    Reason.UNSUBSTANTIATED: "Claim without evidence",
    Reason.DISCLOSURE: "Disclosure missing or wrong",
    Reason.PROHIBITED: "Not permitted for this product or audience",
    Reason.FACTS: "Wrong facts or figures",
    Reason.PRIVACY: "Personal or confidential data",
    Reason.RIGHTS: "Rights in text or image",
    Reason.AUDIENCE: "Wrong audience or channel",
    Reason.TIMING: "Wrong time",
    Reason.TONE: "Tone or brand",
    Reason.OTHER: "Other",
}


class StageStanding(StrEnum):
    """Where one stage of a round stands."""

    WAITING = "waiting"
    OPEN = "open"
    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    SKIPPED = "skipped"


class Outcome(StrEnum):
    """How a round ended, or that it is open. Its decisions lead to the first four; the rest happen to it."""

    OPEN = "open"
    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Asked(StrEnum):
    """What kind of people a stage asks."""

    ROLE = "role"
    TEAM = "team"
    PERSON = "person"


@dataclass(frozen=True)
class Who:
    """Whom a stage asks; written `role:compliance`, `team:legal` or `person:<id or address>`."""

    kind: Asked
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Condition:
    """When a stage is asked at all: every part that is given must hold, any one of its words suffices."""

    severity: Severity | None = None
    topics: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()

    @property
    def always(self) -> bool:
        """True where nothing is given, so that the stage is always asked."""
        return self == Condition()


@dataclass(frozen=True)
class Stage:
    """One stage: who decides, how many of them, when it is asked, how long it may take, what to look at."""

    slug: str
    name: str
    who: Who
    quorum: Quorum = 1
    when: Condition = field(default_factory=Condition)
    due_hours: int = 24
    checklist: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workflow:
    """Stages in order. `distinct`: nobody's approval counts at more than one stage of a round."""

    stages: tuple[Stage, ...] = ()
    distinct: bool = True

    def stage(self, slug: str) -> Stage | None:
        """Return the stage of that name; None where there is none."""
        return next((stage for stage in self.stages if stage.slug == slug), None)
