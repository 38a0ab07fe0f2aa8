"""The readable copies in an export: posts.csv and a case file per post, definitions, where to begin, how to verify."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select

from approval import clock
from approval.clock import local
from approval.db import Session
from approval.posts.models import Media
from approval.records import verify as verifier
from approval.records.queries.cases import CaseFile, cases_of, read_posts
from approval.records.queries.register import register
from approval.records.queries.selection import Period
from approval.records.services.archive import Archive
from approval.records.services.contents import add_content
from approval.records.services.tables import register_headings, register_lines
from approval.review.models import WorkflowVersion
from approval.screening.models import RuleSetVersion
from approval.settings import shipped

TOGETHER = 50
"""Posts are read this many at a time."""
_AT_ONCE = 1_000
"""Parts of a template in a piece of a long document."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A post as index.html lists it."""

    id: int
    title: str
    standing: str


@dataclass(frozen=True)
class Definition:
    """A readable definition: its member, what it is, from when it was in force.

    `digest` is that of the file; `version` the digest by which entries name it with all files of its version.
    """

    member: str
    name: str
    digest: bytes
    version: bytes
    enacted_at: Any


def write_posts(
    archive: Archive,
    session: Session,
    workspace: str,
    posts: array[int],
    period: Period,
    size: int,
    *,
    closed: tuple[str, ...],
) -> list[Listed]:
    """Write posts.csv, and posts/<id>.html of each post that is kept still, told from its entries below *size* until
    the period's end; return what was written.

    Both are told from one reading; as an archive is written a member at a time, the table waits beside it.
    """
    listed: list[Listed] = []
    with TemporaryFile() as beside:
        beside.write(register_headings(period.zone))
        for start in range(0, len(posts), TOGETHER):
            together = posts[start : start + TOGETHER]
            batch = read_posts(session, workspace, together, until=period.ends, size=size, closed=closed)
            beside.write(register_lines(register(session, batch, word=standing_word), period.zone))
            listed += _write_cases(archive, session, workspace, cases_of(session, batch))
        beside.seek(0)
        archive.copy("posts.csv", beside)
    return listed


def _write_cases(archive: Archive, session: Session, workspace: str, cases: Iterable[CaseFile]) -> Iterator[Listed]:
    """Write case files, with the images that they show and the findings that no entry of theirs names."""
    for case in cases:
        archive.add(f"posts/{case.post}.html", render("case.html", case=case).encode())
        for findings in case.findings_elsewhere:
            add_content(archive, findings)
        for digest in sorted(case.media):
            if f"content/{digest.hex()}" not in archive:
                _add_media(archive, session, workspace, digest)
        yield Listed(case.post, case.title, case.standing)


def _add_media(archive: Archive, session: Session, workspace: str, digest: bytes) -> None:
    data = session.scalar(select(Media.data).where(Media.workspace == workspace, Media.digest == digest))
    if data is not None:
        add_content(archive, data)


def write_definitions(archive: Archive, session: Session, workspace: str, period: Period) -> list[Definition]:
    """Write the workflows and rule packs that were in force until the period's end, as their sources read."""
    written: list[Definition] = []
    for name, number, version, enacted_at, files in _definitions(session, workspace, period):
        folder = f"definitions/{name}-{number}"
        for file, source in files.items():
            member, data = f"{folder}/{file}.toml", source.encode()
            archive.add(member, data)
            digest = hashlib.sha256(data).digest()
            written.append(Definition(member, f"{name} {number}: {file}", digest, version, enacted_at))
    return written


def _definitions(
    session: Session, workspace: str, period: Period
) -> Iterator[tuple[str, int, bytes, Any, dict[str, str]]]:
    for model, name, source in (
        (WorkflowVersion, "workflow", WorkflowVersion.source),
        (RuleSetVersion, "rules", RuleSetVersion.packs),
    ):
        columns: tuple[Any, ...] = (model.number, model.digest, model.enacted_at, source)
        where = model.workspace == workspace, model.enacted_at < period.ends
        for row in session.execute(select(*columns).where(*where).order_by(model.number)).yield_per(10):
            number, digest, enacted_at, found = row
            yield name, number, digest, enacted_at, found if isinstance(found, dict) else {"stages": found}


def write_guides(archive: Archive, **facts: Any) -> None:
    """Write index.html, HOW-TO-VERIFY.txt and both verifiers."""
    with archive.member("index.html") as write:
        for piece in _pieces("index.html", **facts):
            write(piece.encode())
    archive.add("HOW-TO-VERIFY.txt", render("how-to-verify.txt", **facts).encode())
    archive.add("verify.py", Path(verifier.__file__).read_bytes())
    archive.add("verify.html", verifier_page())


def verifier_page() -> bytes:
    """Return verify.html: the verifier that runs in a browser, from a file on disk."""
    return (shipped("templates") / "records" / "export" / "verify.html").read_bytes()


def standing_word(standing: str) -> str:
    """Return the words that the pages have for a standing."""
    words: Any = _environment().get_template("_macros/ui.html").module
    return str(words.standing_word(standing))


def render(name: str, **facts: Any) -> str:
    """Render a document of an export; its style sheet stands in it, so that the file can be read alone."""
    return _styled(_environment().get_template(f"records/export/{name}").render(**facts))


def _pieces(name: str, **facts: Any) -> Iterator[str]:
    """Render a document that may be long, piece by piece; its head stands in the first."""
    stream = _environment().get_template(f"records/export/{name}").stream(**facts)
    stream.enable_buffering(_AT_ONCE)
    yield _styled(next(stream))
    yield from stream


def _styled(text: str) -> str:
    return text.replace("</head>", f"<style>\n{_style()}</style>\n</head>", 1)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        undefined=StrictUndefined,
        auto_reload=False,
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["local"] = local
    environment.filters["utc"] = clock.to_text
    return environment


@cache
def _style() -> str:
    return (shipped("static") / "css" / "case-file.css").read_text("utf-8")
