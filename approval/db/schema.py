"""Bringing a database to this program's schema, and refusing one that is not, or that is not guarded."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, column, create_engine, event, func, make_url, or_, select, table
from sqlalchemy.engine import Engine

from approval.db import INSERT_ONLY, OVERWRITABLE, Base
from approval.errors import NotMigrated


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed)

        @event.listens_for(engine, "connect")
        def configure(connection: object, _record: object) -> None:
            # One migration is one transaction: the driver must not commit before schema statements.
            connection.isolation_level = None  # type: ignore[attr-defined]

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine
    return create_engine(plain_url(url))


def plain_url(url: str) -> URL:
    """Return *url* with the driver that this program uses."""
    parsed = make_url(url)
    return parsed if parsed.get_backend_name() == "sqlite" else parsed.set(drivername="postgresql+psycopg")


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(url: str, target: str = "head", *, serving: str | None = None) -> None:
    """Bring the database at *url* to this program's schema, in one transaction.

    On PostgreSQL, *serving* names the role that serves: it is granted what it needs, and of the log INSERT and
    SELECT alone, but for the two columns that an erasure overwrites (a trigger asks for its entry).
    """
    engine = _engine(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), target)
        if serving is not None and engine.dialect.name == "postgresql":
            _grant(connection, serving)
    engine.dispose()


def _grant(connection: Connection, role: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(role)
    log = ", ".join(sorted(INSERT_ONLY))
    for statement in (
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {log} FROM {quoted}",
        *(f'GRANT UPDATE ("{name}") ON {of} TO {quoted}' for of, name in sorted(OVERWRITABLE)),
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {quoted}",
    ):
        connection.exec_driver_sql(statement)
    if (connection.dialect.server_version_info or (0,)) >= (17,):
        # What is erased is vacuumed at once; before 17 only an owner may, and autovacuum is waited for.
        connection.exec_driver_sql(f"GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {quoted}")


def ensure_guarded(engine: Engine) -> None:
    """Refuse to serve as a role that owns the log or may change it (PostgreSQL)."""
    if engine.dialect.name != "postgresql":
        return
    may = (
        func.has_table_privilege(name, right)
        for name in sorted(INSERT_ONLY)
        for right in ("UPDATE", "DELETE", "TRUNCATE")
    )
    columns = (
        func.has_column_privilege(name, one.name, "UPDATE")
        for name in sorted(INSERT_ONLY)
        for one in Base.metadata.tables[name].c
        if (name, one.name) not in OVERWRITABLE
    )
    owns = select(func.pg_has_role(column("tableowner"), "MEMBER")).select_from(table("pg_tables"))
    with engine.connect() as connection:
        owner = connection.scalar(owns.where(column("tablename") == "entry").limit(1))
        if owner or connection.scalar(select(or_(*may, *columns))):
            raise NotMigrated(
                "This database role owns the log or may change it. Serve as another role, and give the owner's URL "
                "in APPROVAL_OWNER_URL to `approval upgrade`."
            )


def ensure_current(engine: Engine) -> None:
    """Refuse a database that is not at this program's schema."""
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != wanted:
        raise NotMigrated(
            f"The database is at schema {found or 'none'}, this program needs {wanted}: run `approval upgrade`."
        )
