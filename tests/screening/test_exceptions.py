from __future__ import annotations

import pytest
from factories import BLOCKED, SHORTENED, a_draft, a_post, a_post_in_review
from sqlalchemy import select

from approval.audit.models import Entry
from approval.audit.queries.replaying import replay
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, IllegalStep, Invalid, NotFound, OwnWords
from approval.posts import queries as posts, services as drafts
from approval.review import services as review
from approval.rules import RuleSet
from approval.screening import queries, services
from approval.screening.models import ExceptionRequest
from approval.screening.queries import ENGINE_FAILED


@pytest.fixture
def post(firm):
    with transaction() as session:
        return a_post(session, firm, BLOCKED)


def blocks(post, **more):
    with reading() as session:
        rule_set = services.in_force(session, post.workspace).digest
        revision = posts.post_facts(session, post.id).revision
        return queries.open_blocks(session, post.workspace, revision, rule_set, **more)


def accepted(post, rule, *, by, reason="A quotation from the law."):
    with transaction() as session:
        drafts.accept_finding(session, posts.post_for_change(session, post.id), rule, reason=reason, by=by)


def asked(post, rule, *, by, reason="It quotes the law."):
    with transaction() as session:
        drafts.ask_exception(session, posts.post_for_change(session, post.id), rule, reason=reason, by=by)


def test_a_finding_is_accepted_by_name_with_a_reason(firm, post):
    rule = blocks(post)[0].rule
    accepted(post, rule, by=firm.compliance)

    assert rule not in {found.rule for found in blocks(post)}
    with reading() as session:
        rule_set = services.in_force(session, post.workspace).digest
        found = [
            one for one in queries.findings_of(session, post.workspace, post.revision, rule_set) if one.rule == rule
        ]
    assert {(one.accepted_by, one.accepted_reason) for one in found} == {
        (firm.compliance.id, "A quotation from the law.")
    }


def test_an_acceptance_holds_for_one_revision_only(firm, post):
    rule = blocks(post)[0].rule
    accepted(post, rule, by=firm.compliance)
    with transaction() as session:
        row = posts.post_for_change(session, post.id)
        drafts.revise(session, row, a_draft(firm, f"{BLOCKED} Really."), by=firm.marketer, seen=None)
    assert rule in {found.rule for found in blocks(post)}


@pytest.mark.parametrize("who", ["marketer", "reviewer", "publisher", "examiner", "administrator"])
def test_only_compliance_accepts(firm_on_sqlite, who):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm, BLOCKED, by=firm.other_marketer)
    with pytest.raises(CapabilityMissing):
        accepted(post, blocks(post)[0].rule, by=getattr(firm, who))


def test_nobody_accepts_what_they_asked_for(firm_on_sqlite):
    firm = firm_on_sqlite
    both = type(firm.compliance)(
        id=firm.compliance.id,
        name="Carla",
        roles={firm.workspace: firm.compliance.roles_in(firm.workspace) | firm.marketer.roles_in(firm.workspace)},
    )
    with transaction() as session:
        post = a_post(session, firm, BLOCKED)
    rule = blocks(post)[0].rule
    asked(post, rule, by=both)
    with pytest.raises(OwnWords, match="asked for"):
        accepted(post, rule, by=both)
    accepted(post, rule, by=firm.other_compliance)


def test_nobody_accepts_a_finding_in_their_own_words(firm_on_sqlite):
    firm = firm_on_sqlite
    both = type(firm.compliance)(
        id=firm.compliance.id,
        name="Carla",
        roles={firm.workspace: firm.compliance.roles_in(firm.workspace) | firm.marketer.roles_in(firm.workspace)},
    )
    with transaction() as session:
        post = a_post(session, firm, BLOCKED, by=both)
    with pytest.raises(OwnWords, match="wrote or edited"):
        accepted(post, blocks(post)[0].rule, by=both)


def test_an_acceptance_by_an_editor_leaves_the_finding_open(firm, post):
    rule = blocks(post)[0].rule
    accepted(post, rule, by=firm.compliance)
    assert rule not in {found.rule for found in blocks(post)}
    assert rule in {found.rule for found in blocks(post, not_by=frozenset({firm.compliance.id}))}


def test_who_asks_is_named_and_the_answer_is_dated(firm, post):
    rule = blocks(post)[0].rule
    asked(post, rule, by=firm.other_marketer)
    with reading() as session:
        assert queries.requesters(session, post.workspace, post.revision) == {firm.other_marketer.id}
        assert queries.requests_of(session, post.workspace, post.revision)[0].answered_at is None

    accepted(post, rule, by=firm.compliance)
    with reading() as session:
        assert session.scalars(select(ExceptionRequest.answered_at)).one() is not None


def test_a_finding_is_accepted_once(firm, post):
    rule = blocks(post)[0].rule
    accepted(post, rule, by=firm.compliance)
    with pytest.raises(Conflict, match="accepted already"):
        accepted(post, rule, by=firm.other_compliance)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2_001])
def test_an_acceptance_needs_a_reason(firm_on_sqlite, reason):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm, BLOCKED)
    with pytest.raises(Invalid, match="reason"):
        accepted(post, blocks(post)[0].rule, by=firm.compliance, reason=reason)


