"""The page of a post, its images and its evidence."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from flask import Response, flash, g, redirect, render_template, request, send_file, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer
from wtforms.fields.choices import SelectChoice

from approval import clock
from approval.capabilities import Capability, can
from approval.db import Session, reading
from approval.desk.forms import ScheduleForm, put_problems, wall_text, zones
from approval.desk.queries.opinion import OpinionPanel, opinion_panel
from approval.desk.queries.post import PostPage, post_page
from approval.desk.views.routes import blueprint, changing, ensure_readable
from approval.errors import Invalid, NotFound, Problem, Refusal, TooLarge
from approval.posts import services as posts
from approval.posts.models import EDITABLE, Evidence, Post
from approval.posts.queries import evidence_data, media_data
from approval.publishing.services.scheduling import MOVABLE
from approval.records.queries import PostKeeping, keeping_of
from approval.review.flow import Reason
from approval.web.errors import status_of
from approval.web.files import INERT, digest_in, image
from approval.web.identity import current, ensure_may, hooks, signed_in
from approval.web.numbers import number


@dataclass(frozen=True)
class Page:
    """The page of a post, with the form of its schedule and what went wrong on the way here."""

    about: PostPage
    schedule: ScheduleForm | None
    zones: tuple[str, ...]
    asks_fold: bool
    opinion: OpinionPanel | None
    keeping: PostKeeping
    reads_holds: bool
    reasons: tuple[tuple[str, str], ...] = tuple((reason.value, reason.label) for reason in Reason)
    problems: tuple[Problem, ...] = ()
    typed: dict[str, str] = field(default_factory=dict)


@blueprint.get("/posts/<int:post_id>")
@signed_in
def post(post_id: int) -> str:
    """Show a post to whoever may read it."""
    with reading() as session:
        row = session.get(Post, post_id)
        ensure_readable(row)
        return show(session, post_id)


def show(session: Session, post_id: int, *, refusal: Refusal | None = None) -> str:
    """Write the page of a post; after a *refusal* with what was typed and what is wrong with it."""
    since = request.args.get("since", type=number)
    about = post_page(session, post_id, reader=current(), since=since, key=str(uuid.uuid4()))
    g.shown_workspace = about.post.workspace
    form = _schedule_form(session, about) if about.may.schedule else None
    problems = (refusal.problems or (Problem("", refusal.detail),)) if refusal else ()
    if form is not None:
        put_problems(form, problems)
    page = Page(
        about=about,
        schedule=form,
        zones=zones(),
        asks_fold=form is not None and (bool(form.fold.errors) or bool(form.fold.data)),
        opinion=opinion_panel(session, about) if about.post.workspace in hooks().settings.second_opinion else None,
        keeping=keeping_of(session, post_id),
        reads_holds=can(current(), Capability.READ_AUDIT, about.post.workspace),
        problems=problems,
        typed=dict(request.form) if refusal else {},
    )
    return render_template("desk/post.html", page=page)


def refused(post_id: int, refusal: Refusal) -> tuple[str, int]:
    """Answer a refused act with the page itself, nothing typed lost."""
    with reading() as session:
        ensure_readable(session.get(Post, post_id))
        return show(session, post_id, refusal=refusal), status_of(refusal)


def _schedule_form(session: Session, about: PostPage) -> ScheduleForm:
    """The form as it was sent; at first with the wished time, or with the one of the request's address."""
    if request.method == "POST" and "publish_at" in request.form:
        form = ScheduleForm(formdata=request.form)
    else:
        form = ScheduleForm(formdata=MultiDict(_suggested(session, about)))
    form.channels.choices = [SelectChoice(view.name, view.label) for view in about.channels]
    return form


def _suggested(session: Session, about: PostPage) -> list[tuple[str, str]]:
    zone = about.post.zone or about.zone
    wished, soon = about.goes_out, clock.now(session) + clock.seconds(3600)
    asked = request.args.get("at", "")[:19]
    wall = asked or wall_text(wished if wished and wished > soon else soon, zone)
    here = [one for one in about.publications if one.revision == about.post.revision]
    placed = {one.channel for one in here if one.standing in MOVABLE}
    ticked = [view.name for view in about.channels if view.name in placed or not placed]
    return [("publish_at", wall), ("zone", zone), *(("channels", name) for name in ticked)]


# -- files ---------------------------------------------------------------------------------------------------------


@blueprint.get("/media/<workspace>/<digest>")
@signed_in
def media(workspace: str, digest: str) -> Response:
    """Serve an image to whoever reads its workspace. Its address names its bytes, so it never changes."""
    ensure_may(Capability.READ, workspace)
    wanted = digest_in(digest)
    with reading() as session:
        kind, data = media_data(session, workspace, wanted)
    return image(data, kind, digest=wanted)


@blueprint.get("/posts/<int:post_id>/evidence/<int:evidence_id>")
@signed_in
def evidence(post_id: int, evidence_id: int) -> Answer:
    """Hand a file of evidence over, to be saved, never shown as a page of ours."""
    with reading() as session:
        ensure_readable(session.get(Post, post_id))
        name, kind, data = evidence_data(session, post_id, evidence_id)
    answer = send_file(
        io.BytesIO(data), mimetype=kind, as_attachment=True, download_name=PurePosixPath(name).name, max_age=0
    )
    answer.headers["Content-Security-Policy"] = INERT
    return answer


@blueprint.post("/posts/<int:post_id>/evidence")
@signed_in
def add_evidence(post_id: int) -> Answer | tuple[str, int]:
    """Add a file to the case file."""
    file = request.files.get("evidence")
    try:
        if file is None or not file.filename:
            what = "Choose a PDF, PNG or JPEG file first."
            raise Invalid(what, problems=(Problem("evidence", what),))
        data = file.read()
        with changing(post_id) as (session, row):
            posts.add_evidence(session, row, name=file.filename, data=data, by=current())
    except (Invalid, TooLarge) as refusal:
        return refused(post_id, refusal)
    flash("Added to the case file.", "success")
    return redirect(url_for("desk.post", post_id=post_id, _anchor="evidence"))


@blueprint.post("/posts/<int:post_id>/evidence/<int:evidence_id>/remove")
@signed_in
def remove_evidence(post_id: int, evidence_id: int) -> Answer:
    """Take a file off the list; the records keep it."""
    with changing(post_id) as (session, row):
        found = session.get(Evidence, evidence_id)
        if found is None or found.post != row.id:
            raise NotFound("There is no such file on this post.")
        posts.remove_evidence(session, found, by=current())
        back = "desk.edit_post" if request.form.get("back") == "edit" and row.standing in EDITABLE else "desk.post"
    flash("Removed from the list. The records keep it.", "success")
    return redirect(url_for(back, post_id=post_id, _anchor="evidence"))
