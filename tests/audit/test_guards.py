"""The database itself refuses to change the log, whoever asks through the program's own connection."""

from __future__ import annotations

import sqlite3

import pytest
from factories import a_firm
from sqlalchemy import create_engine

from approval.audit.services import seal
from approval.db import INSERT_ONLY, schema, transaction
from approval.errors import NotMigrated


@pytest.fixture
def log(database, keys):
    a_firm(keys)
    with transaction() as session:
        seal(session, "northwind", keys=keys)
    return database


STATEMENTS = {
    "update": """UPDATE entry SET kind = 'x'""",
    "delete": """DELETE FROM entry""",
    "update opening": """UPDATE opening SET value = '1'""",
    "delete checkpoint": """DELETE FROM checkpoint""",
    "replace": """REPLACE INTO entry SELECT * FROM entry WHERE "index" = 0""",
    "insert or replace": """INSERT OR REPLACE INTO checkpoint SELECT * FROM checkpoint""",
    "insert or replace opening": """INSERT OR REPLACE INTO opening SELECT * FROM opening""",
    "by rowid": """INSERT OR REPLACE INTO entry (rowid, log) VALUES (1, 'x')""",
    "upsert": """INSERT INTO entry SELECT * FROM entry WHERE true ON CONFLICT DO UPDATE SET kind = 'x'""",
    "a gap": """INSERT INTO entry SELECT log, "index" + 1000, body, leaf, kind, at, actor, post, act FROM entry""",
    "drop": """DROP TABLE entry""",
    "drop trigger": """DROP TRIGGER entry_no_update""",
    "alter": """ALTER TABLE entry RENAME TO gone""",
    "truncate": """TRUNCATE entry""",
    "disable triggers": """ALTER TABLE entry DISABLE TRIGGER ALL""",
    "replica": """SET session_replication_role = replica""",
    "own": """ALTER TABLE entry OWNER TO current_user""",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_the_programs_own_connection_cannot_change_the_log(log, statement):
    raw = log.raw_connection()
    before = _rows(raw)
    with pytest.raises(Exception):  # noqa: B017 - each database and driver says it with its own class
        cursor = raw.cursor()
        cursor.execute(statement)
    raw.rollback()
    assert _rows(raw) == before
    raw.close()


def test_writable_schema_is_refused(sqlite):
    raw = sqlite.raw_connection()
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        raw.cursor().execute("PRAGMA writable_schema=ON")
    raw.close()


def _rows(raw) -> list:
    cursor = raw.cursor()
    return [cursor.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in sorted(INSERT_ONLY)]


@pytest.mark.parametrize("table", sorted(INSERT_ONLY))
def test_without_recursive_triggers_or_authorizer_the_triggers_still_hold(sqlite_url, keys, table):
    """Anybody's plain connection to the file: one unique constraint, no rowid, and the triggers."""
    path = sqlite_url.removeprefix("sqlite:///")
    from approval import db

    engine = db.connect(sqlite_url)
    a_firm(keys)
    with transaction() as session:
        seal(session, "northwind", keys=keys)
    engine.dispose()
    with sqlite3.connect(path) as plain:
        for statement in (
            f"UPDATE {table} SET log = 'x'",
            f"DELETE FROM {table}",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        ):
            if plain.execute(f"SELECT count(*) FROM {table}").fetchone()[0]:
                with pytest.raises(sqlite3.IntegrityError):
                    plain.execute(statement)
        constraints = plain.execute(f"SELECT count(*) FROM pragma_index_list('{table}') WHERE \"unique\"").fetchone()
        assert constraints == (1,)
        with pytest.raises(sqlite3.OperationalError, match="rowid"):
            plain.execute(f"SELECT rowid FROM {table}")
    plain.close()


def test_with_the_triggers_gone_a_replace_succeeds(sqlite_url, keys):
    """The negative control: the triggers are what refuses."""
    from approval import db

    engine = db.connect(sqlite_url)
    a_firm(keys)
    engine.dispose()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as plain:
        for (trigger,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            plain.execute(f"DROP TRIGGER {trigger}")
        plain.execute("UPDATE entry SET kind = 'x'")
        plain.execute("INSERT OR REPLACE INTO entry SELECT * FROM entry")
    plain.close()


def test_a_role_that_owns_the_log_is_not_served(owner_url, database):
    if database.dialect.name == "sqlite":
        schema.ensure_guarded(database)
        return
    engine = create_engine(owner_url)
    with pytest.raises(NotMigrated, match="owns the log"):
        schema.ensure_guarded(engine)
    engine.dispose()
    schema.ensure_guarded(database)


def test_a_database_that_is_not_migrated_is_named(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(NotMigrated, match="approval upgrade"):
        schema.ensure_current(engine)
    engine.dispose()
