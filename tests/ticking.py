"""A log that grows by entries that say nothing, and is sealed."""

from __future__ import annotations

from dataclasses import dataclass

from approval.audit.events import Event
from approval.audit.models.keys import Keys
from approval.audit.services import record, seal
from approval.db import transaction
from approval.tlog import Checkpoint


@dataclass(frozen=True, kw_only=True)
class Grown(Event, kind="test.grown"):
    """A log grew."""

    number: int


def tick(times: int) -> None:
    """Append so many entries to the log of northwind, in one transaction."""
    with transaction() as session:
        for number in range(times):
            record(session, Grown(by="t", workspace="northwind", number=number))


def sealed(keys: Keys) -> Checkpoint:
    """Seal the log of northwind."""
    with transaction() as session:
        return seal(session, "northwind", keys=keys)
