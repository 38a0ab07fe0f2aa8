"""Questions about rule sets, findings and exceptions; the answers are frozen facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from approval.db import Session, once
from approval.errors import NotFound
from approval.people.models import Proposal, Subject
from approval.rules import Severity
from approval.screening.models import (
    Acceptance,
    Dismissal,
    ExceptionRequest,
    RuleSetVersion,
    RuleTally,
    Screening,
    SecondOpinion,
)

ENGINE_FAILED = "ENG000"
"""The rule of the finding that stands for an engine that could not judge. Nobody can accept it."""


@dataclass(frozen=True)
class StoredFinding:
    """A finding as it was stored, and who accepted it, if anybody. `start` and `end` count code points."""

    rule: str
    name: str
    topic: str
    severity: str
    part: str | None
    start: int | None
    end: int | None
    match: str
    message: str
    why: str
    citation: str
    suggestion: str
    missing: Sequence[str] = ()
    considered: Sequence[str] = ()
    accepted_by: str | None = None
    accepted_reason: str | None = None
    dismissed_by: str | None = None
    dismissed_reason: str | None = None
    dismissed_at: datetime | None = None

    @property
    def open(self) -> bool:
        """True until somebody has accepted it."""
        return self.accepted_by is None


@dataclass(frozen=True)
class RuleSetFacts:
    """A version of a workspace's rules, without the packs."""

    id: int
    number: int
    digest: bytes
    made_by: str
    made_at: datetime
    enacted_at: datetime | None


@dataclass(frozen=True)
class Request:
    """Somebody's request that a finding be accepted."""

    rule: str
    reason: str
    asked_by: str
    at: datetime
    answered_at: datetime | None


@dataclass(frozen=True)
class Resemblance:
    """Words that resemble what `rule` flags, by so many thousandths; `found`: the rules found something in them."""

    part: str
    start: int
    end: int
    rule: str
    similarity: int
    found: bool


@dataclass(frozen=True)
class OpinionFacts:
    """A second opinion as it was stored, and the model that gave it."""

    model: str
    version: str
    resemblances: tuple[Resemblance, ...]
    sentences: int
    read: int


_FACTS = (
    RuleSetVersion.id,
    RuleSetVersion.number,
    RuleSetVersion.digest,
    RuleSetVersion.made_by,
    RuleSetVersion.made_at,
    RuleSetVersion.enacted_at,
)


