"""The contents that included entries name by their SHA-256, read from the rows whose images name them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, LargeBinary, inspect, select, tuple_

from approval.audit.models import WITNESSED
from approval.audit.models.images import content_bytes, marks
from approval.db import Digest, Session
from approval.records.queries.folding import bytes_of
from approval.records.queries.selection import entries_at
from approval.records.services.archive import Archive

TOGETHER = 50
"""Texts are read this many at a time; files, which are large, one by one."""
_NAME = b'{"sha256":"'
_NAMED = re.compile(_NAME + rb'([0-9a-f]{64})"\}')


@dataclass(frozen=True)
class _Place:
    """Where the bytes of a digest should be: a column of a row, found by its key."""

    digest: str
    column: Column[Any]
    key: tuple[Any, ...]


def names_content(body: bytes) -> bool:
    """Tell whether an entry may name a content."""
    return _NAME in body


def write_contents(archive: Archive, session: Session, log: str, indexes: Sequence[int]) -> dict[str, str]:
    """Write every content that the entries at *indexes* name; return the digests that are not there, with reasons."""
    absent = dict[str, str]()
    for batch in entries_at(session, log, indexes):
        places: dict[_Place, str] = {}
        for entry in batch:
            named = (digest.decode() for digest in _NAMED.findall(entry.body))
            missing = {digest for digest in named if _member(digest) not in archive}
            if not missing:
                continue
            here = f"entry {entry.index} of {log} names it"
            for digest in missing:
                absent.setdefault(digest, f"{here} outside the rows that hold contents")
            for place in _places(json.loads(entry.body)["rows"]):
                if place.digest in missing:
                    places.setdefault(place, here)
        absent |= _write(archive, session, places)
    return {digest: reason for digest, reason in absent.items() if _member(digest) not in archive}


def add_content(archive: Archive, value: Any) -> None:
    """Write a content by its digest, once."""
    data = content_bytes(value)
    name = _member(hashlib.sha256(data).hexdigest())
    if name not in archive:
        # Images and PDF are compressed already.
        archive.add(name, data, stored=isinstance(value, bytes))


def _places(rows: list[dict[str, Any]]) -> Iterator[_Place]:
    for row in rows:
        cls = WITNESSED.get(row["table"])
        if cls is None or row["image"] is None:
            continue
        for name, mark in marks(cls).items():
            value = row["image"].get(name)
            if mark == "content" and isinstance(value, dict):
                table = inspect(cls).local_table
                key = tuple(_stored(column, row["key"][column.name]) for column in table.primary_key)
                yield _Place(value["sha256"], table.c[name], key)


def _write(archive: Archive, session: Session, places: Mapping[_Place, str]) -> dict[str, str]:
    """Write the contents at these places; return those that are not there, with reasons that begin as given."""
    by_column: defaultdict[Column[Any], list[_Place]] = defaultdict(list)
    for place in places:
        by_column[place.column].append(place)
    absent: dict[str, str] = {}
    for column, wanted in by_column.items():
        for place, stored in _found(session, column, wanted):
            if stored is None:
                absent[place.digest] = f"{places[place]}, but it is not stored any more"
                continue
            data = bytes_of(stored, place.digest)
            if hashlib.sha256(data).hexdigest() != place.digest:
                absent[place.digest] = f"{places[place]}, but {column} holds other bytes now"
            elif _member(place.digest) not in archive:
                archive.add(_member(place.digest), data, stored=isinstance(column.type, LargeBinary))
    return absent


def _found(session: Session, column: Column[Any], places: Sequence[_Place]) -> Iterator[tuple[_Place, Any]]:
    """Yield what stands at each place of a column now; None where nothing does."""
    key = tuple(column.table.primary_key)
    together = 1 if isinstance(column.type, LargeBinary) else TOGETHER
    for start in range(0, len(places), together):
        some = places[start : start + together]
        rows = session.execute(select(column, *key).where(tuple_(*key).in_([place.key for place in some])))
        stored = {tuple(found): value for value, *found in rows}
        yield from ((place, stored.get(place.key)) for place in some)


def _stored(column: Any, value: Any) -> Any:
    return bytes.fromhex(value) if isinstance(column.type, Digest) else value


def _member(digest: str) -> str:
    return f"content/{digest}"
