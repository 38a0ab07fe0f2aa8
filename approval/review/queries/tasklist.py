"""What a person must act on, riskiest first, then soonest; own words are left out by the query itself."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import Integer, Select, String, bindparam, exists, func, or_, select, tuple_

from approval.capabilities import Actor, Capability, can
from approval.db import Session, UtcDateTime
from approval.people.queries import teams
from approval.posts.models import Edit, Post, Revision, Standing
from approval.review.flow import Asked, Who
from approval.review.models import Decision, OpenStage, Submission
from approval.review.queries.duties import words_of
from approval.review.queries.rounds import stage_id
from approval.screening.models import ExceptionRequest

PAGE = 25
MOST_COUNTED = 100
"""Counts stop here: a rail shows 99+, and no page counts ten thousand rows."""

MOST_REQUESTS = 1000

Cursor = tuple[int, datetime, int]
"""Severity rank, due instant and submission of the last task shown."""


@dataclass(frozen=True)
class Task:
    """A stage that waits for this person: the post, what is asked, how risky, by when."""

    who: Who
    post: int
    title: str
    author: str
    revision: bytes
    severity: str | None
    submission: int
    round: int
    stage: str
    name: str
    opened_at: datetime
    due_at: datetime
    submitted_at: datetime
    rank: int

    @property
    def stage_id(self) -> str:
        """The stage as a decision names it."""
        return stage_id(self.submission, self.stage)

    @property
    def cursor(self) -> Cursor:
        """Where the next page begins after this task."""
        return self.rank, self.due_at, self.submission


@dataclass(frozen=True)
class TaskPage:
    """Some tasks, and the cursor of the next page; None where these are the last."""

    tasks: tuple[Task, ...]
    after: Cursor | None


@dataclass(frozen=True)
class ReturnedPost:
    """A post that came back to its author with a request for changes."""

    post: int
    title: str
    severity: str | None
    since: datetime


@dataclass(frozen=True)
class ExceptionTask:
    """A request that a finding be accepted, waiting for somebody who may."""

    id: int
    post: int
    title: str
    rule: str
    reason: str
    asked_by: str
    at: datetime


def tasks(
    session: Session, actor: Actor, workspace: str, *, after: Cursor | None = None, limit: int = PAGE
) -> TaskPage:
    """Return the stages that *actor* may decide now, riskiest first, then soonest.

    One index range for each role, team and the person, merged: each is read in order and no further than needed.
    """
    found = list(
        islice(
            heapq.merge(
                *(_read(session, actor, workspace, who, after, limit + 1) for who in _asked(session, actor, workspace)),
                key=lambda task: task.cursor,
            ),
            limit + 1,
        )
    )
    return TaskPage(tuple(found[:limit]), found[limit - 1].cursor if len(found) > limit else None)


def count_tasks(session: Session, actor: Actor, workspace: str) -> int:
    """Return how many stages *actor* may decide now, counting to MOST_COUNTED and no further."""
    count = 0
    for who in _asked(session, actor, workspace):
        given = {"actor": actor.id, "workspace": workspace, "who": str(who), "limit": MOST_COUNTED - count}
        count += session.scalar(_counting(), given) or 0
        if count >= MOST_COUNTED:
            break
    return count


def _asked(session: Session, actor: Actor, workspace: str) -> list[Who]:
    """Return every way in which a stage may ask *actor*."""
    if not can(actor, Capability.DECIDE, workspace):
        return []
    names = teams(session, workspace) if actor.teams else {}
    return [
        *(Who(Asked.ROLE, role) for role in sorted(actor.roles_in(workspace))),
        *(Who(Asked.TEAM, name) for name, id_ in sorted(names.items()) if id_ in actor.teams),
        Who(Asked.PERSON, actor.id),
    ]


_COLUMNS: tuple[Any, ...] = (
    Post.id,
    Revision.title,
    Post.author,
    Post.revision,
    Post.severity,
    OpenStage.submission,
    Submission.number,
    OpenStage.stage,
    OpenStage.name,
    OpenStage.opened_at,
    OpenStage.due_at,
    Submission.submitted_at,
    OpenStage.severity_rank,
)


# The statements are built once: building them takes longer than running them.


def _waiting() -> Select[Any]:
    """Return the query of open stages that ask `who` and that `actor` may decide."""
    actor = bindparam("actor", type_=String)
    decided = exists().where(
        Decision.submission == OpenStage.submission,
        Decision.by == actor,
        or_(Decision.stage == OpenStage.stage, OpenStage.distinct_people),
    )
    return (
        select(OpenStage.submission)
        .join(Post, Post.id == OpenStage.post)
        .where(
            OpenStage.workspace == bindparam("workspace"),
            OpenStage.who == bindparam("who"),
            actor.not_in(words_of(Post)),
            ~decided,
        )
        .limit(bindparam("limit", type_=Integer))
    )


@cache
def _counting() -> Select[Any]:
    return select(func.count()).select_from(_waiting().subquery())


@cache
def _reading(*, later: bool) -> Select[Any]:
    """Return the query of tasks in order, from the first, or from those after `rank`, `due` and `submission`."""
    query = (
        _waiting()
        .with_only_columns(*_COLUMNS)
        .join(Submission, Submission.id == OpenStage.submission)
        .join(Revision, (Revision.post == Post.id) & (Revision.digest == Post.revision))
        .order_by(OpenStage.severity_rank, OpenStage.due_at, OpenStage.submission)
    )
    if later:
        shown = bindparam("rank", type_=Integer), bindparam("due", type_=UtcDateTime), bindparam("after", type_=Integer)
        query = query.where(tuple_(OpenStage.severity_rank, OpenStage.due_at, OpenStage.submission) > tuple_(*shown))
    return query


def _read(session: Session, actor: Actor, workspace: str, who: Who, after: Cursor | None, limit: int) -> Iterable[Task]:
    given: dict[str, Any] = {"actor": actor.id, "workspace": workspace, "who": str(who), "limit": limit}
    if after is not None:
        given |= dict(zip(("rank", "due", "after"), after, strict=True))
    return [Task(who, *row) for row in session.execute(_reading(later=after is not None), given)]


def returned(session: Session, actor: Actor, workspace: str, *, limit: int = PAGE) -> tuple[ReturnedPost, ...]:
    """Return the posts that *actor* wrote or edited and that wait for changes, oldest first."""
    edited = exists().where(Edit.post == Post.id, Edit.by == actor.id)
    rows = session.execute(
        select(Post.id, Revision.title, Post.severity, Post.changed_at)
        .join(Revision, (Revision.post == Post.id) & (Revision.digest == Post.revision))
        .where(
            Post.workspace == workspace,
            Post.standing == Standing.CHANGES_REQUESTED,
            or_(Post.author == actor.id, edited),
        )
        .order_by(Post.id)
        .limit(limit)
    )
    return tuple(ReturnedPost(*row) for row in rows)


def exceptions_waiting(
    session: Session, actor: Actor, workspace: str, *, limit: int = PAGE
) -> tuple[ExceptionTask, ...]:
    """Return the requests for an exception that *actor* may answer, oldest first: of posts not their own."""
    if not can(actor, Capability.ACCEPT_FINDING, workspace):
        return ()
    rows = session.execute(_requests(), {"actor": actor.id, "workspace": workspace, "limit": limit})
    return tuple(ExceptionTask(*row) for row in rows)


@cache
def _requests() -> Select[Any]:
    # Few requests wait, many posts stand: the inner limit keeps the database from beginning with the posts.
    waiting = (
        select(ExceptionRequest)
        .where(ExceptionRequest.workspace == bindparam("workspace"), ExceptionRequest.answered_at.is_(None))
        .order_by(ExceptionRequest.id)
        .limit(MOST_REQUESTS)
        .subquery()
    )
    asked = waiting.c
    return (
        select(asked.id, Post.id, Revision.title, asked.rule, asked.reason, asked.asked_by, asked.at)
        .select_from(waiting)
        .join(Revision, (Revision.workspace == asked.workspace) & (Revision.digest == asked.revision))
        .join(Post, (Post.id == Revision.post) & (Post.revision == asked.revision))
        .where(bindparam("actor", type_=String).not_in(words_of(Post)))
        .order_by(asked.id)
        .limit(bindparam("limit", type_=Integer))
    )
