"""Records from the terminal: write an export, verify one, judge again what was published."""

from __future__ import annotations

import getpass
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

import click

from approval import clock
from approval.db import reading, transaction
from approval.people.queries import workspace_facts
from approval.records import queries, services, verify as verifier
from approval.records.queries import Filters, Published
from approval.records.services import write_export
from approval.screening.queries import packs_of, version_in_force
from approval.screening.services import Text, rescreen
from approval.settings import Settings

_DAY = click.DateTime(["%Y-%m-%d"])
STRETCH = 2_000
"""Publications that a lookback reads, and keeps as judged, at a time."""


@click.command("export")
@click.option("--workspace", required=True, help="Whose records.")
@click.option("--from", "first", required=True, type=_DAY, help="First day, in the workspace's zone.")
@click.option("--to", "last", required=True, type=_DAY, help="Last day, included.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The archive; its note is FILE.zip.note.")
@click.option("--post", "posts", multiple=True, type=click.IntRange(1, 2**31 - 1), help="Only this post; repeatable.")
@click.option("--person", "people", multiple=True, help="Only what this person (address or id) did; repeatable.")
@click.pass_obj
def export(
    settings: Settings,
    workspace: str,
    first: datetime,
    last: datetime,
    out: Path,
    posts: tuple[int, ...],
    people: tuple[str, ...],
) -> None:
    """Write the regulator's export of a period, with a signed note beside it."""
    written = write_export(
        workspace=workspace,
        first_day=first.date(),
        last_day=last.date(),
        filters=Filters(posts, people),
        out=out.absolute(),
        settings=settings,
        by=f"host:{getpass.getuser()}",
    )
    click.echo(f"{out}: {written.entries} entries, {written.size} bytes, SHA-256 {written.digest.hex()}")


@click.command("verify")
@click.argument("file", metavar="FILE.zip")
@click.option("--vkey", metavar="KEY", help="The log's verifier key, from a source that you trust.")
def verify(file: str, vkey: str | None) -> None:
    """Verify an export, with no database and no network. Exits 1 where it does not hold."""
    sys.exit(verifier.main([*(() if vkey is None else (f"--vkey={vkey}",)), "--", file]))


@click.command("lookback")
@click.option("--workspace", required=True, help="Whose publications.")
@click.option("--from", "first", required=True, type=_DAY, help="First day, in the workspace's zone.")
@click.option("--to", "last", required=True, type=_DAY, help="Last day, included.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that judge.")
@click.pass_obj
def lookback(settings: Settings, workspace: str, first: datetime, last: datetime, workers: int) -> None:
    """Judge again, under the rules in force, what was published in some days. Takes up where it was interrupted.

    What today's rules flag and those of its time did not waits in the browser for compliance to answer.
    """
    with transaction() as session:
        begun = services.begin_lookback(
            session, workspace=workspace, first_day=first.date(), last_day=last.date(), by=f"host:{getpass.getuser()}"
        )
        id_, after = begun.id, begun.reached
    for judged, found in look_back(workspace, first.date(), last.date(), id_, after=after, workers=workers):
        click.echo(f"judged {judged:,}, flagged {found:,}", err=True)
    with reading() as session:
        ended = queries.lookback(session, workspace, id_)
    click.echo(f"lookback {id_}: {ended.judged:,} publications judged, {ended.found:,} flagged")


def look_back(
    workspace: str, first: date, last: date, lookback: int, *, after: int, workers: int
) -> Iterator[tuple[int, int]]:
    """Judge the publications of some days after the one with this id; yield how many were judged and flagged so far."""
    with reading() as session:
        packs = packs_of(session, version_in_force(session, workspace).id)
        today = clock.wall_time(clock.now(session), workspace_facts(session, workspace).zone).date()
    waiting: deque[Published] = deque()

    def texts() -> Iterator[Text]:
        at = after
        while True:
            with reading() as session:
                stretch = queries.published_after(session, workspace, first, last, after=at, on=today, limit=STRETCH)
            if not stretch:
                return
            at = stretch[-1].id
            waiting.extend(stretch)
            yield from (Text(one.id, one.text, one.facts) for one in stretch)

    judged: list[Published] = []
    found: dict[int, Mapping[str, str]] = {}
    for verdict in rescreen(packs, texts(), workers=workers):
        judged.append(waiting.popleft())
        found[verdict.key] = verdict.found
        if len(judged) == STRETCH:
            yield _keep(lookback, judged, found, ended=False)
            judged, found = [], {}
    yield _keep(lookback, judged, found, ended=True)


def _keep(
    lookback: int, judged: list[Published], found: Mapping[int, Mapping[str, str]], *, ended: bool
) -> tuple[int, int]:
    with transaction() as session:
        kept = services.advance_lookback(session, lookback, judged, found, ended=ended)
        return kept.judged, kept.found


COMMANDS: list[click.Command] = [export, verify]
RULES: list[click.Command] = [lookback]
"""What `approval rules` holds beside what the rules themselves can do."""
