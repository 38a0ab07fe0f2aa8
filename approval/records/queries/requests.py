"""Request lists: what a regulator asked for, how far the answer is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from approval.db import Session
from approval.errors import NotFound
from approval.people.queries import names_of
from approval.records.models import Export, ExportState, ItemKind, RequestItem, RequestList
from approval.records.queries.exports import ExportFacts, export as export_facts


class RequestStanding(StrEnum):
    """How far the answer to a letter is."""

    DRAFTED = "drafted"
    BEING_WRITTEN = "being written"
    NOT_WRITTEN = "not written"
    WRITTEN = "written"
    HANDED_OVER = "handed over"


@dataclass(frozen=True)
class Asks:
    """What an item needs to know beside its kind; what a kind does not need is left as it is.

    `on` is the day on which procedures were in force, `count` and `seed` are of a sample, `product` and `channel`
    limit it; `posts` are those whose case files are asked for.
    """

    on: date | None = None
    count: int = 0
    seed: str = ""
    product: str = ""
    channel: str = ""
    posts: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Write what is given."""
        given: dict[str, Any] = {name: value for name, value in vars(self).items() if value}
        if self.on is not None:
            given["on"] = self.on.isoformat()
        if self.posts:
            given["posts"] = list(self.posts)
        return given

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Asks:
        """Read what `to_json` wrote."""
        on = value.get("on")
        changed = {"on": date.fromisoformat(on) if on else None, "posts": tuple(value.get("posts", ()))}
        return cls(**{**value, **changed})


@dataclass(frozen=True)
class ItemFacts:
    """An item of a letter. Its `number` is its own for good; `file_kind` is None where it has no file."""

    id: int
    number: int
    kind: ItemKind
    words: str
    asks: Asks
    file_kind: str | None


@dataclass(frozen=True)
class RequestFacts:
    """A regulator's letter, and what became of it."""

    id: int
    workspace: str
    regulator: str
    matter: str
    received: date
    due: date | None
    first_day: date
    last_day: date
    drafted_by_name: str
    drafted_at: datetime
    export: int | None
    state: ExportState | None
    handed_by_name: str | None
    handed_at: datetime | None
    handed_to: str | None

    @property
    def standing(self) -> RequestStanding:
        """How far it is."""
        if self.handed_at is not None:
            return RequestStanding.HANDED_OVER
        return RequestStanding.DRAFTED if self.state is None else _STANDINGS[self.state]

    @property
    def open(self) -> bool:
        """True while its items may be changed."""
        return self.export is None


_STANDINGS = {
    ExportState.WAITING: RequestStanding.BEING_WRITTEN,
    ExportState.RUNNING: RequestStanding.BEING_WRITTEN,
    ExportState.READY: RequestStanding.WRITTEN,
    ExportState.FAILED: RequestStanding.NOT_WRITTEN,
}


def request_list(session: Session, id_: int) -> RequestFacts:
    """Return one letter; NotFound where there is none."""
    row = session.get(RequestList, id_)
    if row is None:
        raise NotFound("There is no such request, or none that you may see.")
    return _facts(session, [row])[0]


def request_lists(
    session: Session, workspace: str, *, before: int | None = None, limit: int = 50
) -> tuple[RequestFacts, ...]:
    """Return the letters of a workspace, newest first, those with a smaller id than *before*."""
    where = [RequestList.workspace == workspace]
    if before is not None:
        where.append(RequestList.id < before)
    return _facts(
        session, session.scalars(select(RequestList).where(*where).order_by(RequestList.id.desc()).limit(limit))
    )


def answered_by(session: Session, export: int) -> RequestFacts | None:
    """Return the letter that an export answers, if any."""
    row = session.scalar(select(RequestList).where(RequestList.export == export))
    return None if row is None else _facts(session, [row])[0]


def items_of(session: Session, request: int) -> tuple[ItemFacts, ...]:
    """Return the items of a letter, in their order."""
    columns = (
        RequestItem.id,
        RequestItem.number,
        RequestItem.kind,
        RequestItem.words,
        RequestItem.asks,
        RequestItem.file_kind,
    )
    rows = session.execute(
        select(*columns)
        .where(RequestItem.request == request, RequestItem.removed_at.is_(None))
        .order_by(RequestItem.number)
    )
    return tuple(
        ItemFacts(id_, number, kind, text, Asks.from_json(asks), file) for id_, number, kind, text, asks, file in rows
    )


def file_of(session: Session, item: int) -> bytes | None:
    """Return the file that answers an item, if any."""
    return session.scalar(select(RequestItem.file).where(RequestItem.id == item))


def bundle_of(session: Session, request: RequestFacts) -> ExportFacts | None:
    """Return the export that answers a letter, once it was asked for."""
    return None if request.export is None else export_facts(session, request.export)


def _facts(session: Session, rows: Iterable[RequestList]) -> tuple[RequestFacts, ...]:
    rows = list(rows)
    names = names_of(session, (id_ for row in rows for id_ in (row.drafted_by, row.handed_by) if id_))
    exports = [row.export for row in rows if row.export is not None]
    states = {
        id_: state for id_, state in session.execute(select(Export.id, Export.state).where(Export.id.in_(exports)))
    }
    return tuple(
        RequestFacts(
            id=row.id,
            workspace=row.workspace,
            regulator=row.regulator,
            matter=row.matter,
            received=row.received,
            due=row.due,
            first_day=row.first_day,
            last_day=row.last_day,
            drafted_by_name=names.get(row.drafted_by, row.drafted_by),
            drafted_at=row.drafted_at,
            export=row.export,
            state=None if row.export is None else states[row.export],
            handed_by_name=names.get(row.handed_by) if row.handed_by else None,
            handed_at=row.handed_at,
            handed_to=row.handed_to,
        )
        for row in rows
    )
