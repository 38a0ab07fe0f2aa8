"""Writing a post: the composer, its live part, and saving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from approval.capabilities import Capability
from approval.db import Session, reading, transaction
from approval.desk import services
from approval.desk.forms import (
    PostForm,
    Typed,
    anchor,
    blank,
    draft_of,
    of_post,
    put_problems,
    typed,
    with_images,
    zones,
)
from approval.desk.queries.composer import Composition, beside, composition
from approval.desk.views.routes import blueprint, changing, ensure_readable
from approval.errors import IllegalStep, Invalid, NotReady, PreconditionFailed, Problem, Refusal, TooLarge
from approval.people.queries import WorkspaceFacts, channels, workspace_facts
from approval.posts import services as posts
from approval.posts.draft import MOST_MEDIA, Draft
from approval.posts.models import EDITABLE, HELD, Post, Standing
from approval.posts.payload import Attachment, digest
from approval.posts.queries import PostFacts, post_facts
from approval.review import services as review
from approval.web.errors import status_of
from approval.web.identity import current, ensure_may, origin, require, signed_in, workspace
from approval.web.numbers import number
from approval.web.security import MIB

MOST_REQUEST = 64 * MIB
"""Images and evidence travel with the form; each file has its own, smaller limit."""
UPLOADS = frozenset({"desk.create_post", "desk.save_post", "desk.add_evidence"})
MOST_FILES = 10
_PLACES = {
    "images": "Images",
    "channels": "Channels",
    "evidence": "Evidence",
    "route": "Stages",
    "voids": "Approvals",
}


@dataclass(frozen=True)
class Trouble:
    """Something to mend: where it is called, the id of its place, and what is wrong."""

    where: str
    anchor: str
    what: str


@dataclass(frozen=True)
class Page:
    """The composer with everything typed so far; *post* is None for a new one."""

    firm: WorkspaceFacts
    post: PostFacts | None
    typed: Typed
    form: PostForm
    parts: Composition
    troubles: tuple[Trouble, ...]
    at: dict[str, list[str]]
    zones: tuple[str, ...]
    asks_fold: bool
    heading: str

    @property
    def voids(self) -> bool:
        """True where saving other words ends a round and its approvals."""
        return self.post is not None and self.post.standing in HELD


@blueprint.url_value_preprocessor
def allow_files(endpoint: str | None, _values: object) -> None:
    """Let a form with files be larger than other requests; it runs before anything reads the body."""
    if endpoint in UPLOADS:
        request.max_content_length = MOST_REQUEST


@blueprint.get("/posts/new")
@require(Capability.DRAFT)
def new_post() -> str:
    """Show an empty composer."""
    with reading() as session:
        firm = workspace_facts(session, workspace())
        return _page(session, firm, blank(firm, channels(session, firm.name)))


@blueprint.post("/posts/new")
@require(Capability.DRAFT)
def create_post() -> Response | tuple[str, int]:
    """Save a new draft, and submit it where that was asked."""
    name = workspace()
    written, problems = _with_uploads(typed(request.form), name)
    try:
        files = _evidence()
        with transaction(origin()) as session:
            draft = _draft(session, written, name, problems)
            post = posts.create(session, draft, by=current())
            session.flush()
            _add_evidence(session, post, files)
            post_id = post.id
    except (Invalid, TooLarge) as refusal:
        return _again(name, written, (*problems, *_problems_of(refusal, problems))), status_of(refusal)
    return _saved(post_id)


@blueprint.get("/posts/<int:post_id>/edit")
@signed_in
def edit_post(post_id: int) -> str:
    """Show the composer with a post."""
    with reading() as session:
        post = _editable(session, post_id)
        firm = workspace_facts(session, post.workspace)
        return _page(session, firm, of_post(post, firm.zone), post=post)


@blueprint.post("/posts/<int:post_id>/edit")
@signed_in
def save_post(post_id: int) -> Response | tuple[str, int]:
    """Save a post; in review, approved or scheduled, only with the word that this voids what was decided."""
    with reading() as session:
        before = _editable(session, post_id)
        stored = of_post(before, workspace_facts(session, before.workspace).zone)
    written, problems = _with_uploads(typed(request.form, stored.kept), before.workspace)
    try:
        files, seen = _evidence(), _seen(written)
        with changing(post_id) as (session, post):
            draft = _draft(session, written, post.workspace, problems)
            _ensure_void_is_meant(post, draft, written)
            held = post.standing in HELD
            services.edit(session, post, draft, by=current(), seen=seen)
            _add_evidence(session, post, files)
            ended = held and post.standing not in HELD
    except (Invalid, TooLarge, PreconditionFailed) as refusal:
        found = (*problems, *_problems_of(refusal, problems))
        return _again(before.workspace, written, found, post=before), status_of(refusal)
    if ended:
        flash("The review ended and its approvals are void: the post is a draft again.", "warning")
    elif held:
        flash("Saved beside the approved words: no approval is touched.", "success")
        return redirect(url_for("desk.post", post_id=post_id))
    return _saved(post_id)


@blueprint.post("/posts/preview")
@require(Capability.DRAFT)
def preview() -> str:
    """Answer what stands beside the composer for what is typed; nothing is stored."""
    with reading() as session:
        firm = workspace_facts(session, workspace())
        post = session.get(Post, request.form.get("post", 0, type=number))
        known = post.id if post and post.workspace == firm.name else None
        aside = beside(session, firm, typed(request.form).words, post=known)
    return render_template("desk/_beside.html", aside=aside)


def _editable(session: Session, post_id: int) -> PostFacts:
    """Return a post that this person may edit as it stands; IllegalStep names what to do instead."""
    ensure_readable(session.get(Post, post_id))
    post = post_facts(session, post_id)
    ensure_may(Capability.DRAFT, post)
    if post.standing not in (*EDITABLE, *HELD):
        words = post.standing.replace("_", " ")
        raise IllegalStep(f"A post that is {words} is not edited any more: copy it to a new draft.")
    return post


def _page(
    session: Session,
    firm: WorkspaceFacts,
    written: Typed,
    *,
    post: PostFacts | None = None,
    problems: Sequence[Problem] = (),
    heading: str = "Not saved. Please mend:",
) -> str:
    g.shown_workspace = firm.name
    parts = composition(session, firm, written.words, post=post.id if post else None)
    form = written.form
    put_problems(form, problems)
    at: dict[str, list[str]] = {}
    for problem in problems:
        at.setdefault(anchor(problem.where), []).append(problem.what)
    page = Page(
        firm=firm,
        post=post,
        typed=written,
        form=form,
        parts=parts,
        troubles=tuple(Trouble(_called(p.where, parts, form), anchor(p.where), p.what) for p in problems),
        at=at,
        zones=zones(),
        asks_fold="fold" in at or bool(form.fold.data),
        heading=heading,
    )
    return render_template("desk/composer.html", page=page)


def _called(where: str, parts: Composition, form: PostForm) -> str:
    place = anchor(where)
    if where in parts.names:
        return parts.names[where]
    if place in form._fields:
        return str(form._fields[place].label.text)
    return _PLACES.get(place, "The post")


def _again(name: str, written: Typed, problems: Sequence[Problem], *, post: PostFacts | None = None) -> str:
    """Show the composer again with what was typed and what is wrong with it."""
    with reading() as session:
        return _page(session, workspace_facts(session, name), written, post=post, problems=problems)


# -- files ---------------------------------------------------------------------------------------------------------


def _with_uploads(written: Typed, name: str) -> tuple[Typed, tuple[Problem, ...]]:
    """Store the images that came along, each by itself, so that one that is refused loses no other."""
    alts = request.form.getlist("image_alt")
    added: list[Attachment] = []
    problems: list[Problem] = []
    for n, file in enumerate(request.files.getlist("image")[:MOST_FILES]):
        if not file.filename:
            continue
        if len(written.media) + len(added) >= MOST_MEDIA:
            problems.append(Problem("image", f"{_short(file)}: a post takes at most {MOST_MEDIA} images."))
            break
        try:
            data = file.read()
            reading = posts.read_words(data)
            with transaction(origin()) as session:
                media = posts.add_media(session, name, data, by=current(), reading=reading)
        except (Invalid, TooLarge) as refusal:
            problems.append(Problem("image", f"{_short(file)}: {refusal.detail}"))
        else:
            added.append(Attachment(media.digest, alts[n].strip() if n < len(alts) else ""))
    return with_images(written, added), tuple(problems)


def _evidence() -> list[tuple[str, bytes]]:
    return [(file.filename, file.read()) for file in request.files.getlist("evidence")[:MOST_FILES] if file.filename]


def _add_evidence(session: Session, post: Post, files: Sequence[tuple[str, bytes]]) -> None:
    for name, data in files:
        try:
            posts.add_evidence(session, post, name=name, data=data, by=current())
        except (Invalid, TooLarge) as refusal:
            what = f"{name[:80]}: {refusal.detail}"
            raise type(refusal)(what, problems=(Problem("evidence", what),)) from refusal


def _short(file: FileStorage) -> str:
    return (file.filename or "")[-80:]


# -- saving --------------------------------------------------------------------------------------------------------


def _draft(session: Session, written: Typed, name: str, problems: Sequence[Problem]) -> Draft:
    """Return the draft, or refuse with everything that is wrong with it."""
    draft = draft_of(written, workspace_facts(session, name), channels(session, name))
    if problems:
        raise Invalid(problems[0].what, problems=tuple(problems))
    return draft


def _problems_of(refusal: Refusal, known: Sequence[Problem]) -> tuple[Problem, ...]:
    found = refusal.problems or (Problem("", refusal.detail),)
    return tuple(problem for problem in found if problem not in known)


def _seen(written: Typed) -> bytes:
    try:
        seen = bytes.fromhex(written.seen)
    except ValueError:
        seen = b""
    if len(seen) != 32:
        raise Invalid("This form does not say which words it changes. Load the page again.")
    return seen


def _ensure_void_is_meant(post: Post, draft: Draft, written: Typed) -> None:
    """Refuse to end a round that the editor did not say may end. What stands beside the payload never ends one."""
    if post.standing in HELD and digest(draft.payload) != post.revision and not written.voids:
        what = "Saving these words ends the review and voids every approval. Tick the box to say that you mean it."
        raise Invalid(what, problems=(Problem("voids", what),))


def _saved(post_id: int) -> Response | tuple[str, int]:
    if request.form.get("action") == "submit":
        return submit_or_explain(post_id)
    flash("Draft saved.", "success")
    return redirect(url_for("desk.edit_post", post_id=post_id))


def submit_or_explain(post_id: int) -> Response | tuple[str, int]:
    """Submit a saved post; where something stands in the way, show each item at its place in the composer."""
    try:
        with changing(post_id) as (session, post):
            review.submit(session, post, by=current())
            standing = post.standing
            title = post_facts(session, post_id).payload.title
    except NotReady as refusal:
        with reading() as session:
            facts = post_facts(session, post_id)
            firm = workspace_facts(session, facts.workspace)
            heading = "Saved, but not submitted. Please mend:"
            written, found = of_post(facts, firm.zone), refusal.problems
            return _page(session, firm, written, post=facts, problems=found, heading=heading), status_of(refusal)
    if standing is Standing.APPROVED:
        flash(f"“{title}” is approved: the workflow asks no stage of it.", "success")
    else:
        flash(f"“{title}” is in review.", "success")
    return redirect(url_for("desk.post", post_id=post_id))
