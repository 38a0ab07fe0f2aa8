"""Keep what an examiner asked for and how it was answered; write exports in parts; say which files are gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    _requests()
    _series()
    _gone()


def _requests() -> None:
    op.create_table(
        "request_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("regulator", sa.String(length=120), nullable=False),
        sa.Column("matter", sa.String(length=120), nullable=False),
        sa.Column("received", sa.Date(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("drafted_by", sa.String(length=80), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("export", sa.Integer(), nullable=True),
        sa.Column("handed_by", sa.String(length=80), nullable=True),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_to", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["export"], ["export.id"], name=op.f("fk_request_list_export_export")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_request_list_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_list")),
    )
    op.create_index(op.f("ix_request_list_workspace_id"), "request_list", ["workspace", "id"], unique=False)
    op.create_index(op.f("ix_request_list_export"), "request_list", ["export"], unique=False)
    op.create_table(
        "request_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("asks", sa.JSON(), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("file_kind", sa.String(length=40), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["request"], ["request_list.id"], name=op.f("fk_request_item_request_request_list")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_request_item_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_item")),
        sa.UniqueConstraint("request", "number", name=op.f("uq_request_item_request_number")),
    )


def _series() -> None:
    op.create_table(
        "export_series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("most_posts", sa.Integer(), nullable=True),
        sa.Column("most_bytes", sa.BigInteger(), nullable=True),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_export_series_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_series")),
    )
    op.create_index(op.f("ix_export_series_workspace_id"), "export_series", ["workspace", "id"], unique=False)
    op.create_table(
        "export_part",
        sa.Column("export", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["export"], ["export.id"], name=op.f("fk_export_part_export_export")),
        sa.ForeignKeyConstraint(["series"], ["export_series.id"], name=op.f("fk_export_part_series_export_series")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_export_part_workspace_workspace")),
        sa.PrimaryKeyConstraint("export", name=op.f("pk_export_part")),
        sa.UniqueConstraint("series", "number", name=op.f("uq_export_part_series_number")),
    )


def _gone() -> None:
    op.create_table(
        "export_gone",
        sa.Column("export", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["export"], ["export.id"], name=op.f("fk_export_gone_export_export")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_export_gone_workspace_workspace")),
        sa.PrimaryKeyConstraint("export", name=op.f("pk_export_gone")),
    )
