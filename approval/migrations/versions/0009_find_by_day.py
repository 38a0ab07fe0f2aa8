"""Find submissions and publications by their days: for back-tests and lookbacks."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_index(op.f("ix_submission_workspace_submitted_at"), "submission", ["workspace", "submitted_at"])
    op.create_index(op.f("ix_publication_workspace_published_at"), "publication", ["workspace", "published_at"])
    op.create_index(
        op.f("ix_publication_workspace_standing_id_published_at"),
        "publication",
        ["workspace", "standing", "id", "published_at"],
    )
