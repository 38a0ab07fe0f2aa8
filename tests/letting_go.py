"""Years that pass in a moment, and what must hold after records were let go of."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from approval import clock
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import verify
from approval.audit.services import seal
from approval.db import reading, transaction
from approval.records import jobs, services
from approval.records.keeping import Criteria

YEARS = 12


def follow(settings):
    """Let the worker follow the logs: with dates of keeping, and with what search finds."""
    jobs.reckon_due(settings, "w")
    jobs.index_due(settings, "w")


def today():
    with reading() as session:
        return clock.wall_time(clock.now(session), "Europe/Zurich").date()


def place(firm, **named):
    with transaction() as session:
        services.place_hold(
            session,
            firm.workspace,
            matter="Case 12",
            reason="A letter.",
            criteria=Criteria(**named),
            by=firm.compliance,
        )


def holds_together(workspace, keys):
    """Seal, then replay and verify."""
    with transaction() as session:
        seal(session, workspace, keys=keys)
    with reading() as session:
        assert list(replay(session, workspace)) == []
        assert list(replay(session, "installation")) == []
        return verify(session, workspace, keys=keys)


def count(session, model, *where):
    return session.scalar(select(func.count()).select_from(model).where(*where))


def moved(firm, settings, monkeypatch):
    """Twelve years pass: what was published and what was never finished is due."""
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda session: real(session) + dt.timedelta(days=366 * YEARS))
    follow(settings)
    return firm
