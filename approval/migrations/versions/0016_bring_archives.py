"""Keep records that another program made, as they came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    _archive()
    _archived()
    _archived_reckoning()


def _archive() -> None:
    op.create_table(
        "archive",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("brought_by", sa.String(length=80), nullable=False),
        sa.Column("brought_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("undated", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("accepted_by", sa.String(length=80), nullable=True),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("advanced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_archive_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive")),
    )
    op.create_index(op.f("ix_archive_state_id"), "archive", ["state", "id"], unique=False)
    op.create_index(op.f("ix_archive_workspace_digest"), "archive", ["workspace", "digest"], unique=False)
    op.create_index(op.f("ix_archive_workspace_id"), "archive", ["workspace", "id"], unique=False)


def _archived() -> None:
    op.create_table(
        "archived",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("archive", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["archive"], ["archive.id"], name=op.f("fk_archived_archive_archive")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_archived_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archived")),
        sa.UniqueConstraint("workspace", "digest", name=op.f("uq_archived_workspace_digest")),
    )
    op.create_index(op.f("ix_archived_archive_number"), "archived", ["archive", "number"], unique=False)
    op.create_index(op.f("ix_archived_workspace_id"), "archived", ["workspace", "id"], unique=False)


def _archived_reckoning() -> None:
    op.create_table(
        "archived_reckoning",
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("swept", sa.Integer(), nullable=False),
        sa.Column("under", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspace.name"], name=op.f("fk_archived_reckoning_workspace_workspace")
        ),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_archived_reckoning")),
    )
