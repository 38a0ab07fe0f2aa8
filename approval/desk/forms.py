"""What people type into the composer and the schedule form, kept as typed until it is right.

A field that is wrong is shown again with what was typed; what is right becomes the draft that `POST /posts` takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from werkzeug.datastructures import MultiDict
from wtforms import Field, Form, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, DateTimeLocalInput, ListWidget, URLInput

from approval import clock
from approval.desk.queries.composer import Words
from approval.errors import BadTime, Invalid, Problem
from approval.people.forms import REGIME_NAMES
from approval.people.queries import ChannelFacts, WorkspaceFacts
from approval.posts.draft import MOST_FIGURE, MOST_KPI, MOST_MEDIA, MOST_TITLE, Draft, draft_from_json
from approval.posts.models import Objective
from approval.posts.payload import Attachment
from approval.posts.queries import PostFacts
from approval.rules import AUDIENCES, PRODUCTS, ProductClass

FOLDS = (("", "Only where clocks go back"), ("0", "The first of the two"), ("1", "The second of the two"))


@cache
def zones() -> tuple[str, ...]:
    """Return the time zones that the form suggests; any other IANA name is taken too."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return (*sorted(places), "UTC")


def _products() -> list[SelectChoice]:
    choices = [SelectChoice("", "Choose a product")]
    for kind in ProductClass:
        group = "Other" if kind is ProductClass.NONE else kind.value.replace("-", " ").capitalize()
        slugs = (slug for slug, of in PRODUCTS.items() if of is kind)
        choices += [SelectChoice(slug, slug.replace("-", " "), optgroup=group) for slug in slugs]
    return choices


def _choices(pairs: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in pairs]


def _wall(label: str, description: str = "") -> StringField:
    return StringField(label, description=description, widget=DateTimeLocalInput())


def _zone() -> StringField:
    return StringField("Time zone", [InputRequired()], render_kw={"list": "zones", "autocomplete": "off"})


class PostForm(Form):  # type: ignore[misc]
    """Everything of a post but its texts, images and files."""

    product = SelectField("Product", choices=_products(), description="Chooses rules and stages.")
    audience = SelectField("Audience", choices=_choices([("", "Not said"), *((a, a.capitalize()) for a in AUDIENCES)]))
    regime = SelectField("Rules of", [InputRequired()], choices=_choices(REGIME_NAMES.items()))
    objective = SelectField(
        "What it is for",
        choices=_choices([("", "Not said"), *((kind.value, kind.value.capitalize()) for kind in Objective)]),
    )
    kpi = StringField("Figure to watch", render_kw={"maxlength": MOST_KPI})
    baseline = StringField("It stands at", render_kw={"maxlength": MOST_FIGURE})
    target = StringField("It should reach", render_kw={"maxlength": MOST_FIGURE})
    title = StringField(
        "Title",
        [InputRequired()],
        description="For your colleagues. It is not published.",
        render_kw={"maxlength": MOST_TITLE},
    )
    disclosures = TextAreaField(
        "Required wording",
        description="One disclosure a line. Each must stand word for word in the text of every channel.",
    )
    in_reply_to = StringField("In reply to", description="The address of the post answered.", widget=URLInput())
    publish_at = _wall("Wished time", "A wish: who publishes chooses the time.")
    zone = _zone()
    fold = SelectField("If this time comes twice", choices=_choices(FOLDS))
    not_before = _wall("Not before", "The window is part of what is approved.")
    not_after = _wall("Not after")


