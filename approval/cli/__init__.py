"""The `approval` command: gathers the commands of every domain, and holds those that concern the whole program.

Exit codes: 0 fine, 1 the answer is no, 2 bad input or usage, 3 could not be done.
"""

from __future__ import annotations

import errno
import importlib
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from approval import settings as environment
from approval.errors import AuditFault, BadSetting, Forbidden, NotMigrated, NotSigned, ProofFailed, Refusal

NO, BAD, FAILED = 1, 2, 3

_DOMAINS = {
    "check": "approval.screening.commands",
    "rules": "approval.screening.commands",
    "people": "approval.people.commands",
    "token": "approval.people.commands",
    "posts": "approval.posts.commands",
    "publish": "approval.publishing.commands",
    "audit": "approval.audit.commands",
    "export": "approval.records.commands",
    "verify": "approval.records.commands",
    "records": "approval.records.commands",
    "demo": "approval.desk.commands",
    "witness": "approval.cli.witness",
    "worm": "approval.cli.worm",
}
_ADDED = {"rules": "approval.records.commands"}
"""Groups to which a domain above adds commands of its own (`RULES`); these need the database."""
_WITH_TABLES = ("people", "screening", "posts", "review", "publishing", "records")
_WITHOUT_DATABASE = {"check", "rules", "verify", "serve", "upgrade", "settings", "doctor", "demo", "witness", "worm"}


class Gathered(click.Group):
    """A group that imports a domain's commands when one of them is asked for, and turns refusals into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_DOMAINS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _DOMAINS:
            commands: Sequence[click.Command] = importlib.import_module(_DOMAINS[cmd_name]).COMMANDS
            found = next(command for command in commands if command.name == cmd_name)
            if isinstance(found, click.Group) and cmd_name in _ADDED:
                for command in getattr(importlib.import_module(_ADDED[cmd_name]), cmd_name.upper()):
                    found.add_command(_connected(command))
            return found
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        with told():
            return super().invoke(ctx)


@contextmanager
def told() -> Iterator[None]:
    """Say what is refused or could not be done in a line, and end with its code instead of a traceback."""
    try:
        yield
    except Forbidden as refusal:
        _end(refusal.detail, NO)
    except Refusal as refusal:
        lines = [refusal.detail, *(f"  {p.where}: {p.what}" for p in refusal.problems)]
        _end("\n".join(lines), BAD)
    except ProofFailed as failure:
        _end(f"does not hold: {failure}", NO)
    except BadSetting as error:
        _end(str(error), BAD)
    except (NotMigrated, NotSigned, AuditFault, DBAPIError, OSError) as error:
        _end(_failed(error), FAILED)


def _connected(command: click.Command) -> click.Command:
    """Return *command* with the settings as its object and the database open, whatever its group does without."""
    made = copy(command)
    run = command.invoke

    def invoke(ctx: click.Context) -> Any:
        ctx.obj = environment.load()
        connect(ctx.obj)
        return run(ctx)

    made.invoke = invoke  # type: ignore[method-assign]
    return made


def _failed(error: Exception) -> str:
    """Say what could not be done; where a folder or file cannot be written, which setting names another."""
    words = str(getattr(error, "orig", None) or error)
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS):
        return f"{words}: name folders that this user may write in APPROVAL_DATA and APPROVAL_KEYS"
    if "unable to open database file" in words or "readonly database" in words:
        return f"{words}: name a folder that this user may write in APPROVAL_DATA, or another APPROVAL_DATABASE_URL"
    return words


def _end(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)


@click.group(cls=Gathered, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="approval", message="%(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Draft, screen, review, publish and prove social-media posts."""
    if ctx.invoked_subcommand in _WITHOUT_DATABASE or {"-h", "--help"} & set(sys.argv):
        return
    ctx.obj = environment.load()
    connect(ctx.obj)


def connect(settings: environment.Settings) -> Engine:
    """Make the database of the settings that of this process; NotMigrated where it is not ready."""
    from approval import db
    from approval.db import schema

    # Replay compares every witnessed table, so every one must be mapped, whichever command runs.
    for domain in _WITH_TABLES:
        importlib.import_module(f"approval.{domain}.models")
    engine = db.connect(settings.database_url)
    schema.ensure_current(engine)
    schema.ensure_guarded(engine)
    return engine


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--no-worker", is_flag=True, help="Serve pages only; run `approval worker` elsewhere.")
@click.option("--demo", is_flag=True, help="Load the demo workspace too; its posts appear while it serves.")
def serve(host: str, port: int, no_worker: bool, demo: bool) -> None:
    """Serve the pages and run the worker, ended together on INT or TERM."""
    from approval.cli.serving import run

    sys.exit(run(environment.load(), host=host, port=port, with_worker=not no_worker, with_demo=demo))


