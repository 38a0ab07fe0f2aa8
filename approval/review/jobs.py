"""What the worker does for review."""

from __future__ import annotations

from approval.db import Origin, reading, transaction
from approval.posts.queries import post_for_change
from approval.review import queries, services
from approval.review.services.ending import WORKER
from approval.settings import Settings

_ORIGIN = Origin(method="worker")


def follow_leavers(settings: Settings, worker: str) -> None:
    """Let rounds go on that wait for everybody, where somebody has left."""
    with reading() as session:
        found = queries.outdated_posts(session)
    for post in found:
        with transaction(_ORIGIN) as session:
            services.reconsider(session, post_for_change(session, post), by=WORKER)
