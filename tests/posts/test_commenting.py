from __future__ import annotations

import pytest
from factories import a_draft, a_post
from sqlalchemy import select

from approval.audit.models import Entry
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, Forbidden, Invalid, NotFound
from approval.posts import queries, services
from approval.posts.models import CommentText


@pytest.fixture
def post(firm):
    with transaction() as session:
        return a_post(session, firm)


def threads(post, reader):
    with reading() as session:
        return queries.comments(session, post.id, a_draft_payload(session, post), reader=reader)


def a_draft_payload(session, post):
    return queries.payload_of(session, post.workspace, queries.post_facts(session, post.id).revision)


def said(post, text, *, by, **about):
    with transaction() as session:
        row = queries.post_for_change(session, post.id)
        return services.comment(session, row, text, by=by, **about)


def changed(post, comment, change):
    with transaction() as session:
        change(session, queries.comment_for_change(session, post.id, comment.id))


def test_replies_stand_in_the_thread_that_they_answer(firm, post):
    first = said(post, "Why nine?\r\nAnd why Zug?", by=firm.reviewer)
    reply = said(post, "The train.", by=firm.marketer, thread=first.id)
    said(post, "Ah.", by=firm.compliance, thread=reply.id)
    said(post, "Another matter.", by=firm.compliance)

    one, other = threads(post, firm.marketer)
    assert (one.first.text, one.first.by_name) == ("Why nine?\nAnd why Zug?", "Ruth")
    assert [reply.text for reply in one.replies] == ["The train.", "Ah."]
    assert (other.first.text, other.replies) == ("Another matter.", ())


def test_what_a_comment_said_before_stays_readable_to_auditors_only(firm, post):
    comment = said(post, "This is daft.", by=firm.reviewer)
    changed(post, comment, lambda s, row: services.edit_comment(s, row, "This is unclear.", by=firm.reviewer))

    (thread,) = threads(post, firm.marketer)
    assert (thread.first.text, thread.first.edited, thread.first.versions) == ("This is unclear.", True, ())
    (thread,) = threads(post, firm.examiner)
    assert [version.text for version in thread.first.versions] == ["This is daft.", "This is unclear."]


def test_a_deleted_comment_stays_readable_to_auditors_only(firm, post):
    comment = said(post, "This is daft.", by=firm.reviewer)
    changed(post, comment, lambda s, row: services.delete_comment(s, row, by=firm.reviewer))

    (thread,) = threads(post, firm.marketer)
    assert (thread.first.text, thread.first.deleted, thread.first.versions) == (None, True, ())
    (thread,) = threads(post, firm.examiner)
    assert [version.text for version in thread.first.versions] == ["This is daft.", None]


def test_the_log_holds_no_word_of_a_comment(firm, post):
    said(post, "Unmistakable words", by=firm.reviewer, quote="branch")
    with reading() as session:
        entry = session.scalars(select(Entry).where(Entry.kind == "comment.made")).one()
    assert b"Unmistakable" not in entry.body
    assert b'"commitment"' in entry.body


@pytest.mark.parametrize("change", ["edit", "delete"])
def test_only_its_author_changes_a_comment(firm, post, change):
    comment = said(post, "Mine.", by=firm.reviewer)

    def by(who):
        def act(session, row):
            if change == "edit":
                services.edit_comment(session, row, "Yours.", by=who)
            else:
                services.delete_comment(session, row, by=who)

        changed(post, comment, act)

    for who in (firm.marketer, firm.compliance):
        with pytest.raises(Forbidden, match="Only its author"):
            by(who)
    by(firm.reviewer)


def test_a_deleted_comment_is_not_changed_again(firm, post):
    comment = said(post, "Mine.", by=firm.reviewer)
    changed(post, comment, lambda s, row: services.delete_comment(s, row, by=firm.reviewer))
    with pytest.raises(Conflict, match="deleted"):
        changed(post, comment, lambda s, row: services.edit_comment(s, row, "Back.", by=firm.reviewer))


def test_the_same_words_again_are_no_version(firm, post):
    comment = said(post, "Mine.", by=firm.reviewer)
    changed(post, comment, lambda s, row: services.edit_comment(s, row, " Mine. ", by=firm.reviewer))
    with reading() as session:
        assert session.scalars(select(CommentText.number)).all() == [1]


@pytest.mark.parametrize("who", ["examiner", "administrator"])
def test_who_only_looks_does_not_comment(firm, post, who):
    with pytest.raises(CapabilityMissing):
        said(post, "Hello.", by=getattr(firm, who))


@pytest.mark.parametrize(
    ("text", "about"),
    [("", {}), (" \n", {}), ("x" * 4_001, {}), ("a\x00b", {}), ("fine", {"quote": "x" * 1_001}), ("a\ud800", {})],
)
def test_a_comment_is_bounded_text(firm, post, text, about):
    with pytest.raises(Invalid):
        said(post, text, by=firm.reviewer, **about)


def test_a_thread_belongs_to_its_post(firm, post):
    with transaction() as session:
        other = a_post(session, firm)
    comment = said(post, "Here.", by=firm.reviewer)
    with pytest.raises(NotFound):
        said(other, "There.", by=firm.reviewer, thread=comment.id)
    with pytest.raises(NotFound), transaction() as session:
        queries.comment_for_change(session, other.id, comment.id)


def test_a_quote_that_an_edit_removed_is_shown_as_orphaned(firm, post):
    said(post, "When exactly?", by=firm.reviewer, part="texts.news", quote="at nine")
    said(post, "Which one?", by=firm.reviewer, part="texts.news", quote="our branch")
    assert [thread.first.orphaned for thread in threads(post, firm.marketer)] == [False, False]

    with transaction() as session:
        row = queries.post_for_change(session, post.id)
        draft = a_draft(firm, "From Monday our branch in Zug opens at ten.")
        services.revise(session, row, draft, by=firm.marketer, seen=None)
    assert [thread.first.orphaned for thread in threads(post, firm.marketer)] == [True, False]
