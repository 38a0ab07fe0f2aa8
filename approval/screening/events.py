"""What may happen to rule sets, findings and exceptions."""

from __future__ import annotations

from dataclasses import dataclass

from approval.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class RuleSetShipped(Event, kind="rule-set.shipped"):
    """A workspace began with the packs that this program ships: version 1 of its rules.

    `engine` and `unicode`, here and below, are what `digest` was made with, beside the packs. Older entries lack them.
    """

    number: int
    digest: bytes
    engine: str
    unicode: str


@dataclass(frozen=True, kw_only=True)
class RuleSetProposed(Event, kind="rule-set.proposed"):
    """Somebody proposed a new version of the rules. `proposal` is what a second person answers."""

    number: int
    digest: bytes
    engine: str
    unicode: str
    proposal: int


@dataclass(frozen=True, kw_only=True)
class RuleSetEnacted(Event, kind="rule-set.enacted"):
    """A version of the rules took effect; `alone` where nobody else could second it."""

    number: int
    digest: bytes
    proposal: int
    alone: bool


@dataclass(frozen=True, kw_only=True)
class RuleSetApplied(Event, kind="rule-set.applied"):
    """The packs of a version are applied under another engine or other Unicode tables than it was made with.

    `packs` is the SHA-256 of that version's packs, as its own entry names them. Recorded once for each `digest`,
    before the first judgement under it.
    """

    number: int
    digest: bytes
    engine: str
    unicode: str
    packs: bytes


@dataclass(frozen=True, kw_only=True)
class RevisionScreened(Event, kind="revision.screened"):
    """A rule set was applied to a revision; the findings are the record. `failed` where the engine could not judge."""

    revision: bytes
    rule_set: bytes
    findings: int
    worst: str | None
    failed: bool


@dataclass(frozen=True, kw_only=True)
class FindingAccepted(Event, kind="finding.accepted"):
    """A person answers by name for a finding, in this revision only."""

    revision: bytes
    rule: str


@dataclass(frozen=True, kw_only=True)
class ExceptionAsked(Event, kind="exception.asked"):
    """Somebody asked that a finding be accepted; they may not decide on the post."""

    revision: bytes
    rule: str


@dataclass(frozen=True, kw_only=True)
class FindingDismissed(Event, kind="finding.dismissed"):
    """A reviewer calls a finding a false alarm, in this revision only. A finding that blocks goes on blocking."""

    revision: bytes
    rule: str


@dataclass(frozen=True, kw_only=True)
class DismissalTakenBack(Event, kind="dismissal.taken-back"):
    """A reviewer takes back that a finding is a false alarm: in this revision it stands open again."""

    revision: bytes
    rule: str


@dataclass(frozen=True, kw_only=True)
class SecondOpinionGiven(Event, kind="second-opinion.given"):
    """A model compared a revision with examples of the rules. Reviewers may read it; it blocks and changes nothing."""

    revision: bytes
    rule_set: bytes
    model: str
    model_version: str
    resemblances: int
