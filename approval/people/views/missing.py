"""What a workspace still lacks before posts can go all the way, each with where to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import url_for

from approval.capabilities import Capability, Role, holders
from approval.people.queries import Member
from approval.web.identity import hooks

MOST_NAMES = 5
_WITHOUT = {
    Role.MARKETER: "nobody can write a post",
    Role.REVIEWER: "a stage that asks it waits for nobody",
    Role.COMPLIANCE: "a stage that asks it waits for nobody, and nobody accepts a risk",
    Role.PUBLISHER: "nobody can schedule or publish",
}
"""What does not happen where nobody holds a role."""


@dataclass(frozen=True)
class Lack:
    """Something that is missing, and where to mend it."""

    what: str
    href: str
    remedy: str


def missing(name: str, members: Sequence[Member], channels: int) -> Iterator[Lack]:
    """Say what is missing in the workspace *name*, of whose *channels* so many are open.

    Who is alone in changing rules and stages reads that in the banner of every page.
    """
    people = url_for("people.people", workspace=name)
    invite, seen = (f"{people}#invite", "Invite a person"), (people, "See the people")
    present = [member for member in members if member.standing != "closed"]
    at_work = holders(Capability.DRAFT) | holders(Capability.DECIDE)
    if len(present) < 2:
        yield Lack("There is no second person: nobody approves their own words.", *invite)
    elif sum(bool(at_work & set(member.roles)) for member in present) < 2:
        yield Lack("Nobody approves their own words: one person must write and another decide.", *seen)
    for role, without in _WITHOUT.items():
        if not any(role in member.roles for member in present):
            yield Lack(f"Nobody holds the role {role}: {without}.", *(invite if len(present) < 2 else seen))
    if late := [member.name for member in present if member.standing == "invited"]:
        rest = f" and {len(late) - MOST_NAMES} more" if len(late) > MOST_NAMES else ""
        yield Lack(f"Invited, but not signed in yet: {', '.join(late[:MOST_NAMES])}{rest}.", *seen)
    if not channels:
        opening = url_for("people.channels", workspace=name)
        yield Lack("No channel is open: nothing can be published.", f"{opening}#open", "Open a channel")
    if hooks().settings.smtp_url is None:
        what = "No mail server is set: letters wait, and you hand over invitations yourself. "
        yield Lack(what + "An operator sets APPROVAL_SMTP_URL.", *seen)
