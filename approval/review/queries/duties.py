"""Separation of duties, in SQL: whose words a post holds, and who may therefore decide on it."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    bindparam,
    exists,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from approval.capabilities import Capability, holders
from approval.db import Digest, Session, once
from approval.people.models import Membership, Person, Team, TeamMember
from approval.posts.models import Edit, Post
from approval.review.flow import Asked, Who
from approval.screening.models import ExceptionRequest


def words_of(post: Any = Post) -> CompoundSelect[Any]:
    """Return the query of whose words a post holds: author, every editor, whoever asked an exception for its bytes.

    *post* is a row, something with its `id`, `workspace` and `revision`, or `Post` inside a query over posts.
    """
    written = aliased(Post)
    return union_all(
        select(written.author).where(written.id == post.id).correlate(Post),
        select(Edit.by).where(Edit.post == post.id).correlate(Post),
        select(ExceptionRequest.asked_by)
        .where(ExceptionRequest.workspace == post.workspace, ExceptionRequest.revision == post.revision)
        .correlate(Post),
    )


class _Given:
    """A post whose facts are given when the statement runs."""

    id = bindparam("id", type_=Integer)
    workspace = bindparam("workspace", type_=String)
    revision = bindparam("revision", type_=Digest)


_WORDS = words_of(_Given)
_NAMED = bindparam("name", type_=String)


@once
def own_words(session: Session, post: Post) -> frozenset[str]:
    """Return everybody whose words *post* holds; none of them ever counts towards its approval."""
    return frozenset(session.scalars(_WORDS, _facts(post)))


def candidates(session: Session, workspace: str, who: Who) -> frozenset[str]:
    """Return everybody whom a stage asks and who may decide at all, whatever the post."""
    return frozenset(session.scalars(_people(who.kind), {"workspace": workspace, "name": who.name}))


def may_decide(session: Session, post: Post, who: Who) -> frozenset[str]:
    """Return everybody whom a stage asks and who may decide on *post*: none of its words are theirs."""
    return frozenset(session.scalars(_people_without_words(who.kind), {**_facts(post), "name": who.name}))


def _facts(post: Post) -> dict[str, Any]:
    return {"id": post.id, "workspace": post.workspace, "revision": post.revision}


@cache
def _people_without_words(kind: Asked) -> Select[Any]:
    return _people(kind).where(Person.id.not_in(_WORDS))


@cache
def _people(kind: Asked) -> Select[Any]:
    """Return the query of everybody with a role that decides whom a stage of this kind asks by its *name*."""
    deciding = Membership.role.in_(holders(Capability.DECIDE))
    return select(Person.id).where(Person.disabled_at.is_(None), _holds(deciding), _is_asked(kind))


def _holds(role: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Membership.person == Person.id, Membership.workspace == _Given.workspace, role)


def _is_asked(kind: Asked) -> ColumnElement[bool]:
    match kind:
        case Asked.ROLE:
            return _holds(Membership.role == _NAMED)
        case Asked.TEAM:
            return exists().where(
                TeamMember.person == Person.id,
                TeamMember.team == Team.id,
                Team.workspace == _Given.workspace,
                Team.name == _NAMED,
            )
        case Asked.PERSON:
            return Person.id == _NAMED
