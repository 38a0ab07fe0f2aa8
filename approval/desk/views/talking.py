"""Comments on a post: they are records, and only their author changes them."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from approval.desk.views.post import refused
from approval.desk.views.routes import blueprint, changing
from approval.errors import Invalid
from approval.posts import services as posts
from approval.posts.queries import comment_for_change
from approval.web.identity import current, signed_in
from approval.web.numbers import number


@blueprint.post("/posts/<int:post_id>/comments")
@signed_in
def comment(post_id: int) -> Response | tuple[str, int]:
    """Remark on a post, or reply in a thread."""
    form = request.form
    try:
        with changing(post_id) as (session, post):
            made = posts.comment(
                session,
                post,
                form.get("text", ""),
                by=current(),
                thread=form.get("thread", type=number),
                part=form.get("part") or None,
                quote=form.get("quote") or None,
            )
            anchor = f"comment-{made.id}"
    except Invalid as refusal:
        return refused(post_id, refusal)
    return redirect(url_for("desk.post", post_id=post_id, _anchor=anchor))


@blueprint.post("/posts/<int:post_id>/comments/<int:comment_id>")
@signed_in
def edit_comment(post_id: int, comment_id: int) -> Response | tuple[str, int]:
    """Say it differently."""
    try:
        with changing(post_id) as (session, post):
            found = comment_for_change(session, post.id, comment_id)
            posts.edit_comment(session, found, request.form.get("text", ""), by=current())
    except Invalid as refusal:
        return refused(post_id, refusal)
    return redirect(url_for("desk.post", post_id=post_id, _anchor=f"comment-{comment_id}"))


@blueprint.post("/posts/<int:post_id>/comments/<int:comment_id>/delete")
@signed_in
def delete_comment(post_id: int, comment_id: int) -> Response:
    """Take a comment back; auditors still read it."""
    with changing(post_id) as (session, post):
        posts.delete_comment(session, comment_for_change(session, post.id, comment_id), by=current())
    flash("Comment deleted. Auditors can still read it.", "success")
    return redirect(url_for("desk.post", post_id=post_id, _anchor="comments"))
