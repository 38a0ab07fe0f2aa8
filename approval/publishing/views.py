"""Publishing in the browser: public feeds, the page of stops, and what a person does with a publication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import Invalid, NotFound, Problem
from approval.posts.models import Post
from approval.publishing import services
from approval.publishing.forms import AskResumeForm, ConfirmForm, StopForm
from approval.publishing.models import Publication, Stop
from approval.publishing.queries import FeedPage, feed_page, public_media, stops_page
from approval.publishing.services import Resolution
from approval.publishing.via import atom
from approval.web.files import digest_in
from approval.web.identity import (
    NOT_HERE,
    current,
    ensure_may,
    hooks,
    origin,
    public,
    require,
    signed_in,
    unseen,
    workspace,
)

blueprint = Blueprint("publishing", __name__)

_FRESH = 30
_FOR_GOOD = 365 * 24 * 3600


# -- what the public reads -------------------------------------------------------------------------------------


@blueprint.get("/feeds/<workspace>/<channel>")
@public
def feed(workspace: str, channel: str) -> Response:
    """Show what was published on a feed, newest first."""
    page = _feed_page(workspace, channel)
    return _cached(Response(render_template("publishing/feed.html", page=page), mimetype="text/html"))


@blueprint.get("/feeds/<workspace>/<channel>.atom")
@public
def feed_atom(workspace: str, channel: str) -> Response:
    """Give the same as an Atom feed."""
    page = _feed_page(workspace, channel)
    base = hooks().settings.base_url or request.url_root.rstrip("/")
    response = Response(atom.write(page, base=base), mimetype="application/atom+xml")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return _cached(response)


@blueprint.get("/media/public/<int:publication>/<digest>")
@public
def media(publication: int, digest: str) -> Response:
    """Give an image of a post that was published on a feed."""
    with reading() as session:
        kind, data = public_media(session, publication, digest_in(digest))
    response = Response(data, mimetype=kind)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return _cached(response, seconds=_FOR_GOOD)


def _feed_page(workspace: str, channel: str) -> FeedPage:
    before = request.args.get("before")
    if before is not None and not (before.isascii() and before.isdecimal() and len(before) < 10):
        raise NotFound("There is no such page of this feed.")
    with reading() as session:
        return feed_page(session, workspace, channel, before=int(before) if before else None)


def _cached(response: Response, *, seconds: int = _FRESH) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    response.add_etag()
    response.make_conditional(request)
    return response


# -- stops -----------------------------------------------------------------------------------------------------


@blueprint.get("/admin/stops")
@require(Capability.READ)
def stops() -> str:
    """Show what is stopped and what is in flight; stop, ask to resume, confirm."""
    return _stops_page(StopForm())


@blueprint.post("/admin/stops")
@require(Capability.STOP)
def stop() -> Any:
    """Halt publishing for a scope."""
    form = StopForm()
    here = workspace()
    with reading() as session:
        form.scope.choices = _choices(session, here)
    if not form.validate_on_submit():
        return _stops_page(form), 422
    with transaction(origin()) as session:
        target = services.scope_named(session, form.scope.data)
        services.stop(session, **target, by=current(), reason=form.reason.data)
    flash("Publishing is stopped. What it holds back, and what is in flight, is listed below.", "success")
    return redirect(url_for(".stops", workspace=here))


@blueprint.post("/admin/stops/<int:id_>/resume")
@signed_in
def ask_resume(id_: int) -> Any:
    """Ask that a stop be lifted."""
    form = AskResumeForm()
    if not form.validate_on_submit():
        raise Invalid(
            "Say why it may go on.",
            problems=tuple(Problem("reason", str(error)) for error in form.reason.errors),
        )
    return _change_stop(
        id_,
        lambda session, row: services.ask_resume(session, row, by=current(), reason=form.reason.data),
        "Asked to resume. Another person confirms it on this page.",
    )


@blueprint.post("/admin/stops/<int:id_>/lift")
@signed_in
def lift(id_: int) -> Any:
    """Confirm that publishing resumes."""
    return _change_stop(
        id_,
        lambda session, row: services.lift(session, row, by=current()),
        "Publishing goes on. What was missed meanwhile waits to be scheduled again.",
    )


def _stops_page(form: StopForm) -> str:
    with reading() as session:
        page = stops_page(session, workspace(), current())
    form.scope.choices = list(page.choices)
    return render_template(
        "publishing/stops.html",
        page=page,
        form=form,
        ask=AskResumeForm(formdata=None),
        administers=can(current(), Capability.ADMINISTER, page.workspace),
    )


def _choices(session: Session, here: str) -> list[tuple[str, str]]:
    return list(stops_page(session, here, current()).choices)


def _change_stop(id_: int, act: Callable[[Session, Stop], None], done: str) -> Any:
    with transaction(origin()) as session:
        with unseen():
            row = services.stop_for_change(session, id_)
        if row.workspace is not None:
            ensure_may(Capability.READ, row.workspace)
        act(session, row)
    flash(done, "success")
    return redirect(url_for(".stops", workspace=row.workspace))


# -- what a person does with a publication ---------------------------------------------------------------------


@blueprint.post("/posts/<int:post>/publications/<int:publication>/confirm")
@signed_in
def confirm(post: int, publication: int) -> Any:
    """Confirm with the link that a publication is out."""
    form = ConfirmForm()
    if not form.validate_on_submit():
        raise Invalid(
            "The link is missing or too long.",
            problems=tuple(Problem("url", str(error)) for error in form.url.errors),
        )
    return _resolve(post, publication, Resolution.PUBLISHED, "Recorded as published.", url=form.url.data.strip())


@blueprint.post("/posts/<int:post>/publications/<int:publication>/release")
@signed_in
def release(post: int, publication: int) -> Any:
    """Send a publication again, on a person's word that it did not go out."""
    return _resolve(post, publication, Resolution.SCHEDULED, "It is sent again now.")


@blueprint.post("/posts/<int:post>/publications/<int:publication>/withdraw")
@signed_in
def withdraw(post: int, publication: int) -> Any:
    """Take one publication out of the schedule for good."""
    return _resolve(post, publication, Resolution.WITHDRAWN, "Withdrawn from this channel.")


def _resolve(post: int, publication: int, as_: Resolution, done: str, *, url: str | None = None) -> Any:
    with transaction(origin()) as session:
        row = session.get(Publication, publication)
        owner = session.get(Post, post)
        if row is None or owner is None or row.post != owner.id:
            raise NotFound(NOT_HERE)
        ensure_may(Capability.READ, owner)
        services.resolve(session, row, by=current(), as_=as_, url=url)
    flash(done, "success")
    return redirect(f"/posts/{post}")
