"""What a regulator asks for in a letter: entered item by item, answered from the records, written as one bundle."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from factories import a_post
from sqlalchemy import select

from approval.audit.models import Entry
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, IllegalStep, Invalid, NotFound
from approval.people.queries import workspace_facts
from approval.records import jobs, queries, services, verify as verifier
from approval.records.models import ItemKind
from approval.records.queries import Asks, Period, RequestStanding

LETTER = {
    "regulator": "FINRA",
    "matter": "Sweep 26-11",
    "received": dt.date(2026, 11, 2),
    "due": dt.date(2026, 11, 30),
    "first_day": dt.date(2020, 1, 1),
    "last_day": dt.date(2098, 12, 31),
}
NOTHING = Asks()
TODAY = Asks(on=dt.date(2098, 12, 31))
EVERY_KIND = (
    (ItemKind.ACCOUNTS, Asks()),
    (ItemKind.PEOPLE, Asks()),
    (ItemKind.PROCEDURES, TODAY),
    (ItemKind.POSTS, Asks()),
    (ItemKind.RANDOM, Asks(count=5, seed="2026-11-02")),
    (ItemKind.RISKIEST, Asks(count=5)),
    (ItemKind.COMPLAINTS, Asks()),
    (ItemKind.EXCEPTIONS, Asks()),
    (ItemKind.OVERRIDES, Asks()),
    (ItemKind.CASES, Asks(posts=(1, 2))),
    (ItemKind.PROOF, Asks()),
    (ItemKind.NOTE, Asks()),
)


def draft(firm, *, by=None, **changes):
    with transaction() as session:
        return services.draft_request(session, firm.workspace, **{**LETTER, **changes}, by=by or firm.compliance).id


def add(firm, id_, kind, asks=NOTHING, *, by=None, **changes):
    with transaction() as session:
        given = {"kind": kind, "words": f"Please produce: {kind}.", "asks": asks, **changes}
        return services.add_item(session, id_, **given, by=by or firm.compliance).number


def letter(id_):
    with reading() as session:
        return queries.request_list(session, id_)


def ask(firm, id_):
    with transaction() as session:
        return services.write_request(session, id_, by=firm.compliance).id


def write(firm, settings, id_):
    export = ask(firm, id_)
    jobs.write_due(settings, "w1")
    return queries.archive_of(settings.data, export)


def rows(archive, name):
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def test_every_kind_of_item_is_answered_in_one_export_that_verifies(firm, settings, vkey):
    id_ = draft(firm)
    for kind, asks in EVERY_KIND:
        add(firm, id_, kind, asks, file=b"We train twice a year." if kind is ItemKind.NOTE else None)
    path = write(firm, settings, id_)

    assert letter(id_).standing is RequestStanding.WRITTEN
    assert verifier.verify(str(path), vkey()).holds
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        index = archive.read("answers/index.html").decode()
        for name in names:
            if name.startswith("answers/") and name != "answers/index.html":
                assert f"../{name}" in index, name
        for place, (kind, _) in enumerate(EVERY_KIND, 1):
            assert f'id="item-{place}"' in index and f"Please produce: {kind}." in index
        assert {"answers/10-cases/post-1.pdf", "answers/10-cases/post-2.jsonl", "answers/12-note.txt"} <= names
        assert 'href="answers/index.html"' in archive.read("index.html").decode()


def test_each_table_says_what_the_records_say(firm_on_sqlite, settings):
    firm = firm_on_sqlite
    id_ = draft(firm)
    for kind in (ItemKind.ACCOUNTS, ItemKind.PEOPLE, ItemKind.POSTS):
        add(firm, id_, kind)
    with zipfile.ZipFile(write(firm, settings, id_)) as archive:
        accounts = {row["Account"]: row for row in rows(archive, "answers/01-accounts.csv")}
        people = rows(archive, "answers/02-people.csv")
        (post,) = rows(archive, "answers/03-posts.csv")
    assert accounts["News (news)"]["Published in these days"] == "1"
    assert accounts["News (news)"]["First use (UTC)"] and not accounts["Desk (desk)"]["First use (UTC)"]
    assert {row["Name"] for row in people if "approve" in row["May"]} == {"Ruth", "Rafael", "Carla", "Cem"}
    assert post["Title"] == "Opening hours" and post["Written by"] == "Maria"
    assert "Ruth (reviewer)" in post["Approved by"] and post["Last approved (UTC)"] < post["Published (UTC)"]
    assert post["Last approved (Europe/Zurich)"][-6:] in ("+01:00", "+02:00")


def test_what_is_not_recorded_is_said_to_be_nothing(firm_on_sqlite, settings):
    id_ = draft(firm_on_sqlite, first_day=dt.date(2001, 1, 1), last_day=dt.date(2001, 1, 2))
    for kind, asks in ((ItemKind.POSTS, Asks()), (ItemKind.COMPLAINTS, Asks()), (ItemKind.NOTE, Asks())):
        add(firm_on_sqlite, id_, kind, asks)
    with zipfile.ZipFile(write(firm_on_sqlite, settings, id_)) as archive:
        index = archive.read("answers/index.html").decode()
        assert rows(archive, "answers/02-complaints.csv") == []
    for said in ("No posts recorded.", "No complaints recorded.", "No take-downs recorded.", "Not answered"):
        assert said in index


def test_a_random_sample_can_be_drawn_again_by_anybody(firm_on_sqlite, monkeypatch):
    from approval.records.queries.requests_posts import Candidate, draw, riskiest

    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    many = [Candidate(n, n, at + dt.timedelta(seconds=n), [None, "low", "high", "block"][n % 4]) for n in range(1000)]
    asks = Asks(count=20, seed="letter 7")
    expected = sorted(range(1000), key=lambda n: hashlib.sha256(f"letter 7:{n}".encode()).hexdigest())[:20]
    assert [one.id for one in draw(iter(many), asks)] == expected
    assert [one.id for one in draw(iter(reversed(many)), asks)] == expected
    assert [one.id for one in draw(iter(many), Asks(count=20, seed="letter 8"))] != expected
    assert [one.id for one in riskiest(iter(many), Asks(count=3))] == [999, 995, 991]


def test_the_case_file_is_a_story_whose_pages_name_the_digest_of_the_raw_events(firm_on_sqlite, settings):
    id_ = draft(firm_on_sqlite)
    add(firm_on_sqlite, id_, ItemKind.CASES, Asks(posts=(1,)))
    with zipfile.ZipFile(write(firm_on_sqlite, settings, id_)) as archive:
        raw = archive.read("answers/01-cases/post-1.jsonl")
        lines = [json.loads(line)["entry"] for line in archive.read("logs/northwind/entries.jsonl").splitlines()]
        assert archive.read("answers/01-cases/post-1.pdf").startswith(b"%PDF-")
    assert set(raw.decode().splitlines()) <= set(lines)
    with reading() as session:
        case = queries.case_file(session, 1)
    assert raw == case.lines
    assert services.case_pdf(case) == services.case_pdf(case)
    assert services.case_pdf(case) != services.case_pdf(replace(case, entries=case.entries[:-1]))


def test_a_post_out_of_the_period_is_told_where_its_file_is_asked_for(firm_on_sqlite, settings, vkey):
    first = letter(draft(firm_on_sqlite)).first_day
    days = {"first_day": dt.date(2090, 1, 1), "last_day": dt.date(2090, 1, 2)}
    with_it, without = draft(firm_on_sqlite, **days), draft(firm_on_sqlite, **days)
    add(firm_on_sqlite, with_it, ItemKind.CASES, Asks(posts=(1,)))
    add(firm_on_sqlite, without, ItemKind.PROOF)
    path = write(firm_on_sqlite, settings, with_it)
    assert verifier.verify(str(path), vkey()).holds
    with zipfile.ZipFile(path) as archive:
        assert "posts/1.html" in archive.namelist() and archive.read("answers/01-cases/post-1.jsonl")
    with zipfile.ZipFile(write(firm_on_sqlite, settings, without)) as archive:
        assert "posts/1.html" not in archive.namelist()
    assert first < days["first_day"]


# -- what may be done, and when ---------------------------------------------------------------------------------


def test_a_letter_goes_from_draft_to_hand_over_and_each_step_is_recorded(firm, settings):
    id_ = draft(firm)
    add(firm, id_, ItemKind.PROOF)
    assert letter(id_).standing is RequestStanding.DRAFTED
    export = ask(firm, id_)
    assert letter(id_).standing is RequestStanding.BEING_WRITTEN
    for act in (
        lambda s: services.remove_item(s, id_, 1, by=firm.compliance),
        lambda s: services.reopen_request(s, id_, by=firm.compliance),
    ):
        with pytest.raises(IllegalStep), transaction() as session:
            act(session)
    with pytest.raises(IllegalStep), transaction() as session:
        services.hand_over(session, id_, to="J. Doe", by=firm.compliance)
    jobs.write_due(settings, "w1")
    with transaction() as session:
        services.hand_over(session, id_, to="  J. Doe,\n portal ", by=firm.compliance)
    facts = letter(id_)
    assert facts.standing is RequestStanding.HANDED_OVER
    assert (facts.handed_to, facts.handed_by_name) == ("J. Doe, portal", "Carla")
    with pytest.raises(IllegalStep), transaction() as session:
        services.reopen_request(session, id_, by=firm.compliance)
    with reading() as session:
        found = session.execute(
            select(Entry.kind, Entry.body).where(Entry.kind.startswith("request.")).order_by(Entry.index)
        ).all()
        written = queries.export(session, export)
    assert [kind for kind, _ in found] == [
        "request.drafted",
        "request.item_added",
        "request.asked",
        "request.handed_over",
    ]
    said = json.loads(found[-1].body)["facts"]
    assert (said["export"], said["digest"], said["entries"]) == (export, written.digest.hex(), written.entries)


def test_answers_are_taken_back_changed_and_written_anew(firm_on_sqlite, settings):
    firm = firm_on_sqlite
    id_ = draft(firm)
    add(firm, id_, ItemKind.PROOF)
    first = write(firm, settings, id_)
    with pytest.raises(IllegalStep):
        add(firm, id_, ItemKind.PEOPLE)
    with transaction() as session:
        services.reopen_request(session, id_, by=firm.compliance)
    assert letter(id_).standing is RequestStanding.DRAFTED
    add(firm, id_, ItemKind.PEOPLE)
    with transaction() as session:
        services.remove_item(session, id_, 1, by=firm.compliance)
    second = write(firm, settings, id_)
    assert first != second and first.is_file()
    with zipfile.ZipFile(second) as archive:
        assert "answers/01-people.csv" in archive.namelist()


def test_without_the_capability_nobody_enters_changes_writes_or_hands_over(firm_on_sqlite):
    firm = firm_on_sqlite
    id_ = draft(firm)
    add(firm, id_, ItemKind.NOTE)
    for by in (firm.marketer, firm.reviewer, firm.publisher, firm.examiner):
        for act in (
            lambda s, by: services.draft_request(s, firm.workspace, **LETTER, by=by),
            lambda s, by: services.add_item(s, id_, kind=ItemKind.PROOF, words="x", asks=Asks(), by=by),
            lambda s, by: services.remove_item(s, id_, 1, by=by),
            lambda s, by: services.answer_item(s, id_, 1, file=b"x", by=by),
            lambda s, by: services.write_request(s, id_, by=by),
            lambda s, by: services.hand_over(s, id_, to="x", by=by),
        ):
            with pytest.raises(CapabilityMissing), transaction() as session:
                act(session, by)


@pytest.mark.parametrize(
    ("kind", "asks", "said"),
    [
        (ItemKind.PROCEDURES, Asks(), "Choose the day"),
        (ItemKind.CASES, Asks(), "1 to 200 posts"),
        (ItemKind.CASES, Asks(posts=tuple(range(1, 100_001))), "1 to 200 posts"),
        (ItemKind.CASES, Asks(posts=(404,)), "There is no post 404"),
        (ItemKind.RANDOM, Asks(count=5), "Give a seed"),
        (ItemKind.RANDOM, Asks(count=201, seed="x"), "1 to 200 posts"),
        (ItemKind.RISKIEST, Asks(count=0), "1 to 200 posts"),
        (ItemKind.POSTS, Asks(product="moon-dust"), "no product"),
        (ItemKind.POSTS, Asks(channel="nowhere"), "no channel"),
    ],
)
def test_what_an_item_lacks_is_named(firm_on_sqlite, kind, asks, said):
    id_ = draft(firm_on_sqlite)
    with pytest.raises(Invalid, match=said):
        add(firm_on_sqlite, id_, kind, asks)


@pytest.mark.parametrize(
    "changes",
    [
        {"regulator": " "},
        {"matter": "x" * 121},
        {"due": dt.date(2026, 11, 1)},
        {"last_day": dt.date(2019, 1, 1)},
        {"first_day": dt.date(1, 1, 1)},
    ],
)
def test_a_letter_that_cannot_be_meant_is_not_entered(firm_on_sqlite, changes):
    with pytest.raises(Invalid):
        draft(firm_on_sqlite, **changes)


def test_a_letter_takes_a_hundred_items_and_not_a_hundred_thousand(firm_on_sqlite):
    id_ = draft(firm_on_sqlite)
    with transaction() as session:
        for _ in range(100):
            services.add_item(session, id_, kind=ItemKind.PROOF, words="x", asks=Asks(), by=firm_on_sqlite.compliance)
    with pytest.raises(Conflict, match="100 items"):
        add(firm_on_sqlite, id_, ItemKind.PROOF)


@pytest.mark.parametrize("file", [b"MZ\x90\x00", b"%PDF-1.7 cut off", b"\xff\xd8\xff\xe0broken", b"\x00"])
def test_a_file_that_is_neither_document_image_nor_text_answers_nothing(firm_on_sqlite, file):
    id_ = draft(firm_on_sqlite)
    number = add(firm_on_sqlite, id_, ItemKind.NOTE)
    with pytest.raises(Invalid), transaction() as session:
        services.answer_item(session, id_, number, file=file, by=firm_on_sqlite.compliance)
    with transaction() as session:
        services.answer_item(session, id_, number, file="Größe".encode(), by=firm_on_sqlite.compliance)


def test_a_letter_without_items_is_not_written(firm_on_sqlite):
    with pytest.raises(Conflict, match="no item"):
        ask(firm_on_sqlite, draft(firm_on_sqlite))
    with pytest.raises(NotFound):
        ask(firm_on_sqlite, 404)


# -- hostile words ----------------------------------------------------------------------------------------------


def test_hostile_words_break_no_file_and_become_no_formula(firm_on_sqlite, settings, vkey):
    firm = firm_on_sqlite
    evil = '=HYPERLINK("http://x")'
    with transaction() as session:
        post = a_post(session, firm, "مرحبا 😀 中文 \u202egnp.exe {nb} " + "x" * 50_000, title=evil).id
    id_ = draft(firm, matter="../../etc/passwd <script>", regulator="A\u202eB 😀")
    add(firm, id_, ItemKind.CASES, Asks(posts=(post,)), words="</div><script>alert(1)</script>")
    add(firm, id_, ItemKind.PEOPLE, words="\u0007{{ 7*7 }}")
    path = write(firm, settings, id_)
    assert verifier.verify(str(path), vkey()).holds
    with zipfile.ZipFile(path) as archive:
        index = archive.read("answers/index.html").decode()
        assert "<script>" not in index and "&lt;script&gt;" in index and "{{ 7*7 }}" in index
        for name in archive.namelist():
            assert ".." not in name
            if name.endswith(".xlsx"):
                ensure_no_formula(archive.read(name))


def ensure_no_formula(data):
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for name in book.namelist():
            root = ElementTree.fromstring(book.read(name))
            assert not [each for each in root.iter() if each.tag.endswith("}f")], name


def test_the_preview_is_what_the_bundle_holds(firm_on_sqlite):
    id_ = draft(firm_on_sqlite)
    for kind, asks in EVERY_KIND:
        add(firm_on_sqlite, id_, kind, asks)
    with reading() as session:
        facts, firm = queries.request_list(session, id_), workspace_facts(session, "northwind")
        period = Period(facts.first_day, facts.last_day, firm.zone)
        shown = {item.kind: queries.preview(session, firm, period, item) for item in queries.items_of(session, id_)}
    assert shown[ItemKind.ACCOUNTS].said == "3 accounts." and len(shown[ItemKind.ACCOUNTS].rows) == 3
    assert shown[ItemKind.POSTS].said == "1 publication." and "Opening hours" in shown[ItemKind.POSTS].rows[0]
    assert shown[ItemKind.COMPLAINTS].said == "No complaint recorded; no take-down recorded."
    assert shown[ItemKind.PROCEDURES].said.startswith("Workflow 1, in force since")
    assert shown[ItemKind.NOTE].said.startswith("Nothing answers it yet")
