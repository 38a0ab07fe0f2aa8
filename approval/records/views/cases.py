"""The case file of a post in the browser: its story with its images, its entries, as PDF and as the raw lines."""

from __future__ import annotations

from flask import Response, render_template

from approval.audit.queries.entries import head
from approval.capabilities import Capability, Room
from approval.db import Session, reading
from approval.records import queries
from approval.records.queries import CaseFile, PostKeeping, keeping_of
from approval.records.queries.rooms import told_until
from approval.records.services.answering import case_pdf
from approval.records.views.routes import blueprint
from approval.web.files import attached, digest_in, image
from approval.web.identity import current, ensure_may_see, signed_in, unseen


@blueprint.get("/records/posts/<int:post_id>")
@signed_in
def case_file(post_id: int) -> str:
    """Show the case file of a post: its story, then the entries that it is told from."""
    with reading() as session:
        page = _seen(session, post_id)
        images = queries.kept_images(session, page.workspace, page.media)
        keeping: PostKeeping = keeping_of(session, post_id)
        log = head(session, page.workspace)
        limited = current().limited_to(page.workspace) is not None
        complaints = () if limited else queries.complaints_of(session, post_id)
    return render_template(
        "records/post.html",
        page=page,
        images=images,
        keeping=keeping,
        reads_holds=not limited,
        log=log,
        complaints=complaints,
    )


@blueprint.get("/records/posts/<int:post_id>/media/<digest>")
@signed_in
def case_image(post_id: int, digest: str) -> Response:
    """Serve an image that a revision of the post names to whoever may see its case file."""
    with reading() as session:
        room = _room(session, post_id)
        until = told_until(session, room) if room else None
        with unseen():
            wanted = digest_in(digest)
            kind, data = queries.case_image(session, post_id, wanted, until=until)
    return image(data, kind, digest=wanted)


@blueprint.get("/records/posts/<int:post_id>.pdf")
@signed_in
def case_pages(post_id: int) -> Response:
    """Hand out the story of a post for paper; on each page stands the SHA-256 of its raw entries."""
    with reading() as session:
        page = _seen(session, post_id)
    return attached(case_pdf(page), f"{page.workspace}-post-{page.post}.pdf", "application/pdf")


@blueprint.get("/records/posts/<int:post_id>.jsonl")
@signed_in
def case_entries(post_id: int) -> Response:
    """Hand out the entries that the story is told from, a line each, as they stand in the log."""
    with reading() as session:
        page = _seen(session, post_id)
    return attached(page.lines, f"{page.workspace}-post-{page.post}.jsonl", "application/jsonl")


def _seen(session: Session, post: int) -> CaseFile:
    """Return the case file for whoever is signed in: in a room only as far as the room reaches."""
    room = _room(session, post)
    until = told_until(session, room) if room else None
    return queries.case_file(session, post, until=until, closed=Room.CLOSED if room else ())


def _room(session: Session, post: int) -> Room | None:
    """Return the room with limits in which whoever is signed in sees a post; None for whoever has a role there."""
    with unseen():
        name = queries.workspace_of(session, post)
    ensure_may_see(Capability.READ_AUDIT, name, post=post)
    return current().limited_to(name)
