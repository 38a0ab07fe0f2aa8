"""The log in the browser: entries with filters, one entry with its proof, checkpoints and tiles."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request

from approval import clock
from approval.audit.events import INSTALLATION, KINDS
from approval.audit.models.tiles import TileFiles
from approval.audit.queries import entries as queries
from approval.audit.queries.entries import EntryLine, Filter, Head, Proof
from approval.audit.queries.keychain import SigningKey, known_keys
from approval.audit.queries.outposts import cosignatures
from approval.audit.queries.tiles import tile as tile_of
from approval.audit.queries.verifying import logs
from approval.audit.queries.watching import Alarm, alarms
from approval.capabilities import Capability, Room, can
from approval.db import Session, reading
from approval.errors import BadTime, CapabilityMissing, Invalid, NotFound, ProofFailed
from approval.tlog import ENTRIES, TILE_WIDTH, EntryProof, parse_tile_path
from approval.web.files import attached
from approval.web.identity import (
    current,
    ensure_may,
    ensure_may_prove,
    ensure_may_see,
    hooks,
    require,
    signed_in,
    who,
    workspace,
)
from approval.web.numbers import number

blueprint = Blueprint("audit", __name__)

PAGE = 50
WEEK = 7 * 24 * 3600
_FIELDS = ("kind", "actor", "post", "since", "until")


@dataclass(frozen=True)
class LogPage:
    """The log of a workspace: its head, some entries, the names of who acted, and the filter in force."""

    log: str
    head: Head
    entries: list[EntryLine]
    names: dict[str, str]
    kinds: list[str]
    chosen: dict[str, str]
    next_url: str | None
    prev_url: str | None
    alarms: list[Alarm]
    keys: tuple[SigningKey, ...]


@dataclass(frozen=True)
class EntryPage:
    """One entry: its bytes, what its commitments open to, its inclusion proof, or why there is none yet."""

    head: Head
    entry: EntryLine
    body: dict[str, Any]
    pretty: str
    opened: dict[str, Any]
    names: dict[str, str]
    proof: Proof | None
    unproved: str | None


@blueprint.get("/audit")
@require(Capability.READ_AUDIT)
def log() -> str:
    """Show the entries of the workspace's log, newest first."""
    name = _log_named(request.args.get("log"))
    chosen = {field: request.args.get(field, "").strip() for field in _FIELDS}
    wanted = _filter(chosen)
    with reading() as session:
        head = queries.head(session, name)
        found = queries.entries(session, name, replace(wanted, limit=PAGE + 1))
        wrong = alarms(session, [name])
        keys = known_keys(session, name)
    ascending = wanted.after is not None
    more, found = len(found) > PAGE, found[:PAGE]
    if ascending:
        found.reverse()
    older = found and (more or ascending)
    newer = found and ((ascending and more) or wanted.before is not None)
    page = LogPage(
        log=name,
        head=head,
        entries=found,
        names=dict(who({line.actor for line in found})),
        kinds=sorted(KINDS),
        chosen=chosen,
        next_url=_url(name, chosen, before=found[-1].index) if older else None,
        prev_url=_url(name, chosen, after=found[0].index) if newer else None,
        alarms=wrong,
        keys=keys,
    )
    return render_template("audit/log.html", page=page)


def _log_named(asked: str | None) -> str:
    """Return the log of this page: the workspace's own, or the installation's."""
    if asked == INSTALLATION:
        _ensure_may_read(INSTALLATION)
        return INSTALLATION
    return workspace()


def _filter(chosen: dict[str, str]) -> Filter:
    try:
        return Filter(
            kind=chosen["kind"] or None,
            actor=chosen["actor"] or None,
            post=number(chosen["post"]) if chosen["post"] else None,
            since=_midnight(chosen["since"]),
            until=_midnight(chosen["until"], days=1),
            after=request.args.get("after", type=number),
            before=request.args.get("before", type=number),
        )
    except (ValueError, BadTime) as error:
        raise Invalid("The filter is not clear: a post is a number, a day is written 2026-11-21.") from error


def _midnight(day: str, *, days: int = 0) -> datetime | None:
    if not day:
        return None
    chosen = datetime.combine(datetime.strptime(day, "%Y-%m-%d").date(), time()) + timedelta(days=days)
    return clock.from_wall(chosen, "UTC")


def _url(log: str, chosen: dict[str, str], **place: int) -> str:
    fields = {key: value for key, value in chosen.items() if value}
    where = {"log": log} if log == INSTALLATION else {"workspace": log}
    return "?" + urlencode({**where, **fields, **place})


