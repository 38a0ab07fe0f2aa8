"""Let go of what need not be kept, and let one narrow way through the guards of the log.

An opening may change in one way only: salt to zeros and value to null, where a row of `erased` names its commitment.
Such a row needs an entry of the same log, of the kind `erased`, whose text holds the commitment. PostgreSQL: the
functions look in `public` alone, or else a temporary table of the same name would answer for it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

ZEROS = "00" * 32
MAY_NOT = "what opens a commitment is only ever overwritten where an erased entry names it"
NOT_NAMED = "only what an erased entry names is erased"


def upgrade() -> None:
    _erased()
    _dispositions()
    _erasures()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _erased() -> None:
    op.create_table(
        "erased",
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("log", sa.String(length=63), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name=op.f("pk_erased")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_erased_log_index"), "erased", ["log", "index"], unique=False)


def _dispositions() -> None:
    op.create_table(
        "disposition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("through", sa.Date(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("proposal", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disposed", sa.Integer(), nullable=True),
        sa.Column("kept", sa.Integer(), nullable=True),
        sa.Column("cleaned_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["proposal"], ["proposal.id"], name=op.f("fk_disposition_proposal_proposal")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_disposition_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposition")),
    )
    op.create_index(op.f("ix_disposition_state_id"), "disposition", ["state", "id"], unique=False)
    op.create_index(op.f("ix_disposition_workspace_id"), "disposition", ["workspace", "id"], unique=False)
    op.create_table(
        "disposition_item",
        sa.Column("disposition", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept_because", sa.Text(), nullable=True),
        sa.Column("media", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["disposition"], ["disposition.id"], name=op.f("fk_disposition_item_disposition_disposition")
        ),
        sa.PrimaryKeyConstraint("disposition", "number", name=op.f("pk_disposition_item")),
    )
    op.create_index(
        op.f("ix_disposition_item_disposition_settled_at_number"),
        "disposition_item",
        ["disposition", "settled_at", "number"],
        unique=False,
    )
    op.create_index(op.f("ix_disposition_item_kind_record"), "disposition_item", ["kind", "record"], unique=False)


def _erasures() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("person", sa.String(length=24), nullable=True),
        sa.Column("words", sa.String(length=120), nullable=True),
        sa.Column("posts", sa.JSON(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("recorded_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=24), nullable=False),
        sa.Column("answer_on", sa.Date(), nullable=True),
        sa.Column("proposal", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased", sa.Integer(), nullable=True),
        sa.Column("disposed", sa.Integer(), nullable=True),
        sa.Column("cleaned_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_erasure_person_person")),
        sa.ForeignKeyConstraint(["proposal"], ["proposal.id"], name=op.f("fk_erasure_proposal_proposal")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_erasure_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    op.create_index(op.f("ix_erasure_state_id"), "erasure", ["state", "id"], unique=False)
    op.create_index(op.f("ix_erasure_workspace_id"), "erasure", ["workspace", "id"], unique=False)


def _guard_sqlite() -> None:
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER erased_no_{act.lower()} BEFORE {act} ON erased "
            "BEGIN SELECT RAISE(ABORT, 'rows of erased are never changed'); END"
        )
    op.execute(
        "CREATE TRIGGER erased_no_replace BEFORE INSERT ON erased "
        "WHEN EXISTS (SELECT 1 FROM erased WHERE commitment = NEW.commitment) "
        "BEGIN SELECT RAISE(ABORT, 'rows of erased are never replaced'); END"
    )
    op.execute(
        "CREATE TRIGGER erased_named BEFORE INSERT ON erased WHEN NOT EXISTS (SELECT 1 FROM entry "
        """WHERE log = NEW.log AND "index" = NEW."index" AND kind = 'erased' """
        "AND length(NEW.commitment) = 64 AND instr(CAST(body AS TEXT), NEW.commitment) > 0) "
        f"BEGIN SELECT RAISE(ABORT, '{NOT_NAMED}'); END"
    )
    op.execute("DROP TRIGGER opening_no_update")
    op.execute(
        "CREATE TRIGGER opening_no_update BEFORE UPDATE ON opening WHEN NEW.commitment IS NOT OLD.commitment "
        """OR NEW.log IS NOT OLD.log OR NEW."index" IS NOT OLD."index" OR NEW.value IS NOT NULL """
        f"OR NEW.salt IS NOT x'{ZEROS}' "
        "OR NOT EXISTS (SELECT 1 FROM erased WHERE commitment = OLD.commitment AND log = OLD.log) "
        f"BEGIN SELECT RAISE(ABORT, '{MAY_NOT}'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE TRIGGER erased_no_change BEFORE UPDATE OR DELETE ON erased "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER erased_no_truncate BEFORE TRUNCATE ON erased "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    _function(
        "ensure_named",
        "IF NOT EXISTS (SELECT 1 FROM public.entry AS e "
        """WHERE e.log = NEW.log AND e."index" = NEW."index" AND e.kind = 'erased' """
        "AND length(NEW.commitment) = 64 AND position(NEW.commitment IN convert_from(e.body, 'UTF8')) > 0) "
        f"THEN RAISE EXCEPTION '{NOT_NAMED}'; END IF; RETURN NEW;",
    )
    op.execute("CREATE TRIGGER erased_named BEFORE INSERT ON erased FOR EACH ROW EXECUTE FUNCTION ensure_named()")
    _function(
        "ensure_erased",
        "IF NEW.commitment IS DISTINCT FROM OLD.commitment OR NEW.log IS DISTINCT FROM OLD.log "
        """OR NEW."index" IS DISTINCT FROM OLD."index" OR NEW.value IS NOT NULL """
        f"OR NEW.salt IS DISTINCT FROM '\\x{ZEROS}'::bytea "
        "OR NOT EXISTS (SELECT 1 FROM public.erased AS n WHERE n.commitment = OLD.commitment AND n.log = OLD.log) "
        f"THEN RAISE EXCEPTION '{MAY_NOT}'; END IF; RETURN NEW;",
    )
    op.execute("DROP TRIGGER opening_no_change ON opening")
    op.execute("CREATE TRIGGER opening_erased BEFORE UPDATE ON opening FOR EACH ROW EXECUTE FUNCTION ensure_erased()")
    op.execute(
        "CREATE TRIGGER opening_no_delete BEFORE DELETE ON opening FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute("ALTER FUNCTION ensure_next() SET search_path = public, pg_temp")


def _function(name: str, body: str) -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ "
        f"BEGIN {body} END $$"
    )
