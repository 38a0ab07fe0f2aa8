"""The worker lets rounds go on that wait for somebody who has left."""

from __future__ import annotations

import pytest
from factories import HOST, a_decision, a_post_in_review, put_in_force
from sqlalchemy import func, select

from approval import settings as environment
from approval.audit.models import Entry
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.people.models import Person
from approval.people.services import accounts
from approval.posts.models import Post, Standing
from approval.review.flow import ALL, Asked, Stage, Who
from approval.review.jobs import follow_leavers
from approval.review.queries import outdated_posts


@pytest.fixture
def post(firm):
    """A post that one of two reviewers has approved, where both are asked."""
    with transaction() as session:
        put_in_force(session, firm, Stage("peer", "Peer", Who(Asked.ROLE, "reviewer"), ALL))
        post = a_post_in_review(session, firm)
        a_decision(session, post, by=firm.reviewer)
        return post.id


def standing(post):
    with reading() as session:
        return session.get_one(Post, post).standing


def test_a_round_goes_on_without_who_has_left(firm, post, tmp_path):
    settings = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    follow_leavers(settings, "w1")
    assert standing(post) is Standing.IN_REVIEW

    with transaction() as session:
        leaver = session.get_one(Person, firm.other_reviewer.id)
        accounts.take_role(session, leaver, Role.REVIEWER, workspace=firm.workspace, by=HOST)
    with reading() as session:
        assert outdated_posts(session) == (post,)
    for _ in range(2):
        follow_leavers(settings, "w1")
        assert standing(post) is Standing.APPROVED
    with reading() as session:
        kinds = select(func.count()).select_from(Entry).where(Entry.kind == "review.reconsidered")
        assert session.scalar(kinds) == 1
