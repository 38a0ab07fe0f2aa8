"""Whatever somebody changes behind the program's back is found, and named."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest
from factories import a_firm
from sqlalchemy import JSON, Column, inspect

from approval.audit.models import WITNESSED
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import logs, verify
from approval.audit.services import seal
from approval.db import Digest, UtcDateTime, reading, transaction
from approval.errors import ProofFailed


@pytest.fixture
def path(sqlite, sqlite_url, keys) -> str:
    """A database with a sealed firm in it, whose triggers somebody has removed."""
    a_firm(keys)
    with transaction() as session:
        for log in logs(session):
            seal(session, log, keys=keys)
    path = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as plain:
        for (trigger,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            plain.execute(f"DROP TRIGGER {trigger}")
        plain.commit()
    return path


def meddle(path: str, statement: str, *values: object) -> int:
    with closing(sqlite3.connect(path)) as plain:
        changed = plain.execute(statement, values).rowcount
        plain.commit()
    return changed


def failures(keys) -> list[str]:
    found = []
    with reading() as session:
        for log in logs(session):
            try:
                verify(session, log, keys=keys)
            except ProofFailed as failure:
                found.append(str(failure))
            found += [str(difference) for difference in replay(session, log)]
    return found


def test_what_nobody_touched_holds(path, keys):
    assert failures(keys) == []


TAMPERINGS = {
    "an entry's words": (
        """UPDATE entry SET body = replace(body, 'role.given', 'role.taken') WHERE "index" = 3""",
        "entry 3",
    ),
    "an entry's leaf": ("""UPDATE entry SET leaf = zeroblob(32) WHERE "index" = 3""", "entry 3"),
    "a column for finding": ("""UPDATE entry SET actor = 'p0' WHERE "index" = 3""", "entry 3"),
    "a missing entry": ("""DELETE FROM entry WHERE "index" = 3""", "entry 3"),
    "a cut tail": ("""DELETE FROM entry WHERE log = 'northwind' AND "index" > 5""", "entry 6"),
    "a hidden tail": ("""UPDATE log SET size = size - 1""", "head says"),
    "another key": ("""UPDATE log SET vkey = (SELECT vkey FROM log WHERE name = 'installation')""", "northwind"),
    "a checkpoint": ("""UPDATE checkpoint SET note = replace(note, char(10) || '1', char(10) || '2')""", "checkpoint"),
    "an opening's salt": ("""UPDATE opening SET salt = zeroblob(32)""", "open its commitment"),
    "an opening's value": ("""UPDATE opening SET value = '"x"' WHERE value IS NOT NULL""", "open its commitment"),
    "a lost opening": ("""DELETE FROM opening""", "person.email"),
    "a new row": ("""INSERT INTO team (workspace, name) VALUES ('northwind', 'legal')""", "no entry explains"),
    "a missing row": ("""DELETE FROM channel WHERE name = 'news'""", "the row is missing"),
    "somebody's name": ("""UPDATE person SET name = 'x'""", "person.name"),
    "somebody's role": ("""UPDATE membership SET role = 'compliance' WHERE role = 'marketer'""", "membership"),
}


@pytest.mark.parametrize(("statement", "named"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_a_change_behind_the_programs_back_is_found_and_named(path, keys, statement, named):
    assert meddle(path, statement) > 0
    found = failures(keys)
    assert found
    assert any(named in failure for failure in found), found


def test_every_column_of_random_witnessed_rows_is_watched(path, keys):
    """Change each sampled column to another value that its type holds; `replay` names the row each time."""
    with closing(sqlite3.connect(path)) as plain, closing(sqlite3.connect(path + ".kept")) as kept:
        plain.backup(kept)
        places = _places(plain)
    missed = []
    for table, column, key, other in random.Random(7).sample(places, min(200, len(places))):
        where = " AND ".join([f'"{name}" IS ?' for name in key] + [f'"{column}" IS NOT ?'])
        if meddle(path, f'UPDATE {table} SET "{column}" = ? WHERE {where}', other, *key.values(), other) != 1:
            continue
        if not any(failure.startswith(table) for failure in failures(keys)):
            missed.append(f"{table}.{column}")
        with closing(sqlite3.connect(path)) as plain, closing(sqlite3.connect(path + ".kept")) as kept:
            kept.backup(plain)
    assert not missed
    assert failures(keys) == []


def _places(plain: sqlite3.Connection) -> list[tuple[str, str, dict[str, object], object]]:
    places = []
    for name, cls in WITNESSED.items():
        columns = inspect(cls).local_table.c
        keys = [column.name for column in columns if column.primary_key]
        for row in plain.execute(f"SELECT {', '.join(keys)} FROM {name}").fetchall():
            key = dict(zip(keys, row, strict=True))
            places += [(name, column.name, key, _other(column)) for column in columns if column.name not in keys]
    return places


def _other(column: Column) -> object:
    """A value that no row of the small firm has in this column, and that the column's type can read."""
    if isinstance(column.type, UtcDateTime):
        return "2031-01-01 00:00:00.000000"
    if isinstance(column.type, Digest):
        return "ab" * 32
    if isinstance(column.type, JSON):
        return '{"changed": true}'
    choices = getattr(column.type, "kind", None)
    return str(list(choices)[-1]) if choices else 7
