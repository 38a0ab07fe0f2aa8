"""Requests to erase what is known of a person: what is answered, what stands against it, and how far each is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select, union

from approval.audit.models import Entry
from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Person, Proposal
from approval.people.queries import names_of, workspaces
from approval.posts.models import Edit, Post
from approval.records.keeping import Outcome, fate
from approval.records.models import (
    Covered,
    Disposition,
    Erasure,
    Export,
    ExportGone,
    ExportState,
    Hold,
    Keeping,
    Kind,
    LettingGo,
    Reckoning,
)
from approval.records.queries.disposing import today_in
from approval.records.queries.holds import SWEEPING
from approval.records.queries.keeping import PostKeeping, keeping_of_posts

ACCOUNT_OPEN = "open"
"""An answer beside those of `Outcome`: the account is not closed."""
_WORST = (Outcome.HELD, Outcome.RETAINED, Outcome.ERASABLE, Outcome.PAST)
MOST_LISTED = 50


@dataclass(frozen=True)
class Answer:
    """What is answered to a request: the outcome, the first day on which it can take effect (None: at once, or
    nobody knows), why in words, and the post that decides, if any."""

    outcome: str
    on: date | None
    words: str
    post: int | None = None

    @property
    def now(self) -> bool:
        """True where nothing stands against it."""
        return self.outcome in (Outcome.ERASABLE, Outcome.PAST)


@dataclass(frozen=True)
class ErasureFacts:
    """A request with its proposal and what was answered when it was recorded."""

    id: int
    workspace: str
    state: LettingGo
    person: str | None
    person_name: str | None
    words: str | None
    posts: tuple[int, ...]
    asked_on: date
    asked_by: str
    recorded_name: str
    recorded_at: datetime
    answer: str
    answer_on: date | None
    proposal: int
    reason: str
    proposed_by: str
    seconded_name: str | None
    alone: bool
    ended_at: datetime | None
    erased: int | None
    disposed: int | None
    cleaned_at: datetime | None

    @property
    def waits(self) -> bool:
        """True while a second person has to answer."""
        return self.state is LettingGo.PROPOSED


@dataclass(frozen=True)
class OldExport:
    """An export that was made before something was erased, so that it holds it still."""

    id: int
    workspace: str
    first_day: date
    last_day: date
    ready_at: datetime


# -- what is answered -------------------------------------------------------------------------------------------------


def answer_for_person(session: Session, workspace: str, person: str) -> Answer:
    """Return what is answered about an account: the records of what somebody did decide, in every workspace.

    From the calendar of keeping, which follows the log; `is_followed` says whether it has caught up.
    """
    if session.scalar(select(Person.id).where(Person.id == person, Person.disabled_at.is_(None))) is not None:
        return Answer(ACCOUNT_OPEN, None, "The account is open. Close it first: it can be erased once it is closed.")
    found = [_in_workspace(session, facts.name, person) for facts in workspaces(session)]
    return _worst(found)


def _in_workspace(session: Session, workspace: str, person: str) -> Answer:
    naming = select(Hold.id).where(Hold.workspace == workspace, Hold.lifted_at.is_(None), Hold.person == person)
    if session.scalar(naming.limit(1)) is not None:
        return Answer(Outcome.HELD, None, "A legal hold names this person. The request waits until it is lifted.")
    post = _deciding(session, workspace, person)
    if post is None:
        return Answer(Outcome.ERASABLE, None, "No record is kept of anything they did: nothing stands against it.")
    return _answer(keeping_of_posts(session, workspace, [post])[post], today_in(session, workspace))


def _deciding(session: Session, workspace: str, person: str) -> int | None:
    """Return the post that keeps somebody's account longest: a held one, one in use or kept for good, the last."""
    theirs = _posts_of(workspace, person).subquery()
    held = (
        select(Covered.post)
        .join(Hold, Hold.id == Covered.hold)
        .where(Hold.workspace == workspace, Hold.lifted_at.is_(None), Covered.post.in_(select(theirs.c.post)))
    )
    kept = (
        select(Keeping.record)
        .where(Keeping.workspace == workspace, Keeping.kind == Kind.POST, Keeping.record.in_(select(theirs.c.post)))
        .order_by(Keeping.until.is_not(None), Keeping.until.desc())
    )
    found = session.scalar(held.limit(1))
    return found if found is not None else session.scalar(kept.limit(1))


def _posts_of(workspace: str, person: str) -> Select[Any]:
    """Return the posts on which somebody did anything, wrote, or edited."""
    acted = union(
        select(Entry.post.label("post")).where(Entry.log == workspace, Entry.actor == person, Entry.post.is_not(None)),
        select(Edit.post).where(Edit.workspace == workspace, Edit.by == person),
        select(Post.id).where(Post.workspace == workspace, Post.author == person),
    ).subquery()
    return select(acted.c.post)


def is_followed(session: Session, workspace: str, person: str | None) -> bool:
    """Say whether the calendar knows every entry that matters here: of the person's posts, of holds and rules."""
    row = session.execute(
        select(Reckoning.entries, Reckoning.swept).where(Reckoning.workspace == workspace)
    ).one_or_none()
    if row is None or row.swept is not None:
        return False
    unseen = select(Entry.index).where(Entry.log == workspace, Entry.index >= row.entries)
    matters = [unseen.where(Entry.kind.in_(SWEEPING))]
    if person is not None:
        matters.append(unseen.where(Entry.post.in_(_posts_of(workspace, person))))
    return all(session.scalar(query.limit(1)) is None for query in matters)


