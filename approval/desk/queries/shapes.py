"""The shapes of the API's bodies and answers, as its OpenAPI document shows them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from approval.posts.models import Objective, Standing
from approval.review.flow import Reason, Verdict
from approval.rules import AUDIENCES, ENTITY_TYPES, NETWORKS, REGIMES

MOST_TEXT = 1_000_000
MOST_ID = 2**63 - 1
_HEX = validate.Regexp(r"^[0-9a-f]{64}$")


class Nothing(ma.Schema):
    """An empty object."""


class Person(ma.Schema):
    """Somebody."""

    id = fields.String()
    name = fields.String()
    email = fields.String()


class Me(ma.Schema):
    """Whoever asks, with roles per workspace."""

    person = fields.Nested(Person)
    roles = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    csrf_token = fields.String(allow_none=True)


class Check(ma.Schema):
    """A text to check, and what it is about."""

    text = fields.String(required=True, validate=validate.Length(max=MOST_TEXT))
    workspace = fields.String(metadata={"description": "Whose rules; needed by whoever belongs to several."})
    channel = fields.String(
        validate=validate.OneOf(NETWORKS), metadata={"description": "A network, such as x or linkedin."}
    )
    regime = fields.String(validate=validate.OneOf(REGIMES))
    product = fields.String(metadata={"description": "What it is about; a name that is not known is read as other."})
    audience = fields.String(validate=validate.OneOf(AUDIENCES))
    entity_type = fields.String(validate=validate.OneOf(ENTITY_TYPES))
    language = fields.String()
    edits = fields.Boolean(
        load_default=False,
        metadata={"description": "Say also what each suggestion would do to a text on its channel: slower."},
    )


class Edit(ma.Schema):
    """What a suggestion makes of the text: code points from `start` to `end` become `words`, counted as the channel
    counts; `settles` its finding, and `brings` others of medium or worse, by name."""

    start = fields.Integer()
    end = fields.Integer()
    words = fields.String()
    adds = fields.Integer()
    left = fields.Integer()
    unit = fields.String()
    fits = fields.Boolean()
    settles = fields.Boolean()
    brings = fields.List(fields.String())


class Finding(ma.Schema):
    """What a rule found; `start` and `end` count code points, and are null for something missing."""

    rule = fields.String()
    name = fields.String()
    topic = fields.String()
    severity = fields.String()
    part = fields.String(allow_none=True)
    start = fields.Integer(allow_none=True)
    end = fields.Integer(allow_none=True)
    match = fields.String()
    message = fields.String()
    why = fields.String()
    citation = fields.String()
    suggestion = fields.String()
    missing = fields.List(fields.String())
    accepted_by = fields.String(allow_none=True)
    accepted_reason = fields.String(allow_none=True)


class Suggested(Finding):
    """A finding with the edit that it suggests; null where its suggestion names no words to take."""

    edit = fields.Nested(Edit, allow_none=True)


class Checked(ma.Schema):
    """The rule set's digest, and its findings."""

    digest = fields.String()
    findings = fields.List(fields.Nested(Suggested))


class Media(ma.Schema):
    """A stored image."""

    digest = fields.String()
    kind = fields.String()
    bytes = fields.Integer()
    words = fields.String(allow_none=True, metadata={"description": "What stands in it; null where nobody read it."})


class Revision(ma.Schema):
    """The revision that a post stands at."""

    number = fields.Integer()
    digest = fields.String()
    texts = fields.Dict(keys=fields.String(), values=fields.String())


class Decision(ma.Schema):
    """What somebody decided."""

    id = fields.Integer()
    stage = fields.String()
    by = fields.String()
    verdict = fields.String()
    reason = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    at = fields.String()


class Quorum(ma.Schema):
    """How many approvals a stage needs, and has."""

    needed = fields.Integer()
    got = fields.Integer()


class Stage(ma.Schema):
    """A stage of the latest submission."""

    id = fields.String()
    name = fields.String()
    standing = fields.String()
    who = fields.String()
    quorum = fields.Nested(Quorum)
    decisions = fields.List(fields.Nested(Decision))


class Publication(ma.Schema):
    """A post on its way to one channel."""

    id = fields.Integer()
    channel = fields.String()
    standing = fields.String()
    due_at = fields.String()
    zone = fields.String()
    url = fields.String(allow_none=True)
    published_at = fields.String(allow_none=True)


