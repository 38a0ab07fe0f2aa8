"""What happens to each post of the demo, read from `posts.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from approval import clock
from approval.posts.models import Standing
from approval.review.flow import Reason, Verdict


class Receives(StrEnum):
    """What the webhook receiver does with a post: takes it, takes it and loses the answer once, or refuses it."""

    ACCEPTS = "accepts"
    DROPS = "drops"
    REFUSES = "refuses"


@dataclass(frozen=True, kw_only=True)
class Image:
    """A card to be drawn: two lines and the alternative text."""

    title: str
    shows: str
    alt: str


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A page of evidence: the name of the file and its lines."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Remark:
    """A comment, about a quoted passage of one part where that is given."""

    by: str
    text: str
    part: str | None = None
    quote: str | None = None


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What somebody decides when a stage asks them."""

    by: str
    verdict: Verdict = Verdict.APPROVE
    reason: Reason | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A finding that blocks, why the author asks to keep the words, and why compliance lets them."""

    topic: str
    asked: str
    answered: str


@dataclass(frozen=True, kw_only=True)
class First:
    """The words of a first round, and the opinion that sent them back."""

    texts: Mapping[str, str]
    faults: tuple[str, ...]
    opinion: Opinion


@dataclass(frozen=True, kw_only=True)
class Story:
    """One post: what it says, who says what of it, and the standing that it is led to.

    `due` is days after the day of loading, and the time on the wall; `approvals` how many it has when it rests or is
    withdrawn; `link` where a person published it by hand.
    """

    number: int
    title: str
    by: str
    product: str
    audience: str
    objective: Mapping[str, str]
    texts: Mapping[str, str]
    ends: Standing
    in_reply_to: str | None = None
    image: Image | None = None
    evidence: Paper | None = None
    faults: tuple[str, ...] = ()
    first: First | None = None
    exception: Waiver | None = None
    comments: tuple[Remark, ...] = ()
    decided: tuple[Opinion, ...] = ()
    approvals: int = 0
    due: tuple[int, time] | None = None
    withdrawn: str = ""
    receiver: Receives = Receives.ACCEPTS
    link: str = ""
    opinions: Mapping[str, Opinion] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "opinions", {opinion.by: opinion for opinion in self.decided})

    def due_at(self, today: date, zone: str) -> datetime | None:
        """Return the instant that the post is wanted at."""
        if self.due is None:
            return None
        days, at = self.due
        return clock.from_wall(datetime.combine(today + timedelta(days=days), at), zone)


@cache
def stories() -> tuple[Story, ...]:
    """Return the posts of the demo in the order in which they are made."""
    source = files(__package__).joinpath("posts.toml").read_text(encoding="utf-8")
    return tuple(_story(number, table) for number, table in enumerate(tomllib.loads(source)["post"]))


def dated(texts: Mapping[str, str], today: date) -> dict[str, str]:
    """Return the texts as they are said on that day."""
    return {name: text.replace("{as_of}", f"{today:%-m/%-d/%Y}") for name, text in texts.items()}


def _story(number: int, table: Mapping[str, Any]) -> Story:
    read: dict[str, Callable[[Any], Any]] = {
        "ends": Standing,
        "image": lambda value: Image(**value),
        "evidence": lambda value: Paper(name=value["name"], lines=tuple(value["lines"])),
        "faults": tuple,
        "first": _first,
        "exception": lambda value: Waiver(**value),
        "comments": lambda value: tuple(Remark(**remark) for remark in value),
        "decided": lambda value: tuple(map(_opinion, value)),
        "due": _due,
        "receiver": Receives,
    }
    given = {key: read[key](value) if key in read else value for key, value in table.items()}
    return Story(number=number, **given)


def _first(table: Mapping[str, Any]) -> First:
    opinion = _opinion({"verdict": "request_changes", **{key: table[key] for key in ("by", "reason", "note")}})
    return First(texts=table["texts"], faults=tuple(table["faults"]), opinion=opinion)


def _opinion(table: Mapping[str, Any]) -> Opinion:
    return Opinion(
        by=table["by"],
        verdict=Verdict(table.get("verdict", Verdict.APPROVE)),
        reason=Reason(table["reason"]) if "reason" in table else None,
        note=table.get("note"),
    )


def _due(text: str) -> tuple[int, time]:
    days, at = text.split()
    return int(days), time.fromisoformat(at)
