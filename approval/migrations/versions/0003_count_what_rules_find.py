"""Keep dismissals, and counters of what each rule finds; those of the past are counted once, here."""

from __future__ import annotations

import json
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BATCH = 1_000


def upgrade() -> None:
    op.create_table(
        "dismissal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("dismissed_by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_dismissal_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dismissal")),
        sa.UniqueConstraint("workspace", "revision", "rule", name=op.f("uq_dismissal_workspace_revision_rule")),
    )
    op.create_index(op.f("ix_dismissal_workspace_rule_id"), "dismissal", ["workspace", "rule", "id"], unique=False)
    op.create_table(
        "rule_tally",
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("shadows", sa.Integer(), nullable=False),
        sa.Column("dismissed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_rule_tally_workspace_workspace")),
        sa.PrimaryKeyConstraint("workspace", "rule", name=op.f("pk_rule_tally")),
    )
    _count_the_past()


def _count_the_past() -> None:
    bind = op.get_bind()
    page = sa.text("SELECT id, workspace, findings FROM screening WHERE id > :after ORDER BY id LIMIT :most")
    counts: Counter[tuple[str, str]] = Counter()
    after = 0
    while rows := bind.execute(page, {"after": after, "most": _BATCH}).all():
        for _, workspace, findings in rows:
            found = json.loads(findings) if isinstance(findings, str) else findings
            counts.update({(workspace, rule) for rule in {one["rule"] for one in found} if rule != "ENG000"})
        after = rows[-1][0]
    if counts:
        bind.execute(
            sa.text("INSERT INTO rule_tally VALUES (:workspace, :rule, :hits, 0, 0)"),
            [{"workspace": workspace, "rule": rule, "hits": hits} for (workspace, rule), hits in counts.items()],
        )
