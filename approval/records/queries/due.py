"""The calendar of keeping: which records' periods end in which month, and which have ended."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, func, select, tuple_

from approval.db import Session
from approval.posts.models import Post, Revision
from approval.records.archives import Claims
from approval.records.models import Archived, Complaint, Export, Keeping, Kind, Lookback, RetentionVersion
from approval.review.models import WorkflowVersion
from approval.screening.models import RuleSetVersion

MONTHS = 12
MOST_COUNTED = 1_000
OVERDUE = "overdue"
Place = tuple[date, Kind, int]


@dataclass(frozen=True)
class Month:
    """A month of the calendar, or everything before today (`overdue`): its days, and how many records end in it."""

    key: str
    first: date
    last: date
    count: int


@dataclass(frozen=True)
class Ending:
    """A record whose period ends. `number` is the version's, for those that have one."""

    kind: Kind
    record: int
    title: str
    number: int
    until: date
    rule: str


def months(session: Session, workspace: str, today: date) -> tuple[Month, ...]:
    """Return what is overdue, then this month and the eleven after it; counted to MOST_COUNTED and no further."""
    found = [Month(OVERDUE, date.min, today - timedelta(days=1), 0)]
    year, month = today.year, today.month
    for _ in range(MONTHS):
        last = date(year, month, calendar.monthrange(year, month)[1])
        found.append(Month(f"{year}-{month:02}", max(today, date(year, month, 1)), last, 0))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return tuple(Month(m.key, m.first, m.last, _count(session, workspace, m)) for m in found)


def _count(session: Session, workspace: str, month: Month) -> int:
    some = select(Keeping.record).where(*_ending_in(workspace, month)).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _ending_in(workspace: str, month: Month) -> tuple[ColumnElement[bool], ...]:
    return Keeping.workspace == workspace, Keeping.until >= month.first, Keeping.until <= month.last


def endings(session: Session, workspace: str, month: Month, *, after: Place | None, limit: int) -> tuple[Ending, ...]:
    """Return the records of a month, soonest first, those behind *after*."""
    key = (Keeping.until, Keeping.kind, Keeping.record)
    wanted = select(*key, Keeping.rule).where(*_ending_in(workspace, month))
    if after is not None:
        wanted = wanted.where(tuple_(*key) > tuple_(*after))
    rows = session.execute(wanted.order_by(*key).limit(limit)).all()
    named = called(session, [(kind, record) for _, kind, record, _ in rows])
    return tuple(
        Ending(kind, record, *named.get((kind, record), (f"{kind.capitalize()} {record}", record)), until, rule)
        for until, kind, record, rule in rows
        if until is not None
    )


def called(session: Session, records: Sequence[tuple[Kind, int]]) -> Mapping[tuple[Kind, int], tuple[str, int]]:
    """Return what each record is called, and its number."""
    by_kind: defaultdict[Kind, list[int]] = defaultdict(list)
    for kind, record in records:
        by_kind[kind].append(record)
    found: dict[tuple[Kind, int], tuple[str, int]] = {}
    if posts := by_kind[Kind.POST]:
        titles = (
            select(Post.id, Revision.title)
            .join(Revision, (Revision.post == Post.id) & (Revision.digest == Post.revision))
            .where(Post.id.in_(posts))
        )
        found |= {(Kind.POST, id_): (title, id_) for id_, title in session.execute(titles)}
    for kind, model, name in _VERSIONS:
        if ids := by_kind[kind]:
            rows = session.execute(select(model.id, model.number).where(model.id.in_(ids)))
            found |= {(kind, id_): (f"{name}, version {number}", number) for id_, number in rows}
    if ids := by_kind[Kind.COMPLAINT]:
        came = session.execute(select(Complaint.id, Complaint.received_on).where(Complaint.id.in_(ids)))
        found |= {(Kind.COMPLAINT, id_): (f"Complaint of {day}", id_) for id_, day in came}
    if ids := by_kind[Kind.ARCHIVED]:
        claimed = session.execute(select(Archived.id, Archived.claims).where(Archived.id.in_(ids)))
        found |= {(Kind.ARCHIVED, id_): (Claims.from_json(claims or {}).name, id_) for id_, claims in claimed}
    for one, table, name in ((Kind.EXPORT, Export, "Export"), (Kind.LOOKBACK, Lookback, "Lookback")):
        if ids := by_kind[one]:
            days = session.execute(select(table.id, table.first_day, table.last_day).where(table.id.in_(ids)))
            found |= {(one, id_): (f"{name}, {first} to {last}", id_) for id_, first, last in days}
    return found


_VERSIONS = (
    (Kind.WORKFLOW, WorkflowVersion, "Workflow"),
    (Kind.RULES, RuleSetVersion, "Rules"),
    (Kind.RETENTION, RetentionVersion, "Retention rules"),
)
