"""Where a post was published and whether it is still there: take-downs in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from approval import clock
from approval.capabilities import Capability, can
from approval.db import Session, reading, transaction
from approval.errors import Refusal
from approval.people.queries import workspace_facts
from approval.records import queries, services
from approval.records.forms import TakeDownForm
from approval.records.queries import ComplaintFacts, PostKeeping
from approval.records.views.routes import blueprint
from approval.web.errors import status_of
from approval.web.identity import current, ensure_may, origin, signed_in, unseen


@dataclass(frozen=True)
class UsePage:
    """Where a post was published, what was taken down, and the complaints about it for those who may read them."""

    post: int
    workspace: str
    keeping: PostKeeping
    complaints: tuple[ComplaintFacts, ...]
    may_take_down: bool
    may_enter: bool
    chosen: int | None


@blueprint.get("/records/posts/<int:post_id>/use")
@signed_in
def use(post_id: int) -> str:
    """Show where a post was published and what was taken down."""
    return _use(post_id, TakeDownForm(formdata=None))


def _use(post_id: int, form: TakeDownForm, chosen: int | None = None) -> str:
    with reading() as session:
        with unseen():
            name = queries.workspace_of(session, post_id)
        ensure_may(Capability.READ, name)
        reads = can(current(), Capability.READ_AUDIT, name)
        page = UsePage(
            post=post_id,
            workspace=name,
            keeping=queries.keeping_of(session, post_id),
            complaints=queries.complaints_of(session, post_id) if reads else (),
            may_take_down=can(current(), Capability.STOP, name),
            may_enter=can(current(), Capability.HOLD, name),
            chosen=chosen,
        )
    return render_template("records/use.html", page=page, form=form)


@blueprint.post("/records/publications/<int:publication_id>/take-down")
@signed_in
def take_down(publication_id: int) -> Any:
    """Say that a publication was taken down."""
    with reading() as session:
        with unseen():
            name, post = queries.post_of_publication(session, publication_id)
        ensure_may(Capability.STOP, name)
    form, status = TakeDownForm(), 422
    if form.validate_on_submit():
        try:
            with transaction(origin()) as session:
                services.take_down(
                    session,
                    publication_id,
                    by=current(),
                    taken_at=_instant(session, name, form.taken_at.data),
                    reason=form.reason.data or "",
                    gone=bool(form.gone.data),
                )
            flash("The take-down is recorded.", "success")
            return redirect(url_for("records.use", post_id=post))
        except Refusal as refusal:
            form.show(refusal)
            status = status_of(refusal)
    return _use(post, form, publication_id), status


def _instant(session: Session, name: str, wall: datetime | None) -> datetime | None:
    """Return the instant that a time in the workspace's zone means; None where none was given."""
    zone = workspace_facts(session, name).zone
    return None if wall is None else wall.replace(tzinfo=clock.zone_named(zone))


@blueprint.post("/records/take-downs/<int:take_down_id>/gone")
@signed_in
def confirm_gone(take_down_id: int) -> Response:
    """Say that a link was opened, and what it led to is gone."""
    with transaction(origin()) as session:
        with unseen():
            name, post = queries.post_of_take_down(session, take_down_id)
        ensure_may(Capability.STOP, name)
        services.confirm_gone(session, take_down_id, by=current())
    flash("Its use ends with your word. Keeping counts from now.", "success")
    return redirect(url_for("records.use", post_id=post))
