"""Fold a log to the last image of every witnessed row, and compare with the tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from sqlalchemy import inspect, or_, select

from approval.audit.events import INSTALLATION, plain
from approval.audit.models import Entry, Opening, Witnessed
from approval.audit.models.images import absences, commit_to, content_digest, marks, witnessed_tables
from approval.audit.queries.verifying import go_on
from approval.db import Session

BATCH = 500
_Images = dict[str, dict[str, Any]]  # table → key as canonical text → last image


@dataclass(frozen=True)
class Difference:
    """A row, or one column of it, that the log does not explain."""

    table: str
    key: str
    column: str | None
    what: str

    def __str__(self) -> str:
        column = f".{self.column}" if self.column else ""
        return f"{self.table}{column} {self.key}: {self.what}"


def replay(session: Session, log: str, *, going_on: Callable[[], None] = go_on) -> Iterator[Difference]:
    """Yield everything in the tables that differs from what *log* says last of it; *going_on* as in `verify`."""
    images = _fold(session, log, going_on)
    for name, cls in sorted(witnessed_tables().items()):
        going_on()
        yield from _compare(session, log, cls, images.pop(name, {}))
    for name, rows in images.items():
        yield from (Difference(name, key, None, "the log knows a table that is not there") for key in rows)


def _fold(session: Session, log: str, going_on: Callable[[], None]) -> _Images:
    images: _Images = {}
    rows = session.execute(
        select(Entry.body).where(Entry.log == log).order_by(Entry.index).execution_options(yield_per=BATCH)
    )
    for number, (body,) in enumerate(rows):
        if number % BATCH == 0:
            going_on()
        for row in json.loads(body)["rows"]:
            images.setdefault(row["table"], {})[_text(row["key"])] = row["image"]
    return images


def _compare(
    session: Session, log: str, cls: type[Witnessed], images: dict[str, dict[str, Any] | None]
) -> Iterator[Difference]:
    table: Any = inspect(cls).local_table
    query = select(*table.c).where(*_of_log(table, cls, log)).execution_options(yield_per=BATCH)
    for rows in session.execute(query).mappings().partitions(BATCH):
        openings = _openings(session, [images.get(_key(table, row)) for row in rows])
        for row in rows:
            key = _key(table, row)
            image = images.pop(key, None)
            if image is None:
                yield Difference(table.name, key, None, "no entry explains this row")
                continue
            yield from _compare_row(cls, table.name, key, image, dict(row), openings)
    for key, image in images.items():
        if image is not None:
            yield Difference(table.name, key, None, "the row is missing; no entry deleted it")


def _of_log(table: Any, cls: type[Witnessed], log: str) -> Sequence[Any]:
    if cls.log_column is None:
        return () if log == INSTALLATION else (table.c[table.primary_key.columns.keys()[0]].is_(None),)
    column = table.c[cls.log_column]
    return (or_(column.is_(None), column == log),) if log == INSTALLATION else (column == log,)


def _openings(session: Session, images: Sequence[dict[str, Any] | None]) -> dict[str, tuple[bytes, str | None]]:
    wanted = [
        bytes.fromhex(value["commitment"])
        for image in images
        if image
        for value in image.values()
        if isinstance(value, dict) and "commitment" in value
    ]
    found: dict[str, tuple[bytes, str | None]] = {}
    for at in range(0, len(wanted), BATCH):
        rows = session.execute(
            select(Opening.commitment, Opening.salt, Opening.value).where(
                Opening.commitment.in_(wanted[at : at + BATCH])
            )
        )
        found |= {commitment.hex(): (salt, value) for commitment, salt, value in rows}
    return found


def _compare_row(
    cls: type[Witnessed],
    table: str,
    key: str,
    image: dict[str, Any],
    row: dict[str, Any],
    openings: dict[str, tuple[bytes, str | None]],
) -> Iterator[Difference]:
    image = {**absences(cls), **image}
    for name in sorted(image.keys() | row.keys()):
        if name not in image or name not in row:
            yield Difference(table, key, name, "the column is in the log or in the table, not in both")
        elif not _same(marks(cls)[name], image[name], row[name], openings):
            yield Difference(table, key, name, "the table says something else than the log")


def _same(mark: str, said: Any, value: Any, openings: dict[str, tuple[bytes, str | None]]) -> bool:
    if value is None or mark == "plain" or not isinstance(said, dict):
        return bool(said == plain(value))
    if mark == "content":
        return bool(said == {"sha256": content_digest(value).hex()})
    salt, opened = openings.get(said.get("commitment", ""), (b"", None))
    if not salt or commit_to(salt, value).hex() != said["commitment"]:
        return False
    return mark == "secret" or opened == rfc8785.dumps(plain(value)).decode()


def _key(table: Any, row: Any) -> str:
    return _text({column.name: plain(row[column.name]) for column in table.primary_key.columns})


def _text(key: dict[str, Any]) -> str:
    return rfc8785.dumps(key).decode()
