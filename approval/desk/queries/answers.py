"""A post and its parts as the API answers them (the JSON of the contract)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from approval import clock
from approval.db import Session
from approval.desk.queries.tasks import Row
from approval.errors import NotFound
from approval.posts.queries import PostFacts, post_facts
from approval.publishing.queries import PublicationFacts, publications_of
from approval.review.flow import Made, StageState
from approval.review.queries import Round, Task, flow_of
from approval.review.queries.rounds import stage_id
from approval.screening.queries import StoredFinding, findings_of
from approval.screening.services import digest_in_force


def post_answer(session: Session, post_id: int) -> dict[str, Any]:
    """Return a post as `GET /posts/<id>` answers it; NotFound where there is none."""
    facts = post_facts(session, post_id)
    round_ = flow_of(session, post_id)
    living = round_ if round_ is not None and facts.lock == round_.number else None
    return {
        "id": facts.id,
        "workspace": facts.workspace,
        "title": facts.payload.title,
        "standing": facts.standing,
        "acts_next": facts.acts_next,
        "revision": {
            "number": facts.number,
            "digest": facts.revision.hex(),
            "texts": dict(facts.payload.texts),
        },
        "findings": [finding_answer(found) for found in stored_findings(session, facts, living)],
        "stages": [stage_answer(round_, stage) for stage in round_.stages] if round_ else [],
        "publications": [publication_answer(one) for one in publications_of(session, post_id)],
        "regime": facts.payload.regime,
        "product": facts.payload.product,
        "audience": facts.payload.audience,
        "author": facts.author,
        "origin": facts.origin,
        "not_before": instant(facts.payload.not_before),
        "not_after": instant(facts.payload.not_after),
        "publish_at": instant(facts.wanted_at),
        "zone": facts.zone,
    }


def stored_findings(session: Session, facts: PostFacts, round_: Round | None) -> tuple[StoredFinding, ...]:
    """Return what was found in the revision: by the pinned rules while a round holds it, else by those in force."""
    for rule_set in (round_.rule_set if round_ else None, digest_in_force(session, facts.workspace)):
        if rule_set is not None:
            try:
                return findings_of(session, facts.workspace, facts.revision, rule_set)
            except NotFound:
                continue
    return ()


def finding_answer(found: StoredFinding) -> dict[str, Any]:
    """Return a finding as JSON, with who accepted it."""
    return asdict(found)


def stage_answer(round_: Round, stage: StageState) -> dict[str, Any]:
    """Return a stage of a round; its id names the submission."""
    return {
        "id": round_.stage_id(stage),
        "name": stage.name,
        "standing": stage.standing,
        "who": str(stage.who),
        "quorum": {"needed": stage.needed, "got": stage.got},
        "decisions": [decision_answer(made, round_.id) for made in stage.decisions],
    }


def decision_answer(made: Made, submission: int) -> dict[str, Any]:
    """Return a decision of a submission as JSON; its stage is the id of a stage of that submission."""
    return {
        "id": made.id,
        "stage": stage_id(submission, made.stage),
        "by": made.by,
        "verdict": made.verdict,
        "reason": made.reason,
        "note": made.note,
        "at": clock.to_text(made.at),
    }


def publication_answer(one: PublicationFacts) -> dict[str, Any]:
    """Return a publication as JSON."""
    return {
        "id": one.id,
        "channel": one.channel,
        "standing": one.standing,
        "due_at": clock.to_text(one.due_at),
        "zone": one.zone,
        "url": one.url,
        "published_at": instant(one.published_at),
    }


def task_answer(task: Task) -> dict[str, Any]:
    """Return a task as JSON: the post, the stage to decide at, how risky, by when."""
    return {
        "post": task.post,
        "title": task.title,
        "stage": task.stage_id,
        "name": task.name,
        "digest": task.revision.hex(),
        "severity": task.severity,
        "due_at": clock.to_text(task.due_at),
        "submitted_at": clock.to_text(task.submitted_at),
    }


def row_answer(row: Row) -> dict[str, Any]:
    """Return a task that is no decision as JSON: `name` says what is asked."""
    return {
        "post": row.post,
        "title": row.title,
        "stage": None,
        "name": row.note,
        "digest": None,
        "severity": row.severity,
        "due_at": instant(row.at),
        "submitted_at": None,
    }


def instant(moment: datetime | None) -> str | None:
    """Return an instant as RFC 3339 text."""
    return None if moment is None else clock.to_text(moment)
