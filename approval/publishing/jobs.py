"""What the worker does for publishing; called every second or so, safe to run in any number of processes."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import structlog
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from approval import clock
from approval.db import Origin, reading, transaction
from approval.publishing.models import Heartbeat
from approval.publishing.services.claiming import Begun, Due, claim, due, next_due
from approval.publishing.services.settling import lapse, lapsed, settle
from approval.publishing.via import REGISTRY
from approval.publishing.via.contract import Ending, Unknown
from approval.review import services as review
from approval.settings import Settings

log = structlog.get_logger("publishing")

SENDERS = 8
"""How many requests a worker has on the wire at once: a slow channel holds up no other."""
ENDING = threading.Event()
"""Set when this process is to end: nothing more is claimed, what is on the wire is waited for."""
_LOOK_AGAIN = 0.5
_ORIGIN = Origin(method="worker")


def publish_due(settings: Settings, worker: str) -> None:
    """Claim and send what is due, until nothing is and every answer came."""
    if not _is_anything_due(settings):
        return
    sending: set[Future[None]] = set()
    broken: set[int] = set()
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="send") as pool:
        while True:
            claims = len(sending) < SENDERS and not ENDING.is_set()
            found, begun = _claim_next(settings, worker, broken) if claims else (None, None)
            if begun is not None:
                sending.add(pool.submit(_send, settings, begun))
            elif found is None:
                if not sending:
                    return
                sending = wait(sending, timeout=_LOOK_AGAIN, return_when=FIRST_COMPLETED).not_done


def _is_anything_due(settings: Settings) -> bool:
    with reading() as session:
        return session.execute(due(clock.now(session), settings).limit(1)).first() is not None


def _claim_next(settings: Settings, worker: str, broken: set[int]) -> tuple[Due | None, Begun | None]:
    found: Due | None = None
    try:
        with transaction(_ORIGIN) as session:
            found = next_due(session, settings=settings, skipping=broken)
            return found, claim(session, found, settings=settings, worker=worker) if found else None
    except IntegrityError:
        # Another worker claimed the channel first; its claim is seen at the next look.
        if found is not None:
            broken.add(found.publication)
        return found, None
    except Exception:
        if found is None:
            raise
        # One publication that cannot be judged is not sent, and holds up no other.
        log.exception("claim failed", publication=found.publication)
        broken.add(found.publication)
        return found, None


def _send(settings: Settings, begun: Begun) -> None:
    via = REGISTRY[begun.via]
    try:
        ending: Ending = via.send(begun.message, begun.body, now=begun.now, settings=settings)
    except Exception:
        log.exception("send failed", publication=begun.publication)
        ending = Unknown("The program failed while it was sending.")
    try:
        with transaction(_ORIGIN) as session:
            held = settle(session, begun, ending, settings=settings)
    except Exception:
        # The lease will run out, and the attempt counts as unknown.
        log.exception("outcome not recorded", publication=begun.publication)
        return
    log.info("sent", publication=begun.publication, ending=type(ending).__name__, recorded=held)


def reconcile_due(settings: Settings, worker: str) -> None:
    """End every claim whose lease ran out: the attempt is unknown, never simply due again."""
    with reading() as session:
        ended = lapsed(session)
    for publication, fence in ended:
        with transaction(_ORIGIN) as session:
            lapse(session, publication, fence, settings=settings)


def beat(settings: Settings, worker: str) -> None:
    """Leave a sign of life."""
    with transaction(_ORIGIN) as session:
        now = clock.now(session)
        beaten = session.execute(
            update(Heartbeat).where(Heartbeat.worker == worker).values(at=now).returning(Heartbeat.worker)
        )
        if beaten.first() is None:
            session.add(Heartbeat(worker=worker[:80], at=now))


def expire_due(settings: Settings, worker: str) -> None:
    """Expire approved posts whose window has passed."""
    with transaction(_ORIGIN) as session:
        review.expire_due(session)
