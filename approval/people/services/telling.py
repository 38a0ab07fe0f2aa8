"""Telling people: a notice in the page and a message in the outbox, committed with what they announce."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, update

from approval import clock
from approval.db import Session
from approval.people.models import Notice, Outbox, Person

KINDS = frozenset(
    {
        "task_waiting",
        "changes_requested",
        "rejected",
        "approved",
        "published",
        "publication_problem",
        "needs_person",
        "second_wanted",
        "stopped",
        "export_ready",
        "lookback_found",
        "log_alarm",
    }
)
LETTERS = KINDS | {"invitation", "reset", "room", "factor_reset"}
"""Kinds that go by e-mail; each has a template in templates/email."""


def tell(session: Session, whom: Iterable[str], kind: str, *, workspace: str, **ids: Any) -> None:
    """Tell each of *whom* once, in the page and by e-mail; host users and closed accounts are told nothing."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is nothing that people are told")
    for person in _reachable(session, whom):
        session.add(Notice(workspace=workspace, person=person, kind=kind, ids=ids, at=clock.now(session)))
        _post(session, person, kind, {**ids, "workspace": workspace})


def write_to(session: Session, person: str, kind: str, **ids: Any) -> None:
    """Send one person a letter of its own: an invitation, a reset, a room that was opened to them."""
    if kind not in LETTERS - KINDS:
        raise ValueError(f"{kind!r} is no letter of its own")
    _post(session, person, kind, ids)


def read_all(session: Session, person: str) -> None:
    """Mark every notice of *person* as read."""
    unread = Notice.person == person, Notice.read_at.is_(None)
    session.execute(update(Notice).where(*unread).values(read_at=clock.now(session)))


def _reachable(session: Session, whom: Iterable[str]) -> list[str]:
    wanted = select(Person.id).where(Person.id.in_(set(whom)), Person.disabled_at.is_(None)).order_by(Person.id)
    return list(session.scalars(wanted))


def _post(session: Session, person: str, kind: str, ids: dict[str, Any]) -> None:
    now = clock.now(session)
    session.add(Outbox(person=person, kind=kind, ids=ids, made_at=now, due_at=now))
