"""Writing an export: one snapshot of the database, proved against fresh checkpoints, as docs/export-format.md says."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from approval import clock
from approval.audit.events import INSTALLATION
from approval.audit.models.keys import Keys
from approval.audit.queries.entries import Head, head
from approval.audit.queries.erasing import contents_erased
from approval.audit.services import record, seal
from approval.db import Session, reading, transaction
from approval.errors import Invalid
from approval.people.models import Proposal
from approval.people.queries import WorkspaceFacts, workspace_facts
from approval.records.events import ExportMade
from approval.records.queries.roll import people, roles_in
from approval.records.queries.selection import Filters, Period, posts_in, selected, selected_of_installation
from approval.records.services.answering import Answers
from approval.records.services.archive import Archive
from approval.records.services.choosing import ensure_days, normal_filters
from approval.records.services.contents import write_contents
from approval.records.services.pages import Listed, write_definitions, write_guides, write_posts
from approval.records.services.proving import Proved, write_log
from approval.records.services.tables import write_entries_csv, write_people
from approval.records.services.vouching import doubts, signing_key, write_authority, write_earlier
from approval.settings import Settings
from approval.tlog import VerifierKey, sign_note

FORMAT = "approval-export/v1"
_BLOCK = 1 << 20
MOST_NAMED = 20
"""Entries that a note of the manifest names; the log has them all."""


@dataclass(frozen=True)
class Written:
    """An export: SHA-256 and length of the archive, and how many entries of the workspace's log it holds."""

    digest: bytes
    size: int
    entries: int


@dataclass(frozen=True)
class Draft:
    """An export beside its place: both files under a name of their own until they are put there."""

    written: Written
    draft: Path
    out: Path

    def place(self) -> None:
        """Put both files in their place, the note first: an archive is never there without it."""
        os.replace(_note(self.draft), _note(self.out))
        os.replace(self.draft, self.out)

    def discard(self) -> None:
        """Remove what was not put in its place."""
        _discard(self.draft)


def write_export(
    *, workspace: str, first_day: date, last_day: date, filters: Filters, out: Path, settings: Settings, by: str
) -> Written:
    """Write *out* and its note, and record that *by* made them; nothing is left behind where that fails.

    It opens its own transactions. Days are inclusive, in the workspace's zone. Raises ProofFailed where what is
    stored does not lead to what was signed: such records are not handed out.
    """
    drafted = draft_export(
        workspace=workspace, first_day=first_day, last_day=last_day, filters=filters, out=out, settings=settings
    )
    try:
        with transaction() as session:
            record(session, made(drafted.written, workspace, first_day, last_day, filters, by=by))
        drafted.place()
    except BaseException:
        drafted.discard()
        raise
    return drafted.written


def made(
    written: Written,
    workspace: str,
    first_day: date,
    last_day: date,
    filters: Filters,
    *,
    by: str,
    export: int | None = None,
) -> ExportMade:
    """Return the event of an export that was written."""
    return ExportMade(
        by=by,
        workspace=workspace,
        export=export,
        digest=written.digest,
        size=written.size,
        entries=written.entries,
        first_day=first_day,
        last_day=last_day,
        posts=filters.posts,
        people=filters.people,
    )


def draft_export(
    *,
    workspace: str,
    first_day: date,
    last_day: date,
    filters: Filters,
    out: Path,
    settings: Settings,
    answers: Answers | None = None,
) -> Draft:
    """Write both files beside *out*, for the caller to put in their place once that is recorded.

    *answers* writes further members: the answers to a regulator's letter.
    """
    ensure_days(first_day, last_day)
    _ensure_folder(out)
    keys = Keys.at(settings)
    with reading() as session:
        facts = workspace_facts(session, workspace)
        filters = normal_filters(session, workspace, filters)
    period = Period(first_day, last_day, facts.zone)
    for log in (workspace, INSTALLATION):
        with transaction() as session:
            seal(session, log, keys=keys)
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _mode(settings)), "w+b") as file:
            with reading() as session:
                with Archive(file) as archive:
                    entries = _Writing(session, archive, facts, period, filters, settings, answers).write()
                vkey = signing_key(session, head(session, workspace)).to_text()
            file.flush()
            os.fsync(file.fileno())
            digest, size = _measured(file)
        _write_note(_note(draft), _mode(settings), _text(vkey, digest, size), vkey, keys, workspace)
    except BaseException:
        _discard(draft)
        raise
    return Draft(Written(digest, size, entries), draft, out)


def _ensure_folder(out: Path) -> None:
    if not out.parent.is_dir() or out.is_dir():
        raise Invalid(f"{out} is not a file in a folder that exists.")


