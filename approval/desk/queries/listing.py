"""The list of all posts: who acts next on each, filtered and paged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Integer, bindparam, func, literal, select, union_all

from approval.db import Session
from approval.desk.queries.networks import networks_of
from approval.people.queries import channels, members, workspace_facts
from approval.posts.models import Post, Standing
from approval.posts.queries import Line, lines

PAGE = 50
MOST_COUNTED = 100


@dataclass(frozen=True)
class Filter:
    """Which posts are wanted; empty means all of them."""

    standing: Standing | None = None
    author: str | None = None
    channel: str | None = None
    text: str | None = None
    before: int | None = None


@dataclass(frozen=True)
class PostsPage:
    """A page of posts. `counts` says how many posts stand where, to MOST_COUNTED and no further."""

    zone: str
    lines: tuple[Line, ...]
    networks: dict[int, tuple[str, ...]]
    counts: dict[Standing, int]
    people: tuple[tuple[str, str], ...]
    channels: tuple[str, ...]
    chosen: Filter
    before: int | None


def posts_page(session: Session, workspace: str, chosen: Filter) -> PostsPage:
    """Return the posts that *chosen* asks for, newest first."""
    found = lines(
        session,
        workspace,
        standing=chosen.standing,
        author=chosen.author,
        channel=chosen.channel,
        text=chosen.text,
        before=chosen.before,
        limit=PAGE,
    )
    return PostsPage(
        zone=workspace_facts(session, workspace).zone,
        lines=found.lines,
        networks=networks_of(session, workspace, (line.id for line in found.lines)),
        counts=counts(session, workspace),
        people=tuple((actor.id, actor.name) for actor in members(session, workspace)),
        channels=tuple(channel.name for channel in channels(session, workspace)),
        chosen=chosen,
        before=found.before,
    )


def counts(session: Session, workspace: str) -> dict[Standing, int]:
    """Return how many posts stand where, in the order of the standings, those without posts left out."""
    given = {"workspace": workspace, "most": MOST_COUNTED}
    found = {Standing(standing): number for standing, number in session.execute(_counting(), given)}
    return {standing: found[standing] for standing in Standing if found[standing]}


@cache
def _counting() -> CompoundSelect[Any]:
    here, most = Post.workspace == bindparam("workspace"), bindparam("most", type_=Integer)
    return union_all(
        *(
            select(literal(standing.value).label("standing"), func.count().label("posts")).select_from(
                select(Post.id).where(here, Post.standing == standing).limit(most).subquery()
            )
            for standing in Standing
        )
    )
