"""What a reader may do with a post now: the services decide, the page only shows what they would allow."""

from __future__ import annotations

from dataclasses import dataclass

from approval.capabilities import Actor, Capability, can
from approval.db import Session
from approval.posts.models import EDITABLE, HELD, SCHEDULABLE, WITHDRAWABLE, Post, Standing
from approval.publishing.models import PublicationStanding as Out
from approval.publishing.queries import PublicationFacts
from approval.review import queries as review
from approval.review.queries import Round


@dataclass(frozen=True)
class Deciding:
    """The stage at which the reader may decide."""

    stage: str
    name: str
    number: int
    checklist: tuple[str, ...]


@dataclass(frozen=True)
class Abilities:
    """What the reader may do with the post as it stands. `why_not`: why somebody who decides may not decide here."""

    deciding: Deciding | None
    why_not: str | None
    edit: bool
    voids: bool
    submit: bool
    schedule: bool
    withdraw: bool
    settle: bool
    comment: bool
    accept: bool
    dismiss: bool
    undismiss: bool
    ask: bool
    copy: bool
    evidence: bool
    history: bool


def abilities(
    session: Session, post: Post, round_: Round | None, publications: tuple[PublicationFacts, ...], reader: Actor
) -> Abilities:
    """Return what *reader* may do with *post*."""
    held = {capability for capability in Capability if can(reader, capability, post.workspace)}
    own = reader.id in review.own_words(session, post)
    deciding, why_not = _deciding(session, post, round_, reader, own=own) if Capability.DECIDE in held else (None, None)
    sent = any(p.standing not in (Out.SCHEDULED, Out.WITHDRAWN) for p in publications if p.revision == post.revision)
    editable = post.standing in EDITABLE or (post.standing in HELD and not sent)
    withdraws = Capability.SCHEDULE in held or Capability.ACCEPT_FINDING in held
    return Abilities(
        deciding=deciding,
        why_not=why_not,
        edit=Capability.DRAFT in held and editable,
        voids=post.standing in HELD,
        submit=Capability.SUBMIT in held and post.standing in EDITABLE,
        schedule=Capability.SCHEDULE in held and post.standing in SCHEDULABLE,
        withdraw=post.standing in WITHDRAWABLE and (withdraws or (own and Capability.SUBMIT in held)),
        settle=Capability.CONFIRM in held,
        comment=Capability.COMMENT in held,
        accept=Capability.ACCEPT_FINDING in held and not own,
        dismiss=Capability.DECIDE in held and not own,
        undismiss=Capability.DECIDE in held and not own and post.standing is Standing.IN_REVIEW,
        ask=Capability.DRAFT in held and post.standing in (*EDITABLE, Standing.IN_REVIEW),
        copy=Capability.DRAFT in held,
        evidence=Capability.DRAFT in held,
        history=Capability.READ_AUDIT in held,
    )


def _deciding(
    session: Session, post: Post, round_: Round | None, reader: Actor, *, own: bool
) -> tuple[Deciding | None, str | None]:
    state = round_.flow.open_stage if round_ and post.standing is Standing.IN_REVIEW else None
    if round_ is None or state is None:
        return None, None
    if own:
        return None, "You wrote or edited these words, or asked for an exception, so somebody else decides."
    mine = [made.stage for s in round_.stages for made in s.decisions if made.by == reader.id]
    if mine and (state.slug in mine or round_.flow.workflow.distinct):
        return None, "You have decided in this round. Now somebody else does."
    if reader.id not in review.may_decide(session, post, state.who):
        return None, f"The stage {state.name} asks others."
    number = next(n for n, s in enumerate(round_.stages, 1) if s.slug == state.slug)
    return Deciding(round_.stage_id(state), state.name, number, state.stage.checklist), None
