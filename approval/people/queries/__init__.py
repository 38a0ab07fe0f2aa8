"""Questions about people; the answers are frozen facts."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from approval import clock
from approval.capabilities import Actor, Capability, Role, holders
from approval.db import Session, once
from approval.errors import NotFound
from approval.people.models import (
    Channel,
    Link,
    LinkKind,
    Membership,
    Notice,
    Outbox,
    Person,
    Scope,
    SignIn,
    Team,
    TeamMember,
    Token,
    Via,
    Workspace,
)
from approval.people.queries.factors import has_factor, is_asked
from approval.people.queries.rooms import is_shut_out, rooms_of

IDLE = timedelta(minutes=30)
"""How long a sign-in lasts without being used."""


@dataclass(frozen=True)
class WorkspaceFacts:
    """A workspace as everything above people needs it."""

    name: str
    title: str
    regime: str
    entity_type: str
    zone: str

    @property
    def workspace(self) -> str:
        """Its own name: a workspace lies in itself."""
        return self.name


@dataclass(frozen=True)
class ChannelFacts:
    """A channel as everything above people needs it; never its secret."""

    id: int
    workspace: str
    name: str
    title: str
    network: str
    via: Via
    closed: bool


def actor_of(session: Session, person: str) -> Actor | None:
    """Return who *person* is, with roles and teams; None where there is no such account or it is disabled."""
    row = session.execute(
        select(Person.id, Person.name, Person.email).where(Person.id == person, Person.disabled_at.is_(None))
    ).one_or_none()
    return None if row is None else _actors(session, [row])[0]


def people_who(session: Session, workspace: str, capability: Capability) -> list[Actor]:
    """Return everybody who holds *capability* in *workspace*, by name."""
    rows = session.execute(
        select(Person.id, Person.name, Person.email)
        .join(Membership, Membership.person == Person.id)
        .where(
            Membership.workspace == workspace,
            Membership.role.in_(holders(capability)),
            Person.disabled_at.is_(None),
        )
        .distinct()
        .order_by(Person.name, Person.id)
    ).all()
    return _actors(session, rows)


def members(session: Session, workspace: str) -> list[Actor]:
    """Return everybody with a role in *workspace*, by name."""
    return people_who(session, workspace, Capability.READ)


def _actors(session: Session, rows: Iterable[Sequence[str]]) -> list[Actor]:
    rows = list(rows)
    ids = [row[0] for row in rows]
    roles: defaultdict[str, defaultdict[str, set[Role]]] = defaultdict(lambda: defaultdict(set))
    for person, workspace, role in session.execute(
        select(Membership.person, Membership.workspace, Membership.role).where(Membership.person.in_(ids))
    ):
        roles[person][workspace].add(role)
    rooms = rooms_of(session, ids)
    for person, opened in rooms.items():
        for workspace, room in opened.items():
            if room.everything:
                roles[person][workspace].add(Role.EXAMINER)
    teams: defaultdict[str, set[int]] = defaultdict(set)
    for person, team in session.execute(select(TeamMember.person, TeamMember.team).where(TeamMember.person.in_(ids))):
        teams[person].add(team)
    return [
        Actor(
            id=id_,
            name=name,
            email=email,
            roles={w: frozenset(held) for w, held in roles[id_].items()},
            teams=frozenset(teams[id_]),
            rooms=dict(rooms.get(id_, {})),
        )
        for id_, name, email in rows
    ]


def names_of(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of persons by id; host users and the worker name themselves."""
    wanted = {id_ for id_ in ids if id_}
    if not wanted:
        return {}
    found = {id_: name for id_, name in session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))}
    return {id_: found.get(id_, id_) for id_ in wanted}


