"""Taking in images and evidence."""

from __future__ import annotations

import hashlib
import re

from sqlalchemy import func, select

from approval import clock
from approval.audit.services import record
from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import Conflict
from approval.posts import events
from approval.posts.images import ensure_evidence, read_image
from approval.posts.models import Evidence, Media, Post
from approval.posts.reading import Reading
from approval.posts.services.guards import ensure_may, ensure_text

MOST_EVIDENCE = 30
MOST_NAME = 200
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


def add_media(session: Session, workspace: str, data: bytes, *, by: Actor, reading: Reading | None = None) -> Media:
    """Take in an image, re-encoded without anything hidden in it. The same image again is the same row.

    *reading* is what `read_words` found in it: that may take seconds, so it is asked before the transaction begins.
    TooLarge or BadFile, naming what is wrong with the file.
    """
    ensure_may(by, Capability.DRAFT, workspace)
    image = read_image(data)
    digest = hashlib.sha256(image.data).digest()
    stored = session.get(Media, (workspace, digest))
    if stored is not None:
        return stored
    media = Media(
        workspace=workspace,
        digest=digest,
        kind=image.kind,
        width=image.width,
        height=image.height,
        size=len(image.data),
        source=hashlib.sha256(data).digest(),
        data=image.data,
        added_by=by.id,
        added_at=clock.now(session),
        words=reading.words if reading else None,
        read_by=reading.by if reading else None,
    )
    session.add(media)
    happened = events.MediaAdded(by=by.id, workspace=workspace, digest=digest, source=media.source)
    record(session, happened, media)
    session.flush()
    return media


def add_evidence(session: Session, post: Post, *, name: str, data: bytes, by: Actor) -> Evidence:
    """Add a PDF, PNG or JPEG to the case file, byte for byte. It stands outside the payload and voids nothing."""
    ensure_may(by, Capability.DRAFT, post.workspace)
    kind = ensure_evidence(data)
    where = (Evidence.post == post.id, Evidence.removed_at.is_(None))
    if (session.scalar(select(func.count()).select_from(Evidence).where(*where)) or 0) >= MOST_EVIDENCE:
        raise Conflict(f"A post takes at most {MOST_EVIDENCE} files of evidence: remove one first.")
    evidence = Evidence(
        workspace=post.workspace,
        post=post.id,
        name=_name(name),
        kind=kind,
        size=len(data),
        digest=hashlib.sha256(data).digest(),
        data=data,
        added_by=by.id,
        added_at=clock.now(session),
    )
    session.add(evidence)
    session.flush()
    happened = events.EvidenceAdded(
        by=by.id, workspace=post.workspace, post=post.id, evidence=evidence.id, digest=evidence.digest
    )
    record(session, happened, evidence)
    return evidence


def remove_evidence(session: Session, evidence: Evidence, *, by: Actor) -> None:
    """Take a file out of the list of evidence; its row and bytes stay in the records."""
    ensure_may(by, Capability.DRAFT, evidence.workspace)
    if evidence.removed_at is not None:
        raise Conflict("This file was removed already.")
    evidence.removed_at = clock.now(session)
    happened = events.EvidenceRemoved(
        by=by.id,
        workspace=evidence.workspace,
        post=evidence.post,
        evidence=evidence.id,
        digest=evidence.digest,
    )
    record(session, happened, evidence)
    session.flush()


def _name(name: str) -> str:
    """The last part of a file's name, without what no page or zip should hold."""
    name = _UNFIT.sub("", re.split(r"[\\/]", name)[-1]).strip(" .")
    ensure_text(name, "name", MOST_NAME)
    return name
