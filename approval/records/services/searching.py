"""Making what was said findable, taking words out again, and recording what was searched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, column, func, insert, literal, select, table, update

from approval import clock
from approval.audit.services import record as note
from approval.db import Session
from approval.records.events import RecordsSearched
from approval.records.models import Indexing, Passage, PassageKind, Search
from approval.records.queries.indexing import Cursor, Stretch, Told
from approval.records.queries.searching import Found, Wanted
from approval.records.words import words_of

_PAGES = 500
"""Pages of SQLite's full text index that one step of tidying rewrites."""
_WORKED = 2
"""Changed rows from which on such a step did something (the same page)."""
_FTS = table("passage_words", column("passage_words"), column("rank"), column("rowid"), column("words"))


def index(session: Session, stretch: Stretch) -> bool:
    """Write what a stretch tells and move the cursor; False where another worker did, or words were taken out since."""
    cursor = session.get(Indexing, stretch.workspace, with_for_update=True)
    found = None if cursor is None else Cursor(cursor.entries, cursor.forgotten)
    if found != stretch.before:
        return False
    if cursor is None:
        cursor = Indexing(workspace=stretch.workspace)
        session.add(cursor)
    cursor.entries = stretch.entries
    known = _known(session, stretch)
    _strike(session, known.values())
    added = [_row(stretch.workspace, one) for one in stretch.told if (one.kind, one.record) not in known]
    if added:
        session.execute(insert(Passage), added)
    changed = [
        {"b_id": known[one.kind, one.record], **_said(one)} for one in stretch.told if (one.kind, one.record) in known
    ]
    changed += [{"b_id": known[gone], **_NOTHING} for gone in stretch.gone if gone in known]
    _change(session, changed)
    _enter(session, _known(session, stretch).values())
    return True


def _known(session: Session, stretch: Stretch) -> dict[tuple[PassageKind, int], int]:
    """Return the passages that are there already, by kind and record."""
    known: dict[tuple[PassageKind, int], int] = {}
    for kind in PassageKind:
        ids = [one.record for one in stretch.told if one.kind is kind]
        ids += [record for of, record in stretch.gone if of is kind]
        rows = session.execute(
            select(Passage.record, Passage.id).where(
                Passage.workspace == stretch.workspace, Passage.kind == kind, Passage.record.in_(ids)
            )
        )
        known |= {(kind, record): id_ for record, id_ in rows}
    return known


_NOTHING: Mapping[str, Any] = {"b_text": "", "b_words": (), "b_revision": None}


def _said(one: Told) -> dict[str, Any]:
    return {"b_text": one.text, "b_words": _lookup(one), "b_revision": one.revision}


def _lookup(one: Told) -> tuple[str, ...]:
    return (*one.facets, *(word.folded for word in words_of(one.text)))


def _row(workspace: str, one: Told) -> dict[str, Any]:
    return {
        "workspace": workspace,
        "kind": one.kind,
        "record": one.record,
        "entry": one.entry,
        "post": one.post,
        "revision": one.revision,
        "by": one.by,
        "at": one.at,
        "text": one.text,
        "words": _lookup(one),
    }


def _change(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        passage = Passage.__table__
        changed = update(passage).where(passage.c.id == bindparam("b_id"))  # type: ignore[arg-type]
        values: dict[str, Any] = {
            "text": bindparam("b_text"),
            "words": bindparam("b_words"),
            "revision": bindparam("b_revision"),
        }
        session.connection().execute(changed.values(**values), rows)


def _strike(session: Session, ids: Iterable[int]) -> None:
    """Take passages out of SQLite's full text index, while their words are still as they were entered there."""
    if _is_sqlite(session):
        words = select(literal("delete"), Passage.id, Passage.words).where(Passage.id.in_(list(ids)))
        session.execute(insert(_FTS).from_select(["passage_words", "rowid", "words"], words))


def _enter(session: Session, ids: Iterable[int]) -> None:
    """Enter the words of passages into SQLite's full text index."""
    if _is_sqlite(session):
        words = select(Passage.id, Passage.words).where(Passage.id.in_(list(ids)))
        session.execute(insert(_FTS).from_select(["rowid", "words"], words))


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def forget(session: Session, workspace: str, kind: PassageKind, record: int) -> bool:
    """Take the words of a record out of search, in the caller's transaction; False where it has none there.

    The worker may be reading the record as it was: the cursor notes that words were taken out, so what it read is
    dropped. An entry that explains rows of the record has what is left of it indexed again. On SQLite the words
    leave the pages of the full text index when it is tidied.
    """
    cursor = session.get(Indexing, workspace, with_for_update=True)
    if cursor is None:
        cursor = Indexing(workspace=workspace, entries=0, forgotten=0)
        session.add(cursor)
    cursor.forgotten += 1
    cursor.tidying = False
    session.flush()
    id_ = session.scalar(
        select(Passage.id).where(Passage.workspace == workspace, Passage.kind == kind, Passage.record == record)
    )
    if id_ is None:
        return False
    _strike(session, [id_])
    _change(session, [{"b_id": id_, **_NOTHING}])
    return True


def tidy(session: Session) -> bool:
    """Rewrite a part of SQLite's full text index without what was forgotten; False where nothing is left to do.

    A deletion only marks words there (SQLite, "FTS5", the `merge` command: a negative number begins to rewrite all of
    it, a positive one goes on). PostgreSQL's vacuum does as much by itself.
    """
    untidy = session.scalars(select(Indexing).where(Indexing.tidied != Indexing.forgotten)).all()
    if not untidy:
        return False
    more = _is_sqlite(session) and _merge(session, begun=all(one.tidying for one in untidy))
    for cursor in untidy:
        cursor.tidying = more
        cursor.tidied = cursor.tidied if more else cursor.forgotten
    return True


def _merge(session: Session, *, begun: bool) -> bool:
    before = _changes(session)
    session.execute(insert(_FTS).values(passage_words="merge", rank=_PAGES if begun else -_PAGES))
    return _changes(session) - before >= _WORKED


def _changes(session: Session) -> int:
    return session.scalar(select(func.total_changes())) or 0


def note_search(
    session: Session,
    workspace: str,
    wanted: Wanted,
    found: Found,
    *,
    before: int | None,
    by: str,
    room: int | None = None,
) -> Search:
    """Record that *by* is about to be shown what a search found; in a *room* with limits, what these let through."""
    made = Search(
        workspace=workspace,
        words=wanted.words.strip() or None,
        filters=wanted.filters if room is None else {**wanted.filters, "room": room},
        before=before,
        hits=found.count,
        indexed=found.indexed,
        by=by,
        at=clock.now(session),
    )
    session.add(made)
    session.flush()
    happened = RecordsSearched(
        by=by, workspace=workspace, search=made.id, hits=found.count, shown=len(found.hits), indexed=found.indexed
    )
    note(session, happened, made)
    return made
