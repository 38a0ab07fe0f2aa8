"""The write-once copy: entries, checkpoints and tokens in a bucket with S3 Object Lock, in compliance mode.

Entries hold commitments, so what is copied says nothing that an erasure takes back; openings are never copied. The
layout is that of C2SP tlog-tiles below the log's origin: `tile/entries/…`, and beside it `checkpoint/<size>` and
`token/<size>.tsr`. An object counts as copied once the bucket itself has said its bytes, its mode and its date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, select

from approval import clock
from approval.audit.events import INSTALLATION, LogCopyChecked
from approval.audit.models import Anchor, Checkpoint, Entry, Log, Outpost, Sealing, WormCopy
from approval.audit.models.bucket import COMPLIANCE, Bucket
from approval.audit.queries.outposts import COPY, lies, token_key
from approval.audit.queries.tiles import stored_tile
from approval.audit.services.outposts import Claimed, claim, leave
from approval.audit.services.recording import record
from approval.audit.services.sealing import Because
from approval.audit.services.watching import MOST_WORDS, WATCH
from approval.db import Session
from approval.errors import Contradicted, OutpostFailed
from approval.tlog import ENTRIES, TILE_WIDTH, Tile, tile_path

AT_LEAST = timedelta(days=1)
"""How long what is copied late is locked, where its own time is over."""
ALTERED, HIDDEN, MISSING, OVERWRITTEN = "altered", "hidden", "missing", "overwritten"


@dataclass(frozen=True)
class Due:
    """A log to be copied up to *size*, of which the first *bundles* full bundles lie there."""

    log: str
    origin: str
    size: int
    bundles: int


@dataclass(frozen=True)
class Object:
    """Something to be copied: its key below the origin, its bytes, and the instant from which it is kept."""

    key: str
    data: bytes
    since: datetime


@dataclass(frozen=True)
class Placed:
    """An object that the bucket holds: its version, the SHA-256 of its bytes, and until when it is locked."""

    key: str
    version: str
    sha256: bytes
    until: datetime


@dataclass(frozen=True)
class Copied:
    """What this database copied of a log: the version of each key, the keys still locked, and how much is sealed."""

    origin: str
    sealed: int
    versions: dict[str, str]
    locked: frozenset[str]


@dataclass(frozen=True)
class Inventory:
    """What lies in the copy of a log; `missing`, `hidden`, `overwritten` are keys of ours, `beyond` the largest size
    of a checkpoint that this database never sealed."""

    objects: int
    markers: int
    strange: int
    missing: tuple[str, ...]
    hidden: tuple[str, ...]
    overwritten: tuple[str, ...]
    beyond: int | None


def claim_copy(session: Session, log: str) -> Due | None:
    """Take up the copy of *log*; None where another worker is at it, or nothing is sealed."""
    claimed: Claimed | None = claim(session, log, COPY)
    if claimed is None:
        return None
    query = select(Log.origin, Sealing.size).join(Sealing, Sealing.log == Log.name).where(Log.name == log)
    row = session.execute(query).one()
    if not row.size:
        leave(session, log, COPY)
        return None
    return Due(log, row.origin, row.size, claimed.bundles)


def bundle(session: Session, log: str, index: int, width: int = TILE_WIDTH) -> Object:
    """Return the entries of a bundle, which are kept from its last entry on."""
    wanted = Tile(ENTRIES, index, width)
    last = index * TILE_WIDTH + width - 1
    at = session.scalars(select(Entry.at).where(Entry.log == log, Entry.index == last)).one()
    return Object(tile_path(wanted), stored_tile(session, log, wanted), at)


def rest(session: Session, due: Due) -> list[Object]:
    """Return what is copied after the full bundles: the partial one, tokens with their checkpoints, and last the
    checkpoint that says that everything below it is there."""
    tokens = session.execute(
        select(Anchor.size, Anchor.token, Anchor.at)
        .where(Anchor.log == due.log, Anchor.size <= due.size, ~lies(token_key()))
        .order_by(Anchor.size)
    ).all()
    full, width = divmod(due.size, TILE_WIDTH)
    found = [bundle(session, due.log, full, width)] if width else []
    for size, token, at in tokens:
        found += [*([checkpoint(session, due.log, size)] if size != due.size else []), _token(size, token, at)]
    return [*found, checkpoint(session, due.log, due.size)]


def checkpoint(session: Session, log: str, size: int) -> Object:
    """Return a checkpoint as an object."""
    row = session.execute(select(Checkpoint.note, Checkpoint.at).where(Checkpoint.log == log, Checkpoint.size == size))
    note, at = row.one()
    return Object(f"checkpoint/{size}", note.encode(), at)


def _token(size: int, token: bytes, at: datetime) -> Object:
    return Object(f"token/{size}.tsr", token, at)


def placed(bucket: Bucket, origin: str, given: Object, *, days: int, now: datetime) -> Placed:
    """Write an object unless it is there, and return what the bucket then says of it.

    What was stored although no answer came is found so, and is not written again. Contradicted where other bytes lie
    there; OutpostFailed where it is not locked as it must be.
    """
    path = f"{origin}/{given.key}"
    wanted = (given.since + timedelta(days=days)).replace(microsecond=0)
    version = bucket.put(path, given.data, until=max(wanted, (now + AT_LEAST).replace(microsecond=0)))
    there = bucket.head(path, version)
    if there is None or not there.version:
        raise OutpostFailed(f"{path} is not in the bucket, or the bucket keeps no versions")
    digest = sha256(given.data).digest()
    # Not every server of this protocol keeps a checksum: then the bytes are read back.
    if (there.sha256 or sha256(bucket.read(path, there.version)).digest()) != digest:
        raise Contradicted(ALTERED, f"{path} in the write-once copy holds other bytes than this database")
    if there.mode != COMPLIANCE or there.until is None or there.until < wanted:
        raise OutpostFailed(f"{path} is not locked in compliance mode until {wanted:%Y-%m-%d}: {_lock(there)}")
    return Placed(given.key, there.version, digest, there.until)


def _lock(there: Any) -> str:
    return f"the bucket says {there.mode or 'no mode'}, {there.until or 'no date'}"


def keep_copy(session: Session, log: str, there: Placed) -> None:
    """Keep that an object lies in the copy."""
    known = select(WormCopy.key).where(WormCopy.log == log, WormCopy.key == there.key)
    if session.scalar(known) is None:
        row = {"log": log, "key": there.key, "version": there.version, "sha256": there.sha256, "until": there.until}
        session.execute(insert(WormCopy).values(**row, at=clock.now(session)))


def copied(session: Session, log: str) -> Copied:
    """Return what must lie in the copy of *log*; what is not locked any more may be gone."""
    query = select(Log.origin, Sealing.size).join(Sealing, Sealing.log == Log.name).where(Log.name == log)
    origin, sealed = session.execute(query).one()
    now = clock.now(session)
    rows = session.execute(select(WormCopy.key, WormCopy.version, WormCopy.until).where(WormCopy.log == log)).all()
    locked = frozenset(key for key, _, until in rows if until > now)
    return Copied(origin, sealed, {key: version for key, version, _ in rows}, locked)


def gone_through(bucket: Bucket, ours: Copied, going_on: Callable[[], None]) -> Inventory:
    """Go through every version below a log's origin, and compare with what this database copied."""
    missing, hidden, overwritten = set(ours.locked), set(), set()
    markers = strange = 0
    beyond: int | None = None
    for key, version, is_marker in _below(bucket, ours.origin):
        going_on()
        if is_marker:
            markers += 1
            hidden.add(key)
        elif ours.versions.get(key) == version:
            missing.discard(key)
        else:
            strange += 1
            if key in ours.versions:
                overwritten.add(key)
            size = key.removeprefix("checkpoint/")
            if size != key and size.isascii() and size.isdigit() and int(size) > ours.sealed:
                beyond = max(beyond or 0, int(size))
    return Inventory(
        objects=len(ours.versions) - len(missing),
        markers=markers,
        strange=strange,
        missing=tuple(sorted(missing)),
        hidden=tuple(sorted(hidden)),
        overwritten=tuple(sorted(overwritten)),
        beyond=beyond,
    )


