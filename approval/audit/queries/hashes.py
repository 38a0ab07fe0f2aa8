"""Reading the stored hashes of a log, as the proofs of `tlog` ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, Select, bindparam, literal_column, select, union_all

from approval.audit.models import Entry, Node
from approval.db import Session
from approval.errors import ProofFailed
from approval.tlog import Fetch, FetchAll, Span

_ENTRY, _NODE = Entry.__table__.c, Node.__table__.c


def fetch_from(session: Session, log: str) -> Fetch:
    """Return a reader of the stored hashes of *log*: leaf hashes, and the roots of full tiles above them."""
    fetch_all = fetch_all_from(session, log)
    return lambda level, first, last: fetch_all([(level, first, last)])[0]


def fetch_all_from(session: Session, log: str) -> FetchAll:
    """Return a reader of several spans of stored hashes in one question to the database."""

    def fetch_all(spans: Sequence[Span]) -> Sequence[Sequence[bytes]]:
        found: list[list[bytes]] = [[] for _ in spans]
        asked: dict[str, Any] = {"log": log}
        for number, (level, first, last) in enumerate(spans):
            asked |= {f"level_{number}": level, f"first_{number}": first, f"last_{number}": last}
        # Rows of tables, not objects: an answer is some hundred hashes.
        question = _question(tuple(level > 0 for level, _, _ in spans))
        for number, _, hash_ in session.connection().execute(question, asked).all():
            found[number].append(hash_)
        for (level, first, last), hashes in zip(spans, found, strict=True):
            if len(hashes) != last - first:
                raise ProofFailed(f"{log}: hashes {first} to {last - 1} of level {level} are not all there")
        return found

    return fetch_all


@cache
def _question(above: tuple[bool, ...]) -> Executable:
    """The question for spans above the leaves or not: there are few kinds of it, and building one takes a while."""
    queries = [_query(number, is_above) for number, is_above in enumerate(above)]
    return (union_all(*queries) if len(queries) > 1 else queries[0]).order_by("number", "index")


def _query(number: int, above: bool) -> Select[Any]:
    table, hash_ = (_NODE, _NODE.hash) if above else (_ENTRY, _ENTRY.leaf)
    first: Any = bindparam(f"first_{number}")
    last: Any = bindparam(f"last_{number}")
    query = select(literal_column(str(number)).label("number"), table.index, hash_)
    query = query.where(table.log == bindparam("log"), table.index >= first, table.index < last)
    return query.where(_NODE.level == bindparam(f"level_{number}")) if above else query
