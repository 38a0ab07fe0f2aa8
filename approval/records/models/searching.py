"""What search finds things by, how far it follows each log, and what was searched for."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from approval.audit.models import PERSONAL, PLAIN, Witnessed
from approval.db import Base, Digest, words


class PassageKind(enum.StrEnum):
    """What can be found: `record` is the id of a revision, a comment, a decision or a record that another tool kept, or
    the index of an entry."""

    POST = "post"
    COMMENT = "comment"
    DECISION = "decision"
    ARCHIVED = "archived"
    ENTRY = "entry"


class Lookup(TypeDecorator[Sequence[str]]):
    """Words in their order, ready to be looked up: a tsvector on PostgreSQL, text that FTS5 reads on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return TSVECTOR() if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if dialect.name == "postgresql":
            # Letters and digits only, so nothing needs quoting inside the quotes.
            return " ".join(f"'{word}':{place}" for place, word in enumerate(value, 1))
        return " ".join(value)


class Passage(Base):
    """A text that search finds: a revision, a comment with all it ever said, a decision, an archived record, an entry.

    `words` are looked up; the first of them are facets (see `approval.records.queries.indexing`). `entry` is the
    entry that first told of it, and ids follow the entries of a workspace: a later id was recorded later. On SQLite
    the full text index `passage_words` (migration 0012) stands beside this table; services keep both.
    """

    __tablename__ = "passage"
    unwitnessed = "derived: from the records and the log, as far as `indexing` says"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    kind: Mapped[PassageKind] = mapped_column(words(PassageKind))
    record: Mapped[int] = mapped_column(BigInteger)
    entry: Mapped[int] = mapped_column(BigInteger)
    post: Mapped[int | None]
    revision: Mapped[bytes | None] = mapped_column(Digest)
    by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[Sequence[str]] = mapped_column(Lookup)

    __table_args__ = (
        UniqueConstraint("workspace", "kind", "record"),
        Index(None, "workspace", "revision"),
        Index(None, "workspace", "at", "id"),
        Index(None, "words", postgresql_using="gin").ddl_if(dialect="postgresql"),
    )


class Indexing(Base):
    """How far the passages follow a workspace's log: entries below `entries` are in them.

    `forgotten` counts how often words were taken out for good; those up to `tidied` left the pages of SQLite's full
    text index too, which goes step by step while it is `tidying`.
    """

    __tablename__ = "indexing"
    unwitnessed = "a cursor: what it leads to is derived"

    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"), primary_key=True)
    entries: Mapped[int] = mapped_column(BigInteger)
    forgotten: Mapped[int] = mapped_column(default=0)
    tidied: Mapped[int] = mapped_column(default=0)
    tidying: Mapped[bool] = mapped_column(default=False)


class Search(Witnessed, Base):
    """A search that somebody made, page by page: recorded before it was answered. Never changed.

    `hits` were counted up to a bound; `before` is the passage before which this page begins; `indexed` says how many
    entries of the log could be found then.
    """

    __tablename__ = "search"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(ForeignKey("workspace.name"))
    words: Mapped[str | None] = mapped_column(String(200), info=PERSONAL)
    filters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, info=PLAIN)
    before: Mapped[int | None] = mapped_column(BigInteger)
    hits: Mapped[int]
    indexed: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]

    __table_args__ = (Index(None, "workspace", "id"),)
