"""What must hold before a post changes."""

from __future__ import annotations

from approval.capabilities import Actor, Capability, can
from approval.errors import CapabilityMissing, IllegalStep, Invalid, PreconditionFailed, Problem
from approval.posts.models import EDITABLE, HELD, Post, Standing

_NEXT = {
    Standing.PUBLISHING: "wait for its outcome",
    Standing.UNKNOWN: "wait until it is known whether it went out",
    Standing.NEEDS_PERSON: "a publisher must say first whether it went out",
    Standing.MISSED: "schedule it again, withdraw it, or copy it to a new draft",
    Standing.REFUSED: "withdraw it, or copy it to a new draft",
}


def ensure_may(by: Actor, capability: Capability, workspace: str) -> None:
    """Refuse whoever does not hold *capability* there."""
    if not can(by, capability, workspace):
        raise CapabilityMissing(f"Your roles in {workspace} do not include “{capability}”.")


def ensure_may_draft(by: Actor, workspace: str) -> None:
    """Refuse whoever may not draft there."""
    ensure_may(by, Capability.DRAFT, workspace)


def ensure_editable(post: Post) -> None:
    """Refuse a new revision while a submission holds the post, or after its end, naming the legal next step."""
    if post.standing not in (*EDITABLE, *HELD):
        raise _not_edited(post)
    if post.lock is not None or post.standing in HELD:
        raise IllegalStep("This post is in review or approved: its words change only together with its submission.")


def ensure_living(post: Post) -> None:
    """Refuse to change even what stands beside the words once the post is out, or has ended."""
    if post.standing not in (*EDITABLE, *HELD):
        raise _not_edited(post)


def _not_edited(post: Post) -> IllegalStep:
    words, legal = post.standing.replace("_", " "), _NEXT.get(post.standing, "copy it to a new draft")
    return IllegalStep(f"A post that is {words} is not edited any more: {legal}.")


def ensure_seen(post: Post, seen: bytes | None) -> None:
    """Refuse an edit of other bytes than those the editor saw; without *seen* nothing was promised."""
    if seen is not None and seen != post.revision:
        raise PreconditionFailed("Somebody changed this post meanwhile. Load it again; your text was not saved.")


def ensure_text(text: str, where: str, most: int) -> None:
    """Refuse words that are empty or too long."""
    if not 0 < len(text) <= most:
        what = f"Write 1 to {most:,} characters; these are {len(text):,}."
        raise Invalid(what, problems=(Problem(where, what),))
