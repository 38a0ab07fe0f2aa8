"""Long logs, made in minutes instead of days.

`fill_with_posts` copies the whole life of one post, which went through the services: its rows, its entries with their
openings, so that the log is verified and replayed like any other. `fill_with_leaves` adds entries that say nothing, for
proofs alone. Both write with SQLite beside the program and then seal with it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import rfc8785
import structlog
from factories import a_firm, an_approved_post

from approval import settings as environment
from approval.audit.models.keys import Keys
from approval.audit.queries.verifying import logs
from approval.audit.services import seal
from approval.db import connect, schema, transaction
from approval.publishing import services as publishing
from approval.publishing.jobs import publish_due
from approval.settings import Settings
from approval.tlog import leaf_hash

LOG = "northwind"
POST_ENTRIES = 8
"""Created, screened, submitted, decided twice, scheduled, begun, published."""
TOGETHER = 2_000
_TABLES = ("post", "revision", "edit", "screening", "submission", "decision", "publication", "attempt")
_REFERENCES = {"post": "post", "submission": "submission", "publication": "publication"}
"""Columns and facts that hold the number of a row, and of which table."""
_MARK = 7_000_000_000
"""Stands in a template for numbers that differ from post to post; no true one is as large."""


@contextmanager
def a_log_with_one_post(folder: str) -> Iterator[Settings]:
    """Make the workspace in a new data folder, with a post that was published; seal its logs at the end."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings = environment.load({"APPROVAL_DATA": folder})
    schema.upgrade(settings.database_url)
    connect(settings.database_url)
    keys = Keys(settings.keys)
    firm = a_firm(keys)
    with transaction() as session:
        publishing.publish_now(session, an_approved_post(session, firm), by=firm.publisher)
    publish_due(settings, "bench")
    yield settings
    with transaction() as session:
        for log in logs(session):
            seal(session, log, keys=keys)


def fill_with_posts(folder: str, entries: int) -> Settings:
    """Make a log of about so many entries, all of published posts."""
    with a_log_with_one_post(folder) as settings, _beside(settings) as database:
        size = database.execute("SELECT size FROM log WHERE name = ?", (LOG,)).fetchone()[0]
        model = _Model.read(database)
        count = max((entries - size) // POST_ENTRIES, 0)
        for start in range(0, count, TOGETHER):
            numbers = range(start, min(start + TOGETHER, count))
            _insert(database, [model.copy(number + 1, size + number * POST_ENTRIES) for number in numbers])
        _set_size(database, size + count * POST_ENTRIES)
    return settings


def fill_with_leaves(folder: str, entries: int) -> Settings:
    """Make a log of so many entries, nearly all of which say nothing."""
    with a_log_with_one_post(folder) as settings, _beside(settings) as database:
        size = database.execute("SELECT size FROM log WHERE name = ?", (LOG,)).fetchone()[0]
        # Proofs read the table by its key alone.
        for (index,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'entry' AND sql IS NOT NULL"
        ).fetchall():
            database.execute(f"DROP INDEX {index}")
        statement = 'INSERT INTO entry (log, "index", body, leaf, kind, at, actor, act) VALUES (?,?,?,?,?,?,?,?)'
        database.executemany(statement, (_leaf(index) for index in range(size, entries)))
        _set_size(database, entries)
    return settings


def _leaf(index: int) -> tuple[Any, ...]:
    body = b'{"n":%d}' % index
    return LOG, index, body, leaf_hash(body), "bench.ticked", "2026-01-01 00:00:00.000000", "bench", "0"


@contextmanager
def _beside(settings: Settings) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(settings.data / "approval.db")) as database:
        database.execute("PRAGMA journal_mode=WAL").fetchone()
        database.execute("PRAGMA synchronous=OFF")
        database.row_factory = sqlite3.Row
        with database:
            yield database


def _set_size(database: sqlite3.Connection, size: int) -> None:
    database.execute("UPDATE log SET size = ? WHERE name = ?", (size, LOG))


Row = dict[str, Any]


@dataclass(frozen=True)
class _Copy:
    rows: Mapping[str, list[Row]]
    entries: list[Row]
    openings: list[Row]


