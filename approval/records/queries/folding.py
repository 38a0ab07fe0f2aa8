"""Rows as they stood: entries folded column by column, each value opened, checked, and with the entry that set it."""

from __future__ import annotations

import enum
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, inspect, select

from approval.audit.models import WITNESSED, Entry, Erased, Opening
from approval.audit.models.images import absences, commit_to, content_bytes, marks
from approval.audit.queries.canonical import key_text
from approval.db import Digest, Session

_BATCH = 500
_LONGEST = 200_000
"""Bytes of a content that is shown; of a longer one, and of a file, its length is, once its bytes were checked."""


class State(enum.StrEnum):
    """What became of a value since it was recorded."""

    HELD = "held"
    SECRET = "secret"
    ERASED = "erased"
    REPLACED = "replaced"
    MISSING = "missing"
    ALTERED = "altered"


WRONG = frozenset({State.MISSING, State.ALTERED})
"""States that nothing this program does leads to."""


@dataclass(frozen=True)
class Step:
    """An entry of the log: what happened, when, and who did it; `along` is whom a host user acted as."""

    index: int
    kind: str
    at: datetime
    actor: str
    along: str | None
    post: int | None


@dataclass(frozen=True)
class Value:
    """A column of a row: its value in JSON form (None where it is not held), what the entry says of it, who set it.

    `digest` is the commitment or the SHA-256 in the entry; `size` the length of a content; `erased` the entry that
    erased it.
    """

    value: Any
    state: State
    step: Step
    digest: str | None = None
    size: int | None = None
    erased: int | None = None


@dataclass(frozen=True)
class Row:
    """A row of a table as it stood, by column."""

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, Value]

    def get(self, column: str) -> Any:
        """Return a value; None where it is empty, not held, or no column of this row."""
        value = self.values.get(column)
        return None if value is None else value.value

    @property
    def place(self) -> tuple[str, str]:
        """The table, and the key as canonical text."""
        return self.table, key_text(dict(self.key))


@dataclass(frozen=True)
class Told:
    """An entry with the images of the rows that it explains."""

    step: Step
    rows: Sequence[Mapping[str, Any]]


def own_entries(session: Session, log: str, post: int) -> list[Told]:
    """Return every entry about a post, in order."""
    return _told(session, log, Entry.post == post)


def entries_of(session: Session, log: str, posts: Sequence[int], kinds: Iterable[str]) -> list[Told]:
    """Return the entries of these kinds about some posts, in order."""
    if not posts:
        return []
    return _told(session, log, Entry.post.in_(posts), Entry.kind.in_(list(kinds)))


def entries_that_stand(session: Session, log: str, kinds: Iterable[str]) -> list[Told]:
    """Return the entries of these kinds, in order."""
    return _told(session, log, Entry.kind.in_(list(kinds)))


def entries_when(session: Session, log: str, kind: str, instants: Iterable[datetime]) -> list[Told]:
    """Return the entries of a kind at these instants, in order."""
    return _told(session, log, Entry.at.in_(set(instants)), Entry.kind == kind)


def _told(session: Session, log: str, *where: ColumnElement[bool]) -> list[Told]:
    """Return the entries of a log of which this holds, in order."""
    query = select(Entry.index, Entry.kind, Entry.at, Entry.actor, Entry.post, Entry.body)
    told = []
    for index, kind, at, actor, post, text in session.execute(
        query.where(Entry.log == log, *where).order_by(Entry.index)
    ):
        body = json.loads(text)
        told.append(Told(Step(index, kind, at, actor, body["along"], post), body["rows"]))
    return told


# -- the fold -----------------------------------------------------------------------------------------------------

_Place = tuple[str, str]


