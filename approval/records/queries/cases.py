"""The case file of a post: its story, told from the entries of the log and what they open to, then the raw entries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import select

from approval.audit.events import KINDS
from approval.db import Session
from approval.errors import NotFound
from approval.people.queries import workspace_facts
from approval.posts.models import Media, Post, Revision
from approval.records.queries.selection import entries_at, places_of
from approval.records.queries.story import SCREENED, Material, Moment, Raw


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
    def findings_elsewhere(self) -> Iterator[list[Mapping[str, Any]]]:
        """What rule sets found in these words when another post had them: no entry of this one names it."""
        return (list(each.findings) for each in self.story if each.kind == SCREENED and each.index is None)


@dataclass(frozen=True)
class Batch:
    """Some posts of a workspace, read at once: their entries up to an instant, by post, and what these rest on."""

    workspace: str
    posts: Sequence[int]
    until: datetime | None
    entries: Mapping[int, Sequence[Raw]]
    material: Material


def read_posts(
    session: Session,
    workspace: str,
    posts: Sequence[int],
    *,
    until: datetime | None = None,
    size: int | None = None,
    closed: tuple[str, ...] = (),
) -> Batch:
    """Read some posts, up to *until* and below the index *size*; *closed*: see `Filters`."""
    entries = _entries(session, workspace, posts, until, size)
    return Batch(workspace, posts, until, entries, Material.of(session, workspace, posts, entries, closed))


def case_file(session: Session, post: int, *, until: datetime | None = None, closed: tuple[str, ...] = ()) -> CaseFile:
    """Return the case file of a post, told up to *until*; NotFound where there is none."""
    batch = read_posts(session, workspace_of(session, post), [post], until=until, closed=closed)
    return next(cases_of(session, batch))


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
    yield from cases_of(session, read_posts(session, workspace, posts, until=until))


def cases_of(session: Session, batch: Batch) -> Iterator[CaseFile]:
    """Yield the case files of those posts of a batch that are kept still."""
    zone = workspace_facts(session, batch.workspace).zone
    columns = (Post.id, Post.revision, Post.standing, Post.author, Post.created_at)
    for row in session.execute(select(*columns).where(Post.id.in_(batch.posts)).order_by(Post.id)).all():
        entries = batch.entries.get(row.id, ())
        story = batch.material.story(row.id, entries, batch.until)
        payloads = [moment.payload for moment in story if moment.payload is not None]
        yield CaseFile(
            workspace=batch.workspace,
            zone=zone,
            post=row.id,
            title=payloads[-1].title if payloads else f"Post {row.id}",
            standing=str(row.standing),
            author=batch.material.name(row.author),
            created_at=row.created_at,
            revision=row.revision,
            story=story,
            entries=tuple(entries),
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
    session: Session, workspace: str, posts: Sequence[int], until: datetime | None, size: int | None
) -> dict[int, list[Raw]]:
    found: defaultdict[int, list[Raw]] = defaultdict(list)
    for batch in entries_at(session, workspace, places_of(session, workspace, posts, size)):
        for one in batch:
            if one.post is not None and (until is None or one.at < until):
                text = one.body.decode()
                raw = Raw(one.index, one.kind, _meaning(one.kind), one.at, one.actor, text, json.loads(text))
                found[one.post].append(raw)
    return dict(found)


@cache
def _meaning(kind: str) -> str:
    described = KINDS.get(kind)
    return " ".join((described.__doc__ or "").replace("`", "").split()) if described else ""
