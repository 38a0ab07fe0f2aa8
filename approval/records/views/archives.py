"""Archives of other tools in the browser: brought, looked at, then kept; and each of their records."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, cast

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from approval import clock
from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import BadFile, Problem, Refusal
from approval.people.queries import workspace_facts
from approval.records import queries, services
from approval.records.archives import Claims, kind_of, look_at, read_archive
from approval.records.forms import ArchiveForm
from approval.records.queries import ArchivedFacts, ArchivedKeeping, ArchiveFacts
from approval.records.views.routes import PAGE, Tabs, blueprint, tabs
from approval.web.errors import status_of
from approval.web.files import attached
from approval.web.identity import current, ensure_may, hooks, origin, require, signed_in, unseen, workspace
from approval.web.paging import format_cursor, parse_cursor

MOST_FILE = 64 * 1024 * 1024
_SHOWN = 5


@dataclass(frozen=True)
class ArchivesPage:
    """The archives that were brought, newest first."""

    workspace: str
    zone: str
    archives: tuple[ArchiveFacts, ...]
    next_url: str | None
    may_bring: bool
    tabs: Tabs


@dataclass(frozen=True)
class ArchivePage:
    """One archive: what was understood of it, and what of it is kept."""

    archive: ArchiveFacts
    zone: str
    samples: tuple[tuple[int, Claims], ...]
    unread: tuple[str, ...]
    records: tuple[ArchivedFacts, ...]
    next_url: str | None
    may_bring: bool


@dataclass(frozen=True)
class ArchivedPage:
    """A record of another tool, and until when it is kept."""

    record: ArchivedFacts
    archive: ArchiveFacts
    keeping: ArchivedKeeping
    size: int
    zone: str


@blueprint.url_value_preprocessor
def allow_archives(endpoint: str | None, _values: object) -> None:
    """Let an archive be larger than other requests; it runs before anything reads the body."""
    if endpoint == "records.bring":
        request.max_content_length = MOST_FILE


@blueprint.get("/records/archives")
@require(Capability.READ_AUDIT)
def archives() -> str:
    """Show the archives of other tools, and the form to bring one."""
    name = workspace()
    return _archives(name, ArchiveForm(formdata=None, data={"workspace": name}))


def _archives(name: str, form: ArchiveForm) -> str:
    cursor = parse_cursor(request.args.get("before"), int)
    before = None if cursor is None else int(str(cursor[0]))
    with reading() as session:
        found = queries.archives(session, name, before=before, limit=PAGE + 1)
        page = ArchivesPage(
            workspace=name,
            zone=workspace_facts(session, name).zone,
            archives=found[:PAGE],
            next_url=url_for("records.archives", workspace=name, before=format_cursor(found[PAGE - 1].id))
            if len(found) > PAGE
            else None,
            may_bring=can(current(), Capability.HOLD, name),
            tabs=tabs(name),
        )
    return render_template("records/archives.html", page=page, form=form)


@blueprint.post("/records/archives")
@require(Capability.HOLD)
def bring() -> Any:
    """Take an archive in and look at what is in it; nothing of it is kept yet."""
    name, form = workspace(), ArchiveForm()
    if not form.validate_on_submit():
        return _archives(name, form), 422
    try:
        id_ = _brought(name, form.source.data or "")
    except Refusal as refusal:
        form.show(refusal)
        return _archives(name, form), status_of(refusal)
    return redirect(url_for("records.archive", archive_id=id_))


def _brought(name: str, source: str) -> int:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise BadFile("Choose the file.", problems=(Problem("file", "Choose the file."),))
    stream = cast(BinaryIO, sent.stream)
    if kind_of(sent.filename) is None:
        read_archive(stream, sent.filename)
    data = hooks().settings.data
    staged = services.stage(stream, queries.files_of(data))
    try:
        with reading() as session:
            zone = clock.zone_named(workspace_facts(session, name).zone)
        with staged.path.open("rb") as file:
            look = look_at(read_archive(file, sent.filename), zone)
        with transaction(origin()) as session:
            row = services.look_at_archive(
                session,
                name,
                source=source,
                name=sent.filename,
                digest=staged.digest,
                size=staged.size,
                look=look,
                by=current(),
            )
            staged.place(queries.file_of(data, staged.digest))
            return row.id
    finally:
        staged.discard()


@blueprint.get("/records/archives/<int:archive_id>")
@signed_in
def archive(archive_id: int) -> str:
    """Show an archive: what was understood, what is wrong, what is kept."""
    cursor = parse_cursor(request.args.get("after"), int)
    after = 0 if cursor is None else int(str(cursor[0]))
    with reading() as session:
        facts = _seen(session, archive_id, Capability.READ_AUDIT)
        found = () if facts.waits else queries.archived_in(session, archive_id, after=after, limit=PAGE + 1)
        samples, unread = _looked(facts, workspace_facts(session, facts.workspace).zone)
        page = ArchivePage(
            archive=facts,
            zone=workspace_facts(session, facts.workspace).zone,
            samples=samples,
            unread=unread,
            records=found[:PAGE],
            next_url=url_for("records.archive", archive_id=archive_id, after=format_cursor(found[PAGE - 1].number))
            if len(found) > PAGE
            else None,
            may_bring=can(current(), Capability.HOLD, facts.workspace),
        )
    return render_template("records/archive.html", page=page)


def _looked(facts: ArchiveFacts, zone: str) -> tuple[tuple[tuple[int, Claims], ...], tuple[str, ...]]:
    """Return the first records of an archive that waits, and the fields that say nothing here."""
    path = queries.file_of(hooks().settings.data, facts.digest)
    if not facts.waits or not path.is_file():
        return (), ()
    with path.open("rb") as file:
        look = look_at(islice(read_archive(file, facts.name), _SHOWN), clock.zone_named(zone))
    return tuple(look.samples), tuple(sorted(look.unread))


def _seen(session: Session, archive_id: int, capability: Capability) -> ArchiveFacts:
    with unseen():
        facts = queries.archive(session, archive_id)
    ensure_may(capability, facts)
    return facts


@blueprint.post("/records/archives/<int:archive_id>/keep")
@signed_in
def keep_archive(archive_id: int) -> Answer:
    """Let the records of an archive be kept."""
    with transaction(origin()) as session:
        _seen(session, archive_id, Capability.HOLD)
        services.accept_archive(session, archive_id, by=current())
    flash("Its records are being kept. You can go on with something else.", "success")
    return redirect(url_for("records.archive", archive_id=archive_id))


@blueprint.post("/records/archives/<int:archive_id>/discard")
@signed_in
def discard_archive(archive_id: int) -> Answer:
    """Put an archive away of which nothing was kept."""
    with transaction(origin()) as session:
        facts = _seen(session, archive_id, Capability.HOLD)
        services.discard_archive(session, archive_id, by=current())
    queries.file_of(hooks().settings.data, facts.digest).unlink(missing_ok=True)
    flash("The archive was put away. Nothing of it was kept.", "success")
    return redirect(url_for("records.archives", workspace=facts.workspace))


@blueprint.get("/records/archived/<int:record_id>")
@signed_in
def archived(record_id: int) -> str:
    """Show a record of another tool."""
    with reading() as session:
        facts = _record(session, record_id)
        page = ArchivedPage(
            record=facts,
            archive=queries.archive(session, facts.archive),
            keeping=queries.keeping_of_archived(session, facts),
            size=len(queries.original(session, record_id)),
            zone=workspace_facts(session, facts.workspace).zone,
        )
    return render_template("records/archived.html", page=page)


@blueprint.get("/records/archived/<int:record_id>/original")
@signed_in
def original(record_id: int) -> Response:
    """Hand out the bytes of a record as they came, as a file and never as a page."""
    with reading() as session:
        facts = _record(session, record_id)
        data = queries.original(session, record_id)
        kind = kind_of(queries.archive(session, facts.archive).name)
    ending = "eml" if kind in ("eml", "mbox") else kind if kind in ("csv", "jsonl") else "txt"
    return attached(data, f"archived-{record_id}.{ending}")


def _record(session: Session, record_id: int) -> ArchivedFacts:
    with unseen():
        facts = queries.archived(session, record_id)
    ensure_may(Capability.READ_AUDIT, facts)
    return facts
