"""The page of a post: the words and what the rules say, who decided, what became of it, what the reader may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from approval.capabilities import Actor
from approval.db import Session
from approval.desk.queries.abilities import Abilities, abilities
from approval.desk.queries.changes import Changes, changes_since
from approval.desk.queries.content import (
    ChannelView,
    Dismissed,
    Group,
    ImageView,
    Marked,
    channel_view,
    doubt,
    image_views,
    mark,
    part_names,
    part_texts,
    tally,
)
from approval.desk.queries.marking import Piece
from approval.desk.queries.stages import RoundView, StageLine, coming, round_view
from approval.errors import NotFound
from approval.people.queries import ChannelFacts, channels, names_of, workspace_facts
from approval.posts import queries as posts
from approval.posts.models import Post, Standing
from approval.posts.queries import EvidenceFacts, PostFacts, RevisionFacts, Thread
from approval.publishing.queries import PublicationFacts, publications_of
from approval.review import queries as review
from approval.review.queries import Round
from approval.screening import queries as screening
from approval.screening.models import Screening


@dataclass(frozen=True)
class PostPage:
    """Everything that the page of a post shows to one reader."""

    post: PostFacts
    firm: str
    zone: str
    title: tuple[Piece, ...]
    channels: tuple[ChannelView, ...]
    images: tuple[ImageView, ...]
    findings: tuple[Group, ...]
    tally: tuple[tuple[str, int], ...]
    names: dict[str, str]
    round: RoundView | None
    coming: tuple[StageLine, ...]
    revisions: tuple[RevisionFacts, ...]
    changes: Changes | None
    threads: tuple[Thread, ...]
    evidence: tuple[EvidenceFacts, ...]
    publications: tuple[PublicationFacts, ...]
    may: Abilities
    reader: str
    key: str

    @property
    def digest(self) -> str:
        """The digest of the words that are shown."""
        return self.post.revision.hex()

    @property
    def question(self) -> str | None:
        """What to ask before submitting, if anything."""
        return doubt(self.findings)

    @property
    def goes_out(self) -> datetime | None:
        """When the first publication that waits is due; where none does, when the author wishes it."""
        waiting = [p.due_at for p in self.publications if p.standing == Standing.SCHEDULED.value]
        return min(waiting, default=self.post.wanted_at)


def post_page(session: Session, post_id: int, *, reader: Actor, since: int | None, key: str) -> PostPage:
    """Return the page of a post for *reader*; *key* names the decision that may follow. NotFound for no post."""
    facts = posts.post_facts(session, post_id)
    row = session.get_one(Post, post_id)
    firm = workspace_facts(session, facts.workspace)
    round_ = review.flow_of(session, post_id)
    known = {channel.name: channel for channel in channels(session, facts.workspace)}
    payload = facts.payload
    rule_set = rule_set_of(session, facts, round_)
    words = posts.media_words(session, facts.workspace, payload.media)
    marked, names = _marked(session, facts, known.values(), rule_set, words)
    revisions = posts.revisions(session, post_id)
    publications = publications_of(session, post_id)
    return PostPage(
        post=facts,
        firm=firm.title,
        zone=firm.zone,
        title=marked.segments["title"],
        channels=tuple(
            channel_view(name, text, known.get(name), marked.segments[f"texts.{name}"])
            for name, text in sorted(payload.texts.items())
        ),
        images=image_views(payload.media, words, marked.segments),
        findings=marked.groups,
        tally=tally(marked.groups),
        names=names,
        round=round_view(session, round_) if round_ else None,
        coming=_coming(session, row, rule_set),
        revisions=revisions,
        changes=changes_since(session, facts, revisions, names, reader=reader, number=since),
        threads=posts.comments(session, post_id, payload, reader=reader),
        evidence=tuple(file for file in posts.evidence(session, post_id) if file.removed_at is None),
        publications=publications,
        may=abilities(session, row, round_, publications, reader),
        reader=reader.id,
        key=key,
    )


def _marked(
    session: Session,
    facts: PostFacts,
    known: Iterable[ChannelFacts],
    rule_set: bytes | None,
    words: Mapping[bytes, str | None],
) -> tuple[Marked, dict[str, str]]:
    """Return the stored findings in their places, each with who accepted it and who asked that somebody does."""
    payload = facts.payload
    names = part_names(known, len(payload.media))
    stored = screening.findings_of(session, facts.workspace, facts.revision, rule_set) if rule_set else ()
    asked = screening.requests_of(session, facts.workspace, facts.revision) if stored else ()
    answered = {by for f in stored for by in (f.accepted_by, f.dismissed_by) if by}
    people = names_of(session, answered | {a.asked_by for a in asked})
    marked = mark(
        part_texts(payload.title, payload.texts, payload.media, words),
        stored,
        names,
        settled={f.rule: f"Accepted by {people[f.accepted_by]}: {f.accepted_reason}" for f in stored if f.accepted_by},
        dismissed={
            f.rule: Dismissed(people[f.dismissed_by], f.dismissed_at, f.dismissed_reason or "")
            for f in stored
            if f.dismissed_by and f.dismissed_at
        },
        asked={f.rule: tuple(f"{people[a.asked_by]}: {a.reason}" for a in asked if a.rule == f.rule) for f in stored},
    )
    return marked, names


def rule_set_of(session: Session, post: PostFacts, round_: Round | None) -> bytes | None:
    """Return the rule set whose findings count: the round's, while one holds the post, else the last applied."""
    if round_ is not None and post.lock == round_.number and round_.revision == post.revision:
        return round_.rule_set
    return session.scalar(
        select(Screening.rule_set)
        .where(Screening.workspace == post.workspace, Screening.revision == post.revision)
        .order_by(Screening.id.desc())
        .limit(1)
    )


def _coming(session: Session, post: Post, rule_set: bytes | None) -> tuple[StageLine, ...]:
    if post.standing not in (Standing.DRAFT, Standing.CHANGES_REQUESTED) or rule_set is None:
        return ()
    try:
        flow = review.preview_of(session, post.id)
    except NotFound:
        return ()
    return coming(session, post.workspace, flow, post)
