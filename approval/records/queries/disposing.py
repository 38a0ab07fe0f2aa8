"""Dispositions: what is due and may go, what stands against it, how far a list is, and the certificate at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, tuple_

from approval import clock
from approval.audit.queries.erasing import erased_entries
from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Proposal
from approval.people.queries import names_of, workspace_facts
from approval.posts.models import Revision
from approval.publishing.models import Stop
from approval.records.models import (
    AccessTest,
    Complaint,
    Covered,
    Disposition,
    DispositionItem,
    Hold,
    Keeping,
    Kind,
    LettingGo,
    Lookback,
)
from approval.records.queries.due import Ending, Place, called
from approval.records.queries.holds import active_holds
from approval.records.queries.keeping import keeping_of_posts
from approval.review.models import Submission
from approval.screening.models import RuleSetVersion, Screening, SecondOpinion

MOST = 2_000
"""Records in one list, so that two people can look through it."""
HELD = "A legal hold stands in this workspace, and what is held may rest on it."
NAMED = "A legal hold that stands names it."
OPEN = (LettingGo.PROPOSED, LettingGo.AGREED)


@dataclass(frozen=True)
class DispositionFacts:
    """A disposition with its proposal; `settled` of its `records` are gone, or kept because something stood against."""

    id: int
    workspace: str
    state: LettingGo
    through: date
    records: int
    digest: bytes
    proposal: int
    reason: str
    proposed_by: str
    proposed_name: str
    proposed_at: datetime
    seconded_name: str | None
    alone: bool
    begun_at: datetime | None
    ended_at: datetime | None
    disposed: int | None
    kept: int | None
    cleaned_at: datetime | None
    settled: int

    @property
    def waits(self) -> bool:
        """True while a second person has to answer."""
        return self.state is LettingGo.PROPOSED

    @property
    def left(self) -> int:
        """How many records are still to be gone through."""
        return self.records - self.settled


@dataclass(frozen=True)
class Listed:
    """A record of a list: what it is called while it is there, and what became of it."""

    number: int
    ending: Ending
    settled_at: datetime | None
    kept_because: str | None


@dataclass(frozen=True)
class Gone:
    """A line of the certificate, an entry of a log: what was erased under it."""

    log: str
    entry: int
    at: datetime
    record: str | None
    rule: str | None
    until: str | None
    commitments: tuple[str, ...]
    contents: tuple[str, ...]


def today_in(session: Session, workspace: str) -> date:
    """Return what day it is in the workspace's zone."""
    return clock.wall_time(clock.now(session), workspace_facts(session, workspace).zone).date()


# -- what is due ----------------------------------------------------------------------------------------------------


def due_through(
    session: Session, workspace: str, through: date, *, after: Place | None = None, limit: int
) -> tuple[Ending, ...]:
    """Return the records whose period ended by *through* and that no hold covers, soonest first, behind *after*."""
    key = (Keeping.until, Keeping.kind, Keeping.record)
    wanted = select(*key, Keeping.rule).where(*_may_go(session, workspace, through))
    if after is not None:
        wanted = wanted.where(tuple_(*key) > tuple_(*after))
    rows = session.execute(wanted.order_by(*key).limit(limit)).all()
    names = called(session, [(kind, record) for _, kind, record, _ in rows])
    return tuple(
        Ending(kind, record, *names.get((kind, record), (f"{kind.capitalize()} {record}", record)), until, rule)
        for until, kind, record, rule in rows
        if until is not None
    )


