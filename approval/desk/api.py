"""Posts, tasks and checks for programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import request
from flask_smorest import Blueprint
from flask_wtf.csrf import generate_csrf

from approval import clock
from approval.capabilities import Capability
from approval.db import Session, reading, transaction
from approval.desk import services
from approval.desk.queries import answers, shapes
from approval.desk.queries.edits import Edit, edits
from approval.desk.queries.tasks import besides_decisions
from approval.errors import BadTime, Invalid, NotFound, Problem, ScopeMissing
from approval.people.queries import channels, workspace_facts
from approval.posts import services as posts
from approval.posts.draft import Draft, draft_from_json
from approval.posts.models import Post, Standing
from approval.posts.queries import lines, post_facts, post_for_change
from approval.publishing import services as publishing
from approval.review import services as review
from approval.review.flow import Reason, Verdict
from approval.review.queries import tasks as tasks_of
from approval.review.queries.rounds import made
from approval.rules import Finding
from approval.screening import services as screening
from approval.screening.services import Part
from approval.web.identity import NOT_HERE, caller, current, ensure_may, origin, signed_in, unseen, workspace

blueprint = Blueprint("api", __name__, url_prefix="/api/v1", description="Posts, tasks and checks")

_ETAG = re.compile(r'"([0-9a-f]{64})"')
MOST_FOUND = 12


@blueprint.get("/me")
@signed_in(scope="read")
@blueprint.response(200, shapes.Me)
def me() -> dict[str, Any]:
    """Say who asks, and give the token that changes made in a session must carry."""
    actor = current()
    asking = caller()
    return {
        "person": {"id": actor.id, "name": actor.name, "email": actor.email},
        "roles": {name: sorted(held) for name, held in actor.roles.items()},
        "csrf_token": generate_csrf() if asking and asking.scope is None else None,
    }


@blueprint.post("/check")
@signed_in(scope="read")
@blueprint.arguments(shapes.Check)
@blueprint.response(200, shapes.Checked)
def check(asked: dict[str, Any]) -> dict[str, Any]:
    """Say what the rules in force find in a text, and what their suggestions would do; nothing is stored."""
    name = workspace()
    channel, text = asked.get("channel"), asked["text"]
    about = {key: asked.get(key) for key in ("regime", "product", "audience", "entity_type", "language")}
    with reading() as session:
        found = screening.check(session, name, [Part(None, channel, text)], **about)
        suggested = edits(session, name, text, found, channel=channel, **about) if channel and asked["edits"] else {}
        digest = screening.digest_in_force(session, name)
    return {"digest": digest.hex(), "findings": [_found(finding, suggested) for finding in found]}


def _found(finding: Finding, suggested: Mapping[str, Edit]) -> dict[str, Any]:
    edit = suggested.get(finding.rule)
    return {**finding.as_json(), "edit": edit.as_json() if edit else None}


@blueprint.post("/media")
@signed_in(scope="draft")
@blueprint.response(201, shapes.Media)
def add_media() -> dict[str, Any]:
    """Store an image for posts: decoded, re-encoded and named by its digest."""
    name = workspace()
    ensure_may(Capability.DRAFT, name)
    file = request.files.get("file")
    if file is None:
        raise Invalid("Send the image as the multipart field “file”.", problems=(Problem("file", "It is missing."),))
    data = file.read()
    reading = posts.read_words(data)
    with transaction(origin()) as session:
        media = posts.add_media(session, name, data, by=current(), reading=reading)
        return {"digest": media.digest.hex(), "kind": media.kind, "bytes": media.size, "words": media.words}


@blueprint.get("/posts")
@signed_in(scope="read")
@blueprint.arguments(shapes.PostsQuery, location="query")
@blueprint.response(200, shapes.Posts)
def list_posts(asked: dict[str, Any]) -> dict[str, Any]:
    """List the posts of a workspace, newest first; `before` of an answer asks for the next page."""
    ensure_may(Capability.READ, asked["workspace"])
    with reading() as session:
        found = lines(
            session,
            asked["workspace"],
            standing=Standing(asked["standing"]) if asked.get("standing") else None,
            text=asked.get("q"),
            before=asked.get("before"),
            limit=asked["limit"],
        )
    return {
        "posts": [
            {
                "id": line.id,
                "title": line.title,
                "standing": line.standing,
                "acts_next": line.acts_next,
                "severity": line.severity,
            }
            for line in found.lines
        ],
        "before": found.before,
    }


@blueprint.post("/posts")
@signed_in(scope="draft")
@blueprint.doc(requestBody=shapes.DRAFT_BODY)
@blueprint.response(201, shapes.Post)
def create_post() -> dict[str, Any]:
    """Draft a post."""
    body = _body()
    named = body.get("workspace")
    name = named if isinstance(named, str) else workspace()
    ensure_may(Capability.DRAFT, name)
    with transaction(origin()) as session:
        post = posts.create(session, _draft(session, body, name), by=current())
        return answers.post_answer(session, post.id)


@blueprint.get("/posts/<int:post_id>")
@signed_in(scope="read")
@blueprint.response(200, shapes.Post)
def get_post(post_id: int) -> dict[str, Any]:
    """Return a post: where it stands, what was found, its stages and publications."""
    with reading() as session:
        ensure_may(Capability.READ, _workspace_of(session, post_id))
        return answers.post_answer(session, post_id)


@blueprint.put("/posts/<int:post_id>")
@signed_in(scope="draft")
@blueprint.doc(requestBody=shapes.DRAFT_BODY)
@blueprint.response(200, shapes.Post)
def put_post(post_id: int) -> dict[str, Any]:
    """Give a post a whole new payload. `If-Match` names the digest that was read."""
    body, seen = _body(), _if_match()

    def edit(session: Session, post: Post) -> None:
        asking = caller()
        editable = post.standing in (Standing.DRAFT, Standing.CHANGES_REQUESTED)
        if asking is not None and asking.scope is not None and not editable:
            raise ScopeMissing("A token edits drafts only; changing a post in review needs a person's session.")
        services.edit(session, post, _draft(session, body, post.workspace), by=current(), seen=seen)

    return _act(post_id, edit, Capability.DRAFT)


@blueprint.post("/posts/<int:post_id>/submit")
@signed_in
@blueprint.arguments(shapes.Nothing)
@blueprint.response(200, shapes.Post)
def submit(_asked: dict[str, Any], post_id: int) -> dict[str, Any]:
    """Submit a post for review; 422 names every failed item and where it is."""
    return _act(post_id, lambda session, post: review.submit(session, post, by=current()))


@blueprint.get("/tasks")
@signed_in(scope="read")
@blueprint.response(200, shapes.Tasks)
def tasks() -> dict[str, Any]:
    """List what the caller must act on: decisions, riskiest first, then soonest; then posts to mend and to publish.

    At most 100 decisions of each workspace.
    """
    actor = current()
    with reading() as session:
        found = [task for name in sorted(actor.roles) for task in tasks_of(session, actor, name, limit=100).tasks]
        others = [row for name in sorted(actor.roles) for row in besides_decisions(session, actor, name)]
    found.sort(key=lambda task: task.cursor)
    return {"tasks": [*map(answers.task_answer, found), *map(answers.row_answer, others)]}


@blueprint.post("/posts/<int:post_id>/decisions")
@signed_in
@blueprint.arguments(shapes.Decide)
@blueprint.response(201, shapes.Decision)
def decide(asked: dict[str, Any], post_id: int) -> dict[str, Any]:
    """Decide at a stage of the current submission, on exactly the bytes seen."""
    with transaction(origin()) as session:
        post = _held(session, post_id, Capability.READ)
        decision = review.decide(
            session,
            post,
            by=current(),
            stage=asked["stage"],
            verdict=Verdict(asked["verdict"]),
            seen=bytes.fromhex(asked["seen"]),
            reason=Reason(asked["reason"]) if asked.get("reason") else None,
            note=asked.get("note"),
            key=str(asked["key"]),
        )
        session.flush()
        return answers.decision_answer(made(decision), decision.submission)


@blueprint.post("/posts/<int:post_id>/schedule")
@signed_in
@blueprint.arguments(shapes.Schedule)
@blueprint.response(200, shapes.Post)
def schedule(asked: dict[str, Any], post_id: int) -> dict[str, Any]:
    """Choose when an approved post goes out."""
    try:
        publish_at = clock.from_text(asked["publish_at"])
    except BadTime as error:
        raise BadTime(error.detail, problems=(Problem("publish_at", error.detail),)) from error
    zone, named = asked["zone"], asked.get("channels")

    def place(session: Session, post: Post) -> None:
        publishing.schedule(session, post, by=current(), publish_at=publish_at, zone=zone, channels=named)

    return _act(post_id, place)


@blueprint.post("/posts/<int:post_id>/publish")
@signed_in
@blueprint.arguments(shapes.Publish)
@blueprint.response(200, shapes.Post)
def publish(asked: dict[str, Any], post_id: int) -> dict[str, Any]:
    """Let an approved post go out now."""
    named = asked.get("channels")
    return _act(post_id, lambda session, post: publishing.publish_now(session, post, by=current(), channels=named))


@blueprint.post("/posts/<int:post_id>/withdraw")
@signed_in
@blueprint.arguments(shapes.Withdraw)
@blueprint.response(200, shapes.Post)
def withdraw(asked: dict[str, Any], post_id: int) -> dict[str, Any]:
    """Take a post back before it is out."""
    reason = asked["reason"]
    return _act(post_id, lambda session, post: publishing.withdraw(session, post, by=current(), reason=reason))


@blueprint.get("/find")
@signed_in(scope="read")
@blueprint.arguments(shapes.FindQuery, location="query")
@blueprint.response(200, shapes.Found(many=True))
def find(asked: dict[str, Any]) -> list[dict[str, str]]:
    """Find posts by words of their title, or by number, for the command palette."""
    words = asked["q"].strip()
    name = workspace()
    with reading() as session:
        found = lines(session, name, text=words, limit=MOST_FOUND).lines
        by_number = _numbered(session, name, words)
    titled = [(line.id, line.title) for line in found]
    return [
        {"title": title, "href": f"/posts/{id_}", "kind": f"post {id_}"}
        for id_, title in dict.fromkeys([*by_number, *titled])
    ]


def _numbered(session: Session, name: str, words: str) -> list[tuple[int, str]]:
    number = words.lstrip("#")
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        return []
    try:
        facts = post_facts(session, int(number))
    except NotFound:
        return []
    return [(facts.id, facts.payload.title)] if facts.workspace == name else []


def _act(
    post_id: int, act: Callable[[Session, Post], object], capability: Capability = Capability.READ
) -> dict[str, Any]:
    """Do something to a post, held until its end, and answer with the post as it stands then."""
    with transaction(origin()) as session:
        act(session, _held(session, post_id, capability))
        session.flush()
        return answers.post_answer(session, post_id)


def _held(session: Session, post_id: int, capability: Capability) -> Post:
    """Return the row of a post that the caller may reach, held for change."""
    with unseen():
        post = post_for_change(session, post_id)
    ensure_may(capability, post)
    return post


def _workspace_of(session: Session, post_id: int) -> str:
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound(NOT_HERE)
    return post.workspace


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise Invalid("Send one JSON object.")
    return body


def _draft(session: Session, body: dict[str, Any], name: str) -> Draft:
    known: Sequence[Any] = channels(session, name)
    return draft_from_json(body, workspace_facts(session, name), known)


def _if_match() -> bytes:
    match = _ETAG.fullmatch(request.headers.get("If-Match", "").strip())
    if match is None:
        raise Invalid('Send If-Match with the digest that you read, in quotes: If-Match: "<64 hex digits>".')
    return bytes.fromhex(match[1])
