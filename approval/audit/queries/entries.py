"""What the log says: entries in order, one entry with its proof, the head."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from approval import clock
from approval.audit.events import KINDS
from approval.audit.models import Checkpoint as CheckpointRow, Entry, Log, Opening, Sealing
from approval.audit.models.tiles import TileFiles
from approval.audit.queries.anchoring import Anchored, anchored
from approval.audit.queries.hashes import fetch_all_from
from approval.audit.queries.outposts import Reached, reached
from approval.audit.queries.tiles import fetch_all_through, forget, remembering
from approval.db import Session
from approval.errors import Invalid, NotFound, ProofFailed
from approval.tlog import ProofError, Read, check_inclusion, prove_inclusion, span_reader

MAX_LIMIT = 1000


@dataclass(frozen=True)
class Head:
    """A log's head: what it is called outside, its key, how many entries it has, how many are sealed and when."""

    log: str
    origin: str
    vkey: str
    size: int
    sealed: int
    sealed_at: datetime | None
    note: str | None
    anchored: Anchored
    outside: tuple[Reached, ...]

    def reached(self, index: int) -> str:
        """Return how far the entry at *index* is proven: `recorded`, `sealed`, or `anchored` (dated from outside)."""
        if index < self.anchored.size:
            return "anchored"
        return "sealed" if index < self.sealed else "recorded"

    def held_by(self, index: int) -> list[str]:
        """Return the places outside that hold the log up to the entry at *index* and beyond it."""
        return [place.name for place in self.outside if index < place.size]


@dataclass(frozen=True)
class EntryLine:
    """One entry, as lists show it."""

    log: str
    index: int
    kind: str
    meaning: str
    at: datetime
    actor: str
    post: int | None
    act: str
    body: str


@dataclass(frozen=True)
class Filter:
    """Which entries of a log: by kind, actor, post, day; `before` and `after` are indexes for paging."""

    kind: str | None = None
    actor: str | None = None
    post: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True)
class Proof:
    """An inclusion proof: the entry's index in a tree of `size` with `root`, and the path, leaf side first."""

    index: int
    size: int
    leaf: bytes
    path: tuple[bytes, ...]
    root: bytes
    note: str


def head(session: Session, log: str) -> Head:
    """Return the head of *log*; NotFound where there is no such log."""
    row = session.execute(select(Log.origin, Log.vkey, Log.size).where(Log.name == log)).one_or_none()
    if row is None:
        raise NotFound(f"There is no log named {log}.")
    sealed = session.execute(
        select(CheckpointRow.size, CheckpointRow.at, CheckpointRow.note)
        .where(CheckpointRow.log == log)
        .order_by(CheckpointRow.size.desc())
        .limit(1)
    ).one_or_none()
    size, at, note = sealed if sealed else (0, None, None)
    return Head(log, row.origin, row.vkey, row.size, size, at, note, anchored(session, log), reached(session, log))


def entries(session: Session, log: str, wanted: Filter) -> list[EntryLine]:
    """Return entries of *log*: ascending after `after`, else descending from `before` or the end."""
    return [_line(row) for row in session.execute(_page(log, wanted))]


def _page(log: str, wanted: Filter) -> Any:
    query = _columns().where(Entry.log == log)
    for column, sought in ((Entry.post, wanted.post), (Entry.actor, wanted.actor), (Entry.kind, wanted.kind)):
        if sought is not None:
            query = query.where(column == sought)
    if wanted.since is not None:
        query = query.where(Entry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Entry.at < wanted.until)
    if wanted.after is not None:
        query = query.where(Entry.index > wanted.after).order_by(Entry.index.asc())
    else:
        if wanted.before is not None:
            query = query.where(Entry.index < wanted.before)
        query = query.order_by(Entry.index.desc())
    return query.limit(min(max(wanted.limit, 1), MAX_LIMIT))


def entry(session: Session, log: str, index: int) -> EntryLine:
    """Return one entry; NotFound where the log has none at *index*."""
    row = session.execute(_columns().where(Entry.log == log, Entry.index == index)).one_or_none()
    if row is None:
        raise NotFound(f"The log {log} has no entry {index}.")
    return _line(row)


