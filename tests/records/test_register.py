"""posts.csv: a row for every post of an export, as its entries leave it at the end of the last day."""

from __future__ import annotations

import csv
import datetime as dt
import io
import sqlite3
import zipfile
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from factories import a_decision, a_draft, a_firm, a_post, a_post_in_review, an_approved_post
from letting_go import moved, today
from sqlalchemy import event, make_url, select

from approval import clock
from approval.app import create_app
from approval.db import reading, transaction
from approval.posts import services as posts
from approval.posts.models import Post, Standing
from approval.publishing import jobs as publishing_jobs, services as publishing
from approval.publishing.models import Publication
from approval.records import jobs, services
from approval.records.models import Way
from approval.records.queries import Filters
from approval.records.services import Told
from approval.records.services.pages import standing_word
from approval.review import services as review
from approval.review.flow import Verdict
from approval.review.models import Decision, Submission

LINK = "https://social.example/posts/1"


def rows(path):
    """The rows of posts.csv by the number of the post, each by heading."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read("posts.csv").decode()
    return {int(row["Post"]): row for row in csv.DictReader(io.StringIO(text, newline=""))}


def in_zurich(instant):
    return instant.astimezone(ZoneInfo("Europe/Zurich")).isoformat(timespec="seconds")


def change(engine, statement, *values):
    """Change a row behind the application's back."""
    connection = sqlite3.connect(make_url(str(engine.url)).database)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    assert connection.execute(statement, values).rowcount == 1
    connection.commit()
    connection.close()


def test_a_row_says_who_wrote_and_who_approved_where_and_when_it_went_out(firm, export):
    row = rows(export()[0])[1]
    with reading() as session:
        post, round_ = session.get_one(Post, 1), session.scalars(select(Submission).where(Submission.post == 1)).one()
        first, last = session.scalars(select(Decision).where(Decision.post == 1).order_by(Decision.id))
        out = session.scalars(select(Publication).where(Publication.post == 1)).one()
    first_at, last_at, out_at = map(clock.to_text, (first.at, last.at, out.published_at))
    assert row == {
        "Post": "1",
        "Title": "Opening hours",
        "Standing at the end of the last day": "Published",
        "Written by": "Maria",
        "Begun (UTC)": clock.to_text(post.created_at),
        "Begun (Europe/Zurich)": in_zurich(post.created_at),
        "SHA-256 of the words": post.revision.hex(),
        "Review round": "1",
        "Submitted (UTC)": clock.to_text(round_.submitted_at),
        "Submitted (Europe/Zurich)": in_zurich(round_.submitted_at),
        "Submitted by": "Maria",
        "SHA-256 of the submitted words": round_.revision.hex(),
        "Approved in this round by (stage, UTC)": f"Ruth (peer-review, {first_at}); Carla (compliance, {last_at})",
        "Last approved (UTC)": last_at,
        "Last approved (Europe/Zurich)": in_zurich(last.at),
        "Returned or rejected in any round by (stage, UTC)": "",
        "Channels": "news",
        "Scheduled (channel, UTC)": f"news {clock.to_text(out.due_at)}",
        "First published (UTC)": out_at,
        "First published (Europe/Zurich)": in_zurich(out.published_at),
        "Published (channel, UTC)": f"news {out_at}",
        "Addresses (channel, address)": f"news {out.url}" if out.url else "",
        "Complaints": "0",
    }


def test_drafts_and_posts_in_review_have_a_row_and_no_approver(firm, export):
    found = rows(export()[0])
    assert found.keys() == {1, 2, 3}
    assert [found[post]["Standing at the end of the last day"] for post in (2, 3)] == ["Draft", "In review"]
    assert [found[post]["Approved in this round by (stage, UTC)"] for post in (2, 3)] == ["", ""]
    assert not found[2]["Submitted (UTC)"] and found[3]["Submitted by"] == "Maria"


