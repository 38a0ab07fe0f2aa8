"""Find in a log the last image of every witnessed row, and compare it with the tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from sqlalchemy import func, inspect, or_, select, tuple_

from approval.audit.events import INSTALLATION, plain
from approval.audit.models import WITNESSED, Entry, Opening, Witnessed
from approval.audit.models.images import absences, commit_to, content_digest, marks
from approval.audit.queries.canonical import key_text
from approval.audit.queries.verifying import go_on
from approval.db import Digest, Session

BATCH = 500
_UNEXPLAINED = "no entry explains this row"


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


_Key = tuple[Any, ...]  # the values of a row's key as JSON holds them, in the order of the columns' names
_Images = dict[_Key, dict[str, Any] | None]


def replay(session: Session, log: str, *, going_on: Callable[[], None] = go_on) -> Iterator[Difference]:
    """Yield everything in the tables that differs from what *log* says last of it; *going_on* as in `verify`.

    The log is read from its end, so that the first image of a row is its last one and is compared at once. Of each
    row only the key stays in memory.
    """
    tables = {name: _Table(session, log, name, cls) for name, cls in WITNESSED.items()}
    rows = session.execute(
        select(Entry.index, Entry.body)
        .where(Entry.log == log)
        .order_by(Entry.index.desc())
        .execution_options(yield_per=BATCH)
    )
    for entries in rows.partitions(BATCH):
        going_on()
        said: defaultdict[str, _Images] = defaultdict(dict)
        for index, body in entries:
            try:
                _take(tables, said, body)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                yield Difference("entry", key_text({"index": index}), "body", f"what it explains is unclear: {error}")
        for name, images in said.items():
            yield from tables[name].compare(images)
    for _, table in sorted(tables.items()):
        going_on()
        yield from table.unexplained()


def _take(tables: dict[str, _Table], said: defaultdict[str, _Images], body: bytes) -> None:
    """Add to *said* the images in an entry of rows of which no later entry speaks."""
    for row in reversed(json.loads(body)["rows"]):
        table = tables.get(row["table"])
        if table is None:
            raise ValueError(f"there is no table {row['table']}")
        key = table.key_of(row["key"])
        if key not in table.seen:
            said[table.name].setdefault(key, row["image"])


class _Table:
    """One table: the rows of one log in it, and those of them that were compared."""

    def __init__(self, session: Session, log: str, name: str, cls: type[Witnessed]) -> None:
        self.session, self.name, self.seen = session, name, set[_Key]()
        self.table: Any = inspect(cls).local_table
        self.key = sorted(self.table.primary_key.columns, key=lambda column: str(column.name))
        self.of_log = _of_log(self.table, cls, log)
        self.marks, self.absent = marks(cls), absences(cls)
        self.found = 0

    def key_of(self, said: dict[str, Any]) -> _Key:
        """Return the key that an entry names; ValueError where this table has no such keys."""
        key = tuple(said[column.name] for column in self.key)
        if len(said) != len(key) or any(map(_is_odd, self.key, key)):
            raise ValueError(f"{said} is no key of {self.name}")
        return key

    def compare(self, images: _Images) -> Iterator[Difference]:
        """Compare rows with what the log says last of them."""
        self.seen |= images.keys()
        openings = _openings(self.session, [image for image in images.values() if image])
        rows = self._rows(list(images))
        self.found += len(rows)
        for key, image in images.items():
            row = rows.get(key)
            if image is not None and row is not None:
                yield from self._compare_row(key, image, row, openings)
            elif image is not None:
                yield Difference(self.name, self._text(key), None, "the row is missing; no entry deleted it")
            elif row is not None:
                yield Difference(self.name, self._text(key), None, _UNEXPLAINED)

    def unexplained(self) -> Iterator[Difference]:
        """Yield the rows that the log does not speak of."""
        if self.session.scalar(select(func.count()).select_from(self.table).where(*self.of_log)) == self.found:
            return
        keys = select(*self.key).where(*self.of_log).execution_options(yield_per=BATCH)
        for row in self.session.execute(keys):
            key = tuple(plain(value) for value in row)
            if key not in self.seen:
                yield Difference(self.name, self._text(key), None, _UNEXPLAINED)

    def _rows(self, keys: Sequence[_Key]) -> dict[_Key, dict[str, Any]]:
        found = {}
        for start in range(0, len(keys), BATCH):
            chosen = [tuple(map(_bound, self.key, key)) for key in keys[start : start + BATCH]]
            among = tuple_(*self.key).in_(chosen) if len(self.key) > 1 else self.key[0].in_([key for (key,) in chosen])
            for row in self.session.execute(select(*self.table.c).where(among, *self.of_log)).mappings():
                found[tuple(plain(row[column.name]) for column in self.key)] = dict(row)
        return found

    def _compare_row(
        self,
        key: _Key,
        image: dict[str, Any],
        row: dict[str, Any],
        openings: dict[str, tuple[bytes, str | None]],
    ) -> Iterator[Difference]:
        image = {**self.absent, **image}
        for name in sorted(image.keys() | row.keys()):
            if name not in image or name not in row:
                yield Difference(
                    self.name, self._text(key), name, "the column is in the log or in the table, not in both"
                )
            elif not _same(self.marks[name], image[name], row[name], openings):
                yield Difference(self.name, self._text(key), name, "the table says something else than the log")

    def _text(self, key: _Key) -> str:
        return key_text({str(column.name): value for column, value in zip(self.key, key, strict=True)})


def _is_odd(column: Any, value: Any) -> bool:
    return not isinstance(value, column.type.python_type)


def _bound(column: Any, value: Any) -> Any:
    return bytes.fromhex(value) if isinstance(column.type, Digest) else value


def _of_log(table: Any, cls: type[Witnessed], log: str) -> Sequence[Any]:
    if cls.log_column is None:
        return () if log == INSTALLATION else (table.c[table.primary_key.columns.keys()[0]].is_(None),)
    column = table.c[cls.log_column]
    return (or_(column.is_(None), column == log),) if log == INSTALLATION else (column == log,)


def _openings(session: Session, images: Sequence[dict[str, Any]]) -> dict[str, tuple[bytes, str | None]]:
    wanted = [
        bytes.fromhex(value["commitment"])
        for image in images
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


def _same(mark: str, said: Any, value: Any, openings: dict[str, tuple[bytes, str | None]]) -> bool:
    if value is None or mark == "plain" or not isinstance(said, dict):
        return bool(said == value or said == plain(value))
    if mark == "content":
        return bool(said == {"sha256": content_digest(value).hex()})
    salt, opened = openings.get(said.get("commitment", ""), (b"", None))
    if not salt or commit_to(salt, value).hex() != said["commitment"]:
        return False
    return mark == "secret" or opened == rfc8785.dumps(plain(value)).decode()