def count_through(session: Session, workspace: str, through: date) -> int:
    """Return how many records that is, counting to MOST and one more."""
    some = select(Keeping.record).where(*_may_go(session, workspace, through)).limit(MOST + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _may_go(session: Session, workspace: str, through: date) -> tuple[ColumnElement[bool], ...]:
    held = (
        exists()
        .where(Covered.post == Keeping.record, Covered.hold == Hold.id, Hold.lifted_at.is_(None))
        .correlate(Keeping)
    )
    listed = (
        exists()
        .where(
            DispositionItem.kind == Keeping.kind,
            DispositionItem.record == Keeping.record,
            DispositionItem.disposition == Disposition.id,
            Disposition.workspace == workspace,
            Disposition.state.in_(OPEN),
        )
        .correlate(Keeping)
    )
    posts_only = (Keeping.kind == Kind.POST,) if active_holds(session, workspace) else ()
    return (
        Keeping.workspace == workspace,
        Keeping.until <= through,
        *posts_only,
        or_(Keeping.kind != Kind.POST, ~held),
        ~listed,
    )


# -- what stands against it -------------------------------------------------------------------------------------------


def standing_against(
    session: Session, workspace: str, records: Sequence[tuple[Kind, int]]
) -> Mapping[tuple[Kind, int], str | None]:
    """Return what keeps each record now, in words; None where nothing does. Exact: asked of the facts themselves."""
    posts = [record for kind, record in records if kind is Kind.POST]
    found: dict[tuple[Kind, int], str | None] = {
        (kind, record): "It is not there any more." for kind, record in records
    }
    for post, keeping in keeping_of_posts(session, workspace, posts).items():
        found[Kind.POST, post] = keeping.fate.words if keeping.fate.protected else _named_by(session, post)
    today, held = today_in(session, workspace), bool(active_holds(session, workspace))
    for kind, record in records:
        if kind is not Kind.POST:
            found[kind, record] = HELD if held else _other(session, workspace, kind, record, today)
    return found


def _named_by(session: Session, post: int) -> str | None:
    asked = (
        (select(Hold.id).where(Hold.post == post, Hold.lifted_at.is_(None)), NAMED),
        (select(Stop.id).where(Stop.post == post, Stop.lifted_at.is_(None)), "A stop on it stands."),
        (
            select(Complaint.id).where(Complaint.post == post, Complaint.closed_at.is_(None)),
            "A complaint on it is open.",
        ),
    )
    return next((words for query, words in asked if session.scalar(query.limit(1)) is not None), None)


def _other(session: Session, workspace: str, kind: Kind, record: int, today: date) -> str | None:
    where = Keeping.workspace == workspace, Keeping.kind == kind, Keeping.record == record
    row = session.execute(select(Keeping.until).where(*where)).one_or_none()
    if row is None:
        return "It is not there any more."
    if row.until is None or row.until >= today:
        return "A rule keeps it longer by now."
    return "A record that is kept rests on it." if _rests(session, workspace, kind, record) else None


def _rests(session: Session, workspace: str, kind: Kind, record: int) -> bool:
    queries: tuple[Any, ...] = ()
    if kind is Kind.WORKFLOW:
        queries = (select(Submission.id).where(Submission.workflow == record),)
    elif kind is Kind.RULES:
        digest = select(RuleSetVersion.digest).where(RuleSetVersion.id == record).scalar_subquery()
        queries = tuple(
            select(model.id).where(model.workspace == workspace, model.rule_set == digest)
            for model in (Submission, Screening, SecondOpinion, Lookback)
        )
    elif kind is Kind.EXPORT:
        queries = (select(AccessTest.id).where(AccessTest.export == record),)
    return any(session.scalar(query.limit(1)) is not None for query in queries)


# -- lists ------------------------------------------------------------------------------------------------------------


def disposition(session: Session, id_: int) -> DispositionFacts:
    """Return one disposition; NotFound where there is none."""
    found = _facts(session, _dispositions().where(Disposition.id == id_))
    if not found:
        raise NotFound("There is no such disposition, or none that you may see.")
    return found[0]


def dispositions(session: Session, workspace: str, *, before: int | None, limit: int) -> tuple[DispositionFacts, ...]:
    """Return the dispositions of a workspace, newest first, those with a smaller id than *before*."""
    wanted = _dispositions().where(Disposition.workspace == workspace)
    if before is not None:
        wanted = wanted.where(Disposition.id < before)
    return _facts(session, wanted.order_by(Disposition.id.desc()).limit(limit))


def _dispositions() -> Any:
    settled = (
        select(func.count())
        .where(DispositionItem.disposition == Disposition.id, DispositionItem.settled_at.is_not(None))
        .correlate(Disposition)
        .scalar_subquery()
    )
    return select(Disposition, Proposal, settled).join(Proposal, Proposal.id == Disposition.proposal)


def _facts(session: Session, wanted: Any) -> tuple[DispositionFacts, ...]:
    rows = session.execute(wanted).all()
    people = [id_ for _, asked, _ in rows for id_ in (asked.proposed_by, asked.decided_by) if id_]
    names = names_of(session, people)
    return tuple(
        DispositionFacts(
            id=row.id,
            workspace=row.workspace,
            state=row.state,
            through=row.through,
            records=row.records,
            digest=row.digest,
            proposal=asked.id,
            reason=asked.reason,
            proposed_by=asked.proposed_by,
            proposed_name=names[asked.proposed_by],
            proposed_at=asked.proposed_at,
            seconded_name=names[asked.decided_by] if asked.decided_by else None,
            alone=asked.alone,
            begun_at=row.begun_at,
            ended_at=row.ended_at,
            disposed=row.disposed,
            kept=row.kept,
            cleaned_at=row.cleaned_at,
            settled=settled,
        )
        for row, asked, settled in rows
    )


def items(session: Session, id_: int, *, after: int, limit: int) -> tuple[Listed, ...]:
    """Return the records of a disposition's list behind the number *after*, in order."""
    where = DispositionItem.disposition == id_, DispositionItem.number > after
    rows = session.scalars(select(DispositionItem).where(*where).order_by(DispositionItem.number).limit(limit)).all()
    names = called(session, [(row.kind, row.record) for row in rows])
    return tuple(
        Listed(
            row.number,
            Ending(
                row.kind,
                row.record,
                *names.get((row.kind, row.record), (f"{row.kind.capitalize()} {row.record}", row.record)),
                row.until,
                row.rule,
            ),
            row.settled_at,
            row.kept_because,
        )
        for row in rows
    )


def exports_disposed(session: Session, ids: Sequence[int]) -> list[int]:
    """Return the exports that went with some dispositions, whose files go too."""
    gone = DispositionItem.settled_at.is_not(None), DispositionItem.kept_because.is_(None)
    where = DispositionItem.disposition.in_(ids), DispositionItem.kind == Kind.EXPORT, *gone
    return list(session.scalars(select(DispositionItem.record).where(*where)))


def media_of(session: Session, id_: int) -> frozenset[bytes]:
    """Return the images that the posts of a list named."""
    rows = session.scalars(select(DispositionItem.media).where(DispositionItem.disposition == id_))
    return frozenset(bytes.fromhex(digest) for media in rows for digest in media)


def unnamed_media(
    session: Session, workspace: str, wanted: frozenset[bytes], *, after: int = 0
) -> tuple[frozenset[bytes], int]:
    """Return which of some images no payload behind the revision *after* names, and the last revision looked at."""
    left, last = {digest.hex(): digest for digest in wanted}, after
    rows = session.execute(
        select(Revision.id, Revision.payload)
        .where(Revision.workspace == workspace, Revision.id > after)
        .order_by(Revision.id)
        .execution_options(yield_per=500)
    )
    for id_, payload in rows:
        last = id_
        for digest in [digest for digest in left if digest in payload]:
            del left[digest]
    return frozenset(left.values()), last


# -- certificates -----------------------------------------------------------------------------------------------------


def certificate(
    session: Session, log: str, under: str, case: int, *, after: int = -1, limit: int | None = None
) -> tuple[Gone, ...]:
    """Return what was erased under a disposition or an erasure, from the entries of *log* themselves."""
    return tuple(
        Gone(
            log,
            entry.index,
            entry.at,
            entry.facts["record"],
            entry.facts["rule"],
            entry.facts["until"],
            tuple(entry.facts["commitments"]),
            tuple(entry.facts["contents"]),
        )
        for entry in erased_entries(session, log, case=(under, case), after=after, limit=limit)
    )
