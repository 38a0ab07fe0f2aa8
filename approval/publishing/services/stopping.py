"""The stop: one person halts publishing, two let it go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.errors import CapabilityMissing, Conflict, Forbidden, IllegalStep, Invalid, NotFound, Problem
from approval.people.models import Channel
from approval.people.queries import people_who, workspace_facts, workspaces
from approval.people.services.telling import tell
from approval.posts.models import Post
from approval.publishing import events
from approval.publishing.models import Stop, StopScope

LONGEST_REASON = 1000


def stop(
    session: Session,
    *,
    scope: StopScope,
    by: Actor,
    reason: str,
    workspace: str | None = None,
    channel: Channel | None = None,
    post: Post | None = None,
) -> Stop:
    """Halt publishing for a scope at once. What is on the wire already is listed as in flight.

    A stop for everything needs the capability in every workspace.
    """
    workspace = channel.workspace if channel else post.workspace if post else workspace
    ensure_scope_named(scope, workspace, channel, post)
    ensure_may(session, by, Capability.STOP, workspace)
    ensure_reason(reason)
    ensure_not_stopped_already(session, scope, workspace, channel, post)
    row = Stop(
        workspace=workspace,
        scope=scope,
        channel=channel.id if channel else None,
        post=post.id if post else None,
        reason=reason,
        stopped_by=by.id,
        stopped_at=clock.now(session),
    )
    session.add(row)
    session.flush()
    happened = events.PublishingStopped(
        by=by.id,
        workspace=workspace,
        post=row.post,
        stop=row.id,
        scope=scope,
        channel=channel.name if channel else None,
    )
    record(session, happened, row)
    _tell(session, row, "stopped", Capability.READ, by=by)
    return row


def ask_resume(session: Session, row: Stop, *, by: Actor, reason: str) -> None:
    """Ask that a stop be lifted; another person confirms."""
    ensure_may(session, by, Capability.RESUME, row.workspace)
    ensure_reason(reason)
    ensure_holds(row)
    if row.resume_asked_by is not None:
        raise Conflict("Somebody asked to resume already: another person confirms it.")
    row.resume_asked_by, row.resume_reason = by.id, reason
    happened = events.ResumeAsked(by=by.id, workspace=row.workspace, post=row.post, stop=row.id)
    record(session, happened, row)
    _tell(session, row, "second_wanted", Capability.RESUME, by=by)


def lift(session: Session, row: Stop, *, by: Actor) -> None:
    """Confirm that publishing resumes: another person than who asked, unless nobody else could."""
    ensure_may(session, by, Capability.RESUME, row.workspace)
    ensure_holds(row)
    if row.resume_asked_by is None:
        raise IllegalStep("Nobody asked to resume. Ask first, with a reason; another person confirms it.")
    alone = by.id == row.resume_asked_by
    if alone and others_who_may_resume(session, row, by):
        raise Forbidden("Who asked to resume does not confirm it: another person does.")
    row.lifted_by, row.lifted_at = by.id, clock.now(session)
    happened = events.PublishingResumed(by=by.id, workspace=row.workspace, post=row.post, stop=row.id, alone=alone)
    record(session, happened, row)


def scope_named(session: Session, text: str) -> dict[str, Any]:
    """Read everything, workspace:W, channel:W/C or post:ID as the keywords of `stop`; Invalid or NotFound."""
    kind, _, name = text.partition(":")
    match kind:
        case "everything" if not name:
            return {"scope": StopScope.EVERYTHING}
        case "workspace" if name:
            return {"scope": StopScope.WORKSPACE, "workspace": workspace_facts(session, name).name}
        case "channel" if "/" in name:
            return {"scope": StopScope.CHANNEL, "channel": _channel(session, *name.split("/", 1))}
        case "post" if name.isascii() and name.isdecimal() and len(name) < 10:
            post = session.get(Post, int(name))
            if post is None:
                raise NotFound(f"There is no post {name}.")
            return {"scope": StopScope.POST, "post": post}
    what = f"“{text[:80]}” is no scope: write everything, workspace:W, channel:W/C or post:ID."
    raise Invalid(what, problems=(Problem("scope", what),))


def _channel(session: Session, workspace: str, name: str) -> Channel:
    found = session.scalar(select(Channel).where(Channel.workspace == workspace, Channel.name == name))
    if found is None:
        raise NotFound(f"There is no channel {name[:63]} in {workspace[:63]}.")
    return found


def stop_standing(session: Session, target: Mapping[str, Any], *, needed: bool = True) -> int:
    """Return the id of the stop of exactly this scope; where there is none, NotFound, or 0 if it is not *needed*."""
    found = session.scalar(_same(**target).limit(1))
    if found is None and needed:
        raise NotFound("Nothing is stopped in exactly this scope; `approval publish status` lists what is.")
    return found or 0


def _same(
    scope: StopScope, workspace: str | None = None, channel: Channel | None = None, post: Post | None = None
) -> Select[Any]:
    workspace = channel.workspace if channel else post.workspace if post else workspace
    return select(Stop.id).where(
        Stop.lifted_at.is_(None),
        Stop.scope == scope,
        Stop.workspace.is_(None) if workspace is None else Stop.workspace == workspace,
        Stop.channel.is_(None) if channel is None else Stop.channel == channel.id,
        Stop.post.is_(None) if post is None else Stop.post == post.id,
    )


def _tell(session: Session, row: Stop, kind: str, capability: Capability, *, by: Actor) -> None:
    for workspace in _reach(session, row.workspace):
        whom = {actor.id for actor in people_who(session, workspace, capability)} - {by.id}
        tell(session, sorted(whom), kind, workspace=workspace, stop=row.id)


def _reach(session: Session, workspace: str | None) -> list[str]:
    return [workspace] if workspace else [facts.name for facts in workspaces(session)]


def stop_for_change(session: Session, id_: int) -> Stop:
    """Return the row of a stop, held until the end of the transaction; NotFound where there is none."""
    wanted = select(Stop).where(Stop.id == id_).with_for_update().execution_options(populate_existing=True)
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise NotFound(f"There is no stop {id_}.")
    return row


def others_who_may_resume(session: Session, row: Stop, by: Actor) -> bool:
    """Say whether somebody else than *by* may confirm that this stop is lifted."""
    names = _reach(session, row.workspace)
    holders = [{actor.id for actor in people_who(session, name, Capability.RESUME)} for name in names]
    return bool(set.intersection(*holders) - {by.id}) if holders else False


def ensure_may(session: Session, by: Actor, capability: Capability, workspace: str | None) -> None:
    """Refuse whoever lacks *capability* in the workspace; where that is None, in any workspace."""
    if not all(can(by, capability, name) for name in _reach(session, workspace)):
        where = f"in {workspace}" if workspace else "in every workspace"
        raise CapabilityMissing(f"This needs the capability “{capability}” {where}.")


def ensure_scope_named(scope: StopScope, workspace: str | None, channel: Channel | None, post: Post | None) -> None:
    """Refuse a scope that does not name what it halts."""
    named = {
        StopScope.EVERYTHING: workspace is None and channel is None and post is None,
        StopScope.WORKSPACE: workspace is not None and channel is None and post is None,
        StopScope.CHANNEL: channel is not None and post is None,
        StopScope.POST: post is not None and channel is None,
    }
    if not named[scope]:
        what = f"Name exactly what a stop of the scope “{scope}” halts."
        raise Invalid(what, problems=(Problem("scope", what),))


def ensure_reason(reason: str) -> None:
    """Refuse a reason that says nothing, or too much."""
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        what = f"Give a reason of 1 to {LONGEST_REASON} characters."
        raise Invalid(what, problems=(Problem("reason", what),))


def ensure_holds(row: Stop) -> None:
    """Refuse a stop that was lifted."""
    if row.lifted_at is not None:
        raise IllegalStep("This stop was lifted already.")


def ensure_not_stopped_already(
    session: Session, scope: StopScope, workspace: str | None, channel: Channel | None, post: Post | None
) -> None:
    """Refuse a second stop of the same scope."""
    if session.scalar(_same(scope, workspace, channel, post).limit(1)) is not None:
        raise Conflict("This is stopped already.")
