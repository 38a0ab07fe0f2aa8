from __future__ import annotations

import pytest
from factories import a_post

from approval.db import reading, transaction
from approval.posts import queries
from approval.posts.models import Standing
from approval.posts.payload import Attachment, Payload


def titles(workspace, **wanted):
    with reading() as session:
        return [line.title for line in queries.lines(session, workspace, **wanted).lines]


@pytest.fixture
def posts(firm):
    with transaction() as session:
        a_post(session, firm, title="Hours in Zug")
        a_post(session, firm, title="Rates at 5% from May", channel="site", by=firm.other_marketer)
        third = a_post(session, firm, title="The word channels", words='"channels":["site"],"disclosures":')
        third.standing = Standing.CHANGES_REQUESTED
    return firm


def test_the_newest_post_comes_first(posts):
    assert titles(posts.workspace) == ["The word channels", "Rates at 5% from May", "Hours in Zug"]
    assert titles("elsewhere") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"standing": Standing.CHANGES_REQUESTED}, ["The word channels"]),
        ({"standing": Standing.REJECTED}, []),
        ({"text": "HOURS"}, ["Hours in Zug"]),
        ({"text": "5%"}, ["Rates at 5% from May"]),
        ({"text": "%"}, ["Rates at 5% from May"]),
        ({"text": "_"}, []),
        ({"channel": "site"}, ["Rates at 5% from May"]),
        ({"channel": "news"}, ["The word channels", "Hours in Zug"]),
        ({"channel": "ews"}, []),
    ],
)
def test_a_list_is_filtered(posts, wanted, found):
    assert titles(posts.workspace, **wanted) == found


def test_a_list_by_author(posts):
    assert titles(posts.workspace, author=posts.other_marketer.id) == ["Rates at 5% from May"]


def test_pages_follow_each_other_without_gap_or_overlap(posts):
    seen, before = [], None
    with reading() as session:
        while True:
            page = queries.lines(session, posts.workspace, before=before, limit=2)
            seen += [line.id for line in page.lines]
            before = page.before
            if before is None:
                break
    assert len(seen) == len(set(seen)) == 3
    assert seen == sorted(seen, reverse=True)


def test_a_list_says_who_acts_next(posts):
    with reading() as session:
        line = queries.lines(session, posts.workspace, text="Rates").lines[0]
    assert (line.acts_next, line.author_name) == ("Milan (author)", "Milan")


def test_changes_name_every_part_that_differs():
    before = Payload(title="Hours", texts={"news": "Open at nine."}, channels=("news",), regime="uk")
    after = Payload(
        title="Hours",
        texts={"desk": "Open.", "news": "Open at ten."},
        channels=("desk", "news"),
        regime="uk",
        product="savings",
        media=(Attachment(bytes(32), "A door"),),
    )
    assert [change.part for change in queries.changes(before, after)] == [
        "texts.desk",
        "texts.news",
        "media.0",
        "alt.0",
        "channels",
        "product",
    ]
    removed = queries.changes(after, before)
    assert {change.part for change in removed} == {change.part for change in queries.changes(before, after)}
    assert queries.changes(before, before) == ()
