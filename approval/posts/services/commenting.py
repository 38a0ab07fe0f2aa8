"""Talking about a post. Every version of a comment is a record; only its author changes it."""

from __future__ import annotations

from sqlalchemy import select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from approval.posts import events
from approval.posts.models import Comment, CommentText, Post
from approval.posts.payload import lines
from approval.posts.services.guards import ensure_may, ensure_text

MOST_COMMENT = 4_000
MOST_QUOTE = 1_000
MOST_PART = 80


def comment(
    session: Session,
    post: Post,
    text: str,
    *,
    by: Actor,
    thread: int | None = None,
    part: str | None = None,
    quote: str | None = None,
) -> Comment:
    """Remark on a post, or reply in a *thread*; optionally about a *quote* from one *part* (such as `texts.news`)."""
    ensure_may(by, Capability.COMMENT, post.workspace)
    ensure_text(part or "-", "part", MOST_PART)
    quote = None if quote is None else lines(quote)
    ensure_text(quote or "-", "quote", MOST_QUOTE)
    row = Comment(
        workspace=post.workspace,
        post=post.id,
        thread=_root(session, post, thread),
        revision=post.revision,
        part=part or None,
        quote=quote or None,
        by=by.id,
        at=clock.now(session),
    )
    session.add(row)
    session.flush()
    first = _say(session, row, _words(text), by=by)
    happened = events.CommentMade(
        by=by.id, workspace=post.workspace, post=post.id, comment=row.id, revision=post.revision
    )
    record(session, happened, row, first)
    session.flush()
    return row


def edit_comment(session: Session, comment: Comment, text: str, *, by: Actor) -> CommentText:
    """Say it differently. Only the author may, and what was said before stays readable to auditors."""
    last = _last(session, comment, by=by)
    words = _words(text)
    if words == last.text:
        return last
    new = _say(session, comment, words, by=by, number=last.number + 1)
    happened = events.CommentEdited(
        by=by.id, workspace=comment.workspace, post=comment.post, comment=comment.id, number=new.number
    )
    record(session, happened, new)
    session.flush()
    return new


def delete_comment(session: Session, comment: Comment, *, by: Actor) -> CommentText:
    """Take a comment back. Only the author may, and what was said stays readable to auditors."""
    last = _last(session, comment, by=by)
    new = _say(session, comment, None, by=by, number=last.number + 1)
    happened = events.CommentDeleted(
        by=by.id, workspace=comment.workspace, post=comment.post, comment=comment.id, number=new.number
    )
    record(session, happened, new)
    session.flush()
    return new


def _root(session: Session, post: Post, thread: int | None) -> int | None:
    """The comment that a thread began with; a reply to a reply belongs to the same thread."""
    if thread is None:
        return None
    found = session.get(Comment, thread)
    if found is None or found.post != post.id:
        raise NotFound("There is no such comment on this post.")
    return found.thread or found.id


def _words(text: str) -> str:
    text = lines(text).strip()
    ensure_text(text, "text", MOST_COMMENT)
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        what = "This text holds a character that cannot be kept: type it again."
        raise Invalid(what, problems=(Problem("text", what),))
    return text


def _last(session: Session, comment: Comment, *, by: Actor) -> CommentText:
    ensure_may(by, Capability.COMMENT, comment.workspace)
    if comment.by != by.id:
        raise Forbidden("Only its author changes a comment.")
    where = CommentText.comment == comment.id
    last = session.scalars(select(CommentText).where(where).order_by(CommentText.number.desc()).limit(1)).one()
    if last.text is None:
        raise Conflict("This comment was deleted.")
    return last


def _say(session: Session, comment: Comment, text: str | None, *, by: Actor, number: int = 1) -> CommentText:
    said = CommentText(
        comment=comment.id,
        number=number,
        workspace=comment.workspace,
        text=text,
        by=by.id,
        at=clock.now(session),
    )
    session.add(said)
    return said