def answer_for_posts(session: Session, workspace: str, posts: Sequence[int]) -> Answer:
    """Return what is answered about free text of some posts: the post that is kept longest decides. Exact."""
    today = today_in(session, workspace)
    kept = keeping_of_posts(session, workspace, posts)
    return _worst([_answer(one, today) for one in kept.values()])


def _answer(keeping: PostKeeping, today: date) -> Answer:
    decided = fate(keeping.kept, held=bool(keeping.holds), erasure_asked=True, today=today)
    until = keeping.kept.until
    on = until + timedelta(days=1) if decided.outcome is Outcome.RETAINED and until else None
    return Answer(decided.outcome, on, f"Post {keeping.record.post} decides. {decided.words}", keeping.record.post)


def _worst(found: Iterable[Answer]) -> Answer:
    """Return the answer that stands longest against a request; a day that nobody knows is later than any."""
    ordered = sorted(found, key=lambda one: (_WORST.index(Outcome(one.outcome)), -(one.on or date.max).toordinal()))
    return ordered[0] if ordered else Answer(Outcome.ERASABLE, None, "Nothing stands against it.")


# -- requests ---------------------------------------------------------------------------------------------------------


def erasure(session: Session, id_: int) -> ErasureFacts:
    """Return one request; NotFound where there is none."""
    found = _facts(session, _erasures().where(Erasure.id == id_))
    if not found:
        raise NotFound("There is no such request, or none that you may see.")
    return found[0]


def erasures(session: Session, workspace: str, *, limit: int = MOST_LISTED) -> tuple[ErasureFacts, ...]:
    """Return the newest requests of a workspace."""
    wanted = _erasures().where(Erasure.workspace == workspace)
    return _facts(session, wanted.order_by(Erasure.id.desc()).limit(limit))


def erasure_of(session: Session, person: str) -> int | None:
    """Return the request about an account that is open or done."""
    wanted = select(Erasure.id).where(Erasure.person == person, Erasure.state != LettingGo.TURNED_DOWN)
    return session.scalar(wanted.order_by(Erasure.id.desc()).limit(1))


def _erasures() -> Any:
    return select(Erasure, Proposal).join(Proposal, Proposal.id == Erasure.proposal)


def _facts(session: Session, wanted: Any) -> tuple[ErasureFacts, ...]:
    rows = session.execute(wanted).all()
    ids = [id_ for row, asked in rows for id_ in (row.person, row.recorded_by, asked.decided_by) if id_]
    names = names_of(session, ids)
    return tuple(
        ErasureFacts(
            id=row.id,
            workspace=row.workspace,
            state=row.state,
            person=row.person,
            person_name=names[row.person] if row.person else None,
            words=row.words,
            posts=tuple(row.posts),
            asked_on=row.asked_on,
            asked_by=row.asked_by,
            recorded_name=names[row.recorded_by],
            recorded_at=row.recorded_at,
            answer=row.answer,
            answer_on=row.answer_on,
            proposal=asked.id,
            reason=asked.reason,
            proposed_by=asked.proposed_by,
            seconded_name=names[asked.decided_by] if asked.decided_by else None,
            alone=asked.alone,
            ended_at=row.ended_at,
            erased=row.erased,
            disposed=row.disposed,
            cleaned_at=row.cleaned_at,
        )
        for row, asked in rows
    )


def exports_before(session: Session, workspace: str, at: datetime | None) -> tuple[OldExport, ...]:
    """Return the newest exports that lie on the server and were made before *at* (None: all)."""
    gone = Export.id.in_(select(ExportGone.export))
    wanted = select(Export).where(Export.workspace == workspace, Export.state == ExportState.READY, ~gone)
    if at is not None:
        wanted = wanted.where(Export.ready_at < at)
    rows = session.scalars(wanted.order_by(Export.id.desc()).limit(MOST_LISTED))
    return tuple(
        OldExport(row.id, row.workspace, row.first_day, row.last_day, row.ready_at) for row in rows if row.ready_at
    )


# -- work -------------------------------------------------------------------------------------------------------------


def agreed_dispositions(session: Session) -> list[tuple[int, str]]:
    """Return the dispositions that the worker has to go on with, and their workspaces."""
    wanted = select(Disposition.id, Disposition.workspace).where(Disposition.state == LettingGo.AGREED)
    return [(id_, workspace) for id_, workspace in session.execute(wanted.order_by(Disposition.id))]


def agreed_erasures(session: Session) -> list[int]:
    """Return the requests that wait for their day."""
    return list(session.scalars(select(Erasure.id).where(Erasure.state == LettingGo.AGREED).order_by(Erasure.id)))


def uncleaned(session: Session) -> list[tuple[str, int]]:
    """Return what was done and may have left traces beside the tables: under what, and its number."""
    return [
        (under, id_)
        for under, model in (("disposition", Disposition), ("erasure", Erasure))
        for id_ in session.scalars(
            select(model.id).where(model.state == LettingGo.DONE, model.cleaned_at.is_(None)).order_by(model.id)
        )
    ]
