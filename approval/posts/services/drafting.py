"""Beginning, revising and copying posts. A revision is named by its bytes, and is screened as it is made."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select

from approval import clock
from approval.audit.models import Witnessed
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Invalid, Problem
from approval.posts import events, queries
from approval.posts.draft import Draft
from approval.posts.models import Edit, Media, Post, Revision
from approval.posts.payload import Payload, canonical
from approval.posts.queries import AUTHOR
from approval.posts.services.guards import ensure_editable, ensure_living, ensure_may, ensure_seen
from approval.posts.services.screening import judge


def create(session: Session, draft: Draft, *, by: Actor, along: str | None = None) -> Post:
    """Begin a post. *along* is the person that a host user acts as: the author then, and both are editors."""
    ensure_may(by, Capability.DRAFT, draft.workspace)
    post = _begin(session, draft.payload, workspace=draft.workspace, author=along or by.id)
    _plan(post, draft)
    session.flush()
    _finish(session, post, draft.payload, by=by, along=along)
    return post


def copy(session: Session, post: Post, *, by: Actor) -> Post:
    """Begin a new draft with the words, images and objective of *post*, naming it as origin."""
    ensure_may(by, Capability.DRAFT, post.workspace)
    payload = queries.payload_of(session, post.workspace, post.revision)
    new = _begin(session, payload, workspace=post.workspace, author=by.id)
    new.origin = post.id
    new.objective, new.kpi, new.baseline, new.target = post.objective, post.kpi, post.baseline, post.target
    new.zone = post.zone
    session.flush()
    _finish(session, new, payload, by=by, along=None)
    return new


def revise(
    session: Session, post: Post, draft: Draft, *, by: Actor, seen: bytes | None, along: str | None = None
) -> bool:
    """Give *post* the payload of *draft*; False where nothing at all changed.

    Identical bytes are the same revision: no new one is made, also when the post returns to earlier bytes, but
    whoever sets them is an editor. *seen* is the digest the editor worked from (If-Match).
    """
    ensure_may(by, Capability.DRAFT, post.workspace)
    if draft.workspace != post.workspace:
        what = f"This post belongs to the workspace {post.workspace} and stays there."
        raise Invalid(what, problems=(Problem("workspace", what),))
    ensure_seen(post, seen)
    if hashlib.sha256(canonical(draft.payload)).digest() != post.revision:
        ensure_editable(post)
    planned = _plan(post, draft)
    if planned:
        ensure_living(post)
        record(session, events.PostPlanned(by=by.id, along=along, workspace=post.workspace, post=post.id), post)
    revised = _set(session, post, draft.payload, by=by, along=along)
    if planned or revised:
        post.changed_at = clock.now(session)
        session.flush()
    return planned or revised


def _begin(session: Session, payload: Payload, *, workspace: str, author: str) -> Post:
    _ensure_media(session, workspace, payload)
    now = clock.now(session)
    post = Post(
        workspace=workspace,
        revision=hashlib.sha256(canonical(payload)).digest(),
        author=author,
        created_at=now,
        changed_at=now,
        acts_next=AUTHOR,
    )
    session.add(post)
    return post


def _finish(session: Session, post: Post, payload: Payload, *, by: Actor, along: str | None) -> None:
    rows = (_revision(session, post, payload, number=1, by=by), *_edits(session, post, by=by, along=along))
    happened = events.PostCreated(
        by=by.id,
        along=along,
        workspace=post.workspace,
        post=post.id,
        revision=post.revision,
        origin=post.origin,
    )
    record(session, happened, post, *rows)
    judge(session, post, payload, by=by.id)
    session.flush()


def _set(session: Session, post: Post, payload: Payload, *, by: Actor, along: str | None) -> bool:
    digest = hashlib.sha256(canonical(payload)).digest()
    if digest == post.revision:
        return False
    _ensure_media(session, post.workspace, payload)
    before, post.revision = post.revision, digest
    edits = _edits(session, post, by=by, along=along)
    number = session.scalar(select(Revision.number).where(Revision.post == post.id, Revision.digest == digest))
    kind: type[events.PostReturned | events.PostRevised] = events.PostReturned
    rows: list[Witnessed] = [post, *edits]
    if number is None:
        kind = events.PostRevised
        number = (session.scalar(select(func.max(Revision.number)).where(Revision.post == post.id)) or 0) + 1
        rows.append(_revision(session, post, payload, number=number, by=by))
    happened = kind(
        by=by.id, along=along, workspace=post.workspace, post=post.id, number=number, revision=digest, before=before
    )
    record(session, happened, *rows)
    judge(session, post, payload, by=by.id)
    return True


def _revision(session: Session, post: Post, payload: Payload, *, number: int, by: Actor) -> Revision:
    revision = Revision(
        workspace=post.workspace,
        post=post.id,
        number=number,
        digest=post.revision,
        title=payload.title,
        payload=canonical(payload).decode(),
        made_by=by.id,
        made_at=clock.now(session),
    )
    session.add(revision)
    return revision


def _edits(session: Session, post: Post, *, by: Actor, along: str | None) -> list[Edit]:
    """Everybody behind this change, as editors of what the post now says."""
    edits = [
        Edit(workspace=post.workspace, post=post.id, revision=post.revision, by=who, at=clock.now(session))
        for who in dict.fromkeys(filter(None, (by.id, along)))
    ]
    session.add_all(edits)
    return edits


def _plan(post: Post, draft: Draft) -> bool:
    """Write what stands outside the payload; say whether anything changed."""
    goal, wished = draft.goal, draft.publish_at
    wanted = {
        "objective": goal.kind if goal else None,
        "kpi": goal.kpi if goal else None,
        "baseline": goal.baseline if goal else None,
        "target": goal.target if goal else None,
        "wanted_at": wished,
        "wanted_wall": None if wished is None else clock.wall_time(wished, draft.zone).isoformat(timespec="seconds"),
        "zone": draft.zone,
    }
    changed = [name for name, value in wanted.items() if getattr(post, name) != value]
    for name in changed:
        setattr(post, name, wanted[name])
    return bool(changed)


def _ensure_media(session: Session, workspace: str, payload: Payload) -> None:
    """Refuse digests that name no image of this workspace."""
    wanted = [attached.digest for attached in payload.media]
    there = set(session.scalars(select(Media.digest).where(Media.workspace == workspace, Media.digest.in_(wanted))))
    problems = tuple(
        Problem(f"media.{n}.digest", "There is no such image here: add it first with `POST /media`.")
        for n, digest in enumerate(wanted)
        if digest not in there
    )
    if problems:
        raise Invalid("An image of this post is not stored.", problems=problems)
