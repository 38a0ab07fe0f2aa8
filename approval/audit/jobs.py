"""What the worker does for the log: seal, date from outside, verify every night, beat every day."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from approval import clock
from approval.audit.models.bucket import Bucket
from approval.audit.models.keys import Keys
from approval.audit.models.tiles import TileFiles
from approval.audit.queries import anchoring as anchors, outposts as places, watching as queries
from approval.audit.queries.keychain import keychain
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import Verified, logs, verify
from approval.audit.services import anchoring, copying, outposts, probing, seal, watching, witnessing
from approval.audit.services.copying import Due, Object
from approval.audit.services.rotating import retire_over
from approval.audit.services.sealing import Because
from approval.audit.services.tiling import lay_tiles
from approval.audit.services.watching import MOST_WORDS, SEALER, Checked
from approval.audit.services.witnessing import Ask as Ask, Shown, Witness
from approval.db import Session, reading, transaction
from approval.errors import (
    BadSetting,
    Contradicted,
    NotAnchored,
    NotSigned,
    OutpostFailed,
    ProofFailed,
    SealingRefused,
)
from approval.settings import Settings
from approval.tlog import TILE_WIDTH

ENDING = threading.Event()
"""Set when the worker ends: a verification is left to the next one."""

DEVICE_RESTS = 30.0
"""Seconds until a device that gave no signature is asked again."""

_waiting: dict[str, float] = {}
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
    keys = Keys.at(settings)
    with reading() as session:
        ending = [log for log in logs(session) if _overlap_is_over(session, log)]
        due = queries.seal_due(session, keys)
    for log in ending:
        with transaction() as session:
            retire_over(session, log, by=SEALER)
    for log in due:
        _seal(log, keys)


def _overlap_is_over(session: Session, log: str) -> bool:
    try:
        return keychain(session, log).is_over(clock.now(session))
    except ProofFailed:
        return False  # Sealing refuses such a log, and says why.


def _seal(log: str, keys: Keys) -> None:
    if clock.monotonic() < _waiting.get(log, 0):
        return
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
    except NotSigned as problem:
        # Asking holds the log's lock for as long as the device takes to fail.
        _waiting[log] = clock.monotonic() + DEVICE_RESTS
        _log.error("not signed", log=log, reason=str(problem))
    except OSError as error:
        # One log whose head cannot be written holds up no other; `readyz` tells of what stays unsealed.
        _log.error("not sealed", log=log, reason=str(error))


def lay_tiles_due(settings: Settings, worker: str) -> None:
    """Write the tiles that were filled and sealed as files. Where that fails they are served from the database."""
    files = TileFiles.of(settings)
    with reading() as session:
        for log in logs(session):
            try:
                lay_tiles(session, log, files)
            except OSError as error:
                _log.warning("tiles not written", log=log, reason=str(error))


# -- dating from outside ------------------------------------------------------------------------------------------


def anchor_due(settings: Settings, worker: str, ask: anchoring.Ask) -> None:
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


# -- witnesses and the write-once copy ------------------------------------------------------------------------------


def witness_due(settings: Settings, worker: str, ask: Ask) -> None:
    """Show checkpoints to the witnesses. Where one is down work goes on, and what it missed is proved to it later."""
    witnesses = witnessing.witnesses(settings)
    _set_outposts(list(witnesses), copies=False)
    if not witnesses:
        return
    with reading() as session:
        due = places.looks_due(session)
    down: set[str] = set()
    for log, name in due:
        if name in witnesses and name not in down and not ENDING.is_set():
            with transaction() as session:
                shown = witnessing.claim_look(session, log, name)
            if shown is not None and not _reached(log, name, _shown(shown, witnesses[name], ask)):
                # Whatever keeps a witness from one log most likely keeps it from all: the others are not held up.
                down.add(name)


def _shown(shown: Shown, witness: Witness, ask: Ask) -> Callable[[], None]:
    def show() -> None:
        def prove(old: int) -> tuple[bytes, ...]:
            with reading() as session:
                return witnessing.proof(session, shown, old)

        line = witnessing.cosigned(shown, witness=witness, ask=ask, prove=prove)
        with transaction() as session:
            witnessing.keep_cosignature(session, shown, witness.key.name, line)
        _log.info("cosigned", log=shown.log, size=shown.size, witness=witness.key.name)

    return show


def copy_due(settings: Settings, worker: str, ask: Ask) -> None:
    """Copy what was sealed to the bucket of the settings, hourly, and go through the copy every night."""
    _set_outposts([places.COPY] if settings.worm else [], copies=True)
    if settings.worm is None:
        return
    with reading() as session:
        due, nightly = places.copies_due(session), places.inventories_due(session)
    if not due and not nightly:
        return
    copying_to = _Copying(Bucket(settings.worm, ask), settings.worm.days)
    for log, act in [*((log, copying_to.copy) for log in due), *((log, copying_to.go_through) for log in nightly)]:
        if ENDING.is_set():
            return
        with transaction() as session:
            claimed = copying.claim_copy(session, log)
        if claimed is not None and not _reached(log, places.COPY, partial(act, claimed)):
            return


@dataclass(frozen=True)
class _Copying:
    """The bucket that the logs are copied to, and for how many days each copy is locked."""

    bucket: Bucket
    days: int

    def copy(self, due: Due) -> None:
        """Copy the full bundles in order, then the rest; what came so far is kept where it breaks off."""
        with reading() as session:
            now = clock.now(session)
            proved = outposts.is_proved(session)
        if not proved:
            count = probing.ensure_holds(probing.probe(self.bucket, now))
            with transaction() as session:
                outposts.note_proved(session, due.log)
            _log.info("bucket proved", attempts=count)
        full = due.size // TILE_WIDTH
        for index in range(due.bundles, full):
            if ENDING.is_set():
                with transaction() as session:
                    outposts.leave(session, due.log, places.COPY)
                return
            with reading() as session:
                given = copying.bundle(session, due.log, index)
            self._place(due, given, now, bundles=index + 1)
        with reading() as session:
            rest = copying.rest(session, due)
        for given in rest:
            self._place(due, given, now, bundles=full)
        with transaction() as session:
            outposts.note_reached(session, due.log, places.COPY, due.size)
        _log.info("copied", log=due.log, size=due.size)

    def _place(self, due: Due, given: Object, now: datetime, *, bundles: int) -> None:
        there = copying.placed(self.bucket, due.origin, given, days=self.days, now=now)
        with transaction() as session:
            copying.keep_copy(session, due.log, there)
            outposts.stay(session, due.log, places.COPY, bundles=bundles)

    def go_through(self, due: Due) -> None:
        """List every version of the copy, and record what was found."""
        with reading() as session:
            ours = copying.copied(session, due.log)
        found = copying.gone_through(self.bucket, ours, _ensure_going_on)
        problem: Contradicted | None = None
        try:
            copying.ensure_whole(found)
        except Contradicted as contradiction:
            problem = contradiction
        with transaction() as session:
            copying.note_inventory(session, due.log, found, str(problem) if problem else None)
            outposts.note_checked(session, due.log, holds=problem is None)
        if problem:
            raise problem


def _reached(log: str, name: str, act: Callable[[], None]) -> bool:
    """Do something at a place outside; False where it failed, which is noted and tried again."""
    try:
        act()
    except _Ended:
        with transaction() as session:
            outposts.leave(session, log, name)
    except Contradicted as found:
        _log.error("contradicted", log=log, place=name, because=found.because, reason=str(found))
        with transaction() as session:
            outposts.note_contradiction(session, log, name, found)
    except (OutpostFailed, ProofFailed) as problem:
        _log.warning("not reached", log=log, place=name, reason=str(problem))
        with transaction() as session:
            outposts.put_off(session, log, name, str(problem))
        return False
    return True


def _set_outposts(names: list[str], *, copies: bool) -> None:
    with reading() as session:
        differ = places.differ(session, names, copies=copies)
    if differ:
        with transaction() as session:
            outposts.set_outposts(session, names, copies=copies)


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
    keys = Keys.at(settings)
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
