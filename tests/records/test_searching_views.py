"""Searching the records and stepping through a post's past, in the browser."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from doors import Browser, give_passwords
from factories import a_post
from sqlalchemy import func, select

from approval.app import create_app
from approval.audit.models import Entry
from approval.db import reading, transaction
from approval.people.services import passwords
from approval.posts import services as posts
from approval.records import jobs
from approval.records.models import Search


@pytest.fixture
def app(firm_on_sqlite, sqlite_url, settings, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    monkeypatch.setattr(jobs, "SPAN", 60.0)
    give_passwords()
    return create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))


@pytest.fixture
def emil(app, settings):
    """The examiner, once everything is indexed."""
    jobs.index_due(settings, "w")
    browser = Browser(app.test_client())
    assert browser.sign_in("emil@northwind.example").status_code == 302
    return browser


def recorded():
    with reading() as session:
        return session.scalar(select(func.count()).where(Entry.kind == "records.searched"))


def test_hits_are_marked_escaped_and_lead_to_what_they_are_about(emil, firm_on_sqlite, settings):
    with transaction() as session:
        post = a_post(session, firm_on_sqlite, "Words before <script>alert(1)</script> gizmo & after", title="<b>Sly")
        posts.comment(session, post, "A gizmo?", by=firm_on_sqlite.reviewer)
        id_ = post.id
    jobs.index_due(settings, "w")
    page = emil.get("/records/search?words=gizmo").text
    assert page.count("<mark>gizmo</mark>") == 2 and "<script>alert" not in page and "<b>Sly" not in page
    assert "&lt;script&gt;" in page
    links = set(re.findall(rf'href="(/records/posts/{id_}[^"]*|/audit/northwind/\d+)"', page))
    assert f"/records/posts/{id_}" in links and any("at?entry=" in link for link in links)
    assert all(emil.get(link.replace("&amp;", "&")).status_code == 200 for link in links)


def test_every_page_of_a_search_is_recorded_before_it_is_answered_and_an_empty_form_is_not(emil, monkeypatch):
    from approval.records.views import search

    monkeypatch.setattr(search, "PAGE", 2)
    emil.get("/records/search")
    emil.get("/records/search?words=a*")
    assert recorded() == 0, "what was refused found nothing"
    page = emil.get("/records/search?kind=entry").text
    assert recorded() == 1
    (following,) = re.findall(r'href="(/records/search\?[^"]*before=[^"]*)"', page)
    assert emil.get(following.replace("&amp;", "&")).status_code == 200
    assert recorded() == 2
    with reading() as session:
        assert session.scalars(select(Search.before).order_by(Search.id)).all()[0] is None


def test_what_was_searched_is_listed_and_can_be_searched_again(emil):
    emil.get("/records/search?words=friend&kind=post&severity=high&first_day=2026-01-01")
    page = emil.get("/records/searches").text
    assert "friend" in page and "Emil" in page and "severity: high" in page
    (again,) = re.findall(r'href="(/records/search\?[^"]*words=friend[^"]*)"', page)
    for part in ("kind=post", "severity=high", "first_day=2026-01-01"):
        assert part in again


@pytest.mark.parametrize(
    "asked",
    [
        "words=a*",
        "words=%22",
        "kind=everything",
        "post=x",
        "post=99999999999999999999",
        "person=nobody",
        "standing=x",
        "severity=worst",
        "first_day=2026-02-30",
        "first_day=2026-02-02&last_day=2026-02-01",
        "first_day=0001-01-01",
        "words=a&before=%27",
        "words=" + "w" * 300,
    ],
)
def test_what_is_not_clear_is_refused_in_words_and_nothing_is_recorded(emil, asked):
    answer = emil.get(f"/records/search?{asked}")
    assert answer.status_code == 422, asked
    assert recorded() == 0


def test_what_nobody_said_is_told_with_what_to_do(emil):
    page = emil.get("/records/search?words=flibbertigibbet").text
    assert "Nothing found" in page and "fewer words" in page
    assert "Nobody has searched yet" not in emil.get("/records/searches").text


# -- a post as it stood -----------------------------------------------------------------------------------------


def test_the_case_file_leads_to_each_step_and_each_step_to_the_next(emil):
    page = emil.get("/records/posts/2").text
    (now,) = set(re.findall(r'href="(/records/posts/2/at)"', page))
    shown, seen = emil.get(now).text, 0
    while found := re.search(r'href="(/records/posts/2/at\?entry=\d+)"[^>]*>(?:(?!</a>).)*Before</a>', shown):
        seen += 1
        shown = emil.get(found.group(1)).text
    assert seen >= 4 and "After entry 1 of the" in shown
    assert shown.count("the same bytes") == 1


def test_a_time_is_read_in_the_zone_of_the_workspace(emil):
    assert emil.get("/records/posts/2/at?time=2999-01-01T09:00").status_code == 200
    assert emil.get("/records/posts/2/at?time=2001-01-01T09:00").status_code == 404
    assert emil.get("/records/posts/2/at?time=2999-01-01T09:00:00Z").status_code == 200
    for odd in ("time=soon", "entry=x", "time=2026-02-30T00:00", "entry=99999999999999999999"):
        assert emil.get(f"/records/posts/2/at?{odd}").status_code == 422, odd
    assert emil.get("/records/posts/2/at?entry=999999").status_code == 404
    assert emil.get("/records/posts/999/at").status_code == 404


def test_the_json_holds_the_exact_bytes(emil):
    answer = emil.get("/records/posts/2/at.json")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=northwind-post-2-entry-")
    said = json.loads(answer.data)
    (revision,) = [row for row in said["record"] if row["table"] == "revision"]
    assert hashlib.sha256(revision["columns"]["payload"]["value"].encode()).hexdigest() == said["payload"]["sha256"]
