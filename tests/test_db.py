"""A snapshot answers the same question the same way; a transaction is asked anew."""

from __future__ import annotations

from factories import HOST, a_firm
from sqlalchemy import event

from approval.audit.services import record
from approval.db import Session, once, reading, transaction
from approval.people.events import WorkspaceChanged
from approval.people.models import Workspace
from approval.people.queries import workspace_facts


@once
def title(session: Session, name: str, *, loud: bool = False) -> str:
    found = workspace_facts.__wrapped__(session, name).title
    return found.upper() if loud else found


def statements(engine):
    seen = []
    event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    return seen


def test_a_snapshot_is_asked_once(database, keys):
    firm = a_firm(keys)
    seen = statements(database)
    with reading() as session:
        first = title(session, firm.workspace)
        asked = len(seen)
        assert title(session, firm.workspace) == first
        assert len(seen) == asked
        assert title(session, firm.workspace, loud=True) == first.upper(), "another question"
    with reading() as session:
        title(session, firm.workspace)
    assert len(seen) > asked + 1, "another snapshot is asked again"


def test_what_a_snapshot_answers_stays_true_in_it(database, keys):
    firm = a_firm(keys)
    with reading() as session:
        before = title(session, firm.workspace)
        with transaction() as another:
            workspace = another.get_one(Workspace, firm.workspace)
            workspace.title = "Another Bank"
            record(another, WorkspaceChanged(by=HOST, workspace=firm.workspace), workspace)
        assert workspace_facts.__wrapped__(session, firm.workspace).title == before, "asked anew, the same answer"
    with reading() as session:
        assert title(session, firm.workspace) == "Another Bank"


def test_a_transaction_is_asked_anew(database, keys):
    firm = a_firm(keys)
    with transaction() as session:
        assert title(session, firm.workspace) != "Another Bank"
        session.get_one(Workspace, firm.workspace).title = "Another Bank"
        session.flush()
        assert title(session, firm.workspace) == "Another Bank"
        session.rollback()
