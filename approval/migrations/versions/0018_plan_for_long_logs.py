"""Tell SQLite how entries are spread, so that it finds them by their indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

# What ANALYZE might write of a log with half a million entries: rows, then how many are alike in the first column of
# an index, in the first two, and so on (sqlite.org/fileformat2.html#stat1tab). Of kinds and people, what is asked for
# is rare. Without these SQLite takes a log for ten entries, and reads all of it. PostgreSQL keeps its own.
SPREAD = {
    "entry": "1000000 500000 1",
    "ix_entry_log_post_index": "1000000 500000 10 1",
    "ix_entry_log_kind_index": "1000000 500000 1000 1",
    "ix_entry_log_actor_index": "1000000 500000 1000 1",
    "ix_entry_log_at": "1000000 500000 2",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute("ANALYZE sqlite_schema")  # makes the table, and reads nothing
    op.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'entry'")
    kept = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
    op.bulk_insert(kept, [{"tbl": "entry", "idx": index, "stat": stat} for index, stat in SPREAD.items()])