@once
def workspace_facts(session: Session, name: str) -> WorkspaceFacts:
    """Return a workspace's facts; NotFound where there is none."""
    row = session.execute(
        select(Workspace.name, Workspace.title, Workspace.regime, Workspace.entity_type, Workspace.zone).where(
            Workspace.name == name
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no workspace named {name}.")
    return WorkspaceFacts(*row)


def workspaces(session: Session) -> list[WorkspaceFacts]:
    """Return every workspace, by title."""
    columns = (Workspace.name, Workspace.title, Workspace.regime, Workspace.entity_type, Workspace.zone)
    return [WorkspaceFacts(*row) for row in session.execute(select(*columns).order_by(Workspace.title))]


@once
def channels(session: Session, workspace: str) -> tuple[ChannelFacts, ...]:
    """Return the channels of a workspace by name, closed ones too."""
    columns = (Channel.id, Channel.workspace, Channel.name, Channel.title, Channel.network, Channel.via)
    rows = session.execute(
        select(*columns, Channel.closed_at.is_not(None)).where(Channel.workspace == workspace).order_by(Channel.name)
    )
    return tuple(ChannelFacts(*row) for row in rows)


def teams(session: Session, workspace: str) -> dict[str, int]:
    """Return the teams of a workspace: name to id."""
    rows = session.execute(select(Team.name, Team.id).where(Team.workspace == workspace))
    return {name: id_ for name, id_ in rows}


def is_empty(session: Session) -> bool:
    """Say whether nothing has been set up yet."""
    return session.scalar(select(Workspace.name).limit(1)) is None


# -- who is signed in --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SignedIn:
    """A caller known by a sign-in or a token. `loopback_only`: nobody, unless the request comes from this machine.

    `owes_factor`: a second factor is asked of them, and they have yet to set it up.
    """

    actor: Actor
    loopback_only: bool = False
    sign_in: bytes | None = None
    scope: Scope | None = None
    seen_at: datetime | None = None
    owes_factor: bool = False


@dataclass(frozen=True)
class SignInFacts:
    """A session as its person sees it."""

    id: str
    started_at: datetime
    seen_at: datetime
    address: str
    agent: str
    this: bool


@dataclass(frozen=True)
class TokenFacts:
    """A token as its person sees it; never its secret."""

    id: int
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime
    standing: str


def short_id(sign_in: bytes) -> str:
    """Return the part of a sign-in's id that entries and log lines state."""
    return sign_in.hex()[:16]


_WHOM = (Person.id, Person.name, Person.email)


def signed_in(session: Session, secret: str) -> SignedIn | None:
    """Return who signed in with this secret id; None where it ran out or was ended, or account or room is closed."""
    now = clock.now(session)
    row = session.execute(
        select(SignIn.id, SignIn.seen_at, Person.loopback_only, *_WHOM)
        .join(Person, Person.id == SignIn.person)
        .where(
            SignIn.id == hashlib.sha256(secret.encode()).digest(),
            SignIn.expires_at > now,
            SignIn.seen_at > now - IDLE,
            Person.disabled_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    sign_in, seen_at, loopback_only, *person = row
    actor = _let_in(session, person)
    if actor is None:
        return None
    owes = _owes_factor(session, actor)
    return SignedIn(actor, loopback_only, sign_in=sign_in, seen_at=seen_at, owes_factor=owes)


def bearer(session: Session, secret: str) -> SignedIn | None:
    """Return whose API token this is; None where it ran out or was revoked, or account or room is closed."""
    row = session.execute(
        select(Token.scope, Person.loopback_only, *_WHOM)
        .join(Person, Person.id == Token.person)
        .where(
            Token.hash == hashlib.sha256(secret.encode()).digest(),
            Token.revoked_at.is_(None),
            Token.expires_at > clock.now(session),
            Person.disabled_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    scope, loopback_only, *person = row
    actor = _let_in(session, person)
    if actor is None:
        return None
    return SignedIn(actor, loopback_only, scope=scope, owes_factor=_owes_factor(session, actor))


def _let_in(session: Session, person: Sequence[str]) -> Actor | None:
    """Return who it is; nobody, once the last room of somebody without a role has ended."""
    actor = _actors(session, [person])[0]
    return None if not actor.workspaces and is_shut_out(session, actor.id) else actor


def _owes_factor(session: Session, actor: Actor) -> bool:
    return is_asked(session, actor) and not has_factor(session, actor.id)


@dataclass(frozen=True)
class LinkOwner:
    """Whom an unused link is for."""

    person: str
    name: str
    email: str


def link_owner(session: Session, secret: str, kind: LinkKind) -> LinkOwner | None:
    """Return whom a link is for; None where it is unknown, used, replaced, run out, or the account is closed."""
    row = session.execute(
        select(Person.id, Person.name, Person.email)
        .join(Link, Link.person == Person.id)
        .where(
            Link.token == hashlib.sha256(secret.encode()).digest(),
            Link.kind == kind,
            Link.used_at.is_(None),
            Link.expires_at > clock.now(session),
            Person.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else LinkOwner(*row)


def sign_ins(session: Session, person: str, *, this: bytes | None) -> tuple[SignInFacts, ...]:
    """Return the sessions of a person that still last, the latest first."""
    now = clock.now(session)
    found = session.scalars(
        select(SignIn)
        .where(SignIn.person == person, SignIn.expires_at > now, SignIn.seen_at > now - IDLE)
        .order_by(SignIn.seen_at.desc(), SignIn.id)
    )
    return tuple(
        SignInFacts(s.id.hex(), s.started_at, s.seen_at, s.address, s.agent or "an unnamed program", s.id == this)
        for s in found
    )


def tokens(session: Session, person: str) -> tuple[TokenFacts, ...]:
    """Return the tokens of a person, the latest first."""
    now = clock.now(session)

    def standing(token: Token) -> str:
        if token.revoked_at is not None:
            return "revoked"
        return "expired" if token.expires_at <= now else "valid"

    found = session.scalars(select(Token).where(Token.person == person).order_by(Token.id.desc()))
    return tuple(TokenFacts(t.id, t.name, t.scope, t.created_at, t.expires_at, standing(t)) for t in found)


# -- pages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoticeFacts:
    """What a person was told."""

    id: int
    workspace: str
    kind: str
    ids: dict[str, Any]
    at: datetime
    unread: bool


@dataclass(frozen=True)
class Member:
    """A person as the administrator of a workspace sees them."""

    id: str
    name: str
    email: str
    roles: tuple[Role, ...]
    teams: tuple[str, ...]
    standing: str
    elsewhere: bool


@dataclass(frozen=True)
class TeamFacts:
    """A team and who is in it, by name."""

    id: int
    name: str
    people: tuple[tuple[str, str], ...]


def notices(session: Session, person: str, *, before: int | None, limit: int) -> tuple[NoticeFacts, ...]:
    """Return what a person was told, the latest first, older than the notice *before*."""
    wanted = select(Notice).where(Notice.person == person).order_by(Notice.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(Notice.id < before)
    found = session.scalars(wanted)
    return tuple(NoticeFacts(n.id, n.workspace, n.kind, n.ids, n.at, n.read_at is None) for n in found)


def unread(session: Session, person: str) -> int:
    """Count what a person was told and has not read, to 100."""
    some = select(Notice.id).where(Notice.person == person, Notice.read_at.is_(None)).limit(100).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def unsent(session: Session, workspace: str) -> int:
    """Count the letters to people of *workspace* that failed at least once and still wait."""
    members = select(Membership.person).where(Membership.workspace == workspace)
    waiting = Outbox.sent_at.is_(None), Outbox.error.is_not(None), Outbox.person.in_(members)
    return session.scalar(select(func.count(Outbox.id)).where(*waiting)) or 0


def people_of(session: Session, workspace: str) -> tuple[Member, ...]:
    """Return everybody with a role in *workspace*, closed accounts too, by name."""
    rows = session.scalars(
        select(Person)
        .where(Person.id.in_(select(Membership.person).where(Membership.workspace == workspace)))
        .order_by(Person.name, Person.id)
    ).all()
    actors = {actor.id: actor for actor in _actors(session, [(p.id, p.name, p.email) for p in rows])}
    names = {id_: name for name, id_ in teams(session, workspace).items()}
    return tuple(
        Member(
            id=person.id,
            name=person.name,
            email=person.email,
            roles=tuple(sorted(actors[person.id].roles_in(workspace))),
            teams=tuple(sorted(names[team] for team in actors[person.id].teams if team in names)),
            standing="closed" if person.disabled_at else "open" if person.password else "invited",
            elsewhere=len(actors[person.id].roles) > 1,
        )
        for person in rows
    )


def teams_of(session: Session, workspace: str) -> tuple[TeamFacts, ...]:
    """Return the teams of *workspace* and their members, by name."""
    people: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for team, id_, name in session.execute(
        select(TeamMember.team, Person.id, Person.name)
        .join(Person, Person.id == TeamMember.person)
        .where(TeamMember.workspace == workspace)
        .order_by(Person.name, Person.id)
    ):
        people[team].append((id_, name))
    return tuple(TeamFacts(id_, name, tuple(people[id_])) for name, id_ in sorted(teams(session, workspace).items()))
