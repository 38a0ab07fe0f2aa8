"""The rows of people: who they are, where they belong, how they sign in, what waits to be told them."""

from __future__ import annotations

import datetime as dt
import enum
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.models import PERSONAL, PLAIN, SECRET, Witnessed
from approval.capabilities import Role
from approval.db import Base, Digest, words


class Via(enum.StrEnum):
    """How a channel is reached."""

    FEED = "feed"
    WEBHOOK = "webhook"
    MANUAL = "manual"


class Workspace(Witnessed, Base):
    """A brand or legal entity: its members, channels, workflows, rules and its own log."""

    __tablename__ = "workspace"
    log_column: ClassVar[str | None] = "name"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    title: Mapped[str] = mapped_column(String(120), info=PLAIN)
    regime: Mapped[str] = mapped_column(String(16))
    entity_type: Mapped[str] = mapped_column(String(24))
    zone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, info=PLAIN)


class Person(Witnessed, Base):
    """An account. The id is random; name and address stand in the log as commitments only.

    `loopback_only`: may sign in on the machine that serves, and nowhere else (the people of the demo).
    """

    __tablename__ = "person"
    log_column: ClassVar[str | None] = None

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True, info=PERSONAL)
    name: Mapped[str] = mapped_column(String(120), info=PERSONAL)
    password: Mapped[str | None] = mapped_column(String(200), info=SECRET)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    loopback_only: Mapped[bool] = mapped_column(default=False)


class Membership(Witnessed, Base):
    """A role that a person holds in a workspace. Leaving is a deleted row with its entry."""

    __tablename__ = "membership"

    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(words(Role), primary_key=True)
    since: Mapped[datetime]

    __table_args__ = (Index(None, "person"),)


class Team(Witnessed, Base):
    """A named group of people in a workspace, such as Legal, that a stage may ask."""

    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    name: Mapped[str] = mapped_column(String(63))

    __table_args__ = (UniqueConstraint("workspace", "name"),)


class TeamMember(Witnessed, Base):
    """A person in a team."""

    __tablename__ = "team_member"

    team: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))

    __table_args__ = (Index(None, "person"),)


class Channel(Witnessed, Base):
    """An account on a network, and the way it is reached. `secret` is encrypted under the installation's key."""

    __tablename__ = "channel"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    name: Mapped[str] = mapped_column(String(63))
    title: Mapped[str] = mapped_column(String(120), info=PLAIN)
    network: Mapped[str] = mapped_column(String(24))
    via: Mapped[Via] = mapped_column(words(Via))
    url: Mapped[str | None] = mapped_column(String(500), info=PLAIN)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary, info=SECRET)
    closed_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("workspace", "name"),)


class LinkKind(enum.StrEnum):
    """What a mailed link is for."""

    INVITATION = "invitation"
    RESET = "reset"


class Link(Witnessed, Base):
    """A single-use link sent to somebody: an invitation or a password reset. Only its hash is kept."""

    __tablename__ = "link"
    log_column: ClassVar[str | None] = None

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[LinkKind] = mapped_column(words(LinkKind))
    token: Mapped[bytes] = mapped_column(Digest, unique=True, info=SECRET)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    made_by: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Scope(enum.StrEnum):
    """How far an API token reaches."""

    READ = "read"
    DRAFT = "draft"
    EXPORT = "export"


class Token(Witnessed, Base):
    """An API token: shown once, kept as a hash."""

    __tablename__ = "token"
    log_column: ClassVar[str | None] = None

    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(80), info=PERSONAL)
    scope: Mapped[Scope] = mapped_column(words(Scope))
    hash: Mapped[bytes] = mapped_column(Digest, unique=True, info=SECRET)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Subject(enum.StrEnum):
    """What a second person may be asked about."""

    RULE_SET = "rule-set"
    WORKFLOW = "workflow"
    RESUME = "resume"
    RETENTION = "retention"
    HOLD = "hold"
    DISPOSITION = "disposition"
    ERASURE = "erasure"


class Proposal(Witnessed, Base):
    """A change that waits for a second person, or took effect `alone` where there is none.

    `subject` and `digest` name what is proposed; the rows of the owning domain hold it.
    """

    __tablename__ = "proposal"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    subject: Mapped[Subject] = mapped_column(words(Subject))
    digest: Mapped[bytes] = mapped_column(Digest)
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    proposed_by: Mapped[str] = mapped_column(String(80))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    decided_at: Mapped[datetime | None]
    accepted: Mapped[bool | None]
    alone: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (Index(None, "workspace", "decided_at"),)


class Room(Witnessed, Base):
    """What an examiner from outside may see of a workspace, in which matter, and until when.

    Limits that are empty limit nothing; days are in the workspace's zone, both included. `ended_at` is set where
    somebody ended it before its time.
    """

    __tablename__ = "room"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    matter: Mapped[str] = mapped_column(String(120), info=PERSONAL)
    contact: Mapped[str] = mapped_column(String(200), info=PERSONAL)
    first_day: Mapped[dt.date | None]
    last_day: Mapped[dt.date | None]
    channels: Mapped[list[str]] = mapped_column(JSON, default=list, info=PLAIN)
    products: Mapped[list[str]] = mapped_column(JSON, default=list, info=PLAIN)
    post: Mapped[int | None]
    opened_by: Mapped[str] = mapped_column(String(80))
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(80))
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "workspace", "id"), Index(None, "person"))


class Factor(Witnessed, Base):
    """A second factor: the secret that a person's authenticator app shares, encrypted under the installation's key."""

    __tablename__ = "factor"
    log_column: ClassVar[str | None] = None

    person: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    made_at: Mapped[datetime]


class RecoveryCode(Witnessed, Base):
    """A code that stands in for the second factor once: shown once, kept as a hash."""

    __tablename__ = "recovery_code"
    log_column: ClassVar[str | None] = None

    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    hash: Mapped[bytes] = mapped_column(Digest, unique=True, info=SECRET)
    used_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "person"),)


class FactorUse(Base):
    """The last 30-second step whose code a person used: no code is taken twice."""

    __tablename__ = "factor_use"
    unwitnessed = "a counter: signing in is an entry of its own"

    person: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger)


class HalfSignIn(Base):
    """The right password was given, the code of the second factor not yet. It opens nothing but the question for it."""

    __tablename__ = "half_sign_in"
    unwitnessed = "a step of signing in, which is an entry of its own"

    id: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    until: Mapped[datetime]

    __table_args__ = (Index(None, "person"),)


class SignIn(Base):
    """A session: revocable, kept on the server, named by the hash of its id."""

    __tablename__ = "sign_in"
    unwitnessed = "a session: signing in and out are entries of their own"

    id: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))

    __table_args__ = (Index(None, "person"),)


class Throttle(Base):
    """How often signing in failed for one account or address, and until when it waits."""

    __tablename__ = "throttle"
    unwitnessed = "a counter"

    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    until: Mapped[datetime]


class Outbox(Base):
    """A message to be sent after the commit that caused it."""

    __tablename__ = "outbox"
    unwitnessed = "a queue: what it announces has its own entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(48))
    ids: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[datetime]
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(300))

    __table_args__ = (Index(None, "sent_at", "due_at"),)


class Notice(Base):
    """What a person is told in the page: the same kinds and ids as by e-mail."""

    __tablename__ = "notice"
    unwitnessed = "a read mark: what it announces has its own entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(48))
    ids: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "person", "read_at", "id"),)