def test_no_title_of_a_row_is_a_formula(firm_on_sqlite, export):
    assert rows(export()[0])[2]["Title"] == "'=Today only"


def test_an_export_of_one_post_has_a_row_of_it_alone(firm_on_sqlite, export):
    assert rows(export(filters=Filters(posts=(3,)))[0]).keys() == {3}


def test_who_returned_and_who_rejected_is_named_with_what_they_said(firm, export):
    with transaction() as session:
        rejected = a_post_in_review(session, firm, title="No")
        a_decision(session, rejected, by=firm.reviewer)
        a_decision(session, rejected, by=firm.compliance, verdict=Verdict.REJECT)
        number = rejected.id
    row = rows(export()[0])[number]
    with reading() as session:
        at = session.scalars(select(Decision.at).where(Decision.verdict == Verdict.REJECT)).one()
    said = row["Returned or rejected in any round by (stage, UTC)"]
    assert said == f"Carla (compliance, rejected, {clock.to_text(at)})"
    assert row["Approved in this round by (stage, UTC)"].startswith("Ruth (peer-review, ")
    assert row["Standing at the end of the last day"] == "Rejected"


def test_an_approval_of_an_earlier_round_is_none_of_the_last(firm, export):
    with transaction() as session:
        post = a_post_in_review(session, firm, title="Twice")
        a_decision(session, post, by=firm.reviewer)
        a_decision(session, post, by=firm.compliance, verdict=Verdict.REQUEST_CHANGES)
    with transaction() as session:
        again = session.get_one(Post, post.id)
        draft = a_draft(firm, "We open at ten.", title="Twice")
        posts.revise(session, again, draft, by=firm.marketer, seen=again.revision)
        review.submit(session, again, by=firm.marketer)
        revised = again.revision.hex()
    row = rows(export()[0])[post.id]
    assert (row["Review round"], row["Approved in this round by (stage, UTC)"]) == ("2", "")
    assert "Carla (compliance, changes requested, " in row["Returned or rejected in any round by (stage, UTC)"]
    assert row["SHA-256 of the submitted words"] == row["SHA-256 of the words"] == revised


def test_words_changed_after_the_round_are_not_those_that_it_was_about(firm_on_sqlite, export):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm, title="Then edited")
        approved, number = post.revision.hex(), post.id
    with transaction() as session:
        edited = session.get_one(Post, number)
        review.supersede(session, edited, by=firm.marketer)
        draft = a_draft(firm, "We open at ten.", title="Edited")
        posts.revise(session, edited, draft, by=firm.marketer, seen=edited.revision)
    row = rows(export()[0])[number]
    assert row["SHA-256 of the submitted words"] == approved != row["SHA-256 of the words"]
    assert (row["Standing at the end of the last day"], row["Title"]) == ("Draft", "Edited")


def test_a_row_is_told_to_the_end_of_the_last_day_though_more_happened_since(firm, export, monkeypatch):
    day, real = today(), clock.now
    monkeypatch.setattr(clock, "now", lambda session: real(session) + dt.timedelta(days=3))
    with transaction() as session:
        waits = session.get_one(Post, 3)
        a_decision(session, waits, by=firm.reviewer)
        a_decision(session, waits, by=firm.compliance)
        a_post(session, firm, title="Too late")
    then, now = rows(export(last_day=day)[0]), rows(export("now.zip")[0])
    assert then.keys() == {1, 2, 3} and now.keys() == {1, 2, 3, 4}
    assert then[3]["Standing at the end of the last day"] == "In review" and not then[3]["Last approved (UTC)"]
    assert now[3]["Standing at the end of the last day"] == "Approved" and now[3]["Last approved (UTC)"]


