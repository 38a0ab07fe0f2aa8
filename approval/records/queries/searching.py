"""Finding what was said: passages by words and facts, newest first; and what was searched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, column, func, select, table
from sqlalchemy.dialects.postgresql import TSQUERY

from approval import clock
from approval.audit.models import Entry
from approval.db import Session
from approval.errors import Invalid, Problem
from approval.people.queries import names_of, workspace_facts
from approval.posts.models import Post, Standing
from approval.records.models import Indexing, Passage, PassageKind, Search
from approval.records.queries.indexing import SILENT, facet
from approval.records.queries.selection import Period
from approval.records.words import Segment, Term, excerpt, parse_terms

MOST_COUNTED = 1_000
"""Hits are counted up to so many."""
SCANNED = 2_000
"""Passages that one page looks through for those of posts that stand so: a standing changes, so it is in no index."""
_OUT_OF_ORDER = timedelta(hours=1)
"""More than transactions that overlap can differ in what time it is."""
_TITLED = (PassageKind.POST, PassageKind.ARCHIVED)
_FTS = table("passage_words", column("passage_words"), column("rowid"))


@dataclass(frozen=True)
class Wanted:
    """What is looked for: words, and facts that all must hold; of several channels or products any one will do.

    Days are in the workspace's zone, both included; `person` is the id of whoever wrote, decided or acted.
    """

    words: str = ""
    kinds: tuple[PassageKind, ...] = ()
    person: str | None = None
    post: int | None = None
    products: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    standing: Standing | None = None
    severity: str | None = None
    rule: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    @property
    def filters(self) -> dict[str, Any]:
        """Return the facts in use, as they are recorded and sent in an address."""
        given: dict[str, Any] = {
            "kinds": [str(kind) for kind in self.kinds],
            "person": self.person,
            "post": self.post,
            "products": list(self.products),
            "channels": list(self.channels),
            "standing": None if self.standing is None else str(self.standing),
            "severity": self.severity,
            "rule": self.rule,
            "from": None if self.first_day is None else self.first_day.isoformat(),
            "to": None if self.last_day is None else self.last_day.isoformat(),
        }
        return {name: value for name, value in given.items() if value}

    @property
    def blank(self) -> bool:
        """True where nothing is looked for."""
        return not self.words.strip() and not self.filters


@dataclass(frozen=True)
class Hit:
    """Something found: what it is, where it stands, and a stretch of it with the words marked."""

    id: int
    kind: PassageKind
    record: int
    entry: int
    entry_kind: str
    post: int | None
    title: str | None
    standing: Standing | None
    by: str
    by_name: str
    at: datetime
    excerpt: tuple[Segment, ...]


@dataclass(frozen=True)
class Found:
    """A page of hits, newest first. `before` leads to the next; `count` is of all, up to `MOST_COUNTED` + 1.

    `looked` is how far back this page looked where that was its bound; entries below `indexed` can be found by now,
    and `waiting` are not, up to the same bound.
    """

    hits: tuple[Hit, ...]
    count: int
    before: int | None
    looked: datetime | None
    indexed: int
    waiting: int


def search(
    session: Session,
    workspace: str,
    wanted: Wanted,
    *,
    before: int | None = None,
    limit: int = 30,
    among: Sequence[ColumnElement[bool]] = (),
) -> Found:
    """Find what *wanted* names in a workspace; Invalid where it names nothing or cannot be read.

    *among* are conditions on passages that a page and its count keep to: what does not meet them is not looked at.
    """
    if wanted.blank:
        raise Invalid("Say what to look for: words, or at least one filter.")
    terms = parse_terms(wanted.words)
    query = _query(session, workspace, wanted, terms, among)
    ids, reached, counted = _page(session, workspace, wanted, query, before, limit)
    indexed = session.scalar(select(Indexing.entries).where(Indexing.workspace == workspace)) or 0
    unread = Entry.log == workspace, Entry.index >= indexed, Entry.kind.not_in(SILENT)
    newest = select(Entry.index).where(*unread).limit(MOST_COUNTED + 1).subquery()
    waiting = session.scalar(select(func.count()).select_from(newest)) or 0
    hits = _hits(session, workspace, ids, terms)
    looked = None
    if reached is not None and len(ids) < limit:
        looked = session.scalar(select(Passage.at).where(Passage.id == reached))
    return Found(hits, counted, reached, looked, indexed, waiting)


def _page(
    session: Session, workspace: str, wanted: Wanted, query: Select[Any], before: int | None, limit: int
) -> tuple[list[int], int | None, int]:
    """Return the passages of a page, the one before which the next begins (None: there is none), and the count."""
    newest = query.order_by(query.selected_columns[0].desc())
    page = newest if before is None else newest.where(query.selected_columns[0] < before)
    if wanted.standing is None:
        ids = list(session.scalars(page.limit(limit + 1)))
        count = session.scalar(select(func.count()).select_from(query.limit(MOST_COUNTED + 1).subquery())) or 0
        return ids[:limit], ids[limit - 1] if len(ids) > limit else None, count
    scanned = list(session.scalars(page.limit(SCANNED)))
    standing = _of_posts_that_are(session, workspace, scanned, wanted.standing)
    ids = [id_ for id_ in scanned if id_ in standing]
    if len(ids) > limit:
        return ids[:limit], ids[limit - 1], len(ids)
    return ids, scanned[-1] if len(scanned) == SCANNED else None, len(ids)


def _of_posts_that_are(session: Session, workspace: str, ids: Sequence[int], standing: Standing) -> set[int]:
    # By their ids alone, for the same reason as in `_hits`.
    found = session.execute(
        select(Passage.id, Post.workspace, Post.standing).join(Post, Post.id == Passage.post).where(Passage.id.in_(ids))
    )
    return {id_ for id_, of, at in found if (of, at) == (workspace, standing)}


# -- the query in the words of each database ----------------------------------------------------------------------


def _query(
    session: Session, workspace: str, wanted: Wanted, terms: Sequence[Term], among: Sequence[ColumnElement[bool]]
) -> Select[Any]:
    """Return the query of the ids of what passes; its one column is the id."""
    facts = _facts(workspace, wanted)
    period = _period(session, workspace, wanted)
    sqlite = session.get_bind().dialect.name == "sqlite"
    id_ = _FTS.c.rowid if sqlite else Passage.id
    if sqlite:
        query = select(id_).where(_FTS.c.passage_words.op("MATCH")(_for_fts5(facts, terms)))
    else:
        query = select(id_).where(Passage.words.op("@@")(cast(_for_postgresql(facts, terms), TSQUERY)))
    if sqlite and (period or among):
        query = query.join(Passage, Passage.id == id_)
    query = query.where(*among)
    if period is None:
        return query
    # Ids follow the log, so days are a stretch of ids; at its ends the instant decides.
    for found, least in (
        (_first_since(session, workspace, period.begins - _OUT_OF_ORDER), True),
        (_first_since(session, workspace, period.ends + _OUT_OF_ORDER), False),
    ):
        if found is not None:
            query = query.where(id_ >= found if least else id_ < found)
        elif least:
            query = query.where(id_ < 0)
    return query.where(Passage.at >= period.begins, Passage.at < period.ends)


def _facts(workspace: str, wanted: Wanted) -> list[tuple[str, ...]]:
    """Return the facets that must hold: of each group, one."""
    groups = [
        (facet("w", workspace),),
        tuple(facet("k", kind) for kind in wanted.kinds),
        tuple(facet("d", product) for product in wanted.products),
        tuple(facet("c", channel) for channel in wanted.channels),
    ]
    single = (("p", wanted.person), ("n", wanted.post), ("s", wanted.severity), ("r", wanted.rule))
    groups += [(facet(letter, str(value)),) for letter, value in single if value is not None]
    return [group for group in groups if group]


def _for_fts5(facts: Iterable[Sequence[str]], terms: Iterable[Term]) -> str:
    groups = [" OR ".join(f'"{one}"' for one in group) for group in facts]
    said = [f'"{" ".join(term.words)}"{"*" if term.beginning else ""}' for term in terms]
    return " AND ".join(f"({each})" for each in (*said, *groups))


def _for_postgresql(facts: Iterable[Sequence[str]], terms: Iterable[Term]) -> str:
    groups = [" | ".join(f"'{one}'" for one in group) for group in facts]
    said = []
    for term in terms:
        words = [f"'{word}'" for word in term.words]
        said.append(" <-> ".join(words) + (":*" if term.beginning else ""))
    return " & ".join(f"({each})" for each in (*said, *groups))


def _period(session: Session, workspace: str, wanted: Wanted) -> Period | None:
    if wanted.first_day is None and wanted.last_day is None:
        return None
    first, last = wanted.first_day or date(1970, 1, 1), wanted.last_day or date(9998, 12, 31)
    if first > last or first.year < 1970 or last.year > 9998:
        what = "The last day lies before the first." if first > last else "Give days between 1970 and 9998."
        raise Invalid(what, problems=(Problem("to", what),))
    return Period(first, last, workspace_facts(session, workspace).zone)


def _first_since(session: Session, workspace: str, at: datetime) -> int | None:
    return session.scalar(
        select(Passage.id)
        .where(Passage.workspace == workspace, Passage.at >= at)
        .order_by(Passage.at, Passage.id)
        .limit(1)
    )


# -- what is shown of what was found ------------------------------------------------------------------------------


def _hits(session: Session, workspace: str, ids: Sequence[int], terms: Sequence[Term]) -> tuple[Hit, ...]:
    # By their ids alone: asked for the workspace too, SQLite goes through all of it. That an index was asked for it is
    # no reason to rely on it, so it is compared here.
    columns = (Passage.id, Passage.kind, Passage.record, Passage.entry, Passage.post, Passage.by, Passage.at)
    found = session.execute(select(*columns, Passage.text, Passage.workspace).where(Passage.id.in_(ids)))
    rows = sorted((row for row in found if row.workspace == workspace), key=lambda row: row.id, reverse=True)
    posts = {row.post for row in rows if row.post is not None}
    standings = {id_: at for id_, at in session.execute(select(Post.id, Post.standing).where(Post.id.in_(posts)))}
    of_entries = select(Entry.index, Entry.kind).where(Entry.log == workspace, Entry.index.in_({r.entry for r in rows}))
    kinds = {index: kind for index, kind in session.execute(of_entries)}
    names = names_of(session, {row.by for row in rows})
    return tuple(
        Hit(
            id=row.id,
            kind=row.kind,
            record=row.record,
            entry=row.entry,
            entry_kind=kinds.get(row.entry, ""),
            post=row.post,
            title=row.text.partition("\n")[0] if row.kind in _TITLED else None,
            standing=standings.get(row.post) if row.post is not None else None,
            by=row.by,
            by_name=names.get(row.by, row.by),
            at=row.at,
            excerpt=excerpt(row.text, terms),
        )
        for row in rows
    )


def found_as_json(found: Found) -> dict[str, Any]:
    """Return a page of hits as JSON, without marks."""
    return {
        "count": found.count,
        "before": found.before,
        "indexed": found.indexed,
        "waiting": found.waiting,
        "hits": [
            {
                **{"id": hit.id, "kind": str(hit.kind), "record": hit.record, "entry": hit.entry, "post": hit.post},
                **{"by": hit.by, "at": clock.to_text(hit.at)},
                "excerpt": "".join(segment.text for segment in hit.excerpt),
            }
            for hit in found.hits
        ],
    }


# -- what was searched for ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SearchFacts:
    """A search that was made: by whom, when, for what, and how much it found; `words` are None where erased."""

    id: int
    by: str
    by_name: str
    at: datetime
    words: str | None
    filters: Mapping[str, Any]
    before: int | None
    hits: int


def searches(session: Session, workspace: str, *, before: int | None, limit: int) -> tuple[SearchFacts, ...]:
    """Return what was searched for in a workspace, newest first."""
    columns = (Search.id, Search.by, Search.at, Search.words, Search.filters, Search.before, Search.hits)
    query = select(*columns).where(Search.workspace == workspace).order_by(Search.id.desc()).limit(limit)
    rows = session.execute(query if before is None else query.where(Search.id < before)).all()
    names = names_of(session, {row.by for row in rows})
    return tuple(
        SearchFacts(row.id, row.by, names.get(row.by, row.by), row.at, row.words, row.filters, row.before, row.hits)
        for row in rows
    )
