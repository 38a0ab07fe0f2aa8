"""The log from the terminal: verify, replay, seal, key."""

from __future__ import annotations

import json
import sys

import click

from approval.audit.models.keys import Keys
from approval.audit.queries.entries import head
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import logs, verify
from approval.audit.services import seal
from approval.db import reading, transaction
from approval.errors import ProofFailed
from approval.settings import Settings

NO = 1

_workspace = click.option("--workspace", help="One workspace's log; without it all logs, `installation` included.")
_format = click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)


@click.group()
def audit() -> None:
    """Verify, replay and seal the logs."""


def _wanted(workspace: str | None) -> list[str]:
    if workspace is not None:
        return [workspace]
    with reading() as session:
        return logs(session)


@audit.command("verify")
@_workspace
@_format
@click.pass_obj
def verify_(settings: Settings, workspace: str | None, format_: str) -> None:
    """Re-derive every log from its entries; name the first bad index."""
    answers = []
    for log in _wanted(workspace):
        try:
            with reading() as session:
                found = verify(session, log, keys=Keys(settings.keys))
            answers.append(
                {
                    "log": log,
                    "holds": True,
                    "size": found.size,
                    "sealed": found.sealed,
                    "root": found.root.hex(),
                    "checkpoints": found.checkpoints,
                }
            )
        except ProofFailed as failure:
            answers.append({"log": log, "holds": False, "reason": str(failure)})
    if format_ == "json":
        click.echo(json.dumps(answers, indent=2))
    else:
        for answer in answers:
            if answer["holds"]:
                click.echo(f"{answer['log']}: holds, {answer['size']} entries, {answer['sealed']} sealed")
            else:
                click.echo(f"{answer['log']}: DOES NOT HOLD: {answer['reason']}")
    sys.exit(0 if all(answer["holds"] for answer in answers) else NO)


@audit.command("replay")
@_workspace
@_format
def replay_(workspace: str | None, format_: str) -> None:
    """Fold every log and compare with the tables; name each difference."""
    differences = []
    for log in _wanted(workspace):
        with reading() as session:
            for difference in replay(session, log):
                differences.append(
                    {
                        "log": log,
                        "table": difference.table,
                        "key": difference.key,
                        "column": difference.column,
                        "what": difference.what,
                    }
                )
                if format_ == "text":
                    click.echo(f"{log}: {difference}")
        if format_ == "text":
            click.echo(f"{log}: replayed", err=True)
    if format_ == "json":
        click.echo(json.dumps(differences, indent=2))
    sys.exit(NO if differences else 0)


@audit.command("seal")
@_workspace
@click.pass_obj
def seal_(settings: Settings, workspace: str | None) -> None:
    """Sign a checkpoint over every entry now."""
    for log in _wanted(workspace):
        with transaction() as session:
            sealed = seal(session, log, keys=Keys(settings.keys))
        click.echo(f"{log}: sealed at {sealed.size} {sealed.root.hex()}")


@audit.command("key")
@_workspace
def key(workspace: str | None) -> None:
    """Print the verifier key (vkey) of a log."""
    for log in _wanted(workspace):
        with reading() as session:
            click.echo(head(session, log).vkey)


COMMANDS: list[click.Command] = [audit]
