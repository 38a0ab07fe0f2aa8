"""What a log says of rows that shall be forgotten, and what it says was erased."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, inspect, select
from sqlalchemy.orm import Mapper

from approval.audit.events import plain
from approval.audit.models import Entry, Erased, Opening
from approval.audit.queries.canonical import key_text
from approval.db import Base, Session
from approval.errors import ProofFailed

BATCH = 500
KIND = "erased"
ZEROS = bytes(32)
Place = tuple[str, str]
"""A row as images name it: its table, and its key as canonical text."""


@dataclass(frozen=True)
class Named:
    """What entries hold of some rows: the commitments of every image ever made of them, and digests of contents."""

    commitments: frozenset[bytes] = frozenset()
    contents: frozenset[bytes] = frozenset()

    def joined(self, others: Iterable[Named]) -> Named:
        """Return what this and all of *others* name together."""
        all_ = [self, *others]
        return Named(
            frozenset().union(*(one.commitments for one in all_)), frozenset().union(*(one.contents for one in all_))
        )


def place_of(row: Base) -> Place:
    """Return how images name a row."""
    mapper: Mapper[Any] = inspect(type(row))
    table: Any = mapper.local_table
    keys = zip(mapper.primary_key, mapper.primary_key_from_instance(row), strict=True)
    return str(table.name), key_text({column.name: plain(value) for column, value in keys})


def images_of(
    session: Session, log: str, posts: Sequence[int], *, about: str | None = None
) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield every image that *log* holds in entries about *posts* or about no post, each with the place of its row.

    With *about*, only entries whose text holds these words are read. The log is streamed: memory stays bounded.
    """
    for query in _entries(log, posts):
        for (body,) in session.execute(query.execution_options(yield_per=BATCH)):
            if about is not None and about.encode() not in body:
                continue
            for row in json.loads(body)["rows"]:
                if row["image"]:
                    yield (row["table"], key_text(row["key"])), row["image"]


def _entries(log: str, posts: Sequence[int]) -> Iterator[Any]:
    query = select(Entry.body).where(Entry.log == log)
    if posts:
        yield query.where(Entry.post.in_(posts))
    yield query.where(Entry.post.is_(None))


def named(image: Mapping[str, Any]) -> Named:
    """Return what one image names."""
    said = [value for value in image.values() if isinstance(value, dict)]
    return Named(
        frozenset(bytes.fromhex(value["commitment"]) for value in said if "commitment" in value),
        frozenset(bytes.fromhex(value["sha256"]) for value in said if value.keys() == {"sha256"}),
    )


def still_open(session: Session, commitments: Sequence[bytes]) -> list[bytes]:
    """Return those of some commitments that no entry erased yet, in order."""
    gone: set[bytes] = set()
    for at in range(0, len(commitments), BATCH):
        some = commitments[at : at + BATCH]
        gone.update(session.scalars(select(Erased.commitment).where(Erased.commitment.in_(some))))
    return sorted(set(commitments) - gone)


@dataclass(frozen=True)
class ErasedEntry:
    """An `erased` entry: its place, when, and its facts as they stand there (see the event)."""

    index: int
    at: datetime
    act: str
    facts: Mapping[str, Any]


def erased_entries(
    session: Session, log: str, *, case: tuple[str, int] | None = None, after: int = -1, limit: int | None = None
) -> Iterator[ErasedEntry]:
    """Yield the `erased` entries of a log behind *after*, in order; those of one *case* (under what, number)."""
    query = (
        select(Entry.index, Entry.at, Entry.act, Entry.body)
        .where(Entry.log == log, Entry.kind == KIND, Entry.index > after)
        .order_by(Entry.index)
        .execution_options(yield_per=BATCH)
    )
    found = 0
    for index, at, act, body in session.execute(query):
        facts = json.loads(body)["facts"]
        if case in (None, (facts["under"], facts["case"])):
            yield ErasedEntry(index, at, act, facts)
            found += 1
            if found == limit:
                return


def contents_erased(session: Session, log: str) -> dict[str, ErasedEntry]:
    """Return, by digest, the entry under which each content of a log was erased last."""
    return {digest: entry for entry in erased_entries(session, log) for digest in entry.facts["contents"]}


def erased_under(session: Session, commitments: Sequence[bytes]) -> dict[int, int]:
    """Return under which entries some of these commitments were erased: the index, and how many of them."""
    found: dict[int, int] = {}
    for at in range(0, len(commitments), BATCH):
        rows = session.scalars(select(Erased.index).where(Erased.commitment.in_(commitments[at : at + BATCH])))
        for index in rows:
            found[index] = found.get(index, 0) + 1
    return found


def ensure_erased(session: Session, log: str) -> None:
    """Ensure that exactly those openings are overwritten that an `erased` entry names; else ProofFailed."""
    named_in = and_(Erased.commitment == Opening.commitment, Erased.log == Opening.log)
    silent = (
        select(Opening.index)
        .outerjoin(Erased, named_in)
        .where(Opening.log == log, Opening.salt == ZEROS, Erased.commitment.is_(None))
    )
    index = session.scalar(silent.limit(1))
    if index is not None:
        raise ProofFailed(f"{log}: entry {index}: what opens it was overwritten, and no entry erased it")
    rows = session.execute(
        select(Erased.commitment, Erased.index, Entry.kind, Entry.body, Opening.salt, Opening.value)
        .outerjoin(Entry, and_(Entry.log == Erased.log, Entry.index == Erased.index))
        .outerjoin(Opening, named_in)
        .where(Erased.log == log)
        .execution_options(yield_per=BATCH)
    )
    for commitment, index, kind, body, salt, value in rows:
        if kind != KIND or commitment.hex().encode() not in body:
            raise ProofFailed(f"{log}: entry {index} is said to erase what it does not name")
        if salt is not None and (salt != ZEROS or value is not None):
            raise ProofFailed(f"{log}: entry {index} says that a value was erased, and it is still there")
