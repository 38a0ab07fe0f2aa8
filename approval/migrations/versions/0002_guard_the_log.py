"""Let the database itself refuse to change the log.

SQLite: triggers alone do not hold against INSERT OR REPLACE, so each table has exactly one unique constraint, no
rowid, and a trigger that refuses a key that is there; the log's index must be the next one. PostgreSQL: triggers for
UPDATE, DELETE and TRUNCATE, behind grants that give the program INSERT and SELECT alone (see `approval.db.schema`).
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

KEYS = {
    "entry": ("log", "index"),
    "opening": ("commitment",),
    "node": ("log", "level", "index"),
    "checkpoint": ("log", "size"),
}
NEXT = """COALESCE((SELECT MAX("index") + 1 FROM entry WHERE log = NEW.log), 0)"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for table, key in KEYS.items():
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
            )
        same = " AND ".join(f'"{column}" = NEW."{column}"' for column in key)
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never replaced'); END"
        )
    op.execute(
        f'CREATE TRIGGER entry_next BEFORE INSERT ON entry WHEN NEW."index" <> {NEXT} '
        "BEGIN SELECT RAISE(ABORT, 'an entry takes the next index of its log'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE FUNCTION ensure_next() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f'BEGIN IF NEW."index" <> {NEXT} THEN '
        "RAISE EXCEPTION 'an entry takes the next index of its log'; END IF; RETURN NEW; END $$"
    )
    for table in KEYS:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute("CREATE TRIGGER entry_next BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION ensure_next()")
