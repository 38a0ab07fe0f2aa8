"""Workspaces, accounts, roles, teams and channels."""

from __future__ import annotations

import re
import secrets

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select

from approval import clock
from approval.audit.models.keys import Keys
from approval.audit.services import open_log, record
from approval.audit.services.keys import ensure_installation
from approval.capabilities import Actor, Capability, Role, can
from approval.db import Session
from approval.errors import CapabilityMissing, Conflict, Invalid, NotFound, Problem
from approval.networks import NETWORKS
from approval.people import events
from approval.people.models import Channel, Membership, Person, Room, Team, TeamMember, Via, Workspace
from approval.people.queries.rooms import open_room

REGIMES = ("us-bd", "us-ria", "us-bank", "uk", "eu", "au")
ENTITY_TYPES = ("bank", "credit-union", "non-bank", "broker-dealer", "adviser", "insurer")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_RESERVED = {"installation"}


def create_workspace(
    session: Session, *, name: str, title: str, regime: str, entity_type: str, zone: str, keys: Keys, by: str
) -> Workspace:
    """Begin a workspace with a log of its own (and the installation's log, where this is the first)."""
    ensure_slug(name, "workspace")
    ensure_one_of(regime, REGIMES, "regime")
    ensure_one_of(entity_type, ENTITY_TYPES, "entity_type")
    clock.zone_named(zone)
    title = _text(title, "title", 120)
    if session.get(Workspace, name) is not None:
        raise Conflict(f"A workspace named {name} exists already.")
    ensure_installation(session, keys=keys, by=by)
    workspace = Workspace(
        name=name,
        title=title,
        regime=regime,
        entity_type=entity_type,
        zone=zone,
        created_at=clock.now(session),
        settings={},
    )
    session.add(workspace)
    open_log(session, name, keys=keys, by=by)
    record(session, events.WorkspaceCreated(by=by, workspace=name), workspace)
    return workspace


def change_workspace(
    session: Session, workspace: Workspace, *, title: str, regime: str, entity_type: str, zone: str, by: str
) -> bool:
    """Change what a workspace is called and which rules' regime it is under; False where nothing differs."""
    ensure_one_of(regime, REGIMES, "regime")
    ensure_one_of(entity_type, ENTITY_TYPES, "entity_type")
    clock.zone_named(zone)
    wanted = (_text(title, "title", 120), regime, entity_type, zone)
    if wanted == (workspace.title, workspace.regime, workspace.entity_type, workspace.zone):
        return False
    workspace.title, workspace.regime, workspace.entity_type, workspace.zone = wanted
    record(session, events.WorkspaceChanged(by=by, workspace=workspace.name), workspace)
    return True


def add_person(session: Session, *, email: str, name: str, by: str, password: str | None = None) -> Person:
    """Make an account. *password* is its stored (hashed) form; without one it waits for its invitation."""
    address = normal_email(email)
    if person_with(session, address) is not None:
        raise Conflict(f"{address} has an account already.")
    person = Person(
        id="p" + secrets.token_hex(8),
        email=address,
        name=_text(name, "name", 120),
        password=password,
        created_at=clock.now(session),
    )
    session.add(person)
    record(session, events.PersonAdded(by=by, person=person.id), person)
    return person


def rename(session: Session, person: Person, name: str, *, by: str) -> bool:
    """Change what a person is called; False where nothing differs."""
    name = _text(name, "name", 120)
    if name == person.name:
        return False
    person.name = name
    record(session, events.PersonChanged(by=by, person=person.id), person)
    return True


def give_role(session: Session, person: Person, role: Role, *, workspace: str, by: str) -> None:
    """Give *person* a role in *workspace*; a role held already is left as it is."""
    ensure_workspace(session, workspace)
    if session.get(Membership, (workspace, person.id, role)) is not None:
        return
    if open_room(session, workspace, person.id) is not None:
        raise Conflict(f"{person.name} is an examiner with a room in {workspace}: end it before you give them a role.")
    membership = Membership(workspace=workspace, person=person.id, role=role, since=clock.now(session))
    session.add(membership)
    record(session, events.RoleGiven(by=by, workspace=workspace, person=person.id, role=role), membership)


def take_role(session: Session, person: Person, role: Role, *, workspace: str, by: str) -> None:
    """Take a role away. What the person approved with it stands."""
    membership = session.get(Membership, (workspace, person.id, role))
    if membership is None:
        raise NotFound(f"{person.name} does not hold the role {role} in {workspace}.")
    if role is Role.ADMINISTRATOR:
        ensure_still_administered(session, workspace, without=person)
    session.delete(membership)
    record(session, events.RoleTaken(by=by, workspace=workspace, person=person.id, role=role), membership)


def ensure_still_administered(session: Session, workspace: str, *, without: Person) -> None:
    """Refuse to leave a workspace without an administrator who can sign in."""
    others = (
        select(Person.id)
        .join(Membership, Membership.person == Person.id)
        .where(
            Membership.workspace == workspace,
            Membership.role == Role.ADMINISTRATOR,
            Person.disabled_at.is_(None),
            Person.id != without.id,
        )
    )
    if session.scalar(others.limit(1)) is None:
        raise Conflict(f"{without.name} is the last administrator of {workspace}: make another one first.")