def _columns() -> Any:
    return select(Entry.log, Entry.index, Entry.kind, Entry.at, Entry.actor, Entry.post, Entry.act, Entry.body)


def _line(row: Any) -> EntryLine:
    known = KINDS.get(row.kind)
    meaning = (known.__doc__ or "").strip().split("\n")[0].replace("`", "") if known else ""
    return EntryLine(row.log, row.index, row.kind, meaning, row.at, row.actor, row.post, row.act, row.body.decode())


def opened(session: Session, body: str) -> dict[str, Any]:
    """Return the values that the commitments of an entry open to, by commitment; erased and secret ones are absent."""
    wanted = [
        bytes.fromhex(value["commitment"])
        for row in json.loads(body)["rows"]
        for value in (row["image"] or {}).values()
        if isinstance(value, dict) and "commitment" in value
    ]
    rows = session.execute(
        select(Opening.commitment, Opening.value).where(Opening.commitment.in_(wanted), Opening.value.is_not(None))
    )
    return {commitment.hex(): json.loads(str(value)) for commitment, value in rows}


def proof(session: Session, log: str, index: int, size: int | None = None, *, files: TileFiles | None = None) -> Proof:
    """Prove that entry *index* is in the sealed tree of *size* (default: the latest checkpoint).

    Hashes come from *files* where these stand, and from the database where they do not lead to the signed root.
    """
    leaf = select(Entry.leaf).where(Entry.log == log, Entry.index == index).scalar_subquery()
    columns = (CheckpointRow.size, CheckpointRow.root, CheckpointRow.note, leaf.label("leaf"))
    query = select(*columns).where(CheckpointRow.log == log)
    if size is None:
        query = query.order_by(CheckpointRow.size.desc()).limit(1)
    else:
        query = query.where(CheckpointRow.size == size)
    sealed = session.execute(query).one_or_none()
    if sealed is None:
        raise NotFound(f"The log {log} has no checkpoint{'' if size is None else f' of size {size}'}.")
    if not 0 <= index < sealed.size:
        raise Invalid(f"Entry {index} is not covered by the checkpoint at {sealed.size}; it is sealed within a minute.")
    if sealed.leaf is None:
        raise ProofFailed(f"{log}: entry {index} is missing")
    found = Proof(index, sealed.size, sealed.leaf, (), sealed.root, sealed.note)
    if files is not None:
        try:
            return _with_path(found, remembering(found.root, span_reader(fetch_all_through(session, log, files))))
        except (ProofError, ValueError):
            forget()
    try:
        return _with_path(found, span_reader(fetch_all_from(session, log)))
    except ProofError as error:
        raise ProofFailed(f"{log}: the stored hashes do not lead from entry {index} to the signed root") from error


def _with_path(found: Proof, read: Read) -> Proof:
    path = prove_inclusion(found.index, found.size, read)
    check_inclusion(found.index, found.size, found.leaf, path, found.root)
    return replace(found, path=tuple(path))


def explaining(session: Session, log: str, post: int, kind: str, table: str) -> dict[int, int]:
    """Return which entries of *kind* about a post explain rows of *table*: the row's id to the entry's index."""
    rows = session.execute(
        select(Entry.index, Entry.body).where(Entry.log == log, Entry.post == post, Entry.kind == kind)
    )
    return {
        row["key"]["id"]: index for index, body in rows for row in json.loads(body)["rows"] if row["table"] == table
    }


def overdue(session: Session, longest: timedelta) -> list[str]:
    """Return the logs with entries that have waited longer than this to be sealed."""
    since = clock.now(session) - longest
    first_unsealed = (
        select(Entry.at)
        .where(Entry.log == Sealing.log, Entry.index == Sealing.size)
        .correlate(Sealing)
        .scalar_subquery()
    )
    return list(session.scalars(select(Sealing.log).where(first_unsealed < since).order_by(Sealing.log)))
