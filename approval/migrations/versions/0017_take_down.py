"""Keep complaints, take-downs and tests of access."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    _complaint()
    _take_down()
    _access_test()


def _complaint() -> None:
    op.create_table(
        "complaint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("post", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(length=40), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("way", sa.String(length=24), nullable=False),
        sa.Column("customer", sa.String(length=200), nullable=False),
        sa.Column("contact", sa.String(length=400), nullable=True),
        sa.Column("account", sa.String(length=80), nullable=True),
        sa.Column("staff", sa.String(length=200), nullable=True),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done", sa.Text(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("finding", sa.String(length=24), nullable=True),
        sa.Column("closed_by", sa.String(length=80), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post"], ["post.id"], name=op.f("fk_complaint_post_post")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_complaint_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
    )
    op.create_index(op.f("ix_complaint_post"), "complaint", ["post"], unique=False)
    op.create_index(
        op.f("ix_complaint_workspace_closed_at_id"), "complaint", ["workspace", "closed_at", "id"], unique=False
    )


def _take_down() -> None:
    op.create_table(
        "take_down",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("post", sa.Integer(), nullable=False),
        sa.Column("publication", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.String(length=80), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(length=80), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post"], ["post.id"], name=op.f("fk_take_down_post_post")),
        sa.ForeignKeyConstraint(["publication"], ["publication.id"], name=op.f("fk_take_down_publication_publication")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_take_down_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_take_down")),
        sa.UniqueConstraint("publication", name=op.f("uq_take_down_publication")),
    )
    op.create_index(op.f("ix_take_down_post"), "take_down", ["post"], unique=False)


def _access_test() -> None:
    op.create_table(
        "access_test",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("export", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("tested_by", sa.String(length=80), nullable=False),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["export"], ["export.id"], name=op.f("fk_access_test_export_export")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_access_test_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_test")),
    )
    op.create_index(op.f("ix_access_test_workspace_id"), "access_test", ["workspace", "id"], unique=False)
