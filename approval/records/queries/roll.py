"""Who was who: the people behind the ids of a workspace's entries, and the roles they held, from when until when."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from approval.audit.models import Entry
from approval.db import Session
from approval.people.models import Person
from approval.records.queries.selection import BATCH, Period


@dataclass(frozen=True)
class Held:
    """A role that somebody held, from one instant until another (None: it was not taken before the period's end)."""

    role: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Somebody:
    """A person by id, with the roles held at any time in the period. Host users name themselves and have no account."""

    id: str
    name: str
    email: str | None
    added: datetime | None
    disabled: datetime | None
    roles: tuple[Held, ...]


def roles_in(session: Session, workspace: str, period: Period) -> dict[str, tuple[Held, ...]]:
    """Return the roles held at any time in the period, by person, as the log gives and takes them."""
    rows = session.execute(
        select(Entry.kind, Entry.at, Entry.body)
        .where(Entry.log == workspace, Entry.kind.in_(("role.given", "role.taken")), Entry.at < period.ends)
        .order_by(Entry.index)
    )
    held: defaultdict[str, list[Held]] = defaultdict(list)
    for kind, at, body in rows:
        facts = json.loads(body)["facts"]
        roles = held[facts["person"]]
        if kind == "role.given":
            roles.append(Held(facts["role"], at, None))
        else:
            roles[:] = [Held(h.role, h.since, at) if h.role == facts["role"] and h.until is None else h for h in roles]
    return {
        person: tuple(h for h in roles if h.until is None or h.until >= period.begins) for person, roles in held.items()
    }


def people(session: Session, ids: Iterable[str], roles: dict[str, tuple[Held, ...]]) -> list[Somebody]:
    """Return who stands behind *ids*, in order of id."""
    wanted = sorted(set(ids))
    found: list[Somebody] = []
    for start in range(0, len(wanted), BATCH):
        found += _batch(session, wanted[start : start + BATCH], roles)
    return found


def _batch(session: Session, ids: Sequence[str], roles: dict[str, tuple[Held, ...]]) -> list[Somebody]:
    columns = (Person.id, Person.name, Person.email, Person.created_at, Person.disabled_at)
    rows = {row.id: row for row in session.execute(select(*columns).where(Person.id.in_(ids)))}
    return [
        Somebody(*rows[id_], roles.get(id_, ())) if id_ in rows else Somebody(id_, id_, None, None, None, ())
        for id_ in ids
    ]