@blueprint.get("/audit/<log_name>/<int:index>")
@signed_in
def entry(log_name: str, index: int) -> str:
    """Show one entry with its inclusion proof."""
    _ensure_may_prove(log_name)
    with reading() as session:
        page = _entry_page(session, log_name, index)
    _ensure_may_read_entry(page.entry)
    return render_template("audit/entry.html", page=page)


def _entry_page(session: Session, log: str, index: int) -> EntryPage:
    line = queries.entry(session, log, index)
    proof, unproved = None, None
    try:
        proof = queries.proof(session, log, index, files=_files())
    except (Invalid, NotFound) as refusal:
        unproved = refusal.detail
    except ProofFailed as failure:
        unproved = f"No proof can be given: {failure}"
    body = json.loads(line.body)
    is_closed = current().limited_to(log) is not None and line.kind.startswith(Room.CLOSED)
    return EntryPage(
        head=queries.head(session, log),
        entry=line,
        body=body,
        pretty=json.dumps(body, indent=2, ensure_ascii=False),
        opened={} if is_closed else queries.opened(session, line.body),
        names=dict(who({line.actor})),
        proof=proof,
        unproved=unproved,
    )


def _ensure_may_read(log: str) -> None:
    """Refuse whoever may not read this log. The installation's names people of every workspace, so it takes all."""
    if log != INSTALLATION:
        ensure_may(Capability.READ_AUDIT, log)
        return
    ensure_may(Capability.READ_AUDIT, workspace())
    with reading() as session:
        workspaces = [name for name in logs(session) if name != INSTALLATION]
    if not all(can(current(), Capability.READ_AUDIT, name) for name in workspaces):
        raise CapabilityMissing(
            "The installation's log names people of every workspace: reading it takes the audit in each of them."
        )


def _ensure_may_prove(log: str) -> None:
    """Refuse whoever may not even read the hashes of this log: strangers. The installation's are as its entries."""
    if log == INSTALLATION:
        _ensure_may_read(log)
    else:
        ensure_may_prove(log)


def _ensure_may_read_entry(line: EntryLine) -> None:
    """Refuse whoever may read neither the log nor, in a room, what is about the entry's post."""
    if line.log != INSTALLATION:
        ensure_may_see(Capability.READ_AUDIT, line.log, post=line.post, at=line.at)


@blueprint.get("/audit/<log_name>/<int:index>.tlog-proof")
@signed_in(scope="read")
def proof_file(log_name: str, index: int) -> Response:
    """Hand out the proof of one entry as a file (C2SP tlog-proof) that is checked without this program."""
    _ensure_may_prove(log_name)
    with reading() as session:
        found = queries.proof(session, log_name, index, files=_files())
        note = found.note + cosignatures(session, log_name, found.size)
    return attached(EntryProof(found.index, found.path, note.encode()).to_bytes(), f"{log_name}-{index}.tlog-proof")


@blueprint.get("/audit/<log_name>/<int:index>.json")
@signed_in(scope="read")
def entry_file(log_name: str, index: int) -> Response:
    """Hand out the exact bytes of one entry, which its proof file proves."""
    _ensure_may_prove(log_name)
    with reading() as session:
        line = queries.entry(session, log_name, index)
    _ensure_may_read_entry(line)
    return attached(line.body.encode(), f"{log_name}-{index}.json")


@blueprint.get("/log/<log_name>/checkpoint")
@signed_in(scope="read")
def checkpoint(log_name: str) -> Response:
    """Serve the latest signed checkpoint (C2SP tlog-checkpoint), with the witnesses' cosignatures over it."""
    _ensure_may_prove(log_name)
    with reading() as session:
        head = queries.head(session, log_name)
        cosigned = cosignatures(session, log_name, head.sealed)
    if head.note is None:
        raise NotFound("This log has not been sealed yet; it is within a minute.")
    return Response(head.note + cosigned, mimetype="text/plain", headers={"Cache-Control": "private, max-age=5"})


@blueprint.get("/log/<log_name>/<path:path>")
@signed_in(scope="read")
def tile(log_name: str, path: str) -> Response:
    """Serve a tile of hashes or a bundle of entries (C2SP tlog-tiles)."""
    _ensure_may_prove(log_name)
    try:
        wanted = parse_tile_path(path)
    except ValueError as error:
        raise NotFound("There is no such tile.") from error
    if wanted.level == ENTRIES:
        _ensure_may_read(log_name)
    with reading() as session:
        data = tile_of(session, log_name, wanted, files=_files())
    # What is full never changes again (C2SP tlog-tiles); a partial tile goes when it is full.
    headers = {"Cache-Control": f"private, max-age={WEEK}, immutable" if wanted.width == TILE_WIDTH else "private"}
    return Response(data, mimetype="application/octet-stream", headers=headers)


def _files() -> TileFiles:
    return TileFiles.of(hooks().settings)
