"""The stops that hold, and what is on its way in spite of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.people.models import Channel
from approval.people.queries import channels, names_of, workspace_facts, workspaces
from approval.posts.models import Post, Revision
from approval.publishing.models import Claim, Publication, PublicationStanding, Stop, StopScope

MOST_HELD = 50


@dataclass(frozen=True)
class StopFacts:
    """A stop that holds: what it halts, why, by whom, since when, and who asked to resume, if anybody.

    `where` names the scope in words; `channel` is the channel's name.
    """

    id: int
    scope: StopScope
    workspace: str | None
    channel: str | None
    post: int | None
    reason: str
    stopped_by: str
    by_name: str
    stopped_at: datetime
    resume_asked_by: str | None
    asked_name: str | None
    resume_reason: str | None

    @property
    def where(self) -> str:
        """What is halted, in words."""
        match self.scope:
            case StopScope.EVERYTHING:
                return "everything"
            case StopScope.WORKSPACE:
                return f"the workspace {self.workspace}"
            case StopScope.CHANNEL:
                return f"the channel {self.channel} of {self.workspace}"
            case _:
                return f"the post {self.post}"


@dataclass(frozen=True)
class InFlight:
    """A publication that a worker is sending now: which try, since when, and when it counts as unknown."""

    publication: int
    workspace: str
    post: int
    channel: str
    worker: str
    attempt: int
    until: datetime


@dataclass(frozen=True)
class HeldPublication:
    """A scheduled publication that a stop holds back; `channel` is the channel's title."""

    post: int
    title: str
    channel: str
    due_at: datetime


@dataclass(frozen=True)
class Held:
    """What a stop holds back: the first to be due, and whether there are more."""

    publications: tuple[HeldPublication, ...]
    more: bool


def halts(
    workspace: Any = Publication.workspace, channel: Any = Publication.channel, post: Any = Publication.post
) -> ColumnElement[bool]:
    """Return when a row of `stop` halts a publication: the row of the query, or one with these values."""
    return and_(
        Stop.lifted_at.is_(None),
        or_(
            Stop.scope == StopScope.EVERYTHING,
            and_(Stop.scope == StopScope.WORKSPACE, Stop.workspace == workspace),
            and_(Stop.scope == StopScope.CHANNEL, Stop.channel == channel),
            and_(Stop.scope == StopScope.POST, Stop.post == post),
        ),
    )


def is_stopped(session: Session, *, workspace: str, channel: int, post: int) -> bool:
    """Say whether a stop halts this post on this channel."""
    return session.scalar(select(Stop.id).where(halts(workspace, channel, post)).limit(1)) is not None


def active_stops(session: Session, workspace: str | None = None) -> tuple[StopFacts, ...]:
    """Return the stops that hold, the widest first; with *workspace*, those that reach into it."""
    wanted = select(Stop, Channel.name).outerjoin(Channel, Channel.id == Stop.channel).where(Stop.lifted_at.is_(None))
    if workspace is not None:
        wanted = wanted.where(or_(Stop.workspace == workspace, Stop.workspace.is_(None)))
    rows = session.execute(wanted.order_by(Stop.id)).all()
    names = names_of(session, {id_ for stop, _ in rows for id_ in (stop.stopped_by, stop.resume_asked_by) if id_})
    found = [
        StopFacts(
            id=stop.id,
            scope=stop.scope,
            workspace=stop.workspace,
            channel=channel,
            post=stop.post,
            reason=stop.reason,
            stopped_by=stop.stopped_by,
            by_name=names[stop.stopped_by],
            stopped_at=stop.stopped_at,
            resume_asked_by=stop.resume_asked_by,
            asked_name=names.get(stop.resume_asked_by or ""),
            resume_reason=stop.resume_reason,
        )
        for stop, channel in rows
    ]
    return tuple(sorted(found, key=lambda stop: (list(StopScope).index(stop.scope), stop.id)))


def in_flight(session: Session, workspace: str | None = None) -> tuple[InFlight, ...]:
    """Return what workers are sending now; a stop does not call it back."""
    wanted = (
        select(Publication, Channel.name, Claim)
        .join(Claim, Claim.publication == Publication.id)
        .join(Channel, Channel.id == Publication.channel)
        .order_by(Publication.id)
    )
    if workspace is not None:
        wanted = wanted.where(Publication.workspace == workspace)
    return tuple(
        InFlight(row.id, row.workspace, row.post, channel, claim.worker, claim.fence, claim.until)
        for row, channel, claim in session.execute(wanted)
    )


def held_back(session: Session, workspace: str, stop: int, *, limit: int = MOST_HELD) -> Held:
    """Return what *stop* holds back in *workspace*, the first to be due first."""
    rows = session.execute(
        select(Post.id, Revision.title, Channel.title, Publication.due_at)
        .select_from(Publication)
        .join(Stop, halts())
        .join(Channel, Channel.id == Publication.channel)
        .join(Post, Post.id == Publication.post)
        .join(Revision, and_(Revision.post == Post.id, Revision.digest == Publication.revision))
        .where(
            Stop.id == stop,
            Publication.workspace == workspace,
            Publication.standing == PublicationStanding.SCHEDULED,
        )
        .order_by(Publication.due_at, Publication.id)
        .limit(limit + 1)
    ).all()
    return Held(tuple(HeldPublication(*row) for row in rows[:limit]), more=len(rows) > limit)


@dataclass(frozen=True)
class StopsPage:
    """The page of stops: those that reach into a workspace, what is in flight there, and what the reader may do.

    `held`: what each stop holds back, by its id.
    `choices`: scopes that the reader may stop, as (value, words); `me`: the reader's id.
    """

    workspace: str
    title: str
    zone: str
    stops: tuple[StopFacts, ...]
    held: Mapping[int, Held]
    in_flight: tuple[InFlight, ...]
    choices: tuple[tuple[str, str], ...]
    may_resume: frozenset[int]
    me: str


def stops_page(session: Session, workspace: str, actor: Actor) -> StopsPage:
    """Return the page of stops as *actor* sees it."""
    stops = active_stops(session, workspace)
    everywhere = [facts.name for facts in workspaces(session)]

    def may(capability: Capability, where: str | None) -> bool:
        return all(can(actor, capability, name) for name in ([where] if where else everywhere))

    facts = workspace_facts(session, workspace)
    choices: list[tuple[str, str]] = []
    if may(Capability.STOP, workspace):
        choices.append((f"workspace:{workspace}", f"{facts.title}: every channel"))
        choices += [
            (f"channel:{workspace}/{channel.name}", f"{channel.title}: this channel")
            for channel in channels(session, workspace)
            if not channel.closed
        ]
    if may(Capability.STOP, None):
        choices.append(("everything", "Everything, in every workspace"))
    return StopsPage(
        workspace=workspace,
        title=facts.title,
        zone=facts.zone,
        stops=stops,
        held={stop.id: held_back(session, workspace, stop.id) for stop in stops},
        in_flight=in_flight(session, workspace),
        choices=tuple(choices),
        may_resume=frozenset(stop.id for stop in stops if may(Capability.RESUME, stop.workspace)),
        me=actor.id,
    )
