"""Writing the answers to a letter into an export: each item its files, and an index that names them all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from tempfile import TemporaryFile

from approval import clock
from approval.db import Session
from approval.people.queries import WorkspaceFacts
from approval.records.models import ItemKind
from approval.records.queries.cases import CaseFile, case_files
from approval.records.queries.requests import ItemFacts, RequestFacts, file_of, items_of
from approval.records.queries.requests_answers import LABELS, answer
from approval.records.queries.requests_procedures import procedures
from approval.records.queries.selection import BATCH, Period
from approval.records.rendering import How, Line, Table, headings, in_text
from approval.records.services.archive import Archive
from approval.records.services.pages import render, standing_word
from approval.records.services.tables import rows_to_csv

TOGETHER = 20
"""Case files are read this many at a time."""
_ENDS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "text/plain": "txt"}

Answers = Callable[[Archive, Session, WorkspaceFacts, Period], None]


@dataclass(frozen=True)
class Answered:
    """An item as the index names it: what is said of its answer, and its files with what they are."""

    number: int
    label: str
    words: str
    said: str
    files: tuple[tuple[str, str], ...]


def answers_to(request: RequestFacts) -> Answers:
    """Return what writes the answers to a letter into its export."""

    def write(archive: Archive, session: Session, facts: WorkspaceFacts, period: Period) -> None:
        writing = _Writing(archive, session, facts, period)
        answered = [writing.item(place, item) for place, item in enumerate(items_of(session, request.id), 1)]
        page = render("answers.html", request=request, items=answered, period=period, now=clock.now(session))
        archive.add("answers/index.html", page.encode())

    return write


@dataclass(frozen=True)
class _Writing:
    archive: Archive
    session: Session
    facts: WorkspaceFacts
    period: Period

    def item(self, place: int, item: ItemFacts) -> Answered:
        """Write the files of an item."""
        stem = f"answers/{place:02d}-{item.kind}"
        match item.kind:
            case ItemKind.NOTE:
                said, files = self._note(stem, item)
            case ItemKind.PROCEDURES:
                said, files = self._procedures(stem, item)
            case ItemKind.PROOF:
                said, files = (
                    "The whole export is its own proof.",
                    (
                        ("HOW-TO-VERIFY.txt", "how to verify it, without us"),
                        ("manifest.json", "which logs, which entries, which key"),
                    ),
                )
            case _:
                said, files = self._answer(place, item)
        return Answered(place, LABELS[item.kind], item.words, said, files)

    def _answer(self, place: int, item: ItemFacts) -> tuple[str, tuple[tuple[str, str], ...]]:
        found = answer(self.session, self.facts, self.period, item)
        said: list[str] = []
        files: list[tuple[str, str]] = []
        for name, table in found.tables:
            stem = f"answers/{place:02d}-{name}"
            count = self._table(stem, table)
            said.append(f"{count:,} rows." if count > 1 else "One row." if count else f"No {name} recorded.")
            said += table.notes
            files += [(f"{stem}.csv", f"{name}, for any program"), (f"{stem}.xlsx", f"{name}, for a spreadsheet")]
        for case in self._cases(found.cases):
            files += self._case(f"answers/{place:02d}-cases/post-{case.post}", case)
        if item.kind is ItemKind.CASES:
            said.append(f"{len(found.cases):,} case files, told until the end of {self.period.last}.")
        return " ".join(said), tuple(files)

    def _table(self, stem: str, table: Table) -> int:
        """Write a table in both formats, reading its rows once; return how many there are."""
        from approval.records.rendering.xlsx import Sheets

        zone, rows, count = self.facts.zone, iter(table.rows), 0
        with TemporaryFile() as beside:
            sheets = Sheets(beside, table.columns, zone)
            with self.archive.member(f"{stem}.csv") as write:
                write(rows_to_csv([headings(table.columns, zone)]))
                while batch := list(islice(rows, BATCH)):
                    count += len(batch)
                    write(rows_to_csv(list(in_text(table.columns, row, zone)) for row in batch))
                    for row in batch:
                        sheets.add(row)
            sheets.close(table.notes)
            beside.seek(0)
            self.archive.copy(f"{stem}.xlsx", beside)
        return count

    def _cases(self, posts: tuple[int, ...]) -> Iterator[CaseFile]:
        for start in range(0, len(posts), TOGETHER):
            batch = posts[start : start + TOGETHER]
            yield from case_files(self.session, self.facts.name, batch, until=self.period.ends)

    def _case(self, stem: str, case: CaseFile) -> Iterator[tuple[str, str]]:
        self.archive.add(f"{stem}.jsonl", case.lines)
        self.archive.add(f"{stem}.pdf", case_pdf(case), stored=True)
        yield f"{stem}.pdf", f"post {case.post} as a story"
        yield f"{stem}.jsonl", f"post {case.post} as raw events"

    def _procedures(self, stem: str, item: ItemFacts) -> tuple[str, tuple[tuple[str, str], ...]]:
        from approval.records.rendering.pdf import document

        assert item.asks.on is not None, "an item about procedures names its day"
        lines = tuple(procedures(self.session, self.facts.name, self.facts.zone, item.asks.on))
        title = f"{self.facts.title}: procedures in force on {item.asks.on}"
        self.archive.add(f"{stem}.html", render("told.html", title=title, lines=lines).encode())
        foot = f"{self.facts.name} · procedures in force on {item.asks.on}"
        self.archive.add(f"{stem}.pdf", document(title, foot, lines), stored=True)
        files = (f"{stem}.html", "for a browser"), (f"{stem}.pdf", "for paper")
        return f"In force at the end of {item.asks.on}. The sources as they were enacted stand in definitions/.", files

    def _note(self, stem: str, item: ItemFacts) -> tuple[str, tuple[tuple[str, str], ...]]:
        data = file_of(self.session, item.id)
        if data is None or item.file_kind is None:
            return "Not answered: nobody put in a file.", ()
        name = f"{stem}.{_ENDS[item.file_kind]}"
        self.archive.add(name, data)
        return "Answered by a file of the firm.", ((name, "the firm's answer"),)


def case_pdf(case: CaseFile) -> bytes:
    """Return the story of a post as PDF; on each page stands the SHA-256 of its raw events."""
    from approval.records.rendering.pdf import document

    digest = hashlib.sha256(case.lines).hexdigest()
    foot = f"{case.workspace} · post {case.post} · SHA-256 of its {len(case.entries)} events: {digest}"
    return document(case.title, foot, _told(case))


def _told(case: CaseFile) -> Iterator[Line]:
    yield Line(How.FACT, "Post", f"{case.post}, of {case.workspace}")
    yield Line(How.FACT, "Begun", f"{_when(case, case.created_at)} by {case.author}")
    yield Line(How.FACT, "Standing", f"{standing_word(case.standing)}, when this file was written")
    yield Line(How.FACT, "SHA-256 of the words", case.revision.hex())
    for moment in case.story:
        entry = f" · entry {moment.index}" if moment.index is not None else ""
        who = f" · {moment.who}" if moment.who else ""
        yield Line(How.STEP, moment.title, f"{_when(case, moment.at)}{who}{entry}")
        if (payload := moment.payload) is not None:
            yield Line(How.FACT, "Title", payload.title)
            for name, value in (("Product", payload.product), ("Audience", payload.audience)):
                if value:
                    yield Line(How.FACT, name, value)
            for disclosure in payload.disclosures:
                yield Line(How.FACT, "Disclosure", disclosure)
            for channel, text in sorted(payload.texts.items()):
                yield Line(How.NOTE, f"Text on {channel}")
                yield Line(How.WORDS, text)
            for media in payload.media:
                yield Line(How.FACT, "Image", f"{media.alt or 'no description'} (content/{media.digest.hex()})")
        for found in moment.findings:
            yield Line(How.FACT, f"{found['rule']} {found['name']}, {found['severity']}", found["message"])
            yield Line(How.NOTE, f"{found['why']} {found['citation']}")
        for label, text in moment.said:
            yield Line(How.NOTE, label.capitalize())
            yield Line(How.WORDS, text)
        for name, value in moment.facts:
            yield Line(How.NOTE, f"{name.capitalize()}: {value}")


def _when(case: CaseFile, at: datetime) -> str:
    return f"{clock.local(at, case.zone)} ({clock.to_text(at)})"
