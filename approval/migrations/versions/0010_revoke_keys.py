"""Keep why a verifier key of a log was revoked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "revoked_key",
        sa.Column("vkey", sa.String(length=300), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_size", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("vkey", name=op.f("pk_revoked_key")),
    )
