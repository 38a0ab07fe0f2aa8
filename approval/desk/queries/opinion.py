"""Second opinions: which rounds wait for one, what it is asked about, and how the page of a post shows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import exists, select

from approval import clock
from approval.db import Session
from approval.desk.queries.content import part_texts
from approval.desk.queries.post import PostPage
from approval.people.queries import channels, workspace_facts
from approval.posts import queries as posts
from approval.review.models import Submission
from approval.rules import Facts
from approval.screening import queries as screening
from approval.screening.models import SecondOpinion
from approval.screening.services import in_force
from approval.screening.services.opinion import Question

MOST_REMARKS = 5
"""On one post: the nearest ones, those that the rules found nothing in before the others."""
SETTLED = clock.seconds(5)
"""A round is looked at when it is so old: by then every round with a smaller id has been committed."""


@dataclass(frozen=True)
class Remark:
    """Words that resemble what a rule flags, from 0 to 1; `found`: the rules found something in them too."""

    words: str
    where: str
    rule: str
    similarity: float
    found: bool


@dataclass(frozen=True)
class OpinionPanel:
    """A second opinion as reviewers see it, with the model that gave it."""

    model: str
    version: str
    remarks: tuple[Remark, ...]


def waiting_rounds(session: Session, workspaces: Collection[str], *, after: int, limit: int = 20) -> tuple[int, ...]:
    """Return the open rounds after the one with this id whose revision nobody gave an opinion on, oldest first."""
    given = exists().where(
        SecondOpinion.workspace == Submission.workspace, SecondOpinion.revision == Submission.revision
    )
    return tuple(
        session.scalars(
            select(Submission.id)
            .where(
                Submission.id > after,
                Submission.workspace.in_(workspaces),
                Submission.outcome.is_(None),
                Submission.submitted_at <= clock.now(session) - SETTLED,
                ~given,
            )
            .order_by(Submission.id)
            .limit(limit)
        )
    )


def question_of(session: Session, round_: int) -> Question:
    """Return what an opinion on the revision of a round is asked about; RuleError where the rules cannot be read."""
    columns = (Submission.workspace, Submission.post, Submission.revision, Submission.rule_set)
    workspace, post, revision, rule_set = session.execute(select(*columns).where(Submission.id == round_)).one()
    payload = posts.payload_of(session, workspace, revision)
    firm = workspace_facts(session, workspace)
    facts = Facts(
        regime=payload.regime,
        product=payload.product,
        audience=payload.audience,
        entity_type=firm.entity_type,
        on=clock.wall_time(clock.now(session), firm.zone).date(),
    )
    words = posts.media_words(session, workspace, payload.media)
    return Question(
        workspace=workspace,
        post=post,
        revision=revision,
        texts=posts.parts(payload, channels(session, workspace), words),
        facts=facts,
        found=screening.findings_of(session, workspace, revision, rule_set),
        rules=in_force(session, workspace),
    )


def opinion_panel(session: Session, about: PostPage) -> OpinionPanel | None:
    """Return the second opinion on the words that a page shows; None where there is none, or it says nothing."""
    post = about.post
    opinion = screening.opinion_on(session, post.workspace, post.revision)
    if opinion is None or not opinion.resemblances:
        return None
    payload = post.payload
    words = posts.media_words(session, post.workspace, payload.media)
    texts = part_texts(payload.title, payload.texts, payload.media, words)
    shown = sorted(opinion.resemblances, key=lambda one: (one.found, -one.similarity))[:MOST_REMARKS]
    return OpinionPanel(
        opinion.model,
        opinion.version,
        tuple(
            Remark(
                words=texts.get(one.part, "")[one.start : one.end],
                where=about.names.get(one.part, one.part),
                rule=one.rule,
                similarity=one.similarity / 1000,
                found=one.found,
            )
            for one in shown
        ),
    )
