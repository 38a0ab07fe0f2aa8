"""Leading each post of the demo to its standing: one act of one person in one transaction, as in the browser.

What comes next follows from where the post stands, so that an interrupted load goes on where it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from functools import cache
from typing import Any

from sqlalchemy import func, select

from approval import clock
from approval.db import Origin, Session, transaction
from approval.desk import services as desk
from approval.desk.demo import pictures
from approval.desk.demo.firm import DECIDERS, WORKSPACE, Firm
from approval.desk.demo.story import Opinion, Story, dated
from approval.posts import services as posts
from approval.posts.draft import Draft, draft_from_json
from approval.posts.models import Comment, Post, Revision, Standing
from approval.posts.queries import post_for_change
from approval.posts.reading import Reading
from approval.publishing import services as publishing
from approval.publishing.models import Publication, PublicationStanding
from approval.review import services as review
from approval.review.flow import Verdict
from approval.review.models import Decision, OpenStage
from approval.review.queries.rounds import stage_id
from approval.screening.queries import open_blocks, requesters
from approval.screening.services import digest_in_force

ORIGIN = Origin(method="demo")
WINDOW = timedelta(seconds=3)
"""How long the approval of the post that expires holds, from its first revision on."""
SOON = timedelta(seconds=1)
PUBLISHER = "priya"


class Step(Enum):
    """What came of looking at a post: somebody acted, it waits for the worker, or it is where it shall be."""

    ACTED = auto()
    WAITS = auto()
    ARRIVED = auto()


def lead(firm: Firm, story: Story) -> bool:
    """Take a post as far as people can; say whether it has arrived, or else waits for the worker."""
    if story.image is not None:
        _read(pictures.card(story.image))  # It may take seconds: no transaction waits for it.
    with transaction(ORIGIN) as session:
        post = find(session, story) or _begin(session, firm, story)
    while (step := _step(firm, story, post)) is Step.ACTED:
        pass
    return step is Step.ARRIVED


def find(session: Session, story: Story) -> int | None:
    """Return the number of the post that a story is about, by the title of its first revision."""
    return session.scalar(
        select(Revision.post)
        .where(Revision.workspace == WORKSPACE, Revision.title == story.title, Revision.number == 1)
        .order_by(Revision.post)
        .limit(1)
    )


def _step(firm: Firm, story: Story, id_: int) -> Step:
    """Do the next act of a person, where there is one."""
    with transaction(ORIGIN) as session:
        post = post_for_change(session, id_)
        arrived = _has_arrived(session, post, story)
        act = _remark if arrived else _ACTS.get(post.standing)
        if act is not None and act(session, firm, story, post):
            return Step.ACTED
        return Step.ARRIVED if arrived else Step.WAITS


def _has_arrived(session: Session, post: Post, story: Story) -> bool:
    if post.standing is not story.ends or _is_first_round(session, post, story):
        return False
    return post.standing is not Standing.IN_REVIEW or _approvals(session, post) >= story.approvals


def _is_first_round(session: Session, post: Post, story: Story) -> bool:
    """Say whether the words are still those that will be sent back."""
    if story.first is None:
        return False
    return session.scalar(select(func.count()).where(Revision.post == post.id)) == 1


# -- drafting ---------------------------------------------------------------------------------------------------


def _begin(session: Session, firm: Firm, story: Story) -> int:
    author = firm.people[story.by]
    draft = _draft(session, firm, story, story.first.texts if story.first else story.texts)
    post = posts.create(session, draft, by=author)
    if story.evidence is not None:
        posts.add_evidence(session, post, name=story.evidence.name, data=pictures.page(story.evidence), by=author)
    if story.ends is Standing.EXPIRED:
        # Its window is open for seconds: it must not run out between two transactions of an interrupted load.
        review.submit(session, post, by=author)
    return post.id


def _draft(session: Session, firm: Firm, story: Story, texts: Mapping[str, str]) -> Draft:
    author, now = firm.people[story.by], clock.now(session)
    today = clock.wall_time(now, firm.facts.zone).date()
    body: dict[str, Any] = {
        "title": story.title,
        "texts": dated(texts, today),
        "product": story.product,
        "audience": story.audience,
        "objective": dict(story.objective),
        "in_reply_to": story.in_reply_to,
    }
    if story.image is not None:
        card = pictures.card(story.image)
        media = posts.add_media(session, WORKSPACE, card, by=author, reading=_read(card))
        body["media"] = [{"digest": media.digest.hex(), "alt": story.image.alt}]
    draft = draft_from_json(body, firm.facts, firm.channels)
    ends = now + WINDOW if story.ends is Standing.EXPIRED else None
    return replace(draft, publish_at=story.due_at(today, firm.facts.zone), not_after=ends)


@cache
def _read(card: bytes) -> Reading | None:
    return posts.read_words(card)


def _revise(session: Session, firm: Firm, story: Story, post: Post) -> bool:
    author = firm.people[story.by]
    return desk.edit(session, post, _draft(session, firm, story, story.texts), by=author, seen=post.revision)


def _remark(session: Session, firm: Firm, story: Story, post: Post) -> bool:
    """Make the next comment; False where all are made."""
    made = session.scalar(select(func.count()).where(Comment.post == post.id)) or 0
    if made >= len(story.comments):
        return False
    remark = story.comments[made]
    posts.comment(session, post, remark.text, by=firm.people[remark.by], part=remark.part, quote=remark.quote)
    return True


# -- review -----------------------------------------------------------------------------------------------------


def _submit(session: Session, firm: Firm, story: Story, post: Post) -> bool:
    if story.ends is Standing.DRAFT:
        return False
    if post.standing is Standing.CHANGES_REQUESTED and _is_first_round(session, post, story):
        return _revise(session, firm, story, post)
    if story.exception is not None and _waive(session, firm, story, post):
        return True
    review.submit(session, post, by=firm.people[story.by])
    return True


def _waive(session: Session, firm: Firm, story: Story, post: Post) -> bool:
    """Ask for an exception, then grant it; False where nothing blocks any more."""
    assert story.exception is not None
    blocks = open_blocks(session, WORKSPACE, post.revision, digest_in_force(session, WORKSPACE))
    rule = next((finding.rule for finding in blocks if finding.topic == story.exception.topic), None)
    if rule is None:
        return False
    author = firm.people[story.by]
    if author.id not in requesters(session, WORKSPACE, post.revision):
        desk.ask_exception(session, post, rule, reason=story.exception.asked, by=author)
    else:
        posts.accept_finding(session, post, rule, reason=story.exception.answered, by=firm.people["claire"])
    return True


def _decide(session: Session, firm: Firm, story: Story, post: Post) -> bool:
    if story.ends is Standing.WITHDRAWN and _approvals(session, post) >= story.approvals:
        publishing.withdraw(session, post, by=firm.people[story.by], reason=story.withdrawn)
        return True
    open_ = session.scalars(select(OpenStage).where(OpenStage.post == post.id)).one()
    opinion = _opinion(story, open_.stage, first=_is_first_round(session, post, story))
    review.decide(
        session,
        post,
        by=firm.people[opinion.by],
        stage=stage_id(open_.submission, open_.stage),
        verdict=opinion.verdict,
        seen=post.revision,
        reason=opinion.reason,
        note=opinion.note,
        key=str(uuid.uuid4()),
    )
    return True


def _opinion(story: Story, stage: str, *, first: bool) -> Opinion:
    """Return what is decided at a stage; without a word of its own, whose turn it is approves."""
    asked = DECIDERS[stage]
    if first and story.first is not None and story.first.opinion.by in asked:
        return story.first.opinion
    turn = Opinion(by=asked[story.number % len(asked)])
    return turn if first else next((story.opinions[by] for by in asked if by in story.opinions), turn)


def _approvals(session: Session, post: Post) -> int:
    """Return how many approvals the round that the post is in has."""
    of_round = select(OpenStage.submission).where(OpenStage.post == post.id).scalar_subquery()
    approvals = select(func.count()).where(Decision.submission == of_round, Decision.verdict == Verdict.APPROVE)
    return session.scalar(approvals) or 0


# -- publishing -------------------------------------------------------------------------------------------------


def _place(session: Session, firm: Firm, story: Story, post: Post) -> bool:
    """Schedule an approved or missed post, or let it go out now; False where it waits for its window to pass."""
    by, zone = firm.people[PUBLISHER], firm.facts.zone
    now = clock.now(session)
    match story.ends:
        case Standing.EXPIRED:
            return False
        case Standing.WITHDRAWN:
            publishing.withdraw(session, post, by=firm.people[story.by], reason=story.withdrawn)
        case Standing.MISSED:
            publishing.schedule(session, post, by=by, publish_at=now + SOON, zone=zone)
        case Standing.SCHEDULED:
            due = story.due_at(clock.wall_time(now, zone).date(), zone)
            assert due is not None, "what is scheduled has a due time"
            publishing.schedule(session, post, by=by, publish_at=due, zone=zone)
        case _:
            publishing.publish_now(session, post, by=by)
    return True


def _confirm(session: Session, firm: Firm, story: Story, post: Post) -> bool:
    """Say with the link that what was handed over is out."""
    publication = session.scalars(
        select(Publication)
        .where(Publication.post == post.id, Publication.standing == PublicationStanding.NEEDS_PERSON)
        .order_by(Publication.id)
        .limit(1)
    ).first()
    if publication is None or not story.link:
        return False
    publishing.confirm(session, publication, by=firm.people[PUBLISHER], url=story.link)
    return True


_ACTS: dict[Standing, Callable[[Session, Firm, Story, Post], bool]] = {
    Standing.DRAFT: _submit,
    Standing.CHANGES_REQUESTED: _submit,
    Standing.IN_REVIEW: _decide,
    Standing.APPROVED: _place,
    Standing.NEEDS_PERSON: _confirm,
    # Where a load went on after more than the grace.
    Standing.MISSED: _place,
}