def create_team(session: Session, *, workspace: str, name: str, by: str) -> Team:
    """Make a team; its name is a slug, unique in the workspace."""
    ensure_slug(name, "team")
    if session.scalar(select(Team.id).where(Team.workspace == workspace, Team.name == name)):
        raise Conflict(f"A team named {name} exists already.")
    team = Team(workspace=workspace, name=name)
    session.add(team)
    record(session, events.TeamCreated(by=by, workspace=workspace, team=name), team)
    session.flush()
    return team


def join_team(session: Session, team: Team, person: Person, *, by: str) -> None:
    """Add a person to a team; a member already is left as it is."""
    if session.get(TeamMember, (team.id, person.id)) is not None:
        return
    member = TeamMember(team=team.id, person=person.id, workspace=team.workspace)
    session.add(member)
    record(session, events.TeamJoined(by=by, workspace=team.workspace, team=team.id, person=person.id), member)


def leave_team(session: Session, team: Team, person: Person, *, by: str) -> None:
    """Remove a person from a team."""
    member = session.get(TeamMember, (team.id, person.id))
    if member is None:
        raise NotFound(f"{person.name} is not in the team {team.name}.")
    session.delete(member)
    record(session, events.TeamLeft(by=by, workspace=team.workspace, team=team.id, person=person.id), member)


def open_channel(
    session: Session,
    *,
    workspace: str,
    name: str,
    title: str,
    network: str,
    via: Via,
    by: str,
    url: str | None = None,
    secret: bytes | None = None,
) -> Channel:
    """Connect a channel. *secret* is the encrypted signing secret of a webhook."""
    ensure_slug(name, "channel")
    ensure_one_of(network, tuple(NETWORKS), "network")
    if session.scalar(select(Channel.id).where(Channel.workspace == workspace, Channel.name == name)):
        raise Conflict(f"A channel named {name} exists already.")
    if {bool(url), bool(secret)} != {via is Via.WEBHOOK}:
        raise Invalid("A webhook channel, and only that, has an address and a secret.")
    channel = Channel(
        workspace=workspace,
        name=name,
        title=_text(title, "title", 120),
        network=network,
        via=via,
        url=url,
        secret=secret,
    )
    session.add(channel)
    happened = events.ChannelOpened(by=by, workspace=workspace, channel=name, network=network, via=via)
    record(session, happened, channel)
    session.flush()
    return channel


def close_channel(session: Session, channel: Channel, *, by: str) -> None:
    """Take no more posts for a channel; what is scheduled there is missed, not sent elsewhere."""
    if channel.closed_at is not None:
        raise Conflict(f"The channel {channel.name} is closed already.")
    channel.closed_at = clock.now(session)
    record(session, events.ChannelClosed(by=by, workspace=channel.workspace, channel=channel.name), channel)


def person_with(session: Session, email: str) -> Person | None:
    """Return the account with this address, in any spelling of case."""
    return session.scalar(select(Person).where(func.lower(Person.email) == email.strip().lower()))


def ensure_may_close(session: Session, person: Person, *, by: Actor) -> None:
    """Refuse to close or reopen an account that also belongs where *by* is no administrator."""
    member = select(Membership.workspace).where(Membership.person == person.id)
    held = session.scalars(member.union(select(Room.workspace).where(Room.person == person.id)))
    if foreign := [workspace for workspace in held if not can(by, Capability.ADMINISTER, workspace)]:
        raise CapabilityMissing(
            f"{person.name} also has a role or a room in {len(foreign)} workspace(s) that you do not administer: "
            "take the roles here away instead."
        )


def ensure_workspace(session: Session, name: str) -> None:
    """Refuse a workspace that does not exist."""
    if session.get(Workspace, name) is None:
        raise NotFound(f"There is no workspace named {name}.")


def ensure_slug(name: str, where: str) -> None:
    """Refuse what is not a slug of at most 63 characters."""
    if not _SLUG.fullmatch(name) or name in _RESERVED:
        what = f"“{name[:63]}” is not a name such as north-branch: lower-case letters, digits and hyphens."
        raise Invalid(what, problems=(Problem(where, what),))


def ensure_one_of(value: str, allowed: tuple[str, ...], where: str) -> None:
    """Refuse a word that is not in the list, naming the list."""
    if value not in allowed:
        what = f"“{value[:40]}” is not one of {', '.join(allowed)}."
        raise Invalid(what, problems=(Problem(where, what),))


def normal_email(email: str) -> str:
    """Return an address in its normal form; Invalid where it is none."""
    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        what = f"“{email[:80]}” is not an e-mail address: {error}"
        raise Invalid(what, problems=(Problem("email", what),)) from error


def _text(value: str, where: str, limit: int) -> str:
    value = " ".join(value.split())
    if not 0 < len(value) <= limit:
        what = f"Give a {where} of 1 to {limit} characters."
        raise Invalid(what, problems=(Problem(where, what),))
    return value
