"""The kill switch from the host: `approval publish stop`, `resume`, `status`."""

from __future__ import annotations

import getpass
import json
from typing import Any

import click

from approval import clock
from approval.capabilities import Actor, Role
from approval.db import Origin, Session, reading, transaction
from approval.people.queries import workspaces
from approval.publishing import services
from approval.publishing.queries import InFlight, StopFacts, active_stops, in_flight

_ORIGIN = Origin(method="host")
_scope = click.option(
    "--scope",
    metavar="SCOPE",
    default="everything",
    show_default=True,
    help="everything, workspace:W, channel:W/C or post:ID.",
)


@click.group()
def publish() -> None:
    """Stop publishing, ask to resume it, or see how it stands."""


@publish.command("stop")
@_scope
@click.option("--reason", required=True, help="Why; shown on every page while the stop holds.")
def stop(scope: str, reason: str) -> None:
    """Halt publishing at once; nothing is claimed after this."""
    with transaction(_ORIGIN) as session:
        row = services.stop(session, **services.scope_named(session, scope), by=_host(session), reason=reason)
        number = row.id
    with reading() as session:
        flying = in_flight(session)
    click.echo(f"stop {number}: publishing is stopped ({scope})")
    for item in flying:
        click.echo(_flight_line(item))


@publish.command("resume")
@_scope
@click.option("--reason", required=True, help="Why it may go on.")
def resume(scope: str, reason: str) -> None:
    """Ask that a stop be lifted; another person confirms it in the browser."""
    with transaction(_ORIGIN) as session:
        target = services.scope_named(session, scope)
        row = services.stop_for_change(session, services.stop_standing(session, target))
        services.ask_resume(session, row, by=_host(session), reason=reason)
        number = row.id
    click.echo(f"stop {number}: asked to resume; another person confirms it at /admin/stops")


@publish.command("status")
@click.option("--scope", metavar="SCOPE", help="Only this scope: everything, workspace:W, channel:W/C or post:ID.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(scope: str | None, format_: str) -> None:
    """Show the stops that hold, and what is on its way now."""
    with reading() as session:
        stops, flying = active_stops(session), in_flight(session)
        if scope is not None:
            number = services.stop_standing(session, services.scope_named(session, scope), needed=False)
            stops = tuple(stop for stop in stops if stop.id == number)
    if format_ == "json":
        answer = {"stops": [_stop_json(s) for s in stops], "in_flight": [_flight_json(f) for f in flying]}
        click.echo(json.dumps(answer, indent=2))
        return
    for held in stops:
        asked = f"; resume asked by {held.asked_name}" if held.resume_asked_by else ""
        since = clock.to_text(held.stopped_at)
        click.echo(f"stop {held.id}: {held.where}, by {held.by_name} since {since}: {held.reason}{asked}")
    if not stops:
        click.echo("nothing is stopped")
    for item in flying:
        click.echo(_flight_line(item))


def _host(session: Session) -> Actor:
    """Return whoever runs this command: whoever holds the host may stop, and ask to resume, anywhere."""
    name = f"host:{getpass.getuser()}"
    return Actor(id=name, name=name, roles={facts.name: frozenset(Role) for facts in workspaces(session)})


def _flight_line(item: InFlight) -> str:
    return f"in flight: post {item.post} to {item.workspace}/{item.channel}, try {item.attempt} by {item.worker}"


def _stop_json(held: StopFacts) -> dict[str, Any]:
    return {
        "id": held.id,
        "scope": held.scope,
        "workspace": held.workspace,
        "channel": held.channel,
        "post": held.post,
        "reason": held.reason,
        "by": held.stopped_by,
        "since": clock.to_text(held.stopped_at),
        "resume_asked_by": held.resume_asked_by,
    }


def _flight_json(item: InFlight) -> dict[str, Any]:
    return {
        "post": item.post,
        "workspace": item.workspace,
        "channel": item.channel,
        "attempt": item.attempt,
        "worker": item.worker,
        "until": clock.to_text(item.until),
    }


COMMANDS: list[click.Command] = [publish]
