"""What many tests begin with: made once in each process, and copied into the fresh database of each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL, Engine

from approval.audit.models.keys import Keys

Made = TypeVar("Made")
Put = Callable[[Engine], object]
"""Puts the rows of one database into another of its kind."""

TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
COUNTED = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"


@dataclass(frozen=True)
class Prepared:
    """Beginnings, by their name and kind of database; `folder` keeps them.

    The first test that asks for a beginning has it made, and each later one is given a copy: the same rows, the same
    keys, the same answer. One that is made in other circumstances (other packs, another clock) needs a name of its
    own. `superuser` answers the URL of PostgreSQL's, who puts rows past triggers and rights.
    """

    folder: Path
    superuser: Callable[[], URL]
    kept: dict[tuple[str, str], tuple[Any, Put, Path]] = field(default_factory=dict)

    def __call__(self, name: str, make: Callable[[], Made], engine: Engine, keys: Keys) -> Made:
        """Return what *make* returns, its rows in the fresh database of *engine*, its keys in the folder of *keys*."""
        kind = engine.dialect.name
        if (name, kind) in self.kept:
            made, put, folder = self.kept[name, kind]
            # A connection may have looked at the database already.
            engine.dispose()
            put(engine)
            shutil.copytree(folder, keys.folder, dirs_exist_ok=True)
            return made
        made, folder = make(), self.folder / f"{name}-{kind}"
        # With its last connection a SQLite database closes its write-ahead log.
        engine.dispose()
        put = self._sqlite(engine, name) if kind == "sqlite" else self._postgres(engine)
        shutil.copytree(keys.folder, folder)
        self.kept[name, kind] = made, put, folder
        return made

    def _sqlite(self, engine: Engine, name: str) -> Put:
        file = shutil.copy(str(engine.url.database), self.folder / f"{name}.db")
        return lambda fresh: shutil.copy(file, str(fresh.url.database))

    def _postgres(self, engine: Engine) -> Put:
        with self._beyond_rights(engine) as connection:
            rows = {table: _rows(connection, table) for (table,) in connection.execute(TABLES).fetchall()}
            counted = connection.execute(COUNTED).fetchall()

        def put(fresh: Engine) -> None:
            with self._beyond_rights(fresh) as connection:
                connection.execute("SET session_replication_role = replica")
                for table, data in rows.items():
                    if data:
                        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                            copy.write(data)
                for sequence, value in counted:
                    connection.execute("SELECT setval(quote_ident(%s)::regclass, %s)", (sequence, value))

        return put

    def _beyond_rights(self, engine: Engine) -> psycopg.Connection[Any]:
        url = self.superuser().set(drivername="postgresql", database=engine.url.database)
        return psycopg.connect(url.render_as_string(hide_password=False))


def _rows(connection: psycopg.Connection[Any], table: str) -> bytes:
    with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(copy)
