"""Keep retention rules and legal holds, and what follows from them for each record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _retention()
    _holds()
    _derived()


def _retention() -> None:
    op.create_table(
        "retention_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspace.name"], name=op.f("fk_retention_version_workspace_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_version")),
        sa.UniqueConstraint("workspace", "number", name=op.f("uq_retention_version_workspace_number")),
    )


def _holds() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("matter", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=80), nullable=True),
        sa.Column("post", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(length=40), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("placed_by", sa.String(length=80), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposal", sa.Integer(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post"], ["post.id"], name=op.f("fk_hold_post_post")),
        sa.ForeignKeyConstraint(["proposal"], ["proposal.id"], name=op.f("fk_hold_proposal_proposal")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_hold_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    op.create_index(op.f("ix_hold_workspace_lifted_at_id"), "hold", ["workspace", "lifted_at", "id"], unique=False)


def _derived() -> None:
    op.create_table(
        "keeping",
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("record", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_keeping_workspace_workspace")),
        sa.PrimaryKeyConstraint("workspace", "kind", "record", name=op.f("pk_keeping")),
    )
    op.create_index(
        op.f("ix_keeping_workspace_until_kind_record"),
        "keeping",
        ["workspace", "until", "kind", "record"],
        unique=False,
    )
    op.create_table(
        "covered",
        sa.Column("hold", sa.Integer(), nullable=False),
        sa.Column("post", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["hold"], ["hold.id"], name=op.f("fk_covered_hold_hold")),
        sa.ForeignKeyConstraint(["post"], ["post.id"], name=op.f("fk_covered_post_post")),
        sa.PrimaryKeyConstraint("hold", "post", name=op.f("pk_covered")),
    )
    op.create_index(op.f("ix_covered_post"), "covered", ["post"], unique=False)
    op.create_table(
        "reckoning",
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("swept", sa.Integer(), nullable=True),
        sa.Column("others_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_reckoning_workspace_workspace")),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_reckoning")),
    )
