"""Telling what happened to a post, from the entries of the log and what they open to."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from approval.audit.models import Opening
from approval.audit.models.images import content_digest
from approval.db import Session
from approval.people.queries import names_of
from approval.posts.models import Post, Revision
from approval.posts.payload import Payload, parse
from approval.records.queries.selection import BATCH
from approval.screening.models import Acceptance, ExceptionRequest, Screening


@dataclass(frozen=True)
class Raw:
    """An entry of the log as it stands there: its canonical JSON."""

    index: int
    kind: str
    meaning: str
    at: datetime
    actor: str
    body: str


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


_SCREENED = "revision.screened"
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
NOT_STORED = "(erased or withheld)"
ALTERED = "(what is stored is not what was recorded; it is not shown)"


@dataclass(frozen=True)
class Material:
    """What the entries of some posts rest on: names, opened values, revisions, and what was found in them."""

    names: Mapping[str, str]
    opened: Mapping[str, Any]
    revisions: Mapping[int, Mapping[str, Payload | None]]
    screenings: Sequence[Screening]
    acceptances: Sequence[Acceptance]
    requests: Sequence[ExceptionRequest]

    @classmethod
    def of(
        cls, session: Session, workspace: str, posts: Sequence[int], entries: Mapping[int, Sequence[Raw]]
    ) -> Material:
        """Read everything that the stories of *posts* need, in a handful of queries."""
        revisions: defaultdict[int, dict[str, Payload | None]] = defaultdict(dict)
        columns = (Revision.post, Revision.digest, Revision.payload)
        for post, digest, text in session.execute(select(*columns).where(Revision.post.in_(posts))):
            revisions[post][digest.hex()] = _payload(text, digest)
        digests = sorted({bytes.fromhex(digest) for of_post in revisions.values() for digest in of_post})
        screenings: list[Screening] = _about(session, Screening, workspace, digests)
        acceptances: list[Acceptance] = _about(session, Acceptance, workspace, digests)
        requests: list[ExceptionRequest] = _about(session, ExceptionRequest, workspace, digests)
        bodies = [json.loads(raw.body) for of_post in entries.values() for raw in of_post]
        ids = {body["actor"] for body in bodies} | {body["along"] for body in bodies if body["along"]}
        ids |= {row.accepted_by for row in acceptances} | {row.asked_by for row in requests}
        ids |= set(session.scalars(select(Post.author).where(Post.id.in_(posts)).distinct()))
        named = [commitment for body in bodies for commitment in _commitments(body["rows"])]
        return cls(
            names_of(session, ids), opened(session, workspace, named), revisions, screenings, acceptances, requests
        )

    def name(self, id_: str) -> str:
        """Return the name behind an id."""
        return self.names.get(id_, id_)

    def story(self, post: int, entries: Sequence[Raw], until: datetime | None) -> tuple[Moment, ...]:
        """Tell what happened to a post, in order."""
        shown: dict[str, str] = {}
        told = [self._told(post, raw, shown) for raw in entries if raw.kind != _SCREENED]
        recorded = {(raw.kind, raw.at): raw for raw in entries}
        found = (*self._screened(post, recorded), *self._excepted(post, recorded))
        told += [moment for moment in found if until is None or moment.at < until]
        return tuple(sorted(told, key=lambda moment: (moment.at, moment.index is None, moment.index)))

    def _told(self, post: int, raw: Raw, shown: dict[str, str]) -> Moment:
        body = json.loads(raw.body)
        facts = {name: value for name, value in body["facts"].items() if value is not None}
        title = _TITLES.get(raw.kind, raw.kind.replace(".", " ").replace("_", " ").capitalize())
        who = self.name(raw.actor) + (f" for {self.name(body['along'])}" if body["along"] else "")
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
            said=(*said, *self._said(body["rows"], shown)),
            payload=payload,
        )

    def _said(self, rows: Sequence[Mapping[str, Any]], shown: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the free text that an entry's rows open to, where it differs from what was told before."""
        for row in rows:
            for column, value in (row["image"] or {}).items():
                if not isinstance(value, dict) or "commitment" not in value or column in _QUIET:
                    continue
                text = _text(self.opened.get(value["commitment"], NOT_STORED))
                place = f"{row['table']} {row['key']} {column}"
                if shown.get(place) != text:
                    shown[place] = text
                    yield _label(column), text

    def _screened(self, post: int, recorded: Mapping[tuple[str, datetime], Raw]) -> Iterator[Moment]:
        """Tell what rule sets found; copies of a post share their revisions, and what was found in them."""
        for row in self.screenings:
            if row.revision.hex() not in self.revisions.get(post, {}):
                continue
            raw = recorded.get((_SCREENED, row.at))
            altered = raw is not None and content_digest(row.findings).hex() not in raw.body
            count = len(row.findings)
            yield Moment(
                at=row.at,
                kind=_SCREENED,
                title=f"Rules applied: {count or 'no'} finding{'s' * (count != 1)}",
                who="",
                index=raw.index if raw else None,
                facts=(("revision", row.revision.hex()), ("rule set", row.rule_set.hex())),
                said=(("findings", ALTERED),) if altered else (),
                findings=() if altered else tuple(row.findings),
            )

    def _excepted(self, post: int, recorded: Mapping[tuple[str, datetime], Raw]) -> Iterator[Moment]:
        """Tell of exceptions for the same words that are recorded with another post."""
        asked = ((row.revision, row.at, "exception.asked", row.rule, row.asked_by, row.reason) for row in self.requests)
        given = (
            (row.revision, row.at, "finding.accepted", row.rule, row.accepted_by, row.reason)
            for row in self.acceptances
        )
        for revision, at, kind, rule, by, reason in (*asked, *given):
            if revision.hex() in self.revisions.get(post, {}) and (kind, at) not in recorded:
                title, facts = _filled(_TITLES[kind], {"rule": rule}), (("revision", revision.hex()),)
                yield Moment(at, kind, title, self.name(by), facts=facts, said=(("reason", reason),))


def _about(session: Session, model: type[Any], workspace: str, digests: Sequence[bytes]) -> list[Any]:
    """Return what is stored about some revisions of a workspace, oldest first."""
    found: list[Any] = []
    for start in range(0, len(digests), BATCH):
        where = model.workspace == workspace, model.revision.in_(digests[start : start + BATCH])
        found += session.scalars(select(model).where(*where).order_by(model.id))
    return found


def _payload(text: str, digest: bytes) -> Payload | None:
    """Return a revision's payload; None where the stored words are not those that its digest names."""
    try:
        return parse(text) if hashlib.sha256(text.encode()).digest() == digest else None
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
                opens = hmac.new(salt, value.encode(), hashlib.sha256).digest() == commitment
                found[commitment.hex()] = json.loads(value) if opens else ALTERED
    return found


def _commitments(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        for value in (row["image"] or {}).values():
            if isinstance(value, dict) and "commitment" in value:
                yield value["commitment"]


def _filled(title: str, facts: Mapping[str, Any]) -> str:
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
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
