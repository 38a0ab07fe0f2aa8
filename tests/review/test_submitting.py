"""What keeps a post from review, what a submission pins, and how a round ends without a decision."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import (
    BLOCKED,
    HOST,
    a_decision,
    a_draft,
    a_person,
    a_post,
    a_post_in_review,
    an_approved_post,
    put_in_force,
    with_role,
)
from sqlalchemy import func, select

from approval import clock
from approval.capabilities import Role
from approval.db import transaction
from approval.errors import CapabilityMissing, Forbidden, IllegalStep, Invalid, NotReady, StaleStage
from approval.people.models import Person
from approval.people.services import accounts
from approval.posts import services as posts
from approval.posts.models import Standing
from approval.review import services as review
from approval.review.flow import Asked, Condition, Outcome, Stage, Verdict, Who
from approval.review.models import OpenStage, Submission, WorkflowVersion
from approval.review.queries import flow_of, preview_of
from approval.rules.finding import Severity

REVIEWERS = Who(Asked.ROLE, "reviewer")


def latest(session, post):
    return session.scalars(
        select(Submission).where(Submission.post == post.id).order_by(Submission.number.desc())
    ).first()


def places(refused):
    return {problem.where for problem in refused.value.problems}


# -- submit -----------------------------------------------------------------------------------------------------


def test_a_submission_pins_revision_workflow_and_rules(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        first = latest(session, post)
        put_in_force(session, firm, Stage("only", "Only", REVIEWERS))
        assert [stage.slug for stage in flow_of(session, post.id).stages] == ["peer-review", "compliance"]
        assert (first.revision, first.number) == (post.revision, 1)
        later = a_post_in_review(session, firm, "From Friday we open at ten.")
        assert [stage.slug for stage in flow_of(session, later.id).stages] == ["only"]


@pytest.mark.parametrize("standing", [s for s in Standing if s not in (Standing.DRAFT, Standing.CHANGES_REQUESTED)])
def test_only_drafts_and_returned_posts_are_submitted(firm_on_sqlite, standing, monkeypatch):
    with transaction() as session:
        post = a_post(session, firm_on_sqlite)
        session.flush()
        post.standing = standing
        monkeypatch.setattr("approval.posts.queries.post_for_change", lambda session, id_: post)
        with pytest.raises(IllegalStep):
            review.submit(session, post, by=firm_on_sqlite.marketer)
        session.rollback()


@pytest.mark.parametrize("who", ["reviewer", "compliance", "publisher", "examiner", "administrator"])
def test_submitting_needs_its_capability(firm_on_sqlite, who):
    with transaction() as session:
        post = a_post(session, firm_on_sqlite)
        with pytest.raises(CapabilityMissing):
            review.submit(session, post, by=getattr(firm_on_sqlite, who))


def test_a_finding_that_blocks_refuses_until_somebody_accepts_it(firm):
    with transaction() as session:
        post = a_post(session, firm, BLOCKED)
        with pytest.raises(NotReady) as refused:
            review.submit(session, post, by=firm.marketer)
        assert places(refused) == {"texts.news"}
        while True:
            try:
                review.submit(session, post, by=firm.marketer)
                break
            except NotReady as refusal:
                rule = refusal.problems[0].what.partition("(")[2].partition(")")[0]
                posts.accept_finding(session, post, rule, reason="Shown to the regulator.", by=firm.compliance)
        assert post.standing is Standing.IN_REVIEW


def test_every_failed_item_is_named_with_its_place(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        for reviewer in (firm.reviewer, firm.other_reviewer):
            accounts.take_role(
                session, session.get_one(Person, reviewer.id), Role.REVIEWER, workspace=firm.workspace, by=HOST
            )
        post = a_post(session, firm, BLOCKED, disclosures=("Member FDIC",))
        with pytest.raises(NotReady) as refused:
            review.submit(session, post, by=firm.marketer)
        assert places(refused) == {"texts.news", "disclosures.0", "stages.peer-review"}


def test_a_stage_that_nobody_may_fulfil_after_separation_of_duties_is_named(firm):
    with transaction() as session:
        accounts.take_role(
            session, session.get_one(Person, firm.other_reviewer.id), Role.REVIEWER, workspace=firm.workspace, by=HOST
        )
        writer = with_role(session, firm.reviewer, Role.MARKETER)
        post = a_post(session, firm, by=writer)
        with pytest.raises(NotReady, match="Peer review") as refused:
            review.submit(session, post, by=writer)
        assert places(refused) == {"stages.peer-review"}
        a_person(session, "nora", Role.REVIEWER)
        review.submit(session, post, by=writer)


def test_one_person_cannot_be_all_the_stages(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        put_in_force(session, firm, Stage("one", "One", REVIEWERS), Stage("two", "Two", REVIEWERS))
        accounts.take_role(
            session, session.get_one(Person, firm.other_reviewer.id), Role.REVIEWER, workspace=firm.workspace, by=HOST
        )
        with pytest.raises(NotReady) as refused:
            a_post_in_review(session, firm)
        assert places(refused) == {"stages.two"}


def test_a_workflow_that_asks_no_stage_approves_at_submit(firm):
    with transaction() as session:
        put_in_force(session, firm, Stage("risky", "Risky", REVIEWERS, when=Condition(severity=Severity.HIGH)))
        post = a_post_in_review(session, firm)
        assert (post.standing, post.lock, latest(session, post).outcome) == (Standing.APPROVED, 1, Outcome.APPROVED)


def test_conditions_look_at_findings_networks_and_products(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        put_in_force(
            session,
            firm,
            Stage("always", "Always", REVIEWERS),
            Stage("crypto", "Crypto", REVIEWERS, when=Condition(products=frozenset({"crypto"}))),
            Stage("linkedin", "LinkedIn", REVIEWERS, when=Condition(networks=frozenset({"linkedin"}))),
            Stage("graver", "Graver", REVIEWERS, when=Condition(severity=Severity.BLOCK)),
            distinct=False,
        )
        post = a_post(session, firm)
        asked = {s.slug for s in preview_of(session, post.id).stages if s.standing != "skipped"}
        assert asked == {"always"}
        post = a_post(session, firm, channel="site")
        asked = {s.slug for s in preview_of(session, post.id).stages if s.standing != "skipped"}
        assert asked == {"always", "linkedin"}
        post = a_post(session, firm, BLOCKED, product="crypto")
        asked = {s.slug for s in preview_of(session, post.id).stages if s.standing != "skipped"}
        assert asked == {"always", "crypto", "graver"}


def test_a_stage_is_due_in_its_hours_or_when_the_post_wants_to_go_out(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        now = clock.now(session)
        calm = a_post_in_review(session, firm)
        soon = a_post_in_review(session, firm, "We open at eight.", publish_at=now + timedelta(hours=3))
        late = a_post_in_review(session, firm, "We open at seven.", publish_at=now + timedelta(days=30))
        assert calm.acts_next_at == late.acts_next_at == now + timedelta(hours=24)
        assert soon.acts_next_at == now + timedelta(hours=3)


# -- ending -----------------------------------------------------------------------------------------------------


def test_a_b_a_revives_no_approval(firm):
    with transaction() as session:
        post = an_approved_post(session, firm)
        first, bytes_ = latest(session, post), post.revision
        review.supersede(session, post, by=firm.marketer)
        posts.revise(session, post, a_draft(firm, "From Tuesday."), by=firm.marketer, seen=None)
        posts.revise(session, post, a_draft(firm), by=firm.marketer, seen=None)
        assert post.revision == bytes_
        assert (post.standing, first.outcome) == (Standing.DRAFT, Outcome.SUPERSEDED)
        second = review.submit(session, post, by=firm.marketer)
        assert second.revision == first.revision
        assert [(stage.standing, stage.decisions) for stage in flow_of(session, post.id).stages] == [
            ("open", ()),
            ("waiting", ()),
        ]


@pytest.mark.parametrize("made", [0, 1, 2])
def test_an_edit_ends_the_round_however_far_it_was(firm_on_sqlite, made):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post_in_review(session, firm)
        for reviewer in (firm.reviewer, firm.compliance)[:made]:
            a_decision(session, post, by=reviewer)
        current = flow_of(session, post.id)
        review.supersede(session, post, by=firm.other_marketer)
        assert (post.standing, post.lock, post.acts_next) == (Standing.DRAFT, None, "author")
        assert session.scalar(select(func.count()).select_from(OpenStage)) == 0
        with pytest.raises(StaleStage):
            a_decision_at(session, post, firm.other_compliance, current.stage_id(current.stages[1]))


def a_decision_at(session, post, by, stage):
    return review.decide(
        session,
        post,
        by=by,
        stage=stage,
        verdict=Verdict.APPROVE,
        seen=post.revision,
        key="00000000-0000-0000-0000-000000000001",
    )


@pytest.mark.parametrize("make", [a_post_in_review, an_approved_post])
def test_a_post_is_withdrawn_by_its_author_with_a_reason(firm_on_sqlite, make):
    firm = firm_on_sqlite
    with transaction() as session:
        post = make(session, firm)
        with pytest.raises(Invalid):
            review.withdraw(session, post, by=firm.marketer, reason="  ")
        review.withdraw(session, post, by=firm.marketer, reason="The branch stays closed.")
        round_ = flow_of(session, post.id)
        assert (post.standing, post.lock, round_.outcome) == (Standing.WITHDRAWN, None, Outcome.WITHDRAWN)
        assert (round_.note, round_.closed_by) == ("The branch stays closed.", firm.marketer.id)
        assert session.scalar(select(func.count()).select_from(OpenStage)) == 0


@pytest.mark.parametrize(
    ("who", "refused"),
    [
        ("other_marketer", Forbidden),
        ("reviewer", CapabilityMissing),
        ("examiner", CapabilityMissing),
        ("administrator", CapabilityMissing),
    ],
)
def test_others_do_not_withdraw(firm_on_sqlite, who, refused):
    with transaction() as session:
        post = a_post_in_review(session, firm_on_sqlite)
        with pytest.raises(refused):
            review.withdraw(session, post, by=getattr(firm_on_sqlite, who), reason="No.")


def test_a_draft_is_not_withdrawn(firm_on_sqlite):
    with transaction() as session:
        post = a_post(session, firm_on_sqlite)
        with pytest.raises(IllegalStep):
            review.withdraw(session, post, by=firm_on_sqlite.marketer, reason="No.")


def test_an_approved_post_expires_when_its_window_has_passed(firm):
    with transaction() as session:
        now = clock.now(session)
        ending = an_approved_post(session, firm, not_after=now + timedelta(hours=1)).id
        lasting = an_approved_post(session, firm, "We open at eight.", not_after=now + timedelta(days=9)).id
        open_ = an_approved_post(session, firm, "We open at seven.").id
        assert review.expire_due(session) == 0
    with transaction() as session:
        session.info["now"] = now + timedelta(hours=2)
        assert review.expire_due(session) == 1
        assert review.expire_due(session) == 0
        standings = {id_: flow_of(session, id_).outcome for id_ in (ending, lasting, open_)}
    assert standings == {ending: Outcome.EXPIRED, lasting: Outcome.APPROVED, open_: Outcome.APPROVED}


def test_a_workspace_gets_the_shipped_workflow_once(firm_on_sqlite):
    with transaction() as session:
        review.ensure_workflow(session, firm_on_sqlite.workspace, by=HOST)
        assert session.scalar(select(func.count()).select_from(WorkflowVersion)) == 1
