"""Keep the words that stand in images."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # What the log said of earlier images names neither column: that means None (`Media`, ABSENT).
    op.add_column("media", sa.Column("words", sa.Text(), nullable=True))
    op.add_column("media", sa.Column("read_by", sa.String(length=80), nullable=True))
