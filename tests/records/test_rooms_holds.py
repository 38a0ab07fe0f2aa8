"""What a legal hold is about stays closed to a room with limits, on every page and in every file about its posts."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from factories import a_post_in_review
from letting_in import DAYS, let_in
from sqlalchemy import select

from approval.app import create_app
from approval.audit.models import Entry
from approval.db import reading, transaction
from approval.people.services import passwords
from approval.people.services.rooms import Limits
from approval.records import jobs, queries, services, verify as verifier
from approval.records.keeping import Criteria
from approval.records.queries import Filters
from approval.records.services.rooms import ask_in_room

SECRET, REASON = "Nightjar", "Letter from the court"


@pytest.fixture
def held(firm_on_sqlite) -> int:
    """A post that a hold names."""
    with transaction() as session:
        post = a_post_in_review(session, firm_on_sqlite, "Our branch lends to bakeries.", title="Ovens").id
        services.place_hold(
            session,
            "northwind",
            matter=SECRET,
            reason=REASON,
            criteria=Criteria(post=post),
            by=firm_on_sqlite.compliance,
        )
    return post


@pytest.fixture
def app(firm_on_sqlite, settings, sqlite_url, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    return create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))


def tells(text: str) -> bool:
    return SECRET in text or REASON in text


def test_pages_and_files_say_that_a_hold_was_placed_and_not_what_it_is_about(held, app, come_in, signed):
    with reading() as session:
        index = session.scalars(select(Entry.index).where(Entry.kind == "hold.placed")).one()
    case, raw, entry = f"/records/posts/{held}", f"/records/posts/{held}.jsonl", f"/audit/northwind/{index}"
    greta, emil = come_in(Limits(post=held))[0], signed("emil")
    for browser, told in ((greta, False), (emil, True)):
        pages = [browser.get(address) for address in (case, entry)]
        assert [page.status_code for page in pages] == [200, 200]
        assert [tells(page.text) for page in pages] == [told, told], "the control is the firm's own examiner"
        assert browser.get(f"{case}.pdf").status_code == 200
    assert "hold" in greta.get(case).text and "hold.placed" in greta.get(raw).text
    assert "not shown" in greta.get(entry).text


def test_the_pages_for_paper_are_of_the_same_story(held):
    with reading() as session:
        told = queries.case_file(session, held)
        closed = queries.case_file(session, held, closed=("hold.",))
    assert tells(str(told.story)) and not tells(str(closed.story)), "the control, and what is closed"
    assert [moment.title for moment in closed.story] == [moment.title for moment in told.story]


def exported(settings, ask) -> tuple[str, str, dict]:
    """The path of an export, all its members as text, and its manifest."""
    with transaction() as session:
        id_ = ask(session).id
    jobs.write_due(settings, "w1")
    path = queries.archive_of(settings.data, id_)
    with zipfile.ZipFile(path) as archive:
        text = "".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
        return str(path), text, json.loads(archive.read("manifest.json"))


def test_an_export_of_a_room_with_limits_opens_no_hold_and_holds(held, firm_on_sqlite, settings, vkey):
    actor = let_in(firm_on_sqlite, Limits(post=held, **DAYS))
    room = actor.rooms["northwind"]
    path, text, manifest = exported(settings, lambda s: ask_in_room(s, room, **DAYS, by=actor))
    assert '"hold.placed"' in text.replace("\\", "") and not tells(text)
    assert manifest["filters"] == {"posts": [held], "closed": ["hold."]}
    assert any("legal holds" in note for note in manifest["notes"])
    with zipfile.ZipFile(path) as archive:
        limits = archive.read("index.html").decode().partition("<dt>Limited to</dt>")[2].partition("</dd>")[0]
    assert limits.endswith(f"posts {held}"), "what stays closed is a note, and no limit"
    report = verifier.verify(path, vkey())
    assert report.holds and any("hold.placed" in line for line in (*report.findings, *report.warnings))
    assert not any("closed and" in warning or "some closed" in warning for warning in report.warnings)


def test_control_an_export_of_the_firm_opens_it(held, firm_on_sqlite, settings, vkey):
    asked = {"workspace": "northwind", **DAYS, "by": firm_on_sqlite.examiner}
    path, text, _ = exported(settings, lambda s: services.ask_export(s, **asked, filters=Filters(posts=(held,))))
    assert tells(text) and verifier.verify(path, vkey()).holds
