"""Two at once: whatever the order, one story. `APPROVAL_RACES` sets the rounds of a long run (1000, 2000)."""

from __future__ import annotations

import os
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from factories import a_draft, a_firm, a_post, a_post_in_review, put_in_force
from sqlalchemy import func, select
from sqlalchemy.orm.exc import StaleDataError

from approval import db
from approval.audit.models import Entry
from approval.audit.services import record
from approval.db import reading, transaction
from approval.errors import Conflict, Invalid, NotApproved, Refusal
from approval.posts import queries as posts_queries, services as posts
from approval.posts.models import Post, Standing
from approval.review import events, services as review
from approval.review.flow import Asked, Reason, Stage, Verdict, Who
from approval.review.models import Decision, OpenStage, Submission
from approval.review.queries import approved, flow_of
from approval.review.services import deciding

ROUNDS = int(os.environ.get("APPROVAL_RACES", "60"))
REFUSED = (Refusal, StaleDataError)


def at_once(*acts):
    """Run *acts* in threads that start together; return each one's answer or refusal."""
    gate = threading.Barrier(len(acts))

    def run(act):
        gate.wait(10)
        try:
            with transaction() as session:
                return act(session)
        except REFUSED as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def deciding_as(by, post, stage, seen, verdict=Verdict.APPROVE, key=None):
    given = {} if verdict is Verdict.APPROVE else {"reason": Reason.FACTS, "note": "The figure is wrong."}
    key = key or str(uuid.uuid4())

    def act(session):
        row = session.get_one(Post, post)
        return review.decide(session, row, by=by, stage=stage, verdict=verdict, seen=seen, key=key, **given).id

    return act


def submitted(firm, words):
    """A post in review: its id, the id of its first stage, its bytes."""
    with transaction() as session:
        post = a_post_in_review(session, firm, words)
        current = flow_of(session, post.id)
        return post.id, current.stage_id(current.stages[0]), post.revision


def ensure_one_story(post):
    """The rows say what the decisions say, and the log has an entry for each."""
    with reading() as session:
        row, current = session.get_one(Post, post), flow_of(session, post)
        derived, stored = current.flow.outcome.value, current.outcome.value
        assert stored == derived or stored in ("superseded", "withdrawn")
        decided = session.scalar(select(func.count()).select_from(Decision).where(Decision.post == post))
        told = session.scalar(
            select(func.count()).select_from(Entry).where(Entry.post == post, Entry.kind == "review.decided")
        )
        queued = session.scalar(select(func.count()).select_from(OpenStage).where(OpenStage.post == post))
        assert decided == told
        assert queued == (1 if row.standing is Standing.IN_REVIEW else 0)
        return row.standing, decided


def test_two_reviewers_never_contradict_each_other(firm):
    with transaction() as session:
        put_in_force(session, firm, Stage("only", "Only", Who(Asked.ROLE, "reviewer")))
    ends: Counter[str] = Counter()
    for n in range(ROUNDS):
        post, stage, seen = submitted(firm, f"We open at {n}.")
        answers = at_once(
            deciding_as(firm.reviewer, post, stage, seen),
            deciding_as(firm.other_reviewer, post, stage, seen, Verdict.REJECT),
        )
        assert sum(isinstance(answer, int) for answer in answers) == 1
        assert sum(isinstance(answer, Conflict | StaleDataError) for answer in answers) == 1
        standing, decided = ensure_one_story(post)
        assert decided == 1
        ends[standing] += 1
    assert set(ends) <= {Standing.APPROVED, Standing.REJECTED}


