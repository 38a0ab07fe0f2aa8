"""Who may do what: named capabilities, the roles built from them, and the one question `can`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Protocol


class Capability(StrEnum):
    """One thing a person may be allowed to do in a workspace."""

    READ = "read"
    DRAFT = "draft"
    SUBMIT = "submit"
    COMMENT = "comment"
    DECIDE = "decide"
    ACCEPT_FINDING = "accept-finding"
    SCHEDULE = "schedule"
    CONFIRM = "confirm"
    STOP = "stop"
    RESUME = "resume"
    DEFINE = "define"
    HOLD = "hold"
    ADMINISTER = "administer"
    READ_AUDIT = "read-audit"
    EXPORT = "export"


class Role(StrEnum):
    """A named set of capabilities, given to a person in one workspace."""

    MARKETER = "marketer"
    REVIEWER = "reviewer"
    COMPLIANCE = "compliance"
    PUBLISHER = "publisher"
    EXAMINER = "examiner"
    ADMINISTRATOR = "administrator"


_C = Capability
_REVIEWER = frozenset({_C.READ, _C.COMMENT, _C.DECIDE})

ROLE_CAPABILITIES: Mapping[Role, frozenset[Capability]] = {
    Role.MARKETER: frozenset({_C.READ, _C.DRAFT, _C.SUBMIT, _C.COMMENT}),
    Role.REVIEWER: _REVIEWER,
    Role.COMPLIANCE: _REVIEWER | {_C.ACCEPT_FINDING, _C.DEFINE, _C.HOLD, _C.STOP, _C.RESUME, _C.READ_AUDIT, _C.EXPORT},
    Role.PUBLISHER: frozenset({_C.READ, _C.COMMENT, _C.SCHEDULE, _C.CONFIRM, _C.STOP}),
    Role.EXAMINER: frozenset({_C.READ, _C.READ_AUDIT, _C.EXPORT}),
    Role.ADMINISTRATOR: frozenset(
        {_C.READ, _C.ADMINISTER, _C.DEFINE, _C.HOLD, _C.STOP, _C.RESUME, _C.READ_AUDIT, _C.EXPORT}
    ),
}


@dataclass(frozen=True)
class Room:
    """What an examiner from outside was let in to see of a workspace, and until when (an instant).

    A post is shown where it meets every limit that is set; `channels` and `products` are any of those named.
    """

    id: int
    workspace: str
    ends_at: datetime
    first_day: date | None = None
    last_day: date | None = None
    channels: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    post: int | None = None

    CLOSED: ClassVar[tuple[str, ...]] = ("hold.",)
    """How kinds of entries begin whose free text limits keep closed: a legal hold may be about another matter."""

    @property
    def everything(self) -> bool:
        """True where no limit is set: the whole workspace may be read."""
        return not (self.first_day or self.last_day or self.channels or self.products or self.post is not None)


@dataclass(frozen=True)
class Actor:
    """Whoever asks: an opaque id, a name for pages, and the roles held in each workspace.

    `rooms` are those that are open now, by workspace. One that shows everything is the role of an examiner as well;
    any other gives no role, so that `can` opens nothing: what it shows is asked of the room.
    """

    id: str
    name: str
    email: str = ""
    roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    teams: frozenset[int] = frozenset()
    rooms: Mapping[str, Room] = field(default_factory=dict)

    @property
    def workspaces(self) -> frozenset[str]:
        """The workspaces where they have a role or a room."""
        return frozenset(self.roles) | frozenset(self.rooms)

    def limited_to(self, workspace: str) -> Room | None:
        """Return the room that is all they have in *workspace*; None for whoever has a role there."""
        return None if workspace in self.roles else self.rooms.get(workspace)

    def roles_in(self, workspace: str) -> frozenset[Role]:
        """Return the roles held in *workspace*."""
        return self.roles.get(workspace, frozenset())


class InWorkspace(Protocol):
    """Anything that belongs to a workspace."""

    @property
    def workspace(self) -> str: ...


def can(actor: Actor | None, capability: Capability, where: str | InWorkspace) -> bool:
    """Say whether *actor* holds *capability* in the workspace named by, or owning, *where*."""
    if actor is None:
        return False
    workspace = where if isinstance(where, str) else where.workspace
    return any(capability in ROLE_CAPABILITIES[role] for role in actor.roles_in(workspace))


def in_room(actor: Actor | None, capability: Capability, workspace: str) -> bool:
    """Say whether a room there gives *actor* this capability, over what the room shows and nothing else."""
    return actor is not None and workspace in actor.rooms and capability in ROLE_CAPABILITIES[Role.EXAMINER]


def holders(capability: Capability) -> frozenset[Role]:
    """Return the roles that hold *capability*."""
    return frozenset(role for role, held in ROLE_CAPABILITIES.items() if capability in held)