def test_what_was_not_found_is_not_accepted(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm)
    with pytest.raises(Invalid, match="found nothing"):
        accepted(post, "XXX999", by=firm.compliance)
    with pytest.raises(Invalid, match="found nothing"):
        asked(post, "XXX999", by=firm.marketer)


def test_an_engine_that_failed_cannot_be_accepted_away(firm_on_sqlite, monkeypatch):
    firm = firm_on_sqlite

    def broken(*_args, **_kwargs):
        raise RuntimeError("the matcher")

    monkeypatch.setattr(RuleSet, "judge", broken)
    with transaction() as session:
        post = a_post(session, firm)
    with pytest.raises(Conflict, match="nothing to accept"):
        accepted(post, ENGINE_FAILED, by=firm.compliance)


def dismissed(post, rule, *, by, reason="It warns of a scam."):
    with transaction() as session:
        drafts.dismiss_finding(session, posts.post_for_change(session, post.id), rule, reason=reason, by=by)


def test_a_dismissed_finding_goes_on_blocking_and_counts_against_its_rule(firm, post):
    rule = blocks(post)[0].rule
    dismissed(post, rule, by=firm.reviewer)

    assert rule in {found.rule for found in blocks(post)}
    with reading() as session:
        rule_set = services.in_force(session, post.workspace).digest
        (found,) = {f for f in queries.findings_of(session, post.workspace, post.revision, rule_set) if f.rule == rule}
        tally = queries.tallies(session, post.workspace, (rule,))[rule]
        told = queries.dismissals_of(session, post.workspace, rule)
    assert (found.dismissed_by, found.dismissed_reason) == (firm.reviewer.id, "It warns of a scam.")
    assert (tally.hits, tally.dismissed) == (1, 1)
    assert [(by, reason) for by, reason, _ in told] == [(firm.reviewer.id, "It warns of a scam.")]


def test_a_finding_is_dismissed_once_by_a_reviewer_of_other_peoples_words(firm, post):
    rule = blocks(post)[0].rule
    with pytest.raises(CapabilityMissing):
        dismissed(post, rule, by=firm.publisher)
    with pytest.raises(OwnWords):
        dismissed(post, rule, by=firm.marketer)
    with pytest.raises(Invalid):
        dismissed(post, "XYZ999", by=firm.reviewer)
    with pytest.raises(Invalid):
        dismissed(post, rule, by=firm.reviewer, reason=" ")
    dismissed(post, rule, by=firm.reviewer)
    with pytest.raises(Conflict):
        dismissed(post, rule, by=firm.compliance)
    with reading() as session:
        assert queries.tallies(session, post.workspace, (rule,))[rule].dismissed == 1


def taken_back(post, rule, *, by):
    with transaction() as session:
        drafts.take_back_dismissal(session, posts.post_for_change(session, post.id), rule, by=by)


@pytest.fixture
def shortened(firm):
    """A post in review with a finding that blocks nothing, and the finding's rule."""
    with transaction() as session:
        post = a_post_in_review(session, firm, SHORTENED)
    (found, *_) = found_in(post)
    return post, found.rule


def found_in(post):
    with reading() as session:
        rule_set = services.digest_in_force(session, post.workspace)
        return queries.findings_of(session, post.workspace, post.revision, rule_set)


def kinds(about):
    with reading() as session:
        rows = session.execute(select(Entry.kind, Entry.actor).order_by(Entry.index))
        return [(kind, actor) for kind, actor in rows if kind.startswith(about)]


def test_a_dismissal_is_taken_back_and_the_log_keeps_both(firm, shortened):
    post, rule = shortened
    dismissed(post, rule, by=firm.reviewer)
    assert found_in(post)[0].dismissed_at is not None
    taken_back(post, rule, by=firm.other_reviewer)
    assert {f.dismissed_by for f in found_in(post)} == {None}
    with reading() as session:
        assert queries.tallies(session, post.workspace, (rule,))[rule].dismissed == 0
    assert kinds("finding.dismissed") == [("finding.dismissed", firm.reviewer.id)]
    assert kinds("dismissal.") == [("dismissal.taken-back", firm.other_reviewer.id)]
    dismissed(post, rule, by=firm.compliance, reason="It names the day of the opening.")
    assert found_in(post)[0].dismissed_by == firm.compliance.id
    with reading() as session:
        assert list(replay(session, post.workspace)) == []


def test_a_dismissal_is_taken_back_by_reviewers_of_other_peoples_words_while_in_review(firm, shortened):
    post, rule = shortened
    with pytest.raises(NotFound):
        taken_back(post, rule, by=firm.reviewer)
    dismissed(post, rule, by=firm.reviewer)
    with pytest.raises(OwnWords):
        taken_back(post, rule, by=firm.marketer)
    with pytest.raises(CapabilityMissing):
        taken_back(post, rule, by=firm.publisher)
    with transaction() as session:
        review.withdraw(session, posts.post_for_change(session, post.id), by=firm.compliance, reason="Not now.")
    with pytest.raises(IllegalStep, match="in review"):
        taken_back(post, rule, by=firm.reviewer)
    assert found_in(post)[0].dismissed_by == firm.reviewer.id
