"""Where posts were published, and until when each publication could be seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from approval.db import Session
from approval.errors import NotFound
from approval.people.models import Channel
from approval.people.queries import names_of
from approval.publishing.models import Publication
from approval.records.models import TakeDown


@dataclass(frozen=True)
class Use:
    """A publication: where, from when, and until when it could be seen (None while nobody found it gone)."""

    publication: int
    post: int
    channel: str
    url: str | None
    published_at: datetime
    take_down: int | None
    reason: str | None
    taken_by_name: str | None
    taken_at: datetime | None
    confirmed_by_name: str | None
    gone_at: datetime | None


def uses_of(session: Session, posts: Sequence[int]) -> dict[int, tuple[Use, ...]]:
    """Return where each of some posts was published and whether it was taken down, by post, oldest first."""
    rows = session.execute(
        select(
            *(Publication.post, Publication.id, Channel.title, Publication.url, Publication.published_at),
            *(TakeDown.id, TakeDown.reason, TakeDown.taken_by, TakeDown.taken_at),
            *(TakeDown.confirmed_by, TakeDown.gone_at),
        )
        .join(Channel, Channel.id == Publication.channel)
        .outerjoin(TakeDown, TakeDown.publication == Publication.id)
        .where(Publication.post.in_(posts), Publication.published_at.is_not(None))
        .order_by(Publication.post, Publication.published_at, Publication.id)
    ).all()
    names = names_of(session, {id_ for row in rows for id_ in (row.taken_by, row.confirmed_by) if id_})
    found: defaultdict[int, list[Use]] = defaultdict(list)
    for post, publication, channel, url, published_at, id_, reason, taken_by, taken_at, confirmed_by, gone_at in rows:
        assert published_at is not None, "only those that went out were asked for"
        names_them = names.get(taken_by or ""), taken_at, names.get(confirmed_by or "")
        found[post].append(Use(publication, post, channel, url, published_at, id_, reason, *names_them, gone_at))
    return {post: tuple(uses) for post, uses in found.items()}


def post_of_publication(session: Session, publication: int) -> tuple[str, int]:
    """Return the workspace and the post of a publication; NotFound where there is none."""
    return _place(session, select(Publication.workspace, Publication.post).where(Publication.id == publication))


def post_of_take_down(session: Session, id_: int) -> tuple[str, int]:
    """Return the workspace and the post of a take-down; NotFound where there is none."""
    return _place(session, select(TakeDown.workspace, TakeDown.post).where(TakeDown.id == id_))


def _place(session: Session, wanted: Select[str, int]) -> tuple[str, int]:
    row = session.execute(wanted).one_or_none()
    if row is None:
        raise NotFound("There is no such publication, or none that you may see.")
    return row.workspace, row.post
