"""Runs migrations on the engine that `approval.db.schema.upgrade` hands in."""

from __future__ import annotations

from alembic import context

import approval.people.models
import approval.posts.models
import approval.publishing.models
import approval.records.models
import approval.review.models
import approval.screening.models  # noqa: F401
from approval.db import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # Batch mode recreates tables; rows of the log must never move, so it stays off.
    render_as_batch=False,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