def version_in_force(session: Session, workspace: str) -> RuleSetFacts:
    """Return the version enacted last; NotFound where the workspace has no rules, so that nothing passes unjudged."""
    row = session.execute(
        select(*_FACTS)
        .where(RuleSetVersion.workspace == workspace, RuleSetVersion.enacted_at.is_not(None))
        .order_by(RuleSetVersion.enacted_at.desc(), RuleSetVersion.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound(f"The workspace {workspace} has no rules in force.")
    return RuleSetFacts(*row)


def version_before(session: Session, workspace: str, version: RuleSetFacts, at: datetime) -> RuleSetFacts | None:
    """Return the version other than *version* that was in force at an instant; None where there was none."""
    row = session.execute(
        select(*_FACTS)
        .where(
            RuleSetVersion.workspace == workspace,
            RuleSetVersion.enacted_at <= at,
            RuleSetVersion.id != version.id,
        )
        .order_by(RuleSetVersion.enacted_at.desc(), RuleSetVersion.id.desc())
        .limit(1)
    ).one_or_none()
    return RuleSetFacts(*row) if row else None


def version_begun_from(session: Session, workspace: str, proposed: RuleSetFacts) -> RuleSetFacts:
    """Return the version that was in force when another was proposed; NotFound for what nobody proposed."""
    found = version_before(session, workspace, proposed, proposed.made_at)
    if found is None:
        raise NotFound(f"Version {proposed.number} of these rules was not proposed: it shipped.")
    return found


def rule_sets(session: Session, workspace: str) -> tuple[RuleSetFacts, ...]:
    """Return all versions of a workspace's rules, newest first, those that never took effect too."""
    where = RuleSetVersion.workspace == workspace
    rows = session.execute(select(*_FACTS).where(where).order_by(RuleSetVersion.number.desc()))
    return tuple(RuleSetFacts(*row) for row in rows)


def packs_of(session: Session, version: int) -> Mapping[str, bytes]:
    """Return the packs of a version: name to TOML source."""
    packs = session.scalar(select(RuleSetVersion.packs).where(RuleSetVersion.id == version))
    if packs is None:
        raise NotFound(f"There is no rule set with the id {version}.")
    return {name: source.encode() for name, source in packs.items()}


def version_numbered(session: Session, workspace: str, number: int) -> RuleSetFacts:
    """Return one version of a workspace's rules; NotFound where there is none."""
    where = (RuleSetVersion.workspace == workspace, RuleSetVersion.number == number)
    row = session.execute(select(*_FACTS).where(*where)).one_or_none()
    if row is None:
        raise NotFound(f"There is no version {number} of these rules.")
    return RuleSetFacts(*row)


def version_proposed(session: Session, proposal: Proposal) -> RuleSetFacts:
    """Return the version that a proposal is about; NotFound where it is about no rules."""
    row = session.execute(
        select(*_FACTS)
        .where(RuleSetVersion.workspace == proposal.workspace, RuleSetVersion.digest == proposal.digest)
        .order_by(RuleSetVersion.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None or proposal.subject is not Subject.RULE_SET:
        raise NotFound("There is no such proposal here.")
    return RuleSetFacts(*row)


def proposals_of_versions(session: Session, workspace: str, versions: Sequence[RuleSetFacts]) -> Mapping[int, Proposal]:
    """Return the proposal of each version, by its number; what shipped has none.

    The same packs may be proposed again: version and proposal are made at one instant.
    """
    where = (Proposal.workspace == workspace, Proposal.subject == Subject.RULE_SET)
    left: dict[tuple[bytes, datetime], list[Proposal]] = defaultdict(list)
    for proposal in session.scalars(select(Proposal).where(*where).order_by(Proposal.id)):
        left[proposal.digest, proposal.proposed_at].append(proposal)
    found = {}
    for version in sorted(versions, key=lambda one: one.number):
        if made := left[version.digest, version.made_at]:
            found[version.number] = made.pop(0)
    return found


def waiting_proposals(session: Session, workspace: str, limit: int = 20) -> tuple[Proposal, ...]:
    """Return the proposals about rules that nobody has answered, oldest first."""
    where = (Proposal.workspace == workspace, Proposal.subject == Subject.RULE_SET, Proposal.decided_at.is_(None))
    return tuple(session.scalars(select(Proposal).where(*where).order_by(Proposal.id).limit(limit)))


def sources_ever(session: Session, workspace: str, pack: str) -> tuple[str, ...]:
    """Return every text that a pack had in any version, also in one that never took effect."""
    column = RuleSetVersion.packs[pack].as_string()
    rows = session.scalars(select(column).where(RuleSetVersion.workspace == workspace).distinct())
    return tuple(source for source in rows if source)


@once
def findings_of(session: Session, workspace: str, revision: bytes, rule_set: bytes) -> tuple[StoredFinding, ...]:
    """Return what *rule_set* found in *revision*; NotFound where that was never judged."""
    stored: list[dict[str, Any]] | None = session.scalar(
        select(Screening.findings).where(
            Screening.workspace == workspace, Screening.revision == revision, Screening.rule_set == rule_set
        )
    )
    if stored is None:
        raise NotFound("This revision was not screened under these rules.")
    if not stored:
        return ()
    accepted = _answers(session, Acceptance, Acceptance.accepted_by, workspace, revision)
    dismissed = _answers(session, Dismissal, Dismissal.dismissed_by, workspace, revision)
    return tuple(_stored(found, accepted, dismissed) for found in stored)


_Answers = Mapping[str, tuple[str, str, datetime]]


def _answers(
    session: Session, of: type[Acceptance] | type[Dismissal], by: Any, workspace: str, revision: bytes
) -> _Answers:
    """Who answered for which rule in this revision, why and when."""
    where = (of.workspace == workspace, of.revision == revision)
    rows = session.execute(select(of.rule, by, of.reason, of.at).where(*where))
    return {rule: (who, reason, at) for rule, who, reason, at in rows}


def _stored(found: Mapping[str, Any], accepted: _Answers, dismissed: _Answers) -> StoredFinding:
    accepted_by, accepted_reason, _ = accepted.get(found["rule"], (None, None, None))
    dismissed_by, dismissed_reason, dismissed_at = dismissed.get(found["rule"], (None, None, None))
    lists = {name: tuple(found.get(name, ())) for name in ("missing", "considered")}
    return StoredFinding(
        **{**found, **lists},
        accepted_by=accepted_by,
        accepted_reason=accepted_reason,
        dismissed_by=dismissed_by,
        dismissed_reason=dismissed_reason,
        dismissed_at=dismissed_at,
    )


@dataclass(frozen=True)
class Tally:
    """How many revisions a rule found something in, or would have in the shadow, and how often it was wrong."""

    hits: int = 0
    shadows: int = 0
    dismissed: int = 0


def tallies(session: Session, workspace: str, rules: Sequence[str]) -> Mapping[str, Tally]:
    """Return the tallies of these rules; a rule that never found anything has none."""
    where = (RuleTally.workspace == workspace, RuleTally.rule.in_(rules))
    rows = session.execute(select(RuleTally.rule, RuleTally.hits, RuleTally.shadows, RuleTally.dismissed).where(*where))
    return {rule: Tally(hits, shadows, dismissed) for rule, hits, shadows, dismissed in rows}


def dismissals_of(
    session: Session, workspace: str, rule: str, limit: int = 10
) -> tuple[tuple[str, str, datetime], ...]:
    """Return who called the rule a false alarm, why and when, newest first."""
    rows = session.execute(
        select(Dismissal.dismissed_by, Dismissal.reason, Dismissal.at)
        .where(Dismissal.workspace == workspace, Dismissal.rule == rule)
        .order_by(Dismissal.id.desc())
        .limit(limit)
    )
    return tuple((by, reason, at) for by, reason, at in rows)


def open_blocks(
    session: Session, workspace: str, revision: bytes, rule_set: bytes, *, not_by: frozenset[str] = frozenset()
) -> tuple[StoredFinding, ...]:
    """Return the findings that block: of severity block, and accepted by nobody, or by one of *not_by* only."""
    return tuple(
        found
        for found in findings_of(session, workspace, revision, rule_set)
        if found.severity == Severity.BLOCK and (found.open or found.accepted_by in not_by)
    )


def requesters(session: Session, workspace: str, revision: bytes) -> frozenset[str]:
    """Return everybody who asked for an exception for this revision."""
    return frozenset(request.asked_by for request in requests_of(session, workspace, revision))


def requests_of(session: Session, workspace: str, revision: bytes) -> tuple[Request, ...]:
    """Return the exceptions asked for this revision, oldest first."""
    rows = session.execute(
        select(
            ExceptionRequest.rule,
            ExceptionRequest.reason,
            ExceptionRequest.asked_by,
            ExceptionRequest.at,
            ExceptionRequest.answered_at,
        )
        .where(ExceptionRequest.workspace == workspace, ExceptionRequest.revision == revision)
        .order_by(ExceptionRequest.id)
    )
    return tuple(Request(*row) for row in rows)


def opinion_on(session: Session, workspace: str, revision: bytes) -> OpinionFacts | None:
    """Return the second opinion on a revision; None where none was given."""
    row = session.execute(
        select(
            SecondOpinion.model,
            SecondOpinion.model_version,
            SecondOpinion.resemblances,
            SecondOpinion.sentences,
            SecondOpinion.read,
        ).where(SecondOpinion.workspace == workspace, SecondOpinion.revision == revision)
    ).one_or_none()
    if row is None:
        return None
    model, version, resemblances, sentences, read = row
    return OpinionFacts(model, version, tuple(Resemblance(**one) for one in resemblances), sentences, read)
