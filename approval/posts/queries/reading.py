"""One post, and lists of posts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select

from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Person
from approval.people.queries import names_of
from approval.posts.draft import Goal
from approval.posts.models import Post, Revision, Standing
from approval.posts.payload import Payload, parse
from approval.posts.queries.revisions import ensure_intact

AUTHOR = "author"
"""What `Post.acts_next` says while the author has the word; pages and lists put the name to it."""
MOST_LINES = 200


@dataclass(frozen=True, kw_only=True)
class PostFacts:
    """A post with the payload that it stands at. `acts_next` names who has the word, in words."""

    id: int
    workspace: str
    standing: Standing
    acts_next: str
    acts_next_at: datetime | None
    lock: int | None
    severity: str | None
    number: int
    revision: bytes
    payload: Payload
    author: str
    author_name: str
    created_at: datetime
    changed_at: datetime
    origin: int | None
    goal: Goal | None
    wanted_at: datetime | None
    wanted_wall: str | None
    zone: str | None


@dataclass(frozen=True)
class Line:
    """A post as lists show it."""

    id: int
    title: str
    standing: Standing
    acts_next: str
    acts_next_at: datetime | None
    severity: str | None
    author: str
    author_name: str
    changed_at: datetime
    wanted_at: datetime | None
    zone: str | None


@dataclass(frozen=True)
class Lines:
    """A page of a list, newest first; `before` asks for the next page, None where there is none."""

    lines: tuple[Line, ...]
    before: int | None


def post_for_change(session: Session, post_id: int) -> Post:
    """Return the row of a post, fresh and held until the end of the transaction; NotFound where there is none."""
    statement = select(Post).where(Post.id == post_id).with_for_update().execution_options(populate_existing=True)
    post = session.scalars(statement).one_or_none()
    if post is None:
        raise NotFound(f"There is no post {post_id}.")
    return post


def acts_next(words: str, author_name: str) -> str:
    """Return who acts next, in words, the author by name."""
    return f"{author_name} (author)" if words == AUTHOR else words


def post_facts(session: Session, post_id: int) -> PostFacts:
    """Return a post as its page and the API show it; NotFound where there is none."""
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound(f"There is no post {post_id}.")
    number, payload, known_as = session.execute(
        select(Revision.number, Revision.payload, Person.name)
        .outerjoin(Person, Person.id == post.author)
        .where(Revision.post == post.id, Revision.digest == post.revision)
    ).one()
    ensure_intact(payload, post.workspace, post.revision)
    author_name = known_as or post.author
    goal = Goal(post.objective, post.kpi, post.baseline, post.target) if post.objective else None
    return PostFacts(
        id=post.id,
        workspace=post.workspace,
        standing=post.standing,
        acts_next=acts_next(post.acts_next, author_name),
        acts_next_at=post.acts_next_at,
        lock=post.lock,
        severity=post.severity,
        number=number,
        revision=post.revision,
        payload=parse(payload),
        author=post.author,
        author_name=author_name,
        created_at=post.created_at,
        changed_at=post.changed_at,
        origin=post.origin,
        goal=goal,
        wanted_at=post.wanted_at,
        wanted_wall=post.wanted_wall,
        zone=post.zone,
    )


def lines(
    session: Session,
    workspace: str,
    *,
    standing: Standing | None = None,
    author: str | None = None,
    channel: str | None = None,
    text: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Lines:
    """Return the posts of a workspace, newest first, from below the id *before*; *text* occurs in the title."""
    limit = max(1, min(limit, MOST_LINES))
    wanted = _LINES.where(Post.workspace == workspace).order_by(Post.id.desc()).limit(limit + 1)
    if standing is not None:
        wanted = wanted.where(Post.standing == standing)
    if author is not None:
        wanted = wanted.where(Post.author == author)
    if channel is not None:
        # Canonical JSON escapes the quotes of every text, so these keys occur once, next to each other.
        pattern = f'%"channels":[%"{_literal(channel)}"%],"disclosures":%'
        wanted = wanted.where(Revision.payload.like(pattern, escape="\\"))
    if text:
        wanted = wanted.where(Revision.title.ilike(f"%{_literal(text)}%", escape="\\"))
    if before is not None:
        wanted = wanted.where(Post.id < before)
    rows = session.execute(wanted).all()
    shown = rows[:limit]
    names = names_of(session, (row.author for row in shown))
    return Lines(tuple(_line(row, names[row.author]) for row in shown), shown[-1].id if len(rows) > limit else None)


_LINES = select(
    Post.id,
    Revision.title,
    Post.standing,
    Post.acts_next,
    Post.acts_next_at,
    Post.severity,
    Post.author,
    Post.changed_at,
    Post.wanted_at,
    Post.zone,
).join(Revision, and_(Revision.post == Post.id, Revision.digest == Post.revision))


def _line(row: Any, author_name: str) -> Line:
    return Line(
        id=row.id,
        title=row.title,
        standing=row.standing,
        acts_next=acts_next(row.acts_next, author_name),
        acts_next_at=row.acts_next_at,
        severity=row.severity,
        author=row.author,
        author_name=author_name,
        changed_at=row.changed_at,
        wanted_at=row.wanted_at,
        zone=row.zone,
    )


def _literal(text: str) -> str:
    """*text* without a meaning of its own in LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
