"""What a post says, in the form of its channels, with the findings in their places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from approval.desk.queries.marking import Piece, Span, anchors, pieces
from approval.networks import NETWORKS, Count, Preview
from approval.people.queries import ChannelFacts
from approval.posts.payload import Attachment
from approval.rules import Severity


class Found(Protocol):
    """A finding, stored or not."""

    @property
    def rule(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def part(self) -> str | None: ...
    @property
    def start(self) -> int | None: ...
    @property
    def end(self) -> int | None: ...
    @property
    def match(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def missing(self) -> Sequence[str]: ...
    @property
    def citation(self) -> str: ...
    @property
    def suggestion(self) -> str: ...


@dataclass(frozen=True)
class Place:
    """Where a rule found something: its own id, the part in words, and the id of the mark that shows it, if any."""

    id: str
    part: str | None
    where: str
    match: str
    mark: str | None


@dataclass(frozen=True)
class Dismissed:
    """Who called a finding a false alarm, when and why."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Group:
    """Everything that one rule found in a post: one card, one answer."""

    finding: Found
    places: tuple[Place, ...]
    settled: str | None = None
    dismissed: Dismissed | None = None
    asked: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The rule's permanent id."""
        return self.finding.rule

    @property
    def open(self) -> bool:
        """True until somebody has accepted it by name."""
        return self.settled is None

    @property
    def counts(self) -> bool:
        """True until it is accepted or called a false alarm. What blocks goes on counting: a false alarm blocks too."""
        return self.open and (self.dismissed is None or self.finding.severity == Severity.BLOCK)


@dataclass(frozen=True)
class ChannelView:
    """One channel's text: counted, marked, and as the network shows it."""

    name: str
    title: str
    network: str
    text: str
    count: Count | None
    preview: Preview | None
    segments: tuple[Piece, ...]
    closed: bool = False

    @property
    def label(self) -> str:
        """The channel as people call it."""
        return f"{self.title} ({self.name})" if self.title.lower() != self.name else self.title


@dataclass(frozen=True)
class ImageView:
    """An image with its alternative text and the words in it, both marked; `words` is None where nobody read it."""

    digest: str
    alt: str
    segments: tuple[Piece, ...]
    words: str | None
    said: tuple[Piece, ...]

    @property
    def flagged(self) -> bool:
        """Whether a rule found something in the words."""
        return any(piece.severity for piece in self.said)


@dataclass(frozen=True)
class Marked:
    """Findings of one post with their ids, and the pieces of each part."""

    groups: tuple[Group, ...]
    segments: Mapping[str, tuple[Piece, ...]]


def mark(
    texts: Mapping[str, str],
    findings: Sequence[Found],
    names: Mapping[str, str],
    *,
    settled: Mapping[str, str] | None = None,
    dismissed: Mapping[str, Dismissed] | None = None,
    asked: Mapping[str, tuple[str, ...]] | None = None,
) -> Marked:
    """Put findings in their places. *texts*: part to text; *names*: part to words; the rest: by rule."""
    numbered = [(str(n), found) for n, found in enumerate(findings, 1)]
    alarms = {f.rule for f in findings if f.rule in (dismissed or {}) and f.severity != Severity.BLOCK}
    quiet = alarms | (settled or {}).keys()
    spans: defaultdict[str, list[Span]] = defaultdict(list)
    for id_, found in numbered:
        part, start, end = found.part, found.start, found.end
        if part is not None and part in texts and start is not None and end is not None and start < end:
            spans[part].append(Span(id_, start, end, found.severity, found.rule in quiet))
    segments = {part: pieces(text, spans[part]) for part, text in texts.items()}
    marks = {id_: at for part, here in spans.items() for id_, at in anchors(texts[part], here).items()}
    by_rule: defaultdict[str, list[tuple[Place, Found]]] = defaultdict(list)
    for id_, found in numbered:
        where = names.get(found.part or "", "The post")
        by_rule[found.rule].append((Place(id_, found.part, where, found.match, marks.get(id_)), found))
    groups = [
        Group(
            finding=each[0][1],
            places=tuple(place for place, _ in each),
            settled=(settled or {}).get(rule),
            dismissed=(dismissed or {}).get(rule),
            asked=(asked or {}).get(rule, ()),
        )
        for rule, each in by_rule.items()
    ]
    groups.sort(
        key=lambda group: (
            not group.counts,
            not group.open,
            -Severity(group.finding.severity).rank,
            int(group.places[0].id),
        )
    )
    return Marked(tuple(groups), segments)


def part_names(channels: Iterable[ChannelFacts], images: int) -> dict[str, str]:
    """Return what each part of a post is called."""
    named = {f"texts.{channel.name}": channel.title for channel in channels}
    alts = {f"alt.{n}": f"Alternative text {n + 1}" for n in range(images)}
    return {"title": "Title", **named, **alts, **{f"image.{n}": f"Image {n + 1}" for n in range(images)}}


def part_texts(
    title: str, texts: Mapping[str, str], media: Sequence[Attachment], words: Mapping[bytes, str | None]
) -> dict[str, str]:
    """Return every judged text of a post by its part; *words* says what stands in each image."""
    return {
        "title": title,
        **{f"texts.{name}": text for name, text in sorted(texts.items())},
        **{f"alt.{n}": attached.alt for n, attached in enumerate(media)},
        **{f"image.{n}": words.get(attached.digest) or "" for n, attached in enumerate(media)},
    }


def image_views(
    media: Sequence[Attachment], words: Mapping[bytes, str | None], segments: Mapping[str, tuple[Piece, ...]]
) -> tuple[ImageView, ...]:
    """Return the images of a post as its pages show them; *segments* are the pieces of each part."""
    return tuple(
        ImageView(
            digest=attached.digest.hex(),
            alt=attached.alt,
            segments=segments[f"alt.{n}"],
            words=words.get(attached.digest),
            said=segments[f"image.{n}"],
        )
        for n, attached in enumerate(media)
    )


def channel_view(name: str, text: str, known: ChannelFacts | None, segments: tuple[Piece, ...]) -> ChannelView:
    """Return one channel's text as its page shows it; of a channel or network that is gone, the text alone."""
    network = NETWORKS.get(known.network) if known else None
    return ChannelView(
        name=name,
        title=known.title if known else name,
        network=known.network if known else "",
        text=text,
        count=network.count(text) if network else None,
        preview=network.preview(text) if network else None,
        segments=segments or (Piece(text),),
        closed=known is None or known.closed,
    )


def doubt(groups: Iterable[Group]) -> str | None:
    """Return what to ask before submitting while findings of severity high are open, unless one blocks anyway."""
    open_ = dict(tally(groups))
    high = open_.get(Severity.HIGH, 0)
    if not high or Severity.BLOCK in open_:
        return None
    told = "1 finding of severity High is" if high == 1 else f"{high} findings of severity High are"
    return f"{told} open. Submit all the same?"


def tally(groups: Iterable[Group]) -> tuple[tuple[str, int], ...]:
    """Return how many groups count of each severity, gravest first."""
    open_ = [group.finding.severity for group in groups if group.counts]
    return tuple((str(s), open_.count(s)) for s in reversed(Severity) if s in open_)
