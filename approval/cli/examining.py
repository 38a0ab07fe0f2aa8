"""What `approval doctor` looks at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from sqlalchemy import create_engine, select
from sqlalchemy.exc import DBAPIError

from approval import clock, db
from approval.audit.models.keys import Keys
from approval.audit.queries.entries import head
from approval.audit.queries.outposts import reached
from approval.audit.queries.verifying import logs
from approval.audit.queries.watching import alarms
from approval.audit.services.witnessing import witnesses
from approval.db import schema
from approval.errors import NotMigrated
from approval.posts import reading
from approval.publishing.models import Heartbeat
from approval.screening.opinion import REMEDY, load_encoder
from approval.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One check: `state` is ok, note or bad."""

    check: str
    state: str
    detail: str


def examine(settings: Settings) -> list[Finding]:
    """Run every check that this installation allows."""
    findings: list[Finding] = []
    for check in (_keys, _images, _database, _logs, _worker, _time, _outside, _address, _mail, _opinions):
        try:
            findings += check(settings)
        except (DBAPIError, NotMigrated, OSError) as error:
            findings.append(Finding(check.__name__.strip("_"), "bad", str(getattr(error, "orig", None) or error)))
            break
    return findings


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.separate_sealer and not os.access(settings.keys, os.X_OK):
        yield Finding("keys", "ok", "held by another user, who runs `approval sealer`")
        return
    if not settings.keys.is_dir():
        yield Finding("keys", "note", f"no signing keys yet in {settings.keys}; the first workspace makes them")
        return
    loose = [file.name for file in settings.keys.glob("*.key") if file.stat().st_mode & 0o077]
    if loose:
        yield Finding("keys", "bad", f"others may read {', '.join(loose)}: chmod 600 them in {settings.keys}")
    if settings.embedded and settings.keys.is_relative_to(settings.data):
        yield Finding(
            "keys",
            "note",
            "signing keys and database share a folder: whoever has it has both; set APPROVAL_KEYS elsewhere",
        )
    if not os.access(settings.keys, os.W_OK):
        yield Finding("keys", "bad", f"{settings.keys} cannot be written: last-signed heads are kept there")


def _database(settings: Settings) -> Iterator[Finding]:
    schema.ensure_current(create_engine(schema.plain_url(settings.database_url)))
    engine = db.connect(settings.database_url)
    schema.ensure_guarded(engine)
    yield Finding("database", "ok", f"{engine.dialect.name}, at this program's schema, the log guarded")


def _logs(settings: Settings) -> Iterator[Finding]:
    with db.reading() as session:
        for name in logs(session):
            found = head(session, name)
            detail = f"{found.size} entries, {found.sealed} sealed"
            keys = Keys(settings.keys)
            wrong = alarms(session, [name])
            if wrong:
                yield Finding(f"log {name}", "bad", f"{detail}; {wrong[0].headline} {wrong[0].detail}")
            elif found.sealed and keys.holds(name) and keys.head(name) is None:
                yield Finding(f"log {name}", "bad", f"{detail}; its last-signed head is missing from the keys folder")
            else:
                yield Finding(f"log {name}", "ok", detail)


def _worker(settings: Settings) -> Iterator[Finding]:
    with db.reading() as session:
        last = session.scalar(select(Heartbeat.at).order_by(Heartbeat.at.desc()).limit(1))
        now = clock.now(session)
    if last is None or (now - last).total_seconds() > 60:
        yield Finding("worker", "bad", "no worker was alive in the last minute: start `approval worker` or `serve`")
    else:
        yield Finding("worker", "ok", "alive")


def _time(settings: Settings) -> Iterator[Finding]:
    if settings.timestamp_url is None:
        yield Finding("time", "note", "APPROVAL_TIMESTAMP_URL is not set: no checkpoint is dated from outside")
    elif find_spec("rfc3161_client") is None:
        yield Finding("time", "bad", "the extra `timestamp` is not installed: pip install 'approval[timestamp]'")
    elif settings.timestamp_ca is None:
        yield Finding("time", "note", "APPROVAL_TIMESTAMP_CA is not set: nobody looks at who signed the tokens")
    else:
        yield Finding("time", "ok", f"checkpoints are dated by {settings.timestamp_url}")


def _outside(settings: Settings) -> Iterator[Finding]:
    names = list(witnesses(settings))
    if not names:
        yield Finding(
            "witnesses", "note", "APPROVAL_WITNESSES is not set: nobody outside remembers how long the logs were"
        )
    if settings.worm is None:
        yield Finding("copy", "note", "APPROVAL_WORM_URL is not set: there is no write-once copy")
    elif find_spec("boto3") is None:
        yield Finding("copy", "bad", "the extra `s3` is not installed: pip install 'approval[s3]'")
    with db.reading() as session:
        places = [(log, place) for log in logs(session) for place in reached(session, log)]
    for log, place in places:
        if place.behind_since is not None:
            since = f"{place.size} entries, behind since {place.behind_since:%Y-%m-%d %H:%M} UTC"
            yield Finding(f"{place.name} of {log}", "bad", f"{since}: {place.problem or 'is a worker running?'}")
        else:
            yield Finding(f"{place.name} of {log}", "ok", f"{place.size} entries")


def _address(settings: Settings) -> Iterator[Finding]:
    state, detail = ("ok", settings.base_url) if settings.secure else ("note", "plain http: this machine only")
    yield Finding("address", state, detail or "")


def _mail(settings: Settings) -> Iterator[Finding]:
    if settings.smtp_url is None:
        yield Finding("mail", "note", "APPROVAL_SMTP_URL is not set: people are told in the pages only")
    else:
        yield Finding("mail", "ok", "a mail server is set")


def _images(settings: Settings) -> Iterator[Finding]:
    if reading.program() is None:
        yield Finding(
            "images",
            "note",
            f"the program {reading.PROGRAM} is not on the path: words in images are not read; its Debian package is "
            f"{reading.PACKAGE}",
        )
    else:
        yield Finding("images", "ok", f"words in images are read by {reading.PROGRAM}")


def _opinions(settings: Settings) -> Iterator[Finding]:
    if not settings.second_opinion:
        return
    encoder = load_encoder()
    if encoder is None:
        yield Finding("second opinion", "bad", f"it is asked for, and its model cannot be read: {REMEDY}")
    else:
        where = ", ".join(sorted(settings.second_opinion))
        yield Finding("second opinion", "ok", f"{encoder.model.name} {encoder.model.version}, for {where}")
