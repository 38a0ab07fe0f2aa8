"""The database itself refuses to change the log, whoever asks through the program's own connection."""

from __future__ import annotations

import sqlite3

import pytest
from factories import a_firm
from sqlalchemy import create_engine, make_url, select, update

from approval.audit.events import Erased
from approval.audit.models import Entry, Erased as ErasedRow, Opening
from approval.audit.queries.erasing import Named
from approval.audit.queries.verifying import verify
from approval.audit.services import seal
from approval.audit.services.erasing import erase
from approval.db import INSERT_ONLY, forgetting, reading, schema, transaction
from approval.errors import AuditFault, NotMigrated, ProofFailed


@pytest.fixture
def log(database, firm, keys):
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


# -- the one way through ----------------------------------------------------------------------------------------

ZEROS = "zeroblob(32)", "decode(repeat('00', 32), 'hex')"
NAMED = "commitment IN (SELECT commitment FROM erased)"
OTHERS = "commitment NOT IN (SELECT commitment FROM erased)"


@pytest.fixture
def erasing(log):
    """A log in which one of two commitments was erased."""
    with transaction() as session:
        gone = session.scalar(select(Opening.commitment).where(Opening.log == "installation").limit(1))
        erase(session, Erased(by="worker", under="erasure", case=1, of="northwind"), (), Named(frozenset({gone})))
    return log


def test_what_an_entry_erased_is_overwritten_with_it_and_still_verifies(erasing, keys):
    with reading() as session:
        rows = session.execute(
            select(Opening.salt, Opening.value, Entry.kind, Entry.body, ErasedRow.commitment)
            .join(ErasedRow, ErasedRow.commitment == Opening.commitment)
            .join(Entry, (Entry.log == ErasedRow.log) & (Entry.index == ErasedRow.index))
        ).all()
        ((salt, value, kind, body, commitment),) = rows
        assert (salt, value, kind) == (bytes(32), None, "erased") and commitment.hex().encode() in body
        verify(session, "installation", keys=None)


ATTEMPTS = {
    "another value": "UPDATE opening SET value = '1' WHERE {named}",
    "another salt": "UPDATE opening SET salt = {other} WHERE {named}",
    "another index": """UPDATE opening SET "index" = "index" + 1, salt = {zeros}, value = NULL WHERE {named}""",
    "another log": "UPDATE opening SET log = 'x', salt = {zeros}, value = NULL WHERE {named}",
    "another commitment": "UPDATE opening SET commitment = 'x', salt = {zeros}, value = NULL WHERE {named}",
    "what no entry names": "UPDATE opening SET salt = {zeros}, value = NULL WHERE {others}",
    "only the value": "UPDATE opening SET value = NULL WHERE {others} AND value IS NOT NULL",
    "deleted": "DELETE FROM opening WHERE {named}",
    "renamed": """UPDATE erased SET "index" = 0""",
    "unnamed": "DELETE FROM erased",
    "said of an entry of another kind": "INSERT INTO erased SELECT commitment, log, 0 FROM opening WHERE {others}",
    "said of what it does not name": (
        'INSERT INTO erased SELECT o.commitment, o.log, e."index" FROM opening o, entry e '
        "WHERE e.kind = 'erased' AND o.commitment NOT IN (SELECT commitment FROM erased)"
    ),
    "said of a part": 'INSERT INTO erased SELECT substr(commitment, 1, 8), log, "index" FROM erased',
}


@pytest.mark.parametrize("statement", ATTEMPTS.values(), ids=ATTEMPTS)
def test_nothing_else_goes_through(erasing, sqlite_file, statement):
    """Through the program's connection, and on SQLite also through a plain one, which has no authorizer."""
    zeros = ZEROS[erasing.dialect.name != "sqlite"]
    text = statement.format(named=NAMED, others=OTHERS, zeros=zeros, other=zeros.replace("32", "31"))
    raw = erasing.raw_connection()
    before = _openings(raw)
    with pytest.raises(Exception):  # noqa: B017 - each database and driver says it with its own class
        raw.cursor().execute(text)
    raw.rollback()
    assert _openings(raw) == before
    raw.close()
    if erasing.dialect.name == "sqlite":
        with sqlite3.connect(sqlite_file) as plain, pytest.raises(sqlite3.IntegrityError):
            plain.execute(text)
        plain.close()


