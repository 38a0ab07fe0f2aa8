"""Answers in rows: accounts, people, exceptions, overrides, complaints, take-downs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import func, select

from approval.audit.models import Entry
from approval.capabilities import ROLE_CAPABILITIES, Capability, Role
from approval.db import Session
from approval.people.models import Channel
from approval.people.queries import names_of
from approval.posts.models import Revision
from approval.publishing.models import Publication
from approval.records.models import Complaint, TakeDown
from approval.records.queries.roll import people, roles_in
from approval.records.queries.selection import BATCH, Period
from approval.records.rendering import Column, Sort, Table
from approval.screening.models import Acceptance, Dismissal, ExceptionRequest

_MAY = {
    Capability.DRAFT: "write",
    Capability.DECIDE: "approve",
    Capability.ACCEPT_FINDING: "accept exceptions",
    Capability.SCHEDULE: "publish",
}


def accounts(session: Session, workspace: str, period: Period) -> Table:
    """Return every channel with its first use."""
    return Table(
        (
            Column("Account", width=24, brief=True),
            Column("Network", width=14, brief=True),
            Column("Reached by", width=14),
            Column("Connected", Sort.INSTANT, 20),
            Column("First use", Sort.INSTANT, 20, brief=True),
            Column("Last use", Sort.INSTANT, 20, brief=True),
            Column("Published in these days", Sort.NUMBER, 14, brief=True),
            Column("Closed", Sort.INSTANT, 20),
        ),
        _accounts(session, workspace, period),
        (
            "Every account that was ever connected. First and last use are publications by this program.",
            "What was posted past this program, and the public address of an account, are not recorded here.",
        ),
    )


def _accounts(session: Session, workspace: str, period: Period) -> Iterator[tuple[Any, ...]]:
    opened = _opened(session, workspace)
    columns = (Channel.id, Channel.name, Channel.title, Channel.network, Channel.via, Channel.closed_at)
    for id_, name, title, network, via, closed in session.execute(
        select(*columns).where(Channel.workspace == workspace).order_by(Channel.name)
    ).all():
        at = Publication.published_at
        used = (Publication.channel == id_, at.is_not(None), at < period.ends)
        first, last = session.execute(select(func.min(at), func.max(at)).where(*used)).one()
        count = session.scalar(select(func.count()).where(*used, at >= period.begins)) or 0
        yield f"{title} ({name})", network, str(via), opened.get(name), first, last, count, closed


def _opened(session: Session, workspace: str) -> Mapping[str, Any]:
    rows = session.execute(
        select(Entry.at, Entry.body).where(Entry.log == workspace, Entry.kind == "channel.opened").order_by(Entry.index)
    )
    return {json.loads(body)["facts"]["channel"]: at for at, body in rows}


def who(session: Session, workspace: str, period: Period) -> Table:
    """Return everybody with a role in the period: which, from when until when, and what it lets them do."""
    roles = roles_in(session, workspace, period)
    rows = [
        (one.name, one.email, held.role, _may(held.role), held.since, held.until, one.disabled, one.id)
        for one in people(session, roles, roles)
        for held in one.roles
    ]
    return Table(
        (
            Column("Name", width=26, brief=True),
            Column("E-mail", width=34),
            Column("Role", width=16, brief=True),
            Column("May", width=34, brief=True),
            Column("Held from", Sort.INSTANT, 20, brief=True),
            Column("Held until", Sort.INSTANT, 20, brief=True),
            Column("Account closed", Sort.INSTANT, 20),
            Column("Id", width=26),
        ),
        sorted(rows, key=lambda row: (row[0], row[2], row[4])),
        (
            "Roles held at any time in these days, as the log gives and takes them. Nobody approves their own words, "
            "whatever their roles.",
            "Registrations and qualifications of these people are not recorded here.",
        ),
    )


def _may(role: str) -> str:
    held = ROLE_CAPABILITIES[Role(role)] if role in set(Role) else frozenset()
    return ", ".join(words for capability, words in _MAY.items() if capability in held) or "read"


def exceptions(session: Session, workspace: str, period: Period) -> Table:
    """Return the findings that somebody accepted by name."""
    return Table(
        (
            Column("Post", width=14, brief=True),
            Column("Title", width=40, brief=True),
            Column("Rule", width=14, brief=True),
            Column("Reason", width=60),
            Column("Asked for by", width=24),
            Column("Accepted by", width=24, brief=True),
            Column("Accepted", Sort.INSTANT, 20, brief=True),
            Column("SHA-256 of the words", width=66),
        ),
        _answered(session, workspace, period, Acceptance, Acceptance.accepted_by),
        ("Findings of the firm's rules that somebody accepted by name, for exactly these words.",),
    )


def overrides(session: Session, workspace: str, period: Period) -> Table:
    """Return the findings that somebody called a false alarm."""
    return Table(
        (
            Column("Post", width=14, brief=True),
            Column("Title", width=40, brief=True),
            Column("Rule", width=14, brief=True),
            Column("Reason", width=60),
            Column("Called so by", width=24, brief=True),
            Column("When", Sort.INSTANT, 20, brief=True),
            Column("SHA-256 of the words", width=66),
        ),
        ((*row[:4], *row[5:]) for row in _answered(session, workspace, period, Dismissal, Dismissal.dismissed_by)),
        ("Findings that a reviewer called a false alarm. That lets nothing pass which blocks.",),
    )


def _answered(session: Session, workspace: str, period: Period, model: Any, by: Any) -> Iterator[tuple[Any, ...]]:
    rows = session.execute(
        select(model.revision, model.rule, model.reason, by, model.at)
        .where(model.workspace == workspace, model.at >= period.begins, model.at < period.ends)
        .order_by(model.at, model.id)
    ).yield_per(BATCH)
    while batch := list(islice(rows, BATCH)):
        revisions = {row[0] for row in batch}
        posts = _posts_of(session, workspace, revisions)
        asked = {
            (revision, rule): who
            for revision, rule, who in session.execute(
                select(ExceptionRequest.revision, ExceptionRequest.rule, ExceptionRequest.asked_by)
                .where(ExceptionRequest.workspace == workspace, ExceptionRequest.revision.in_(revisions))
                .order_by(ExceptionRequest.id)
            )
        }
        names = names_of(session, [row[3] for row in batch] + list(asked.values()))
        for revision, rule, reason, by_whom, at in batch:
            numbers, title = posts.get(revision, ("", ""))
            asker = asked.get((revision, rule), "")
            yield numbers, title, rule, reason, names.get(asker, asker), names[by_whom], at, revision.hex()


def _posts_of(session: Session, workspace: str, revisions: Iterable[bytes]) -> Mapping[bytes, tuple[str, str]]:
    """Return the numbers of the posts with these words, and their title."""
    found: defaultdict[bytes, list[tuple[int, str]]] = defaultdict(list)
    for digest, post, title in session.execute(
        select(Revision.digest, Revision.post, Revision.title)
        .where(Revision.workspace == workspace, Revision.digest.in_(revisions))
        .order_by(Revision.post)
    ):
        found[digest].append((post, title))
    return {digest: (", ".join(str(post) for post, _ in rows), rows[0][1]) for digest, rows in found.items()}


def complaints(session: Session, workspace: str, period: Period) -> Table:
    """Return the complaints that came in these days."""
    row = Complaint
    columns = (
        row.id, row.received_on, row.way, row.customer, row.account, row.staff, row.post, row.product, row.about,
        row.done, row.answered_on, row.answer, row.finding, row.closed_at,
    )  # fmt: skip
    rows = session.execute(
        select(*columns)
        .where(row.workspace == workspace, row.received_on >= period.first, row.received_on <= period.last)
        .order_by(row.received_on, row.id)
    ).yield_per(BATCH)
    return Table(
        (
            Column("Complaint", Sort.NUMBER, 12, brief=True),
            Column("Received", Sort.DAY, 12, brief=True),
            Column("By", width=14),
            Column("Customer", width=28),
            Column("Account", width=18),
            Column("About whom", width=24),
            Column("Post", Sort.NUMBER, 10, brief=True),
            Column("Product", width=18),
            Column("What it says", width=60, brief=True),
            Column("What was done", width=60),
            Column("Answered", Sort.DAY, 12, brief=True),
            Column("Answer", width=60),
            Column("Found", width=14),
            Column("Closed", Sort.INSTANT, 20),
        ),
        (tuple(found) for found in rows),
        ("Complaints that were entered here and came in these days. Those kept elsewhere are not in this answer.",),
    )


def take_downs(session: Session, workspace: str, period: Period) -> Table:
    """Return what was taken down in these days."""
    return Table(
        (
            Column("Post", Sort.NUMBER, 10, brief=True),
            Column("Publication", Sort.NUMBER, 12),
            Column("Channel", width=18, brief=True),
            Column("Address", width=40),
            Column("Why", width=60),
            Column("Taken down by", width=24),
            Column("Taken down", Sort.INSTANT, 20, brief=True),
            Column("Found gone by", width=24),
            Column("Found gone", Sort.INSTANT, 20, brief=True),
        ),
        _take_downs(session, workspace, period),
        ("Publications that were said to be taken down in these days, and who opened the address and found it gone.",),
    )


def _take_downs(session: Session, workspace: str, period: Period) -> Iterator[tuple[Any, ...]]:
    row = TakeDown
    found: Sequence[Any] = session.execute(
        select(
            row.post, row.publication, Channel.name, Publication.url, row.reason, row.taken_by, row.taken_at,
            row.confirmed_by, row.gone_at,
        )
        .join(Publication, Publication.id == row.publication)
        .join(Channel, Channel.id == Publication.channel)
        .where(row.workspace == workspace, row.taken_at >= period.begins, row.taken_at < period.ends)
        .order_by(row.taken_at, row.id)
    ).all()  # fmt: skip
    names = names_of(session, [id_ for one in found for id_ in (one.taken_by, one.confirmed_by) if id_])
    for post, publication, channel, url, why, by, at, confirmed, gone in found:
        yield post, publication, channel, url, why, names[by], at, names.get(confirmed), gone
