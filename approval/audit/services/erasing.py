"""Forgetting for good: rows that are deleted or overwritten, and the openings of everything ever committed of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import inspect

from approval.audit.events import Erased
from approval.audit.models.images import marks
from approval.audit.queries.erasing import Named, still_open
from approval.audit.services.recording import record
from approval.db import Session

ROOM = 12 * 1024
"""Bytes of an entry that lists may fill; the rest of its 16 KiB is for what every entry says."""
_DIGEST = 67
_KEY = 160
_COLUMN = 110


def erase(session: Session, happened: Erased, rows: Iterable[Any], named: Named) -> int:
    """Record that *named* is erased with *rows*, deleted or overwritten; return how many commitments were open.

    At commit the entries are appended, as many as are needed, and in the same transaction the openings of what they
    name are overwritten. Every other row that was written needs an event of its own, as always.
    """
    commitments = still_open(session, sorted(named.commitments))
    for some_rows, some, contents in _portions(list(rows), commitments, sorted(named.contents)):
        record(session, replace(happened, commitments=tuple(some), contents=tuple(contents)), *some_rows)
    return len(commitments)


def _portions(
    rows: list[Any], commitments: Sequence[bytes], contents: Sequence[bytes]
) -> Iterator[tuple[list[Any], list[bytes], list[bytes]]]:
    """Divide what is to be named so that each portion fits an entry; at least one, though it were empty."""
    things = [
        *((0, row, _size(row)) for row in rows),
        *((1, commitment, _DIGEST) for commitment in commitments),
        *((2, content, _DIGEST) for content in contents),
    ]
    portion: tuple[list[Any], list[bytes], list[bytes]] = ([], [], [])
    used = 0
    for kind, thing, size in things:
        if used + size > ROOM and used:
            yield portion
            portion, used = ([], [], []), 0
        portion[kind].append(thing)
        used += size
    yield portion


def _size(row: Any) -> int:
    """Return the bytes that the image of a flushed row may take: little where it was deleted."""
    state = inspect(row)
    if state.deleted:
        return _KEY
    plain = (name for name, mark in marks(type(row)).items() if mark == "plain")
    attributes = {column.name: state.mapper.get_property_by_column(column).key for column in state.mapper.columns}
    return (
        _KEY + _COLUMN * len(attributes) + sum(len(str(getattr(row, attributes[name])).encode()) * 2 for name in plain)
    )
