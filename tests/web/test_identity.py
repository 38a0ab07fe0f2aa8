from __future__ import annotations

import pytest

from approval.web import identity


def bearer(scope):
    return {"Authorization": f"Bearer {scope}"}


def test_a_page_asks_a_stranger_to_sign_in_and_remembers_where_to(client):
    answer = client.get("/here?workspace=northwind")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=/here%3Fworkspace%3Dnorthwind"


def test_the_api_answers_a_stranger_with_401(client):
    answer = client.get("/api/v1/object/northwind")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_capability_is_needed(maria, ada):
    assert ada.get("/admin-only").text == "northwind"
    answer = maria.get("/admin-only")
    assert answer.status_code == 403
    assert "administrator" in answer.text


def test_in_a_workspace_that_one_may_not_read_nothing_exists(maria):
    assert maria.get("/object/northwind").status_code == 403
    assert maria.get("/object/southwind").status_code == 404
    assert maria.get("/here?workspace=southwind").status_code == 404


@pytest.mark.parametrize(
    ("scope", "address", "status"),
    [
        ("read", "/here", 200),
        ("draft", "/here", 200),
        ("export", "/here", 200),
        ("read", "/admin-only", 403),
    ],
)
def test_a_token_reaches_as_far_as_its_scope(client, scope, address, status):
    assert client.get(address, headers=bearer(scope)).status_code == status


def test_a_token_to_read_does_not_write(client):
    assert client.post("/api/v1/echo", json={}, headers=bearer("read")).status_code == 403
    assert client.post("/api/v1/echo", json={}, headers=bearer("draft")).status_code == 200


def test_a_route_that_says_nothing_about_its_users_is_closed(app, ada):
    assert ada.get("/unguarded").status_code == 403
    app.view_functions["unguarded"] = identity.public(app.view_functions["unguarded"])
    assert ada.get("/unguarded").status_code == 200


def test_a_forged_page_session_signs_nobody_in(app, client):
    with client.session_transaction() as page_session:
        page_session["_user_id"] = page_session["user_id"] = "p2"
    client.set_cookie("remember_token", "p2|00")
    assert client.get("/admin-only").status_code == 302


def test_the_page_session_holds_no_identity(ada):
    ada.get("/csrf")
    ada.get("/admin-only?workspace=northwind")
    with ada.session_transaction() as page_session:
        assert set(page_session) == {"csrf_token", "workspace"}


def test_the_workspace_looked_at_is_remembered(ada):
    assert ada.get("/here").text == "northwind"
    assert ada.get("/here?workspace=southwind").text == "southwind"
    assert ada.get("/here").text == "southwind"


def test_a_change_names_its_workspace_where_there_is_a_choice(ada, maria):
    token = ada.get("/csrf").text
    assert ada.post("/admin-only", data={"csrf_token": token}).status_code == 422
    named = ada.post("/admin-only", data={"csrf_token": token, "workspace": "northwind"})
    assert (named.status_code, named.text) == (200, "northwind")
    # Ada is no administrator of the other one.
    assert ada.post("/admin-only?workspace=southwind", data={"csrf_token": token}).status_code == 403


def test_a_person_without_a_role_is_told_so(app, as_):
    answer = as_(app, "noor").get("/here")
    assert answer.status_code == 403
    assert "no role in any workspace" in answer.text
