"""Until when posts are kept, and why: the facts gathered, the rules in force and the holds that stand applied."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, select

from approval import clock
from approval.audit.models import Entry
from approval.db import Session, once
from approval.errors import NotFound
from approval.people.queries import workspace_facts
from approval.posts.models import Edit, Post, Revision, Standing
from approval.records.keeping import Facts, Fate, Kept, Life, RecordClass, covers, fate, keep
from approval.records.models import Erasure, LettingGo
from approval.records.queries.holds import HoldFacts, active_holds
from approval.records.queries.retention import retention_in_force
from approval.records.queries.uses import Use, uses_of
from approval.review.models import Decision
from approval.rules import PRODUCTS, REGIMES

ON_ITS_WAY = frozenset(
    {
        Standing.IN_REVIEW,
        Standing.APPROVED,
        Standing.SCHEDULED,
        Standing.PUBLISHING,
        Standing.UNKNOWN,
        Standing.NEEDS_PERSON,
        Standing.MISSED,
    }
)
"""Where a post is still in use, so that no period has begun."""


@dataclass(frozen=True)
class PostRecord:
    """A post as a record: when it was made, first and last used and last touched, and what its keeping depends on.

    `last_use` is when somebody found it gone from its channels; while nobody did, its last publication. `uses` are
    its publications, oldest first; `taken_down`: all of them were found gone.
    """

    post: int
    title: str
    made: datetime
    first_use: datetime | None
    last_use: datetime | None
    changed: datetime
    parts: tuple[Facts, ...]
    life: Life
    uses: tuple[Use, ...] = ()

    @property
    def taken_down(self) -> bool:
        """True where it was published and cannot be seen anywhere any more."""
        return bool(self.uses) and all(use.gone_at for use in self.uses)


@dataclass(frozen=True)
class PostKeeping:
    """A post as a record, until when it is kept and by which rule, the holds that cover it, and what follows."""

    record: PostRecord
    workspace: str
    zone: str
    version: int
    kept: Kept
    holds: tuple[HoldFacts, ...]
    fate: Fate

    @property
    def under(self) -> frozenset[str]:
        """The regimes of its revisions, whose rules were asked."""
        return frozenset().union(*(part.regimes for part in self.record.parts))


def keeping_of(session: Session, post: int) -> PostKeeping:
    """Return the keeping of one post; NotFound where there is none."""
    workspace = session.scalar(select(Post.workspace).where(Post.id == post))
    if workspace is None:
        raise NotFound("There is no such post, or none that you may see.")
    return keeping_of_posts(session, workspace, [post])[post]


def keeping_of_posts(session: Session, workspace: str, posts: Sequence[int]) -> dict[int, PostKeeping]:
    """Return the keeping of some posts of a workspace, by post."""
    zone = workspace_facts(session, workspace).zone
    version, holds, today = (
        retention_in_force(session, workspace),
        active_holds(session, workspace),
        _today(session, zone),
    )
    asked = _posts_asked_about(session, workspace)
    found = {}
    for record in post_records(session, workspace, posts):
        kept = keep(version.retention, *record.parts)
        covering = tuple(one for one in holds if covers(one.criteria, record.life))
        decided = fate(kept, held=bool(covering), erasure_asked=record.post in asked, today=today)
        found[record.post] = PostKeeping(record, workspace, zone, version.number, kept, covering, decided)
    return found


@once
def _posts_asked_about(session: Session, workspace: str) -> frozenset[int]:
    """Return the posts whose free text somebody asked to have erased, where that waits for its day or for an answer."""
    waiting = Erasure.state.in_((LettingGo.PROPOSED, LettingGo.AGREED))
    rows = session.scalars(select(Erasure.posts).where(Erasure.workspace == workspace, waiting))
    return frozenset(post for posts in rows for post in posts)


def _today(session: Session, zone: str) -> date:
    return clock.wall_time(clock.now(session), zone).date()


def post_records(session: Session, workspace: str, posts: Sequence[int]) -> list[PostRecord]:
    """Return some posts of a workspace as records, in order, in a handful of queries."""
    zone = workspace_facts(session, workspace).zone
    columns = (Post.id, Post.revision, Post.author, Post.standing, Post.created_at, Post.changed_at)
    rows = session.execute(
        select(*columns).where(Post.workspace == workspace, Post.id.in_(posts)).order_by(Post.id)
    ).all()
    words, used = _words(session, posts), uses_of(session, posts)
    decided, touched = _decided(session, posts), _touched(session, workspace, posts)
    records = []
    for row in rows:
        revisions, uses = words[row.id], used.get(row.id, ())
        first = min((use.published_at for use in uses), default=None)
        last = max((use.gone_at or use.published_at for use in uses), default=None)
        seen = any(use.gone_at is None for use in uses)
        acts = touched[row.id]
        changed = max((row.changed_at, *filter(None, acts.values())))
        record = PostRecord(
            post=row.id,
            title=revisions[row.revision].title,
            made=row.created_at,
            first_use=first,
            last_use=last,
            changed=changed,
            parts=parts_of(zone, row.standing, row.created_at, changed, last, decided.get(row.id), revisions),
            life=Life(
                post=row.id,
                people=frozenset(acts) | {row.author},
                products=frozenset().union(*(words.products for words in revisions.values())),
                first_day=_day(row.created_at, zone),
                last_day=None if seen else _day(changed, zone),
            ),
            uses=uses,
        )
        records.append(record)
    return records


@dataclass(frozen=True)
class Words:
    """What matters of a revision to its keeping."""

    title: str
    regimes: frozenset[str]
    products: frozenset[str]

    @classmethod
    def of(cls, title: str, payload: str) -> Words:
        """Read what matters of a revision; what cannot be read is kept as if it were about everything."""
        try:
            said = json.loads(payload)
            return cls(title, frozenset({said["regime"]}), frozenset(filter(None, {said["product"]})))
        except (ValueError, KeyError, TypeError):
            return cls(title, frozenset(REGIMES), frozenset(PRODUCTS))


def parts_of(
    zone: str,
    standing: Standing,
    made: datetime,
    changed: datetime,
    last_use: datetime | None,
    decided: datetime | None,
    revisions: Mapping[bytes, Words],
) -> tuple[Facts, ...]:
    """Return the parts of a post: the communication, and the decisions on it, if any."""
    regimes = frozenset[str]().union(*(words.regimes for words in revisions.values()))
    products = frozenset[str]().union(*(words.products for words in revisions.values()))
    communication = Facts(
        of=RecordClass.COMMUNICATION,
        made=_day(made, zone),
        changed=_day(changed, zone),
        last_use=_day(last_use, zone) if last_use else None,
        in_use=standing in ON_ITS_WAY,
        regimes=regimes,
        products=products,
    )
    if decided is None:
        return (communication,)
    day = _day(decided, zone)
    used = max(day, communication.last_use or day)
    decisions = Facts(of=RecordClass.DECISION, made=day, changed=day, last_use=used, regimes=regimes, products=products)
    return communication, decisions


def _day(instant: datetime, zone: str) -> date:
    return clock.wall_time(instant, zone).date()


def _words(session: Session, posts: Sequence[int]) -> defaultdict[int, dict[bytes, Words]]:
    found: defaultdict[int, dict[bytes, Words]] = defaultdict(dict)
    columns = (Revision.post, Revision.digest, Revision.title, Revision.payload)
    for post, digest, title, payload in session.execute(select(*columns).where(Revision.post.in_(posts))):
        found[post][digest] = Words.of(title, payload)
    return found


def _decided(session: Session, posts: Sequence[int]) -> dict[int, datetime]:
    rows = session.execute(
        select(Decision.post, func.max(Decision.at)).where(Decision.post.in_(posts)).group_by(Decision.post)
    )
    return {post: last for post, last in rows}


def _touched(session: Session, workspace: str, posts: Sequence[int]) -> defaultdict[int, dict[str, datetime | None]]:
    """Return who did anything to each post, and when last; None of whom a host user acted as. Holds are nothing done
    to a post."""
    found: defaultdict[int, dict[str, datetime | None]] = defaultdict(dict)
    for post, by in session.execute(select(Edit.post, Edit.by).where(Edit.post.in_(posts)).distinct()):
        found[post][by] = None
    for touched, actor, kind, at in session.execute(acts(workspace, posts)):
        if not kind.startswith("hold."):
            before = found[touched or 0].get(actor)
            found[touched or 0][actor] = at if before is None else max(before, at)
    return found


def acts(workspace: str, posts: Sequence[int]) -> Select[int | None, str, str, datetime]:
    """Return the query of what the log says was done to some posts."""
    columns = (Entry.post, Entry.actor, Entry.kind, Entry.at)
    return select(*columns).where(Entry.log == workspace, Entry.post.in_(posts))
