"""When an approved post goes out: schedule, publish now, cancel, withdraw."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.errors import BadTime, CapabilityMissing, IllegalStep, Invalid, Problem, Stopped
from approval.people.queries import ChannelFacts, channels as channels_of, workspace_facts
from approval.posts.models import SCHEDULABLE, WITHDRAWABLE, Post, Standing
from approval.posts.payload import Payload
from approval.posts.queries import payload_of
from approval.publishing import events
from approval.publishing.models import Because, Publication, PublicationStanding as Is
from approval.publishing.queries import is_stopped
from approval.publishing.services.moments import Moment, at, moment
from approval.publishing.services.standing import channel_name, current_publications, restand, stated, submission_of
from approval.review import services as review

NOT_SENT = frozenset({Is.SCHEDULED, Is.MISSED, Is.REFUSED, Is.WITHDRAWN})
MOVABLE = frozenset({Is.SCHEDULED, Is.MISSED})

_NEXT = {
    Is.PUBLISHING: "is being sent now: wait for its outcome",
    Is.UNKNOWN: "may have been sent: wait until that is known",
    Is.NEEDS_PERSON: "waits for a person: say first whether it went out",
    Is.PUBLISHED: "is published: copy the post to a new draft, or withdraw the other channels one by one",
}


def schedule(
    session: Session,
    post: Post,
    *,
    by: Actor,
    publish_at: datetime,
    zone: str,
    channels: Sequence[str] | None = None,
    wall: str | None = None,
    fold: int | None = None,
) -> list[Publication]:
    """Choose when *post* goes out on its channels (all of its payload, unless named); the post row is locked.

    *publish_at* is an aware instant. *wall* is the wall time in *zone* that a person chose; it must mean that
    instant, and *fold* says which one where it comes twice. Returns the publications that now wait.
    """
    chosen = at(publish_at, zone)
    if wall is not None:
        chosen = moment(wall, zone, fold=fold)
        if abs((chosen.instant - publish_at).total_seconds()) >= 1:
            raise _bad_time(f"{wall} in {zone} is not {clock.to_text(publish_at)}.")
        chosen = Moment(publish_at, chosen.wall, zone)
    ensure_may_schedule(by, post)
    if chosen.instant <= clock.now(session):
        raise _bad_time(f"{chosen.wall.replace('T', ' ')} in {zone} is past. Choose a later time, or publish now.")
    return _place(session, post, chosen, by=by, channels=channels)


def publish_now(session: Session, post: Post, *, by: Actor, channels: Sequence[str] | None = None) -> list[Publication]:
    """Let *post* go out at the worker's next look."""
    ensure_may_schedule(by, post)
    ensure_not_stopped(session, post, channels)
    zone = workspace_facts(session, post.workspace).zone
    return _place(session, post, at(clock.now(session), zone), by=by, channels=channels)


def ensure_not_stopped(session: Session, post: Post, channels: Sequence[str] | None) -> None:
    """Refuse to publish now where a stop would hold it back."""
    for channel in channels_of(session, post.workspace):
        named = channels is None or channel.name in channels
        if named and is_stopped(session, workspace=post.workspace, channel=channel.id, post=post.id):
            raise Stopped("Publishing is stopped here, so nothing can go out now. Schedule it, or ask to resume.")


def ensure_may_schedule(by: Actor, post: Post) -> None:
    """Refuse whoever does not publish in this workspace."""
    if not can(by, Capability.SCHEDULE, post.workspace):
        raise CapabilityMissing("Scheduling and publishing is for publishers of this workspace.")


def _place(
    session: Session, post: Post, chosen: Moment, *, by: Actor, channels: Sequence[str] | None
) -> list[Publication]:
    ensure_schedulable(post)
    payload = payload_of(session, post.workspace, post.revision)
    ensure_inside_window(payload, chosen)
    known = {publication.channel: publication for publication in current_publications(session, post)}
    placed = []
    for channel in _channels(session, post, payload, channels):
        publication = known.get(channel.id)
        if publication is None:
            placed.append(_add(session, post, channel, chosen, by=by))
        elif publication.standing in MOVABLE:
            _move(publication, chosen, by=by)
            placed.append(publication)
        elif channels is not None:
            what = f"{channel.name} {_NEXT.get(publication.standing, 'is ' + publication.standing)}."
            raise IllegalStep(f"The publication on {what}")
    if not placed:
        raise IllegalStep("Nothing waits to be scheduled: every channel of this post is dealt with.")
    _record_placed(session, post, placed, known, by=by)
    return placed


def ensure_schedulable(post: Post) -> None:
    """Refuse a post that is not approved and waiting."""
    if post.standing not in SCHEDULABLE:
        legal = "submit it for review first" if post.standing is Standing.DRAFT else "see its page for what comes next"
        raise IllegalStep(f"A post that is {post.standing.replace('_', ' ')} cannot be scheduled: {legal}.")


