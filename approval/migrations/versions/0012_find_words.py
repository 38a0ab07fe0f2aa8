"""Find posts, comments, decisions and entries by their words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "passage",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("post", sa.Integer(), nullable=True),
        sa.Column("revision", sa.String(length=64), nullable=True),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", sa.Text() if sqlite else TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_passage_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passage")),
        sa.UniqueConstraint("workspace", "kind", "record", name=op.f("uq_passage_workspace_kind_record")),
    )
    op.create_index(op.f("ix_passage_workspace_revision"), "passage", ["workspace", "revision"])
    op.create_index(op.f("ix_passage_workspace_at_id"), "passage", ["workspace", "at", "id"])
    if sqlite:
        _index_on_sqlite()
    else:
        op.create_index(op.f("ix_passage_words"), "passage", ["words"], postgresql_using="gin")
    op.create_table(
        "indexing",
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("forgotten", sa.Integer(), nullable=False),
        sa.Column("tidied", sa.Integer(), nullable=False),
        sa.Column("tidying", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_indexing_workspace_workspace")),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_indexing")),
    )
    op.create_table(
        "search",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=True),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=True),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("indexed", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_search_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search")),
    )
    op.create_index(op.f("ix_search_workspace_id"), "search", ["workspace", "id"])


def _index_on_sqlite() -> None:
    """An index of its own beside the table, which the program keeps (SQLite, "FTS5", external content tables).

    No trigger does: a schema that is not trusted (`trusted_schema=OFF`) may not use FTS5 in one. The tokenizer takes
    every sign that is not ASCII as part of a word: the words come folded and apart already.
    """
    op.execute(
        "CREATE VIRTUAL TABLE passage_words USING fts5"
        "(words, content='passage', content_rowid='id', tokenize='ascii', columnsize=0)"
    )
