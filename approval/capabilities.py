"""Who may do what: named capabilities, the roles built from them, and the one question `can`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


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
class Actor:
    """Whoever asks: an opaque id, a name for pages, and the roles held in each workspace."""

    id: str
    name: str
    email: str = ""
    roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    teams: frozenset[int] = frozenset()

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


def holders(capability: Capability) -> frozenset[Role]:
    """Return the roles that hold *capability*."""
    return frozenset(role for role, held in ROLE_CAPABILITIES.items() if capability in held)
