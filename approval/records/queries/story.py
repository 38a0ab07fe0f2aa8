"""Telling what happened to a post, from the entries of the log and what they open to."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from approval.audit.models import Opening
from approval.db import Session
from approval.people.queries import names_of
from approval.posts.models import Post, Revision
from approval.posts.payload import Payload, read
from approval.records.queries.folding import bytes_of
from approval.records.queries.selection import BATCH
from approval.screening.models import Acceptance, ExceptionRequest, Screening


@dataclass(frozen=True)
class Raw:
    """An entry of the log as it stands there: its canonical JSON, and what that says."""

    index: int
    kind: str
    meaning: str
    at: datetime
    actor: str
    body: str
    said: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Moment:
    """One step of a post's story: what, when, who; what was said; the revision or the findings that came with it.

    `index` is the entry that records it; None where it is recorded with another post that has the same words.
    """

    at: datetime
    kind: str
    title: str
    who: str
    index: int | None = None
    facts: tuple[tuple[str, str], ...] = ()
    said: tuple[tuple[str, str], ...] = ()
    payload: Payload | None = None
    findings: tuple[Mapping[str, Any], ...] = ()


SCREENED = "revision.screened"
_REVISED = frozenset({"post.created", "post.revised", "post.returned"})
_QUIET = frozenset({"title"})
"""Personal columns that repeat what the story shows already."""
_TITLES = {
    "post.created": "Draft begun",
    "post.revised": "Revision {number}",
    "post.returned": "Set back to revision {number}",
    "post.planned": "Objective or wished time changed",
    "exception.asked": "Exception asked for: {rule}",
    "finding.accepted": "Accepted by name: {rule}",
    "finding.dismissed": "Called a false alarm: {rule}",
    "dismissal.taken-back": "No false alarm after all: {rule}",
    "review.submitted": "Submitted for review",
    "review.decided": "{verdict} at the stage {stage}",
    "review.superseded": "Round ended by an edit",
    "comment.made": "Comment",
    "comment.edited": "Comment changed",
    "comment.deleted": "Comment deleted",
    "publication.scheduled": "Scheduled on {channel}",
    "publication.rescheduled": "Rescheduled on {channel}",
    "publication.begun": "Attempt {attempt} on {channel} begun",
    "publication.published": "Published on {channel}",
    "publication.confirmed": "Publication on {channel} confirmed by hand",
    "take_down.recorded": "Taken down from {channel}",
    "take_down.confirmed": "Found gone from {channel}",
    "complaint.received": "Complaint received",
    "complaint.answered": "Complaint answered",
    "complaint.closed": "Complaint closed: {finding}",
    "complaint.reopened": "Complaint open again",
}
_VERDICTS = {"approve": "approved", "request_changes": "changes requested", "reject": "rejected"}
_OUTCOMES = {"open": "still open", "changes_requested": "changes requested"}
_LABELS = {
    "kpi": "figure to watch",
    "origin": "copy of post",
    "outcome": "round after this decision",
    "request": "digest of the request sent",
    "seen": "digest of what was decided on",
}
"""Facts and columns whose names say too little to whoever does not know the program."""
# Exact in canonical JSON: within a string the quotation marks would be escaped.
_COMMITTED = '{"commitment":"'
_as_json = json.JSONEncoder(ensure_ascii=False).encode
NOT_STORED = "(erased or withheld)"
ALTERED = "(what is stored is not what was recorded; it is not shown)"


@dataclass(frozen=True)
class Material:
    """What the entries of some posts rest on: names, opened values, revisions by post and digest, and, by the digest
    of a revision, what was found in it."""

    names: Mapping[str, str]
    opened: Mapping[str, Any]
    revisions: Mapping[int, Mapping[str, Payload | None]]
    screenings: Mapping[str, Sequence[Any]]
    acceptances: Mapping[str, Sequence[Any]]
    requests: Mapping[str, Sequence[Any]]
    closed: tuple[str, ...]

    @classmethod
    def of(
        cls,
        session: Session,
        workspace: str,
        posts: Sequence[int],
        entries: Mapping[int, Sequence[Raw]],
        closed: tuple[str, ...],
    ) -> Material:
        """Read everything that the stories of *posts* need, in a handful of queries.

        The free text of entries whose kinds begin as *closed* says is not read, and not told.
        """
        revisions: defaultdict[int, dict[str, Payload | None]] = defaultdict(dict)
        columns = (Revision.post, Revision.digest, Revision.payload)
        for post, digest, text in session.execute(select(*columns).where(Revision.post.in_(posts))):
            revisions[post][digest.hex()] = _payload(text, digest)
        digests = sorted({bytes.fromhex(digest) for of_post in revisions.values() for digest in of_post})
        screenings = _about(session, workspace, digests, Screening, Screening.rule_set, Screening.findings)
        acceptances, requests = (
            _about(session, workspace, digests, model, model.rule, model.reason, by.label("by"))
            for model, by in ((Acceptance, Acceptance.accepted_by), (ExceptionRequest, ExceptionRequest.asked_by))
        )
        raws = [raw for of_post in entries.values() for raw in of_post]
        ids = {raw.said["actor"] for raw in raws} | {raw.said["along"] for raw in raws if raw.said["along"]}
        ids |= {row.by for rows in (*acceptances.values(), *requests.values()) for row in rows}
        ids |= set(session.scalars(select(Post.author).where(Post.id.in_(posts)).distinct()))
        open_ = [raw for raw in raws if not raw.kind.startswith(closed)]
        named = [commitment for raw in open_ for _, _, commitment in _commitments(raw)]
        return cls(
            names_of(session, ids),
            opened(session, workspace, named),
            revisions,
            screenings,
            acceptances,
            requests,
            closed,
        )

    def name(self, id_: str) -> str:
        """Return the name behind an id."""
        return self.names.get(id_, id_)

    def story(self, post: int, entries: Sequence[Raw], until: datetime | None) -> tuple[Moment, ...]:
        """Tell what happened to a post, in order."""
        shown: dict[str, str] = {}
        told = [self._told(post, raw, shown) for raw in entries if raw.kind != SCREENED]
        recorded = {(raw.kind, raw.at): raw for raw in entries}
        found = (*self._screened(post, recorded), *self._excepted(post, recorded))
        told += [moment for moment in found if until is None or moment.at < until]
        return tuple(sorted(told, key=lambda moment: (moment.at, moment.index is None, moment.index)))

    def _told(self, post: int, raw: Raw, shown: dict[str, str]) -> Moment:
        body = raw.said
        facts = {name: value for name, value in body["facts"].items() if value is not None}
        title = _TITLES.get(raw.kind, raw.kind.replace(".", " ").replace("_", " ").capitalize())
        who = self.name(body["actor"]) + (f" for {self.name(body['along'])}" if body["along"] else "")
        digest = facts.get("revision", "") if raw.kind in _REVISED else ""
        payload = self.revisions.get(post, {}).get(digest)
        said = [("words", ALTERED)] if digest and payload is None else []
        return Moment(
            at=raw.at,
            kind=raw.kind,
            title=_filled(title, facts),
            who=who,
            index=raw.index,
            facts=tuple((_label(name), _fact(name, value)) for name, value in facts.items()),
            said=(*said, *self._said(raw, shown)),
            payload=payload,
        )

    def _said(self, raw: Raw, shown: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the free text that an entry's rows open to, where it differs from what was told before."""
        for row, column, commitment in () if raw.kind.startswith(self.closed) else _commitments(raw):
            text = _text(self.opened.get(commitment, NOT_STORED))
            place = f"{row['table']} {row['key']} {column}"
            if column not in _QUIET and shown.get(place) != text:
                shown[place] = text
                yield _label(column), text

    def _screened(self, post: int, recorded: Mapping[tuple[str, datetime], Raw]) -> Iterator[Moment]:
        """Tell what rule sets found; copies of a post share their revisions, and what was found in them."""
        for row in self._of(post, self.screenings):
            raw = recorded.get((SCREENED, row.at))
            altered = raw is not None and not _names(raw, row.findings)
            count = len(row.findings)
            yield Moment(
                at=row.at,
                kind=SCREENED,
                title=f"Rules applied: {count or 'no'} finding{'s' * (count != 1)}",
                who="",
                index=raw.index if raw else None,
                facts=(("revision", row.revision.hex()), ("rule set", row.rule_set.hex())),
                said=(("findings", ALTERED),) if altered else (),
                findings=() if altered else tuple(row.findings),
            )

    def _excepted(self, post: int, recorded: Mapping[tuple[str, datetime], Raw]) -> Iterator[Moment]:
        """Tell of exceptions for the same words that are recorded with another post."""
        for kind, about in (("exception.asked", self.requests), ("finding.accepted", self.acceptances)):
            for row in self._of(post, about):
                if (kind, row.at) not in recorded:
                    title, facts = _filled(_TITLES[kind], {"rule": row.rule}), (("revision", row.revision.hex()),)
                    yield Moment(row.at, kind, title, self.name(row.by), facts=facts, said=(("reason", row.reason),))

    def _of(self, post: int, about: Mapping[str, Sequence[Any]]) -> list[Any]:
        """Return what is stored about the revisions of a post, oldest first."""
        found = (row for digest in self.revisions.get(post, ()) for row in about.get(digest, ()))
        return sorted(found, key=lambda row: row.id)


