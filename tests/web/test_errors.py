from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from approval import errors as tree
from approval.db import transaction
from approval.people.models import Throttle
from approval.web import errors


def leaves(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from leaves(child)


@pytest.mark.parametrize("kind", list(leaves(tree.Refusal)), ids=lambda kind: kind.__name__)
def test_every_refusal_has_a_status_and_a_remedy(kind):
    refusal = kind("no", retry_after=1) if kind is tree.TooMany else kind("no")
    assert errors.status_of(refusal) in errors._DO


def test_the_closest_ancestor_decides():
    assert errors.status_of(tree.OwnWords("no")) == 403
    assert errors.status_of(tree.StaleStage("no")) == 409
    assert errors.status_of(tree.KeyReused("no")) == 422


def test_the_api_answers_with_problem_details(client):
    answer = client.get("/api/v1/invalid")
    assert answer.mimetype == "application/problem+json"
    assert answer.json == {
        "type": "/problems/invalid",
        "title": "Please check what you entered",
        "status": 422,
        "detail": "Two things are wrong.",
        "errors": [{"where": "title", "detail": "too long"}, {"where": "texts.news", "detail": "empty"}],
        "request_id": answer.headers["X-Request-Id"],
    }


@pytest.mark.parametrize(
    ("name", "status"), [("stale", 409), ("bug", 500), ("unrecorded", 503), ("slow", 429), ("refusal", 400)]
)
@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_each_fault_has_its_status_in_both_languages(client, prefix, name, status):
    answer = client.get(f"{prefix}/fault/{name}")
    assert answer.status_code == status
    assert answer.mimetype == ("application/problem+json" if prefix else "text/html")
    assert answer.headers["X-Request-Id"] in answer.text


def test_a_fault_tells_nothing_of_the_inside(client):
    for address in ("/fault/bug", "/api/v1/fault/bug"):
        text = client.get(address).text
        assert "secret of the inside" not in text
        assert "KeyError" not in text


def test_too_many_says_when_to_come_back(client):
    assert client.get("/api/v1/fault/slow").headers["Retry-After"] == "60"


@pytest.mark.parametrize(("address", "method", "status"), [("/nothing", "get", 404), ("/csrf", "put", 405)])
def test_what_the_router_refuses_is_answered_in_the_same_shape(client, address, method, status, maria):
    headers = {"X-CSRFToken": maria.get("/csrf").text}
    assert getattr(maria, method)(address, headers=headers).status_code == status
    answer = client.get("/api/v1/nothing")
    assert (answer.status_code, answer.json["status"]) == (404, 404)


def test_a_request_that_is_too_large_is_refused_by_size(app, maria):
    app.config["MAX_CONTENT_LENGTH"] = 1024
    token = maria.get("/csrf").text
    answer = maria.post("/api/v1/echo", json={"a": "x" * 2000}, headers={"X-CSRFToken": token})
    assert answer.status_code == 413
    assert maria.post("/echo", data={"a": "x" * 2000, "csrf_token": token}).status_code == 413


def test_an_error_page_stands_even_when_templates_do_not(app, client, monkeypatch):
    monkeypatch.setattr(errors, "render_template", lambda *a, **k: 1 / 0)
    answer = client.get("/fault/refusal")
    assert answer.status_code == 400
    assert "<p>No.</p>" in answer.text


def refused_by(*rows):
    with pytest.raises(IntegrityError) as refused, transaction() as session:
        for row in rows:
            session.connection().execute(insert(Throttle).values(**row))
    return refused.value


def test_only_what_is_there_already_is_a_conflict(database):
    row = {"key": "account:a", "failures": 1, "until": datetime.now(UTC)}
    assert errors._is_taken(refused_by(row, row))
    assert not errors._is_taken(refused_by({**row, "until": None})), "a fault of the program"
