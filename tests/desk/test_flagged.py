"""The posts that a rule flagged: all of them, the false alarms, page by page, and never a whole table."""

from __future__ import annotations

import re

import pytest
from doors import give_passwords
from factories import CLEAN, SHORTENED, a_draft, a_person, a_post, a_post_in_review, a_workspace
from sqlalchemy import create_engine, event

from approval.capabilities import Role
from approval.db import reading, transaction
from approval.desk.queries import flagged
from approval.desk.queries.flagged import rule_posts
from approval.errors import NotFound
from approval.posts import services as posts
from approval.posts.models import Post, Standing

RULE = "CHN201"
"""It flags the link in SHORTENED."""


def found_by(rule=RULE, workspace="northwind", **more):
    with reading() as session:
        return rule_posts(session, workspace, rule, **more)


@pytest.fixture
def shortened(firm, made):
    """Posts that the rule flags, oldest first; each says something else."""
    return [made(a_post, f"{SHORTENED} Number {n}.", title=f"Offer {n}") for n in range(5)]


def dismissed(firm, post, reason="It names the day."):
    with transaction() as session:
        posts.dismiss_finding(session, session.get_one(Post, post), RULE, reason=reason, by=firm.reviewer)


def test_posts_are_listed_newest_first_with_the_words_that_were_flagged(firm, made, shortened):
    made(a_post, CLEAN)
    found = found_by()
    assert [line.post for line in found.lines] == shortened[::-1]
    first = found.lines[0]
    assert (first.title, first.standing, first.revision, first.more) == ("Offer 4", Standing.DRAFT, 1, 0)
    assert first.words and all(words in SHORTENED for words in first.words) and first.dismissed is None
    assert found.tally.hits == 5 and found.before is None


def test_a_post_is_listed_once_with_its_newest_flagged_revision(firm, shortened):
    with transaction() as session:
        post = session.get_one(Post, shortened[0])
        posts.revise(session, post, a_draft(firm, f"{SHORTENED} Indeed."), by=firm.marketer, seen=post.revision)
    first = found_by().lines[0]
    assert (first.post, first.revision, first.more) == (shortened[0], 2, 1)


def test_a_false_alarm_says_who_when_and_why_and_can_be_asked_for_alone(firm, shortened):
    assert found_by(alarms=True).lines == ()
    for post in shortened[1:3]:
        dismissed(firm, post)
    assert [line.dismissed is not None for line in found_by().lines] == [False, False, True, True, False]
    alarms = found_by(alarms=True)
    assert [line.post for line in alarms.lines] == shortened[1:3][::-1]
    said = alarms.lines[0].dismissed
    assert said is not None and (said.by, said.reason) == (firm.reviewer.name, "It names the day.")
    assert alarms.lines[0].words == found_by().lines[0].words


@pytest.mark.parametrize("alarms", [False, True])
def test_pages_follow_one_another_and_miss_nothing(firm, shortened, monkeypatch, alarms):
    for post in shortened:
        dismissed(firm, post)
    monkeypatch.setattr(flagged, "PAGE", 2)
    pages, before = [], None
    while True:
        page = found_by(alarms=alarms, before=before)
        pages.append([line.post for line in page.lines])
        before = page.before
        if before is None:
            break
    assert [post for page in pages for post in page] == shortened[::-1] and max(map(len, pages)) == 2


def test_what_is_looked_through_for_one_page_is_bounded(firm, made, shortened, monkeypatch):
    for n in range(4):
        made(a_post, f"{CLEAN} Number {n}.")
    monkeypatch.setattr(flagged, "MOST_READ", 3)
    newest = found_by()
    assert newest.lines == () and newest.before is not None, "older ones may have been flagged"
    older = found_by(before=newest.before)
    assert [line.post for line in older.lines] == shortened[:2:-1]


def test_the_screenings_are_found_by_their_ids(firm, shortened, sqlite_url):
    """Of a workspace with a million screenings SQLite would otherwise read all to sort them."""
    asked = []

    def note(connection, cursor, statement, parameters, context, executemany):
        asked.append((statement, parameters))

    with reading() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        try:
            rule_posts(session, "northwind", RULE)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        statement, parameters = next(one for one in asked if "LIKE" in one[0])
    engine = create_engine(sqlite_url)
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    engine.dispose()
    assert len(plan) == 1 and "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan[0][-1]


def test_a_rule_that_found_nothing_is_empty_and_one_that_is_none_is_refused(firm):
    assert found_by().lines == ()
    with pytest.raises(NotFound):
        found_by("XYZ999")


def test_another_workspace_sees_none_of_it(app, signed, keys, firm, shortened):
    dismissed(firm, shortened[0])
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
        a_person(session, "stella", *Role, workspace="southwind")
    give_passwords()
    with reading() as session:
        assert flagged._hits(session, "southwind", RULE, None) == ([], None)
        assert flagged._alarms(session, "southwind", RULE, None) == ([], None)
    stella = signed("stella")
    assert stella.get(f"/rules/{RULE}/posts?workspace=northwind").status_code == 404
    assert "Offer" not in stella.get(f"/rules/{RULE}/posts").text


def test_the_page_links_posts_filters_and_pages(signed, firm, made, shortened, monkeypatch):
    made(a_post_in_review, SHORTENED, title="In review now")
    dismissed(firm, shortened[1], reason="It names <the> day.")
    carla = signed("carla")
    page = carla.get(f"/rules/{RULE}/posts").text
    assert f'href="/posts/{shortened[0]}"' in page and "In review now" in page and "It names &lt;the&gt; day." in page
    alarms = carla.get(f"/rules/{RULE}/posts?only=alarms").text
    assert f'href="/posts/{shortened[1]}"' in alarms and f'href="/posts/{shortened[0]}"' not in alarms
    monkeypatch.setattr(flagged, "PAGE", 2)
    following = re.search(r'rel="next" href="([^"]+)"', carla.get(f"/rules/{RULE}/posts").text)[1].replace("&amp;", "&")
    assert f'href="/posts/{shortened[3]}"' in carla.get(following).text
    assert carla.get(f"/rules/{RULE}/posts?before=x").status_code == 422
    assert carla.get("/rules/XYZ999/posts").status_code == 404
    assert "Nothing flagged yet" in carla.get("/rules/PRO110/posts").text
