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


@click.command()
@click.option("--empty", is_flag=True, help="People, channels and workflow, without posts.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def demo(empty: bool, format_: str) -> None:
    """Load the demo workspace, once; its people sign in on this machine only."""
    settings = environment.load()
    click.echo("loading the demo workspace; the first time takes some seconds", err=True)
    with _quietly():
        loaded = load(settings, empty=empty)
    click.echo(json.dumps(_as_json(loaded), indent=2) if format_ == "json" else _as_text(loaded))


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the worker's lines about each publication out of the answer."""
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


def _as_text(loaded: Demo) -> str:
    people = [(p.email, p.password, ", ".join(p.roles)) for p in loaded.people]
    channels = [(c.name, c.network, f"via {c.via}") for c in loaded.channels]
    total = sum(number for _, number in loaded.posts)
    posts = ", ".join(f"{number} {standing.replace('_', ' ')}" for standing, number in loaded.posts)
    return "\n".join(
        (
            f"The workspace {loaded.workspace} is loaded. Sign in on this machine as one of",
            *_table((("address", "password", "role"), *people)),
            "",
            "Channels:",
            *_table(channels),
            "",
            f"{total} posts: {posts}." if total else "No posts: the workspace was loaded empty.",
        )
    )


def _table(rows: Any) -> list[str]:
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


COMMANDS: list[click.Command] = [demo]
