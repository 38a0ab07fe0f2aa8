"""Writing down until when records are kept, as far as a step was read; another worker's step in between drops it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, insert

from approval.db import Session
from approval.records.models import Covered, Keeping, Kind, Reckoning
from approval.records.queries.reckoning import Cursor, Reckoned, Step


def follow(session: Session, step: Step) -> bool:
    """Write what a step reckoned and move the cursor; False where the cursor was moved since it was read."""
    cursor = session.get(Reckoning, step.workspace, with_for_update=True)
    found = None if cursor is None else Cursor(cursor.entries, cursor.swept, cursor.others_at)
    if found != step.before:
        return False
    if cursor is None:
        cursor = Reckoning(workspace=step.workspace)
        session.add(cursor)
    cursor.entries, cursor.swept, cursor.others_at = step.after.entries, step.after.swept, step.after.others_at
    here = Keeping.workspace == step.workspace
    posts = [one.record for one in step.posts]
    session.execute(delete(Keeping).where(here, Keeping.kind == Kind.POST, Keeping.record.in_(posts)))
    session.execute(delete(Keeping).where(here, Keeping.kind.in_(step.kinds)))
    session.execute(delete(Covered).where(Covered.post.in_(posts)))
    _insert(session, Keeping, (_row(step.workspace, one) for one in (*step.posts, *step.others)))
    _insert(session, Covered, ({"hold": hold, "post": one.record} for one in step.posts for hold in one.holds))
    return True


def _insert(session: Session, table: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    if made := list(rows):
        session.execute(insert(table), made)


def _row(workspace: str, one: Reckoned) -> dict[str, Any]:
    return {"workspace": workspace, "kind": one.kind, "record": one.record, "until": one.until, "rule": one.rule}