class Post(ma.Schema):
    """A post."""

    id = fields.Integer()
    workspace = fields.String()
    title = fields.String()
    standing = fields.String()
    acts_next = fields.String()
    revision = fields.Nested(Revision)
    findings = fields.List(fields.Nested(Finding))
    stages = fields.List(fields.Nested(Stage))
    publications = fields.List(fields.Nested(Publication))
    regime = fields.String()
    product = fields.String(allow_none=True)
    audience = fields.String(allow_none=True)
    author = fields.String()
    origin = fields.Integer(allow_none=True)
    not_before = fields.String(allow_none=True)
    not_after = fields.String(allow_none=True)
    publish_at = fields.String(allow_none=True)
    zone = fields.String(allow_none=True)


class PostsQuery(ma.Schema):
    """Which posts to list."""

    workspace = fields.String(required=True)
    standing = fields.String(validate=validate.OneOf([standing.value for standing in Standing]))
    q = fields.String(validate=validate.Length(max=200))
    before = fields.Integer(validate=validate.Range(0, MOST_ID))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class PostLine(ma.Schema):
    """A post in a list."""

    id = fields.Integer()
    title = fields.String()
    standing = fields.String()
    acts_next = fields.String()
    severity = fields.String(allow_none=True)


class Posts(ma.Schema):
    """A page of posts; `before` is null on the last one."""

    posts = fields.List(fields.Nested(PostLine))
    before = fields.Integer(allow_none=True)


class Task(ma.Schema):
    """A post that waits for the caller; `stage` where a decision is asked."""

    post = fields.Integer()
    title = fields.String()
    stage = fields.String(allow_none=True)
    name = fields.String()
    digest = fields.String(allow_none=True)
    severity = fields.String(allow_none=True)
    due_at = fields.String(allow_none=True)
    submitted_at = fields.String(allow_none=True)


class Tasks(ma.Schema):
    """What the caller must act on, in order."""

    tasks = fields.List(fields.Nested(Task))


class Decide(ma.Schema):
    """A decision: where, on which bytes, what, and the key that makes it happen once."""

    stage = fields.String(required=True, validate=validate.Length(max=100))
    seen = fields.String(required=True, validate=_HEX)
    verdict = fields.String(required=True, validate=validate.OneOf([verdict.value for verdict in Verdict]))
    reason = fields.String(allow_none=True, validate=validate.OneOf([reason.value for reason in Reason]))
    note = fields.String(allow_none=True, validate=validate.Length(max=10_000))
    key = fields.UUID(required=True)


class Schedule(ma.Schema):
    """When a post goes out: an instant, and the zone it was chosen in."""

    publish_at = fields.String(required=True)
    zone = fields.String(required=True)
    channels = fields.List(fields.String(), allow_none=True, validate=validate.Length(max=50))


class Publish(ma.Schema):
    """On which channels a post goes out now; all of them, unless named."""

    channels = fields.List(fields.String(), allow_none=True, validate=validate.Length(max=50))


class Withdraw(ma.Schema):
    """Why a post is taken back."""

    reason = fields.String(required=True, validate=validate.Length(min=1, max=10_000))


class FindQuery(ma.Schema):
    """Words of a title, or a number."""

    q = fields.String(load_default="", validate=validate.Length(max=200))


class Found(ma.Schema):
    """Something to open."""

    title = fields.String()
    href = fields.String()
    kind = fields.String()


_TEXT = {"type": "string"}
_INSTANT = {"type": "string", "format": "date-time"}
DRAFT_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["title", "texts"],
                "properties": {
                    "workspace": _TEXT,
                    "title": {"type": "string", "maxLength": 200},
                    "texts": {"type": "object", "additionalProperties": _TEXT},
                    "media": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"digest": _TEXT, "alt": _TEXT}},
                    },
                    "disclosures": {"type": "array", "items": _TEXT},
                    "regime": _TEXT,
                    "product": _TEXT,
                    "audience": _TEXT,
                    "objective": {
                        "type": "object",
                        "properties": {
                            "kind": {"type": "string", "enum": [kind.value for kind in Objective]},
                            "kpi": _TEXT,
                            "baseline": _TEXT,
                            "target": _TEXT,
                        },
                    },
                    "in_reply_to": _TEXT,
                    "not_before": _INSTANT,
                    "not_after": _INSTANT,
                    "publish_at": _INSTANT,
                    "zone": _TEXT,
                },
            }
        }
    },
}
