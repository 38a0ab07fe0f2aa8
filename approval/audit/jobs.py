"""What the worker does for the log."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import select

from approval import clock
from approval.audit.models import Checkpoint, Log, Sealing
from approval.audit.models.keys import Keys
from approval.audit.services import seal
from approval.db import Session, reading, transaction
from approval.errors import ProofFailed
from approval.settings import Settings

SEAL_AFTER = timedelta(seconds=60)
SEAL_ENTRIES = 256

_log = structlog.get_logger("audit")


def seal_due(settings: Settings, worker: str) -> None:
    """Seal every log with 256 new entries, or with any once its last checkpoint is a minute old.

    A worker without the folder of keys leaves it to the machine that has it.
    """
    if not settings.keys.is_dir():
        return
    keys = Keys(settings.keys)
    with reading() as session:
        due = _due(session)
    for log in due:
        try:
            with transaction() as session:
                sealed = seal(session, log, keys=keys)
            _log.info("sealed", log=log, size=sealed.size)
        except ProofFailed as failure:
            _log.error("sealing refused", log=log, reason=str(failure))


def _due(session: Session) -> list[str]:
    now = clock.now(session)
    last = (
        select(Checkpoint.at)
        .where(Checkpoint.log == Log.name, Checkpoint.size == Sealing.size)
        .correlate(Log, Sealing)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Log.name, Log.size, Sealing.size, last).join(Sealing, Sealing.log == Log.name).order_by(Log.name)
    )
    return [
        name
        for name, size, sealed, at in rows
        if size > sealed and (size - sealed >= SEAL_ENTRIES or at is None or now - at >= SEAL_AFTER)
    ]
