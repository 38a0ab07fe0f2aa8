"""Beginning a log, whose key and origin are fixed from its first entry on."""

from __future__ import annotations

import secrets

from sqlalchemy import insert, select

from approval import clock
from approval.audit.events import INSTALLATION, LogOpened
from approval.audit.models import Log, Sealing, Watch
from approval.audit.models.keys import Keys as Keys
from approval.audit.services.recording import record
from approval.db import Session


def open_log(session: Session, name: str, *, keys: Keys, by: str) -> None:
    """Begin the log *name*; its first entry fixes its origin and its verifier key.

    The origin is random and never derived from settings, so that two installations never share one.
    """
    origin = f"approval.local/{secrets.token_hex(8)}/{name}"
    vkey = keys.create(name, origin).to_text()
    session.execute(insert(Log).values(name=name, origin=origin, vkey=vkey, size=0))
    session.execute(insert(Sealing).values(log=name, size=0))
    session.execute(insert(Watch).values(log=name, since=clock.now(session)))
    workspace = None if name == INSTALLATION else name
    record(session, LogOpened(by=by, workspace=workspace, origin=origin, vkey=vkey))


def ensure_installation(session: Session, *, keys: Keys, by: str) -> None:
    """Begin the installation's log, once."""
    if session.scalar(select(Log.name).where(Log.name == INSTALLATION)) is None:
        open_log(session, INSTALLATION, keys=keys, by=by)
