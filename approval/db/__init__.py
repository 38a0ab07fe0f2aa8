"""One engine, one base class, one way to open a transaction.

Doors open `transaction()` to write and `reading()` to read; nothing else commits.
"""

from __future__ import annotations

import enum
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session as OrmSession, SessionTransaction, sessionmaker

from approval.errors import AuditFault, NotRecorded

BUSY_TIMEOUT_MS = 30_000
GUARDED = "approval_guarded"
READ_ONLY = "approval_read_only"
OUTSIDE = "approval_outside"
"""Of a connection that runs what no transaction may hold: emptying the write-ahead log, VACUUM."""
FORGETTING = "approval_forgetting"
_ANSWERS = "approval_answers"
NO_SAVEPOINTS = "savepoints are not available: one act is one transaction"

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant, in and out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive instant reached the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Digest(TypeDecorator[bytes]):
    """A SHA-256 digest: 32 bytes in Python, 64 hexadecimal digits in the database."""

    impl = String(64)
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if len(value) != 32:
            raise ValueError("a digest has 32 bytes")
        return value.hex()

    def process_result_value(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes.fromhex(value)


def words(kind: type[enum.StrEnum], length: int = 24) -> String:
    """Return the column type of a closed vocabulary, stored as its words."""
    return _Words(kind, length)  # type: ignore[return-value]


class _Words(TypeDecorator[enum.StrEnum]):
    impl = String
    cache_ok = True

    def __init__(self, kind: type[enum.StrEnum], length: int) -> None:
        super().__init__(length)
        self.kind = kind

    def process_bind_param(self, value: enum.StrEnum | str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(self.kind(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> enum.StrEnum | None:
        return None if value is None else self.kind(value)


class Base(DeclarativeBase):
    """A mapped table. What is not witnessed by the log says why in `unwitnessed`."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON}
    unwitnessed: ClassVar[str] = ""


@dataclass(frozen=True)
class Origin:
    """Where a change came from: the request and the sign-in behind it, as entries state them."""

    request: str | None = None
    session: str | None = None
    method: str | None = None


_SQLITE_NOW = select(func.strftime("%Y-%m-%dT%H:%M:%f", "now"))
_POSTGRESQL_NOW = select(func.clock_timestamp(type_=DateTime(timezone=True)))


class Session(OrmSession):
    """A session that knows the database's time and where its changes came from."""

    def database_time(self) -> datetime:
        """Ask the database what time it is, in UTC."""
        connection = self.connection()
        if connection.dialect.name == "sqlite":
            return datetime.fromisoformat(str(connection.scalar(_SQLITE_NOW))).replace(tzinfo=UTC)
        instant: datetime = connection.execute(_POSTGRESQL_NOW).scalar_one()
        return instant.astimezone(UTC)

    @property
    def origin(self) -> Origin:
        """The request behind this transaction."""
        origin: Origin = self.info.get("origin", Origin())
        return origin

    @property
    def act(self) -> str:
        """The id that ties the entries of this transaction together."""
        act: str = self.info.setdefault("act", uuid.uuid4().hex)
        return act


_factory: sessionmaker[Session] | None = None


def connect(url: str, *, authorize: bool = True) -> Engine:
    """Make *url* the database of this process and return its engine, with every guard in place."""
    global _factory
    engine = open_engine(url, authorize=authorize)
    _factory = sessionmaker(engine, class_=Session, expire_on_commit=False)
    return engine


def open_engine(url: str, *, authorize: bool = True) -> Engine:
    """Return an engine for *url* whose statements the log guards."""
    parsed = make_url(url)
    options: dict[str, Any] = {"execution_options": {GUARDED: True}}
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, **options)
        _prepare_sqlite(engine, authorize=authorize)
    else:
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, **options)
    return engine


def _prepare_sqlite(engine: Engine, *, authorize: bool) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's legacy transaction control begins late and never IMMEDIATE; ours is explicit.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            # Without it INSERT OR REPLACE deletes past the delete triggers (SQLite, "REPLACE").
            "recursive_triggers=ON",
            "trusted_schema=OFF",
            # What is deleted or overwritten is overwritten with zeros, in pages that become free as well.
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()
        if authorize:
            connection.set_authorizer(_authorize)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if connection.get_execution_options().get(OUTSIDE):
            return
        read_only = connection.get_execution_options().get(READ_ONLY, False)
        # Setting it, even to what it is, makes SQLite compile every statement of the connection anew (OP_Expire).
        (is_read_only,) = connection.connection.driver_connection.execute("PRAGMA query_only").fetchone()
        if is_read_only != read_only:
            connection.exec_driver_sql(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


INSERT_ONLY: set[str] = set()
"""Tables whose rows this program may insert and read, never change."""
OVERWRITABLE = frozenset({("opening", "salt"), ("opening", "value")})
"""The one exception: what `forgetting` may overwrite, and triggers let through for what an `erased` entry names."""

_CHANGES = {sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
_SCHEMA = {
    value
    for name, value in vars(sqlite3).items()
    if name.startswith(("SQLITE_DROP_", "SQLITE_ALTER_", "SQLITE_CREATE_TRIGGER", "SQLITE_CREATE_TEMP_TRIGGER"))
}


def _authorize(action: int, first: str | None, second: str | None, *_rest: str | None) -> int:
    """Refuse, in the driver, what no statement of this program may do to the log or the schema."""
    if action in _CHANGES and first in INSERT_ONLY:
        return sqlite3.SQLITE_DENY
    if action in _SCHEMA or (action == sqlite3.SQLITE_PRAGMA and first == "writable_schema"):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _authorize_forgetting(action: int, first: str | None, second: str | None, *rest: str | None) -> int:
    if action == sqlite3.SQLITE_UPDATE and (first, second) in OVERWRITABLE:
        return sqlite3.SQLITE_OK
    return _authorize(action, first, second, *rest)


@contextmanager
def forgetting(session: Session) -> Iterator[None]:
    """Let the statements inside overwrite what opens commitments; triggers still ask for the entry that says so.

    Setting an authorizer makes SQLite prepare every statement of the connection anew, so that none made here can be
    run again later.
    """
    connection = session.connection()
    raw = connection.connection.driver_connection
    connection.info[FORGETTING] = True
    if isinstance(raw, sqlite3.Connection):
        raw.set_authorizer(_authorize_forgetting)
    try:
        yield
    finally:
        connection.info.pop(FORGETTING, None)
        if isinstance(raw, sqlite3.Connection):
            raw.set_authorizer(_authorize)


@event.listens_for(Engine, "savepoint")
def _refuse_savepoints(connection: Any, name: str) -> None:
    """A savepoint could roll back a row whose entry stays: refuse it on every guarded engine."""
    if connection.get_execution_options().get(GUARDED):
        raise AuditFault(NO_SAVEPOINTS)


@event.listens_for(Session, "after_transaction_create")
def _refuse_nesting(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        raise AuditFault(NO_SAVEPOINTS)


def engine() -> Engine:
    """Return the engine of this process's database."""
    with _new_session() as session:
        bind = session.get_bind()
    assert isinstance(bind, Engine), "sessions are made for an engine"
    return bind


def _new_session() -> Session:
    if _factory is None:
        raise RuntimeError("no database: call approval.db.connect first")
    return _factory()


@contextmanager
def transaction(origin: Origin | None = None) -> Iterator[Session]:
    """Open the one writing transaction of an act; commit at the end, roll back on any exception.

    SQLite: BEGIN IMMEDIATE; PostgreSQL: READ COMMITTED. A write that the disk refuses is `NotRecorded`.
    """
    with _new_session() as session:
        session.info["origin"] = origin or Origin()
        session.connection()
        try:
            yield session
            session.commit()
        except OperationalError as error:
            session.rollback()
            if _is_full(error):
                raise NotRecorded(
                    "Not recorded: the database could not be written (disk full or read-only). "
                    "Nothing was changed; free space on the server, then try again."
                ) from error
            raise


@contextmanager
def reading() -> Iterator[Session]:
    """Open a read-only snapshot; a write inside it fails in the database."""
    with _new_session() as session:
        options: dict[str, Any] = {READ_ONLY: True}
        if session.get_bind().dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        session.connection(execution_options=options)
        session.info[_ANSWERS] = {}
        yield session


def once(question: Callable[Concatenate[Session, Asked], Answer]) -> Callable[Concatenate[Session, Asked], Answer]:
    """Ask the database once in a snapshot: what `reading()` has answered, it would answer again.

    In a transaction every question is asked anew. What is asked must be hashable, and the answer immutable.
    """

    @wraps(question)
    def asked(session: Session, /, *what: Asked.args, **how: Asked.kwargs) -> Answer:
        answers: dict[Any, Any] | None = session.info.get(_ANSWERS)
        if answers is None:
            return question(session, *what, **how)
        key = (question, what, *how.items())
        if key not in answers:
            answers[key] = question(session, *what, **how)
        return answers[key]  # type: ignore[no-any-return]

    return asked


def _is_full(error: OperationalError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR):
        return True
    # PostgreSQL class 53: insufficient resources (53100 is disk_full).
    return str(getattr(error.orig, "sqlstate", "") or "").startswith("53")
