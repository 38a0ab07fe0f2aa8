"""Records from the terminal: write an export, verify one, bring an archive, judge again what was published."""

from __future__ import annotations

import getpass
import hashlib
import json
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click

from approval import clock
from approval.capabilities import Actor, Capability, Role
from approval.db import Origin, Session, reading, transaction
from approval.errors import NotFound
from approval.people.queries import actor_of, workspace_facts
from approval.people.services.accounts import person_with
from approval.records import queries, services, verify as verifier
from approval.records.archives import Bad, Look, Understood, letters_in, look_at, read_archive, read_folder
from approval.records.queries import Filters, Published, Wanted
from approval.records.services import write_export
from approval.review.services.guards import ensure_may
from approval.screening.queries import packs_of, version_in_force
from approval.screening.services import Text, rescreen
from approval.settings import Settings

_DAY = click.DateTime(["%Y-%m-%d"])
_HOST = Origin(method="host")
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
@click.option("--vkey", metavar="KEY", help="A verifier key of the log, from a source that you trust.")
@click.option("--kept", metavar="FILE", multiple=True, help="A checkpoint that you kept; may be given again.")
@click.option("--witness", metavar="KEY", multiple=True, help="The key of a witness, from them; may be given again.")
@click.option("--authority", metavar="FILE.pem", help="Certificates of who dated it, from a source that you trust.")
def verify(file: str, vkey: str | None, kept: tuple[str, ...], witness: tuple[str, ...], authority: str | None) -> None:
    """Verify an export, with no database and no network.

    Exits 1 where it does not hold, and 3 where it holds and cannot be compared with what you kept.
    """
    given = {"--vkey": vkey, "--authority": authority}
    options = [f"{option}={value}" for option, value in given.items() if value is not None]
    options += [f"--kept={path}" for path in kept] + [f"--witness={key}" for key in witness]
    sys.exit(verifier.main([*options, "--", file]))


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


@click.group()
def records() -> None:
    """Records from the terminal."""


@records.command("import")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--workspace", required=True, help="Whose records they become.")
@click.option("--source", required=True, help="Where they come from, such as “Old tool, export of 2026-10-01”.")
@click.option("--as", "email", metavar="EMAIL", help="The person you act as.")
@click.option("--look", "only_look", is_flag=True, help="Say what is in it, and keep nothing.")
def import_(file: Path, workspace: str, source: str, email: str | None, only_look: bool) -> None:
    """Keep what another tool kept: FILE is JSONL, CSV, EML, mbox, a ZIP of these, or a folder of EML.

    Records are kept as they came, as claimed by that tool and witnessed by nobody here. What is here already is not
    kept twice, so the same file may be brought again. Exits with 1 where something in it is no record.
    """
    with reading() as session:
        zone = clock.zone_named(workspace_facts(session, workspace).zone)
        along = _acting_as(session, email, workspace)
    with _opened(file) as found:
        look = look_at(found, zone)
    for bad in look.problems:
        click.echo(f"line {bad.number}: {bad.why}", err=True)
    if only_look:
        click.echo(f"{look.good:,} records can be kept, {look.bad:,} cannot; {look.undated:,} name no clear day")
    else:
        _keep_archive(file, workspace, source, look, along)
    if look.bad:
        sys.exit(1)


def _keep_archive(file: Path, workspace: str, source: str, look: Look, along: str | None) -> None:
    user = f"host:{getpass.getuser()}"
    by = Actor(id=user, name=user, roles={workspace: frozenset({Role.COMPLIANCE})})
    digest, size = _measured(file)
    with transaction(_HOST) as session:
        known = queries.same_archive(session, workspace, digest)
        id_ = (
            known
            or services.look_at_archive(
                session, workspace, source=source, name=file.name, digest=digest, size=size, look=look, by=by
            ).id
        )
    with transaction(_HOST) as session:
        facts = queries.archive(session, id_)
        if facts.waits:
            services.accept_archive(session, id_, by=by, along=along)
    if facts.ended_at is not None:
        click.echo(f"archive {id_}: the same file was brought already; nothing is kept twice")
        return
    with _opened(file) as found:
        for reached, kept, repeated in services.go_through(id_, found, reached=facts.reached, by=user, along=along):
            click.echo(f"gone through {reached:,}, kept {kept:,}, here already {repeated:,}", err=True)
    click.echo(f"archive {id_}: {kept:,} records kept, {repeated:,} here already, {look.bad:,} not understood")


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[Understood | Bad]]:
    if file.is_dir():
        yield read_folder(file)
        return
    with file.open("rb") as opened:
        yield read_archive(opened, file.name)


def _measured(file: Path) -> tuple[bytes, int]:
    """Return digest and length of a file; of a folder, the digest of its list of digests and the length of all."""
    if not file.is_dir():
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest(), file.stat().st_size
    lines, size = hashlib.sha256(), 0
    for path in letters_in(file):
        with path.open("rb") as opened:
            lines.update(f"{hashlib.file_digest(opened, 'sha256').hexdigest()}  {path.relative_to(file)}\n".encode())
        size += path.stat().st_size
    return lines.digest(), size


def _acting_as(session: Session, email: str | None, workspace: str) -> str | None:
    """Return the id of the person whom the host user acts as, who must be able to keep records here."""
    if email is None:
        return None
    account = person_with(session, email)
    person = actor_of(session, account.id) if account else None
    if person is None:
        raise NotFound(f"There is no open account for {email}.")
    ensure_may(person, Capability.HOLD, workspace)
    return person.id


@records.command("search")
@click.argument("words", nargs=-1)
@click.option("--workspace", required=True, help="Whose records.")
@click.option("--from", "first", type=_DAY, help="First day, in the workspace's zone.")
@click.option("--to", "last", type=_DAY, help="Last day, included.")
@click.option("--before", type=click.IntRange(1, 2**53), help="Go on after the hit with this id.")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 200), help="Hits that are printed.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def search(
    words: tuple[str, ...],
    workspace: str,
    first: datetime | None,
    last: datetime | None,
    before: int | None,
    limit: int,
    format_: str,
) -> None:
    """Search posts, comments, decisions and entries; that you did is recorded before it is answered."""
    wanted = Wanted(" ".join(words), first_day=first and first.date(), last_day=last and last.date())
    with reading() as session:
        workspace_facts(session, workspace)
        found = queries.search(session, workspace, wanted, before=before, limit=limit)
    with transaction(_HOST) as session:
        services.note_search(session, workspace, wanted, found, before=before, by=f"host:{getpass.getuser()}")
    if format_ == "json":
        click.echo(json.dumps(queries.found_as_json(found), indent=1, ensure_ascii=False))
        return
    for hit in found.hits:
        about = "" if hit.post is None else f"  post {hit.post}"
        click.echo(f"{clock.to_text(hit.at)}  {hit.kind}{about}  entry {hit.entry}  {hit.by}")
        click.echo("    " + " ".join("".join(segment.text for segment in hit.excerpt).split()))
    more = f"; go on with --before {found.before}" if found.before is not None else ""
    click.echo(f"{found.count:,} found{more}", err=True)


COMMANDS: list[click.Command] = [export, verify, records]
RULES: list[click.Command] = [lookback]
"""What `approval rules` holds beside what the rules themselves can do."""
