"""A post as it stood at any entry of the log: from the entries, what they open to, and the contents that they name.

The tables of today are asked for the bytes of contents, each of which is checked by its digest, and for where to look:
which posts share a revision, and when an image was added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from approval import clock
from approval.audit.events import KINDS
from approval.audit.models import Entry
from approval.audit.queries.canonical import key_text
from approval.db import Session
from approval.errors import NotFound
from approval.people.queries import names_of, workspace_facts
from approval.posts.models import Media, Revision
from approval.posts.payload import Payload, parse
from approval.records.keeping import Kept
from approval.records.queries.cases import workspace_of
from approval.records.queries.folding import (
    WRONG,
    Row,
    Step,
    Told,
    Value,
    entries_of,
    entries_that_stand,
    entries_when,
    fold,
    own_entries,
)
from approval.records.queries.keeping_then import covering, kept_then

MOST_TWINS = 500
"""Other posts with the same words that are asked for what rules found in them."""
_OF_REVISIONS = frozenset({"screening", "acceptance", "dismissal", "exception_request", "second_opinion"})
_FOUND = (
    "revision.screened",
    "finding.accepted",
    "finding.dismissed",
    "dismissal.taken-back",
    "exception.asked",
    "second-opinion.given",
)
_STANDING = ("workspace.", "channel.", "workflow.", "rule-set.", "retention.", "hold.")
_COUNTED = frozenset({"version", "workspace"})
"""Columns that say nothing about what happened."""
_FORM = "approval-record/v1"


@dataclass(frozen=True)
class Difference:
    """A column that the chosen entry set: what it was before, if the row was there, and what it is since."""

    row: Row
    column: str
    before: Value | None
    after: Value | None


@dataclass(frozen=True)
class Recreated:
    """A post as it stood after the entry `step`, number `number` of the `of` that are about it.

    `rows` are its own; `grounds` what they rest on: its channels, workflow, rules, retention rules, holds.
    `payload` is what its revision says where the bytes are those of `digest`, `found` their SHA-256 as computed now.
    `limited`: as a room with limits shows it, to whom other posts are nothing.
    """

    workspace: str
    zone: str
    post: int
    cut: int
    step: Step
    number: int
    of: int
    before: int | None
    after: int | None
    first: int
    last: int
    rows: tuple[Row, ...]
    grounds: tuple[Row, ...]
    changes: tuple[Difference, ...]
    digest: str
    found: str | None
    size: int | None
    payload: Payload | None
    kept: Kept | None
    names: Mapping[str, str]
    limited: bool = False

    def may_name(self, step: Step) -> bool:
        """Say whether an entry may be named here: one about another post, of the same words, only without limits."""
        return not self.limited or step.post in (None, self.post)

    def of_table(self, *tables: str) -> tuple[Row, ...]:
        """Return the rows of some tables, in order of their keys' numbers."""
        chosen = [row for row in (*self.rows, *self.grounds) if row.table in tables]
        return tuple(sorted(chosen, key=lambda row: [(not isinstance(v, int), v) for v in row.key.values()]))

    @property
    def record(self) -> Row:
        """The post's own row."""
        return self.of_table("post")[0]

    @property
    def wrong(self) -> tuple[tuple[Row, str, Value], ...]:
        """What is not what was recorded, or is not there any more although nobody erased it."""
        rows = (*self.rows, *self.grounds)
        return tuple((row, name, v) for row in rows for name, v in row.values.items() if v.state in WRONG)

    @property
    def findings(self) -> list[Mapping[str, Any]]:
        """What the rules had found in this revision, by the last screening before."""
        judged = [row for row in self.of_table("screening") if row.get("revision") == self.digest]
        last = max(judged, key=lambda row: row.values["at"].value, default=None)
        return list(last.get("findings") or ()) if last else []

    def name(self, id_: str | None) -> str:
        """Return the name behind an id, as it is today."""
        return self.names.get(id_ or "", id_ or "")


