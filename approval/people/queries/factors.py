"""Second factors: who has one, and of whom one is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from approval.capabilities import Actor, Role
from approval.db import Session
from approval.people.models import Factor, RecoveryCode, Workspace

SETTING = "second_factor"
"""The setting of a workspace that lists the roles of which a second factor is asked."""


@dataclass(frozen=True)
class FactorFacts:
    """A second factor as its person sees it; never its secret."""

    made_at: datetime
    codes_left: int


def factor(session: Session, person: str) -> FactorFacts | None:
    """Return the second factor of *person*; None where there is none."""
    made_at = session.scalar(select(Factor.made_at).where(Factor.person == person))
    return None if made_at is None else FactorFacts(made_at, codes_left(session, person))


def has_factor(session: Session, person: str) -> bool:
    """Say whether *person* has set up a second factor."""
    return session.scalar(select(Factor.person).where(Factor.person == person)) is not None


def codes_left(session: Session, person: str) -> int:
    """Count the recovery codes of *person* that were not used."""
    unused = RecoveryCode.person == person, RecoveryCode.used_at.is_(None)
    return session.scalar(select(func.count(RecoveryCode.id)).where(*unused)) or 0


def roles_asked(session: Session, workspace: str) -> frozenset[Role]:
    """Return the roles of which *workspace* asks a second factor."""
    return _asked(session.scalar(select(Workspace.settings).where(Workspace.name == workspace)) or {})


def is_asked(session: Session, actor: Actor) -> bool:
    """Say whether *actor* must have a second factor: always with a room, else where a workspace asks it of a role."""
    if actor.rooms:
        return True
    if not actor.roles:
        return False
    rows = session.execute(select(Workspace.name, Workspace.settings).where(Workspace.name.in_(list(actor.roles))))
    return any(_asked(settings) & actor.roles_in(name) for name, settings in rows)


def _asked(settings: Mapping[str, object]) -> frozenset[Role]:
    listed = settings.get(SETTING, [])
    return frozenset(Role(name) for name in listed) if isinstance(listed, list) else frozenset(Role)
