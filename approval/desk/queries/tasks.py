"""What waits for a person: in review, returned, to publish, to answer for, to second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from approval import clock
from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.desk.queries.networks import networks_of
from approval.people.models import Proposal, Subject
from approval.people.queries import names_of, workspace_facts
from approval.posts.models import Post, Revision, Standing
from approval.publishing.queries import active_stops
from approval.records.queries import hits_waiting
from approval.review import queries as review
from approval.review.queries import Cursor

MOST = 25
MOST_COUNTED = 100
"""Counts stop here; the page says 99+."""

_SETTLE = (Standing.NEEDS_PERSON, Standing.REFUSED, Standing.MISSED)
_SECONDS = {
    Subject.RULE_SET: Capability.DEFINE,
    Subject.WORKFLOW: Capability.DEFINE,
    Subject.RESUME: Capability.RESUME,
    Subject.RETENTION: Capability.DEFINE,
    Subject.HOLD: Capability.HOLD,
    Subject.DISPOSITION: Capability.HOLD,
    Subject.ERASURE: Capability.HOLD,
}
_ABOUT = {
    Subject.RULE_SET: ("New rules", "/rules"),
    Subject.WORKFLOW: ("New review stages", "/admin/workflow"),
    Subject.RESUME: ("Resuming publication", "/admin/stops"),
    Subject.RETENTION: ("New retention rules", "/records/retention"),
    Subject.HOLD: ("Lifting a legal hold", "/records/holds"),
    Subject.DISPOSITION: ("Disposing of records", "/records/dispositions"),
    Subject.ERASURE: ("Erasing a person", "/records/dispositions"),
}


@dataclass(frozen=True)
class Row:
    """A post in a list of tasks. `note` says what is asked; `at` is when it is due, or since when it waits."""

    post: int
    title: str
    severity: str | None
    standing: Standing | None
    author: str
    note: str
    at: datetime | None
    networks: tuple[str, ...] = ()
    overdue: bool = False


@dataclass(frozen=True)
class Question:
    """Something to answer that is no stage: an exception asked for, a proposal, a request to resume."""

    title: str
    href: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class TasksPage:
    """Everything that waits for one person in a workspace, riskiest and soonest first."""

    zone: str
    review: tuple[Row, ...]
    after: Cursor | None
    returned: tuple[Row, ...]
    publish: tuple[Row, ...]
    exceptions: tuple[Question, ...]
    proposals: tuple[Question, ...]
    lookbacks: tuple[Question, ...]
    drafts: tuple[Row, ...]
    may_draft: bool

    @property
    def empty(self) -> bool:
        """True where nothing at all waits."""
        waiting = (self.review, self.returned, self.publish, self.exceptions, self.proposals, self.lookbacks)
        return not any((*waiting, self.drafts))


def tasks_page(session: Session, actor: Actor, workspace: str, *, after: Cursor | None = None) -> TasksPage:
    """Return what waits for *actor*; *after* asks for the next page of what is in review."""
    found = review.tasks(session, actor, workspace, after=after, limit=MOST)
    lists = {
        "review": _review(session, found.tasks),
        "returned": _returned(session, actor, workspace),
        "publish": _to_publish(session, actor, workspace),
        "drafts": _drafts(session, actor, workspace),
    }
    networks = networks_of(session, workspace, (row.post for rows in lists.values() for row in rows))
    rows = {name: tuple(replace(r, networks=networks.get(r.post, ())) for r in rows) for name, rows in lists.items()}
    return TasksPage(
        zone=workspace_facts(session, workspace).zone,
        review=rows["review"],
        after=found.after,
        returned=rows["returned"],
        publish=rows["publish"],
        exceptions=_exceptions(session, actor, workspace),
        proposals=_proposals(session, actor, workspace),
        lookbacks=_lookbacks(session, actor, workspace, limit=MOST),
        drafts=rows["drafts"],
        may_draft=can(actor, Capability.DRAFT, workspace),
    )


def besides_decisions(session: Session, actor: Actor, workspace: str) -> list[Row]:
    """Return the posts that *actor* must act on otherwise: those that came back, and those to publish."""
    return [*_returned(session, actor, workspace), *_to_publish(session, actor, workspace)]


def count_waiting(session: Session, actor: Actor, workspace: str) -> int:
    """Return how much waits for *actor*, drafts aside, counting to MOST_COUNTED and no further."""
    count = review.count_tasks(session, actor, workspace)
    others: tuple[Callable[[], int], ...] = (
        lambda: len(_returned(session, actor, workspace, limit=MOST_COUNTED)),
        lambda: len(_publishable(session, actor, workspace, limit=MOST_COUNTED)),
        lambda: len(review.exceptions_waiting(session, actor, workspace, limit=MOST_COUNTED)),
        lambda: len(_proposed(session, actor, workspace)) + len(_resumes(session, actor, workspace)),
        lambda: len(_lookbacks(session, actor, workspace, limit=MOST_COUNTED)),
    )
    for counted in others:
        if count >= MOST_COUNTED:
            break
        count += counted()
    return min(count, MOST_COUNTED)


def next_task(session: Session, actor: Actor, workspace: str) -> review.Task | None:
    """Return the riskiest and soonest stage that waits for *actor*, if any."""
    return next(iter(review.tasks(session, actor, workspace, limit=1).tasks), None)


def _review(session: Session, tasks: Sequence[review.Task]) -> list[Row]:
    names = names_of(session, (task.author for task in tasks))
    now = clock.now(session)
    return [
        Row(
            post=task.post,
            title=task.title,
            severity=task.severity,
            standing=None,
            author=names[task.author],
            note=task.name if task.round == 1 else f"{task.name}, round {task.round}",
            at=task.due_at,
            overdue=task.due_at < now,
        )
        for task in tasks
    ]


def _returned(session: Session, actor: Actor, workspace: str, *, limit: int = MOST) -> list[Row]:
    if not can(actor, Capability.DRAFT, workspace):
        return []
    return [
        Row(back.post, back.title, back.severity, Standing.CHANGES_REQUESTED, actor.name, "Mend and submit", back.since)
        for back in review.returned(session, actor, workspace, limit=limit)
    ]


_NOTES = {
    Standing.NEEDS_PERSON: "Say whether it is out",
    Standing.REFUSED: "Refused: see why, withdraw it, or have its author copy it",
    Standing.MISSED: "Missed its time: schedule it again",
    Standing.APPROVED: "Approved: schedule it",
}


def _to_publish(session: Session, actor: Actor, workspace: str) -> list[Row]:
    found = _publishable(session, actor, workspace, limit=MOST)
    names = names_of(session, (row.author for row in found))
    order = list(_NOTES)
    found = sorted(found, key=lambda r: (order.index(r.standing), r.id))
    return [
        Row(r.id, r.title, r.severity, r.standing, names[r.author], _NOTES[r.standing], r.acts_next_at) for r in found
    ]


def _publishable(session: Session, actor: Actor, workspace: str, *, limit: int) -> Sequence[Any]:
    wanted = _SETTLE if can(actor, Capability.CONFIRM, workspace) else ()
    if can(actor, Capability.SCHEDULE, workspace):
        wanted = (*wanted, Standing.MISSED, Standing.APPROVED)
    if not wanted:
        return ()
    return session.execute(_posts(workspace).where(Post.standing.in_(wanted)).order_by(Post.id).limit(limit)).all()


def _drafts(session: Session, actor: Actor, workspace: str) -> list[Row]:
    if not can(actor, Capability.DRAFT, workspace):
        return []
    wanted = _posts(workspace).where(Post.standing == Standing.DRAFT, Post.author == actor.id)
    return [
        Row(row.id, row.title, row.severity, row.standing, actor.name, "Finish and submit", row.changed_at)
        for row in session.execute(wanted.order_by(Post.id.desc()).limit(MOST))
    ]


def _posts(workspace: str) -> Any:
    return (
        select(Post.id, Revision.title, Post.severity, Post.standing, Post.author, Post.acts_next_at, Post.changed_at)
        .join(Revision, (Revision.post == Post.id) & (Revision.digest == Post.revision))
        .where(Post.workspace == workspace)
    )


def _exceptions(session: Session, actor: Actor, workspace: str) -> tuple[Question, ...]:
    found = review.exceptions_waiting(session, actor, workspace, limit=MOST)
    names = names_of(session, (asked.asked_by for asked in found))
    return tuple(
        Question(
            title=f"{asked.title}: exception for {asked.rule}",
            href=f"/posts/{asked.post}#rule-{asked.rule}",
            reason=asked.reason,
            by=names[asked.asked_by],
            at=asked.at,
        )
        for asked in found
    )


def _proposals(session: Session, actor: Actor, workspace: str) -> tuple[Question, ...]:
    found = _proposed(session, actor, workspace)
    names = names_of(session, (proposal.proposed_by for proposal in found))
    waiting = (
        Question(*_ABOUT[proposal.subject], proposal.reason, names[proposal.proposed_by], proposal.proposed_at)
        for proposal in found
    )
    return (*waiting, *_resumes(session, actor, workspace))


def _proposed(session: Session, actor: Actor, workspace: str) -> Sequence[Proposal]:
    subjects = [subject for subject, needed in _SECONDS.items() if can(actor, needed, workspace)]
    if not subjects:
        return ()
    return session.scalars(
        select(Proposal)
        .where(
            Proposal.workspace == workspace,
            Proposal.decided_at.is_(None),
            Proposal.subject.in_(subjects),
            Proposal.proposed_by != actor.id,
        )
        .order_by(Proposal.id)
        .limit(MOST)
    ).all()


def _resumes(session: Session, actor: Actor, workspace: str) -> tuple[Question, ...]:
    if not can(actor, Capability.RESUME, workspace):
        return ()
    return tuple(
        Question(
            title=f"Resume {stop.where}",
            href="/admin/stops",
            reason=stop.resume_reason or "",
            by=stop.asked_name or "",
            at=stop.stopped_at,
        )
        for stop in active_stops(session, workspace)
        if stop.resume_asked_by not in (None, actor.id)
    )


def _lookbacks(session: Session, actor: Actor, workspace: str, *, limit: int) -> tuple[Question, ...]:
    if not can(actor, Capability.ACCEPT_FINDING, workspace):
        return ()
    return tuple(
        Question(
            title=title,
            href=f"/records/lookbacks/{lookback}?workspace={workspace}",
            reason=f"Published, and now flagged ({worst}): say what follows",
            by=f"lookback {lookback}",
            at=at,
        )
        for lookback, _, title, worst, at in hits_waiting(session, workspace, limit)
    )