def ensure_inside_window(payload: Payload, chosen: Moment) -> None:
    """Refuse an instant outside the window that was approved."""
    if payload.not_before is not None and chosen.instant < payload.not_before:
        raise _bad_time(f"The approval holds from {clock.to_text(payload.not_before)}. Choose a later time.")
    if payload.not_after is not None and chosen.instant > payload.not_after:
        raise _bad_time(f"The approval holds until {clock.to_text(payload.not_after)}. Choose an earlier time.")


def _bad_time(what: str) -> BadTime:
    return BadTime(what, problems=(Problem("publish_at", what),))


def _channels(session: Session, post: Post, payload: Payload, names: Sequence[str] | None) -> list[ChannelFacts]:
    approved = tuple(payload.channels)
    wanted = approved if names is None else tuple(dict.fromkeys(names))
    if strange := [name for name in wanted if name not in approved]:
        what = f"{', '.join(strange)[:200]}: not among the approved channels ({', '.join(approved)})."
        raise Invalid(what, problems=(Problem("channels", what),))
    if not wanted:
        raise Invalid("Name at least one channel.", problems=(Problem("channels", "Name at least one."),))
    open_ = {channel.name: channel for channel in channels_of(session, post.workspace) if not channel.closed}
    if closed := [name for name in wanted if name not in open_]:
        what = f"{', '.join(closed)}: closed. Leave it out, or ask an administrator to open it."
        raise Invalid(what, problems=(Problem("channels", what),))
    return [open_[name] for name in wanted]


def _add(session: Session, post: Post, channel: ChannelFacts, chosen: Moment, *, by: Actor) -> Publication:
    publication = Publication(
        workspace=post.workspace,
        post=post.id,
        submission=submission_of(session, post).id,
        channel=channel.id,
        revision=post.revision,
        standing=Is.SCHEDULED,
        due_at=chosen.instant,
        wall=chosen.wall,
        zone=chosen.zone,
        scheduled_by=by.id,
        # Standard Webhooks: the id is signed between dots, so it holds none.
        message="msg_" + secrets.token_hex(16),
    )
    session.add(publication)
    return publication


def _move(publication: Publication, chosen: Moment, *, by: Actor) -> None:
    publication.standing = Is.SCHEDULED
    publication.due_at, publication.wall, publication.zone = chosen.instant, chosen.wall, chosen.zone
    publication.scheduled_by = by.id
    publication.retry_at = publication.because = None


def _record_placed(
    session: Session, post: Post, placed: list[Publication], known: dict[int, Publication], *, by: Actor
) -> None:
    session.flush()
    shown = restand(session, post)
    for publication in placed:
        facts = stated(session, publication, by=by.id) | {"due_at": publication.due_at, "zone": publication.zone}
        if publication.channel in known:
            record(session, events.PublicationRescheduled(**facts), publication, *shown)
        else:
            record(session, events.PublicationScheduled(**facts, revision=post.revision), publication, *shown)


def cancel(session: Session, post: Post, *, by: str) -> None:
    """Withdraw every publication of a post of which nothing was sent; the caller says what becomes of the post.

    Refused as soon as one is on its way, in doubt or out.
    """
    publications = current_publications(session, post) if post.lock is not None else []
    ensure_nothing_sent(session, publications)
    for publication in publications:
        if publication.standing is not Is.WITHDRAWN:
            withdraw_one(session, publication, by=by)


def ensure_nothing_sent(session: Session, publications: Sequence[Publication]) -> None:
    """Refuse where a publication was claimed already, naming the legal next step."""
    for publication in publications:
        if publication.standing not in NOT_SENT:
            name = channel_name(session, publication)
            raise IllegalStep(f"The publication on {name} {_NEXT[publication.standing]}.")


def withdraw_one(session: Session, publication: Publication, *, by: str, shown_on: Post | None = None) -> None:
    """Take one publication out of the schedule for good."""
    publication.standing, publication.because = Is.WITHDRAWN, Because.TAKEN_BACK
    publication.retry_at = None
    shown = restand(session, shown_on) if shown_on is not None else ()
    record(session, events.PublicationWithdrawn(**stated(session, publication, by=by)), publication, *shown)


def withdraw(session: Session, post: Post, *, by: Actor, reason: str) -> None:
    """Take a post back before anything of it was sent; its round ends with it."""
    review.ensure_may_withdraw(session, post, by=by)
    if post.standing not in WITHDRAWABLE:
        raise IllegalStep(f"A post that is {post.standing.replace('_', ' ')} cannot be withdrawn.")
    cancel(session, post, by=by.id)
    review.withdraw(session, post, by=by, reason=reason)
