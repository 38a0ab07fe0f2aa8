"""What stands around every page: where we are, what waits, whether publishing is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from approval.audit.events import INSTALLATION
from approval.audit.queries.watching import Alarm, alarms
from approval.capabilities import Actor, Capability, can, holders
from approval.db import Session
from approval.desk.queries.tasks import count_waiting
from approval.people.models import Membership, Person, Workspace
from approval.people.queries import workspace_facts
from approval.publishing.queries import active_stops


@dataclass(frozen=True)
class Stopped:
    """The widest stop that holds here; `more` further ones hold too."""

    scope: str
    reason: str
    by: str
    since: datetime
    more: int


@dataclass(frozen=True)
class Around:
    """The workspace of a page, what waits in it for the reader, and what everybody must know."""

    name: str
    title: str
    regime: str
    zone: str
    waiting: int
    stopped: Stopped | None
    alone: bool
    others: tuple[tuple[str, str], ...]
    alarms: tuple[Alarm, ...]


def around(session: Session, actor: Actor, workspace: str) -> Around:
    """Return what the shell of a page in *workspace* shows to *actor*."""
    firm = workspace_facts(session, workspace)
    mine = select(Workspace.name, Workspace.title).where(Workspace.name.in_(actor.workspaces)).order_by(Workspace.title)
    return Around(
        name=firm.name,
        title=firm.title,
        regime=firm.regime,
        zone=firm.zone,
        waiting=count_waiting(session, actor, workspace),
        stopped=_stopped(session, workspace),
        alone=_alone(session, workspace),
        others=tuple((name, title) for name, title in session.execute(mine)),
        alarms=_alarms(session, actor, workspace),
    )


def _alarms(session: Session, actor: Actor, workspace: str) -> tuple[Alarm, ...]:
    """What is wrong with this log or the installation's, for those who answer for it."""
    if not can(actor, Capability.DEFINE, workspace):
        return ()
    return tuple(alarms(session, (workspace, INSTALLATION)))


def _stopped(session: Session, workspace: str) -> Stopped | None:
    found = active_stops(session, workspace)
    if not found:
        return None
    first = found[0]
    return Stopped(first.where, first.reason, first.by_name, first.stopped_at, len(found) - 1)


def _alone(session: Session, workspace: str) -> bool:
    """Say whether fewer than two people may change rules and stages here, so that nobody seconds a change."""
    some = (
        select(Membership.person)
        .join(Person, Person.id == Membership.person)
        .where(
            Membership.workspace == workspace,
            Membership.role.in_(holders(Capability.DEFINE)),
            Person.disabled_at.is_(None),
        )
        .distinct()
        .limit(2)
    )
    return (session.scalar(select(func.count()).select_from(some.subquery())) or 0) < 2
