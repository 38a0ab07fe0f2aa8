"""Counters of what each rule found: kept as it happens, never counted anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite

from approval.db import Session
from approval.screening.models import RuleTally


def tally(
    session: Session,
    workspace: str,
    *,
    hits: Iterable[str] = (),
    shadows: Iterable[str] = (),
    dismissed: Iterable[str] = (),
) -> None:
    """Add one to each rule that found something, would have found something, or was wrong."""
    counted = {"hits": frozenset(hits), "shadows": frozenset(shadows), "dismissed": frozenset(dismissed)}
    # In one order everywhere, so that two transactions never wait for each other.
    rows: list[Mapping[str, str | int]] = [
        {"workspace": workspace, "rule": rule, **{name: int(rule in ids) for name, ids in counted.items()}}
        for rule in sorted(frozenset().union(*counted.values()))
    ]
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    adding = dialect.insert(RuleTally).values(rows)
    added = {name: getattr(RuleTally, name) + getattr(adding.excluded, name) for name in counted}
    session.execute(adding.on_conflict_do_update(index_elements=["workspace", "rule"], set_=added))


def untally(session: Session, workspace: str, rule: str) -> None:
    """Take one false alarm off a rule."""
    where = (RuleTally.workspace == workspace, RuleTally.rule == rule, RuleTally.dismissed > 0)
    session.execute(update(RuleTally).where(*where).values(dismissed=RuleTally.dismissed - 1))
