"""The composer: what the rules say of what was typed, how it will look, and which stages would follow."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from approval.db import Session
from approval.desk.queries.content import (
    ChannelView,
    Group,
    ImageView,
    Marked,
    channel_view,
    doubt,
    image_views,
    mark,
    part_names,
    part_texts,
)
from approval.desk.queries.stages import StageLine, coming
from approval.people.queries import ChannelFacts, WorkspaceFacts, channels
from approval.posts.models import Post
from approval.posts.payload import Attachment
from approval.posts.queries import EvidenceFacts, evidence, media_words
from approval.review import queries as review
from approval.review.queries.rounds import content_facts
from approval.rules import AUDIENCES, PRODUCTS, REGIMES, Finding
from approval.screening.services import Part, check


@dataclass(frozen=True)
class Words:
    """What was typed so far of all that is judged: right or not, saved or not. `texts` holds every channel's."""

    title: str
    texts: Mapping[str, str]
    chosen: frozenset[str]
    media: tuple[Attachment, ...] = ()
    regime: str | None = None
    product: str | None = None
    audience: str | None = None


@dataclass(frozen=True)
class Editor:
    """One channel in the composer: chosen or not, with the findings of its text."""

    view: ChannelView
    chosen: bool
    findings: tuple[Group, ...]


@dataclass(frozen=True)
class Aside:
    """What stands beside the composer and follows it as it changes: previews, and the stages to come.

    `question` is asked before submitting, if anything is.
    """

    workspace: str
    firm: str
    channels: tuple[ChannelView, ...]
    images: tuple[tuple[str, str], ...]
    stages: tuple[StageLine, ...]
    question: str | None

    @property
    def asked(self) -> int:
        """How many stages would be asked."""
        return sum(stage.standing != "skipped" for stage in self.stages)


@dataclass(frozen=True)
class Composition:
    """The composer but for its form. `others`: findings outside the texts. `blocked`: some finding blocks."""

    editors: tuple[Editor, ...]
    others: tuple[Group, ...]
    images: tuple[ImageView, ...]
    evidence: tuple[EvidenceFacts, ...]
    aside: Aside
    names: Mapping[str, str]
    blocked: bool


def composition(session: Session, firm: WorkspaceFacts, words: Words, *, post: int | None) -> Composition:
    """Return the composer for *words*; closed channels are shown while they are chosen."""
    known = channels(session, firm.name)
    shown = [channel for channel in known if not channel.closed or channel.name in words.chosen]
    said = media_words(session, firm.name, words.media)
    findings, marked = _judged(session, firm, words, shown, said)
    outside = [finding for finding in findings if not (finding.part or "").startswith("texts.")]
    return Composition(
        editors=tuple(_editor(channel, words, marked) for channel in shown),
        others=mark({}, outside, part_names(shown, len(words.media))).groups,
        images=image_views(words.media, said, marked.segments),
        evidence=tuple(f for f in evidence(session, post) if f.removed_at is None) if post else (),
        aside=_aside(session, firm, words, known, findings, marked, post=post),
        names=part_names(shown, len(words.media)),
        blocked=any(group.finding.severity == "block" for group in marked.groups),
    )


def beside(session: Session, firm: WorkspaceFacts, words: Words, *, post: int | None) -> Aside:
    """Return what stands beside the composer for *words*, alone."""
    known = channels(session, firm.name)
    findings, marked = _judged(session, firm, words, known, media_words(session, firm.name, words.media))
    return _aside(session, firm, words, known, findings, marked, post=post)


def _aside(
    session: Session,
    firm: WorkspaceFacts,
    words: Words,
    known: Sequence[ChannelFacts],
    findings: Sequence[Finding],
    marked: Marked,
    *,
    post: int | None,
) -> Aside:
    by_name = {channel.name: channel for channel in known}
    facts = content_facts(
        {channel.name: channel.network for channel in known},
        words.chosen,
        severities=(finding.severity for finding in findings),
        topics=(finding.topic for finding in findings),
        product=words.product,
    )
    row = session.get(Post, post) if post else None
    return Aside(
        workspace=firm.name,
        firm=firm.title,
        channels=tuple(
            channel_view(name, words.texts.get(name, ""), by_name[name], marked.segments[f"texts.{name}"])
            for name in sorted(words.chosen & by_name.keys())
        ),
        images=tuple((attached.digest.hex(), attached.alt) for attached in words.media),
        stages=coming(session, firm.name, review.preview(session, firm.name, facts), row),
        question=doubt(marked.groups),
    )


def _judged(
    session: Session,
    firm: WorkspaceFacts,
    words: Words,
    known: Sequence[ChannelFacts],
    said: Mapping[bytes, str | None],
) -> tuple[tuple[Finding, ...], Marked]:
    """Ask the rules in force about everything written so far; an empty text is nothing to ask about yet."""
    network = {channel.name: channel.network for channel in known if channel.name in words.chosen}
    texts = part_texts(words.title, {name: words.texts.get(name, "") for name in network}, words.media, said)
    findings = check(
        session,
        firm.name,
        [Part(part, network.get(part.removeprefix("texts.")), text) for part, text in texts.items() if text.strip()],
        regime=_known(words.regime, REGIMES),
        product=_known(words.product, PRODUCTS),
        audience=_known(words.audience, AUDIENCES),
    )
    return findings, mark(texts, findings, part_names(known, len(words.media)))


def _known(value: str | None, allowed: Container[object]) -> str | None:
    return value if value in allowed else None


def _editor(channel: ChannelFacts, words: Words, marked: Marked) -> Editor:
    part = f"texts.{channel.name}"
    return Editor(
        view=channel_view(channel.name, words.texts.get(channel.name, ""), channel, marked.segments.get(part, ())),
        chosen=channel.name in words.chosen,
        findings=tuple(group for group in marked.groups if any(place.part == part for place in group.places)),
    )
