"""Letting rows go: what hangs on a record, deleting it with everything of it, and all that was ever committed of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, Table, inspect, or_, select
from sqlalchemy.orm import defer

from approval.audit.models import Opening, Witnessed
from approval.audit.models.images import marks
from approval.audit.queries.erasing import Named, Place, images_of, named, place_of
from approval.db import Base, Session
from approval.posts.models import Revision
from approval.records.models import Passage, PassageKind
from approval.records.services.searching import forget
from approval.screening.models import Acceptance, Dismissal, ExceptionRequest, Screening, SecondOpinion

BATCH = 500
ABOUT_WORDS = (Screening, Acceptance, ExceptionRequest, Dismissal, SecondOpinion)
"""What is kept about the words of a revision, by its digest: posts with the same words share it."""


@dataclass(frozen=True)
class Parts:
    """What goes with a record: rows that must name it, and theirs; and rows that may do without (row, attribute)."""

    owned: tuple[Any, ...]
    freed: tuple[tuple[Any, str], ...]

    @property
    def witnessed(self) -> tuple[Any, ...]:
        """The rows that an entry must explain."""
        rows = {id(row): row for row in (*self.owned, *(row for row, _ in self.freed))}
        return tuple(row for row in rows.values() if isinstance(row, Witnessed))


def parts_of(session: Session, root: Any, *more: Any) -> Parts:
    """Return what goes with *root* (and with *more*, which hang on it by something else than a foreign key)."""
    found: defaultdict[Table, list[Any]] = defaultdict(list)
    for row in (root, *more):
        found[inspect(type(row)).local_table].append(row)
    seen = {id(row) for row in (root, *more)}
    freed: list[tuple[Any, str]] = []
    for table, cls in _tables():
        for key, rows in _naming(session, table, cls, found):
            nullable = bool(key.parent.nullable)
            for row in rows:
                if not nullable and id(row) not in seen:
                    seen.add(id(row))
                    found[table].append(row)
                elif nullable:
                    freed.append((row, inspect(cls).get_property_by_column(key.parent).key))
    owned = tuple(row for table, _ in _tables() for row in found[table])
    return Parts(owned, tuple((row, name) for row, name in freed if id(row) not in seen))


def _tables() -> Iterator[tuple[Table, type[Any]]]:
    """Yield every mapped table with its class, those that others name first."""
    classes = {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}
    for table in Base.metadata.sorted_tables:
        if table in classes:
            yield table, classes[table]


def _naming(
    session: Session, table: Table, cls: type[Any], found: dict[Table, list[Any]]
) -> Iterator[tuple[ForeignKey, Sequence[Any]]]:
    """Yield the rows of a table that name rows found so far, by the foreign key; those that must come first."""
    light = [defer(_attribute(cls, name)) for name, mark in _marks(cls).items() if mark == "content"]
    for key in sorted(table.foreign_keys, key=lambda key: (bool(key.parent.nullable), key.parent.name)):
        named_rows = found.get(key.column.table, [])
        if not named_rows:
            continue
        wanted = [getattr(row, _name(type(row), key.column)) for row in named_rows]
        for at in range(0, len(wanted), BATCH):
            query = select(cls).where(key.parent.in_(wanted[at : at + BATCH])).options(*light)
            yield key, session.scalars(query).all()


def _marks(cls: type[Any]) -> dict[str, str]:
    return marks(cls) if issubclass(cls, Witnessed) else {}


def _name(cls: type[Any], column: Any) -> str:
    return str(inspect(cls).get_property_by_column(column).key)


def _attribute(cls: type[Any], column: str) -> Any:
    return getattr(cls, _name(cls, inspect(cls).local_table.c[column]))


def about_words(session: Session, workspace: str, post: int) -> tuple[tuple[Any, ...], frozenset[bytes]]:
    """Return what is kept about the words of a post that no other post has, and the digests of those words."""
    own = set(session.scalars(select(Revision.digest).where(Revision.post == post)))
    where = Revision.workspace == workspace, Revision.digest.in_(own), Revision.post != post
    alone = own - set(session.scalars(select(Revision.digest).where(*where)))
    rows = [
        row
        for model in ABOUT_WORDS
        for row in session.scalars(select(model).where(model.workspace == workspace, model.revision.in_(alone)))
    ]
    return tuple(rows), frozenset(alone)


def let_go(session: Session, parts: Parts) -> None:
    """Delete what a record owns, leaves first, and free what only names it. Both are for the caller to record."""
    for row, name in parts.freed:
        setattr(row, name, None)
    session.flush()
    by_table: defaultdict[Table, list[Any]] = defaultdict(list)
    for row in parts.owned:
        by_table[inspect(type(row)).local_table].append(row)
    for table, cls in reversed(list(_tables())):
        for rows in _leaves_first(table, cls, by_table.get(table, [])):
            for row in rows:
                session.delete(row)
            session.flush()


def _leaves_first(table: Table, cls: type[Any], rows: list[Any]) -> Iterator[list[Any]]:
    """Yield rows of one table in an order in which none is deleted that another one names."""
    own = next((key for key in table.foreign_keys if key.column.table is table), None)
    while rows and own is not None:
        up, key = _name(cls, own.parent), _name(cls, own.column)
        held = {getattr(row, up) for row in rows}
        leaves = [row for row in rows if getattr(row, key) not in held]
        yield leaves
        rows = [row for row in rows if getattr(row, key) in held]
    if rows:
        yield rows


def all_named(
    session: Session, log: str, posts: Sequence[int], rows: Iterable[Any], *, about: str | None = None
) -> dict[Place, Named]:
    """Return what the log names of each row, in every image of it; *about* as in `images_of`.

    Ask when the rows are written: nobody else can write them any more, so no entry is missed.
    """
    found: dict[Place, list[Named]] = {place_of(row): [] for row in rows}
    for place, image in images_of(session, log, posts, about=about):
        if place in found:
            found[place].append(named(image))
    return {place: Named().joined(of_row) for place, of_row in found.items()}


def forget_search(
    session: Session, workspace: str, log: str, commitments: Sequence[bytes], posts: Sequence[int]
) -> None:
    """Take out of search what entries opened to, and everything about *posts*."""
    entries: set[int] = set()
    for at in range(0, len(commitments), BATCH):
        some = commitments[at : at + BATCH]
        entries |= set(session.scalars(select(Opening.index).where(Opening.log == log, Opening.commitment.in_(some))))
    wanted = sorted(entries) if log == workspace else []
    found: set[tuple[PassageKind, int]] = set()
    columns = Passage.kind, Passage.record
    for at in range(0, len(wanted), BATCH):
        here = Passage.kind == PassageKind.ENTRY, Passage.record.in_(wanted[at : at + BATCH])
        found |= {
            (kind, id_) for kind, id_ in session.execute(select(*columns).where(Passage.workspace == workspace, *here))
        }
    of_posts = select(*columns).where(Passage.workspace == workspace, or_(Passage.post.in_(posts)))
    found |= {(kind, id_) for kind, id_ in session.execute(of_posts)} if posts else set()
    for kind, record in sorted(found):
        forget(session, workspace, kind, record)
