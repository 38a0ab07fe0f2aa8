"""Who may decide, where, on which bytes, how often."""

from __future__ import annotations

import uuid

import pytest
from factories import (
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

from approval.audit.models import Entry
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.errors import (
    AlreadyDecided,
    CapabilityMissing,
    IllegalStep,
    Invalid,
    KeyReused,
    NeededLater,
    NotAsked,
    OwnWords,
    StaleRevision,
    StaleStage,
)
from approval.people.models import Notice, Person
from approval.people.services import accounts
from approval.posts import services as posts
from approval.posts.models import Post, Standing
from approval.review import services as review
from approval.review.flow import Asked, Reason, Stage, Verdict, Who
from approval.review.models import Decision, OpenStage, Submission
from approval.review.queries import duties, flow_of, rounds
from approval.review.services import deciding
from approval.screening.models import Screening

FLAGGED = "Apply now: our team answers today only!"
"""Words that a rule flags without blocking them."""


def for_role(slug, role, quorum=1):
    return Stage(slug, slug.title(), Who(Asked.ROLE, role), quorum)


# -- the two stages ---------------------------------------------------------------------------------------------


def test_a_post_passes_stage_by_stage(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        assert (post.standing, post.acts_next, post.lock) == (Standing.IN_REVIEW, "reviewer", 1)
    with transaction() as session:
        post = session.get_one(Post, post.id)
        a_decision(session, post, by=firm.reviewer)
        assert (post.standing, post.acts_next) == (Standing.IN_REVIEW, "compliance")
    with transaction() as session:
        post = session.get_one(Post, post.id)
        a_decision(session, post, by=firm.compliance)
        assert (post.standing, post.acts_next, post.lock) == (Standing.APPROVED, "publisher", 1)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(OpenStage)) == 0


@pytest.mark.parametrize(
    ("verdict", "standing", "next_"),
    [
        pytest.param(Verdict.REQUEST_CHANGES, Standing.CHANGES_REQUESTED, "author", id="changes go to the author"),
        pytest.param(Verdict.REJECT, Standing.REJECTED, "nobody", id="a rejection is final"),
    ],
)
def test_one_word_of_refusal_ends_the_round(firm, verdict, standing, next_):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        a_decision(session, post, by=firm.reviewer, verdict=verdict)
        assert (post.standing, post.acts_next, post.lock) == (standing, next_, None)
        assert session.get_one(Submission, 1).outcome == standing.value


def test_a_decision_keeps_the_roles_held_and_the_bytes_seen(firm):
    with transaction() as session:
        both = with_role(session, firm.reviewer, Role.PUBLISHER)
        post = a_post_in_review(session, firm)
        decision = a_decision(session, post, by=both)
        assert (decision.roles, decision.seen) == ("publisher reviewer", post.revision)
    with transaction() as session:
        accounts.take_role(session, session.get_one(Person, both.id), Role.REVIEWER, workspace=firm.workspace, by=HOST)
    with reading() as session:
        peer, _ = flow_of(session, post.id).stages
        assert peer.standing == "approved"


def test_each_decision_is_one_entry_that_names_the_round(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
    with transaction() as session:
        a_decision(session, session.get_one(Post, post.id), by=firm.reviewer)
    with reading() as session:
        kinds = session.scalars(select(Entry.kind).where(Entry.post == post.id).order_by(Entry.index)).all()
    assert kinds[-2:] == ["review.submitted", "review.decided"]


def test_whoever_acts_next_is_told_and_nobody_whose_words_they_are(firm):
    with transaction() as session:
        editor = with_role(session, firm.reviewer, Role.MARKETER)
        post = a_post(session, firm)
        posts.revise(session, post, a_draft(firm, "From Tuesday our branch opens at nine."), by=editor, seen=None)
        review.submit(session, post, by=firm.marketer)
        told = set(session.scalars(select(Notice.person).where(Notice.kind == "task_waiting")))
    assert told == {firm.other_reviewer.id}


# -- own words --------------------------------------------------------------------------------------------------


def own_words(session, firm, how):
    """A post in review that a reviewer is disqualified for, and that reviewer."""
    reviewer = with_role(session, firm.reviewer, Role.MARKETER)
    match how:
        case "author":
            post = a_post(session, firm, by=reviewer)
        case "editor":
            post = a_post(session, firm)
            posts.revise(session, post, a_draft(firm, "From Friday we open at nine."), by=reviewer, seen=None)
        case "editor of an earlier revision":
            post = a_post(session, firm)
            posts.revise(session, post, a_draft(firm, "From Friday we open at nine."), by=reviewer, seen=None)
            posts.revise(session, post, a_draft(firm), by=firm.marketer, seen=None)
        case "who returned it to earlier bytes":
            post = a_post(session, firm)
            posts.revise(session, post, a_draft(firm, "From Friday we open at nine."), by=firm.marketer, seen=None)
            posts.revise(session, post, a_draft(firm), by=reviewer, seen=None)
        case "who asked for an exception":
            post = a_post(session, firm, FLAGGED)
            rule = flagged(session, post)
            posts.ask_exception(session, post, rule, reason="It is true.", by=reviewer)
    session.flush()
    review.submit(session, post, by=firm.marketer)
    return post, reviewer


def flagged(session, post):
    """A rule that found something in the post."""
    findings = session.scalars(select(Screening.findings).where(Screening.revision == post.revision)).one()
    return findings[0]["rule"]


HOW = (
    "author",
    "editor",
    "editor of an earlier revision",
    "who returned it to earlier bytes",
    "who asked for an exception",
)


@pytest.mark.parametrize("how", HOW)
def test_nobody_approves_their_own_words(firm, how):
    with transaction() as session:
        post, reviewer = own_words(session, firm, how)
        with pytest.raises(OwnWords):
            a_decision(session, post, by=reviewer)
        assert session.scalar(select(func.count()).select_from(Decision)) == 0


@pytest.mark.parametrize("how", HOW)
def test_the_query_alone_keeps_own_words_out(firm, how, monkeypatch):
    """The guard that names the reason is off: the query of who may decide still refuses."""
    monkeypatch.setattr(deciding, "_ensure_not_own", lambda by, facts: None)
    with transaction() as session:
        post, reviewer = own_words(session, firm, how)
        with pytest.raises(NotAsked):
            a_decision(session, post, by=reviewer)


@pytest.mark.parametrize("how", HOW)
def test_with_both_guards_off_their_approval_still_does_not_count(firm_on_sqlite, how, monkeypatch):
    firm = firm_on_sqlite
    monkeypatch.setattr(deciding, "_ensure_not_own", lambda by, facts: None)
    monkeypatch.setattr(deciding, "_ensure_asked", lambda session, post, state, by: None)
    with transaction() as session:
        post, reviewer = own_words(session, firm, how)
        a_decision(session, post, by=reviewer)
        assert flow_of(session, post.id).stages[0].standing == "open"


@pytest.mark.parametrize("how", HOW)
def test_control_without_the_rule_their_approval_would_count(firm_on_sqlite, how, monkeypatch):
    firm = firm_on_sqlite
    with transaction() as session:
        post, reviewer = own_words(session, firm, how)
        monkeypatch.setattr(rounds, "own_words", lambda session, post: frozenset())
        monkeypatch.setattr(
            deciding, "may_decide", lambda session, post, who: duties.candidates(session, post.workspace, who)
        )
        a_decision(session, post, by=reviewer)
        assert flow_of(session, post.id).stages[0].standing == "approved"


def test_the_administrator_is_not_exempt(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        with pytest.raises(CapabilityMissing):
            a_decision(session, post, by=firm.administrator)
        writer = with_role(session, firm.administrator, Role.REVIEWER)
        writer = with_role(session, writer, Role.MARKETER)
        own = a_post(session, firm, by=writer)
        review.submit(session, own, by=writer)
        with pytest.raises(OwnWords):
            a_decision(session, own, by=writer)


@pytest.mark.parametrize("who", ["marketer", "other_marketer", "publisher", "examiner", "administrator"])
def test_a_role_that_does_not_decide_is_refused(firm_on_sqlite, who):
    with transaction() as session:
        post = a_post_in_review(session, firm_on_sqlite)
        with pytest.raises(CapabilityMissing):
            a_decision(session, post, by=getattr(firm_on_sqlite, who))


def test_a_stage_takes_no_decision_by_people_it_does_not_ask(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        with pytest.raises(NotAsked):
            a_decision(session, post, by=firm.compliance)


# -- bytes, stages, keys ----------------------------------------------------------------------------------------


def test_other_bytes_than_those_in_review_are_refused(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        with pytest.raises(StaleRevision):
            a_decision(session, post, by=firm.reviewer, seen=b"\x01" * 32)


@pytest.mark.parametrize(
    "stage", ["1.compliance", "1.nothing", "1.", "1", "", "999.peer-review", "x.peer-review", ".."]
)
def test_a_stage_that_is_not_open_is_refused(firm_on_sqlite, stage):
    with transaction() as session:
        post = a_post_in_review(session, firm_on_sqlite)
        with pytest.raises(StaleStage):
            a_decision(session, post, by=firm_on_sqlite.reviewer, stage=stage)


def test_a_stage_of_an_earlier_round_is_refused_for_the_same_bytes(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        first = flow_of(session, post.id)
        a_decision(session, post, by=firm.reviewer, verdict=Verdict.REQUEST_CHANGES)
        review.submit(session, post, by=firm.marketer)
        assert flow_of(session, post.id).revision == first.revision
        with pytest.raises(StaleStage):
            a_decision(session, post, by=firm.reviewer, stage=first.stage_id(first.stages[0]))
        a_decision(session, post, by=firm.reviewer)


def test_a_draft_and_a_round_that_is_over_take_no_decision(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        draft = a_post(session, firm)
        with pytest.raises(IllegalStep):
            review.decide(
                session, draft, by=firm.reviewer, stage="1.x", verdict=Verdict.APPROVE, seen=draft.revision, key=a_key()
            )
        post = an_approved_post(session, firm)
        number = flow_of(session, post.id).id
        with pytest.raises(StaleStage):
            review.decide(
                session,
                post,
                by=firm.other_compliance,
                stage=f"{number}.compliance",
                verdict=Verdict.REJECT,
                seen=post.revision,
                reason=Reason.TIMING,
                note="Too late.",
                key=a_key(),
            )


def a_key():
    return str(uuid.uuid4())


def test_nobody_decides_twice_at_one_stage(firm):
    with transaction() as session:
        put_in_force(session, firm, for_role("peer", "reviewer", 2))
        post = a_post_in_review(session, firm)
        a_decision(session, post, by=firm.reviewer)
        with pytest.raises(AlreadyDecided):
            a_decision(session, post, by=firm.reviewer)
        a_decision(session, post, by=firm.other_reviewer)
        assert post.standing is Standing.APPROVED


def test_nobody_decides_at_two_stages_of_a_round(firm):
    with transaction() as session:
        both = with_role(session, firm.compliance, Role.REVIEWER)
        post = a_post_in_review(session, firm)
        a_decision(session, post, by=both)
        with pytest.raises(AlreadyDecided):
            a_decision(session, post, by=both)
        a_decision(session, post, by=firm.other_compliance)


def test_one_person_decides_at_two_stages_where_the_workflow_says_so(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        stages = for_role("peer", "reviewer"), for_role("law", "compliance")
        put_in_force(session, firm, *stages, distinct=False)
        both = with_role(session, firm.compliance, Role.REVIEWER)
        post = a_post_in_review(session, firm)
        a_decision(session, post, by=both)
        a_decision(session, post, by=both)
        assert post.standing is Standing.APPROVED


def test_whoever_is_needed_later_is_not_spent_earlier(firm):
    with transaction() as session:
        put_in_force(
            session, firm, for_role("peer", "reviewer"), Stage("ruth", "Ruth", Who(Asked.PERSON, firm.reviewer.id))
        )
        post = a_post_in_review(session, firm)
        with pytest.raises(NeededLater, match="Ruth"):
            a_decision(session, post, by=firm.reviewer)
        a_decision(session, post, by=firm.other_reviewer)
        a_decision(session, post, by=firm.reviewer)
        assert post.standing is Standing.APPROVED


def test_the_same_key_gives_the_first_answer_and_another_body_none(firm):
    key = a_key()
    with transaction() as session:
        post = a_post_in_review(session, firm)
        stage = flow_of(session, post.id).stages[0]
        where = flow_of(session, post.id).stage_id(stage)
        first = a_decision(session, post, by=firm.reviewer, key=key).id
    with transaction() as session:
        post = session.get_one(Post, post.id)
        again = a_decision(session, post, by=firm.reviewer, stage=where, key=key.upper())
        assert again.id == first
        with pytest.raises(KeyReused):
            a_decision(session, post, by=firm.reviewer, stage=where, key=key, note="Another note.")
        with pytest.raises(KeyReused):
            a_decision(session, post, by=firm.other_reviewer, stage=where, key=key)
        assert session.scalar(select(func.count()).select_from(Decision)) == 1


@pytest.mark.parametrize("key", ["", "1", "not-a-uuid", "x" * 5000, None])
def test_a_key_that_is_no_uuid_is_refused(firm_on_sqlite, key):
    with transaction() as session:
        post = a_post_in_review(session, firm_on_sqlite)
        with pytest.raises(Invalid) as refused:
            a_decision(session, post, by=firm_on_sqlite.reviewer, key=key)
        assert [problem.where for problem in refused.value.problems] == ["key"]


@pytest.mark.parametrize("verdict", [Verdict.REQUEST_CHANGES, Verdict.REJECT])
@pytest.mark.parametrize(
    ("given", "missing"),
    [
        pytest.param({"reason": None}, ["reason"], id="no reason"),
        pytest.param({"note": "  \r\n"}, ["note"], id="no note"),
        pytest.param({"reason": None, "note": None}, ["reason", "note"], id="neither"),
        pytest.param({"note": "x" * 4001}, ["note"], id="too long a note"),
    ],
)
def test_refusing_needs_a_reason_and_a_note(firm_on_sqlite, verdict, given, missing):
    with transaction() as session:
        post = a_post_in_review(session, firm_on_sqlite)
        with pytest.raises(Invalid) as refused:
            a_decision(session, post, by=firm_on_sqlite.reviewer, verdict=verdict, **given)
        assert [problem.where for problem in refused.value.problems] == missing


def test_a_decision_always_moves_the_round_s_version(firm):
    """A child row alone does not bump `version_id_col`; the parent is flagged."""
    with transaction() as session:
        put_in_force(session, firm, for_role("peer", "reviewer", 2))
        post = a_post_in_review(session, firm)
    with transaction() as session:
        before = session.get_one(Submission, 1).version
        a_decision(session, session.get_one(Post, post.id), by=firm.reviewer)
    with reading() as session:
        assert session.get_one(Submission, 1).version == before + 1


def test_whoever_has_left_is_not_waited_for(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        put_in_force(session, firm, for_role("peer", "reviewer", "all"))
        post = a_post_in_review(session, firm)
        a_decision(session, post, by=firm.reviewer)
        a_person(session, "nina", Role.REVIEWER)  # who came later was not asked
        assert post.standing is Standing.IN_REVIEW
        leaver = session.get_one(Person, firm.other_reviewer.id)
        accounts.take_role(session, leaver, Role.REVIEWER, workspace=firm.workspace, by=HOST)
        session.flush()
        review.reconsider(session, post, by="worker")
        assert post.standing is Standing.APPROVED


def test_whoever_asks_for_an_exception_after_approving_loses_their_say(firm):
    with transaction() as session:
        both = with_role(session, firm.reviewer, Role.MARKETER)
        post = a_post_in_review(session, firm, FLAGGED)
        a_decision(session, post, by=both)
        assert post.acts_next == "compliance"
        posts.ask_exception(session, post, flagged(session, post), reason="It is true.", by=both)
        review.reconsider(session, post, by=both.id)
        assert post.acts_next == "reviewer"
        a_decision(session, post, by=firm.other_reviewer)
        assert post.acts_next == "compliance"
