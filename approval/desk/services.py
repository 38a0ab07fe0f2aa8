"""Verbs that several domains share: beginning a workspace whole, editing a post wherever it stands, asking for an
exception."""

from __future__ import annotations

from approval.audit.models.keys import Keys
from approval.capabilities import Actor
from approval.db import Session
from approval.errors import PreconditionFailed
from approval.people.models import Workspace
from approval.people.services import accounts
from approval.posts import services as posts
from approval.posts.draft import Draft
from approval.posts.models import HELD, Post
from approval.posts.payload import digest
from approval.posts.queries import post_for_change
from approval.publishing.services import cancel
from approval.records.services import ensure_retention
from approval.review.services import ensure_workflow, reconsider, supersede
from approval.screening.services import ensure_rule_set


def create_workspace(
    session: Session, *, name: str, title: str, regime: str, entity_type: str, zone: str, keys: Keys, by: str
) -> Workspace:
    """Begin a workspace: its log, and version 1 of its rules, of its workflow and of its retention rules."""
    workspace = accounts.create_workspace(
        session, name=name, title=title, regime=regime, entity_type=entity_type, zone=zone, keys=keys, by=by
    )
    session.flush()
    ensure_rule_set(session, name, by=by)
    ensure_workflow(session, name, by=by)
    ensure_retention(session, name, by=by)
    return workspace


def edit(session: Session, post: Post, draft: Draft, *, by: Actor, seen: bytes) -> bool:
    """Give *post* the payload of *draft*; False where its bytes stay the same and nothing else changed.

    In review, approved or scheduled, other bytes end the round and cancel the schedule in this transaction, so
    that no approval is left for words that it did not see. What stands beside the payload never voids one.
    """
    post = post_for_change(session, post.id)
    if seen != post.revision:
        raise PreconditionFailed(
            "The post changed after you read it. Load it again and make your change to what it says now."
        )
    if post.standing in HELD and digest(draft.payload) != post.revision:
        cancel(session, post, by=by.id)
        supersede(session, post, by=by)
    return posts.revise(session, post, draft, by=by, seen=seen)


def ask_exception(session: Session, post: Post, rule: str, *, reason: str, by: Actor) -> None:
    """Ask that a finding be accepted. Who asks loses their say, so a stage that they closed opens again."""
    posts.ask_exception(session, post, rule, reason=reason, by=by)
    reconsider(session, post, by=by.id)
