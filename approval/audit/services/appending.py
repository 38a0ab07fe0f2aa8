"""Turning recorded events into leaves: images, commitments, canonical bytes, one index each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import rfc8785
from sqlalchemy import bindparam, insert, inspect, select, update

from approval import clock
from approval.audit.events import Erased, Event, plain
from approval.audit.models import Entry, Erased as ErasedRow, Log, Opening
from approval.audit.models.images import SALT_BYTES, Change, image_of
from approval.db import Session, forgetting
from approval.errors import AuditFault
from approval.tlog import leaf_hash

# Built once: every act runs them under the lock of its log's head.
_SIZE = select(Log.size).where(Log.name == bindparam("log")).with_for_update()
_ADD_ENTRIES, _ADD_OPENINGS = insert(Entry), insert(Opening)
_GROW = update(Log).where(Log.name == bindparam("log")).values(size=bindparam("new_size"))

VERSION = 1
MAX_ENTRY_BYTES = 16 * 1024


def append(session: Session, records: Sequence[tuple[Event, Iterable[Change]]]) -> None:
    """Append one entry for each record to its log, holding each log's head, in order of name."""
    by_log: defaultdict[str, list[tuple[Event, list[Change]]]] = defaultdict(list)
    for happened, changes in records:
        rows = list(changes)
        _ensure_one_log(happened, rows)
        by_log[happened.log].append((happened, rows))
    for name in sorted(by_log):
        _append_to(session, name, by_log[name])


def _ensure_one_log(happened: Event, changes: Iterable[Change]) -> None:
    for change in changes:
        owner = change.cls.log_of(change.values or change.key) if change.values else happened.log
        if owner != happened.log:
            raise AuditFault(f"{happened.kind} in {happened.log} explains a row of {owner}")


def _append_to(session: Session, name: str, records: list[tuple[Event, list[Change]]]) -> None:
    # All that can be made without the index is made before the lock, which others wait for.
    made = [_entry(session, happened, changes) for happened, changes in records]
    connection = session.connection()
    size = connection.scalar(_SIZE, {"log": name})
    if size is None:
        raise AuditFault(f"there is no log named {name}")
    places = [{"log": name, "index": index} for index in range(size, size + len(made))]
    connection.execute(_ADD_ENTRIES, [place | entry for place, (entry, _) in zip(places, made, strict=True)])
    openings = [place | opening for place, (_, own) in zip(places, made, strict=True) for opening in own]
    if openings:
        connection.execute(_ADD_OPENINGS, openings)
    for index, (happened, _) in enumerate(records, start=size):
        if isinstance(happened, Erased):
            _forget(session, name, index, happened.commitments)
    connection.execute(_GROW, {"log": name, "new_size": size + len(made)})


def _forget(session: Session, log: str, index: int, commitments: Sequence[bytes]) -> None:
    """Overwrite what opens these commitments, once the entry that names them stands."""
    if not commitments:
        return
    connection = session.connection()
    connection.execute(insert(ErasedRow), [{"commitment": c, "log": log, "index": index} for c in commitments])
    named = Opening.log == log, Opening.commitment.in_(commitments)
    with forgetting(session):
        connection.execute(update(Opening).where(*named).values(salt=bytes(SALT_BYTES), value=None))


def _entry(session: Session, happened: Event, changes: list[Change]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the columns of an entry, and those of the openings of what its rows commit to; the place is missing."""
    rows, openings = [], []
    for change in changes:
        image, committed = image_of(change)
        table = inspect(change.cls).local_table.name
        rows.append({"table": table, "key": plain(change.key), "image": image})
        openings += [{"commitment": c.digest, "salt": c.salt, "value": c.value} for c in committed]
    at, body = clock.now(session), _body(session, happened, rows)
    if len(body) > MAX_ENTRY_BYTES:
        raise AuditFault(f"{happened.kind}: an entry of {len(body)} bytes; at most {MAX_ENTRY_BYTES}")
    columns = {"kind": happened.kind, "at": at, "actor": happened.by, "post": happened.post, "act": session.act}
    return columns | {"body": body, "leaf": leaf_hash(body)}, openings


def _body(session: Session, happened: Event, rows: list[dict[str, Any]]) -> bytes:
    origin = session.origin
    return rfc8785.dumps(
        {
            "v": VERSION,
            "kind": happened.kind,
            "at": clock.to_text(clock.now(session)),
            "actor": happened.by,
            "along": happened.along,
            "workspace": happened.workspace,
            "post": happened.post,
            "act": session.act,
            "request": origin.request,
            "auth": {"method": origin.method, "session": origin.session} if origin.method else None,
            "facts": happened.facts(),
            "rows": rows,
        }
    )
