from __future__ import annotations

from datetime import UTC, datetime

import pytest
from factories import BLOCKED, HOST, a_draft, a_picture, a_post
from sqlalchemy import select

from approval.db import reading, transaction
from approval.people.models import Channel
from approval.people.services import accounts
from approval.posts import queries, services
from approval.posts.payload import Attachment

LONG_AGO, MUCH_LATER = datetime(2001, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
JULY, AUGUST = datetime(2150, 7, 1, tzinfo=UTC), datetime(2150, 8, 1, tzinfo=UTC)


def wrong(firm, **changes):
    with reading() as session:
        return {problem.where for problem in queries.draft_problems(session, a_draft(firm, **changes))}


def test_a_short_draft_for_an_open_channel_is_ready(firm):
    assert wrong(firm) == set()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"texts": {}}, {"texts"}),
        ({"texts": {"news": " \n"}}, {"texts.news"}),
        ({"texts": {"desk": "x" * 281}}, {"texts.desk"}),
        ({"texts": {"desk": "x" * 280}}, set()),
        ({"texts": {"gone": "words"}}, {"texts.gone"}),
        ({"media": (Attachment(bytes(32), " "),)}, {"alt.0"}),
        ({"media": tuple(Attachment(bytes([n] * 32), "A door") for n in range(5)), "channel": "desk"}, {"media"}),
        ({"disclosures": ("Member FDIC",)}, {"disclosures.0"}),
        ({"words": "Open.\nmember  fdic", "disclosures": ("Member FDIC",)}, set()),
        ({"not_after": LONG_AGO}, {"not_after"}),
        ({"not_before": AUGUST, "publish_at": JULY}, {"publish_at"}),
        ({"not_after": JULY, "publish_at": AUGUST}, {"publish_at"}),
        ({"not_before": JULY, "not_after": MUCH_LATER, "publish_at": AUGUST}, set()),
    ],
)
def test_what_refuses_a_draft_at_submit_is_named_with_its_place(firm_on_sqlite, changes, where):
    assert wrong(firm_on_sqlite, **changes) == where


def test_a_closed_channel_is_named(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        channel = session.scalars(select(Channel).where(Channel.name == "news")).one()
        accounts.close_channel(session, channel, by=HOST)
    assert wrong(firm) == {"texts.news"}


def test_a_problem_of_several_channels_is_named_once(firm_on_sqlite):
    firm = firm_on_sqlite
    texts = {"news": "Open.", "site": "Open."}
    with reading() as session:
        found = queries.draft_problems(session, a_draft(firm, texts=texts, media=(Attachment(bytes(32), ""),)))
    assert [problem.where for problem in found] == ["alt.0"]


def test_a_finding_that_blocks_refuses_until_somebody_answers_for_it(firm):
    with transaction() as session:
        post = a_post(session, firm, BLOCKED)

    def blocking():
        with transaction() as session:
            row = queries.post_for_change(session, post.id)
            services.screen_again(session, row, by=firm.marketer.id)
            return [problem for problem in queries.problems(session, row) if problem.where == "texts.news"]

    found = blocking()
    assert found
    assert "Guaranteed" in " ".join(problem.what for problem in found)
    with reading() as session:
        rules = {one.split("(")[1].split(")")[0] for one in (problem.what for problem in found)}
    for rule in rules:
        with transaction() as session:
            row = queries.post_for_change(session, post.id)
            services.accept_finding(session, row, rule, reason="A quotation.", by=firm.compliance)
    assert blocking() == []


def test_a_revision_that_these_rules_never_judged_is_not_ready(firm_on_sqlite, monkeypatch):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm)
    with reading() as session:
        assert queries.problems(session, post) == ()
        monkeypatch.setattr("approval.posts.queries.readiness.digest_in_force", lambda session, workspace: bytes(32))
        assert [problem.where for problem in queries.problems(session, post)] == [""]


def test_an_image_without_words_about_it_is_named(firm):
    with transaction() as session:
        media = services.add_media(session, firm.workspace, a_picture(), by=firm.marketer)
        post = a_post(session, firm, media=(Attachment(media.digest, ""),))
        assert [problem.where for problem in queries.problems(session, post)] == ["alt.0"]
