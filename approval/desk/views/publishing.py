"""When a post goes out, and beginning again from it. What became of it is said through the views of publishing."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from approval.clock import local
from approval.desk.views.post import refused
from approval.desk.views.routes import blueprint, changing
from approval.errors import Invalid, Problem
from approval.posts import services as posts
from approval.publishing import services as publishing
from approval.publishing.services import Moment, moment
from approval.web.identity import current, signed_in

_FOLDS = {"0": 0, "1": 1}


@blueprint.post("/posts/<int:post_id>/schedule")
@signed_in
def schedule(post_id: int) -> Response | tuple[str, int]:
    """Choose when an approved post goes out."""
    try:
        chosen = _moment()
        with changing(post_id) as (session, post):
            publishing.schedule(
                session,
                post,
                by=current(),
                publish_at=chosen.instant,
                zone=chosen.zone,
                channels=_channels(),
                wall=chosen.wall,
                fold=_FOLDS.get(request.form.get("fold", "")),
            )
    except Invalid as refusal:
        return refused(post_id, refusal)
    flash(f"Scheduled for {local(chosen.instant, chosen.zone)}.", "success")
    return redirect(url_for("desk.post", post_id=post_id, _anchor="publications"))


@blueprint.post("/posts/<int:post_id>/publish")
@signed_in
def publish(post_id: int) -> Response | tuple[str, int]:
    """Let an approved post go out now."""
    try:
        with changing(post_id) as (session, post):
            publishing.publish_now(session, post, by=current(), channels=_channels())
    except Invalid as refusal:
        return refused(post_id, refusal)
    flash("It goes out now: the worker takes it at its next look.", "success")
    return redirect(url_for("desk.post", post_id=post_id, _anchor="publications"))


@blueprint.post("/posts/<int:post_id>/withdraw")
@signed_in
def withdraw(post_id: int) -> Response | tuple[str, int]:
    """Take a post back before it is out."""
    try:
        with changing(post_id) as (session, post):
            publishing.withdraw(session, post, by=current(), reason=request.form.get("reason", ""))
    except Invalid as refusal:
        return refused(post_id, refusal)
    flash("Withdrawn. Nothing of it will go out.", "success")
    return redirect(url_for("desk.post", post_id=post_id))


@blueprint.post("/posts/<int:post_id>/copy")
@signed_in
def copy(post_id: int) -> Response:
    """Begin a new draft from a post, which names it as its origin."""
    with changing(post_id) as (session, post):
        new = posts.copy(session, post, by=current())
        session.flush()
        new_id = new.id
    flash(f"A new draft with the words of post {post_id}.", "success")
    return redirect(url_for("desk.edit_post", post_id=new_id))


def _moment() -> Moment:
    """Read the time and zone that the form chose."""
    text, zone = request.form.get("publish_at", "").strip(), request.form.get("zone", "").strip()
    if not text:
        what = "Choose a date and a time."
        raise Invalid(what, problems=(Problem("publish_at", what),))
    return moment(text, zone, fold=_FOLDS.get(request.form.get("fold", "")))


def _channels() -> list[str]:
    return request.form.getlist("channels")
