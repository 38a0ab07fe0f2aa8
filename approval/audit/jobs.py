"""What the worker does for the log: seal, date from outside, verify every night, beat every day."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy.exc import DBAPIError

from approval import clock
from approval.audit.models.keys import Keys
from approval.audit.queries import anchoring as anchors, watching as queries
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import Verified, logs, verify
from approval.audit.services import anchoring, seal, watching
from approval.audit.services.anchoring import Ask
from approval.audit.services.sealing import Because
from approval.audit.services.watching import MOST_WORDS, Checked
from approval.db import reading, transaction
from approval.errors import BadSetting, NotAnchored, ProofFailed, SealingRefused
from approval.settings import Settings

ENDING = threading.Event()
"""Set when the worker ends: a verification is left to the next one."""

_log = structlog.get_logger("audit")


class _Ended(Exception):
    """The worker ends."""


# -- sealing -----------------------------------------------------------------------------------------------------


def seal_due(settings: Settings, worker: str) -> None:
    """Seal every log that has waited, and look whether each is still the one that was signed.

    A worker without the folder of keys leaves it to the machine that has it.
    """
    if not settings.keys.is_dir():
        return
    keys = Keys(settings.keys)
    with reading() as session:
        due = queries.seal_due(session, keys)
    for log in due:
        _seal(log, keys)


def _seal(log: str, keys: Keys) -> None:
    try:
        with transaction() as session:
            sealed = seal(session, log, keys=keys)
            watching.note_sealed(session, log)
        _log.info("sealed", log=log, size=sealed.size)
    except ProofFailed as failure:
        because = failure.because if isinstance(failure, SealingRefused) else Because.INCOMPLETE
        _log.error("sealing refused", log=log, because=str(because), reason=str(failure))
        with transaction() as session:
            watching.note_refusal(session, log, because)
    except OSError as error:
        # One log whose head cannot be written holds up no other; `readyz` tells of what stays unsealed.
        _log.error("not sealed", log=log, reason=str(error))


# -- dating from outside ------------------------------------------------------------------------------------------


def anchor_due(settings: Settings, worker: str, ask: Ask) -> None:
    """Have the checkpoints dated that are due. Where the authority is down, work goes on and this is tried again."""
    if settings.timestamp_url is None:
        return
    with reading() as session:
        due = anchors.anchor_due(session)
    for log in due:
        with transaction() as session:
            undated = anchoring.claim_undated(session, log)
        if undated is None:
            continue
        try:
            token = anchoring.dated(undated, url=settings.timestamp_url, ca=settings.timestamp_ca, ask=ask)
        except (NotAnchored, BadSetting) as problem:
            _log.warning("not anchored", log=log, size=undated.size, reason=str(problem))
            with transaction() as session:
                anchoring.put_off(session, undated, str(problem))
            # Whatever keeps one log from being dated most likely keeps all: the next beat goes on with the next.
            return
        with transaction() as session:
            anchoring.keep_token(session, undated, token)
        _log.info("anchored", log=log, size=undated.size)


# -- every night -------------------------------------------------------------------------------------------------


def watch_due(settings: Settings, worker: str) -> None:
    """After midnight UTC: record the heart-beat of each log, then verify and replay it, once among all workers."""
    with reading() as session:
        names = logs(session)
    for log in names:
        if ENDING.is_set():
            return
        with transaction() as session:
            watching.beat(session, log)
            mine = watching.claim_check(session, log)
        if mine:
            _check(settings, log)


def _check(settings: Settings, log: str) -> None:
    try:
        found = _checked(settings, log)
    except (_Ended, DBAPIError):
        with transaction() as session:
            watching.drop_check(session, log)
        if not ENDING.is_set():
            raise
        return
    (_log.info if found.holds else _log.error)("verified", log=log, holds=found.holds, problem=found.problem)
    with transaction() as session:
        watching.note_checked(session, log, found)


def _checked(settings: Settings, log: str) -> Checked:
    began = clock.monotonic()
    keys = Keys(settings.keys)
    verified: Verified | None = None
    differences, problem = 0, None
    with reading() as session:
        try:
            # Where another machine or user has the keys, the head is for the sealer to compare, which it always does.
            here = keys if keys.holds(log) else None
            verified = verify(session, log, keys=here, going_on=_ensure_going_on)
        except ProofFailed as failure:
            problem = str(failure)
        for difference in replay(session, log, going_on=_ensure_going_on):
            differences += 1
            problem = problem or f"{difference.table}.{difference.column or '*'}: {difference.what}"
        size = queries.size_of(session, log)
    return Checked(
        size=verified.size if verified else size,
        root=verified.root if verified else None,
        sealed=verified.sealed if verified else 0,
        seconds=round(clock.monotonic() - began),
        differences=differences,
        problem=problem and problem[:MOST_WORDS],
    )


def _ensure_going_on() -> None:
    if ENDING.is_set():
        raise _Ended
