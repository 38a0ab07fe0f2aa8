"""`approval posts`: drafts from files."""

from __future__ import annotations

import getpass
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from approval.capabilities import Actor, Role
from approval.db import Origin, Session, reading, transaction
from approval.errors import Forbidden, Invalid, NotFound, NotRecorded, Refusal
from approval.people.models import Person
from approval.people.queries import actor_of, channels, workspace_facts, workspaces
from approval.people.services.accounts import person_with
from approval.posts import services
from approval.posts.draft import draft_from_json
from approval.posts.importing import READERS, Row, as_post, jsonl_rows

_ORIGIN = Origin(method="host")
_STDIN = "-"


@click.group()
def posts() -> None:
    """Posts from the terminal."""


@posts.command("import")
@click.argument("file")
@click.option("--workspace", "workspace", metavar="W", help="Where the drafts go; needed where there are several.")
@click.option("--as", "email", metavar="EMAIL", help="The person you act as: the author of the drafts.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def import_(file: str, workspace: str | None, email: str | None, format_: str) -> None:
    """Make drafts from FILE, JSONL or CSV (- reads JSONL from standard input).

    Keys are those of POST /api/v1/posts, or `text` with `network`. A bad line is named with its number and reason;
    good lines are kept, each on its own. Exits with 1 where some lines were bad.
    """
    with reading() as session:
        name = _workspace(session, workspace)
        person = _person(session, email, name)
    made, bad = [], []
    with _opened(file) as (lines, read):
        for row in read(lines):
            try:
                made.append({"line": row.number, "id": _make(row, name, person)})
            except (NotRecorded, Forbidden):
                raise
            except Refusal as refusal:
                bad.append({"line": row.number, "reason": _reason(refusal)})
                click.echo(f"line {row.number}: {_reason(refusal)}", err=True)
    if format_ == "json":
        click.echo(json.dumps({"workspace": name, "made": made, "bad": bad}, ensure_ascii=False))
    else:
        click.echo(f"{len(made):,} drafts made in {name}, {len(bad):,} bad lines")
    if bad:
        sys.exit(1)


def _make(row: Row, workspace: str, person: Actor | None) -> int:
    """Make the draft of one line, in a transaction of its own."""
    if row.obj is None:
        raise Invalid(row.reason)
    with transaction(_ORIGIN) as session:
        known = channels(session, workspace)
        draft = draft_from_json(as_post(row.obj, known), workspace_facts(session, workspace), known)
        post = services.create(session, draft, by=_host(workspace), along=person.id if person else None)
        return post.id


def _reason(refusal: Refusal) -> str:
    if not refusal.problems:
        return refusal.detail
    return "; ".join(f"{problem.where}: {problem.what}" for problem in refusal.problems)


def _workspace(session: Session, name: str | None) -> str:
    if name is not None:
        return workspace_facts(session, name).name
    known = [facts.name for facts in workspaces(session)]
    if len(known) != 1:
        there_are = f"there are {', '.join(sorted(known))}" if known else "there is none yet"
        raise Invalid(f"Say which workspace with --workspace: {there_are}.")
    return known[0]


def _person(session: Session, email: str | None, workspace: str) -> Actor | None:
    """The person whom the host user acts as, who must be able to draft here."""
    if email is None:
        return None
    account: Person | None = person_with(session, email)
    person = actor_of(session, account.id) if account else None
    if person is None:
        raise NotFound(f"There is no open account for {email}.")
    services.ensure_may_draft(person, workspace)
    return person


def _host(workspace: str) -> Actor:
    """Whoever runs this on the machine: may draft in the workspace that they name."""
    user = f"host:{getpass.getuser()}"
    return Actor(id=user, name=user, roles={workspace: frozenset({Role.MARKETER})})


@contextmanager
def _opened(file: str) -> Iterator[tuple[BinaryIO, Any]]:
    if file == _STDIN:
        yield sys.stdin.buffer, jsonl_rows
        return
    path = Path(file)
    if path.suffix.lower() not in READERS:
        raise Invalid(f"{file}: give a file whose name ends in .jsonl or .csv.")
    try:
        opened: io.BufferedReader = path.open("rb")
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}.") from error
    with opened:
        yield opened, READERS[path.suffix.lower()]


COMMANDS = (posts,)
