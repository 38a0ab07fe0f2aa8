"""Submitting, deciding, answering for findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from approval.db import reading
from approval.desk import services as desk
from approval.desk.queries.tasks import next_task
from approval.desk.views.composer import submit_or_explain
from approval.desk.views.post import refused
from approval.desk.views.routes import blueprint, changing
from approval.errors import Conflict, Invalid, Problem, StaleRevision
from approval.posts import services as posts
from approval.posts.queries import post_facts
from approval.review import services as review
from approval.review.flow import Reason, Verdict
from approval.web.identity import current, signed_in

Word = TypeVar("Word", Verdict, Reason)
_DONE = {
    Verdict.APPROVE: ("Approved", "success"),
    Verdict.REQUEST_CHANGES: ("Changes asked for:", "success"),
    Verdict.REJECT: ("Rejected", "warning"),
}


@blueprint.post("/posts/<int:post_id>/submit")
@signed_in
def submit(post_id: int) -> Response | tuple[str, int]:
    """Give a post to review."""
    return submit_or_explain(post_id)


@blueprint.post("/posts/<int:post_id>/decide")
@signed_in
def decide(post_id: int) -> Response | tuple[str, int]:
    """Record a decision on the bytes that the page showed, then open the next task."""
    form, actor = request.form, current()
    try:
        verdict = _word(Verdict, form.get("verdict", ""), "verdict", "Choose a verdict")
        reason = _word(Reason, form["reason"], "reason", "Choose a reason") if form.get("reason") else None
        approves = verdict is Verdict.APPROVE
        with changing(post_id) as (session, post):
            review.decide(
                session,
                post,
                by=actor,
                stage=form.get("stage", ""),
                verdict=verdict,
                seen=_digest(form.get("seen", "")),
                # The list of reasons is hidden while approval is chosen; what it held before says nothing.
                reason=None if approves else reason,
                note=form.get("note"),
                key=form.get("key", ""),
            )
            workspace, title = post.workspace, post_facts(session, post_id).payload.title
    except (Invalid, Conflict) as refusal:
        return refused(post_id, refusal)
    done, tone = _DONE[verdict]
    with reading() as session:
        task = next_task(session, actor, workspace)
    if task is None:
        flash(f"{done} “{title}”. Nothing else waits for your decision.", tone)
        return redirect(url_for("desk.tasks"))
    flash(f"{done} “{title}”. Next: the riskiest that waits.", tone)
    return redirect(url_for("desk.post", post_id=task.post))


@blueprint.post("/posts/<int:post_id>/findings/accept")
@signed_in
def accept_finding(post_id: int) -> Response | tuple[str, int]:
    """Answer by name for a finding in the words that the page showed."""
    return _answered(post_id, posts.accept_finding, "You answer for {} in these words.")


@blueprint.post("/posts/<int:post_id>/findings/dismiss")
@signed_in
def dismiss_finding(post_id: int) -> Response | tuple[str, int]:
    """Call a finding a false alarm, in the words that the page showed."""
    return _answered(post_id, posts.dismiss_finding, "{} counts as a false alarm here.")


@blueprint.post("/posts/<int:post_id>/findings/restore")
@signed_in
def restore_finding(post_id: int) -> Response:
    """Take back that a finding is a false alarm, in the words that the page showed."""
    rule = request.form.get("rule", "")
    with changing(post_id) as (session, post):
        _ensure_same(post.revision)
        posts.take_back_dismissal(session, post, rule, by=current())
    flash(f"{rule} is open again. The log keeps both.", "success")
    return redirect(url_for("desk.post", post_id=post_id, _anchor=f"rule-{rule}"))


@blueprint.post("/posts/<int:post_id>/findings/ask")
@signed_in
def ask_exception(post_id: int) -> Response | tuple[str, int]:
    """Ask compliance to accept a finding. Whoever asks does not decide on the post."""
    return _answered(post_id, desk.ask_exception, "Asked compliance to accept {}.")


def _answered(post_id: int, act: Callable[..., object], told: str) -> Response | tuple[str, int]:
    """Let *act* say something of the finding that the form names."""
    rule = request.form.get("rule", "")
    try:
        with changing(post_id) as (session, post):
            _ensure_same(post.revision)
            act(session, post, rule, reason=request.form.get("reason", ""), by=current())
    except Invalid as refusal:
        return refused(post_id, refusal)
    flash(told.format(rule), "success")
    return redirect(url_for("desk.post", post_id=post_id, _anchor=f"rule-{rule}"))


def _ensure_same(revision: bytes) -> None:
    """Refuse an answer to other words than those that were on the page."""
    if _digest(request.form.get("seen", "")) != revision:
        raise StaleRevision("The words changed after you read them. Load the post again.")


def _word(kind: type[Word], text: str, where: str, ask: str) -> Word:
    try:
        return kind(text)
    except ValueError as error:
        what = f"{ask}: {', '.join(word.replace('_', ' ') for word in kind)}."
        raise Invalid(what, problems=(Problem(where, what),)) from error


def _digest(text: str) -> bytes:
    try:
        seen = bytes.fromhex(text)
    except ValueError:
        seen = b""
    if len(seen) != 32:
        raise Invalid("This form does not say which words it is about. Load the page again.")
    return seen
