"""The readable copies in an export: a case file per post, the definitions, where to begin and how to verify."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select

from approval import clock
from approval.clock import local
from approval.db import Session
from approval.posts.models import Media
from approval.records import verify as verifier
from approval.records.queries.cases import case_files
from approval.records.queries.selection import Period
from approval.records.services.archive import Archive
from approval.records.services.contents import add_content
from approval.review.models import WorkflowVersion
from approval.screening.models import RuleSetVersion
from approval.settings import shipped

TOGETHER = 50
"""Case files are read this many at a time."""


@dataclass(frozen=True)
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


def write_cases(archive: Archive, session: Session, workspace: str, posts: array[int], period: Period) -> list[Listed]:
    """Write posts/<id>.html for each post, with the images and findings that they show; return what was written."""
    listed: list[Listed] = []
    for start in range(0, len(posts), TOGETHER):
        media: set[bytes] = set()
        for case in case_files(session, workspace, posts[start : start + TOGETHER], until=period.ends):
            archive.add(f"posts/{case.post}.html", render("case.html", case=case).encode())
            listed.append(Listed(case.post, case.title, case.standing))
            media |= case.media
            for findings in case.findings:
                add_content(archive, findings)
        for digest in sorted(media):
            if f"content/{digest.hex()}" not in archive:
                _add_media(archive, session, workspace, digest)
        session.expunge_all()
    return listed


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
    archive.add("index.html", render("index.html", **facts).encode())
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
    text = _environment().get_template(f"records/export/{name}").render(**facts)
    return text.replace("</head>", f"<style>\n{_style()}</style>\n</head>", 1)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        undefined=StrictUndefined,
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
