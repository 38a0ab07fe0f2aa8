"""Telling those who administer that something is wrong with a log: once for each alarm."""

from __future__ import annotations

from approval.audit.events import INSTALLATION
from approval.audit.queries.watching import alarms
from approval.audit.services.watching import claim_telling
from approval.capabilities import Capability
from approval.db import Session
from approval.people.queries import people_who, workspaces
from approval.people.services.telling import tell


def has_alarms(session: Session) -> bool:
    """Say whether there is an alarm that nobody was told of."""
    return bool(alarms(session, untold=True))


def tell_alarms(session: Session) -> None:
    """Tell whoever defines in the workspace of a log with an alarm; of the installation's log, in every workspace."""
    every = [facts.name for facts in workspaces(session)]
    for log in sorted({alarm.log for alarm in alarms(session, untold=True)}):
        if not claim_telling(session, log):
            continue
        for workspace in every if log == INSTALLATION else [log]:
            whom = [person.id for person in people_who(session, workspace, Capability.DEFINE)]
            tell(session, whom, "log_alarm", workspace=workspace)
