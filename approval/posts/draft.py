"""A draft as somebody hands it in, parsed from JSON: the same for the API, the import and the composer.

What is refused here can never stand in a revision. What a draft may still lack is named by `queries.problems`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from approval import clock
from approval.errors import BadTime, Invalid, Problem
from approval.people.queries import ChannelFacts, WorkspaceFacts
from approval.posts.models import Objective
from approval.posts.payload import Attachment, Payload, lines, links_in
from approval.rules import AUDIENCES, PRODUCTS, REGIMES

MOST_TITLE = 200
MOST_TEXT = 100_000
MOST_CHANNELS = 20
MOST_MEDIA = 10
MOST_ALT = 5_000
MOST_DISCLOSURES = 20
MOST_DISCLOSURE = 2_000
MOST_URL = 2_000
MOST_KPI = 80
MOST_FIGURE = 40
YEARS = range(2000, 2200)

KEYS = frozenset(
    {"workspace", "title", "texts", "media", "disclosures", "regime", "product", "audience", "objective"}
    | {"in_reply_to", "not_before", "not_after", "publish_at", "zone"}
)
# C0 controls but tab and line feed, DEL, lone surrogates: no database, feed or network keeps them as they are.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Goal:
    """What a post is for: the kind, the figure watched, where it stands and where it should come to."""

    kind: Objective
    kpi: str | None = None
    baseline: str | None = None
    target: str | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """All that `POST /posts` takes, parsed. `publish_at` is a wish; it and the goal stand outside the payload."""

    workspace: str
    title: str
    texts: Mapping[str, str]
    regime: str
    zone: str
    media: tuple[Attachment, ...] = ()
    disclosures: tuple[str, ...] = ()
    product: str | None = None
    audience: str | None = None
    goal: Goal | None = None
    in_reply_to: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    publish_at: datetime | None = None

    @property
    def payload(self) -> Payload:
        """The part of the draft that an approval names."""
        return Payload(
            title=self.title,
            texts=dict(self.texts),
            media=self.media,
            links=links_in(self.texts.values()),
            disclosures=self.disclosures,
            channels=tuple(sorted(self.texts)),
            regime=self.regime,
            product=self.product,
            audience=self.audience,
            in_reply_to=self.in_reply_to,
            not_before=self.not_before,
            not_after=self.not_after,
        )


def draft_from_json(obj: object, workspace: WorkspaceFacts, channels: Sequence[ChannelFacts]) -> Draft:
    """Parse the body of `POST /posts`; Invalid names every field at fault. Unknown keys are refused.

    Regime and zone default to the workspace's.
    """
    if not isinstance(obj, dict):
        raise Invalid("A post is a JSON object with title, texts and more.")
    fields = _Fields(obj)
    fields.ensure_known(KEYS)
    if fields.words("workspace", most=63) not in (None, workspace.name):
        fields.wrong("workspace", f"This post goes to the workspace {workspace.name}.")
    draft = Draft(
        workspace=workspace.name,
        title=_title(fields),
        texts=_texts(fields, channels),
        media=_media(fields),
        disclosures=_disclosures(fields),
        regime=fields.one_of("regime", REGIMES) or workspace.regime,
        product=fields.one_of("product", PRODUCTS),
        audience=fields.one_of("audience", AUDIENCES),
        goal=_goal(fields),
        in_reply_to=_address(fields),
        not_before=fields.instant("not_before"),
        not_after=fields.instant("not_after"),
        publish_at=fields.instant("publish_at"),
        zone=_zone(fields) or workspace.zone,
    )
    if draft.not_before and draft.not_after and draft.not_after <= draft.not_before:
        fields.wrong("not_after", "The window ends before it begins: give an end after the beginning.")
    fields.ensure_fine()
    return draft


@dataclass
class _Fields:
    """One JSON object, read field by field; what is wrong is collected."""

    obj: Mapping[str, Any]
    at: str = ""
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, where: str, what: str) -> None:
        self.problems.append(Problem(self.at + where, what))

    def ensure_known(self, known: Iterable[str]) -> None:
        for key in self.obj:
            if key not in known:
                self.wrong(_short(key), f"“{_short(key)}” is not a field; there are {', '.join(sorted(known))}.")

    def ensure_fine(self) -> None:
        if self.problems:
            first, more = self.problems[0], len(self.problems) - 1
            rest = f" ({more} more)" if more else ""
            raise Invalid(f"{first.where}: {first.what}{rest}", problems=tuple(self.problems))

    def words(self, key: str, *, most: int) -> str | None:
        """A string of at most *most* characters, or None."""
        return self.text(key, self.obj.get(key), most=most)

    def text(self, where: str, value: object, *, most: int) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(where, "Give this as text.")
            return None
        value = lines(value)
        if found := _UNPRINTABLE.search(value):
            self.wrong(
                where,
                f"The character U+{ord(found[0]):04X} (character {found.start() + 1:,}) is invisible and cannot be "
                "kept: delete the words around it and type them again.",
            )
            return None
        if len(value) > most:
            self.wrong(where, f"At most {most:,} characters; these are {len(value):,}.")
            return None
        return value

    def one_of(self, key: str, allowed: Iterable[str]) -> str | None:
        value = self.words(key, most=MOST_TEXT)
        if value is None or value in allowed:
            return value
        self.wrong(key, f"“{_short(value)}” is not one of {', '.join(allowed)}.")
        return None

    def instant(self, key: str) -> datetime | None:
        value = self.words(key, most=40)
        try:
            instant = None if value is None else clock.from_text(value)
        except BadTime as error:
            self.wrong(key, error.detail)
            return None
        if instant is not None and instant.year not in YEARS:
            self.wrong(key, f"The year must lie between {YEARS.start} and {YEARS.stop - 1}.")
            return None
        return instant

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.obj.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(key, "Give this as an object of names and values.")
            return {}
        return value

    def items(self, key: str, *, most: int) -> list[Any]:
        value = self.obj.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            self.wrong(key, f"Give this as a list of at most {most}.")
            return []
        return value


def _short(text: str) -> str:
    return text.encode(errors="replace").decode()[:40]


def _title(fields: _Fields) -> str:
    title = " ".join((fields.words("title", most=MOST_TEXT) or "").split())
    if len(title) > MOST_TITLE:
        fields.wrong("title", f"At most {MOST_TITLE} characters; these are {len(title):,}.")
    elif not title and not fields.problems:
        fields.wrong("title", "Give the post a title, so that others find it.")
    return title


def _texts(fields: _Fields, channels: Sequence[ChannelFacts]) -> dict[str, str]:
    known = {channel.name for channel in channels}
    given = fields.table("texts")
    if len(given) > MOST_CHANNELS:
        fields.wrong("texts", f"At most {MOST_CHANNELS} channels; these are {len(given)}.")
        return {}
    texts = {}
    for name, value in given.items():
        where = f"texts.{_short(name)}"
        if name not in known:
            there_are = f"; there are {', '.join(sorted(known))}" if known else ""
            fields.wrong(where, f"“{_short(name)}” is not a channel of this workspace{there_are}.")
        elif value is None:
            fields.wrong(where, "Give this as text.")
        else:
            texts[name] = fields.text(where, value, most=MOST_TEXT) or ""
    return texts


def _media(fields: _Fields) -> tuple[Attachment, ...]:
    attached = []
    for n, item in enumerate(fields.items("media", most=MOST_MEDIA)):
        if not isinstance(item, dict):
            fields.wrong(f"media.{n}", "Give this as an object with digest and alt.")
            continue
        one = _Fields(item, f"media.{n}.", fields.problems)
        one.ensure_known({"digest", "alt"})
        digest = one.words("digest", most=64) or ""
        alt = one.words("alt", most=MOST_ALT) or ""
        if _HEX.fullmatch(digest):
            attached.append(Attachment(bytes.fromhex(digest), alt.strip()))
        else:
            one.wrong("digest", "Give the digest that `POST /media` answered: 64 hexadecimal digits.")
    if len({one.digest for one in attached}) < len(attached):
        fields.wrong("media", "The same image is attached twice.")
    return tuple(attached)


def _disclosures(fields: _Fields) -> tuple[str, ...]:
    found = []
    for n, item in enumerate(fields.items("disclosures", most=MOST_DISCLOSURES)):
        text = (fields.text(f"disclosures.{n}", item, most=MOST_DISCLOSURE) or "").strip()
        if text:
            found.append(text)
        elif not item or isinstance(item, str):
            fields.wrong(f"disclosures.{n}", "Give the words of the disclosure.")
    return tuple(found)


def _goal(fields: _Fields) -> Goal | None:
    given = fields.table("objective")
    if not given:
        return None
    one = _Fields(given, "objective.", fields.problems)
    one.ensure_known({"kind", "kpi", "baseline", "target"})
    kind = one.one_of("kind", [kind.value for kind in Objective])
    if kind is None:
        if given.get("kind") is None:
            one.wrong("kind", f"Say what the post is for: {', '.join(Objective)}.")
        return None
    return Goal(Objective(kind), one.words("kpi", most=MOST_KPI), _figure(one, "baseline"), _figure(one, "target"))


def _figure(fields: _Fields, key: str) -> str | None:
    value = fields.obj.get(key)
    if isinstance(value, float):
        value = f"{value:.15g}"
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return fields.text(key, value, most=MOST_FIGURE)


def _address(fields: _Fields) -> str | None:
    value = (fields.words("in_reply_to", most=MOST_URL) or "").strip()
    if not value:
        return None
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)
    except ValueError:
        fine = False
    if not fine:
        fields.wrong("in_reply_to", f"“{_short(value)}” is not a web address such as https://example.com/post/1.")
        return None
    return value


def _zone(fields: _Fields) -> str | None:
    value = fields.words("zone", most=64)
    try:
        if value is not None:
            clock.zone_named(value)
    except BadTime as error:
        fields.wrong("zone", error.detail)
    return value
