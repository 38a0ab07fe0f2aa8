"""What must hold before a rule set or a finding changes."""

from __future__ import annotations

from approval.capabilities import Actor, Capability, can
from approval.errors import CapabilityMissing, Invalid, Problem

MOST_REASON = 2_000


def ensure_may(by: Actor, capability: Capability, workspace: str) -> None:
    """Refuse whoever does not hold *capability* there."""
    if not can(by, capability, workspace):
        raise CapabilityMissing(f"Your roles in {workspace} do not include “{capability}”.")


def ensured_reason(text: str) -> str:
    """Return a reason without stray space; Invalid where it is empty or too long."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not 0 < len(text) <= MOST_REASON:
        what = f"Give a reason of 1 to {MOST_REASON:,} characters."
        raise Invalid(what, problems=(Problem("reason", what),))
    return text