@dataclass(frozen=True)
class _Writing:
    """One export in one snapshot."""

    session: Session
    archive: Archive
    facts: WorkspaceFacts
    period: Period
    filters: Filters
    settings: Settings
    answers: Answers | None

    def write(self) -> int:
        """Write every member, and return the number of entries of the workspace's log."""
        workspace = self.facts.name
        heads = head(self.session, workspace), head(self.session, INSTALLATION)
        size = heads[0].sealed
        posts = posts_in(self.session, workspace, self.period, self.filters, size)
        indexes = {workspace: selected(self.session, workspace, self.period, self.filters, size, posts)}
        closed = self.filters.closed
        own = write_log(self.archive, self.session, heads[0], indexes[workspace], closed=closed)
        roles = roles_in(self.session, workspace, self.period)
        concerned = own.actors | roles.keys()
        indexes[INSTALLATION] = selected_of_installation(self.session, self.period, concerned, heads[1].sealed)
        proved = own, write_log(self.archive, self.session, heads[1], indexes[INSTALLATION])
        if any([write_earlier(self.archive, self.session, each, self.period) for each in heads]):
            write_authority(self.archive, self.settings.timestamp_ca)

        roll = people(self.session, concerned | proved[1].actors, roles)
        names = {somebody.id: somebody.name for somebody in roll}
        write_people(self.archive, roll)
        write_entries_csv(
            self.archive, self.session, indexes, name=lambda id_: names.get(id_, id_), zone=self.facts.zone
        )
        absent: dict[str, str] = {}
        for each in proved:
            absent |= self._erased(each.log, write_contents(self.archive, self.session, each.log, each.naming))
        listed = write_posts(self.archive, self.session, workspace, posts, self.period, size, closed=closed)
        self._finish(heads[0], proved, absent, listed)
        return len(indexes[workspace])

    def _finish(self, own: Head, proved: tuple[Proved, ...], absent: dict[str, str], cases: list[Listed]) -> None:
        """Write what else is readable, then what says what this export is."""
        definitions = write_definitions(self.archive, self.session, self.facts.name, self.period)
        if self.answers is not None:
            self.answers(self.archive, self.session, self.facts, self.period)
        absent = {digest: why for digest, why in absent.items() if f"content/{digest}" not in self.archive}
        manifest = self._manifest(own, proved, absent)
        write_guides(
            self.archive,
            manifest=manifest,
            title=self.facts.title,
            generated_at=clock.now(self.session),
            cases=cases,
            definitions=definitions,
            answers=self.answers is not None,
        )
        self.archive.add("manifest.json", (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())

    def _erased(self, log: str, absent: dict[str, str]) -> dict[str, str]:
        """Say under which entry contents were erased; the reason that was found stands where none erased them."""
        erased = contents_erased(self.session, log) if absent else {}
        return {
            digest: f"erased on {clock.to_text(erased[digest].at)[:10]} under entry {erased[digest].index} of {log}"
            if digest in erased
            else why
            for digest, why in absent.items()
        }

    def _manifest(self, own: Head, proved: Iterable[Proved], absent: dict[str, str]) -> dict[str, Any]:
        proved = tuple(proved)
        return {
            "format": FORMAT,
            "workspace": self.facts.name,
            "origin": own.origin,
            "from": self.period.first.isoformat(),
            "to": self.period.last.isoformat(),
            "zone": self.facts.zone,
            "filters": self.filters.to_json(),
            "generated_at": clock.to_text(clock.now(self.session)),
            "logs": [{"log": p.log, "vkey": p.vkey, "size": p.size, "entries": p.entries} for p in proved],
            "absent": absent,
            "notes": [
                *self._alone(),
                *doubts(self.session, own),
                *self._doubts(proved, absent),
                *self._closed(),
                *self._custody(),
            ],
        }

    def _closed(self) -> Iterable[str]:
        """What was not opened for whoever asked."""
        if self.filters.closed:
            yield "What legal holds are about stays closed: this export was asked for in a room with limits."

    def _alone(self) -> Iterable[str]:
        """What took effect on one person's word, in the period or before it."""
        rows = self.session.execute(
            select(Proposal.subject, Proposal.decided_at)
            .where(Proposal.workspace == self.facts.name, Proposal.alone, Proposal.decided_at < self.period.ends)
            .order_by(Proposal.id)
        )
        for subject, at in rows:
            assert at is not None, "a proposal that took effect was decided"
            yield (
                f"A change of the {subject.replace('-', ' ')} took effect at {clock.to_text(at)} on one person's word: "
                "nobody else could have agreed to it."
            )

    def _doubts(self, proved: Iterable[Proved], absent: dict[str, str]) -> Iterable[str]:
        for log in proved:
            if log.erased:
                under = ", ".join(f"{index:,}" for index in sorted(log.erased)[:MOST_NAMED])
                more = " and later ones" if len(log.erased) > MOST_NAMED else ""
                yield (
                    f"{sum(log.erased.values())} values of {log.log} stay closed: they were erased under its "
                    f"entries {under}{more}."
                )
            if log.unopened:
                yield (
                    f"{log.unopened} stored values of {log.log} do not open their commitments and are left out: "
                    "they were changed outside the program."
                )
        if absent:
            yield f"{len(absent)} contents that entries name are not in this export; `absent` says why."

    def _custody(self) -> Iterable[str]:
        if self.settings.embedded and self.settings.keys.is_relative_to(self.settings.data):
            yield (
                "Signing keys and database are kept in one folder: whoever holds it holds both. "
                "Compare checkpoints that were kept elsewhere."
            )


def _measured(file: Any) -> tuple[bytes, int]:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.digest(), file.tell()


def _mode(settings: Settings) -> int:
    """The pages hand out what a sealer of its own wrote: its group reads it."""
    return 0o640 if settings.separate_sealer else 0o600


def _text(vkey: str, digest: bytes, size: int) -> str:
    return f"{FORMAT}\n{VerifierKey.from_text(vkey).name}\n{size}\n{digest.hex()}\n"


def _write_note(path: Path, mode: int, text: str, vkey: str, keys: Keys, workspace: str) -> None:
    key = VerifierKey.from_text(vkey)
    note = sign_note(text, key=key, sign=lambda message: keys.sign(workspace, key, message))
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.note")


def _discard(draft: Path) -> None:
    for path in (draft, _note(draft)):
        path.unlink(missing_ok=True)
