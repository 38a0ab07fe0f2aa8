"""Loading the demo workspace, once. Everything is done by its people through the services, at the time it happens."""

from __future__ import annotations

import fcntl
import getpass
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select

from approval import clock, db
from approval.audit.models.keys import Keys
from approval.db import Session, reading, schema, transaction
from approval.desk.demo import receiver
from approval.desk.demo.firm import MEMBERS, OUTLETS, PASSWORD, WORKSPACE, Firm, firm, found
from approval.desk.demo.leading import ORIGIN, find, lead
from approval.desk.demo.story import Story, stories
from approval.errors import BadSetting, Conflict
from approval.people.models import Channel, Outbox, Person, Via
from approval.people.queries import workspaces
from approval.posts.models import Post, Standing
from approval.publishing import jobs
from approval.publishing.models import Heartbeat
from approval.settings import Outbound, Settings

LEASE, SETTLE = 5.0, 0.2
"""Seconds: a lost answer of the receiver is known at once, and nothing else answers late."""
PATIENCE = 30.0
"""Seconds for which posts may wait without any of them arriving."""
ALIVE = timedelta(seconds=15)
_WORKER = "demo"


@dataclass(frozen=True)
class DemoPerson:
    """Somebody who may sign in, with the password."""

    email: str
    password: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class DemoChannel:
    """A channel of the demo workspace."""

    name: str
    network: str
    via: str


@dataclass(frozen=True)
class Demo:
    """What was loaded: how to sign in, where posts can go, and how many posts stand where."""

    workspace: str
    people: tuple[DemoPerson, ...]
    channels: tuple[DemoChannel, ...]
    posts: tuple[tuple[Standing, int], ...]


def load(settings: Settings, *, empty: bool) -> Demo:
    """Make the demo workspace the first time, and say what it is; with *empty* without posts.

    Migrates the embedded database. Refused where people reach the program from elsewhere, where the database is in
    use by others, or while a worker runs that would publish at its own pace.
    """
    ensure_on_this_machine(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    with _alone(settings), _connected(settings):
        if not _is_founded():
            _found(settings)
        if not empty and not _is_told():
            _tell(settings)
        return _demo()


def ensure_on_this_machine(settings: Settings) -> None:
    """Refuse an installation that others reach: the passwords of the demo are known to everybody."""
    if not settings.loopback:
        raise BadSetting(
            "APPROVAL_BASE_URL",
            settings.base_url or "",
            "the demo is for this machine alone: unset it, or give a loopback address",
        )


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Keep a second load out."""
    with (settings.data / "demo.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("The demo is being loaded by another process: wait until it has ended.") from error
        yield


@contextmanager
def _connected(settings: Settings) -> Iterator[None]:
    if settings.embedded:
        schema.upgrade(settings.database_url)
    engine = db.connect(settings.database_url)
    schema.ensure_current(engine)
    schema.ensure_guarded(engine)
    try:
        yield
    finally:
        # The server forks its worker after a load: no connection may cross.
        engine.dispose()


def _is_founded() -> bool:
    """Say whether the demo's people are there; Conflict where others use this database."""
    with reading() as session:
        taken = [workspace.name for workspace in workspaces(session)]
        address = MEMBERS[0].email
        ours = session.scalar(select(Person.loopback_only).where(Person.email == address))
    if WORKSPACE in taken and ours:
        return True
    if taken or ours is not None:
        raise Conflict(
            f"This database is in use ({', '.join(taken[:5]) or address}), and the demo comes with known passwords: "
            "load it into a folder of its own, such as APPROVAL_DATA=./demo."
        )
    return False


def _found(settings: Settings) -> None:
    keys = Keys(settings.keys)
    hook = f"http://{receiver.HOST}:{receiver.free_port()}{receiver.PATH}"
    with transaction(ORIGIN) as session:
        found(session, keys=keys, secret_key=settings.secret_key, hook=hook, by=f"host:{getpass.getuser()}")


# -- posts ------------------------------------------------------------------------------------------------------


def _is_told() -> bool:
    """Say whether the posts are there: the last one is made last."""
    with reading() as session:
        return find(session, stories()[-1]) is not None


def _tell(settings: Settings) -> None:
    """Lead every post to its standing, the one whose time passes by itself, and the last one last."""
    _ensure_no_worker()
    *others, last = stories()
    with reading() as session:
        bank = firm(session)
        hook = session.scalars(
            select(Channel.url).where(Channel.workspace == WORKSPACE, Channel.via == Via.WEBHOOK)
        ).one()
    port = urlsplit(hook or "").port or 0
    allowed = (*settings.outbound_allow, Outbound(ip_network(receiver.HOST), port))
    patient = replace(settings, lease=LEASE, settle=SETTLE, outbound_allow=allowed)
    with receiver.receiving(port, {story.title: story.receiver for story in others}):
        _arrive(bank, [story for story in others if story.ends is not Standing.MISSED], patient)
        _arrive(bank, [story for story in others if story.ends is Standing.MISSED], replace(patient, grace=0))
    with transaction(ORIGIN) as session:
        _forget_letters(session)
    _arrive(bank, [last], patient)


def _ensure_no_worker() -> None:
    with reading() as session:
        since = clock.now(session) - ALIVE
        if session.scalar(select(Heartbeat.worker).where(Heartbeat.at > since).limit(1)):
            raise Conflict("A worker is running on this database and would publish the demo's posts: end it first.")


def _arrive(bank: Firm, wanted: Sequence[Story], settings: Settings) -> None:
    """Lead posts until all have arrived, doing the worker's part whenever the rest waits for it."""
    moved = time.monotonic()
    while waiting := [story for story in wanted if not lead(bank, story)]:
        if len(waiting) < len(wanted):
            wanted, moved = waiting, time.monotonic()
        elif time.monotonic() > moved + PATIENCE:
            names = ", ".join(f"“{story.title}”" for story in waiting)
            raise Conflict(f"These posts of the demo do not reach their standing: {names}. Load into an empty folder.")
        jobs.publish_due(settings, _WORKER)
        jobs.reconcile_due(settings, _WORKER)
        jobs.expire_due(settings, _WORKER)
        time.sleep(0.05)


def _forget_letters(session: Session) -> None:
    """Send nobody e-mail about the load: nobody lives at these addresses."""
    session.execute(delete(Outbox).where(Outbox.person.in_(select(Person.id).where(Person.loopback_only))))


def _demo() -> Demo:
    with reading() as session:
        counted = session.execute(
            select(Post.standing, func.count()).where(Post.workspace == WORKSPACE).group_by(Post.standing)
        )
        standings = {standing: number for standing, number in counted}
    return Demo(
        workspace=WORKSPACE,
        people=tuple(DemoPerson(member.email, PASSWORD, tuple(map(str, member.roles))) for member in MEMBERS),
        channels=tuple(DemoChannel(outlet.name, outlet.network, str(outlet.via)) for outlet in OUTLETS),
        posts=tuple((standing, standings[standing]) for standing in Standing if standing in standings),
    )
