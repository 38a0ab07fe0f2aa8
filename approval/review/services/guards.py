"""What must hold before a round moves."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from approval.capabilities import Actor, Capability, can
from approval.errors import CapabilityMissing, IllegalStep, Invalid, Problem
from approval.posts.models import Post, Standing

MOST_NOTE = 4_000


def ensure_may(by: Actor, capability: Capability, workspace: str) -> None:
    """Refuse whoever does not hold *capability* there."""
    if not can(by, capability, workspace):
        raise CapabilityMissing(f"Your roles in {workspace} do not include “{capability}”.")


def ensure_standing(post: Post, allowed: Collection[Standing], act: str) -> None:
    """Refuse an act that does not exist from where the post stands."""
    if post.standing not in allowed:
        standing = post.standing.replace("_", " ")
        raise IllegalStep(f"A post that is {standing} cannot be {act}. {_NEXT.get(post.standing, '')}".strip())


_COPY = "Copy it to a new draft to go on."
_NEXT = {
    Standing.DRAFT: "It can be edited and submitted.",
    Standing.CHANGES_REQUESTED: "It can be edited and submitted again.",
    Standing.IN_REVIEW: "It waits for the decisions of its reviewers, and can be edited or withdrawn.",
    Standing.APPROVED: "It can be scheduled, edited or withdrawn.",
    Standing.SCHEDULED: "It can be rescheduled, edited or withdrawn.",
    Standing.REJECTED: _COPY,
    Standing.WITHDRAWN: _COPY,
    Standing.EXPIRED: _COPY,
    Standing.PUBLISHED: _COPY,
}


def normal_text(text: str | None, where: str, most: int) -> str | None:
    """Return free text with plain line ends and without margins, None where nothing is left; Invalid if too long."""
    text = (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > most or "\x00" in text or not _encodable(text):
        what = f"Write at most {most:,} ordinary characters."
        raise Invalid(what, problems=(Problem(where, what),))
    return text or None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def normal_key(key: str) -> str:
    """Return a decision key in its one spelling; Invalid where it is no UUID."""
    try:
        return str(uuid.UUID(key))
    except (ValueError, AttributeError, TypeError) as error:
        what = "Give a UUID, new for each decision and the same when you send it again."
        raise Invalid(what, problems=(Problem("key", what),)) from error
