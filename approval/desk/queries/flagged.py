"""The posts in which a rule found something, newest first, and where somebody called that a false alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, func, select

from approval.db import Session
from approval.desk.queries.content import Dismissed
from approval.errors import NotFound
from approval.people.queries import names_of, workspace_facts
from approval.posts.models import Post, Revision, Standing
from approval.screening.models import Dismissal, Screening
from approval.screening.queries import Tally, tallies
from approval.screening.services import rule_names

PAGE = 50
MOST_READ = 2_000
"""Screenings that are looked through for one page: what a rule found stands in their JSON, without an index."""
MOST_POSTS = 200
"""Posts of one page: the same words may stand in several."""


@dataclass(frozen=True)
class Flagged:
    """A post with words that the rule found, in its newest such revision of the page; `more`: how many older ones."""

    post: int
    title: str
    standing: Standing
    revision: int
    at: datetime
    words: tuple[str, ...]
    dismissed: Dismissed | None
    more: int = 0


@dataclass(frozen=True)
class RulePosts:
    """A page of what a rule flagged; `before` begins the next, also where the bound was reached without a full page."""

    workspace: str
    rule: str
    name: str
    zone: str
    tally: Tally
    lines: tuple[Flagged, ...]
    before: int | None


@dataclass(frozen=True)
class _Hit:
    revision: bytes
    at: datetime
    words: tuple[str, ...]


def rule_posts(
    session: Session, workspace: str, rule: str, *, alarms: bool = False, before: int | None = None
) -> RulePosts:
    """Return what *rule* flagged, or only its false alarms. NotFound for a rule that is none and never found anything.

    *before* is the id of a screening; among false alarms that of a dismissal.
    """
    tally = tallies(session, workspace, (rule,)).get(rule)
    names = rule_names(session, workspace)
    if tally is None and rule not in names:
        raise NotFound(f"There is no rule {rule[:40]} here.")
    hits, following = (_alarms if alarms else _hits)(session, workspace, rule, before)
    return RulePosts(
        workspace=workspace,
        rule=rule,
        name=names.get(rule, ""),
        zone=workspace_facts(session, workspace).zone,
        tally=tally or Tally(),
        lines=_lines(session, workspace, rule, hits),
        before=following,
    )


def _hits(session: Session, workspace: str, rule: str, before: int | None) -> tuple[list[_Hit], int | None]:
    """What the rule found in the MOST_READ screenings before the one with this id, to a page; and where to go on."""
    if before is None:
        before = (session.scalar(select(func.max(Screening.id))) or 0) + 1
    floor = max(1, before - MOST_READ)
    rows = session.execute(
        select(Screening.id, Screening.revision, Screening.at, Screening.findings)
        # coalesce: SQLite would take the index of the workspace, and read all of it to sort it by id.
        .where(func.coalesce(Screening.workspace, "") == workspace)
        .where(Screening.id < before, Screening.id >= floor)
        .where(cast(Screening.findings, String).contains(f'"{rule}"', autoescape=True))
        .order_by(Screening.id.desc())
        .limit(PAGE + 1)
    ).all()
    hits = [
        _Hit(revision, at, _words(findings, rule))
        for _, revision, at, findings in rows[:PAGE]
        if _found(findings, rule)
    ]
    following = rows[PAGE - 1].id if len(rows) > PAGE else floor if floor > 1 else None
    return hits, following


def _alarms(session: Session, workspace: str, rule: str, before: int | None) -> tuple[list[_Hit], int | None]:
    """What somebody called a false alarm, newest first, to a page; and where to go on."""
    wanted = select(Dismissal.id, Dismissal.revision, Dismissal.at).where(
        Dismissal.workspace == workspace, Dismissal.rule == rule
    )
    if before is not None:
        wanted = wanted.where(Dismissal.id < before)
    rows = session.execute(wanted.order_by(Dismissal.id.desc()).limit(PAGE + 1)).all()
    words = _words_in(session, workspace, rule, [row.revision for row in rows])
    hits = [_Hit(revision, at, words.get(revision, ())) for _, revision, at in rows[:PAGE]]
    return hits, rows[PAGE - 1].id if len(rows) > PAGE else None


def _words_in(
    session: Session, workspace: str, rule: str, revisions: Sequence[bytes]
) -> Mapping[bytes, tuple[str, ...]]:
    judged = session.execute(
        select(Screening.revision, Screening.findings)
        .where(Screening.workspace == workspace, Screening.revision.in_(revisions))
        .order_by(Screening.id)
    )
    return {revision: _words(findings, rule) for revision, findings in judged if _found(findings, rule)}


def _found(findings: Sequence[Mapping[str, str]], rule: str) -> bool:
    return any(finding["rule"] == rule for finding in findings)


def _words(findings: Sequence[Mapping[str, str]], rule: str) -> tuple[str, ...]:
    """The words that the rule found, each once; none where it found something missing."""
    return tuple(dict.fromkeys(f["match"] for f in findings if f["rule"] == rule and f["match"]))


def _lines(session: Session, workspace: str, rule: str, hits: Sequence[_Hit]) -> tuple[Flagged, ...]:
    """The posts with these words, each once. What was erased has none any more, and is left out."""
    revisions = [hit.revision for hit in hits]
    posts = _posts(session, workspace, revisions)
    dismissed = _dismissed(session, workspace, rule, revisions)
    found: dict[int, Flagged] = {}
    seen: set[tuple[int, bytes]] = set()
    for hit in hits:
        for post, title, standing, number in posts.get(hit.revision, ()):
            if (post, hit.revision) in seen:
                continue  # It was judged again, under other rules.
            seen.add((post, hit.revision))
            newest = found.get(post)
            found[post] = Flagged(
                post=post,
                title=title,
                standing=standing,
                revision=newest.revision if newest else number,
                at=newest.at if newest else hit.at,
                words=newest.words if newest else hit.words,
                dismissed=newest.dismissed if newest else dismissed.get(hit.revision),
                more=newest.more + 1 if newest else 0,
            )
    return tuple(found.values())


def _posts(
    session: Session, workspace: str, revisions: Sequence[bytes]
) -> Mapping[bytes, list[tuple[int, str, Standing, int]]]:
    rows = session.execute(
        select(Revision.digest, Post.id, Revision.title, Post.standing, Revision.number)
        .join(Post, Post.id == Revision.post)
        .where(Revision.workspace == workspace, Revision.digest.in_(revisions))
        .order_by(Post.id.desc())
        .limit(MOST_POSTS)
    )
    found: dict[bytes, list[tuple[int, str, Standing, int]]] = {}
    for digest, post, title, standing, number in rows:
        found.setdefault(digest, []).append((post, title, standing, number))
    return found


def _dismissed(session: Session, workspace: str, rule: str, revisions: Sequence[bytes]) -> Mapping[bytes, Dismissed]:
    rows = session.execute(
        select(Dismissal.revision, Dismissal.dismissed_by, Dismissal.at, Dismissal.reason).where(
            Dismissal.workspace == workspace, Dismissal.rule == rule, Dismissal.revision.in_(revisions)
        )
    ).all()
    names = names_of(session, {row.dismissed_by for row in rows})
    return {revision: Dismissed(names[by], at, reason) for revision, by, at, reason in rows}
