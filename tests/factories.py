"""Plain functions that make what a test needs, through the services of the product."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from typing import Any

from PIL import Image
from sqlalchemy import select

from approval.audit.services.keys import Keys
from approval.capabilities import Actor, Role
from approval.db import Session, transaction
from approval.people.models import Person, Proposal, Via
from approval.people.queries import actor_of
from approval.people.services import accounts
from approval.posts import services as posts
from approval.posts.draft import Draft
from approval.posts.models import Post
from approval.review import services as review
from approval.review.flow import Reason, Stage, Verdict, Workflow, to_toml
from approval.review.models import Decision
from approval.review.queries import flow_of
from approval.screening.services import ensure_rule_set

HOST = "host:test"


def a_workspace(session: Session, keys: Keys, *, name: str = "northwind", regime: str = "us-bank") -> str:
    accounts.create_workspace(
        session,
        name=name,
        title=name.title(),
        regime=regime,
        entity_type="bank",
        zone="Europe/Zurich",
        keys=keys,
        by=HOST,
    )
    return name


def a_person(session: Session, name: str, *roles: Role, workspace: str = "northwind") -> Actor:
    person = accounts.add_person(session, email=f"{name}@northwind.example", name=name.title(), by=HOST)
    for role in roles:
        accounts.give_role(session, person, role, workspace=workspace, by=HOST)
    session.flush()
    actor = actor_of(session, person.id)
    assert actor is not None
    return actor


@dataclass(frozen=True)
class Firm:
    """A small firm: somebody in each role, and a channel of each kind."""

    workspace: str
    marketer: Actor
    other_marketer: Actor
    reviewer: Actor
    other_reviewer: Actor
    compliance: Actor
    other_compliance: Actor
    publisher: Actor
    examiner: Actor
    administrator: Actor


def a_firm(keys: Keys, *, name: str = "northwind", regime: str = "us-bank") -> Firm:
    """Make a firm in a transaction of its own: channels `news` (feed, blog), `site` (feed, linkedin) and
    `desk` (manual, x)."""
    with transaction() as session:
        a_workspace(session, keys, name=name, regime=regime)
        ensure_rule_set(session, name, by=HOST)
        review.ensure_workflow(session, name, by=HOST)

        def person(who: str, role: Role) -> Actor:
            return a_person(session, who, role, workspace=name)

        firm = Firm(
            workspace=name,
            marketer=person("maria", Role.MARKETER),
            other_marketer=person("milan", Role.MARKETER),
            reviewer=person("ruth", Role.REVIEWER),
            other_reviewer=person("rafael", Role.REVIEWER),
            compliance=person("carla", Role.COMPLIANCE),
            other_compliance=person("cem", Role.COMPLIANCE),
            publisher=person("paula", Role.PUBLISHER),
            examiner=person("emil", Role.EXAMINER),
            administrator=person("ada", Role.ADMINISTRATOR),
        )
        for channel, network, via in (
            ("news", "blog", Via.FEED),
            ("site", "linkedin", Via.FEED),
            ("desk", "x", Via.MANUAL),
        ):
            accounts.open_channel(
                session, workspace=name, name=channel, title=channel.title(), network=network, via=via, by=HOST
            )
    return firm


CLEAN = "From Monday our branch in Zug opens at nine."
"""Words that no rule flags."""
BLOCKED = "Guaranteed returns of 9% every year, with no risk at all!"
"""Words that block."""
SHORTENED = "Come to our new branch in Zug: https://bit.ly/zug"
"""Words in which one rule finds something that does not block: the link."""
TYPED = {
    "workspace": "northwind",
    "title": "Hours",
    "regime": "us-bank",
    "zone": "Europe/Zurich",
    "channel": "news",
    "text.news": CLEAN,
}
"""What the composer sends of a post with these words."""
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def a_picture(colour: str = "navy") -> bytes:
    """A small PNG."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "PNG")
    return out.getvalue()


def a_draft(firm: Firm, words: str = CLEAN, *, channel: str = "news", **changes: Any) -> Draft:
    """A draft of the firm for one channel."""
    fields: dict[str, Any] = {"title": "Hours", "texts": {channel: words}, "regime": "us-bank", "zone": "Europe/Zurich"}
    return Draft(workspace=firm.workspace, **{**fields, **changes})


def a_post(session: Session, firm: Firm, words: str = CLEAN, *, by: Actor | None = None, **changes: Any) -> Post:
    """A post that the firm's marketer (or *by*) wrote."""
    return posts.create(session, a_draft(firm, words, **changes), by=by or firm.marketer)


def with_role(session: Session, actor: Actor, role: Role, *, workspace: str = "northwind") -> Actor:
    """The same person, with one role more."""
    accounts.give_role(session, session.get_one(Person, actor.id), role, workspace=workspace, by=HOST)
    session.flush()
    found = actor_of(session, actor.id)
    assert found is not None
    return found


def put_in_force(session: Session, firm: Firm, *stages: Stage, distinct: bool = True) -> None:
    """Give the firm this workflow, proposed by one and seconded by another."""
    source = to_toml(Workflow(stages, distinct))
    review.propose_workflow(session, firm.workspace, source, by=firm.compliance, reason="As agreed.")
    session.flush()
    proposal = session.scalars(select(Proposal).order_by(Proposal.id.desc()).limit(1)).one()
    review.second_workflow(session, proposal, by=firm.other_compliance, accept=True)


def a_post_in_review(session: Session, firm: Firm, words: str = CLEAN, **changes: Any) -> Post:
    """A post that the firm's marketer wrote and submitted."""
    post = a_post(session, firm, words, **changes)
    review.submit(session, post, by=firm.marketer)
    return post


def a_decision(
    session: Session, post: Post, *, by: Actor, verdict: Verdict = Verdict.APPROVE, **given: Any
) -> Decision:
    """What *by* says at the open stage of the post's round, on the bytes that it stands at."""
    current = flow_of(session, post.id)
    assert current is not None and current.flow.open_stage is not None, "a round with an open stage"
    if verdict is not Verdict.APPROVE:
        given = {"reason": Reason.MISLEADING, "note": "This promises too much.", **given}
    fields = {"stage": current.stage_id(current.flow.open_stage), "seen": post.revision, "key": str(uuid.uuid4())}
    return review.decide(session, post, by=by, verdict=verdict, **{**fields, **given})


def an_approved_post(session: Session, firm: Firm, words: str = CLEAN, **changes: Any) -> Post:
    """A post that passed both stages of the shipped workflow."""
    post = a_post_in_review(session, firm, words, **changes)
    a_decision(session, post, by=firm.reviewer)
    a_decision(session, post, by=firm.compliance)
    return post
