"""`record`, and the guards that let no witnessed row change without it.

Mapper events note every witnessed row that a flush writes; a cursor event refuses every other way to write one;
at commit each noted row is read back by a SELECT, so that defaults of Python and of the server are in its image,
and the entries are appended after the last flush. Whatever is unexplained, or explained without having changed,
rolls the transaction back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, TextClause, event, inspect, select
from sqlalchemy.orm import Mapper, Session as OrmSession
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Insert, Update, UpdateBase

from approval.audit.events import Event
from approval.audit.models import WITNESSED, Witnessed
from approval.audit.models.images import Change
from approval.audit.services.appending import append
from approval.db import FORGETTING, GUARDED, INSERT_ONLY, OVERWRITABLE, Session
from approval.errors import AuditFault

_FLUSHING = "approval_flushing"
_ALLOWED_TEXT = re.compile(r"(?is)\s*(SELECT|PRAGMA|BEGIN|SHOW)\b")
_DML_WORD = re.compile(r"(?i)\b(INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE|DROP|ALTER|CREATE|COPY|CALL|DO)\b")

Key = tuple[type[Any], tuple[Any, ...]]


@dataclass
class _Ledger:
    """What one transaction has written and what has been recorded of it."""

    written: dict[int, Any] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    records: list[tuple[Event, tuple[Any, ...]]] = field(default_factory=list)
    closed: bool = False


def record(session: Session, event: Event, *rows: Any) -> None:
    """Note that *event* happened and explains the change of *rows*, in the caller's transaction."""
    ledger = _ledger(session)
    if ledger.closed:
        raise AuditFault(f"{event.kind}: recorded after the entries were appended")
    for row in rows:
        if not isinstance(row, Witnessed):
            raise AuditFault(f"{event.kind}: {type(row).__name__} is not a witnessed row")
    ledger.records.append((event, rows))


def _ledger(session: OrmSession) -> _Ledger:
    ledger: _Ledger = session.info.setdefault("ledger", _Ledger())
    return ledger


# -- what a flush writes ----------------------------------------------------------------------------------------


@event.listens_for(Witnessed, "before_insert", propagate=True)
@event.listens_for(Witnessed, "before_update", propagate=True)
@event.listens_for(Witnessed, "before_delete", propagate=True)
def _refuse_late(mapper: Mapper[Any], connection: Any, row: Any) -> None:
    session = _session_of(row)
    if _ledger(session).closed:
        raise AuditFault(f"{_name(row)} was written after the entries were appended")


@event.listens_for(Witnessed, "before_insert", propagate=True)
def _note_insert(mapper: Mapper[Any], connection: Any, row: Any) -> None:
    _ledger(_session_of(row)).written[id(row)] = row


@event.listens_for(Witnessed, "before_update", propagate=True)
def _note_update(mapper: Mapper[Any], connection: Any, row: Any) -> None:
    session = _session_of(row)
    if not session.is_modified(row, include_collections=False):
        return
    state = inspect(row)
    for column in mapper.primary_key:
        name = mapper.get_property_by_column(column).key
        if state.attrs[name].history.deleted:
            raise AuditFault(f"{_name(row)}: the key of a witnessed row does not change")
    _ledger(session).written[id(row)] = row


@event.listens_for(Witnessed, "before_delete", propagate=True)
def _note_delete(mapper: Mapper[Any], connection: Any, row: Any) -> None:
    ledger = _ledger(_session_of(row))
    ledger.written[id(row)] = row
    ledger.deleted.add(id(row))


def _session_of(row: Any) -> OrmSession:
    session: OrmSession | None = inspect(row).session
    assert session is not None, "a flush writes rows of its own session"
    return session


def _name(row: Any) -> str:
    return f"{type(row).__name__}{inspect(row).mapper.primary_key_from_instance(row)}"


# -- what may reach the cursor ----------------------------------------------------------------------------------


@event.listens_for(Session, "before_flush")
def _flush_begins(session: Session, context: Any, instances: Any) -> None:
    session.connection().info[_FLUSHING] = True


@event.listens_for(Session, "after_flush_postexec")
def _flush_ended(session: Session, context: Any) -> None:
    session.connection().info.pop(_FLUSHING, None)


@event.listens_for(Engine, "rollback")
@event.listens_for(Engine, "commit")
def _flag_falls(connection: Any) -> None:
    # A lost connection has no flag left, and asking it would hide why it was lost.
    if not connection.invalidated:
        connection.info.pop(_FLUSHING, None)