@dataclass(frozen=True)
class _Model:
    """The first post: its rows, the texts of its entries with marks in the place of numbers, its openings."""

    rows: Mapping[str, list[Row]]
    entries: list[Row]
    texts: list[str]
    openings: list[Row]
    unique: tuple[str, ...]
    """What stands in the rows and must be another in each copy: keys of decisions, names of messages, acts."""

    @classmethod
    def read(cls, database: sqlite3.Connection) -> _Model:
        rows = {table: _all(database, f"SELECT * FROM {table} ORDER BY id") for table in _TABLES}
        entries = _all(database, f"SELECT * FROM entry WHERE log = '{LOG}' AND post = 1 ORDER BY \"index\"")
        assert len(entries) == POST_ENTRIES, "the life of a post has other entries by now"
        first = entries[0]["index"]
        openings = _all(database, f"SELECT * FROM opening WHERE log = '{LOG}' AND \"index\" >= {first}")
        unique = {row["key"] for row in rows["decision"]} | {row["message"] for row in rows["publication"]}
        unique |= {entry["act"] for entry in entries}
        return cls(rows, entries, [_template(entry["body"]) for entry in entries], openings, tuple(unique))

    def copy(self, number: int, first: int) -> _Copy:
        """Return the copy *number*, 1 and up, whose entries begin at index *first*."""
        revision = self.rows["revision"][0]
        payload = {**json.loads(revision["payload"]), "title": f"Post {number}"}
        text = rfc8785.dumps(payload).decode()
        title = rfc8785.dumps(payload["title"]).decode()
        words = {revision["digest"]: hashlib.sha256(text.encode()).hexdigest()}
        words |= {word: _another(word, number) for word in self.unique}
        openings = []
        for opening in self.openings:
            value = title if opening["value"] == rfc8785.dumps(revision["title"]).decode() else opening["value"]
            salt = secrets.token_bytes(32)
            commitment = hmac.new(salt, value.encode(), hashlib.sha256).hexdigest()
            words[opening["commitment"]] = commitment
            index = first + opening["index"] - self.entries[0]["index"]
            openings.append({**opening, "commitment": commitment, "salt": salt, "value": value, "index": index})
        entries = [self._entry(place, number, first, words) for place in range(POST_ENTRIES)]
        rows = {table: [_copied(table, row, number, words) for row in found] for table, found in self.rows.items()}
        rows["revision"][0] |= {"payload": text, "title": payload["title"]}
        return _Copy(rows, entries, openings)

    def _entry(self, place: int, number: int, first: int, words: Mapping[str, str]) -> Row:
        text = self.texts[place]
        for table, found in self.rows.items():
            for row in found:
                text = text.replace(_mark(table, row["id"]), str(_moved(row["id"], len(found), number)))
        for old, new in words.items():
            text = text.replace(old, new)
        body = text.encode()
        changes = {"index": first + place, "body": body, "leaf": leaf_hash(body), "post": 1 + number}
        return {**self.entries[place], **changes, "act": words[self.entries[place]["act"]]}


def _all(database: sqlite3.Connection, query: str) -> list[Row]:
    return [dict(row) for row in database.execute(query)]


def _template(body: bytes) -> str:
    said = json.loads(body)
    said["post"] = int(_mark("post", 1))
    for name in said["facts"].keys() & _REFERENCES.keys():
        said["facts"][name] = int(_mark(_REFERENCES[name], said["facts"][name]))
    for row in said["rows"]:
        for values in (row["key"], row["image"]):
            for name, value in values.items():
                if name == "id" or (name in _REFERENCES and value is not None):
                    values[name] = int(_mark(row["table"] if name == "id" else _REFERENCES[name], value))
    return rfc8785.dumps(said).decode()


def _mark(table: str, id_: int) -> str:
    return str(_MARK + 1_000 * _TABLES.index(table) + id_)


def _moved(id_: int, together: int, number: int) -> int:
    """The number in the copy of a row, of which each post has so many."""
    return id_ + together * number


def _another(word: str, number: int) -> str:
    """The word with other digits at its end, the same length."""
    return f"{word[:-10]}{number:010d}"


def _copied(table: str, row: Row, number: int, words: Mapping[str, str]) -> Row:
    copied = {name: words.get(value, value) if isinstance(value, str) else value for name, value in row.items()}
    for name in row.keys() & _REFERENCES.keys():
        copied[name] = _moved(row[name], 1, number)
    copied["id"] = _moved(row["id"], 2 if table == "decision" else 1, number)
    return copied


def _insert(database: sqlite3.Connection, copies: Iterable[_Copy]) -> None:
    copies = list(copies)
    for table in _TABLES:
        _put(database, table, [row for copy in copies for row in copy.rows[table]])
    _put(database, "entry", [row for copy in copies for row in copy.entries])
    _put(database, "opening", [row for copy in copies for row in copy.openings])


def _put(database: sqlite3.Connection, table: str, rows: list[Row]) -> None:
    names = ", ".join(f'"{name}"' for name in rows[0])
    marks = ", ".join(f":{name}" for name in rows[0])
    database.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
