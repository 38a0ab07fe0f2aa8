"""What the pages of the desk show, on both databases."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from factories import (
    BLOCKED,
    CLEAN,
    Firm,
    a_decision,
    a_firm,
    a_post,
    a_post_in_review,
    an_approved_post,
    with_role,
)

from approval import clock
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.desk.forms import Typed, draft_of, of_post
from approval.desk.queries import listing
from approval.desk.queries.calendar import calendar_page
from approval.desk.queries.composer import Words, composition
from approval.desk.queries.listing import Filter, posts_page
from approval.desk.queries.networks import networks_of
from approval.desk.queries.post import post_page
from approval.desk.queries.shell import around
from approval.desk.queries.tasks import count_waiting, tasks_page
from approval.people.queries import channels, workspace_facts
from approval.posts import services as posts
from approval.posts.models import Post, Standing
from approval.posts.payload import digest
from approval.posts.queries import post_facts
from approval.publishing import services as publishing
from approval.review.flow import Verdict


@pytest.fixture
def firm(database, keys, prepared) -> Firm:
    return prepared("firm", lambda: a_firm(keys), database, keys)


def make(build, firm, *words, **changes):
    with transaction() as session:
        return build(session, firm, *words, **changes).id


def page_of(id_, reader, **options):
    with reading() as session:
        return post_page(session, id_, reader=reader, since=options.get("since"), key=str(uuid.uuid4()))


# -- tasks ---------------------------------------------------------------------------------------------------------


def test_everybody_is_shown_what_waits_for_them_alone(firm):
    make(a_post, firm, title="A draft")
    make(a_post_in_review, firm, title="In review")
    make(an_approved_post, firm, title="Approved")
    found = {}
    with reading() as session:
        for who in ("marketer", "reviewer", "compliance", "publisher", "examiner"):
            page = tasks_page(session, getattr(firm, who), firm.workspace)
            rows = (*page.review, *page.returned, *page.publish, *page.drafts)
            found[who] = [row.title for row in rows]
    assert found == {
        "marketer": ["A draft"],
        "reviewer": ["In review"],
        "compliance": [],
        "publisher": ["Approved"],
        "examiner": [],
    }


def test_a_returned_post_waits_for_its_author(firm):
    id_ = make(a_post_in_review, firm)
    with transaction() as session:
        a_decision(session, session.get_one(Post, id_), by=firm.reviewer, verdict=Verdict.REQUEST_CHANGES)
    with reading() as session:
        assert [row.post for row in tasks_page(session, firm.marketer, firm.workspace).returned] == [id_]
        assert tasks_page(session, firm.other_marketer, firm.workspace).empty


def test_the_count_of_the_rail_is_what_the_page_lists_but_drafts(firm):
    make(a_post, firm)
    make(a_post_in_review, firm)
    with reading() as session:
        assert count_waiting(session, firm.reviewer, firm.workspace) == 1
        assert count_waiting(session, firm.marketer, firm.workspace) == 0
        assert around(session, firm.reviewer, firm.workspace).waiting == 1


def test_a_row_names_the_networks_of_its_post(firm):
    id_ = make(a_post_in_review, firm, channel="desk")
    with reading() as session:
        assert networks_of(session, firm.workspace, [id_]) == {id_: ("x",)}
        assert tasks_page(session, firm.reviewer, firm.workspace).review[0].networks == ("x",)


def test_a_workspace_where_nobody_could_second_says_so(firm):
    with reading() as session:
        assert not around(session, firm.marketer, firm.workspace).alone


# -- the list ------------------------------------------------------------------------------------------------------


def test_pages_of_the_list_hold_every_post_once(firm, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 2)
    ids = [make(a_post, firm, title=f"Post {n}") for n in range(5)]
    seen, before = [], None
    with reading() as session:
        while True:
            page = posts_page(session, firm.workspace, Filter(before=before))
            seen += [line.id for line in page.lines]
            before = page.before
            if before is None:
                break
    assert seen == sorted(ids, reverse=True)


def test_counts_stop_at_their_bound(firm, monkeypatch):
    monkeypatch.setattr(listing, "MOST_COUNTED", 2)
    for _ in range(3):
        make(a_post, firm)
    make(a_post_in_review, firm)
    with reading() as session:
        assert listing.counts(session, firm.workspace) == {Standing.DRAFT: 2, Standing.IN_REVIEW: 1}


# -- a post --------------------------------------------------------------------------------------------------------


def test_the_stage_asks_whoever_may_decide_and_nobody_else(firm):
    id_ = make(a_post_in_review, firm)
    assert page_of(id_, firm.reviewer).may.deciding.name == "Peer review"
    assert page_of(id_, firm.compliance).may.deciding is None
    assert page_of(id_, firm.marketer).may.deciding is None


def test_an_author_with_the_role_is_told_why_others_decide(firm):
    with transaction() as session:
        author = with_role(session, firm.marketer, Role.REVIEWER)
    id_ = make(a_post_in_review, firm)
    may = page_of(id_, author).may
    assert may.deciding is None and may.why_not.startswith("You wrote or edited")


def test_whoever_decided_is_told_so(firm):
    id_ = make(a_post_in_review, firm)
    with transaction() as session:
        reviewer = with_role(session, firm.reviewer, Role.COMPLIANCE)
        a_decision(session, session.get_one(Post, id_), by=reviewer)
    assert "You have decided" in page_of(id_, reviewer).may.why_not


def test_findings_of_one_rule_are_one_group_with_all_their_places(firm):
    id_ = make(a_post, firm, f"{BLOCKED} {BLOCKED}")
    page = page_of(id_, firm.marketer)
    rules = [group.rule for group in page.findings]
    assert len(rules) == len(set(rules)) and any(len(group.places) > 1 for group in page.findings)
    text = "".join(piece.text for piece in page.channels[0].segments)
    assert text == f"{BLOCKED} {BLOCKED}"


def test_a_second_round_is_compared_with_what_the_reader_decided_on(firm):
    id_ = make(a_post_in_review, firm)
    with transaction() as session:
        a_decision(session, session.get_one(Post, id_), by=firm.reviewer, verdict=Verdict.REQUEST_CHANGES)
    assert page_of(id_, firm.reviewer).changes is None
    with transaction() as session:
        post = session.get_one(Post, id_)
        facts = post_facts(session, id_)
        firm_facts, known = workspace_facts(session, firm.workspace), channels(session, firm.workspace)
        before = of_post(facts, firm_facts.zone)
        after = Typed(before.fields, {"news": f"{CLEAN} On weekdays."}, before.chosen, seen=before.seen)
        posts.revise(session, post, draft_of(after, firm_facts, known), by=firm.marketer, seen=post.revision)
    changes = page_of(id_, firm.reviewer).changes
    assert changes.since.number == 1 and changes.why == "you decided on it"
    assert ("insert", " On weekdays.") in changes.parts[0].pieces
    assert page_of(id_, firm.marketer, since=1).changes.why == "you chose it"


# -- the composer --------------------------------------------------------------------------------------------------


def test_an_empty_composer_has_no_finding_and_tells_the_stages(firm):
    with reading() as session:
        found = composition(session, workspace_facts(session, "northwind"), Words("", {}, frozenset()), post=None)
    assert not found.blocked and not found.others and found.aside.asked == 2
    assert [editor.chosen for editor in found.editors] == [False, False, False]


def test_only_chosen_channels_are_judged(firm):
    words = Words("Rates", {"news": BLOCKED, "desk": BLOCKED}, frozenset({"news"}))
    with reading() as session:
        found = composition(session, workspace_facts(session, "northwind"), words, post=None)
    by_name = {editor.view.name: editor for editor in found.editors}
    assert found.blocked and by_name["news"].findings and not by_name["desk"].findings


def test_what_nobody_touched_is_the_same_revision(firm):
    exact = datetime(2099, 11, 21, 8, 0, 30, 123456, tzinfo=UTC)
    id_ = make(a_post, firm, not_before=exact, publish_at=exact + timedelta(days=1))
    with reading() as session:
        facts = post_facts(session, id_)
        here, known = workspace_facts(session, "northwind"), channels(session, "northwind")
        draft = draft_of(of_post(facts, here.zone), here, known)
    assert digest(draft.payload) == facts.revision and draft.publish_at == facts.wanted_at


# -- the calendar --------------------------------------------------------------------------------------------------


def test_a_publication_stands_on_its_day_in_the_zone_of_the_workspace(firm):
    id_ = make(an_approved_post, firm)
    with transaction() as session:
        # 23:30 UTC is the next day in Zurich.
        late = datetime(2099, 11, 20, 23, 30, tzinfo=UTC)
        post = session.get_one(Post, id_)
        publishing.schedule(session, post, by=firm.publisher, publish_at=late, zone="UTC")
    with reading() as session:
        page = calendar_page(session, firm.workspace, date(2099, 11, 1))
    (day,) = [day for day in page.days if day.slots]
    assert day.date == date(2099, 11, 21) and day.slots[0].time == "00:30"
    assert day.slots[0].movable and not day.slots[0].locked


def test_a_wish_stands_there_until_it_is_scheduled(firm):
    wished = datetime(2099, 11, 21, 8, tzinfo=UTC)
    make(a_post, firm, publish_at=wished)
    locked = make(a_post_in_review, firm, publish_at=wished)
    with reading() as session:
        page = calendar_page(session, firm.workspace, date(2099, 11, 1))
    slots = [slot for day in page.days for slot in day.slots]
    assert [slot.wished for slot in slots] == [True, True]
    assert [slot.post for slot in slots if slot.locked] == [locked]


def test_a_month_is_whole_weeks_and_knows_its_neighbours(firm):
    with reading() as session:
        page = calendar_page(session, firm.workspace, date(2026, 2, 1))
        now = calendar_page(session, firm.workspace, None)
        today = clock.wall_time(clock.now(session), "Europe/Zurich").date()
    assert all(len(week) == 7 for week in page.weeks) and len(page.days) == 28
    assert (page.previous, page.next) == (date(2026, 1, 1), date(2026, 3, 1))
    assert [day.date for day in now.days if day.today] == [today]
