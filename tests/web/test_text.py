from __future__ import annotations

import json

import pytest
from flask import request

from approval.errors import Invalid
from approval.web.text import normal


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a\r\nb", "a\nb"), ("a\rb", "a\nb"), ("a\n\r\nb", "a\n\nb"), ({"a": ["\r\n", 1]}, {"a": ["\n", 1]})],
)
def test_every_line_end_becomes_one_line_feed(given, kept):
    assert normal(given) == kept


@pytest.mark.parametrize("text", ["a\0b", "\ud800", {"\0": 1}, ["\udfff"]])
def test_what_cannot_be_stored_is_refused(text):
    with pytest.raises(Invalid):
        normal(text)


def test_forms_and_json_come_through_the_same_door(maria):
    token = maria.get("/csrf").text
    form = maria.post("/echo", data={"a": "1\r\n2\r3", "csrf_token": token}).json["form"]
    assert form["a"] == "1\n2\n3"
    multipart = {"a": "1\r\n2", "csrf_token": token}
    assert maria.post("/echo", data=multipart, content_type="multipart/form-data").json["form"]["a"] == "1\n2"
    body = maria.post("/api/v1/echo", json={"a": ["1\r2"]}, headers={"X-CSRFToken": token}).json["json"]
    assert body == {"a": ["1\n2"]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * 100_000, 400),
        ("{", 400),
        ('{"a": NaN}', 400),
        (json.dumps("\0"), 422),
        (r'"\ud800"', 422),
        ("1" * 5000, 400),
    ],
    ids=["deep", "cut", "nan", "nul", "half-character", "long-number"],
)
def test_bad_json_is_refused_in_words(app, maria, body, status):
    @app.post("/api/v1/read")
    def read():
        return {"read": repr(request.get_json())}

    app.view_functions["read"].guard = "public"
    headers = {"X-CSRFToken": maria.get("/csrf").text}
    answer = maria.post("/api/v1/read", data=body, content_type="application/json", headers=headers)
    assert answer.status_code == status
    assert answer.json["detail"]


def test_an_address_with_nul_is_refused(client):
    assert client.get("/csrf?a=%00").status_code == 422
    assert client.get("/csrf?%00=a").status_code == 422
    assert client.get("/a%00b").status_code == 422
