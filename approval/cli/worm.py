"""`approval worm`: the write-once copy from the terminal."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import click

from approval import clock, settings as environment, worker
from approval.audit.models.bucket import Bucket
from approval.audit.services.probing import Step, probe
from approval.errors import BadSetting, OutpostFailed

NO = 1


@click.group()
def worm() -> None:
    """Look after the write-once copy of the logs."""


@worm.command("probe")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def probe_(format_: str) -> None:
    """Try to delete, shorten, change and overwrite in the bucket of the settings; exits 1 if anything gets through.

    It leaves two objects of a few bytes, locked for two days at most.
    """
    settings = environment.load()
    if settings.worm is None:
        raise BadSetting("APPROVAL_WORM_URL", "", "name the bucket first, such as https://s3.example/bank-log")
    steps: list[Step] = []
    try:
        now = datetime.fromtimestamp(clock.host_seconds(), UTC)
        for step in probe(Bucket(settings.worm, worker.asking(settings)), now):
            steps.append(step)
            if not step.holds:
                break
    except OutpostFailed as problem:
        steps.append(Step("the bucket answers", False, str(problem)))
    holds = all(step.holds for step in steps)
    if format_ == "json":
        told = [{"what": step.what, "holds": step.holds, "detail": step.detail} for step in steps]
        click.echo(json.dumps({"bucket": settings.worm.name, "holds": holds, "steps": told}, indent=2))
    else:
        for step in steps:
            click.echo(f"{'ok' if step.holds else 'NO':3} {step.what}" + ("" if step.holds else f": {step.detail}"))
        click.echo(f"{settings.worm.name}: {'holds what is written' if holds else 'REFUSED as a write-once copy'}")
    sys.exit(0 if holds else NO)


COMMANDS: list[click.Command] = [worm]
