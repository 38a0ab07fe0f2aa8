"""What `keeping` and `covered` lack: the log says which posts to look at again, and when to go through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select

from approval import clock
from approval.audit.models import Entry, Log
from approval.db import Session
from approval.people.queries import WorkspaceFacts, workspace_facts
from approval.posts.models import Post
from approval.records.keeping import Facts, Kept, RecordClass, covers, keep
from approval.records.models import Complaint, Export, Kind, Lookback, Reckoning, RetentionVersion
from approval.records.queries.complaints import facts_of
from approval.records.queries.holds import SWEEPING, active_holds
from approval.records.queries.keeping import post_records
from approval.records.queries.retention import retention_in_force
from approval.review.models import Submission, WorkflowVersion
from approval.screening.models import RuleSetVersion

BATCH = 200
PROCEDURES = (Kind.WORKFLOW, Kind.RULES, Kind.RETENTION)
REPORTS = (Kind.EXPORT, Kind.LOOKBACK, Kind.COMPLAINT)
_PROCEDURES = ("workflow.", "rule-set.", "retention.", "workspace.")
_REPORTS = ("export.", "lookback.", "complaint.", "retention.", "workspace.")
_DAILY = timedelta(days=1)
"""How often procedures are reckoned at least: rounds end under some that were replaced long ago."""


@dataclass(frozen=True)
class Cursor:
    """How far a workspace was reckoned, as it was read: compared before anything is written."""

    entries: int
    swept: int | None
    others_at: datetime | None


@dataclass(frozen=True)
class Reckoned:
    """Until when one record is kept, the rule that decides it, and for a post the holds that cover it."""

    kind: Kind
    record: int
    until: date | None
    rule: str
    holds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Step:
    """One stretch of work: what was read (None: nothing was reckoned yet), what follows, and where it leads.

    `kinds` are reckoned whole: of these, records that are not in `others` are gone.
    """

    workspace: str
    before: Cursor | None
    after: Cursor
    posts: tuple[Reckoned, ...] = ()
    others: tuple[Reckoned, ...] = ()
    kinds: tuple[Kind, ...] = ()


def next_step(session: Session, workspace: str) -> Step | None:
    """Return the next stretch for a workspace; None where nothing is left to do."""
    row = session.execute(
        select(Reckoning.entries, Reckoning.swept, Reckoning.others_at).where(Reckoning.workspace == workspace)
    ).one_or_none()
    if row is None:
        size = session.scalar(select(Log.size).where(Log.name == workspace)) or 0
        return Step(workspace, None, Cursor(size, 0, None))
    before = Cursor(*row)
    return _news(session, workspace, before) or _sweep(session, workspace, before)


def _news(session: Session, workspace: str, before: Cursor) -> Step | None:
    """Return what the entries that were not looked at yet ask for, or what a day without any does."""
    news = session.execute(
        select(Entry.index, Entry.kind, Entry.post)
        .where(Entry.log == workspace, Entry.index >= before.entries)
        .order_by(Entry.index)
        .limit(BATCH)
    ).all()
    now, at = clock.now(session), before.others_at

    def happened(kinds: tuple[str, ...]) -> bool:
        return any(kind.startswith(kinds) for _, kind, _ in news)

    stale = at is None or at <= now - _DAILY
    if not news and not stale:
        return None
    procedures, reports = stale or happened(_PROCEDURES), stale or happened(_REPORTS)
    posts = sorted({post for _, _, post in news if post is not None})
    return Step(
        workspace,
        before,
        Cursor(
            entries=news[-1][0] + 1 if news else before.entries,
            swept=0 if happened(SWEEPING) else before.swept,
            others_at=now if procedures and reports else at,
        ),
        _posts(session, workspace, posts),
        _others(session, workspace, procedures=procedures, reports=reports),
        (*(PROCEDURES if procedures else ()), *(REPORTS if reports else ())),
    )


def _sweep(session: Session, workspace: str, before: Cursor) -> Step | None:
    if before.swept is None:
        return None
    wanted = select(Post.id).where(Post.workspace == workspace, Post.id > before.swept).order_by(Post.id).limit(BATCH)
    posts = session.scalars(wanted).all()
    reached = posts[-1] if posts else None
    return Step(workspace, before, Cursor(before.entries, reached, before.others_at), _posts(session, workspace, posts))


def _posts(session: Session, workspace: str, posts: Sequence[int]) -> tuple[Reckoned, ...]:
    if not posts:
        return ()
    retention, holds = retention_in_force(session, workspace).retention, active_holds(session, workspace)
    return tuple(
        _reckoned(
            Kind.POST,
            record.post,
            keep(retention, *record.parts),
            tuple(one.id for one in holds if covers(one.criteria, record.life)),
        )
        for record in post_records(session, workspace, posts)
    )


def _reckoned(kind: Kind, record: int, kept: Kept, holds: tuple[int, ...] = ()) -> Reckoned:
    return Reckoned(kind, record, kept.until, kept.reasons[0].rule.id, holds)


# -- what is not a post -----------------------------------------------------------------------------------------


def _others(session: Session, workspace: str, *, procedures: bool, reports: bool) -> tuple[Reckoned, ...]:
    firm, retention = workspace_facts(session, workspace), retention_in_force(session, workspace).retention
    found = (*(_procedures(session, firm) if procedures else ()), *(_reports(session, firm) if reports else ()))
    return tuple(_reckoned(kind, record, keep(retention, facts)) for kind, record, facts in found)


@dataclass(frozen=True)
class _Rounds:
    """What rounds make of a procedure: whether one is open under it, and when the last one ended."""

    open: bool = False
    ended: datetime | None = None


def _procedures(session: Session, firm: WorkspaceFacts) -> Iterator[tuple[Kind, int, Facts]]:
    under = _rounds(session, firm.name, Submission.workflow)
    for row, replaced, in_force in _versions(session, firm.name, WorkflowVersion):
        yield Kind.WORKFLOW, row.id, _procedure(firm, row.made_at, replaced, in_force, under.get(row.id, _Rounds()))
    under = _rounds(session, firm.name, Submission.rule_set)
    for row, replaced, in_force in _versions(session, firm.name, RuleSetVersion):
        yield Kind.RULES, row.id, _procedure(firm, row.made_at, replaced, in_force, under.get(row.digest, _Rounds()))
    for row, replaced, in_force in _versions(session, firm.name, RetentionVersion):
        yield Kind.RETENTION, row.id, _procedure(firm, row.made_at, replaced, in_force, _Rounds())


def _versions(session: Session, workspace: str, model: Any) -> Iterable[tuple[Any, datetime | None, bool]]:
    """Return each version with the instant at which another replaced it, and whether it is in force."""
    columns = (model.id, model.number, model.digest, model.made_at, model.enacted_at)
    rows = session.execute(select(*columns).where(model.workspace == workspace)).all()
    enacted = sorted((row for row in rows if row.enacted_at), key=lambda row: (row.enacted_at, row.number))
    after = {row.id: later.enacted_at for row, later in pairwise(enacted)}
    last = enacted[-1].id if enacted else None
    return [(row, after.get(row.id), row.id == last) for row in rows]


def _rounds(session: Session, workspace: str, pinned: Any) -> Mapping[Any, _Rounds]:
    rows = session.execute(
        select(pinned, func.count(), func.count(Submission.closed_at), func.max(Submission.closed_at))
        .where(Submission.workspace == workspace)
        .group_by(pinned)
    )
    return {key: _Rounds(total > closed, ended) for key, total, closed, ended in rows}


def _procedure(
    firm: WorkspaceFacts, made: datetime, replaced: datetime | None, in_force: bool, rounds: _Rounds
) -> Facts:
    ended = max((at for at in (replaced, rounds.ended) if at), default=None)
    day = clock.wall_time(made, firm.zone).date()
    return Facts(
        of=RecordClass.PROCEDURE,
        made=day,
        changed=day,
        last_use=clock.wall_time(ended, firm.zone).date() if ended else None,
        in_use=in_force or rounds.open,
        regimes=frozenset({firm.regime}),
    )


def _reports(session: Session, firm: WorkspaceFacts) -> Iterator[tuple[Kind, int, Facts]]:
    exports = select(Export.id, func.coalesce(Export.ready_at, Export.asked_at)).where(Export.workspace == firm.name)
    lookbacks = select(Lookback.id, func.coalesce(Lookback.ended_at, Lookback.begun_at)).where(
        Lookback.workspace == firm.name
    )
    for kind, wanted in ((Kind.EXPORT, exports), (Kind.LOOKBACK, lookbacks)):
        for id_, at in session.execute(wanted):
            day = clock.wall_time(at, firm.zone).date()
            yield kind, id_, Facts(of=RecordClass.REPORT, made=day, changed=day, regimes=frozenset({firm.regime}))
    entered = select(Complaint.id, Complaint.received_on, Complaint.closed_at, Complaint.product)
    for id_, received_on, closed_at, product in session.execute(entered.where(Complaint.workspace == firm.name)):
        yield Kind.COMPLAINT, id_, facts_of(firm, received_on, closed_at, product)
