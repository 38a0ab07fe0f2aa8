"""A workflow changes by two people, or by one who is alone and says so."""

from __future__ import annotations

import pytest
from factories import HOST, a_post_in_review, put_in_force
from sqlalchemy import func, select

from approval.capabilities import Role
from approval.db import transaction
from approval.errors import AlreadyDecided, BadDefinition, CapabilityMissing, Conflict, Invalid, NotFound, OwnWords
from approval.people.models import Person, Proposal, Subject
from approval.people.services import accounts
from approval.review import services as review
from approval.review.flow import Asked, Stage, Who, Workflow, parse_workflow, to_toml
from approval.review.models import WorkflowVersion
from approval.review.queries import in_force, in_review_by_version, versions, waiting_proposals
from approval.review.queries.workflows import proposed_version
from approval.review.services.workflows import STANDARD

REVIEWERS = Who(Asked.ROLE, "reviewer")
ONE = to_toml(Workflow((Stage("only", "Only", REVIEWERS),)))


def propose(session, firm, source=ONE, *, by=None, reason="Fewer steps."):
    version = review.propose_workflow(session, firm.workspace, source, by=by or firm.compliance, reason=reason)
    session.flush()
    return version, session.scalars(select(Proposal).order_by(Proposal.id.desc())).first()


def without_role(session, firm, role, *actors):
    for actor in actors:
        accounts.take_role(session, session.get_one(Person, actor.id), role, workspace=firm.workspace, by=HOST)
    session.flush()


def test_the_shipped_workflow_is_version_1(firm_on_sqlite):
    with transaction() as session:
        version = in_force(session, firm_on_sqlite.workspace)
    assert (version.number, version.workflow) == (1, STANDARD)
    assert [str(stage.who) for stage in STANDARD.stages] == ["role:reviewer", "role:compliance"]


def test_a_workspace_without_a_workflow_lets_nothing_through(firm_on_sqlite):
    with transaction() as session, pytest.raises(NotFound):
        in_force(session, "elsewhere")


def test_a_proposal_waits_for_a_second_person(firm):
    with transaction() as session:
        version, proposal = propose(session, firm)
        assert (version.number, version.enacted_at, in_force(session, firm.workspace).number) == (2, None, 1)
        (waiting,) = waiting_proposals(session, firm.workspace)
        assert (waiting.version.number, waiting.proposed_by, waiting.reason) == (2, firm.compliance.id, "Fewer steps.")
        with pytest.raises(OwnWords):
            review.second_workflow(session, proposal, by=firm.compliance, accept=True)
        with pytest.raises(CapabilityMissing):
            review.second_workflow(session, proposal, by=firm.reviewer, accept=True)
        assert in_force(session, firm.workspace).number == 1
        review.second_workflow(session, proposal, by=firm.administrator, accept=True)
        assert in_force(session, firm.workspace).number == 2
        assert waiting_proposals(session, firm.workspace) == ()
        with pytest.raises(AlreadyDecided):
            review.second_workflow(session, proposal, by=firm.other_compliance, accept=True)


def test_a_proposal_turned_down_changes_nothing_and_may_come_again(firm):
    with transaction() as session:
        _, proposal = propose(session, firm)
        review.second_workflow(session, proposal, by=firm.other_compliance, accept=False)
        assert in_force(session, firm.workspace).number == 1
        version, proposal = propose(session, firm)
        assert version.number == 3
        review.second_workflow(session, proposal, by=firm.other_compliance, accept=True)
        assert [(v.number, v.enacted_at is not None) for v in versions(session, firm.workspace)] == [
            (3, True),
            (2, False),
            (1, True),
        ]


def test_who_is_alone_puts_it_in_force_at_once_and_it_is_said(firm):
    with transaction() as session:
        without_role(session, firm, Role.COMPLIANCE, firm.compliance, firm.other_compliance)
        version, proposal = propose(session, firm, by=firm.administrator)
        assert (proposal.alone, in_force(session, firm.workspace).number) == (True, version.number)


