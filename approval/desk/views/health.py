"""Whether the program lives, and whether it can do its work."""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import Response, jsonify
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from approval import clock
from approval.audit.queries.entries import overdue
from approval.audit.queries.watching import Wrong, alarms
from approval.db import reading
from approval.desk.views.routes import blueprint
from approval.publishing.models import Heartbeat
from approval.web.identity import public

WORKER_SILENT = timedelta(seconds=60)
SEAL_LATE = timedelta(minutes=5)
_LOG = (Wrong.FAILED, Wrong.CONTRADICTED, Wrong.UNVERIFIED)
"""What may be wrong with what a log says, the worst first."""

_log = structlog.get_logger("approval.health")


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
def readyz() -> tuple[Response, int]:
    """Say whether the database answers, a worker is alive, and the logs are sealed in time and verified every night."""
    try:
        with reading() as session:
            now = clock.now(session)
            beat = session.scalar(select(Heartbeat.at).order_by(Heartbeat.at.desc()).limit(1))
            late = overdue(session, SEAL_LATE)
            wrong = {alarm.what for alarm in alarms(session)}
    except DBAPIError:
        _log.exception("the database does not answer")
        return jsonify(database="down"), 503
    checks = {
        "database": "ok",
        "worker": "ok" if beat is not None and now - beat < WORKER_SILENT else "silent",
        "seal": "refused" if Wrong.REFUSED in wrong else "late" if late else "ok",
        "log": next((what for what in _LOG if what in wrong), "ok"),
    }
    return jsonify(checks), 200 if set(checks.values()) == {"ok"} else 503
