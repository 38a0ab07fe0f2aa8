"""Keep lookbacks, and what they flagged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "lookback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("rule_set", sa.String(length=64), nullable=False),
        sa.Column("begun_by", sa.String(length=80), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("judged", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_lookback_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookback")),
    )
    op.create_index(op.f("ix_lookback_workspace_id"), "lookback", ["workspace", "id"], unique=False)
    op.create_table(
        "lookback_hit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("lookback", sa.Integer(), nullable=False),
        sa.Column("publication", sa.Integer(), nullable=False),
        sa.Column("post", sa.Integer(), nullable=False),
        sa.Column("worst", sa.String(length=8), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("answered_by", sa.String(length=80), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["lookback"], ["lookback.id"], name=op.f("fk_lookback_hit_lookback_lookback")),
        sa.ForeignKeyConstraint(
            ["publication"], ["publication.id"], name=op.f("fk_lookback_hit_publication_publication")
        ),
        sa.ForeignKeyConstraint(["post"], ["post.id"], name=op.f("fk_lookback_hit_post_post")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_lookback_hit_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookback_hit")),
        sa.UniqueConstraint("lookback", "publication", name=op.f("uq_lookback_hit_lookback_publication")),
    )
    op.create_index(
        op.f("ix_lookback_hit_workspace_answered_at_id"),
        "lookback_hit",
        ["workspace", "answered_at", "id"],
        unique=False,
    )
