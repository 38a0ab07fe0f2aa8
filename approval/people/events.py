"""What may happen to people, workspaces, teams and channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from approval.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class WorkspaceCreated(Event, kind="workspace.created"):
    """A workspace began: its regime, entity type and time zone."""


@dataclass(frozen=True, kw_only=True)
class WorkspaceChanged(Event, kind="workspace.changed"):
    """Title, regime, entity type, zone or settings of a workspace changed."""


@dataclass(frozen=True, kw_only=True)
class PersonAdded(Event, kind="person.added"):
    """An account was made."""

    person: str


@dataclass(frozen=True, kw_only=True)
class PersonChanged(Event, kind="person.changed"):
    """Name or address of an account changed."""

    person: str


@dataclass(frozen=True, kw_only=True)
class PersonDisabled(Event, kind="person.disabled"):
    """An account was closed; its sessions and tokens ended with it."""

    person: str


@dataclass(frozen=True, kw_only=True)
class PersonEnabled(Event, kind="person.enabled"):
    """A closed account was opened again."""

    person: str


@dataclass(frozen=True, kw_only=True)
class RoleGiven(Event, kind="role.given"):
    """A person was given a role in this workspace."""

    person: str
    role: str


@dataclass(frozen=True, kw_only=True)
class RoleTaken(Event, kind="role.taken"):
    """A person lost a role in this workspace. Approvals given before stand."""

    person: str
    role: str


@dataclass(frozen=True, kw_only=True)
class TeamCreated(Event, kind="team.created"):
    """A team was made: people whom a stage may ask under one name."""

    team: str


@dataclass(frozen=True, kw_only=True)
class TeamJoined(Event, kind="team.joined"):
    """A person joined a team, and is asked wherever a stage asks it."""

    team: int
    person: str


@dataclass(frozen=True, kw_only=True)
class TeamLeft(Event, kind="team.left"):
    """A person left a team, and is not asked with it any more."""

    team: int
    person: str


@dataclass(frozen=True, kw_only=True)
class ChannelOpened(Event, kind="channel.opened"):
    """A channel was connected: an account on a network and how it is reached."""

    channel: str
    network: str
    via: str


@dataclass(frozen=True, kw_only=True)
class ChannelChanged(Event, kind="channel.changed"):
    """Title, address or secret of a channel changed."""

    channel: str


@dataclass(frozen=True, kw_only=True)
class ChannelClosed(Event, kind="channel.closed"):
    """A channel takes no more posts."""

    channel: str


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event, kind="person.signed-in"):
    """A person signed in. `session` is the beginning of the sign-in's id, as later entries state it."""

    session: str


@dataclass(frozen=True, kw_only=True)
class SignedOut(Event, kind="person.signed-out"):
    """A sign-in was ended by its person, by an administrator, or by a new password."""

    person: str
    session: str


@dataclass(frozen=True, kw_only=True)
class SignInFailed(Event, kind="person.sign-in-failed"):
    """Somebody gave a wrong password for this account. Recorded at the 1st, 2nd, 4th, 8th … failure in a row."""

    person: str
    failures: int


@dataclass(frozen=True, kw_only=True)
class PasswordSet(Event, kind="person.password-set"):
    """A person chose a password; every sign-in before it ended."""

    person: str
    through: str


@dataclass(frozen=True, kw_only=True)
class FactorEnrolled(Event, kind="person.factor-enrolled"):
    """A person set up a second factor, or moved it to another device; its recovery codes were made with it."""

    person: str


@dataclass(frozen=True, kw_only=True)
class FactorRemoved(Event, kind="person.factor-removed"):
    """A second factor was taken away, by its person, or by an administrator where the device was lost."""

    person: str


@dataclass(frozen=True, kw_only=True)
class FactorFailed(Event, kind="person.factor-failed"):
    """A wrong code followed the right password. Recorded at the 1st, 2nd, 4th, 8th … failure in a row."""

    person: str
    failures: int


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesMade(Event, kind="person.recovery-codes-made"):
    """A person was shown new recovery codes; those before are void."""

    person: str


@dataclass(frozen=True, kw_only=True)
class RecoveryCodeUsed(Event, kind="person.recovery-code-used"):
    """A recovery code stood in for the second factor; it works no more. `left` says how many remain."""

    person: str
    left: int


@dataclass(frozen=True, kw_only=True)
class RoomOpened(Event, kind="room.opened"):
    """Somebody from outside was let in to examine, read-only, within limits and until an end."""

    room: int
    person: str
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class RoomEndMoved(Event, kind="room.end-moved"):
    """Until when an examiner may come in was changed."""

    room: int
    person: str
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class RoomEnded(Event, kind="room.ended"):
    """An examiner was shut out before the end that was agreed; sessions and tokens ended with it."""

    room: int
    person: str


@dataclass(frozen=True, kw_only=True)
class LinkMade(Event, kind="link.made"):
    """An invitation or a password reset was made out; links of the same kind made before became void."""

    person: str
    link: str


@dataclass(frozen=True, kw_only=True)
class TokenCreated(Event, kind="token.created"):
    """An API token was made."""

    person: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event, kind="token.revoked"):
    """An API token stopped working."""

    person: str


@dataclass(frozen=True, kw_only=True)
class Proposed(Event, kind="proposal.made"):
    """A change was proposed and waits for a second person."""

    subject: str
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class TookEffectAlone(Event, kind="proposal.alone"):
    """A change took effect without a second person, because nobody else could have agreed to it."""

    subject: str
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Seconded(Event, kind="proposal.seconded"):
    """A second person agreed to a change."""

    subject: str
    digest: bytes
    proposed_by: str


@dataclass(frozen=True, kw_only=True)
class TurnedDown(Event, kind="proposal.turned-down"):
    """A second person turned a change down."""

    subject: str
    digest: bytes
    proposed_by: str


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event, kind="proposal.withdrawn"):
    """Whoever proposed a change took it back before anybody answered; it can take effect no more."""

    subject: str
    digest: bytes
