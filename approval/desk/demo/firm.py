"""Who and what the demo bank is: its people, channels and workflow, founded in one transaction."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from approval.audit.models.keys import Keys
from approval.capabilities import Actor, Role
from approval.db import Session
from approval.desk.services import create_workspace
from approval.people.models import Proposal, Via
from approval.people.queries import ChannelFacts, WorkspaceFacts, channels, members, workspace_facts
from approval.people.services import accounts
from approval.people.services.passwords import hashed
from approval.people.services.secrets import seal_secret
from approval.review.queries import waiting_proposals
from approval.review.services import propose_workflow, second_workflow

WORKSPACE = "northwind"
PASSWORD = "quiet-harbor-lantern"
"""Of everybody in the demo. Whoever knows it signs in on this machine only (`Person.loopback_only`)."""
TEAM = "legal"


@dataclass(frozen=True)
class Member:
    """Somebody who works at the demo bank."""

    login: str
    name: str
    roles: tuple[Role, ...]

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"{self.login}@northwind.example"


@dataclass(frozen=True)
class Outlet:
    """A channel of the demo bank."""

    name: str
    title: str
    network: str
    via: Via


MEMBERS = (
    Member("maria", "Maria Alvarez", (Role.MARKETER,)),
    Member("devin", "Devin Brooks", (Role.MARKETER,)),
    Member("rachel", "Rachel Kim", (Role.REVIEWER,)),
    Member("tom", "Tom Okafor", (Role.REVIEWER,)),
    Member("judith", "Judith Stein", (Role.REVIEWER,)),
    Member("claire", "Claire Novak", (Role.COMPLIANCE,)),
    Member("samuel", "Samuel Reyes", (Role.COMPLIANCE,)),
    Member("priya", "Priya Shah", (Role.PUBLISHER,)),
    Member("ellen", "Ellen Marsh", (Role.EXAMINER,)),
    Member("anna", "Anna Lindqvist", (Role.ADMINISTRATOR,)),
    Member("george", "George Whitfield", (Role.ADMINISTRATOR,)),
)
IN_TEAM = ("judith", "samuel")
OUTLETS = (
    Outlet("news", "Newsroom on our site", "blog", Via.FEED),
    Outlet("linkedin-page", "LinkedIn page", "linkedin", Via.FEED),
    Outlet("facebook-page", "Facebook page", "facebook", Via.WEBHOOK),
    Outlet("x", "X account", "x", Via.MANUAL),
    Outlet("instagram", "Instagram account", "instagram", Via.MANUAL),
)
DECIDERS: Mapping[str, tuple[str, ...]] = {
    "peer-review": ("rachel", "tom"),
    "legal": ("judith",),
    "compliance": ("claire", "samuel"),
}
"""Stage to those who take turns deciding there."""
WORKFLOW = """
distinct = true

[[stages]]
slug = "peer-review"
name = "Peer review"
who = "role:reviewer"
quorum = 1
due_hours = 24
checklist = ["Facts, figures and links are right", "Benefits and risks are balanced", "Tone and spelling are ours"]

[[stages]]
slug = "legal"
name = "Legal"
who = "team:legal"
quorum = 1
due_hours = 48
checklist = ["The bank may offer or mention this", "Contracts with partners allow the wording"]

[stages.when]
products = ["annuity", "crypto", "investment-services", "ira", "stablecoin"]

[[stages]]
slug = "compliance"
name = "Compliance"
who = "role:compliance"
quorum = 1
due_hours = 48
checklist = [
  "Every finding is answered",
  "Required disclosures stand in every channel's text",
  "Claims are substantiated in the evidence",
]
"""


@dataclass(frozen=True)
class Firm:
    """The demo bank as it stands in the database: its people by login name, and its channels."""

    facts: WorkspaceFacts
    people: Mapping[str, Actor]
    channels: tuple[ChannelFacts, ...]


def found(session: Session, *, keys: Keys, secret_key: str, hook: str, by: str) -> None:
    """Make workspace, people, team, channels and workflow. *hook* is the address of the webhook channel."""
    create_workspace(
        session,
        name=WORKSPACE,
        title="Northwind Bank",
        regime="us-bank",
        entity_type="bank",
        zone="America/New_York",
        keys=keys,
        by=by,
    )
    _people(session, by=by)
    _channels(session, secret_key=secret_key, hook=hook, by=by)
    _workflow(session)


def firm(session: Session) -> Firm:
    """Return the demo bank; NotFound where it was not founded."""
    people = {actor.email.partition("@")[0]: actor for actor in members(session, WORKSPACE)}
    return Firm(workspace_facts(session, WORKSPACE), people, channels(session, WORKSPACE))


def _people(session: Session, *, by: str) -> None:
    team = accounts.create_team(session, workspace=WORKSPACE, name=TEAM, by=by)
    kept = hashed(PASSWORD)
    for member in MEMBERS:
        person = accounts.add_person(session, email=member.email, name=member.name, password=kept, by=by)
        person.loopback_only = True
        session.flush()
        for role in member.roles:
            accounts.give_role(session, person, role, workspace=WORKSPACE, by=by)
        if member.login in IN_TEAM:
            accounts.join_team(session, team, person, by=by)
    session.flush()


def _channels(session: Session, *, secret_key: str, hook: str, by: str) -> None:
    for outlet in OUTLETS:
        signed = outlet.via is Via.WEBHOOK
        secret = b"whsec_" + base64.b64encode(secrets.token_bytes(32))
        accounts.open_channel(
            session,
            workspace=WORKSPACE,
            name=outlet.name,
            title=outlet.title,
            network=outlet.network,
            via=outlet.via,
            url=hook if signed else None,
            secret=seal_secret(secret_key, secret) if signed else None,
            by=by,
        )


def _workflow(session: Session) -> None:
    """Compliance adds a legal stage, and an administrator seconds it."""
    people = firm(session).people
    reason = "Products that are not deposits or loans go to Legal as well."
    propose_workflow(session, WORKSPACE, WORKFLOW, by=people["claire"], reason=reason)
    waiting = waiting_proposals(session, WORKSPACE)[0]
    second_workflow(session, session.get_one(Proposal, waiting.id), by=people["anna"], accept=True)
