"""The re-check before publishing finds every way in which an approval could be hollow."""

from __future__ import annotations

import pytest
from factories import HOST, a_decision, a_draft, a_post_in_review, an_approved_post
from sqlalchemy import insert

from approval.capabilities import Role
from approval.db import transaction
from approval.errors import AuditFault, NotApproved, NotFound
from approval.people.models import Person
from approval.people.services import accounts
from approval.posts import services as posts
from approval.posts.models import Edit, Post, Revision
from approval.review import services as review
from approval.review.flow import Outcome, Verdict
from approval.review.models import Decision, Submission
from approval.review.queries import approved, flow_of
from approval.screening.models import ExceptionRequest, Screening


def forged(session, row, **columns):
    """Change a row as somebody would who gets around the log: the transaction is rolled back in the end."""
    for name, value in columns.items():
        setattr(row, name, value)
    session.flush()


@pytest.fixture
def post(firm_on_sqlite):
    with transaction() as session:
        return an_approved_post(session, firm_on_sqlite).id


@pytest.fixture
def forging(post):
    """A transaction whose forgeries never commit, with the post, its submission and its decisions."""
    with pytest.raises(AuditFault, match="rolled back"), transaction() as session:
        row = session.get_one(Post, post)
        submission = session.get_one(Submission, flow_of(session, post).id)
        yield session, row, submission
        raise AuditFault("rolled back")


def test_an_approved_post_passes(forging):
    session, _, submission = forging
    approved(session, submission.id)


def test_an_unknown_submission_is_not_found(forging):
    with pytest.raises(NotFound):
        approved(forging[0], 999)


def test_a_round_that_is_open_or_over_does_not_pass(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        number = flow_of(session, post.id).id
        for verdict in (None, Verdict.APPROVE):
            if verdict:
                a_decision(session, post, by=firm.reviewer)
            with pytest.raises(NotApproved, match="still open"):
                approved(session, number)
        a_decision(session, post, by=firm.compliance)
        approved(session, number)
        review.supersede(session, post, by=firm.marketer)
        with pytest.raises(NotApproved, match="superseded"):
            approved(session, number)


def test_an_earlier_round_of_the_same_bytes_does_not_pass(firm):
    with transaction() as session:
        post = an_approved_post(session, firm)
        first = flow_of(session, post.id).id
        review.supersede(session, post, by=firm.marketer)
        review.submit(session, post, by=firm.marketer)
        a_decision(session, post, by=firm.reviewer)
        a_decision(session, post, by=firm.compliance)
        approved(session, flow_of(session, post.id).id)
        with pytest.raises(NotApproved):
            approved(session, first)
        forged(session, session.get_one(Submission, first), outcome=Outcome.APPROVED)
        with pytest.raises(NotApproved, match="Another review round"):
            approved(session, first)
        session.rollback()


def test_other_stored_bytes_do_not_pass(forging):
    session, post, submission = forging
    revision = session.query(Revision).filter_by(post=post.id).one()
    forged(session, revision, payload=revision.payload.replace("nine", "five"))
    with pytest.raises(NotApproved, match="digest"):
        approved(session, submission.id)


def test_a_post_at_other_bytes_does_not_pass(forging):
    session, post, submission = forging
    forged(session, post, revision=b"\x02" * 32)
    with pytest.raises(NotApproved, match="edited"):
        approved(session, submission.id)


def test_a_post_without_its_lock_does_not_pass(forging):
    session, post, submission = forging
    forged(session, post, lock=None)
    with pytest.raises(NotApproved):
        approved(session, submission.id)


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"seen": b"\x03" * 32}, id="made on other bytes"),
        pytest.param({"verdict": Verdict.REJECT}, id="no approval"),
        pytest.param({"roles": "marketer"}, id="by somebody who may not decide"),
        pytest.param({"roles": "compliance"}, id="without the role that the stage asks"),
        pytest.param({"stage": "elsewhere"}, id="at no stage"),
        pytest.param({"submission": None}, id="in no round"),
    ],
)
def test_a_forged_decision_does_not_pass(forging, columns):
    session, post, submission = forging
    decision = session.query(Decision).filter_by(post=post.id, stage="peer-review").one()
    if columns == {"submission": None}:
        session.delete(decision)
        session.flush()
    else:
        forged(session, decision, **columns)
    with pytest.raises(NotApproved):
        approved(session, submission.id)


@pytest.mark.parametrize("how", ["author", "editor", "asked an exception"])
def test_an_approval_of_own_words_does_not_pass(forging, firm_on_sqlite, how):
    session, post, submission = forging
    match how:
        case "author":
            forged(session, post, author=firm_on_sqlite.reviewer.id)
        case "editor":
            session.add(
                Edit(
                    workspace=post.workspace,
                    post=post.id,
                    revision=b"\x04" * 32,
                    by=firm_on_sqlite.reviewer.id,
                    at=submission.submitted_at,
                )
            )
        case _:
            session.add(
                ExceptionRequest(
                    workspace=post.workspace,
                    revision=post.revision,
                    rule="GUA001",
                    reason="It is true.",
                    asked_by=firm_on_sqlite.reviewer.id,
                    at=submission.submitted_at,
                )
            )
    session.flush()
    with pytest.raises(NotApproved, match="Peer review"):
        approved(session, submission.id)


def test_one_person_at_two_stages_does_not_pass(forging, firm_on_sqlite):
    session, post, submission = forging
    law = session.query(Decision).filter_by(post=post.id, stage="compliance").one()
    forged(session, law, by=firm_on_sqlite.reviewer.id, roles="compliance reviewer")
    with pytest.raises(NotApproved, match="Compliance"):
        approved(session, submission.id)


def test_a_finding_that_blocks_does_not_pass(forging):
    session, post, submission = forging
    screening = session.query(Screening).filter_by(revision=post.revision, rule_set=submission.rule_set).one()
    blocking = {
        "rule": "GUA001",
        "name": "guaranteed-return",
        "topic": "guarantee",
        "severity": "block",
        "part": "texts.news",
        "start": 0,
        "end": 4,
        "match": "From",
        "message": "",
        "why": "",
        "citation": "",
        "suggestion": "",
    }
    forged(session, screening, findings=[blocking])
    with pytest.raises(NotApproved, match="blocks"):
        approved(session, submission.id)


def test_an_approval_stands_on_the_role_held_when_it_was_given(firm_on_sqlite, post):
    with transaction() as session:
        for person, role in ((firm_on_sqlite.reviewer, Role.REVIEWER), (firm_on_sqlite.compliance, Role.COMPLIANCE)):
            accounts.take_role(
                session, session.get_one(Person, person.id), role, workspace=firm_on_sqlite.workspace, by=HOST
            )
        session.flush()
        approved(session, flow_of(session, post).id)


def test_a_superseding_edit_voids_in_the_same_transaction(firm_on_sqlite, post):
    with transaction() as session:
        row, number = session.get_one(Post, post), flow_of(session, post).id
        review.supersede(session, row, by=firm_on_sqlite.marketer)
        posts.revise(session, row, a_draft(firm_on_sqlite, "From Friday."), by=firm_on_sqlite.marketer, seen=None)
        with pytest.raises(NotApproved):
            approved(session, number)


def test_decisions_are_written_by_a_flush_or_not_at_all(firm_on_sqlite, post):
    with pytest.raises(AuditFault), transaction() as session:
        session.execute(insert(Decision).values(submission=1))
