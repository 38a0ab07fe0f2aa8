from __future__ import annotations

import pytest

from approval.web import security


def bearer(scope="draft"):
    return {"Authorization": f"Bearer {scope}"}


@pytest.mark.parametrize("address", ["/csrf", "/nothing-here", "/fault/bug", "/static/css/theme.css"])
def test_every_answer_has_the_headers(client, address):
    with client.get(address) as answer:
        headers = answer.headers

    assert headers["Content-Security-Policy"] == security.POLICY
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"):
        assert directive in security.POLICY
    assert "unsafe" not in security.POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert len(headers["X-Request-Id"]) == 16


def test_pages_are_never_stored(client):
    assert client.get("/csrf").headers["Cache-Control"] == "no-store"


def test_a_shipped_file_is_kept_only_under_the_version_of_its_bytes(app, client):
    with app.test_request_context():
        address = security.static_url("css/theme.css")
    assert "?v=" in address

    for asked, caching in (
        (address, "public, max-age=31536000, immutable"),
        ("/static/css/theme.css", "no-cache"),
        ("/static/css/theme.css?v=000000000000", "no-cache"),
    ):
        with client.get(asked) as answer:
            assert answer.headers["Cache-Control"] == caching
    assert client.get("/static/../setup.cfg").status_code == 404


def test_transport_security_is_for_https_only(client, tmp_path, make_app, load):
    assert "Strict-Transport-Security" not in client.get("/csrf").headers

    secure = make_app(load(tmp_path, APPROVAL_BASE_URL="https://approval.example")).test_client()
    answer = secure.get("/csrf", base_url="https://approval.example")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-approval-page=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:80"]
)
def test_a_foreign_host_name_is_not_answered(client, host):
    assert client.get("/csrf", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machine_is_answered_by_any_of_its_names(client, host):
    assert client.get("/csrf", headers={"Host": host}).status_code == 200


def test_a_change_without_the_token_is_refused(maria):
    assert maria.post("/echo", data={"a": "1"}).status_code == 400

    token = maria.get("/csrf").text
    assert maria.post("/echo", data={"a": "1", "csrf_token": token}).status_code == 200
    assert maria.post("/echo", json={"a": "1"}, headers={"X-CSRFToken": token}).status_code == 200


def test_a_token_of_another_session_does_not_help(app, maria, ada):
    ada.get("/csrf")
    assert ada.post("/echo", data={"csrf_token": maria.get("/csrf").text}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_change_asked_for_by_another_site_is_refused(maria, headers):
    token = maria.get("/csrf").text
    ours = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
    assert maria.post("/echo", data={"csrf_token": token}, headers=ours).status_code == 200
    assert maria.post("/echo", data={"csrf_token": token}, headers=headers).status_code == 403


def test_a_token_call_needs_no_csrf_and_never_uses_the_session(app, maria):
    assert app.test_client().post("/api/v1/echo", json={}, headers=bearer()).status_code == 200
    # The cookie of a signed-in person does not rescue a call with a bad token.
    assert maria.post("/api/v1/echo", json={}, headers=bearer("wrong")).status_code == 401
    assert maria.get("/here", headers=bearer("wrong")).status_code == 302


def test_the_proxy_is_believed_only_when_configured(app, client, tmp_path, make_app, load):
    addresses = []
    for one in (app, make_app(load(tmp_path, APPROVAL_PROXIES="1"))):
        with one.test_request_context():
            pass
        one.before_request(lambda: addresses.append(security.request.remote_addr))
        one.test_client().get("/csrf", headers={"X-Forwarded-For": "203.0.113.9"})
    assert addresses == ["127.0.0.1", "203.0.113.9"]