class ScheduleForm(Form):  # type: ignore[misc]
    """When an approved post goes out, and on which of its channels."""

    publish_at = StringField("Date and time", [InputRequired()], widget=DateTimeLocalInput())
    zone = _zone()
    fold = SelectField("If this time comes twice", choices=_choices(FOLDS))
    channels = SelectMultipleField(
        "Channels", [InputRequired()], widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


@dataclass(frozen=True)
class Typed:
    """A post as it was typed: form fields by name, texts by channel, images in order.

    `chosen`: the channels that it goes out on. `seen`: the digest that the editor worked from. `kept`: instants that
    the form cannot show to the second, under the field's name, so that what nobody touched stays what it was.
    """

    fields: Mapping[str, str]
    texts: Mapping[str, str]
    chosen: frozenset[str]
    media: tuple[Attachment, ...] = ()
    seen: str = ""
    voids: bool = False
    kept: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def form(self) -> PostForm:
        """The fields, as a form to be shown."""
        return PostForm(formdata=MultiDict(self.fields))

    @property
    def words(self) -> Words:
        """Everything that is judged, as far as it was typed."""
        given = self.fields.get
        return Words(
            given("title", ""),
            self.texts,
            self.chosen,
            self.media,
            given("regime") or None,
            given("product") or None,
            given("audience") or None,
        )


def blank(firm: WorkspaceFacts, channels: Sequence[ChannelFacts]) -> Typed:
    """Return an empty composer; where there is one channel, it is chosen."""
    open_ = [channel.name for channel in channels if not channel.closed]
    chosen = frozenset(open_ if len(open_) == 1 else ())
    return Typed({"regime": firm.regime, "zone": firm.zone}, {}, chosen)


def of_post(post: PostFacts, zone: str) -> Typed:
    """Return a post as its editor would have typed it; *zone* is for a post that names none."""
    payload, goal, zone = post.payload, post.goal, post.zone or zone
    instants = {"publish_at": post.wanted_at, "not_before": payload.not_before, "not_after": payload.not_after}
    kept = {name: instant for name, instant in instants.items() if instant is not None}
    fields = {
        "title": payload.title,
        "product": payload.product,
        "audience": payload.audience,
        "regime": payload.regime,
        "objective": goal.kind.value if goal else None,
        "kpi": goal.kpi if goal else None,
        "baseline": goal.baseline if goal else None,
        "target": goal.target if goal else None,
        "disclosures": "\n".join(payload.disclosures),
        "in_reply_to": payload.in_reply_to,
        "zone": zone,
        **{name: wall_text(instant, zone) for name, instant in kept.items()},
    }
    return Typed(
        {name: value for name, value in fields.items() if value},
        payload.texts,
        frozenset(payload.channels),
        payload.media,
        post.revision.hex(),
        kept=kept,
    )


def typed(form: MultiDict[str, str], kept: Mapping[str, datetime] | None = None) -> Typed:
    """Read what a request holds. Images that are stored are named by digest; those ticked for removal are left out."""
    names = set(PostForm()._fields)
    return Typed(
        fields={name: value for name, value in form.items() if name in names},
        texts={name.removeprefix("text."): value for name, value in form.items() if name.startswith("text.")},
        chosen=frozenset(form.getlist("channel")),
        media=tuple(_attached(form)),
        seen=form.get("seen", ""),
        voids=form.get("voids") == "yes",
        kept=kept or {},
    )


def _attached(form: MultiDict[str, str]) -> Iterable[Attachment]:
    removed = set(form.getlist("remove"))
    for digest in form.getlist("media")[:MOST_MEDIA]:
        if digest in removed:
            continue
        try:
            yield Attachment(bytes.fromhex(digest), form.get(f"alt.{digest}", "").strip())
        except ValueError as error:
            raise Invalid("This form was changed on its way: an image in it has no digest.") from error


def wall_text(instant: datetime, zone: str) -> str:
    """Write an instant as a date-and-time field shows it."""
    return f"{clock.wall_time(instant, zone):%Y-%m-%dT%H:%M}"


def with_images(post: Typed, added: Iterable[Attachment]) -> Typed:
    """Return what was typed with newly stored images behind the others; one that is there already stays once."""
    there = {attached.digest for attached in post.media}
    return replace(post, media=(*post.media, *(a for a in added if a.digest not in there)))


def draft_of(post: Typed, firm: WorkspaceFacts, channels: Sequence[ChannelFacts]) -> Draft:
    """Return the draft that was typed; Invalid names every field at fault."""
    problems: list[Problem] = []
    instants = _instants(post, problems)
    try:
        draft = draft_from_json(_body(post, instants), firm, channels)
    except Invalid as refusal:
        problems += refusal.problems or (Problem("", refusal.detail),)
    if problems:
        raise Invalid(problems[0].what, problems=tuple(dict.fromkeys(problems)))
    return draft


def _body(post: Typed, instants: Mapping[str, str]) -> dict[str, Any]:
    given = post.fields
    goal = {key: given.get(key, "").strip() or None for key in ("kpi", "baseline", "target")}
    kind = given.get("objective") or None
    return {
        "title": given.get("title", ""),
        "texts": {name: post.texts.get(name, "") for name in sorted(post.chosen)},
        "media": [{"digest": attached.digest.hex(), "alt": attached.alt} for attached in post.media],
        "disclosures": [line.strip() for line in given.get("disclosures", "").splitlines() if line.strip()],
        **{key: given.get(key) or None for key in ("regime", "product", "audience", "in_reply_to", "zone")},
        "objective": {"kind": kind, **goal} if kind or any(goal.values()) else None,
        **instants,
    }


def _instants(post: Typed, problems: list[Problem]) -> dict[str, str]:
    """Read the times: the window at its widest, the wish as *fold* says where it comes twice."""
    zone = post.fields.get("zone", "").strip()
    try:
        clock.zone_named(zone)
    except BadTime as refusal:
        problems += refusal.problems
        return {}
    chosen = {"0": 0, "1": 1}.get(post.fields.get("fold", ""))
    found = {}
    for name, fold in (("publish_at", chosen), ("not_before", 0), ("not_after", 1)):
        wall = post.fields.get(name, "").strip()
        if not wall:
            continue
        kept = post.kept.get(name)
        if kept is not None and wall_text(kept, zone) == wall and (name != "publish_at" or chosen is None):
            found[name] = clock.to_text(kept)
            continue
        try:
            found[name] = clock.to_text(_instant(wall, zone, fold))
        except BadTime as refusal:
            problems += (_at(p, name, refusal) for p in refusal.problems or (Problem(name, refusal.detail),))
    return found


def _at(problem: Problem, name: str, refusal: BadTime) -> Problem:
    """A problem of a time at its own field; the choice between two keeps its own."""
    return problem if problem.where == "fold" else Problem(name, refusal.detail)


def _instant(wall: str, zone: str, fold: int | None) -> datetime:
    try:
        when = datetime.fromisoformat(wall)
        if when.tzinfo is not None:
            raise ValueError("a wall time has no offset")
        return clock.from_wall(when, zone, fold=fold)
    except (ValueError, OverflowError) as error:
        raise BadTime(f"“{wall[:40]}” is not a date and time such as 2026-11-21T09:00.") from error


ANCHORS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("texts.", lambda rest: f"text-{rest}"),
    ("alt.", lambda rest: f"alt-{rest}"),
    ("image.", lambda rest: f"words-{rest}"),
    ("media.", lambda rest: f"alt-{rest.partition('.')[0]}"),
    ("disclosures.", lambda _: "disclosures"),
    ("stages.", lambda _: "route"),
    ("objective.", lambda rest: "objective" if rest == "kind" else rest),
)
_WHOLE = {"texts": "channels", "media": "images", "image": "images", "file": "images", "stages": "route"}


def anchor(where: str) -> str:
    """Return the id of the place on the composer that a problem names; "" for the whole post."""
    for prefix, place in ANCHORS:
        if where.startswith(prefix):
            return place(where.removeprefix(prefix))
    return _WHOLE.get(where, where)


def put_problems(form: Form, problems: Iterable[Problem]) -> None:
    """Show each problem at its field, where the form has it."""
    for problem in problems:
        shown: Field | None = form._fields.get(anchor(problem.where))
        if shown is not None:
            shown.errors = [*shown.errors, problem.what]
