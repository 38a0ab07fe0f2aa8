"""Erasing what is known of a person: asked for, answered, agreed to by two, done when nothing stands against it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import rfc8785
from sqlalchemy import delete, func, inspect, select

from approval import clock
from approval.audit.events import INSTALLATION, Erased
from approval.audit.models import Opening, Witnessed
from approval.audit.models.images import content_bytes, marks
from approval.audit.queries.erasing import Named, images_of, place_of
from approval.audit.services import record
from approval.audit.services.erasing import erase
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Conflict, IllegalStep, Invalid, NotFound, Problem
from approval.people.models import Notice, Outbox, Person, Proposal, SignIn, Subject, Throttle, Token, Workspace
from approval.people.queries import workspaces
from approval.people.services import second
from approval.posts.models import Post
from approval.records import events
from approval.records.models import Disposition, Erasure, LettingGo, Search
from approval.records.queries.disposing import today_in
from approval.records.queries.erasing import (
    ACCOUNT_OPEN,
    answer_for_person,
    answer_for_posts,
    erasure_of,
    is_followed,
)
from approval.records.services.asking import WORKER
from approval.records.services.disposing import release
from approval.records.services.forgetting import BATCH, about_words, all_named, forget_search, parts_of
from approval.review.services.guards import ensure_may, normal_text

UNDER = "erasure"
BLANK = "(erased)"
MOST_POSTS = 200
FEWEST_LETTERS = 3


def ask_erasure(
    session: Session,
    workspace: str,
    *,
    person: str | None = None,
    words: str | None = None,
    posts: Sequence[int] = (),
    asked_on: date,
    asked_by: str,
    by: Actor,
    reason: str,
) -> Erasure:
    """Record that a person asks to be erased, answer, and ask a second person.

    Either *person* is the id of a closed account, or *words* name somebody in free text of *posts*.
    """
    ensure_may(by, Capability.HOLD, workspace)
    row = Erasure(
        workspace=workspace,
        state=LettingGo.PROPOSED,
        person=person,
        words=_words(words) if person is None else None,
        posts=sorted(set(posts)),
        asked_on=asked_on,
        asked_by=_asker(asked_by),
        recorded_by=by.id,
        recorded_at=clock.now(session),
    )
    ensure_may_be_asked(session, row)
    _answer(session, row)
    _propose(session, row, by=by, reason=reason)
    return row


def ensure_may_be_asked(session: Session, row: Erasure) -> None:
    """Refuse a request about posts or an account that cannot be asked about, and one that came in on a day ahead."""
    if row.person is None:
        ensure_posts(session, row.workspace, row.posts)
    else:
        ensure_nobody_asked(session, row.person)
    if row.asked_on > today_in(session, row.workspace):
        raise _invalid("asked_on", "The day on which it came in lies ahead.")


def _answer(session: Session, row: Erasure) -> None:
    """Set the answer that precedence gives."""
    if row.person:
        answer = answer_for_person(session, row.workspace, row.person)
    else:
        answer = answer_for_posts(session, row.workspace, row.posts)
    if answer.outcome == ACCOUNT_OPEN:
        raise Conflict(answer.words)
    row.answer, row.answer_on = answer.outcome, answer.on


def _propose(session: Session, row: Erasure, *, by: Actor, reason: str) -> None:
    """Record a request, and ask a second person; where there is none, it is agreed to."""
    digest = _digest(row.workspace, row.person, row.posts, row.asked_on)
    proposal = second.propose(
        session, row.workspace, Subject.ERASURE, digest, by=by, reason=reason, capability=Capability.HOLD
    )
    row.proposal = proposal.id
    session.add(row)
    session.flush()
    record(session, _asked(row), row)
    if proposal.accepted:
        _agree(session, row, alone=True, by=by.id)
    session.flush()


def _asked(row: Erasure) -> events.ErasureAsked:
    return events.ErasureAsked(
        by=row.recorded_by,
        workspace=row.workspace,
        erasure=row.id,
        person=row.person,
        posts=tuple(row.posts),
        asked_on=row.asked_on,
        answer=row.answer,
        answer_on=row.answer_on,
        proposal=row.proposal,
    )


def _asker(asked_by: str) -> str:
    text = normal_text(asked_by, "asked_by", 200)
    if text is None:
        raise _invalid("asked_by", "Say who asked and how, such as: the person, by letter.")
    return " ".join(text.split())


def _digest(workspace: str, person: str | None, posts: Sequence[int], asked_on: date) -> bytes:
    """Return what names the request. Not the words: a digest of a name can be guessed."""
    named_here = {"erase": workspace, "person": person, "posts": list(posts), "asked_on": asked_on.isoformat()}
    return hashlib.sha256(rfc8785.dumps(named_here)).digest()


def second_erasure(session: Session, id_: int, *, by: Actor, accept: bool) -> Erasure:
    """Answer a request as the second person: accepted, it is carried out on the day that precedence allows."""
    row = session.get(Erasure, id_, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such request, or none that you may see.")
    ensure_may(by, Capability.HOLD, row.workspace)
    if row.state is not LettingGo.PROPOSED:
        raise IllegalStep("This request was answered already.")
    proposal = session.get_one(Proposal, row.proposal)
    if second.second(session, proposal, by=by, accept=accept, capability=Capability.HOLD).accepted:
        _agree(session, row, alone=False, by=by.id)
    else:
        row.state = LettingGo.TURNED_DOWN
        record(session, events.ErasureTurnedDown(by=by.id, workspace=row.workspace, erasure=row.id), row)
    session.flush()
    return row


def _agree(session: Session, row: Erasure, *, alone: bool, by: str) -> None:
    row.state = LettingGo.AGREED
    record(session, events.ErasureAgreed(by=by, workspace=row.workspace, erasure=row.id, alone=alone), row)


def ensure_posts(session: Session, workspace: str, posts: Sequence[int]) -> None:
    """Refuse posts that are not there, none, or too many."""
    if not 0 < len(posts) <= MOST_POSTS:
        raise _invalid("posts", f"Give the numbers of 1 to {MOST_POSTS} posts, such as 12, 15.")
    there = set(session.scalars(select(Post.id).where(Post.workspace == workspace, Post.id.in_(posts))))
    if missing := [post for post in posts if post not in there]:
        raise _invalid("posts", f"There is no post {missing[0]} in {workspace}.")


def ensure_nobody_asked(session: Session, person: str) -> None:
    """Refuse a second request about an account, and one about no account."""
    if session.get(Person, person) is None:
        raise NotFound("There is no such person.")
    if (before := erasure_of(session, person)) is not None:
        raise Conflict(f"Request {before} is about this account already.")


def _words(words: str | None) -> str | None:
    text = " ".join((words or "").split())
    if words is not None and not FEWEST_LETTERS <= len(text) <= 120:
        raise _invalid("words", f"Give the name as it stands in the text, {FEWEST_LETTERS} to 120 characters.")
    return text or None


def _invalid(where: str, what: str) -> Invalid:
    return Invalid(what, problems=(Problem(where, what),))


# -- the worker -------------------------------------------------------------------------------------------------------


def carry_out(session: Session, id_: int) -> bool:
    """Erase what a request asks for, where nothing stands against it now; False where it waits."""
    row = session.scalar(
        select(Erasure).where(Erasure.id == id_, Erasure.state == LettingGo.AGREED).with_for_update(skip_locked=True)
    )
    if row is None:
        return False
    concerned = [facts.name for facts in workspaces(session)] if row.person else [row.workspace]
    # No hold is placed meanwhile: placing one locks the same rows.
    here = Workspace.name.in_(concerned)
    session.execute(select(Workspace.name).where(here).order_by(Workspace.name).with_for_update(key_share=True))
    if row.person:
        if not all(is_followed(session, name, row.person) for name in concerned):
            return False
        answer = answer_for_person(session, row.workspace, row.person)
    else:
        session.execute(select(Post.id).where(Post.id.in_(row.posts)).order_by(Post.id).with_for_update())
        answer = answer_for_posts(session, row.workspace, row.posts)
    if not answer.now:
        return False
    erased, disposed = _erase_person(session, row, concerned) if row.person else _erase_words(session, row)
    erased += _erase_searches(session, row, [row.workspace], [row.words]) if row.words else 0
    _end(session, row, erased, disposed)
    return True


def _end(session: Session, row: Erasure, erased: int, disposed: int) -> None:
    """End a request; the words by which it named somebody go with the rest."""
    old = [image["words"] for place, image in images_of(session, row.workspace, ()) if place == place_of(row)]
    gone = Named(frozenset(bytes.fromhex(said["commitment"]) for said in old if isinstance(said, dict)))
    row.state, row.ended_at, row.words = LettingGo.DONE, clock.now(session), None
    row.erased, row.disposed = erased, disposed
    if gone.commitments:
        forget_search(session, row.workspace, row.workspace, sorted(gone.commitments), ())
        erase(session, _happened(row, row.workspace), (), gone)
    happened = events.ErasureDone(by=WORKER, workspace=row.workspace, erasure=row.id, erased=erased, disposed=disposed)
    record(session, happened, row)
    session.flush()


def _happened(row: Erasure, log: str, **more: Any) -> Erased:
    workspace = None if log == INSTALLATION else log
    return Erased(by=WORKER, workspace=workspace, under=UNDER, case=row.id, of=row.workspace, **more)


def _erase_person(session: Session, row: Erasure, concerned: Sequence[str]) -> tuple[int, int]:
    """Overwrite an account; its id stays, so that everybody still reads that the same person acted."""
    person = session.get_one(Person, row.person, with_for_update=True)
    known = [person.name, person.email]
    tokens = session.scalars(select(Token).where(Token.person == person.id, Token.name != BLANK)).all()
    person.name, person.email, person.password = f"Erased person {person.id[-4:]}", f"{person.id}@erased.invalid", None
    for token in tokens:
        token.name = BLANK
    session.flush()
    rows = [person, *tokens]
    found = Named().joined(all_named(session, INSTALLATION, (), rows, about=person.id).values())
    for model in (SignIn, Notice, Outbox):
        session.execute(delete(model).where(model.person == person.id))
    session.execute(delete(Throttle).where(func.lower(Throttle.key).contains(known[1].lower(), autoescape=True)))
    erased = erase(session, _happened(row, INSTALLATION), rows, found)
    return erased + _erase_searches(session, row, concerned, known), 0


def _erase_searches(session: Session, row: Erasure, concerned: Sequence[str], known: Sequence[str | None]) -> int:
    """Overwrite what people searched for where it names the person."""
    sought = [text.casefold() for text in known if text]
    erased = 0
    for workspace in concerned:
        asked = session.execute(
            select(Search.id, Search.words).where(Search.workspace == workspace, Search.words.is_not(None))
        )
        ids = [id_ for id_, words in asked if any(text in str(words).casefold() for text in sought)]
        if not ids:
            continue
        rows = [session.get_one(Search, id_) for id_ in ids]
        for one in rows:
            one.words = BLANK
        session.flush()
        found = Named().joined(all_named(session, workspace, (), rows).values())
        forget_search(session, workspace, workspace, sorted(found.commitments), ())
        erased += erase(session, _happened(row, workspace), rows, found)
    return erased


def _erase_words(session: Session, row: Erasure) -> tuple[int, int]:
    """Overwrite the free text of posts that names somebody; a post whose own words do goes as a whole."""
    assert row.words is not None, "a request names a person or words"
    sought = row.words.casefold()
    erased, whole = 0, []
    for post in row.posts:
        rows = _rows_of(session, row.workspace, post)
        if any(sought in text.casefold() for one in rows for text in _contents(one)):
            whole.append(post)
            continue
        changed = [one for one in rows if _blank(one, sought)]
        session.flush()
        found = Named(frozenset(_opening_to(session, row.workspace, post, rows, sought)))
        forget_search(session, row.workspace, row.workspace, sorted(found.commitments), [post])
        if changed or found.commitments:
            erased += erase(session, _happened(row, row.workspace, post=post), changed, found)
    going = [(Post, post, _happened(row, row.workspace, post=post, record=f"post {post}")) for post in whole]
    return erased + release(session, row.workspace, going), len(whole)


def _rows_of(session: Session, workspace: str, post: int) -> list[Any]:
    more, _ = about_words(session, workspace, post)
    parts = parts_of(session, session.get_one(Post, post), *more)
    return [row for row in parts.owned if isinstance(row, Witnessed)]


def _contents(row: Witnessed) -> Iterator[str]:
    for name, mark in marks(type(row)).items():
        value = getattr(row, _attribute(row, name)) if mark == "content" else None
        if value is not None:
            yield content_bytes(value).decode("utf-8", "ignore")


def _blank(row: Witnessed, sought: str) -> bool:
    """Overwrite each free text of a row that names somebody; say whether there was any."""
    found = False
    for name, mark in marks(type(row)).items():
        attribute = _attribute(row, name)
        value = getattr(row, attribute)
        if mark == "personal" and isinstance(value, str) and sought in value.casefold():
            setattr(row, attribute, BLANK)
            found = True
    return found


def _attribute(row: Witnessed, column: str) -> str:
    mapper = inspect(type(row))
    return str(mapper.get_property_by_column(mapper.local_table.c[column]).key)


def _opening_to(session: Session, log: str, post: int, rows: Sequence[Any], sought: str) -> Iterator[bytes]:
    """Yield the commitments in any image of *rows* that open to something that names somebody."""
    found = Named().joined(all_named(session, log, [post], rows).values())
    wanted = sorted(found.commitments)
    for at in range(0, len(wanted), BATCH):
        some = wanted[at : at + BATCH]
        openings = session.execute(select(Opening.commitment, Opening.value).where(Opening.commitment.in_(some)))
        yield from (commitment for commitment, value in openings if value and sought in value.casefold())


def traces_removed(session: Session, under: str, id_: int) -> None:
    """Note that nothing is left beside the tables of what was erased *under* a disposition or a request."""
    row: Disposition | Erasure
    if under == UNDER:
        row = session.get_one(Erasure, id_, with_for_update=True)
    else:
        row = session.get_one(Disposition, id_, with_for_update=True)
    if row.cleaned_at is not None:
        return
    row.cleaned_at = clock.now(session)
    record(session, events.TracesRemoved(by=WORKER, workspace=row.workspace, under=under, case=row.id), row)
    session.flush()