@dataclass
class _Said:
    """What the log said of a row up to the cut: of each column what, and by which entry it was set."""

    key: Mapping[str, Any]
    columns: dict[str, tuple[Any, Step]] = field(default_factory=dict)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the entries say in so many words."""
        return {column: value for column, (value, _) in self.columns.items() if not isinstance(value, dict)}


def fold(
    session: Session,
    told: Iterable[Told],
    cut: int,
    *,
    among: Callable[[str, Mapping[str, Any], str], bool] = lambda table, facts, key: True,
) -> list[Row]:
    """Return the rows that stand at the entry *cut*, with what became of each of their values since.

    *among* chooses the rows, of which alone contents are read: by table, plain facts and key as canonical text.
    """
    ordered = sorted({one.step.index: one for one in told}.values(), key=lambda one: one.step.index)
    openings = _openings(session, ordered)
    said: dict[_Place, _Said] = {}
    later: defaultdict[tuple[_Place, str], set[str]] = defaultdict(set)
    for one in ordered:
        for row in one.rows:
            place = row["table"], key_text(row["key"])
            if one.step.index <= cut:
                _take(said, place, row, one.step, openings)
            else:
                for column, value in (row["image"] or {}).items():
                    if isinstance(value, dict) and "sha256" in value:
                        later[place, column].add(value["sha256"])
    said = {place: held for place, held in said.items() if among(place[0], held.facts, place[1])}
    reader = _Reader(session, openings, later, _erased(session, said.values()))
    return [reader.row(place, held) for place, held in sorted(said.items())]


def _take(said: dict[_Place, _Said], place: _Place, row: Mapping[str, Any], step: Step, openings: _Openings) -> None:
    if row["image"] is None:
        said.pop(place, None)
        return
    held = said.setdefault(place, _Said(row["key"]))
    for column, value in row["image"].items():
        before = held.columns.get(column)
        if before is None or not _is_same(before[0], value, openings):
            held.columns[column] = (value, step)
        else:
            # The salt is new and the value is not: the newer commitment is the one that an erasure leaves last.
            held.columns[column] = (value, before[1])


_Openings = Mapping[str, tuple[bytes, str | None]]


def _is_same(before: Any, value: Any, openings: _Openings) -> bool:
    if before == value:
        return True
    if not (isinstance(before, dict) and isinstance(value, dict)):
        return False
    opened = [openings.get(said.get("commitment", ""), (b"", None))[1] for said in (before, value)]
    return opened[0] is not None and opened[0] == opened[1]


def _commitments(images: Iterable[Any]) -> Iterator[bytes]:
    for value in images:
        if isinstance(value, dict) and "commitment" in value:
            yield bytes.fromhex(value["commitment"])


def _openings(session: Session, told: Iterable[Told]) -> _Openings:
    wanted = [each for one in told for row in one.rows if row["image"] for each in _commitments(row["image"].values())]
    found: dict[str, tuple[bytes, str | None]] = {}
    for start in range(0, len(wanted), _BATCH):
        chosen = Opening.commitment.in_(wanted[start : start + _BATCH])
        for commitment, salt, value in session.execute(
            select(Opening.commitment, Opening.salt, Opening.value).where(chosen)
        ):
            found[commitment.hex()] = salt, value
    return found


def _erased(session: Session, said: Iterable[_Said]) -> Mapping[str, int]:
    """Return the entries that erased commitments and contents, by digest."""
    named = [
        bytes.fromhex(value.get("commitment") or value.get("sha256") or "")
        for held in said
        for value, _ in held.columns.values()
        if isinstance(value, dict) and value.keys() & {"commitment", "sha256"}
    ]
    found: dict[str, int] = {}
    for start in range(0, len(named), _BATCH):
        chosen = Erased.commitment.in_(named[start : start + _BATCH])
        found |= {
            digest.hex(): index
            for digest, index in session.execute(select(Erased.commitment, Erased.index).where(chosen))
        }
    return found


@dataclass(frozen=True)
class _Reader:
    """Opens what the log says: commitments by their openings, contents by the rows that hold their bytes."""

    session: Session
    openings: _Openings
    later: Mapping[tuple[_Place, str], set[str]]
    erased: Mapping[str, int]

    def row(self, place: _Place, held: _Said) -> Row:
        table = place[0]
        cls = WITNESSED.get(table)
        marked: Mapping[str, str] = marks(cls) if cls else {}
        contents = self._contents(cls, held) if cls else {}
        first = min((step for _, step in held.columns.values()), key=lambda step: step.index)
        values = {column: Value(value, State.HELD, first) for column, value in (absences(cls) if cls else {}).items()}
        for column, (said, step) in held.columns.items():
            values[column] = self._value(place, column, marked.get(column, "plain"), said, step, contents)
        return Row(table, held.key, values)

    def _value(
        self, place: _Place, column: str, mark: str, said: Any, step: Step, contents: Mapping[str, Any]
    ) -> Value:
        if not isinstance(said, dict) or mark == "plain":
            return Value(said, State.HELD, step)
        if mark == "content":
            return self._content(said["sha256"], contents.get(column), step, self.later.get((place, column), set()))
        return self._personal(said["commitment"], mark, step)

    def _personal(self, commitment: str, mark: str, step: Step) -> Value:
        salt, text = self.openings.get(commitment, (b"", None))
        if mark == "secret":
            return Value(None, State.SECRET, step, commitment)
        if commitment in self.erased:
            return Value(None, State.ERASED, step, commitment, erased=self.erased[commitment])
        if text is None:
            return Value(None, State.MISSING, step, commitment)
        try:
            value = json.loads(text)
            if commit_to(salt, value).hex() == commitment:
                return Value(value, State.HELD, step, commitment)
        except ValueError:
            pass  # Not what was committed to, whatever it is.
        return Value(None, State.ALTERED, step, commitment)

    def _content(self, digest: str, stored: Any, step: Step, later: set[str]) -> Value:
        if stored is None:
            erased = self.erased.get(digest)
            return Value(None, State.MISSING if erased is None else State.ERASED, step, digest, erased=erased)
        data = bytes_of(stored, digest)
        found = hashlib.sha256(data).hexdigest()
        if found == digest:
            shown = stored if not isinstance(stored, bytes) and len(data) <= _LONGEST else None
            return Value(shown, State.HELD, step, digest, len(data))
        return Value(None, State.REPLACED if found in later else State.ALTERED, step, digest)

    def _contents(self, cls: Any, held: _Said) -> Mapping[str, Any]:
        table: Any = inspect(cls).local_table
        wanted = [table.c[name] for name, mark in marks(cls).items() if mark == "content"]
        if not wanted:
            return {}
        key = (table.c[name] == _stored(table.c[name], value) for name, value in held.key.items())
        found = self.session.execute(select(*wanted).where(*key)).mappings().one_or_none()
        return {} if found is None else dict(found)


def bytes_of(stored: Any, digest: str) -> bytes:
    """Return the bytes of a content that should have this digest.

    They are what the standard library writes, where that is it, for it is much faster.
    """
    if not isinstance(stored, (str, bytes)):
        quick = json.dumps(stored, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        if hashlib.sha256(quick).hexdigest() == digest:
            return quick
    return content_bytes(stored)


def _stored(column: Any, value: Any) -> Any:
    return bytes.fromhex(value) if isinstance(column.type, Digest) else value
