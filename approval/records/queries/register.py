"""The posts of an export, a row each: as the entries of the log leave them at the end of its last day."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from approval import clock
from approval.audit.models import Entry
from approval.db import Session
from approval.people.queries import names_of
from approval.posts.models import Post, Revision
from approval.publishing.models import Publication, PublicationStanding
from approval.records.models import Complaint
from approval.records.queries.selection import Period, entries_at
from approval.records.queries.story import ALTERED, NOT_STORED, opened
from approval.records.rendering import Column, Sort
from approval.review.flow import Verdict
from approval.review.models import Decision, Submission

REGISTER_COLUMNS = (
    Column("Post", Sort.NUMBER),
    Column("Title"),
    Column("Standing at the end of the last day"),
    Column("Written by"),
    Column("Begun", Sort.INSTANT),
    Column("SHA-256 of the words"),
    Column("Review round", Sort.NUMBER),
    Column("Submitted", Sort.INSTANT),
    Column("Submitted by"),
    Column("SHA-256 of the submitted words"),
    Column("Approved in this round by (stage, UTC)"),
    Column("Last approved", Sort.INSTANT),
    Column("Returned or rejected in any round by (stage, UTC)"),
    Column("Channels"),
    Column("Scheduled (channel, UTC)"),
    Column("First published", Sort.INSTANT),
    Column("Published (channel, UTC)"),
    Column("Addresses (channel, address)"),
    Column("Complaints", Sort.NUMBER),
)
TOGETHER = 100
"""Posts are read this many at a time."""
DISPOSED_OF = "disposed_of"
_ASIDE = frozenset({"revision.screened", "comment.made", "comment.edited", "comment.deleted"})
"""Of the entries about a post, those that are many and change nothing of its row."""
_POST, _ROUND, _DECISION, _PUBLICATION, _COMPLAINT = (
    model.__tablename__ for model in (Post, Submission, Decision, Publication, Complaint)
)
_TABLES = frozenset({_POST, _ROUND, _DECISION, _PUBLICATION, _COMPLAINT})
_SENT_BACK = {Verdict.REQUEST_CHANGES: "changes requested", Verdict.REJECT: "rejected"}

Image = Mapping[str, Any]


@dataclass
class _Told:
    """What the entries say of one post so far: the last image of each row, by table and id."""

    rows: defaultdict[str, dict[int, Image]] = field(default_factory=lambda: defaultdict(dict))
    channels: dict[int, str] = field(default_factory=dict)
    disposed_of: bool = False

    def take(self, body: Mapping[str, Any]) -> None:
        """Follow one entry. What disposing deletes stays as it was: who decided on what is kept in the log."""
        for row in body["rows"]:
            if row["table"] not in _TABLES:
                continue
            if row["image"] is not None:
                self.rows[row["table"]][row["key"]["id"]] = row["image"]
            elif row["table"] == _POST:
                self.disposed_of = True
        if "publication" in body["facts"] and "channel" in body["facts"]:
            self.channels[body["facts"]["publication"]] = body["facts"]["channel"]

    def of(self, table: str) -> list[Image]:
        """Return the images of a table, oldest row first."""
        return [image for _, image in sorted(self.rows[table].items())]

    @property
    def people(self) -> Iterator[str]:
        """Whoever wrote, submitted or decided."""
        yield from (image["author"] for image in self.of(_POST))
        yield from (image["submitted_by"] for image in self.of(_ROUND))
        yield from (image["by"] for image in self.of(_DECISION))


def register(
    session: Session, workspace: str, posts: array[int], period: Period, size: int, *, word: Callable[[str], str]
) -> Iterator[tuple[Any, ...]]:
    """Yield a row of REGISTER_COLUMNS for each post begun by then, told from its entries below *size* until the
    period's end.

    *word* gives the words for a standing.
    """
    for start in range(0, len(posts), TOGETHER):
        chosen = posts[start : start + TOGETHER]
        told = _told(session, workspace, chosen, period, size)
        shared = _Shared.of(session, workspace, told)
        for post in chosen:
            if post in told:
                yield _row(post, told[post], shared, word)


def _told(session: Session, workspace: str, posts: Sequence[int], period: Period, size: int) -> defaultdict[int, _Told]:
    # The places first, from the index by post: with the bodies at once, SQLite reads the log from its beginning.
    of_posts = Entry.log == workspace, Entry.post.in_(posts), Entry.index < size
    places = session.scalars(select(Entry.index).where(*of_posts).order_by(Entry.index)).all()
    told: defaultdict[int, _Told] = defaultdict(_Told)
    for batch in entries_at(session, workspace, places):
        for entry in batch:
            if entry.post is not None and entry.at < period.ends and entry.kind not in _ASIDE:
                told[entry.post].take(json.loads(entry.body))
    return told


@dataclass(frozen=True)
class _Shared:
    """What the rows of some posts rest on: names, words by post and digest, addresses by commitment."""

    names: Mapping[str, str]
    words: Mapping[tuple[int, str], Mapping[str, Any]]
    opened: Mapping[str, Any]

    @classmethod
    def of(cls, session: Session, workspace: str, told: Mapping[int, _Told]) -> _Shared:
        """Read it for all of these posts at once."""
        addresses = [
            image["url"]["commitment"] for each in told.values() for image in each.of(_PUBLICATION) if image["url"]
        ]
        return cls(
            names_of(session, (id_ for each in told.values() for id_ in each.people)),
            _words(session, told),
            opened(session, workspace, addresses),
        )

    def person(self, id_: str) -> str:
        """Return the name behind an id."""
        return self.names.get(id_, id_)


def _words(session: Session, told: Mapping[int, _Told]) -> dict[tuple[int, str], Mapping[str, Any]]:
    """Return the payloads that the posts stand at; none where what is stored is not what the digest names."""
    digests = {bytes.fromhex(image["revision"]) for each in told.values() for image in each.of(_POST)}
    found: dict[tuple[int, str], Mapping[str, Any]] = {}
    for post, digest, payload in session.execute(
        select(Revision.post, Revision.digest, Revision.payload).where(
            Revision.post.in_(list(told)), Revision.digest.in_(digests)
        )
    ):
        same = hashlib.sha256(payload.encode()).digest() == digest
        found[post, digest.hex()] = json.loads(payload) if same else {"title": ALTERED, "channels": []}
    return found


def _row(post: int, told: _Told, shared: _Shared, word: Callable[[str], str]) -> tuple[Any, ...]:
    (itself,), rounds = told.of(_POST), told.of(_ROUND)
    last: Image = rounds[-1] if rounds else {}
    decided = [image for image in told.of(_DECISION) if last and image["submission"] == last["id"]]
    approvals = [image for image in decided if image["verdict"] == Verdict.APPROVE]
    words = shared.words.get((post, itself["revision"]), {"title": NOT_STORED, "channels": []})
    publications = [(told.channels.get(image["id"], ""), image) for image in told.of(_PUBLICATION)]
    due = [(channel, image) for channel, image in publications if image["standing"] != PublicationStanding.WITHDRAWN]
    out = [(channel, image) for channel, image in publications if image["published_at"]]
    return (
        post,
        words["title"],
        word(DISPOSED_OF if told.disposed_of else itself["standing"]),
        shared.person(itself["author"]),
        _instant(itself["created_at"]),
        itself["revision"],
        last.get("number"),
        _instant(last.get("submitted_at")),
        shared.person(last["submitted_by"]) if last else None,
        last.get("revision"),
        _listed(f"{shared.person(image['by'])} ({image['stage']}, {image['at']})" for image in approvals),
        _instant(max((image["at"] for image in approvals), default=None)),
        _listed(_sent_back(told.of(_DECISION), shared)),
        _listed(words["channels"]),
        _listed(f"{channel} {image['due_at']}" for channel, image in due),
        _instant(min((image["published_at"] for _, image in out), default=None)),
        _listed(f"{channel} {image['published_at']}" for channel, image in out),
        _listed(_addresses(out, shared)),
        len(told.of(_COMPLAINT)),
    )


def _sent_back(decisions: Iterable[Image], shared: _Shared) -> Iterator[str]:
    for image in decisions:
        if image["verdict"] in _SENT_BACK:
            yield f"{shared.person(image['by'])} ({image['stage']}, {_SENT_BACK[image['verdict']]}, {image['at']})"


def _addresses(out: Iterable[tuple[str, Image]], shared: _Shared) -> Iterator[str]:
    for channel, image in out:
        if image["url"]:
            yield f"{channel} {shared.opened.get(image['url']['commitment'], NOT_STORED)}"


def _listed(parts: Iterable[str]) -> str:
    return "; ".join(parts)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else clock.from_text(text)
