"""`approval worker` is killed over and over while it publishes to a receiver that drops, delays and fails.

APPROVAL_KILLS=50 and APPROVAL_KILL_POSTS=500 ask for the long run.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from factories import HOST, an_approved_post
from sqlalchemy import Engine, func, select

from approval.db import reading, transaction
from approval.people.models import Via
from approval.people.services import accounts
from approval.people.services.secrets import seal_secret
from approval.publishing import services
from approval.publishing.models import Attempt, Outcome, Publication, PublicationStanding as Is

KILLS = int(os.environ.get("APPROVAL_KILLS", "6"))
POSTS = int(os.environ.get("APPROVAL_KILL_POSTS", "60"))
STILL = 90
"""Seconds without a new attempt after which the worker counts as stuck: longer than any rest between two tries."""
SETTLED = frozenset({Is.PUBLISHED, Is.NEEDS_PERSON})


@pytest.fixture
def environment(database: Engine, settings, keys, receiver) -> dict[str, str]:
    return {
        **os.environ,
        "APPROVAL_KEYS": str(keys.folder),
        "APPROVAL_DATA": str(settings.data),
        "APPROVAL_DATABASE_URL": database.url.render_as_string(hide_password=False),
        "APPROVAL_SECRET_KEY": settings.secret_key,
        "APPROVAL_OUTBOUND_ALLOW": f"127.0.0.0/8:{receiver.port}",
        "APPROVAL_LEASE_SECONDS": "3",
        "APPROVAL_SETTLE_SECONDS": "1",
        "APPROVAL_GRACE_SECONDS": "3600",
    }


def start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the worker; it is at work once it says so in its journal."""
    journal = Path(environment["APPROVAL_DATA"]) / "worker.log"
    journal.parent.mkdir(exist_ok=True)
    with journal.open("wb") as told:
        worker = subprocess.Popen(
            [sys.executable, "-m", "approval.cli", "worker"], env=environment, stdout=told, stderr=told
        )
    until = time.monotonic() + 60
    while b"worker started" not in journal.read_bytes():
        assert worker.poll() is None and time.monotonic() < until, journal.read_text()
        time.sleep(0.02)
    return worker


def end(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def waiting_posts(firm, settings, receiver) -> None:
    channels = ["hook", "hook-2", "hook-3", "hook-4"]
    with transaction() as session:
        for name in channels[1:]:
            accounts.open_channel(
                session,
                workspace=firm.workspace,
                name=name,
                title=name,
                network="mastodon",
                via=Via.WEBHOOK,
                by=HOST,
                url=receiver.url,
                secret=seal_secret(settings.secret_key, b"x" * 32),
            )
    for number in range(POSTS):
        with transaction() as session:
            words = f"From Monday branch {number} opens at nine."
            post = an_approved_post(session, firm, words, channel=channels[number % len(channels)])
            services.publish_now(session, post, by=firm.publisher)


def standings() -> Counter[Is]:
    with reading() as session:
        wanted = select(Publication.standing, func.count()).group_by(Publication.standing)
        return Counter({standing: count for standing, count in session.execute(wanted)})


def left() -> int:
    return sum(count for standing, count in standings().items() if standing not in SETTLED)


def attempts() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Attempt))


def test_a_killed_worker_sends_under_one_id_and_loses_nothing(firm, settings, receiver, environment, unruly):
    waiting_posts(firm, settings, receiver)
    receiver.behave = unruly(7)
    chance = random.Random(11)
    for _ in range(KILLS):
        worker = start(environment)
        time.sleep(chance.uniform(0.1, 1.5))
        end(worker)

    worker = start(environment)
    tried, until = attempts(), time.monotonic() + STILL
    while left() and time.monotonic() < until:
        time.sleep(0.2)
        if attempts() > tried:
            tried, until = attempts(), time.monotonic() + STILL
    end(worker)

    assert sum(standings().values()) == POSTS
    assert left() == 0, standings()
    ids, taken, bodies = received(receiver)
    assert max(len(found) for found in ids.values()) == 1, "one publication, one message id"
    with reading() as session:
        rows = session.execute(select(Publication.post, Publication.standing, Publication.message)).all()
        digests = set(session.scalars(select(Attempt.request)))
        doubts = session.scalar(select(func.count()).where(Attempt.outcome == Outcome.UNKNOWN))
    assert {post for post, standing, _ in rows if standing is Is.PUBLISHED} <= taken, "published means taken"
    assert all(ids[post] <= {message} for post, _, message in rows)
    assert bodies <= digests, "nothing was sent that no attempt names"
    assert doubts, "the receiver and the kills left no doubt: this test would prove nothing"


def received(receiver) -> tuple[defaultdict[int, set[str]], set[int], set[bytes]]:
    """The message ids that arrived for each post, the posts that took effect, the digests of all bodies."""
    ids: defaultdict[int, set[str]] = defaultdict(set)
    taken: set[int] = set()
    bodies: set[bytes] = set()
    for request in receiver.received:
        post = json.loads(request.body)["data"]["post"]
        ids[post].add(request.headers["webhook-id"])
        bodies.add(hashlib.sha256(request.body).digest())
        if request.applied:
            taken.add(post)
    return ids, taken, bodies