@main.command()
@click.pass_obj
def worker(settings: environment.Settings) -> None:
    """Publish what is due, seal the logs, send e-mail and write exports, until told to stop."""
    from approval.worker import run

    run(settings)


@main.command()
@click.pass_obj
def sealer(settings: environment.Settings) -> None:
    """Sign checkpoints and exports, until told to stop: for a user of its own that holds the keys."""
    from approval.audit.models.keys import Keys
    from approval.worker import WITH_KEYS, work

    with Keys(settings.keys).alone():
        work(settings, WITH_KEYS)


@main.command()
def upgrade() -> None:
    """Bring the database to this program's schema (as the owner role, where APPROVAL_OWNER_URL names it)."""
    from sqlalchemy import make_url

    from approval.db import schema

    settings = environment.load()
    serving = make_url(settings.database_url).username if settings.owner_url else None
    schema.upgrade(settings.owner_url or settings.database_url, serving=serving)
    click.echo("the database is at this program's schema", err=True)


@main.command("settings")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show_settings(format_: str) -> None:
    """Show every setting, its value and where the value comes from."""
    settings = environment.load()
    values = {
        "APPROVAL_DATA": str(settings.data),
        "APPROVAL_KEYS": str(settings.keys),
        "APPROVAL_SEALER": "separate" if settings.separate_sealer else "worker",
        "APPROVAL_SIGNER": shlex.join(settings.signer),
        "APPROVAL_DATABASE_URL": _without_password(settings.database_url),
        "APPROVAL_OWNER_URL": _without_password(settings.owner_url),
        "APPROVAL_SECRET_KEY": "(set)",
        "APPROVAL_BASE_URL": settings.base_url or "",
        "APPROVAL_OUTBOUND_ALLOW": ",".join(f"{o.network}:{o.port}" for o in settings.outbound_allow),
        "APPROVAL_TIMESTAMP_URL": settings.timestamp_url or "",
        "APPROVAL_TIMESTAMP_CA": str(settings.timestamp_ca or ""),
        "APPROVAL_WITNESSES": ", ".join(f"{one.url} {one.vkey}" for one in settings.witnesses),
        "APPROVAL_WORM_URL": f"{settings.worm.endpoint}/{settings.worm.name}" if settings.worm else "",
        "APPROVAL_WORM_CREDENTIALS": "(set)" if settings.worm else "",
        "APPROVAL_WORM_REGION": settings.worm.region if settings.worm else "",
        "APPROVAL_WORM_DAYS": str(settings.worm.days) if settings.worm else "",
        "APPROVAL_SMTP_URL": _without_password(settings.smtp_url),
        "APPROVAL_MAIL_FROM": settings.mail_from,
        "APPROVAL_SECOND_OPINION": ",".join(sorted(settings.second_opinion)),
        "APPROVAL_PROXIES": str(settings.proxies),
        "APPROVAL_LEASE_SECONDS": f"{settings.lease:g}",
        "APPROVAL_SETTLE_SECONDS": f"{settings.settle:g}",
        "APPROVAL_GRACE_SECONDS": f"{settings.grace:g}",
    }
    rows = [
        {"name": s.name, "value": values[s.name], "source": settings.sources[s.name], "help": s.help}
        for s in environment.SETTINGS
    ]
    if format_ == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']}={row['value']}  ({row['source']})\n    {row['help']}")


def _without_password(url: str | None) -> str:
    from sqlalchemy import make_url

    return make_url(url).render_as_string(hide_password=True) if url else ""


@main.command()
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(format_: str) -> None:
    """Check this installation; exits 1 where something must be mended."""
    from approval.cli.examining import examine

    findings = examine(environment.load())
    if format_ == "json":
        click.echo(json.dumps([{"check": f.check, "state": f.state, "detail": f.detail} for f in findings], indent=2))
    else:
        for f in findings:
            click.echo(f"{f.state:5} {f.check}: {f.detail}")
    sys.exit(NO if any(f.state == "bad" for f in findings) else 0)
