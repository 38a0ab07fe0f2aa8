"""The demo from the terminal."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import structlog

from approval import settings as environment
from approval.desk.demo import Demo, load
from approval.settings import Settings


@click.command()
@click.option("--empty", is_flag=True, help="People, channels and workflow, without posts.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def demo(empty: bool, format_: str) -> None:
    """Load the demo workspace, once; its people sign in on this machine only."""
    settings = environment.load()
    click.echo("loading the demo workspace; the first time takes some seconds", err=True)
    found = loaded(settings, empty=empty)
    if format_ == "json":
        click.echo(json.dumps(_as_json(found), indent=2))
    else:
        tell(found)
        click.echo(f"\n{posts_of(found)}")


def loaded(settings: Settings, *, empty: bool) -> Demo:
    """Return the demo workspace, loaded without the worker's lines about each publication."""
    with _quietly():
        return load(settings, empty=empty)


def tell(demo: Demo) -> None:
    """Print who signs in with which password, and where posts go."""
    people = [(p.email, p.password, ", ".join(p.roles)) for p in demo.people]
    channels = [(c.name, c.network, f"via {c.via}") for c in demo.channels]
    click.echo(f"The workspace {demo.workspace} is loaded. Sign in on this machine as one of")
    for line in (*_table((("address", "password", "role"), *people)), "", "Channels:", *_table(channels)):
        click.echo(line)


def posts_of(demo: Demo) -> str:
    """Say how many posts stand where."""
    total = sum(number for _, number in demo.posts)
    posts = ", ".join(f"{number} {standing.replace('_', ' ')}" for standing, number in demo.posts)
    return f"{total} posts: {posts}." if total else "No posts: the workspace was loaded empty."


@contextmanager
def _quietly() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _as_json(loaded: Demo) -> dict[str, Any]:
    return {
        "workspace": loaded.workspace,
        "people": [{"email": p.email, "password": p.password, "roles": list(p.roles)} for p in loaded.people],
        "channels": [{"name": c.name, "network": c.network, "via": c.via} for c in loaded.channels],
    }


def _table(rows: Any) -> list[str]:
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


COMMANDS: list[click.Command] = [demo]