def recreate(
    session: Session, post: int, *, entry: int | None = None, at: datetime | None = None, until: datetime | None = None
) -> Recreated:
    """Return a post as it stood after the entry *entry* of its log, or at the instant *at*; else as it stands.

    It is told up to *until*: what came later is not counted either. NotFound where there is no such post, where it
    did not exist yet, or where *entry* came later.
    """
    workspace = workspace_of(session, post)
    own = [one for one in own_entries(session, workspace, post) if until is None or one.step.at < until]
    cut = _cut(session, workspace, entry, at, until)
    past = [one.step for one in own if one.step.index <= cut]
    if not past:
        raise NotFound("The post did not exist yet.")
    shared = _shared(session, workspace, own)
    mine = _mine(post, own, fold(session, [*own, *shared], cut))
    digest = _revision_of(mine)
    said = _said(mine, digest)
    grounds = _grounds(session, workspace, post, mine, past, cut)
    steps = [one.step.index for one in own]
    here = len(past) - 1
    return Recreated(
        workspace=workspace,
        zone=workspace_facts(session, workspace).zone,
        post=post,
        cut=cut,
        step=past[-1],
        number=here + 1,
        of=len(steps),
        before=steps[here - 1] if here else None,
        after=steps[here + 1] if here + 1 < len(steps) else None,
        first=steps[0],
        last=steps[-1],
        rows=mine,
        grounds=grounds,
        changes=_changes(session, [*own, *shared], past[-1], mine),
        digest=digest,
        found=_found(said),
        size=None if said is None else said.size,
        payload=_payload(said),
        kept=kept_then(mine, grounds, past),
        names=names_of(session, _people(mine)),
    )


def _revision_of(mine: Sequence[Row]) -> str:
    record = next((row for row in mine if row.table == "post"), None)
    if record is None:
        raise NotFound("The post was not there any more.")
    return str(record.get("revision"))


def _said(mine: Sequence[Row], digest: str) -> Value | None:
    """The words of a revision, where they are told."""
    revisions = (row for row in mine if row.table == "revision" and row.get("digest") == digest)
    return next((row.values["payload"] for row in revisions), None)


