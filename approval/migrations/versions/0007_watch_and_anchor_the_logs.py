"""Keep tokens of time over checkpoints, and what is watched of each log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_AT = (
    "since",
    "refused_at",
    "refusal_noted_at",
    "checking_until",
    "checked_at",
    "good_at",
    "anchoring_until",
    "told_at",
)


def upgrade() -> None:
    op.create_table(
        "anchor",
        sa.Column("log", sa.String(length=63), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("log", "size", "kind", name=op.f("pk_anchor")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "watch",
        sa.Column("log", sa.String(length=63), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=name != "since") for name in _AT),
        sa.Column("refusal", sa.String(length=24), nullable=True),
        sa.Column("problem", sa.String(length=300), nullable=True),
        sa.Column("beaten_through", sa.Date(), nullable=True),
        sa.Column("anchor_problem", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("log", name=op.f("pk_watch")),
    )
    # Watching begins now: a log that nobody has verified yet is late only after its first night.
    op.execute("INSERT INTO watch (log, since) SELECT name, CURRENT_TIMESTAMP FROM log")
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER anchor_no_{act.lower()} BEFORE {act} ON anchor "
            "BEGIN SELECT RAISE(ABORT, 'rows of anchor are never changed'); END"
        )
    op.execute(
        "CREATE TRIGGER anchor_no_replace BEFORE INSERT ON anchor WHEN EXISTS (SELECT 1 FROM anchor "
        "WHERE log = NEW.log AND size = NEW.size AND kind = NEW.kind) "
        "BEGIN SELECT RAISE(ABORT, 'rows of anchor are never replaced'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE TRIGGER anchor_no_change BEFORE UPDATE OR DELETE ON anchor "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER anchor_no_truncate BEFORE TRUNCATE ON anchor "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