@event.listens_for(Engine, "before_cursor_execute")
def _guard_statement(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    if not connection.get_execution_options().get(GUARDED):
        return
    compiled = getattr(context, "compiled", None)
    element = compiled.statement if compiled is not None else None
    if element is None or isinstance(element, TextClause):
        _ensure_plain_text(statement)
        return
    writes = _writes.get(compiled)
    if writes is None:
        # A compiled statement is used again and again for other parameters; its parts stay the same.
        writes = _writes[compiled] = _parts_that_write(element)
    for part in writes:
        if not (connection.info.get(FORGETTING) and _overwrites(part)):
            _ensure_may_write(part, flushing=bool(connection.info.get(_FLUSHING)))


_writes: WeakKeyDictionary[Any, tuple[UpdateBase, ...]] = WeakKeyDictionary()


def _parts_that_write(element: Any) -> tuple[UpdateBase, ...]:
    """Return every INSERT, UPDATE and DELETE in a statement, those in its CTEs too; text that writes is refused."""
    parts = []
    for part in visitors.iterate(element):
        if isinstance(part, TextClause) and _DML_WORD.search(part.text):
            raise AuditFault("text inside a statement may not write")
        if isinstance(part, UpdateBase):
            parts.append(part)
    if not element.is_select and not isinstance(element, UpdateBase):
        raise AuditFault(f"{type(element).__name__} is not available to this program")
    return tuple(parts)


def _ensure_plain_text(statement: str) -> None:
    if not _ALLOWED_TEXT.match(statement) or (
        not statement.lstrip().upper().startswith("PRAGMA") and _DML_WORD.search(statement)
    ):
        raise AuditFault(f"statements in text may only read: {statement[:60]!r}")


def _overwrites(dml: UpdateBase) -> bool:
    """Say whether a statement overwrites what opens commitments, and nothing else."""
    if not isinstance(dml, Update) or not dml._values:
        return False
    return {(getattr(dml.table, "name", ""), getattr(key, "name", key)) for key in dml._values} <= OVERWRITABLE


def _ensure_may_write(dml: UpdateBase, *, flushing: bool) -> None:
    name = getattr(dml.table, "name", "")
    if name in INSERT_ONLY:
        if not isinstance(dml, Insert) or dml._prefixes or getattr(dml, "_post_values_clause", None) is not None:
            raise AuditFault(f"rows of {name} are inserted once and never changed")
    elif name in WITNESSED and not flushing:
        raise AuditFault(f"rows of {name} are written by a flush, where the log sees them")


# -- commit -----------------------------------------------------------------------------------------------------


@event.listens_for(Session, "before_commit")
def _append_entries(session: Session) -> None:
    ledger = _ledger(session)
    if ledger.closed:
        return
    session.flush()
    _ensure_explained(ledger)
    ledger.closed = True
    if ledger.records:
        append(session, [(happened, _changes(session, ledger, rows)) for happened, rows in ledger.records])


def _ensure_explained(ledger: _Ledger) -> None:
    explained = {id(row): row for _, rows in ledger.records for row in rows}
    if silent := [_name(row) for key, row in ledger.written.items() if key not in explained]:
        raise AuditFault(f"changed without an entry: {', '.join(sorted(silent))}")
    if ghosts := [_name(row) for key, row in explained.items() if key not in ledger.written]:
        raise AuditFault(f"explained without having changed: {', '.join(sorted(ghosts))}")


def _changes(session: Session, ledger: _Ledger, rows: tuple[Any, ...]) -> list[Change]:
    return [_read_back(session, row, deleted=id(row) in ledger.deleted) for row in rows]


def _read_back(session: Session, row: Any, *, deleted: bool) -> Change:
    mapper: Mapper[Any] = inspect(row).mapper
    table = mapper.local_table
    key = dict(zip((c.name for c in mapper.primary_key), mapper.primary_key_from_instance(row), strict=True))
    if deleted:
        return Change(type(row), key, None)
    found = session.connection().execute(
        select(*table.c).where(*(column == key[column.name] for column in mapper.primary_key))
    )
    return Change(type(row), key, dict(found.mappings().one()))


@event.listens_for(Session, "before_flush")
def _refuse_late_flush(session: Session, context: Any, instances: Any) -> None:
    if _ledger(session).closed and any(
        isinstance(row, Witnessed) for row in (*session.new, *session.deleted, *session.dirty)
    ):
        raise AuditFault("a witnessed row was written after the entries were appended")


@event.listens_for(Session, "after_rollback")
@event.listens_for(Session, "after_commit")
def _forget(session: Session) -> None:
    for name in ("ledger", "now", "act"):
        session.info.pop(name, None)
