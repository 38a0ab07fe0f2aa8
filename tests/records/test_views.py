"""Records in the browser and for programs: who may see, ask and fetch."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from doors import give_passwords
from sqlalchemy import select

from approval.app import create_app
from approval.audit.models import Entry
from approval.db import reading, transaction
from approval.people.models import Scope
from approval.people.services import accounts, passwords, tokens
from approval.records import jobs, verify as verifier
from approval.settings import shipped

PERIOD = {"first_day": "2020-01-01", "last_day": "2099-12-31"}
ASKED = {"workspace": "northwind", "from": "2020-01-01", "to": "2099-12-31"}


@pytest.fixture
def app(firm_on_sqlite, sqlite_url, settings, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    give_passwords()
    return create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))


@pytest.fixture
def ready(app, signed, settings):
    """The address of an export that was asked for in the browser and written."""
    examiner = signed("emil")
    answer = examiner.post("/records/exports", {**PERIOD, "workspace": "northwind"}, page="/records")
    assert answer.status_code == 302, answer.text
    assert "waits for the worker" in examiner.get(answer.location).text
    jobs.write_due(settings, "w1")
    return answer.location


def test_an_examiner_asks_fetches_both_files_and_verifies_them(signed, ready, vkey, tmp_path):
    examiner = signed("emil")
    assert "Ready" in examiner.get(ready).text and vkey() in examiner.get(ready).text
    for address, name in ((f"{ready}/download", "x.zip"), (f"{ready}/note", "x.zip.note")):
        with examiner.get(address) as answer:
            disposition = answer.headers["Content-Disposition"]
            (tmp_path / name).write_bytes(answer.data)
        assert disposition.startswith("attachment; filename=northwind-2020-01-01-2099-12-31-1.zip")
    assert verifier.verify(str(tmp_path / "x.zip"), vkey()).holds


def test_a_download_is_recorded_before_it_is_handed_out(signed, ready, firm_on_sqlite):
    signed("emil").get(f"{ready}/download").close()
    with reading() as session:
        actor = session.scalars(select(Entry.actor).where(Entry.kind == "export.fetched")).one()
    assert actor == firm_on_sqlite.examiner.id


@pytest.mark.parametrize("name", ["maria", "ruth", "paula"])
def test_who_may_not_read_the_audit_sees_no_records(signed, ready, name):
    browser = signed(name)
    for address in ("/records", ready, f"{ready}/download", f"{ready}/note", "/records/posts/1"):
        assert browser.get(address).status_code == 403, address
    assert browser.post("/records/exports", {**PERIOD, "workspace": "northwind"}).status_code == 403


def test_a_stranger_to_the_workspace_learns_nothing(app, signed, ready, keys):
    from factories import a_person, a_workspace

    from approval.capabilities import Role

    with transaction() as session:
        a_workspace(session, keys, name="southwind")
        a_person(session, "sven", Role.EXAMINER, workspace="southwind")
    give_passwords()
    stranger = signed("sven")
    for address in (ready, f"{ready}/download", f"{ready}/note", "/records/posts/1", "/records/exports/99"):
        assert stranger.get(address).status_code == 404, address


def test_nothing_is_fetched_before_it_is_ready(signed):
    examiner = signed("emil")
    address = examiner.post("/records/exports", {**PERIOD, "workspace": "northwind"}, page="/records").location
    assert examiner.get(f"{address}/download").status_code == 409
    assert examiner.get(f"{address}/note").status_code == 409


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"last_day": "2019-01-01"}, "lies before the first"),
        ({"first_day": ""}, "Choose the first day"),
        ({"posts": "1, two"}, "“two” is not the number of a post"),
        ({"posts": "77"}, "There is no post 77"),
        ({"people": "nobody@northwind.example"}, "nobody@northwind.example"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_entered(signed, changes, named):
    asked = {**PERIOD, "workspace": "northwind", **changes}
    answer = signed("emil").post("/records/exports", asked, page="/records")
    assert answer.status_code == 422
    assert named in answer.text
    assert all(value in answer.text for value in changes.values() if value)


def test_the_case_file_tells_the_story_and_links_the_entries(signed):
    page = signed("emil").get("/records/posts/2").text
    for expected in ("=Today only", "Is this so?", "Comment deleted", "today only", "/audit/northwind/"):
        assert expected in page, expected
    assert signed("emil").get("/records/posts/99").status_code == 404


def test_the_case_file_is_handed_out_for_paper_and_as_its_raw_entries(signed):
    emil = signed("emil")
    page, lines = emil.get("/records/posts/2").text, emil.get("/records/posts/2.jsonl")
    indexes = re.findall(r'href="/audit/northwind/(\d+)">\d+</a></td>', page)
    assert [emil.get(f"/audit/northwind/{index}.json").data for index in indexes] == lines.data.splitlines()
    assert lines.headers["Content-Disposition"] == "attachment; filename=northwind-post-2.jsonl"
    paper = emil.get("/records/posts/2.pdf")
    assert (paper.mimetype, paper.data[:5]) == ("application/pdf", b"%PDF-")
    assert paper.headers["Content-Disposition"] == "attachment; filename=northwind-post-2.pdf"
    assert 'href="/records/posts/2.pdf"' in page and 'href="/records/posts/2.jsonl"' in page
    assert emil.get("/records/posts/99.pdf").status_code == 404


def test_the_verifier_is_handed_out_as_it_is(signed):
    with open(verifier.__file__, "rb") as file:
        assert signed("emil").get("/records/verify.py").data == file.read()


def test_the_page_that_verifies_is_a_file_to_keep_and_never_a_page_of_this_server(signed):
    answer = signed("emil").get("/records/verify.html")
    assert answer.headers["Content-Disposition"] == "attachment; filename=verify.html"
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert answer.data == (shipped("templates") / "records" / "export" / "verify.html").read_bytes()
    assert 'href="/records/verify.html"' in signed("emil").get("/records").text


# -- for programs -----------------------------------------------------------------------------------------------


@pytest.fixture
def token(app):
    def make(email, scope):
        with transaction() as session:
            person = accounts.person_with(session, email)
            _, secret = tokens.create(session, person, name="test", scope=scope, by=person.id)
            return secret

    return make


def test_a_program_asks_waits_and_fetches(app, settings, firm_on_sqlite, vkey, tmp_path, token):
    client, bearer = app.test_client(), {"Authorization": f"Bearer {token('emil@northwind.example', Scope.EXPORT)}"}
    asked = client.post("/api/v1/exports", json={**ASKED, "filters": {"posts": [1]}}, headers=bearer)
    assert asked.status_code == 202, asked.text
    assert asked.json["state"] == "waiting" and asked.json["download"] is None
    jobs.write_due(settings, "w1")
    answer = client.get(f"/api/v1/exports/{asked.json['id']}", headers=bearer).json
    assert (answer["state"], answer["from"], answer["filters"]) == ("ready", "2020-01-01", {"posts": [1]})
    with client.get(answer["download"], headers=bearer) as archive:
        data = archive.data
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (answer["digest"], answer["size"])
    assert client.get(answer["note"], headers=bearer).status_code == 200


def test_a_token_that_only_reads_asks_for_nothing(app, token):
    client, bearer = app.test_client(), {"Authorization": f"Bearer {token('emil@northwind.example', Scope.READ)}"}
    assert client.post("/api/v1/exports", json=ASKED, headers=bearer).status_code == 403
    assert client.get("/api/v1/exports/1", headers=bearer).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**ASKED, "from": "yesterday"},
        {**ASKED, "filters": {"posts": ["1; DROP"]}},
        {**ASKED, "filters": {"people": ["a\x00b"]}},
        {**ASKED, "filters": {"channels": ["x"]}},
        {**ASKED, "to": "2019-01-01"},
        [],
    ],
)
def test_a_bad_body_is_refused_as_problem_details(app, token, body):
    client, bearer = app.test_client(), {"Authorization": f"Bearer {token('emil@northwind.example', Scope.EXPORT)}"}
    answer = client.post("/api/v1/exports", json=body, headers=bearer)
    assert answer.status_code == 422, answer.text
    assert answer.mimetype == "application/problem+json"
