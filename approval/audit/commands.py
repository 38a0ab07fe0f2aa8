"""The log from the terminal: verify, replay, seal; its keys: show, rotate, retire, revoke."""

from __future__ import annotations

import base64
import getpass
import json
import sys
from datetime import timedelta
from typing import Any, BinaryIO

import click

from approval import clock
from approval.audit.models.keys import Keys
from approval.audit.models.tiles import TileFiles
from approval.audit.queries.comparing import compare
from approval.audit.queries.entries import head
from approval.audit.queries.keychain import keychain
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import logs, verify
from approval.audit.services import seal
from approval.audit.services.rotating import retire, revoke, rotate
from approval.audit.services.tiling import mend_tiles
from approval.db import reading, transaction
from approval.errors import Invalid, ProofFailed
from approval.settings import Settings
from approval.tlog.note import MAX_NOTE

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
    answers: list[dict[str, Any]] = []
    for log in _wanted(workspace):
        try:
            with reading() as session:
                found = verify(session, log, keys=Keys.at(settings))
            answers.append(
                {
                    "log": log,
                    "holds": True,
                    "size": found.size,
                    "sealed": found.sealed,
                    "root": found.root.hex(),
                    "checkpoints": found.checkpoints,
                    "in_doubt": found.in_doubt,
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
                if answer["in_doubt"]:
                    sizes = ", ".join(str(size) for size in answer["in_doubt"])
                    click.echo(f"{answer['log']}: only a revoked key signed the checkpoints at {sizes}, after the cut")
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
            sealed = seal(session, log, keys=Keys.at(settings))
        click.echo(f"{log}: sealed at {sealed.size} {sealed.root.hex()}")


@audit.command("key")
@_workspace
def key(workspace: str | None) -> None:
    """Print the verifier key (vkey) of a log."""
    for log in _wanted(workspace):
        with reading() as session:
            click.echo(head(session, log).vkey)


@audit.command("keys")
@_workspace
@_format
def keys_(workspace: str | None, format_: str) -> None:
    """List the keys of every log: from which size each signs, until which, and where one was revoked."""
    found = []
    for log in _wanted(workspace):
        with reading() as session:
            for each in keychain(session, log).keys:
                found.append(
                    {
                        "log": log,
                        "vkey": each.key.to_text(),
                        "first": each.first,
                        "last": each.last,
                        "until": each.until and clock.to_text(each.until),
                        "revoked_since": each.cut and clock.to_text(each.cut.since),
                        "last_size": each.cut and each.cut.last_size,
                    }
                )
    if format_ == "json":
        click.echo(json.dumps(found, indent=2))
        return
    for key in found:
        cut = f", REVOKED: in doubt beyond {key['last_size']} entries" if key["revoked_since"] else ""
        click.echo(f"{key['log']}: {key['vkey']} signs from {key['first']} to {key['last'] or 'now'}{cut}")


_public_key = click.option(
    "--public-key", metavar="BASE64", help="Public half, 32 bytes, of a key that APPROVAL_SIGNER signs with."
)


@audit.command("rotate")
@_workspace
@click.option(
    "--overlap", metavar="DAYS", type=click.IntRange(1, 3650), default=30, show_default=True, help="Both keys sign."
)
@_public_key
@click.pass_obj
def rotate_(settings: Settings, workspace: str | None, overlap: int, public_key: str | None) -> None:
    """Announce another key, and seal the announcement with both; the old key stops after the overlap."""
    keys, public = Keys.at(settings), _public(public_key, workspace)
    for log in _wanted(workspace):
        with transaction() as session:
            new = rotate(session, log, keys=keys, by=_host(), overlap=timedelta(days=overlap), public_key=public)
        with transaction() as session:
            seal(session, log, keys=keys)
        click.echo(f"{log}: {new.to_text()}")


@audit.command("retire")
@_workspace
@click.pass_obj
def retire_(settings: Settings, workspace: str | None) -> None:
    """End the overlap now: the old key signs no more, and its file is destroyed."""
    keys = Keys.at(settings)
    for log in _wanted(workspace):
        with transaction() as session:
            ended = retire(session, log, by=_host())
        with transaction() as session:
            seal(session, log, keys=keys)
        for key in ended:
            click.echo(f"{log}: retired {key.to_text()}")


@audit.command("revoke")
@_workspace
@click.option(
    "--since", metavar="INSTANT", required=True, help="Since when the key may have been in other hands (UTC)."
)
@click.option("--reason", required=True, help="What happened; it is recorded.")
@click.option("--key", "vkey", metavar="KEY", help="Verifier key; without it the oldest one that still signs.")
@_public_key
@click.pass_obj
def revoke_(
    settings: Settings, workspace: str | None, since: str, reason: str, vkey: str | None, public_key: str | None
) -> None:
    """Say that a key is not to be trusted since an instant; another one takes its place at once."""
    keys, public, cut = Keys.at(settings), _public(public_key, workspace), clock.from_text(since)
    for log in _wanted(workspace):
        with transaction() as session:
            done = revoke(session, log, keys=keys, by=_host(), since=cut, reason=reason, vkey=vkey, public_key=public)
        with transaction() as session:
            seal(session, log, keys=keys)
        click.echo(f"{log}: revoked {done.key.to_text()}, in doubt beyond {done.last_size} entries")
        click.echo(f"{log}: hand out {done.newest.to_text()}")


@audit.command("compare")
@click.argument("checkpoint", type=click.File("rb"), nargs=-1, required=True)
@click.option("--workspace", required=True, help="The log that it is of; `installation` is one too.")
def compare_(checkpoint: tuple[BinaryIO, ...], workspace: str) -> None:
    """Compare checkpoints that were kept elsewhere with the log: it must still be what was signed then."""
    contradicted = 0
    for file in checkpoint:
        with reading() as session:
            try:
                kept = compare(session, workspace, file.read(MAX_NOTE + 1))
                click.echo(f"{file.name}: {workspace} is still what was signed at {kept.size}")
            except ProofFailed as failure:
                contradicted += 1
                click.echo(f"{file.name}: {failure}")
    sys.exit(NO if contradicted else 0)


@audit.command("tiles")
@_workspace
@click.pass_obj
def tiles_(settings: Settings, workspace: str | None) -> None:
    """Write every missing tile file, and name each that says another thing than the log."""
    files, differing = TileFiles.of(settings), 0
    for log in _wanted(workspace):
        with reading() as session:
            for path in mend_tiles(session, log, files):
                differing += 1
                click.echo(f"{log}: {path} is not of its entries; keep it as evidence, move it away, run this again")
        click.echo(f"{log}: laid out in {files.folder / log}")
    sys.exit(NO if differing else 0)


def _host() -> str:
    return f"host:{getpass.getuser()}"


def _public(text: str | None, workspace: str | None) -> bytes | None:
    if text is None:
        return None
    if workspace is None:
        raise Invalid("A key of a device is one log's: name it with --workspace.")
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Invalid("--public-key is the base64 of 32 bytes, the raw public half of an Ed25519 key.")
    return key


COMMANDS: list[click.Command] = [audit]
