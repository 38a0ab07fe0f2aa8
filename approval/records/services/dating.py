"""Writing down until when the records of other tools are kept, a stretch at a time; new rules begin anew."""

from __future__ import annotations

from sqlalchemy import delete, insert

from approval.db import Session
from approval.people.queries import workspace_facts
from approval.records.keeping import keep
from approval.records.models import ArchivedReckoning, Keeping, Kind
from approval.records.queries.archives import archived_after, is_dated, parts_of, rules_of
from approval.records.queries.retention import retention_in_force

STRETCH = 2_000


def date_archived(session: Session, workspace: str) -> bool:
    """Reckon the next stretch; False where every record of another tool has its date under the rules in force."""
    if is_dated(session, workspace):
        return False
    under = rules_of(session, workspace)
    cursor = session.get(ArchivedReckoning, workspace, with_for_update=True)
    if cursor is None:
        cursor = ArchivedReckoning(workspace=workspace, swept=0, under=under)
        session.add(cursor)
    if cursor.under != under:
        cursor.swept, cursor.under = 0, under
    found = archived_after(session, workspace, after=cursor.swept, limit=STRETCH)
    if not found:
        return False
    retention, regime = retention_in_force(session, workspace).retention, workspace_facts(session, workspace).regime
    kept = {day: keep(retention, *parts_of(regime, day)) for day in {one.used for one in found}}
    ids = [one.id for one in found]
    here = Keeping.workspace == workspace, Keeping.kind == Kind.ARCHIVED
    session.execute(delete(Keeping).where(*here, Keeping.record.in_(ids)))
    rows = [
        {
            "workspace": workspace,
            "kind": Kind.ARCHIVED,
            "record": one.id,
            "until": kept[one.used].until,
            "rule": kept[one.used].reasons[0].rule.id,
        }
        for one in found
    ]
    session.execute(insert(Keeping), rows)
    cursor.swept = found[-1].id
    return True
