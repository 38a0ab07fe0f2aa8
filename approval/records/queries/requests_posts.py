"""What was published in some days, with whoever approved it; samples of it that anybody can draw again."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from approval.db import Session
from approval.people.models import Channel
from approval.people.queries import names_of
from approval.posts.models import Post, Revision
from approval.publishing.models import Publication
from approval.records.queries.requests import Asks
from approval.records.queries.selection import BATCH, Period
from approval.records.rendering import Column, Sort
from approval.review.flow import Verdict
from approval.review.models import Decision, Submission
from approval.rules import Severity
from approval.screening.models import Acceptance, Screening

POST_COLUMNS = (
    Column("Publication", Sort.NUMBER, 12),
    Column("Post", Sort.NUMBER, 10, brief=True),
    Column("Title", width=40, brief=True),
    Column("Channel", width=16, brief=True),
    Column("Network", width=12),
    Column("Published", Sort.INSTANT, 20, brief=True),
    Column("Address", width=40),
    Column("Product", width=18),
    Column("Audience", width=14),
    Column("Written by", width=22),
    Column("Approved by", width=44, brief=True),
    Column("Last approved", Sort.INSTANT, 20, brief=True),
    Column("Review round", Sort.NUMBER, 12),
    Column("Worst finding", width=14),
    Column("Exceptions accepted", Sort.NUMBER, 12),
    Column("SHA-256 of the approved words", width=66),
)


@dataclass(frozen=True)
class Candidate:
    """A publication that a sample may be drawn from, with the worst finding in its approved words."""

    id: int
    post: int
    published_at: datetime
    severity: str | None


def published(session: Session, workspace: str, period: Period, asks: Asks) -> Iterator[Candidate]:
    """Yield what was published in the period, in order, limited to the product and channel that are asked for."""
    words: Any = Revision.payload if asks.product else Publication.id
    columns: tuple[Any, ...] = (Publication.id, Publication.post, Publication.published_at, Screening.worst, words)
    query = (
        select(*columns)
        .join(Submission, Submission.id == Publication.submission)
        .outerjoin(
            Screening,
            and_(
                Screening.workspace == workspace,
                Screening.revision == Publication.revision,
                Screening.rule_set == Submission.rule_set,
            ),
        )
        .where(*_in(workspace, period))
        .order_by(Publication.published_at, Publication.id)
        .limit(BATCH)
    )
    if asks.product:
        query = query.join(Revision, and_(Revision.post == Publication.post, Revision.digest == Publication.revision))
    if asks.channel:
        query = query.join(Channel, Channel.id == Publication.channel).where(Channel.name == asks.channel)
    last: tuple[datetime, int] | None = None
    while rows := session.execute(query if last is None else query.where(_after(*last))).all():
        for id_, post, at, worst, payload in rows:
            if not asks.product or json.loads(payload)["product"] == asks.product:
                yield Candidate(id_, post, at, worst)
        last = rows[-1].published_at, rows[-1].id


def _in(workspace: str, period: Period) -> tuple[ColumnElement[bool], ...]:
    return (
        Publication.workspace == workspace,
        Publication.published_at >= period.begins,
        Publication.published_at < period.ends,
    )


def _after(at: datetime, id_: int) -> ColumnElement[bool]:
    return or_(Publication.published_at > at, and_(Publication.published_at == at, Publication.id > id_))


def count_published(session: Session, workspace: str, period: Period, *, most: int) -> int:
    """Count what was published in the period, up to *most*."""
    found = select(Publication.id).where(*_in(workspace, period)).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def draw(candidates: Iterable[Candidate], asks: Asks) -> list[Candidate]:
    """Return a random sample: those whose SHA-256 of “seed:publication” is smallest, in that order."""

    def place(one: Candidate) -> bytes:
        return hashlib.sha256(f"{asks.seed}:{one.id}".encode()).digest()

    return heapq.nsmallest(asks.count, candidates, key=place)


def riskiest(candidates: Iterable[Candidate], asks: Asks) -> list[Candidate]:
    """Return those with the gravest finding in the approved words, the newest first among equals."""

    def place(one: Candidate) -> tuple[int, float, int]:
        rank = Severity(one.severity).rank if one.severity else -1
        return -rank, -one.published_at.timestamp(), -one.id

    return heapq.nsmallest(asks.count, candidates, key=place)


def post_rows(session: Session, workspace: str, publications: Iterable[int]) -> Iterator[tuple[Any, ...]]:
    """Yield a row of POST_COLUMNS for each publication, in their order."""
    given = iter(publications)
    while ids := list(islice(given, BATCH)):
        yield from _batch(session, workspace, ids)


def _batch(session: Session, workspace: str, ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    columns: tuple[Any, ...] = (
        Publication.id,
        Publication.post,
        Publication.published_at,
        Publication.url,
        Publication.revision,
        Publication.submission,
        Channel.name.label("channel"),
        Channel.network,
        Post.author,
        Submission.number.label("round"),
        Submission.rule_set,
        Revision.payload,
        Screening.worst,
    )
    found = {
        row.id: row
        for row in session.execute(
            select(*columns)
            .join(Channel, Channel.id == Publication.channel)
            .join(Post, Post.id == Publication.post)
            .join(Submission, Submission.id == Publication.submission)
            .join(Revision, and_(Revision.post == Publication.post, Revision.digest == Publication.revision))
            .outerjoin(
                Screening,
                and_(
                    Screening.workspace == workspace,
                    Screening.revision == Publication.revision,
                    Screening.rule_set == Submission.rule_set,
                ),
            )
            .where(Publication.id.in_(ids))
        )
    }
    approvals = _approvals(session, {row.submission for row in found.values()})
    accepted = _accepted(session, workspace, {row.revision for row in found.values()})
    names = names_of(
        session, [row.author for row in found.values()] + [by for a in approvals.values() for by, _, _ in a]
    )
    for id_ in ids:
        if (row := found.get(id_)) is not None:
            yield _row(row, approvals.get(row.submission, []), accepted.get(row.revision, 0), names)


def _row(
    row: Any, approvals: Sequence[tuple[str, str, datetime]], accepted: int, names: Mapping[str, str]
) -> tuple[Any, ...]:
    payload = json.loads(row.payload)
    return (
        row.id,
        row.post,
        payload["title"],
        row.channel,
        row.network,
        row.published_at,
        row.url,
        payload["product"],
        payload["audience"],
        names.get(row.author, row.author),
        "; ".join(f"{names.get(by, by)} ({roles})" for by, roles, _ in approvals),
        max((at for _, _, at in approvals), default=None),
        row.round,
        row.worst,
        accepted,
        row.revision.hex(),
    )


def _approvals(session: Session, submissions: Iterable[int]) -> Mapping[int, list[tuple[str, str, datetime]]]:
    found: defaultdict[int, list[tuple[str, str, datetime]]] = defaultdict(list)
    for submission, by, roles, at in session.execute(
        select(Decision.submission, Decision.by, Decision.roles, Decision.at)
        .where(Decision.submission.in_(submissions), Decision.verdict == Verdict.APPROVE)
        .order_by(Decision.id)
    ):
        found[submission].append((by, roles.replace(",", ", "), at))
    return found


def _accepted(session: Session, workspace: str, revisions: Iterable[bytes]) -> Mapping[bytes, int]:
    rows = session.execute(
        select(Acceptance.revision, func.count())
        .where(Acceptance.workspace == workspace, Acceptance.revision.in_(revisions))
        .group_by(Acceptance.revision)
    )
    return {revision: count for revision, count in rows}
