"""What search does not find yet: the log says what was said since, and the records say it."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from approval.audit.models import Entry, Opening
from approval.db import Session
from approval.posts.models import Comment, CommentText, Edit, Media, Revision
from approval.posts.payload import Payload, parse
from approval.records.models import Archive, Archived, Indexing, Passage, PassageKind
from approval.review.models import Decision
from approval.screening.models import Screening

BATCH = 200
MOST_TEXT = 100_000
"""Characters of a text that are looked up: far more than any channel takes."""
MOST_AGAIN = 1_000
_OF_RECORD = {
    "revision": (PassageKind.POST, "id"),
    "comment": (PassageKind.COMMENT, "id"),
    "comment_text": (PassageKind.COMMENT, "comment"),
    "decision": (PassageKind.DECISION, "id"),
    "archived": (PassageKind.ARCHIVED, "id"),
}
"""Tables whose words are found as those of a record, so not as those of the entries that explain their rows."""
SILENT = frozenset({"records.searched"})
"""Kinds that are not found: a search would find itself."""
_MARK = "\ue000"  # For private use: no letter, so no word of any text has it.


def facet(letter: str, value: str) -> str:
    """Return the word by which a fact is looked up; no text holds it."""
    return f"{_MARK}{letter}{value.encode().hex()}"


@dataclass(frozen=True)
class Cursor:
    """How far a workspace is indexed, as it was read, and how often words were taken out until then."""

    entries: int
    forgotten: int


@dataclass(frozen=True)
class Told:
    """A text to be found: what it is, the entry that tells of it, what it says, and by which facts it is found."""

    kind: PassageKind
    record: int
    entry: int
    post: int | None
    revision: bytes | None
    by: str
    at: datetime
    text: str
    facets: tuple[str, ...]


@dataclass(frozen=True)
class Stretch:
    """One stretch of work: what was read (None: nothing was indexed yet), what is found now, what not any more."""

    workspace: str
    before: Cursor | None
    entries: int
    told: tuple[Told, ...]
    gone: tuple[tuple[PassageKind, int], ...]


@dataclass(frozen=True)
class _Text:
    """What one record says, before it is known what it is about."""

    post: int | None
    revision: bytes | None
    by: str
    at: datetime
    text: str


_Wanted = dict[PassageKind, dict[int, int]]  # the ids of what is to be read, each with the entry that tells of it


def next_stretch(session: Session, workspace: str) -> Stretch | None:
    """Return the next stretch for a workspace; None where everything is indexed."""
    row = session.execute(
        select(Indexing.entries, Indexing.forgotten).where(Indexing.workspace == workspace)
    ).one_or_none()
    before = None if row is None else Cursor(*row)
    news = _entries(session, workspace, before.entries if before else 0)
    if not news:
        return None
    wanted, screened = _wanted(news)
    for kind, record, entry in _about_again(session, workspace, screened):
        wanted[kind].setdefault(record, entry)
    texts = {
        PassageKind.POST: _posts(session, workspace, wanted[PassageKind.POST]),
        PassageKind.COMMENT: _comments(session, workspace, wanted[PassageKind.COMMENT]),
        PassageKind.DECISION: _decisions(session, workspace, wanted[PassageKind.DECISION]),
        PassageKind.ARCHIVED: _archived(session, workspace, wanted[PassageKind.ARCHIVED]),
        PassageKind.ENTRY: _said(session, news),
    }
    told = sorted(_told(session, workspace, wanted, texts), key=lambda one: one.entry)
    gone = tuple((kind, id_) for kind, ids in wanted.items() for id_ in ids if id_ not in texts[kind])
    return Stretch(workspace, before, news[-1].index + 1, tuple(told), gone)


def is_tidy(session: Session) -> bool:
    """Say whether what was forgotten has left every index."""
    return session.scalar(select(Indexing.workspace).where(Indexing.tidied != Indexing.forgotten).limit(1)) is None


@dataclass(frozen=True)
class _Entry:
    index: int
    kind: str
    at: datetime
    actor: str
    post: int | None
    body: Mapping[str, Any]


def _entries(session: Session, workspace: str, first: int) -> list[_Entry]:
    columns = (Entry.index, Entry.kind, Entry.at, Entry.actor, Entry.post, Entry.body)
    wanted = select(*columns).where(Entry.log == workspace, Entry.index >= first)
    rows = session.execute(wanted.order_by(Entry.index).limit(BATCH))
    return [_Entry(index, kind, at, actor, post, json.loads(body)) for index, kind, at, actor, post, body in rows]


def _wanted(news: Iterable[_Entry]) -> tuple[_Wanted, set[bytes]]:
    """Return what the entries tell of, and the revisions that were judged."""
    wanted: _Wanted = {kind: {} for kind in PassageKind}
    screened: set[bytes] = set()
    for entry in news:
        if entry.kind not in SILENT:
            wanted[PassageKind.ENTRY][entry.index] = entry.index
        for row in entry.body["rows"]:
            if row["table"] in _OF_RECORD:
                kind, key = _OF_RECORD[row["table"]]
                wanted[kind].setdefault(row["key"][key], entry.index)
            elif row["table"] == "screening" and row["image"]:
                screened.add(bytes.fromhex(row["image"]["revision"]))
    return wanted, screened


def _about_again(session: Session, workspace: str, revisions: set[bytes]) -> Iterable[tuple[PassageKind, int, int]]:
    """Return what is about these revisions and indexed already: the rules found something else in them.

    Of copies with the same words so many are enough; entries keep what was found when they were made.
    """
    wanted = (
        select(Passage.kind, Passage.record, Passage.entry)
        .where(Passage.workspace == workspace, Passage.revision.in_(revisions), Passage.kind != PassageKind.ENTRY)
        .limit(MOST_AGAIN)
    )
    return ((kind, record, entry) for kind, record, entry in session.execute(wanted))


# -- what each kind says ------------------------------------------------------------------------------------------


def _posts(session: Session, workspace: str, ids: Iterable[int]) -> dict[int, _Text]:
    columns = (Revision.id, Revision.post, Revision.digest, Revision.made_by, Revision.made_at, Revision.payload)
    rows = session.execute(select(*columns).where(Revision.workspace == workspace, Revision.id.in_(ids))).all()
    payloads = {row.id: _payload(row.payload) for row in rows}
    images = {attached.digest for payload in payloads.values() if payload for attached in payload.media}
    of_images = select(Media.digest, Media.words).where(Media.workspace == workspace, Media.digest.in_(images))
    read = {digest: words for digest, words in session.execute(of_images)}
    return {
        row.id: _Text(row.post, row.digest, row.made_by, row.made_at, _payload_text(payloads[row.id], read))
        for row in rows
    }


def _payload(text: str) -> Payload | None:
    try:
        return parse(text)
    except ValueError:
        return None  # Not what was written: replay names it, and what it says now is not the record.


def _payload_text(payload: Payload | None, images: Mapping[bytes, str | None]) -> str:
    if payload is None:
        return ""
    said = (
        payload.title,
        *payload.texts.values(),
        *payload.disclosures,
        *(attached.alt for attached in payload.media),
        *(images.get(attached.digest) for attached in payload.media),
        payload.in_reply_to,
    )
    return _lines(said)


def _comments(session: Session, workspace: str, ids: Iterable[int]) -> dict[int, _Text]:
    columns = (Comment.id, Comment.post, Comment.revision, Comment.by, Comment.at, Comment.quote)
    rows = session.execute(select(*columns).where(Comment.workspace == workspace, Comment.id.in_(ids))).all()
    said: defaultdict[int, list[str | None]] = defaultdict(list)
    versions = select(CommentText.comment, CommentText.text).where(CommentText.comment.in_([row.id for row in rows]))
    for comment, text in session.execute(versions.order_by(CommentText.comment, CommentText.number)):
        said[comment].append(text)
    return {row.id: _Text(row.post, row.revision, row.by, row.at, _lines((*said[row.id], row.quote))) for row in rows}


def _decisions(session: Session, workspace: str, ids: Iterable[int]) -> dict[int, _Text]:
    columns = (Decision.id, Decision.post, Decision.seen, Decision.by, Decision.at, Decision.note)
    rows = session.execute(
        select(*columns, Decision.verdict, Decision.reason, Decision.stage).where(
            Decision.workspace == workspace, Decision.id.in_(ids)
        )
    )
    return {
        row.id: _Text(
            row.post, row.seen, row.by, row.at, _lines((row.note, _spaced(row.verdict), _spaced(row.reason), row.stage))
        )
        for row in rows
    }


def _archived(session: Session, workspace: str, ids: Iterable[int]) -> dict[int, _Text]:
    """Return what other tools claim of their records; they were brought by whom and when their archive was."""
    columns = (Archived.id, Archived.claims, Archive.brought_by, Archive.brought_at)
    rows = session.execute(
        select(*columns)
        .join(Archive, Archive.id == Archived.archive)
        .where(Archived.workspace == workspace, Archived.id.in_(ids))
    )
    return {row.id: _Text(None, None, row.brought_by, row.brought_at, _claims_text(row.claims)) for row in rows}


def _claims_text(claims: Any) -> str:
    # What was erased is no mapping any more.
    said = claims if isinstance(claims, dict) else {}
    return _lines((said.get("title"), *_strings(said)))


def _said(session: Session, entries: Sequence[_Entry]) -> dict[int, _Text]:
    """Return what entries say: their kind, the words among their facts, and what their commitments open to."""
    heard = [entry for entry in entries if entry.kind not in SILENT]
    opened = _opened(session, heard)
    current = _Current.of(session, {entry.post for entry in heard if entry.post is not None})
    return {
        entry.index: _Text(
            entry.post,
            current.revision(entry.post, entry.at),
            entry.actor,
            entry.at,
            _lines(
                (
                    _spaced(entry.kind),
                    *(opened[commitment] for commitment in _commitments(entry) if commitment in opened),
                    *_strings(entry.body["facts"]),
                )
            ),
        )
        for entry in heard
    }


def _commitments(entry: _Entry) -> Iterator[str]:
    for row in entry.body["rows"]:
        if row["image"] and row["table"] not in _OF_RECORD:
            for value in row["image"].values():
                if isinstance(value, dict) and "commitment" in value:
                    yield value["commitment"]


def _opened(session: Session, entries: Iterable[_Entry]) -> dict[str, str]:
    wanted = [bytes.fromhex(commitment) for entry in entries for commitment in _commitments(entry)]
    found: dict[str, str] = {}
    for start in range(0, len(wanted), 500):
        rows = session.execute(
            select(Opening.commitment, Opening.value).where(
                Opening.commitment.in_(wanted[start : start + 500]), Opening.value.is_not(None)
            )
        )
        found |= {commitment.hex(): " ".join(_strings(json.loads(value or '""'))) for commitment, value in rows}
    return found


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _strings(item)
        case dict():
            for item in value.values():
                yield from _strings(item)


def _lines(said: Iterable[str | None]) -> str:
    return "\n".join(dict.fromkeys(text for text in said if text))[:MOST_TEXT]


def _spaced(word: str | None) -> str | None:
    return None if word is None else str(word).replace(".", " ").replace("_", " ").replace("-", " ")


# -- what it is about ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Current:
    """Which revision each post stood at, and from when."""

    since: Mapping[int, Sequence[datetime]]
    revisions: Mapping[int, Sequence[bytes]]

    @classmethod
    def of(cls, session: Session, posts: Iterable[int]) -> _Current:
        since: defaultdict[int, list[datetime]] = defaultdict(list)
        revisions: defaultdict[int, list[bytes]] = defaultdict(list)
        edits = select(Edit.post, Edit.at, Edit.revision).where(Edit.post.in_(posts)).order_by(Edit.at, Edit.id)
        for post, at, revision in session.execute(edits):
            since[post].append(at)
            revisions[post].append(revision)
        return cls(since, revisions)

    def revision(self, post: int | None, at: datetime) -> bytes | None:
        """Return the revision that *post* stood at; None for what is about none."""
        place = bisect_right(self.since.get(post, ()), at) if post is not None else 0
        return self.revisions[post][place - 1] if post is not None and place else None


@dataclass
class _About:
    """What a revision is about, and what was found in it."""

    product: str | None = None
    channels: tuple[str, ...] = ()
    rules: set[str] = field(default_factory=set)
    worst: str | None = None

    def facets(self) -> Iterator[str]:
        if self.product:
            yield facet("d", self.product)
        if self.worst:
            yield facet("s", self.worst)
        yield from (facet("c", channel) for channel in self.channels)
        yield from (facet("r", rule) for rule in sorted(self.rules))


def _about(session: Session, workspace: str, revisions: set[bytes]) -> dict[bytes, _About]:
    found: defaultdict[bytes, _About] = defaultdict(_About)
    wanted = select(Revision.digest, Revision.payload).where(
        Revision.workspace == workspace, Revision.digest.in_(revisions)
    )
    for digest, text in session.execute(wanted):
        if payload := _payload(text):
            found[digest].product, found[digest].channels = payload.product, payload.channels
    columns = (Screening.revision, Screening.findings, Screening.worst)
    judged = select(*columns).where(Screening.workspace == workspace, Screening.revision.in_(revisions))
    for digest, findings, worst in session.execute(judged.order_by(Screening.at, Screening.id)):
        found[digest].rules |= {finding["rule"] for finding in findings}
        found[digest].worst = worst
    return found


def _told(
    session: Session, workspace: str, wanted: _Wanted, texts: Mapping[PassageKind, Mapping[int, _Text]]
) -> Iterator[Told]:
    revisions = {text.revision for of_kind in texts.values() for text in of_kind.values() if text.revision}
    about = _about(session, workspace, revisions)
    for kind, of_kind in texts.items():
        for record, text in of_kind.items():
            facets = [facet("w", workspace), facet("k", kind), facet("p", text.by)]
            if text.post is not None:
                facets.append(facet("n", str(text.post)))
            if text.revision in about:
                facets.extend(about[text.revision].facets())
            yield Told(
                kind,
                record,
                wanted[kind].get(record, record),
                text.post,
                text.revision,
                text.by,
                text.at,
                text.text,
                tuple(facets),
            )
