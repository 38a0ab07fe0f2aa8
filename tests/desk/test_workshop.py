"""The rule workshop on the firm's own posts: what a rule would flag, and how a proposed version would have fared."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from factories import CLEAN, a_firm, a_post, a_post_in_review, an_approved_post

from approval import clock
from approval.db import reading, transaction
from approval.desk.queries import sweeping
from approval.desk.views import workshop as views
from approval.people.models import Proposal
from approval.posts.models import Post
from approval.publishing import services as publishing
from approval.screening import queries, services
from approval.screening.services import packing, workshop

RULE = {
    "id": "FIRM001",
    "name": "branch-named",
    "kind": "phrase",
    "topic": "comparison-unsubstantiated",
    "severity": "medium",
    "match": ["our branch"],
    "message": "“{match}” names a branch.",
    "why": "Our policy.",
    "suggestion": "Leave it out.",
    "flags": ["Our branch opens."],
    "passes": ["We open."],
}
TYPED = {"kind": "phrase", "match": "our branch", "severity": "medium", "part": "1"}


@pytest.fixture(autouse=True)
def unproven(monkeypatch):
    """The examples of all shipped rules are proven elsewhere, and take long."""
    monkeypatch.setattr("approval.screening.services.changing.failures", lambda rules: iter(()))


@pytest.fixture
def proposed(firm):
    """Propose the firm's own pack with a rule, and something silenced; the proposal's id."""

    def propose(silenced=(), table=RULE):
        table = {**table, "citation": {"text": "Policy 4", "as_of": datetime(2026, 11, 1, tzinfo=UTC).date()}}
        source = packing.with_state(packing.with_rule("", table), silenced, "off")
        with transaction() as session:
            force = queries.version_in_force(session, firm.workspace)
            packs = {**queries.packs_of(session, force.id), "firm": source.encode()}
            services.propose_rules(session, firm.workspace, packs, by=firm.compliance, reason="Our policy.")
        with reading() as session:
            return session.query(Proposal).order_by(Proposal.id.desc()).first().id

    return propose


def said(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# -- a rule on our own posts ------------------------------------------------------------------------------------


def test_a_rule_is_tried_on_the_posts_as_they_read_now(signed, made):
    made(a_post, title="zug")
    for n in range(6):
        made(a_post, "We open at nine.", title=f"other {n}")
    part = signed("carla").post("/rules/try/posts", TYPED).text
    assert "1 of 7 posts would newly be flagged (14.3 %)" in said(part)
    assert ">our branch</mark>" in part and "flood" not in part and "<html" not in part
    page = signed("carla").post("/rules/try/posts", {**TYPED, "part": ""}).text
    assert "<html" in page and "1 of 7 posts" in said(page)


def test_a_flood_is_warned_of(signed, made):
    for n in range(3):
        made(a_post, CLEAN if n else "We open at nine.", title=f"post {n}")
    part = signed("carla").post("/rules/try/posts", TYPED).text
    assert "would flood the reviewers" in part and "67 %" in said(part)


def test_only_what_the_rule_did_not_find_before_is_new(signed, made, proposed, firm):
    made(a_post)
    proposal = proposed()
    with transaction() as session:
        services.second_rules(session, session.get_one(Proposal, proposal), by=firm.other_compliance, accept=True)
    part = signed("carla").post("/rules/try/posts", {**TYPED, "rule": "FIRM001"}).text
    assert "0 of 1 post would newly be flagged" in said(part)


def test_without_a_post_or_a_pattern_the_page_says_so(signed):
    assert "no post yet" in signed("carla").post("/rules/try/posts", TYPED).text
    assert "missing or empty" in signed("carla").post("/rules/try/posts", {**TYPED, "match": ""}).text


# -- a version on what went out ---------------------------------------------------------------------------------


def test_a_proposal_is_tested_on_what_was_submitted(signed, made, proposed):
    made(a_post, title="never submitted")
    made(a_post_in_review, title="flagged now")
    made(a_post_in_review, "We open at nine.", title="as before")
    page = signed("carla").get(f"/rules/proposals/{proposed()}/backtest")
    assert page.status_code == 200
    words = said(page.text)
    assert "Revisions judged 2" in words and "Newly flagged or graver (1) flagged now Clean" in words
    assert "Newly passing or milder (0)" in words and "never submitted" not in words and "This is not all" not in words


def test_what_would_pass_stands_on_the_other_side(signed, made, proposed, firm):
    proposal = proposed()
    with transaction() as session:
        services.second_rules(session, session.get_one(Proposal, proposal), by=firm.other_compliance, accept=True)
    made(a_post_in_review, title="flagged before")
    words = said(signed("carla").get(f"/rules/proposals/{proposed(silenced=['FIRM001'])}/backtest").text)
    assert "Newly passing or milder (1) flagged before Medium" in words and "Newly flagged or graver (0)" in words


def test_the_days_bound_what_is_tested(signed, made, proposed):
    made(a_post_in_review, title="today")
    address = f"/rules/proposals/{proposed()}/backtest"
    carla = signed("carla")
    assert "No revision in these days" in carla.get(f"{address}?from=2020-01-01&to=2020-01-31").text
    for days in ("from=2020-02-01&to=2020-01-01", "from=yesterday", "from=0001-01-01&to=2020-01-01"):
        answer = carla.get(f"{address}?{days}")
        assert answer.status_code == 422 and "Not tested" in answer.text, days


def test_it_says_how_far_it_came_and_goes_on_from_there(signed, made, proposed, monkeypatch):
    for n in range(5):
        made(a_post_in_review, title=f"post {n}")
    most = workshop.compare
    monkeypatch.setattr(views, "compare", lambda *given, **more: most(*given, **more, most=2))
    monkeypatch.setattr(sweeping, "BATCH", 2)
    address, seen = f"/rules/proposals/{proposed()}/backtest", []
    for _ in range(3):
        page = signed("carla").get(address).text
        seen.append(re.findall(r">(post \d)</a>", page))
        found = re.search(r'href="([^"]+)">Judge the next stretch', page)
        assert (found is not None) is ("This is not all" in page)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == [["post 4", "post 3"], ["post 2", "post 1"], ["post 0"]] and not address
    assert "That was the last stretch" in page


def test_both_databases_read_what_was_submitted_in_some_days(database, keys):
    firm = a_firm(keys)
    with transaction() as session:
        an_approved_post(session, firm, title="approved")
        a_post(session, firm, title="draft")
        now = clock.now(session)
    day = timedelta(days=1)
    with reading() as session:
        reader = sweeping.Reader(session, firm.workspace)
        found = [reader.found[one.key][1] for one in reader.between(now - day, now + day, before=None)]
        assert found == ["approved"]
        assert not list(reader.between(now + day, now + 2 * day, before=None))
        assert [reader.found[one.key][1] for one in reader.newest()] == ["draft", "approved"]
        assert queries.sources_ever(session, firm.workspace, "firm") == ()
        assert len(queries.sources_ever(session, firm.workspace, "words")) == 1


def test_what_was_published_then_counts_though_it_was_submitted_before(firm, made):
    id_ = made(an_approved_post, title="approved")
    with transaction() as session:
        (publication,) = publishing.publish_now(session, session.get_one(Post, id_), by=firm.publisher)
        publication.published_at = clock.now(session) + timedelta(days=10)
        session.flush()
        reader = sweeping.Reader(session, firm.workspace)
        then = clock.now(session) + timedelta(days=9)
        found = [reader.found[one.key][1] for one in reader.between(then, then + timedelta(days=2), before=None)]
        session.rollback()
    assert found == ["approved"]


def test_a_candidate_is_tested_before_it_is_proposed(signed, made):
    made(a_post_in_review, title="flagged now")
    page = signed("carla").post("/rules/backtest", {**TYPED, "part": ""})
    assert page.status_code == 200 and "Newly flagged or graver (1) flagged now" in said(page.text)
    assert 'name="match" value="our branch"' in page.text
    refused = signed("carla").post("/rules/backtest", {**TYPED, "match": "("})
    assert refused.status_code == 422 and "Not tested" in refused.text


@pytest.fixture
def copied(made):
    """What the form sends of a milder copy of a shipped rule, with a post in which that rule finds something."""
    made(a_post_in_review, "Hurry up, we open at nine.", title="flagged now")
    return {"kind": "phrase", "match": "hurry up", "severity": "low", "copied": "URG101"}


def test_a_copy_finds_nothing_new_where_the_copied_rule_finds_it_already(signed, copied):
    swept = signed("carla").post("/rules/try/posts", {**copied, "part": "1"})
    assert "0 of 1 post would newly be flagged" in said(swept.text)
    control = signed("carla").post("/rules/try/posts", {**copied, "copied": "", "part": "1"})
    assert "1 of 1 post would newly be flagged" in said(control.text)


def test_a_copy_that_switches_the_rule_off_is_tested_without_it(signed, copied):
    milder = said(signed("carla").post("/rules/backtest", {**copied, "replaces": "y"}).text)
    assert "Newly passing or milder (1) flagged now Medium Low" in milder
    control = said(signed("carla").post("/rules/backtest", copied).text)
    assert "Newly passing or milder (0)" in control


def test_only_who_defines_tries_rules_on_posts(signed, made, proposed):
    made(a_post_in_review)
    proposal = proposed()
    for name in ("maria", "ruth", "emil"):
        assert signed(name).get(f"/rules/proposals/{proposal}/backtest").status_code == 403
        for address in ("/rules/try/posts", "/rules/backtest"):
            assert signed(name).post(address, TYPED).status_code == 403
    assert signed("carla").get("/rules/proposals/999/backtest").status_code == 404
