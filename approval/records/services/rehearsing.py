"""Tests of access: somebody got at the records as an examiner would, and said whether what they got verified."""

from __future__ import annotations

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Invalid, Problem
from approval.records import events
from approval.records.models import AccessTest, Export, ExportState
from approval.review.services.guards import ensure_may, normal_text

MOST_NAME, MOST_NOTE = 200, 4_000


def note_access(
    session: Session, workspace: str, *, export: int, person: str, verified: bool, note: str, by: Actor
) -> AccessTest:
    """Record that *person* got at an export and verified it, or could not; *note* says how, and what went wrong."""
    ensure_may(by, Capability.HOLD, workspace)
    found = session.get(Export, export)
    if found is None or found.workspace != workspace or found.state is not ExportState.READY or found.digest is None:
        what = "Name an export of this workspace that is ready: what was verified is what was got."
        raise Invalid(what, problems=(Problem("export", what),))
    row = AccessTest(
        workspace=workspace,
        export=found.id,
        digest=found.digest,
        person=_needed(person, "person", MOST_NAME, "Name who got at the records."),
        verified=verified,
        note=_needed(note, "note", MOST_NOTE, "Say how it was done, such as on which machine and with which verifier."),
        tested_by=by.id,
        tested_at=clock.now(session),
    )
    session.add(row)
    session.flush()
    happened = events.AccessTested(
        by=by.id, workspace=workspace, test=row.id, export=row.export, digest=row.digest, verified=verified
    )
    record(session, happened, row)
    return row


def _needed(text: str, where: str, most: int, what: str) -> str:
    found = normal_text(text, where, most)
    if found is None:
        raise Invalid(what, problems=(Problem(where, what),))
    return found
