"""The contents that included entries name by their SHA-256, read from the rows whose images name them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import LargeBinary, Table, inspect, select

from approval.audit.models.images import content_bytes, marks, witnessed_tables
from approval.db import Digest, Session
from approval.records.queries.selection import entries_at
from approval.records.services.archive import Archive

_NAMED = re.compile(rb'\{"sha256":"([0-9a-f]{64})"\}')


@dataclass(frozen=True)
class _Place:
    """Where the bytes of a digest should be: a column of a row."""

    digest: str
    table: Table
    key: dict[str, Any]
    column: str


def write_contents(archive: Archive, session: Session, log: str, indexes: Sequence[int]) -> dict[str, str]:
    """Write every content that the entries at *indexes* name; return the digests that are not there, with reasons."""
    absent: dict[str, str] = {}
    for batch in entries_at(session, log, indexes):
        for entry in batch:
            named = {digest.decode() for digest in _NAMED.findall(entry.body)}
            missing = {digest for digest in named if _member(digest) not in archive}
            if not missing:
                continue
            for place in _places(json.loads(entry.body)["rows"]):
                if place.digest in missing and (reason := _write(archive, session, place)):
                    absent[place.digest] = f"entry {entry.index} of {log} names it, but {reason}"
            for digest in missing - absent.keys():
                if _member(digest) not in archive:
                    absent[digest] = f"entry {entry.index} of {log} names it outside the rows that hold contents"
    return {digest: reason for digest, reason in absent.items() if _member(digest) not in archive}


def add_content(archive: Archive, value: Any) -> None:
    """Write a content by its digest, once."""
    data = content_bytes(value)
    name = _member(hashlib.sha256(data).hexdigest())
    if name not in archive:
        # Images and PDF are compressed already.
        archive.add(name, data, stored=isinstance(value, bytes))


def _places(rows: list[dict[str, Any]]) -> Iterator[_Place]:
    tables: dict[str, Any] = dict(witnessed_tables())
    for row in rows:
        cls = tables.get(row["table"])
        if cls is None or row["image"] is None:
            continue
        for column, mark in marks(cls).items():
            value = row["image"].get(column)
            if mark == "content" and isinstance(value, dict):
                yield _Place(value["sha256"], inspect(cls).local_table, row["key"], column)


def _write(archive: Archive, session: Session, place: _Place) -> str | None:
    """Write the content at *place*; return the reason where it is not there."""
    columns = place.table.c
    key = (columns[name] == _stored(columns[name], value) for name, value in place.key.items())
    found = session.execute(select(columns[place.column]).where(*key)).one_or_none()
    if found is None or found[0] is None:
        return "it is not stored any more"
    data = content_bytes(found[0])
    if hashlib.sha256(data).hexdigest() != place.digest:
        return f"{place.table.name}.{place.column} holds other bytes now"
    archive.add(_member(place.digest), data, stored=isinstance(columns[place.column].type, LargeBinary))
    return None


def _stored(column: Any, value: Any) -> Any:
    return bytes.fromhex(value) if isinstance(column.type, Digest) else value


def _member(digest: str) -> str:
    return f"content/{digest}"