def _below(bucket: Bucket, origin: str) -> Iterator[tuple[str, str, bool]]:
    for each in bucket.versions(f"{origin}/"):
        yield each.key.removeprefix(f"{origin}/"), each.version, each.is_marker


def ensure_whole(found: Inventory) -> None:
    """Ensure that everything copied lies there, in sight and alone under its key; Contradicted otherwise."""
    if found.beyond is not None:
        raise Contradicted(
            Because.ROLLED_BACK,
            f"a checkpoint of {found.beyond} entries lies in the write-once copy; this database never sealed so many",
        )
    for because, keys, words in (
        (MISSING, found.missing, "is not in the write-once copy any more"),
        (HIDDEN, found.hidden, "was deleted in the write-once copy: a marker hides it; the locked version is below"),
        (OVERWRITTEN, found.overwritten, "has further versions in the write-once copy; the first one is ours"),
    ):
        if keys:
            more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
            raise Contradicted(because, f"{keys[0]}{more} {words}")


def note_inventory(session: Session, log: str, found: Inventory, problem: str | None) -> None:
    """Record what the nightly inventory of the copy of *log* found."""
    where = (Outpost.log == log) & (Outpost.name == COPY)
    size = session.scalars(select(Outpost.size).where(where)).one()
    record(
        session,
        LogCopyChecked(
            by=WATCH,
            workspace=None if log == INSTALLATION else log,
            holds=problem is None,
            size=size,
            objects=found.objects,
            markers=found.markers,
            strange=found.strange,
            problem=problem and problem[:MOST_WORDS],
        ),
    )