def _about(
    session: Session, workspace: str, digests: Sequence[bytes], model: type[Any], *columns: Any
) -> dict[str, list[Any]]:
    """Return what is stored about some revisions of a workspace, by digest: `id`, `revision`, `at`, and *columns*."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for start in range(0, len(digests), BATCH):
        where = model.workspace == workspace, model.revision.in_(digests[start : start + BATCH])
        for row in session.execute(select(model.id, model.revision, model.at, *columns).where(*where)):
            found[row.revision.hex()].append(row)
    return dict(found)


def _names(raw: Raw, findings: Any) -> bool:
    """Tell whether the entry of a screening names these findings."""
    named = [row["image"]["findings"]["sha256"] for row in raw.said["rows"] if row["table"] == Screening.__tablename__]
    return any(hashlib.sha256(bytes_of(findings, digest)).hexdigest() == digest for digest in named)


def _payload(text: str, digest: bytes) -> Payload | None:
    """Return a revision's payload; None where the stored words are not those that its digest names."""
    try:
        return read(text) if hashlib.sha256(text.encode()).digest() == digest else None
    except ValueError:
        return None


def opened(session: Session, workspace: str, commitments: Iterable[str]) -> dict[str, Any]:
    """Return what commitments of a workspace's log open to; of a value that opens nothing, that it was altered."""
    named = [bytes.fromhex(commitment) for commitment in commitments]
    found: dict[str, Any] = {}
    for start in range(0, len(named), BATCH):
        rows = session.execute(
            select(Opening.commitment, Opening.salt, Opening.value).where(
                Opening.log == workspace, Opening.commitment.in_(named[start : start + BATCH])
            )
        )
        for commitment, salt, value in rows:
            if value is not None:
                opens = hmac.digest(salt, value.encode(), "sha256") == commitment
                found[commitment.hex()] = json.loads(value) if opens else ALTERED
    return found


def _commitments(raw: Raw) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """Yield each commitment in the images of an entry, with its row and column."""
    if _COMMITTED not in raw.body:
        return
    for row in raw.said["rows"]:
        for column, value in (row["image"] or {}).items():
            if isinstance(value, dict) and "commitment" in value:
                yield row, column, value["commitment"]


def _filled(title: str, facts: Mapping[str, Any]) -> str:
    if "{" not in title:
        return title
    words = {name: _VERDICTS.get(text, text) for name, text in ((name, _text(fact)) for name, fact in facts.items())}
    try:
        told = title.format_map(words)
    except KeyError:
        told = title.partition(" {")[0]
    return told[:1].upper() + told[1:]


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " "))


def _fact(name: str, value: Any) -> str:
    text = _text(value)
    return _OUTCOMES.get(text, text) if name == "outcome" else text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return ", ".join(map(_text, value)) if isinstance(value, list) else _as_json(value)
