"""What changed since the reader last looked, word by word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from approval.capabilities import Actor
from approval.db import Session
from approval.posts import queries as posts
from approval.posts.queries import PostFacts, RevisionFacts
from approval.review.models import Decision, Submission

_OPERATIONS = {"kept": "equal", "added": "insert", "removed": "delete"}
_NAMES = {
    "disclosures": "Disclosures",
    "channels": "Channels",
    "regime": "Regime",
    "product": "Product",
    "audience": "Audience",
    "in_reply_to": "In reply to",
    "not_before": "Not before",
    "not_after": "Not after",
}


@dataclass(frozen=True)
class Change:
    """One part that changed, as pieces of the present and the earlier words."""

    where: str
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Changes:
    """What changed from an earlier revision to the present one; `why` says why that one is compared."""

    since: RevisionFacts
    why: str
    parts: tuple[Change, ...]


def changes_since(
    session: Session,
    post: PostFacts,
    revisions: tuple[RevisionFacts, ...],
    names: Mapping[str, str],
    *,
    reader: Actor,
    number: int | None,
) -> Changes | None:
    """Compare with revision *number*; without it, with what the reader decided on last, or with the round before.

    None where there is nothing earlier to compare with.
    """
    if len(revisions) < 2:
        return None
    chosen = next((r for r in revisions if r.number == number), None) if number else None
    why = "you chose it"
    if chosen is None:
        seen, why = _last_looked_at(session, post, reader)
        chosen = next((r for r in revisions if r.digest == seen), None)
    if chosen is None or chosen.digest == post.revision:
        return None
    before = posts.payload_of(session, post.workspace, chosen.digest)
    found = posts.changes(before, post.payload)
    return Changes(
        chosen,
        why,
        tuple(
            Change(_name(part.part, names), tuple((_OPERATIONS[s.kind], s.text) for s in part.segments))
            for part in found
        ),
    )


def _last_looked_at(session: Session, post: PostFacts, reader: Actor) -> tuple[bytes | None, str]:
    mine = session.scalar(
        select(Decision.seen)
        .where(Decision.post == post.id, Decision.by == reader.id)
        .order_by(Decision.id.desc())
        .limit(1)
    )
    if mine is not None and mine != post.revision:
        return mine, "you decided on it"
    before = session.scalar(
        select(Submission.revision)
        .where(Submission.post == post.id, Submission.revision != post.revision)
        .order_by(Submission.number.desc())
        .limit(1)
    )
    return before, "it was in review before"


def _name(part: str, names: Mapping[str, str]) -> str:
    if part.startswith("media."):
        return f"Image {int(part.removeprefix('media.')) + 1}"
    return names.get(part) or _NAMES.get(part) or part.removeprefix("texts.")
