"""Questions about lookbacks: what there is to judge again, what was found, what waits for an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, select

from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Channel
from approval.people.queries import names_of, workspace_facts
from approval.posts.models import Revision
from approval.publishing.models import Publication, PublicationStanding
from approval.records.models import Lookback, LookbackHit
from approval.records.queries.selection import Period
from approval.review.models import Submission
from approval.rules import Facts
from approval.screening.models import Screening

_REVISION = and_(Revision.post == Publication.post, Revision.digest == Publication.revision)


@dataclass(frozen=True)
class Published:
    """One publication as it went out: its text, its facts, and the rules that found something in it at its time."""

    id: int
    post: int
    text: str
    facts: Facts
    known: frozenset[str]


@dataclass(frozen=True)
class LookbackFacts:
    """How far a lookback came."""

    id: int
    first_day: date
    last_day: date
    rule_set: bytes
    by: str
    begun_at: datetime
    ended_at: datetime | None
    judged: int
    found: int


@dataclass(frozen=True)
class HitFacts:
    """A publication that a lookback flagged; `answer` is what somebody said follows from it."""

    id: int
    post: int
    title: str
    channel: str
    published_at: datetime | None
    worst: str
    rules: Mapping[str, str]
    by: str | None
    answer: str | None


def published_after(
    session: Session, workspace: str, first: date, last: date, *, after: int, on: date, limit: int
) -> tuple[Published, ...]:
    """Return the publications of some days after the one with the id *after*, in order, to be judged as of *on*."""
    firm = workspace_facts(session, workspace)
    period = Period(first, last, firm.zone)
    stored = and_(
        Screening.workspace == workspace,
        Screening.revision == Publication.revision,
        Screening.rule_set == Submission.rule_set,
    )
    rows = session.execute(
        select(Publication.id, Publication.post, Channel.name, Channel.network, Revision.payload, Screening.findings)
        .join(Channel, Channel.id == Publication.channel)
        .join(Revision, _REVISION)
        .join(Submission, Submission.id == Publication.submission)
        .outerjoin(Screening, stored)
        .where(
            Publication.workspace == workspace,
            Publication.standing == PublicationStanding.PUBLISHED,
            Publication.published_at >= period.begins,
            Publication.published_at < period.ends,
            Publication.id > after,
        )
        .order_by(Publication.id)
        .limit(limit)
    )
    found = []
    for id_, post, channel, network, payload, findings in rows:
        said = json.loads(payload)
        facts = Facts(
            channel=network,
            regime=said["regime"],
            product=said["product"],
            audience=said["audience"],
            entity_type=firm.entity_type,
            on=on,
        )
        known = frozenset(finding["rule"] for finding in findings or ())
        found.append(Published(id_, post, said["texts"].get(channel, ""), facts, known))
    return tuple(found)


def lookbacks(session: Session, workspace: str, limit: int = 50) -> tuple[LookbackFacts, ...]:
    """Return the lookbacks of a workspace, newest first."""
    rows = session.scalars(
        select(Lookback).where(Lookback.workspace == workspace).order_by(Lookback.id.desc()).limit(limit)
    ).all()
    names = names_of(session, (row.begun_by for row in rows))
    return tuple(_facts(row, names) for row in rows)


def lookback(session: Session, workspace: str, id_: int) -> LookbackFacts:
    """Return one lookback; NotFound where the workspace has none of this number."""
    row = session.get(Lookback, id_)
    if row is None or row.workspace != workspace:
        raise NotFound("There is no such lookback here.")
    return _facts(row, names_of(session, (row.begun_by,)))


def hits(session: Session, lookback: int, *, after: int = 0, limit: int = 50) -> tuple[HitFacts, ...]:
    """Return what a lookback flagged, in the order of publication, those with a greater id than *after*."""
    rows = session.execute(
        select(LookbackHit, Revision.title, Channel.title, Publication.published_at)
        .join(Publication, Publication.id == LookbackHit.publication)
        .join(Revision, _REVISION)
        .join(Channel, Channel.id == Publication.channel)
        .where(LookbackHit.lookback == lookback, LookbackHit.id > after)
        .order_by(LookbackHit.id)
        .limit(limit)
    ).all()
    names = names_of(session, (hit.answered_by for hit, *_ in rows if hit.answered_by))
    return tuple(
        HitFacts(
            id=hit.id,
            post=hit.post,
            title=title,
            channel=channel,
            published_at=published_at,
            worst=hit.worst,
            rules=hit.rules,
            by=names[hit.answered_by] if hit.answered_by else None,
            answer=hit.answer,
        )
        for hit, title, channel, published_at in rows
    )


def hits_waiting(session: Session, workspace: str, limit: int) -> tuple[tuple[int, int, str, str, datetime], ...]:
    """Return lookback, post, title, severity and since when, of flagged publications that nobody has answered for."""
    rows = session.execute(
        select(LookbackHit.lookback, LookbackHit.post, Revision.title, LookbackHit.worst, Lookback.begun_at)
        .join(Publication, Publication.id == LookbackHit.publication)
        .join(Revision, _REVISION)
        .join(Lookback, Lookback.id == LookbackHit.lookback)
        .where(LookbackHit.workspace == workspace, LookbackHit.answered_at.is_(None))
        .order_by(LookbackHit.id)
        .limit(limit)
    )
    return tuple((look, post, title, worst, at) for look, post, title, worst, at in rows)


def _facts(row: Lookback, names: Mapping[str, str]) -> LookbackFacts:
    return LookbackFacts(
        id=row.id,
        first_day=row.first_day,
        last_day=row.last_day,
        rule_set=row.rule_set,
        by=names[row.begun_by],
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        judged=row.judged,
        found=row.found,
    )
