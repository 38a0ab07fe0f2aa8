"""The posts of an export, a row each: as the entries of the log leave them at the end of its last day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from approval import clock
from approval.db import Session
from approval.people.queries import names_of
from approval.posts.models import Post
from approval.publishing.models import Publication, PublicationStanding
from approval.records.models import Complaint
from approval.records.queries.cases import Batch
from approval.records.queries.story import ALTERED, NOT_STORED, Material, Raw
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
DISPOSED_OF = "disposed_of"
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

    @classmethod
    def by(cls, entries: Iterable[Raw]) -> _Told:
        """Follow the entries of a post, in order."""
        told = cls()
        for raw in entries:
            told._take(raw.said)
        return told

    def _take(self, body: Mapping[str, Any]) -> None:
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


def register(session: Session, batch: Batch, *, word: Callable[[str], str]) -> Iterator[tuple[Any, ...]]:
    """Yield a row of REGISTER_COLUMNS for each post of a batch that had begun by then.

    *word* gives the words for a standing.
    """
    told = {post: _Told.by(batch.entries[post]) for post in batch.posts if post in batch.entries}
    shared = _Shared(names_of(session, (id_ for each in told.values() for id_ in each.people)), batch.material)
    for post, each in told.items():
        yield _row(post, each, shared, word)


@dataclass(frozen=True)
class _Shared:
    """What the rows of some posts rest on."""

    names: Mapping[str, str]
    material: Material

    def person(self, id_: str) -> str:
        """Return the name behind an id."""
        return self.names.get(id_, id_)

    def words(self, post: int, digest: str) -> tuple[str, Sequence[str]]:
        """Return title and channels of a revision."""
        revisions = self.material.revisions.get(post, {})
        if digest not in revisions:
            return NOT_STORED, ()
        payload = revisions[digest]
        return (ALTERED, ()) if payload is None else (payload.title, payload.channels)

    def address(self, image: Image) -> Any:
        """Return the address of a publication."""
        return self.material.opened.get(image["url"]["commitment"], NOT_STORED)


def _row(post: int, told: _Told, shared: _Shared, word: Callable[[str], str]) -> tuple[Any, ...]:
    (itself,), rounds = told.of(_POST), told.of(_ROUND)
    last: Image = rounds[-1] if rounds else {}
    decided = [image for image in told.of(_DECISION) if last and image["submission"] == last["id"]]
    approvals = [image for image in decided if image["verdict"] == Verdict.APPROVE]
    title, channels = shared.words(post, itself["revision"])
    publications = [(told.channels.get(image["id"], ""), image) for image in told.of(_PUBLICATION)]
    due = [(channel, image) for channel, image in publications if image["standing"] != PublicationStanding.WITHDRAWN]
    out = [(channel, image) for channel, image in publications if image["published_at"]]
    return (
        post,
        title,
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
        _listed(channels),
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
            yield f"{channel} {shared.address(image)}"


def _listed(parts: Iterable[str]) -> str:
    return "; ".join(parts)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else clock.from_text(text)
