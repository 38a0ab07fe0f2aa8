"""Accounts and tokens from the host: `approval people …`, `approval token …`."""

from __future__ import annotations

import getpass
import json
import sys

import click

from approval.capabilities import Role
from approval.db import Session, reading, transaction
from approval.errors import Invalid, NotFound
from approval.people import queries
from approval.people.models import LinkKind, Person, Scope
from approval.people.services import accounts, closing, factors, links, passwords, tokens
from approval.settings import Settings

_format = click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)


def host() -> str:
    """Return who acts from the host: its user."""
    return f"host:{getpass.getuser()}"


@click.group()
def people() -> None:
    """Add, list and close accounts."""


@people.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name, as pages show it.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What they may do there.")
@click.option("--workspace", required=True, help="Where the role holds.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.pass_obj
def add(settings: Settings, email: str, name: str, role: str, workspace: str, password_stdin: bool) -> None:
    """Add a person, or give somebody who has an account another role. Without a password they are invited."""
    password = _read_password(email, name) if password_stdin else None
    secret = None
    with transaction() as session:
        accounts.ensure_workspace(session, workspace)
        person = accounts.person_with(session, email)
        if person is None:
            person = accounts.add_person(session, email=email, name=name, by=host(), password=password)
            session.flush()
            if password is None:
                secret = links.send_link(session, person, LinkKind.INVITATION, by=host(), key=settings.secret_key)
        elif password is not None:
            raise Invalid(f"{person.email} has an account and a password of its own: leave --password-stdin away.")
        accounts.give_role(session, person, Role(role), workspace=workspace, by=host())
        address = person.email
    click.echo(f"{address} is {role} in {workspace}", err=True)
    if secret is not None:
        click.echo("invitation, good once and for 7 days:", err=True)
        click.echo(f"{settings.base_url or 'http://127.0.0.1:8000'}/invitation/{secret}")


def _read_password(email: str, name: str) -> str:
    password = sys.stdin.readline(passwords.MAX_LENGTH + 3).rstrip("\r\n")
    passwords.ensure_acceptable(password, email=email, name=name)
    return passwords.hashed(password)


@people.command("list")
@click.option("--workspace", help="One workspace; without it, all.")
@_format
def list_(workspace: str | None, format_: str) -> None:
    """List the people of a workspace, or of all."""
    with reading() as session:
        wanted = [queries.workspace_facts(session, workspace)] if workspace else queries.workspaces(session)
        rows = [
            {
                "workspace": facts.name,
                "id": member.id,
                "email": member.email,
                "name": member.name,
                "roles": [str(role) for role in member.roles],
                "teams": list(member.teams),
                "standing": member.standing,
            }
            for facts in wanted
            for member in queries.people_of(session, facts.name)
        ]
    if format_ == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        roles = ",".join(row["roles"])
        click.echo(f"{row['workspace']}\t{row['email']}\t{row['name']}\t{roles}\t{row['standing']}")


@people.command()
@click.argument("email")
def disable(email: str) -> None:
    """Close an account: its sessions end and its tokens stop working at once."""
    with transaction() as session:
        person = _person(session, email)
        closing.disable(session, person, by=host())
        address = person.email
    click.echo(f"{address} is closed", err=True)


@people.command("reset-factor")
@click.argument("email")
def reset_factor(email: str) -> None:
    """Take somebody's second factor away where the device is lost: their sessions end, and they are told."""
    with transaction() as session:
        person = _person(session, email)
        factors.reset(session, person, by=host())
        address = person.email
    click.echo(f"{address} signs in with the password alone, until a new second factor is set up", err=True)


@click.group()
def token() -> None:
    """Make API tokens."""


@token.command()
@click.option("--person", "email", required=True, help="E-mail address of the person the token acts as.")
@click.option("--name", required=True, help="Where the token is used.")
@click.option("--scope", type=click.Choice([scope.value for scope in Scope]), required=True, help="How far it reaches.")
@click.option(
    "--days",
    type=click.IntRange(1, tokens.MAX_DAYS),
    default=tokens.DEFAULT_DAYS,
    show_default=True,
    help="How long it lasts.",
)
def create(email: str, name: str, scope: str, days: int) -> None:
    """Print a new API token, once."""
    with transaction() as session:
        person = _person(session, email)
        _, secret = tokens.create(session, person, name=name, scope=Scope(scope), days=days, by=host())
    click.echo(secret)


def _person(session: Session, email: str) -> Person:
    person = accounts.person_with(session, email)
    if person is None:
        raise NotFound(f"There is no account with the address {email[:254]}.")
    return person


COMMANDS: list[click.Command] = [people, token]
