"""`approval witness`: a witness that another department or an auditor runs (C2SP tlog-witness).

It needs a folder and nothing else. It is served by what serves the program, Flask and gunicorn: a bounded body, a
bounded number of threads and a limit of time for each request are theirs, and nothing new is to be learnt to run it.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
from flask import Flask, Response, request
from gunicorn.app.base import BaseApplication

from approval import clock
from approval.audit.services.cosigning import WitnessFolder, hash_of
from approval.tlog import Checkpoint, Note, WitnessRefused
from approval.tlog.witness import MAX_SUBMISSION, SIZE_TYPE

_folder = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
TEXT = "text/plain; charset=utf-8"


def create_witness(folder: WitnessFolder) -> Flask:
    """Return the application of the witness in a folder."""
    app = Flask("approval.witness", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_SUBMISSION

    @app.post("/add-checkpoint")
    def add_checkpoint() -> Response:
        try:
            return Response(folder.answer(request.get_data(), time=clock.host_seconds()), content_type=TEXT)
        except WitnessRefused as refused:
            if refused.size is not None:
                return Response(f"{refused.size}\n", 409, content_type=SIZE_TYPE)
            return Response(f"{refused}\n", refused.status, content_type=TEXT)

    @app.get("/<origin_hash>/checkpoint")
    def checkpoint(origin_hash: str) -> Response:
        known = {hash_of(origin) for origin in folder.logs()}
        head = folder.head(origin_hash) if origin_hash in known else None
        if head is None:
            return Response("no checkpoint of this log was cosigned here\n", 404, content_type=TEXT)
        return Response(head, content_type=TEXT, headers={"Cache-Control": "no-cache"})

    @app.get("/")
    def who() -> Response:
        return Response(f"{folder.key.to_text()}\n", content_type=TEXT)

    return app


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, folder: WitnessFolder, address: str) -> None:
        self.folder = folder
        self.address = address
        super().__init__()

    def load_config(self) -> None:
        """One process with a few threads: a log is shown every few seconds at most."""
        for name, value in (
            ("bind", self.address),
            ("worker_class", "gthread"),
            ("workers", 1),
            ("threads", 4),
            ("timeout", 30),
            ("graceful_timeout", 3),
            ("loglevel", "warning"),
            ("control_socket_disable", True),
        ):
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application."""
        return create_witness(self.folder)


@click.group()
def witness() -> None:
    """Witness logs of others: remember how long each was, and sign that it only grows."""


@witness.command()
@_folder
@click.option("--name", required=True, help="What the witness is called, such as audit.example; no spaces, no plus.")
def create(folder: Path, name: str) -> None:
    """Make a witness in FOLDER and print its verifier key, for APPROVAL_WITNESSES of whoever keeps the log."""
    click.echo(WitnessFolder(folder).create(name).to_text())


@witness.command()
@_folder
@click.argument("vkey")
def trust(folder: Path, vkey: str) -> None:
    """Witness the log whose verifier key (`approval audit key`) is VKEY."""
    witnessing = WitnessFolder(folder)
    click.echo(f"{witnessing.key.name} witnesses {witnessing.trust(vkey).name}")


@witness.command()
@_folder
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def heads(folder: Path, format_: str) -> None:
    """Show what the witness holds of each log."""
    found = []
    for origin in WitnessFolder(folder).logs():
        head = WitnessFolder(folder).head(hash_of(origin))
        held = Checkpoint.from_text(Note.from_bytes(head).text) if head else None
        found.append({"origin": origin, "size": held.size if held else 0, "root": held.root.hex() if held else None})
    if format_ == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        for each in found:
            click.echo(f"{each['origin']}: {each['size']} entries {each['root'] or ''}".rstrip())


@witness.command("serve")
@_folder
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8100, show_default=True, type=click.IntRange(1, 65535))
def serve_(folder: Path, host: str, port: int) -> None:
    """Answer `add-checkpoint`, until told to stop. Requests and answers are signed; a proxy may add TLS."""
    click.echo(f"{WitnessFolder(folder).key.to_text()} at http://{host}:{port}", err=True)
    _Server(WitnessFolder(folder), f"[{host}]:{port}" if ":" in host else f"{host}:{port}").run()


COMMANDS: list[click.Command] = [witness]
