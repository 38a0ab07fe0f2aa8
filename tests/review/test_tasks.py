"""My tasks: what I may decide and nothing else, riskiest first, then soonest."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import (
    BLOCKED,
    HOST,
    a_decision,
    a_draft,
    a_post,
    a_post_in_review,
    put_in_force,
    with_role,
)

from approval import clock
from approval.capabilities import Role
from approval.db import transaction
from approval.people.models import Person
from approval.people.services import accounts
from approval.posts import services as posts
from approval.review import services as review
from approval.review.flow import Asked, Stage, Verdict, Who
from approval.review.queries import count_tasks, exceptions_waiting, returned, tasks

FLAGGED = "Apply now: our team answers today only!"


def titles(session, actor, **asked):
    return [task.title for task in tasks(session, actor, "northwind", **asked).tasks]


def test_tasks_follow_the_stages(firm):
    with transaction() as session:
        post = a_post_in_review(session, firm)
        assert [titles(session, who) for who in (firm.reviewer, firm.compliance)] == [["Hours"], []]
        (task,) = tasks(session, firm.reviewer, firm.workspace).tasks
        a_decision(session, post, by=firm.reviewer, stage=task.stage_id)
        assert [titles(session, who) for who in (firm.reviewer, firm.compliance)] == [[], ["Hours"]]


@pytest.mark.parametrize("who", ["marketer", "publisher", "examiner", "administrator"])
def test_whoever_may_not_decide_has_no_tasks(firm_on_sqlite, who):
    with transaction() as session:
        a_post_in_review(session, firm_on_sqlite)
        assert titles(session, getattr(firm_on_sqlite, who)) == []


@pytest.mark.parametrize("how", ["author", "editor", "asked an exception", "nothing: the control"])
def test_own_words_are_nobody_s_task(firm, how):
    with transaction() as session:
        mine = with_role(session, firm.reviewer, Role.MARKETER)
        post = a_post(session, firm, FLAGGED, by=mine if how == "author" else firm.marketer)
        if how == "editor":
            posts.revise(session, post, a_draft(firm, FLAGGED + " Now."), by=mine, seen=None)
        if how == "asked an exception":
            rule = found_in(session, post)
            posts.ask_exception(session, post, rule, reason="It is true.", by=mine)
        review.submit(session, post, by=firm.marketer)
        expected = [] if how != "nothing: the control" else ["Hours"]
        assert (titles(session, mine), count_tasks(session, mine, firm.workspace)) == (expected, len(expected))
        assert titles(session, firm.other_reviewer) == ["Hours"]


def found_in(session, post):
    from sqlalchemy import select

    from approval.screening.models import Screening

    return session.scalars(select(Screening.findings).where(Screening.revision == post.revision)).one()[0]["rule"]


def test_what_i_decided_is_no_longer_my_task(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        put_in_force(session, firm, Stage("peer", "Peer", Who(Asked.ROLE, "reviewer"), 2))
        post = a_post_in_review(session, firm)
        a_decision(session, post, by=firm.reviewer)
        assert (titles(session, firm.reviewer), titles(session, firm.other_reviewer)) == ([], ["Hours"])


@pytest.mark.parametrize("distinct", [True, False])
def test_a_second_stage_is_a_task_only_where_one_person_may_take_both(firm_on_sqlite, distinct):
    firm = firm_on_sqlite
    with transaction() as session:
        reviewers = Who(Asked.ROLE, "reviewer")
        put_in_force(session, firm, Stage("a", "A", reviewers), Stage("b", "B", reviewers), distinct=distinct)
        a_decision(session, a_post_in_review(session, firm), by=firm.reviewer)
        assert titles(session, firm.reviewer) == ([] if distinct else ["Hours"])


def test_roles_teams_and_persons_are_asked_alike(firm):
    with transaction() as session:
        team = accounts.create_team(session, workspace=firm.workspace, name="legal", by=HOST)
        accounts.join_team(session, team, session.get_one(Person, firm.reviewer.id), by=HOST)
        mine = with_role(session, firm.reviewer, Role.REVIEWER)
        for n, who in enumerate((Who(Asked.TEAM, "legal"), Who(Asked.PERSON, mine.id), Who(Asked.ROLE, "reviewer"))):
            put_in_force(session, firm, Stage("only", f"Stage {n}", who))
            a_post_in_review(session, firm, f"From {n + 1} May we open at nine.", title=f"Post {n}")
        assert titles(session, mine) == ["Post 0", "Post 1", "Post 2"]
        assert titles(session, firm.other_reviewer) == ["Post 2"]


def test_the_riskiest_comes_first_then_the_soonest(firm):
    with transaction() as session:
        now = clock.now(session)
        for title, words, hours in (
            ("calm late", "We open at nine.", 20),
            ("calm soon", "We open at eight.", 2),
            ("flagged late", FLAGGED, 20),
            ("flagged soon", FLAGGED + " Now.", 2),
        ):
            a_post_in_review(session, firm, words, title=title, publish_at=now + timedelta(hours=hours))
        assert titles(session, firm.reviewer) == ["flagged soon", "flagged late", "calm soon", "calm late"]


def test_pages_join_without_gap_or_double(firm):
    with transaction() as session:
        for n in range(7):
            a_post_in_review(session, firm, FLAGGED if n % 2 else f"We open at {n + 7}.", title=f"{n}")
        seen, after = [], None
        while True:
            page = tasks(session, firm.reviewer, firm.workspace, after=after, limit=2)
            seen += [task.title for task in page.tasks]
            if page.after is None:
                break
            after = page.after
        assert seen == titles(session, firm.reviewer)
        assert sorted(seen) == [str(n) for n in range(7)]


def test_counting_stops_where_nobody_reads_on(firm_on_sqlite, monkeypatch):
    monkeypatch.setattr("approval.review.queries.tasklist.MOST_COUNTED", 3)
    with transaction() as session:
        for n in range(5):
            a_post_in_review(session, firm_on_sqlite, f"We open at {n + 7}.")
        assert count_tasks(session, firm_on_sqlite.reviewer, "northwind") == 3


def test_a_returned_post_is_its_author_s_and_its_editors(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm)
        posts.revise(session, post, a_draft(firm, "We open at ten."), by=firm.other_marketer, seen=None)
        review.submit(session, post, by=firm.marketer)
        a_decision(session, post, by=firm.reviewer, verdict=Verdict.REQUEST_CHANGES)
        found = {
            who.name: len(returned(session, who, "northwind"))
            for who in (firm.marketer, firm.other_marketer, firm.publisher)
        }
    assert found == {"Maria": 1, "Milan": 1, "Paula": 0}


def test_a_request_for_an_exception_waits_for_those_who_may_accept(firm):
    with transaction() as session:
        post = a_post(session, firm, BLOCKED)
        rule = found_in(session, post)
        posts.ask_exception(session, post, rule, reason="It is true.", by=firm.marketer)
        asked = {
            who.name: len(exceptions_waiting(session, who, "northwind")) for who in (firm.compliance, firm.reviewer)
        }
        assert asked == {"Carla": 1, "Ruth": 0}
        mine = with_role(session, firm.other_compliance, Role.MARKETER)
        posts.ask_exception(session, post, rule, reason="I think so too.", by=mine)
        assert exceptions_waiting(session, mine, "northwind") == ()
        posts.accept_finding(session, post, rule, reason="Agreed with the regulator.", by=firm.compliance)
        assert exceptions_waiting(session, firm.compliance, "northwind") == ()
