"""The worker process: a timetable of jobs. It holds no facts; the database is the schedule."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from approval.audit import jobs as audit
from approval.desk import jobs as desk
from approval.errors import NotAnchored, OutpostFailed
from approval.people import jobs as people
from approval.publishing import jobs as publishing
from approval.publishing.via import outbound
from approval.records import jobs as records
from approval.review import jobs as review
from approval.settings import Settings
from approval.web import journal

log = structlog.get_logger("worker")

Job = Callable[[Settings, str], None]


def anchor_due(settings: Settings, worker: str) -> None:
    """Have checkpoints dated, asking by the one guarded way out."""

    def ask(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:
            answer = outbound.post(url, body, headers, settings=settings)
        except (outbound.AddressRefused, outbound.NotReached, outbound.NoAnswer) as error:
            raise NotAnchored(str(error)) from error
        return answer.status, answer.body

    audit.anchor_due(settings, worker, ask)


def asking(settings: Settings) -> audit.Ask:
    """Return how places that hold copies of the logs are asked: by the one guarded way out."""

    def ask(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        try:
            answer = outbound.send(method, url, body, headers, settings=settings)
        except (outbound.AddressRefused, outbound.NotReached, outbound.NoAnswer) as error:
            raise OutpostFailed(str(error)) from error
        return answer.status, answer.headers, answer.body

    return ask


def witness_due(settings: Settings, worker: str) -> None:
    """Have checkpoints cosigned by the witnesses."""
    audit.witness_due(settings, worker, asking(settings))


def copy_due(settings: Settings, worker: str) -> None:
    """Have what was sealed copied to the write-once bucket."""
    audit.copy_due(settings, worker, asking(settings))


TIMETABLE: tuple[tuple[float, Job], ...] = (
    (0.5, publishing.publish_due),
    (1, publishing.reconcile_due),
    (5, publishing.expire_due),
    (5, publishing.beat),
    (60, review.follow_leavers),
    (30, audit.watch_due),
    (5, anchor_due),
    (5, witness_due),
    (10, copy_due),
    (10, audit.lay_tiles_due),
    (2, people.deliver_due),
    (5, people.tell_alarms),
    (3, desk.give_second_opinions),
    (5, records.reckon_due),
    (2, records.bring_due),
    (300, records.put_away_due),
    (5, records.let_go_due),
    (60, records.erase_due),
    (2, records.index_due),
)

WITH_KEYS: tuple[tuple[float, Job], ...] = (
    (2, audit.seal_due),
    (1, records.write_due),
    (300, records.note_gone),
)
"""What signs, and what minds the files it wrote: the worker's too, unless a sealer of its own holds the keys."""


def run(settings: Settings) -> None:
    """Run the timetable until INT or TERM."""
    work(settings, TIMETABLE if settings.separate_sealer else (*TIMETABLE, *WITH_KEYS))


def work(settings: Settings, timetable: Sequence[tuple[float, Job]]) -> None:
    """Run the jobs of a timetable until INT or TERM."""
    journal.install()
    # A job that is still at work when its next beat comes is what `coalesce` is for, and no news.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    name = f"{socket.gethostname()}:{os.getpid()}"
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(len(timetable))},
        # The defaults of the library drop a job that is a second late (reliability of the schedule is the database's).
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )
    for seconds, job in timetable:
        scheduler.add_job(_guarded(job), "interval", seconds=seconds, args=(settings, name), id=_id(job))

    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    scheduler.start()
    log.info("worker started", worker=name)
    stopped.wait()
    audit.ENDING.set()
    publishing.ENDING.set()
    desk.ENDING.set()
    scheduler.shutdown(wait=True)
    log.info("worker stopped", worker=name)


def _guarded(job: Job) -> Job:
    def guarded(settings: Settings, worker: str) -> None:
        try:
            job(settings, worker)
        except Exception:
            # The next beat tries again; what the job was doing is rolled back, and its facts are in the database.
            log.exception("job failed", job=_id(job))

    return guarded


def _id(job: Job) -> str:
    return f"{job.__module__}.{job.__name__}"