def test_proposing_needs_the_capability_and_a_reason(firm_on_sqlite):
    with transaction() as session:
        with pytest.raises(CapabilityMissing):
            propose(session, firm_on_sqlite, by=firm_on_sqlite.reviewer)
        with pytest.raises(Invalid):
            propose(session, firm_on_sqlite, reason="  ")
        session.rollback()


def test_the_workflow_in_force_and_one_that_waits_are_not_proposed_again(firm_on_sqlite):
    with transaction() as session:
        with pytest.raises(Conflict):
            propose(session, firm_on_sqlite, to_toml(STANDARD))
        propose(session, firm_on_sqlite)
        with pytest.raises(Conflict):
            propose(session, firm_on_sqlite, by=firm_on_sqlite.other_compliance)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        pytest.param(Stage("x", "X", Who(Asked.TEAM, "legal")), "does not have", id="a team that there is not"),
        pytest.param(Stage("x", "X", Who(Asked.PERSON, "no@where.example")), "not a member", id="a stranger"),
        pytest.param(Stage("x", "X", Who(Asked.ROLE, "publisher")), "needs 1", id="a role that does not decide"),
        pytest.param(Stage("x", "X", REVIEWERS, 3), "needs 3", id="more than there are"),
        pytest.param(Stage("x", "X", Who(Asked.PERSON, "maria@northwind.example")), "needs 1", id="who may not decide"),
    ],
)
def test_a_stage_that_nobody_can_fulfil_is_refused_by_name(firm_on_sqlite, stage, said):
    with transaction() as session, pytest.raises(BadDefinition, match=said) as refused:
        propose(session, firm_on_sqlite, to_toml(Workflow((stage,))))
    assert [problem.where for problem in refused.value.problems] == ["stages.x.who"]


def test_stages_that_share_too_few_people_are_refused_unless_one_may_take_both(firm_on_sqlite):
    stages = tuple(Stage(slug, slug, REVIEWERS) for slug in ("a", "b", "c"))
    with transaction() as session:
        with pytest.raises(BadDefinition, match="another person"):
            propose(session, firm_on_sqlite, to_toml(Workflow(stages)))
        propose(session, firm_on_sqlite, to_toml(Workflow(stages, distinct=False)))


def test_a_proposal_that_nobody_can_fulfil_any_more_is_not_accepted(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        _, proposal = propose(session, firm)
        without_role(session, firm, Role.REVIEWER, firm.reviewer, firm.other_reviewer)
        with pytest.raises(BadDefinition):
            review.second_workflow(session, proposal, by=firm.other_compliance, accept=True)
        review.second_workflow(session, proposal, by=firm.other_compliance, accept=False)


def test_no_address_stands_in_a_version(firm):
    source = to_toml(Workflow((Stage("ruth", "Ruth", Who(Asked.PERSON, "Ruth@Northwind.example")),)))
    with transaction() as session:
        version, _ = propose(session, firm, source)
        assert "@" not in version.source
        assert str(parse_workflow(version.source).stages[0].who) == f"person:{firm.reviewer.id}"


def test_posts_in_review_keep_their_version_and_are_counted(firm):
    with transaction() as session:
        a_post_in_review(session, firm)
        put_in_force(session, firm, Stage("only", "Only", REVIEWERS))
        a_post_in_review(session, firm, "We open at eight.")
        a_post_in_review(session, firm, "We open at seven.")
        assert in_review_by_version(session, firm.workspace) == {1: 1, 2: 2}


def test_a_proposal_about_something_else_is_none_of_ours(firm_on_sqlite):
    with transaction() as session:
        _, proposal = propose(session, firm_on_sqlite)
        assert proposed_version(session, proposal.id).number == 2
        proposal.subject = Subject.RESUME
        session.flush()
        with pytest.raises(NotFound):
            proposed_version(session, proposal.id)
        session.rollback()


def test_versions_are_never_rewritten(firm_on_sqlite):
    with transaction() as session:
        propose(session, firm_on_sqlite)
        assert session.scalar(select(func.count()).select_from(WorkflowVersion)) == 2
        assert session.get_one(WorkflowVersion, 1).source == to_toml(STANDARD)