def in_limits(found: Recreated) -> Recreated:
    """Return what a room with limits shows: that a legal hold covers the post, and nothing of what it is about."""

    def closed(rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(replace(row, values={}) if row.table == "hold" else row for row in rows)

    changes = tuple(change for change in found.changes if change.row.table != "hold")
    return replace(found, rows=closed(found.rows), grounds=closed(found.grounds), changes=changes, limited=True)


def _cut(session: Session, workspace: str, entry: int | None, at: datetime | None, until: datetime | None) -> int:
    last = session.scalar(select(func.max(Entry.index)).where(Entry.log == workspace))
    assert last is not None, "a workspace begins with an entry"
    if until is not None:
        last = _last_at(session, workspace, until - clock.seconds(1e-6))
    if entry is not None:
        if entry > last:
            raise NotFound(f"The log {workspace} has no entry {entry}, or none that is told here.")
        return entry
    return last if at is None else min(last, _last_at(session, workspace, at))


def _last_at(session: Session, workspace: str, at: datetime) -> int:
    # Transactions that overlap may differ in what time it is: the last entry by its index is the one that counts.
    before = select(Entry.index).where(Entry.log == workspace, Entry.at <= at).order_by(Entry.at.desc()).limit(20)
    return max(session.scalars(before), default=-1)


def _shared(session: Session, workspace: str, own: Sequence[Told]) -> list[Told]:
    """Return the entries about what a post shares with others: what was found in the same words, and images."""
    revisions = {
        bytes.fromhex(row["image"]["digest"])
        for one in own
        for row in one.rows
        if row["table"] == "revision" and row["image"]
    }
    here = Revision.workspace == workspace, Revision.digest.in_(revisions)
    twins = select(Revision.post).where(*here).distinct().order_by(Revision.post).limit(MOST_TWINS)
    payloads = [_parsed(text) for text in session.scalars(select(Revision.payload).where(*here).distinct())]
    images = {attached.digest for payload in payloads if payload for attached in payload.media}
    added = session.scalars(select(Media.added_at).where(Media.workspace == workspace, Media.digest.in_(images))).all()
    return [
        *entries_of(session, workspace, session.scalars(twins).all(), _FOUND),
        *entries_when(session, workspace, "media.added", added),
    ]


def _parsed(text: Any) -> Payload | None:
    try:
        return parse(text)
    except (ValueError, TypeError):
        return None


def _mine(post: int, own: Sequence[Told], rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return of some rows those of the post."""
    about = {(row["table"], key_text(row["key"])) for one in own for row in one.rows}
    digests = {row.get("digest") for row in rows if row.table == "revision" and row.get("post") == post}
    images = {attached.digest.hex() for payload in _payloads(rows, digests) for attached in payload.media}

    def is_mine(row: Row) -> bool:
        shared = row.table in _OF_REVISIONS and row.get("revision") in digests
        return row.place in about or shared or (row.table == "media" and row.get("digest") in images)

    return tuple(row for row in rows if is_mine(row))


def _payloads(rows: Iterable[Row], digests: set[Any]) -> list[Payload]:
    texts = (row.get("payload") for row in rows if row.table == "revision" and row.get("digest") in digests)
    return [payload for payload in map(_parsed, texts) if payload]


def _grounds(
    session: Session, workspace: str, post: int, mine: Sequence[Row], past: Sequence[Step], cut: int
) -> tuple[Row, ...]:
    """Return what the post rested on: its channels, what its rounds were pinned to, retention rules, holds."""
    digests = {row.get("digest") for row in mine if row.table == "revision"}
    channels = {name for payload in _payloads(mine, digests) for name in payload.channels}
    rounds = [row for row in mine if row.table == "submission"]
    pinned = {
        "channel": ("name", channels),
        "workflow_version": ("id", {one.get("workflow") for one in rounds}),
        "rule_set_version": ("digest", {one.get("rule_set") for one in rounds}),
    }
    others = {row.place for row in mine}

    def is_ground(table: str, facts: Mapping[str, Any], key: str) -> bool:
        if (table, key) in others:
            return False
        column, wanted = pinned.get(table, ("", set()))
        return table in ("workspace", "retention_version", "hold") or facts.get(column) in wanted

    kinds = [kind for kind in KINDS if kind.startswith(_STANDING)]
    rows = fold(session, entries_that_stand(session, workspace, kinds), cut, among=is_ground)
    holds = covering(post, mine, rows, past)
    return tuple(row for row in rows if row.table != "hold" or row in holds)


def _changes(session: Session, told: Sequence[Told], step: Step, mine: Iterable[Row]) -> tuple[Difference, ...]:
    """Return what the entry *step* set in the rows of the post."""
    set_now = [
        (row, column, value)
        for row in mine
        for column, value in row.values.items()
        if value.step == step and column not in _COUNTED and column not in row.key
    ]
    places = {row.place for row, _, _ in set_now}
    earlier = fold(session, told, step.index - 1, among=lambda table, _, key: (table, key) in places)
    before = {row.place: row.values for row in earlier}
    return tuple(
        Difference(row, column, before.get(row.place, {}).get(column), value) for row, column, value in set_now
    )


# -- the words ----------------------------------------------------------------------------------------------------


def _found(said: Value | None) -> str | None:
    """Compute the SHA-256 of the revision's bytes anew."""
    return None if said is None or not isinstance(said.value, str) else hashlib.sha256(said.value.encode()).hexdigest()


def _payload(said: Value | None) -> Payload | None:
    return None if said is None or said.value is None else _parsed(said.value)


def _people(rows: Iterable[Row]) -> set[str]:
    return {value.step.actor for row in rows for value in row.values.values()} | {
        value.step.along for row in rows for value in row.values.values() if value.step.along
    }


# -- as JSON ------------------------------------------------------------------------------------------------------


def as_json(found: Recreated) -> dict[str, Any]:
    """Return a re-created post as JSON: each value with the entry that set it, and what became of it since."""
    return {
        "form": _FORM,
        "workspace": found.workspace,
        "post": found.post,
        "as_of_entry": found.cut,
        "last_entry_of_post": _step(found, found.step),
        "payload": {"sha256": found.digest, "computed": found.found, "same": found.found == found.digest},
        "kept_until": None if found.kept is None or found.kept.until is None else found.kept.until.isoformat(),
        "record": [_row(found, row) for row in found.rows],
        "rests_on": [_row(found, row) for row in found.grounds],
    }


def _row(found: Recreated, row: Row) -> dict[str, Any]:
    columns = {name: _value(found, value) for name, value in row.values.items()}
    return {"table": row.table, "key": dict(row.key), "columns": columns}


def _value(found: Recreated, value: Value) -> dict[str, Any]:
    more = {"digest": value.digest, "size": value.size, "erased_by_entry": value.erased}
    given = {name: one for name, one in more.items() if one is not None}
    return {"value": value.value, "state": str(value.state), **given, "set_by": _step(found, value.step)}


def _step(found: Recreated, step: Step) -> dict[str, Any]:
    along = {"along": step.along} if step.along else {}
    return {
        "entry": step.index if found.may_name(step) else None,
        "kind": step.kind,
        "at": clock.to_text(step.at),
        "actor": step.actor,
        **along,
    }