def test_one_key_sent_twice_at_once_decides_once(firm):
    for n in range(max(5, ROUNDS // 6)):
        post, stage, seen = submitted(firm, f"We open at {n}.")
        act = deciding_as(firm.reviewer, post, stage, seen, key=str(uuid.uuid4()))
        first, second = at_once(act, act)
        assert first == second
        assert ensure_one_story(post)[1] == 1


def test_one_key_on_two_posts_at_once_decides_one_of_them(firm):
    for n in range(max(5, ROUNDS // 6)):
        key = str(uuid.uuid4())
        acts = [deciding_as(firm.reviewer, *submitted(firm, f"We open at {n} {side}."), key=key) for side in "ab"]
        answers = at_once(*acts)
        assert sorted(isinstance(answer, Invalid) for answer in answers) == [False, True]


def test_an_edit_races_an_approval_and_no_approval_is_left_for_other_words(firm):
    with transaction() as session:
        put_in_force(session, firm, Stage("only", "Only", Who(Asked.ROLE, "reviewer")))
    seen_both: Counter[str] = Counter()
    for n in range(ROUNDS):
        post, stage, seen = submitted(firm, f"We open at {n}.")

        def edit(session, post=post, n=n, seen=seen):
            row = posts_queries.post_for_change(session, post)
            review.supersede(session, row, by=firm.marketer)
            return posts.revise(session, row, a_draft(firm, f"We close at {n}."), by=firm.marketer, seen=seen)

        def publish(session, post=post):
            row = posts_queries.post_for_change(session, post)
            current = flow_of(session, post)
            approved(session, current.id)
            return row.revision, row.standing

        edited, decided, published = at_once(edit, deciding_as(firm.reviewer, post, stage, seen), publish)
        assert edited is True
        if not isinstance(published, Refusal):
            assert published == (seen, Standing.APPROVED)
        else:
            assert isinstance(published, NotApproved)
        with reading() as session:
            row = session.get_one(Post, post)
            assert (row.standing, row.lock, row.revision != seen) == (Standing.DRAFT, None, True)
            with pytest.raises(NotApproved):
                approved(session, flow_of(session, post).id)
        ensure_one_story(post)
        seen_both["decided first" if isinstance(decided, int) else "edited first"] += 1
    assert sum(seen_both.values()) == ROUNDS


def test_two_submissions_at_once_make_one_round(firm):
    for n in range(max(5, ROUNDS // 6)):
        with transaction() as session:
            post = a_post(session, firm, f"We open at {n}.").id

        def submit(session, post=post):
            return review.submit(session, session.get_one(Post, post), by=firm.marketer).number

        answers = at_once(submit, submit)
        assert sorted(map(str, answers))[0] == "1"
        assert sum(isinstance(answer, REFUSED) for answer in answers) == 1
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(Submission).where(Submission.post == post)) == 1


def test_control_without_the_row_lock_the_version_still_refuses(firm, monkeypatch):
    """The lock is off: the compare-and-swap of the round lets one of two decisions through."""
    monkeypatch.setattr(deciding.posts, "post_for_change", lambda session, id_: session.get_one(Post, id_))
    with transaction() as session:
        put_in_force(session, firm, Stage("only", "Only", Who(Asked.ROLE, "reviewer")))
    for n in range(10):
        post, stage, seen = submitted(firm, f"We open at {n}.")
        answers = at_once(
            deciding_as(firm.reviewer, post, stage, seen),
            deciding_as(firm.other_reviewer, post, stage, seen, Verdict.REJECT),
        )
        assert sum(isinstance(answer, int) for answer in answers) == 1


def test_control_without_lock_and_version_both_get_through(postgres_url, keys, monkeypatch):
    """Both protections off, on a server where writers run side by side: the contradiction that they prevent."""
    engine = db.connect(postgres_url)
    firm = a_firm(keys)
    with transaction() as session:
        put_in_force(session, firm, Stage("only", "Only", Who(Asked.ROLE, "reviewer"), 2))
    monkeypatch.setattr(deciding.posts, "post_for_change", lambda session, id_: session.get_one(Post, id_))
    # Without `settle` neither post nor round is written, so nothing is compared and swapped.
    monkeypatch.setattr(deciding, "settle", lambda *given, **more: None)
    monkeypatch.setattr(deciding, "_record", _record_the_decision_alone)
    contradictions = 0
    for n in range(10):
        post, stage, seen = submitted(firm, f"We open at {n}.")
        answers = at_once(
            deciding_as(firm.reviewer, post, stage, seen),
            deciding_as(firm.other_reviewer, post, stage, seen, Verdict.REJECT),
        )
        contradictions += all(isinstance(answer, int) for answer in answers)
    engine.dispose()
    assert contradictions


def _record_the_decision_alone(session, decision, after, *moved):
    happened = events.Decided(
        by=decision.by,
        workspace=decision.workspace,
        post=decision.post,
        submission=decision.submission,
        stage=decision.stage,
        verdict=decision.verdict,
        reason=decision.reason,
        seen=decision.seen,
        roles=(),
        outcome="open",
    )
    record(session, happened, decision)
