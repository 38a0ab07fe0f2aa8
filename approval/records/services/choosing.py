"""What may be asked of an export: days that a calendar holds, posts and people of the workspace."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy import or_, select

from approval.audit.models import Entry
from approval.db import Session
from approval.errors import Invalid, Problem
from approval.people.models import Membership, Person
from approval.posts.models import Post
from approval.records.queries.selection import Filters

MOST_CHOSEN = 200


def ensure_days(first_day: date, last_day: date) -> None:
    """Refuse a period that ends before it begins, or that no calendar of ours holds."""
    if first_day > last_day:
        what = f"The last day ({last_day}) lies before the first ({first_day})."
        raise Invalid(what, problems=(Problem("to", what),))
    if not date(1970, 1, 1) <= first_day <= last_day <= date(9998, 12, 31):
        what = "Give days between 1970-01-01 and 9998-12-31."
        raise Invalid(what, problems=(Problem("from", what),))


def normal_filters(session: Session, workspace: str, filters: Filters) -> Filters:
    """Return filters whose posts are the workspace's and whose people are ids; addresses are looked up."""
    posts, people = sorted(set(filters.posts)), sorted(set(filters.people))
    if len(posts) + len(people) > MOST_CHOSEN:
        what = f"Choose at most {MOST_CHOSEN} posts and people, or none at all."
        raise Invalid(what, problems=(Problem("filters", what),))
    known = set(session.scalars(select(Post.id).where(Post.workspace == workspace, Post.id.in_(posts))))
    if unknown := [post for post in posts if post not in known]:
        what = f"There is no post {unknown[0]} in {workspace}."
        raise Invalid(what, problems=(Problem("filters.posts", what),))
    ids = {person_named(session, workspace, each, where="filters.people") for each in people}
    return replace(filters, posts=tuple(posts), people=tuple(sorted(ids)))


def person_named(session: Session, workspace: str, given: str, *, where: str) -> str:
    """Return the id of somebody with a role or an entry in the workspace; others are not known there.

    *where* is the field that is at fault otherwise.
    """
    acted = select(Entry.index).where(Entry.log == workspace, Entry.actor == Person.id).exists()
    belongs = select(Membership.role).where(Membership.workspace == workspace, Membership.person == Person.id).exists()
    named = or_(Person.id == given, Person.email == given.strip().lower())
    found = session.scalar(select(Person.id).where(named, or_(acted, belongs)))
    if found is None:
        what = f"Nobody with a part in {workspace} has the address or id “{given[:80]}”."
        raise Invalid(what, problems=(Problem(where, what),))
    return found