def test_the_address_of_a_post_published_by_hand_and_its_complaints_stand_in_its_row(firm, settings, export):
    with transaction() as session:
        number = an_approved_post(session, firm, channel="desk", title="By hand").id
    with transaction() as session:
        publishing.publish_now(session, session.get_one(Post, number), by=firm.publisher)
    publishing_jobs.publish_due(settings, "test")
    assert rows(export("waits.zip")[0])[number]["Standing at the end of the last day"] == "Needs a person"
    with transaction() as session:
        out = session.scalars(select(Publication).where(Publication.post == number)).one()
        publishing.confirm(session, out, by=firm.publisher, url=LINK)
    with transaction() as session:
        told = Told(received_on=today(), way=Way.LETTER, customer="C. Ray", about="Not open.", post=number)
        services.receive_complaint(session, firm.workspace, told, by=firm.compliance)
    row = rows(export()[0])[number]
    assert (row["Addresses (channel, address)"], row["Complaints"]) == (f"desk {LINK}", "1")


def test_a_post_that_was_disposed_of_keeps_its_row_without_its_words(firm, settings, export, monkeypatch):
    monkeypatch.setattr(jobs, "SPAN", 60.0)
    before = rows(export("before.zip")[0])[1]
    later = moved(firm, settings, monkeypatch)
    with transaction() as session:
        through = today() - dt.timedelta(days=1)
        list_ = services.propose_disposition(
            session, later.workspace, through=through, by=later.compliance, reason="Due."
        ).id
    with transaction() as session:
        services.second_disposition(session, list_, by=later.other_compliance, accept=True)
    jobs.let_go_due(settings, "w")
    path, _ = export()
    row = rows(path)[1]
    assert row["Standing at the end of the last day"] == "Disposed of"
    assert row["Title"] == "(erased or withheld)" and b"Opening hours" not in path.read_bytes()
    kept = "Written by", "SHA-256 of the words", "Approved in this round by (stage, UTC)", "Published (channel, UTC)"
    assert {name: row[name] for name in kept} == {name: before[name] for name in kept}
    assert rows(path)[3]["Title"] == "Friends"


def test_words_and_addresses_that_were_changed_behind_the_program_are_not_told(firm_on_sqlite, sqlite, export):
    change(sqlite, "UPDATE revision SET payload = ? WHERE post = 3", '{"title":"forged","channels":["forged"]}')
    change(sqlite, "UPDATE post SET standing = ?, author = 'forged' WHERE id = 3", "published")
    row = rows(export()[0])[3]
    assert "not what was recorded" in row["Title"] and not row["Channels"]
    assert (row["Standing at the end of the last day"], row["Written by"]) == ("In review", "Maria")
    assert rows(export("again.zip")[0])[1]["Title"] == "Opening hours"


def test_as_many_questions_are_asked_for_many_posts_as_for_few(database, keys, export):
    firm, asked = a_firm(keys), []
    event.listen(database, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def questions(name):
        asked.clear()
        found = rows(export(name)[0])
        return len(found), sum("payload" in statement for statement in asked), len(asked)

    with transaction() as session:
        a_post(session, firm)
    one, about_words, few = questions("one.zip")
    with transaction() as session:
        for number in range(20):
            a_post(session, firm, f"We open at {number}.")
    assert (one, about_words > 0) == (1, True)
    many = questions("many.zip")
    assert many[:2] == (21, about_words) and many[2] < few + 10


def test_a_standing_reads_in_an_export_as_it_does_on_the_pages(firm_on_sqlite, settings, sqlite_url):
    app = create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))
    page = app.jinja_env.from_string('{% import "_macros/ui.html" as ui %}{{ ui.standing(standing) }}')
    with app.test_request_context():
        for standing in Standing:
            assert standing_word(standing) in page.render(standing=standing)
            assert "_" not in standing_word(standing) != standing


@pytest.mark.parametrize(("standing", "words"), [("refused", "Refused by network"), ("needs_person", "Needs a person")])
def test_who_refused_and_whom_a_post_needs_is_said(standing, words):
    assert standing_word(standing) == words
