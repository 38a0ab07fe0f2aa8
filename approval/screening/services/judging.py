"""Judging texts by the rules in force. An engine that fails blocks, never passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import structlog
from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.db import Session
from approval.people.queries import WorkspaceFacts, workspace_facts
from approval.rules import Facts, Finding, RuleError, RuleSet, Severity
from approval.screening import events, queries
from approval.screening.models import RuleSetVersion, Screening
from approval.screening.queries import ENGINE_FAILED, RuleSetFacts
from approval.screening.services.rules import digest_of, name_digest, ready
from approval.screening.services.tallies import tally

MOST_PLACES = 50
"""Of one rule in one part, so many places are kept: enough to act on, and bounded whatever the text repeats."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Part:
    """A text to be judged: which part of the post it is, and the network that it goes to (None: none in particular)."""

    part: str | None
    network: str | None
    text: str


def check(
    session: Session,
    workspace: str,
    texts: Sequence[Part],
    *,
    regime: str | None = None,
    product: str | None = None,
    audience: str | None = None,
    entity_type: str | None = None,
    language: str | None = None,
) -> tuple[Finding, ...]:
    """Say what the rules in force find; nothing is stored. Regime and entity type default to the workspace's.

    Where the engine fails, the one finding blocks and says so.
    """
    firm = workspace_facts(session, workspace)
    version = queries.version_in_force(session, workspace)
    facts = _Facts(
        regime or firm.regime, product, audience, entity_type or firm.entity_type, language, _today(session, firm)
    )
    return _judged(session, version, texts, facts).found


@dataclass(frozen=True)
class _Facts:
    regime: str
    product: str | None
    audience: str | None
    entity_type: str
    language: str | None
    on: date


def _today(session: Session, firm: WorkspaceFacts) -> date:
    return clock.wall_time(clock.now(session), firm.zone).date()


@dataclass(frozen=True)
class _Judgement:
    """What the rules with this digest found, and which shadow rules would have."""

    digest: bytes
    found: tuple[Finding, ...]
    shadows: frozenset[str] = frozenset()


def _judged(session: Session, version: RuleSetFacts, texts: Iterable[Part], facts: _Facts) -> _Judgement:
    """Apply a version of the rules. An engine that fails blocks, never passes."""
    try:
        applied = ready(session, version)
    except RuleError as error:
        return _Judgement(version.digest, (_failed(error),))
    try:
        judged = [_findings(applied.rules, part, facts) for part in texts]
    except Exception as error:  # Whatever went wrong in there, the text was not judged.
        return _Judgement(applied.digest, (_failed(error),))
    found = tuple(finding for findings, _ in judged for finding in findings)
    return _Judgement(applied.digest, found, frozenset().union(*(shadows for _, shadows in judged)))


def _findings(rules: RuleSet, part: Part, facts: _Facts) -> tuple[list[Finding], frozenset[str]]:
    found, shadows = rules.judge(
        part.text,
        Facts(
            channel=part.network,
            regime=facts.regime,
            product=facts.product,
            audience=facts.audience,
            entity_type=facts.entity_type,
            language=facts.language,
            on=facts.on,
        ),
    )
    kept: list[Finding] = []
    places: Counter[str] = Counter()
    for finding in found:
        places[finding.rule] += 1
        # What a post must say, its texts must say: a title or an alternative text need not repeat it.
        elsewhere = finding.start is None and part.part is not None and part.network is None
        if places[finding.rule] <= MOST_PLACES and not elsewhere:
            kept.append(replace(finding, part=part.part))
    return kept, shadows


def _failed(error: Exception) -> Finding:
    _log.error("the rule engine failed", error=repr(error), exc_info=error)
    return Finding(
        rule=ENGINE_FAILED,
        name="engine-failed",
        topic="engine",
        severity=Severity.BLOCK,
        start=None,
        end=None,
        match="",
        message="The rules could not be applied to this post, so it cannot be submitted.",
        why="What was not judged never counts as clean.",
        citation="",
        suggestion="Save it again. If this stays, an administrator finds the reason in the server's log.",
    )


def worst(findings: Iterable[Finding]) -> Severity | None:
    """Return the gravest severity among *findings*."""
    return max((finding.severity for finding in findings), key=lambda severity: severity.rank, default=None)


def screen(
    session: Session,
    *,
    workspace: str,
    revision: bytes,
    texts: Sequence[Part],
    regime: str,
    product: str | None,
    audience: str | None,
    post: int | None,
    by: str,
) -> Screening:
    """Judge a revision by the rules in force and store the findings, once for each revision and rule set.

    What the engine failed on is judged again at the next call.
    """
    firm = workspace_facts(session, workspace)
    version = queries.version_in_force(session, workspace)
    applied = digest_of(session, version)
    row = _screening(session, workspace, revision, applied)
    if row is None:
        _wait_for_others(session, version)
        row = _screening(session, workspace, revision, applied)
    if row is not None and not _is_failed(row):
        return row
    facts = _Facts(regime, product, audience, firm.entity_type, None, _today(session, firm))
    judged = _judged(session, version, texts, facts)
    name_digest(session, workspace, version, judged.digest, by=by)
    if row is None:
        row = Screening(workspace=workspace, revision=revision, rule_set=judged.digest)
        session.add(row)
    elif row.findings == _stored(judged.found):
        return row
    return _keep(session, row, judged, post=post, by=by)


def _keep(session: Session, row: Screening, judged: _Judgement, *, post: int | None, by: str) -> Screening:
    row.findings, row.worst, row.at = _stored(judged.found), worst(judged.found), clock.now(session)
    happened = events.RevisionScreened(
        by=by,
        workspace=row.workspace,
        post=post,
        revision=row.revision,
        rule_set=row.rule_set,
        findings=len(judged.found),
        worst=row.worst,
        failed=_is_failed(row),
    )
    record(session, happened, row)
    hits = {finding.rule for finding in judged.found} - {ENGINE_FAILED}
    tally(session, row.workspace, hits=hits, shadows=judged.shadows)
    session.flush()
    return row


def _stored(found: Iterable[Finding]) -> list[dict[str, Any]]:
    return [finding.as_json() for finding in found]


def _wait_for_others(session: Session, version: RuleSetFacts) -> None:
    """Let whoever judges the same bytes at the same moment finish: one revision has one record under one rule set."""
    session.execute(select(RuleSetVersion.id).where(RuleSetVersion.id == version.id).with_for_update())


def _screening(session: Session, workspace: str, revision: bytes, rule_set: bytes) -> Screening | None:
    return session.scalar(
        select(Screening).where(
            Screening.workspace == workspace, Screening.revision == revision, Screening.rule_set == rule_set
        )
    )


def _is_failed(row: Screening) -> bool:
    return any(found["rule"] == ENGINE_FAILED for found in row.findings)
