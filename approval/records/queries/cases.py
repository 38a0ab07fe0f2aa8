"""The case file of a post: its story, told from the entries of the log and what they open to, then the raw entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from approval.audit.events import KINDS
from approval.audit.models import Entry
from approval.db import Session
from approval.errors import NotFound
from approval.people.queries import workspace_facts
from approval.posts.models import Media, Post, Revision
from approval.records.queries.story import Material, Moment, Raw


@dataclass(frozen=True)
class CaseFile:
    """Everything about one post: the story in order, then the entries that it is told from."""

    workspace: str
    zone: str
    post: int
    title: str
    standing: str
    author: str
    created_at: datetime
    revision: bytes
    story: tuple[Moment, ...]
    entries: tuple[Raw, ...]

    @property
    def media(self) -> frozenset[bytes]:
        """The images of every revision, by digest."""
        return frozenset(each.digest for moment in self.story if moment.payload for each in moment.payload.media)

    @property
    def lines(self) -> bytes:
        """The entries as they stand in the log, a line each."""
        return "".join(f"{entry.body}\n" for entry in self.entries).encode()

    @property
    def findings(self) -> Iterator[list[Mapping[str, Any]]]:
        """What each rule set found in each revision."""
        return (list(moment.findings) for moment in self.story if moment.kind == "revision.screened")


def case_file(session: Session, post: int, *, until: datetime | None = None) -> CaseFile:
    """Return the case file of a post, told up to *until*; NotFound where there is none."""
    return next(case_files(session, workspace_of(session, post), [post], until=until))


def workspace_of(session: Session, post: int) -> str:
    """Return the workspace of a post; NotFound where there is none."""
    workspace = session.scalar(select(Post.workspace).where(Post.id == post))
    if workspace is None:
        raise NotFound("There is no such post, or none that you may see.")
    return workspace


def case_files(
    session: Session, workspace: str, posts: Sequence[int], *, until: datetime | None = None
) -> Iterator[CaseFile]:
    """Yield the case files of some posts of a workspace, told up to *until*."""
    zone = workspace_facts(session, workspace).zone
    entries = _entries(session, workspace, posts, until)
    material = Material.of(session, workspace, posts, entries)
    columns = (Post.id, Post.revision, Post.standing, Post.author, Post.created_at)
    for row in session.execute(select(*columns).where(Post.id.in_(posts)).order_by(Post.id)).all():
        story = material.story(row.id, entries[row.id], until)
        payloads = [moment.payload for moment in story if moment.payload is not None]
        yield CaseFile(
            workspace=workspace,
            zone=zone,
            post=row.id,
            title=payloads[-1].title if payloads else f"Post {row.id}",
            standing=str(row.standing),
            author=material.name(row.author),
            created_at=row.created_at,
            revision=row.revision,
            story=story,
            entries=tuple(entries[row.id]),
        )


def kept_images(session: Session, workspace: str, digests: Collection[bytes]) -> frozenset[bytes]:
    """Return those images of a workspace that are kept still."""
    kept = Media.workspace == workspace, Media.digest.in_(digests)
    return frozenset(session.scalars(select(Media.digest).where(*kept)) if digests else ())


def case_image(session: Session, post: int, digest: bytes, *, until: datetime | None = None) -> tuple[str, bytes]:
    """Return media type and bytes of an image that a revision of a post names, made before *until*; else NotFound."""
    # A quotation mark within a text is escaped: where these stand in a payload, it is an image that they name.
    named = Revision.post == Post.id, Revision.payload.like(f'%"digest":"{digest.hex()}"%')
    told = () if until is None else (Revision.made_at < until,)
    row = session.execute(
        select(Media.kind, Media.data)
        .join(Post, Post.workspace == Media.workspace)
        .where(Post.id == post, Media.digest == digest, select(Revision.id).where(*named, *told).exists())
    ).one_or_none()
    if row is None:
        raise NotFound("No revision of this post has such an image, or it is not kept any more.")
    return row.kind, row.data


def _entries(
    session: Session, workspace: str, posts: Sequence[int], until: datetime | None
) -> defaultdict[int, list[Raw]]:
    # The places first, from the index by post: asked for at once, SQLite guesses that a log is short and reads it all.
    place = aliased(Entry)
    wanted = (
        select(Entry.post, Entry.index, Entry.kind, Entry.at, Entry.actor, Entry.body)
        .join(place, and_(place.log == Entry.log, place.index == Entry.index))
        .where(place.log == workspace, place.post.in_(posts))
        .order_by(Entry.index)
    )
    if until is not None:
        wanted = wanted.where(Entry.at < until)
    found: defaultdict[int, list[Raw]] = defaultdict(list)
    for post, index, kind, at, actor, body in session.execute(wanted):
        found[post or 0].append(Raw(index, kind, _meaning(kind), at, actor, body.decode()))
    return found


def _meaning(kind: str) -> str:
    described = KINDS.get(kind)
    return " ".join((described.__doc__ or "").replace("`", "").split()) if described else ""
