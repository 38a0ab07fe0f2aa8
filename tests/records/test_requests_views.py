"""Requests and exports in parts, in the browser."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from doors import give_passwords

from approval.app import create_app
from approval.people.services import passwords
from approval.records import jobs

W = {"workspace": "northwind"}
LETTER = {
    **W,
    "regulator": "FINRA",
    "matter": "Sweep <b>26-11",
    "received": "2026-11-02",
    "first_day": "2020-01-01",
    "last_day": "2098-12-31",
}


@pytest.fixture
def app(firm_on_sqlite, sqlite_url, settings, monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    give_passwords()
    return create_app(replace(settings, database_url=sqlite_url, base_url="http://localhost"))


def enter(browser, **changes):
    return browser.post("/records/requests", {**LETTER, **changes}, page="/records/requests")


def test_an_officer_enters_a_letter_sees_answers_writes_them_and_hands_them_over(signed, settings):
    carla = signed("carla")
    assert "No letter is entered yet" in carla.get("/records/requests").text
    address = enter(carla, usual="y").location
    page = carla.get(address).text
    for expected in (
        "Sweep &lt;b&gt;26-11",
        "3 accounts.",
        "1 publication.",
        "Opening hours",
        "No complaint recorded",
        "Workflow 1",
    ):
        assert expected in page, expected
    number = 8
    carla.post(f"{address}/items", {"kind": "note", "words": "Your training."}, page=address)
    assert "Nothing answers it yet" in carla.get(address).text
    sent = {"file": (io.BytesIO(b"Twice a year."), "x.txt")}
    carla.post(f"{address}/items/{number}/file", sent, page=address, content_type="multipart/form-data")
    file = carla.get(f"{address}/items/{number}/file")
    assert file.data == b"Twice a year." and file.headers["Content-Disposition"].startswith("attachment")
    carla.post(f"{address}/items/3/remove", page=address)

    carla.post(f"{address}/write", page=address)
    assert "It waits for the worker" in carla.get(address).text
    jobs.write_due(settings, "w")
    assert "The bundle" in carla.get(address).text
    assert "Say to whom" in carla.post(f"{address}/hand-over", {"to": " "}, page=address).text
    carla.post(f"{address}/hand-over", {"to": "J. Doe, portal"}, page=address)
    page = carla.get(address).text
    assert "Handed over" in page and "J. Doe, portal" in page and "Add an item" not in page
    assert "Handed over" in carla.get("/records/requests").text
    assert "Sweep" in carla.get("/records/exports/1").text
    with carla.get("/records/exports/1/download") as sent, zipfile.ZipFile(io.BytesIO(sent.data)) as archive:
        assert archive.read("answers/07-note.txt") == b"Twice a year."


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"kind": "cases", "posts": "1, x"}, "is not the number of a post"),
        ({"kind": "cases", "posts": "77"}, "There is no post 77"),
        ({"kind": "random", "count": "5", "seed": ""}, "Give a seed"),
        ({"kind": "procedures"}, "Choose the day"),
        ({"kind": "proof", "words": ""}, "Write what the letter asks for"),
        ({"kind": "moon"}, "Choose what kind of answer"),
    ],
)
def test_what_is_wrong_with_an_item_is_said_and_nothing_typed_is_lost(signed, item, said):
    carla = signed("carla")
    address = enter(carla).location
    answer = carla.post(f"{address}/items", {"words": "Words of the letter.", **item}, page=address)
    assert answer.status_code == 422 and said in answer.text
    if item["kind"] != "moon" and "words" not in item:
        assert "Words of the letter." in answer.text


@pytest.mark.parametrize("kind", ["accounts", "procedures", "posts", "random", "riskiest", "cases", "note"])
def test_the_form_of_an_item_asks_for_what_its_kind_needs(signed, kind):
    carla = signed("carla")
    page = carla.get(f"{enter(carla).location}?add={kind}").text
    assert "Add the item" in page
    assert ('name="seed"' in page) is (kind == "random")
    assert ('name="on"' in page) is (kind == "procedures")
    assert ('type="file"' in page) is (kind == "note")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"regulator": ""}, "Name the regulator"),
        ({"last_day": "2019-01-01"}, "lies before the first"),
        ({"due": "2026-11-01"}, "before the letter came"),
        ({"received": "yesterday"}, "Not a valid date"),
    ],
)
def test_what_is_wrong_with_a_letter_is_said(signed, changes, said):
    answer = enter(signed("carla"), **changes)
    assert answer.status_code == 422 and said in answer.text


def test_a_letter_of_another_workspace_is_nowhere(signed):
    address = enter(signed("carla")).location
    assert signed("emil").get(address).status_code == 200
    assert signed("maria").get(address).status_code == 403
    assert signed("carla").get("/records/requests/404").status_code == 404


def test_an_export_is_asked_for_in_parts_and_each_is_listed_with_the_list_of_all(signed, settings):
    carla = signed("carla")
    asked = {**W, "first_day": "2020-01-01", "last_day": "2098-12-31", "most_posts": "2"}
    address = carla.post("/records/exports", asked, page="/records").location
    assert "Part 1 is being written" in carla.get(address).text
    jobs.write_due(settings, "w")
    jobs.write_due(settings, "w")
    page = carla.get(address).text
    assert "All parts written" in page and "Part 2" in page
    listed = carla.get(f"{address}/list").text.splitlines()
    assert [line.split("  ")[1] for line in listed] == [
        "northwind-2020-01-01-2098-12-31-1.zip",
        "northwind-2020-01-01-2098-12-31-2.zip",
    ]
    assert "part 1" in carla.get("/records").text
    refused = carla.post("/records/exports", {**asked, "posts": "1"}, page="/records")
    assert refused.status_code == 422 and "leave the limits empty" in refused.text
    for wrong in ({"most_posts": "0"}, {"most_posts": "", "megabytes": "1"}):
        assert carla.post("/records/exports", {**asked, **wrong}, page="/records").status_code == 422


def test_deleted_files_are_said_to_be_deleted_where_the_export_is_listed(signed, settings):
    carla = signed("carla")
    asked = {**W, "first_day": "2020-01-01", "last_day": "2098-12-31"}
    address = carla.post("/records/exports", asked, page="/records").location
    jobs.write_due(settings, "w")
    assert "take" in carla.get("/records").text and "Download the archive" in carla.get(address).text
    for path in (settings.data / "exports").iterdir():
        path.unlink()
    jobs.note_gone(settings, "w")
    assert "Files deleted" in carla.get("/records").text
    page = carla.get(address).text
    assert "not on this server any more" in page and "Download the archive" not in page
    assert carla.get(f"{address}/download").status_code == 404
