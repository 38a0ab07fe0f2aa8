"""Removing what deleted and overwritten rows leave beside the tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, column, func, select, table

from approval.db import BUSY_TIMEOUT_MS, GUARDED, OUTSIDE, engine

PATIENCE_MS = 1_000
"""How long emptying the write-ahead log waits for readers: writers wait as long."""


def remove_traces(tables: Iterable[str]) -> bool:
    """Remove what rows of *tables* left behind; False where somebody still reads it, or this role may not.

    SQLite zeroes what is deleted as it goes (`secure_delete`); its write-ahead log is written back and emptied.
    PostgreSQL: VACUUM, for which a role needs MAINTAIN (from version 17); without it, autovacuum is waited for.
    """
    options = {GUARDED: False, OUTSIDE: True}
    if engine().dialect.name == "sqlite":
        with engine().connect().execution_options(**options) as connection:
            return _empty_log(connection)
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT", **options) as connection:
        return all([_vacuum(connection, name) for name in sorted(set(tables))])


def _empty_log(connection: Connection) -> bool:
    connection.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE_MS}")
    try:
        busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    return not busy


def _vacuum(connection: Connection, name: str) -> bool:
    version = connection.dialect.server_version_info or (0,)
    if version >= (17,) and connection.scalar(select(func.has_table_privilege(name, "MAINTAIN"))):
        connection.exec_driver_sql(f"VACUUM {connection.dialect.identifier_preparer.quote(name)}")
        return True
    dead: Select[Any] = (
        select(column("n_dead_tup")).select_from(table("pg_stat_all_tables")).where(column("relname") == name)
    )
    return not connection.scalar(dead)