@pytest.fixture
def sqlite_file(database_url):
    return database_url.removeprefix("sqlite:///")


def test_a_table_of_the_same_name_does_not_answer_for_the_log(postgres_url, keys):
    """A temporary table hides the real one from whoever does not name its schema."""
    from approval import db

    engine = db.connect(postgres_url)
    a_firm(keys)
    raw = engine.raw_connection()
    raw.cursor().execute('CREATE TEMP TABLE erased AS SELECT commitment, log, "index" FROM opening')
    raw.cursor().execute("CREATE TEMP TABLE entry AS SELECT * FROM public.entry LIMIT 0")
    for statement in (
        f"UPDATE opening SET salt = {ZEROS[1]}, value = NULL",
        """INSERT INTO public.entry SELECT log, "index" + 1000, body, leaf, kind, at, actor, post, act
        FROM public.entry""",
    ):
        raw.cursor().execute("SAVEPOINT here")
        with pytest.raises(Exception, match=r"erased entry names it|next index"):
            raw.cursor().execute(statement)
        raw.cursor().execute("ROLLBACK TO here")
    raw.rollback()
    raw.close()
    engine.dispose()


def test_outside_an_erasure_no_statement_of_the_program_overwrites_an_opening(erasing):
    change = update(Opening).values(salt=bytes(32), value=None)
    with pytest.raises(AuditFault), transaction() as session:
        session.execute(change)
    with transaction() as session:
        with forgetting(session), pytest.raises(AuditFault):
            session.execute(update(Opening).values(index=7))
        with pytest.raises(AuditFault):
            session.execute(change)


def test_the_way_through_closes_behind_an_erasure(sqlite, keys):
    """A statement that was prepared inside is asked about again outside."""
    a_firm(keys)
    with transaction() as session:
        raw = session.connection().connection.driver_connection
        statement = "UPDATE opening SET salt = zeroblob(32), value = NULL WHERE commitment = 'none'"
        with forgetting(session):
            raw.execute(statement)
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            raw.execute(statement)


def test_with_the_trigger_gone_an_opening_is_overwritten_and_verification_says_so(erasing, owner_url):
    """The negative control: the trigger is what refuses, and an owner who drops it is found out."""
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER opening_no_update")
        else:
            connection.exec_driver_sql("ALTER TABLE opening DISABLE TRIGGER opening_erased")
        zeros = ZEROS[engine.dialect.name != "sqlite"]
        connection.exec_driver_sql(f"UPDATE opening SET salt = {zeros}, value = NULL WHERE {OTHERS}")
    engine.dispose()
    with reading() as session, pytest.raises(ProofFailed, match="no entry erased it"):
        verify(session, "installation", keys=None)


def test_a_role_that_may_change_another_column_of_the_log_is_not_served(erasing, owner_url, database_url):
    if erasing.dialect.name == "sqlite":
        schema.ensure_guarded(erasing)
        return
    schema.ensure_guarded(erasing)
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        serving = make_url(database_url).username
        connection.exec_driver_sql(f'GRANT UPDATE ("index") ON opening TO {serving}')
    engine.dispose()
    with pytest.raises(NotMigrated, match="may change it"):
        schema.ensure_guarded(erasing)


def _openings(raw) -> list:
    cursor = raw.cursor()
    rows = cursor.execute('SELECT commitment, log, "index", salt, value FROM opening ORDER BY commitment').fetchall()
    return [*rows, *cursor.execute("SELECT * FROM erased ORDER BY commitment").fetchall()]
