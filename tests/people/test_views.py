from __future__ import annotations

import re

import pytest
from doors import PASSWORD, Browser, csrf_of
from sqlalchemy import func, select, update

from approval import clock
from approval.db import reading, transaction
from approval.people.models import Link, LinkKind, Notice, Outbox, Person, SignIn, Throttle, Token, Workspace
from approval.people.services import accounts, links, passwords, signing, tokens
from approval.people.services.telling import tell
from approval.people.views.entrance import HOME, local_target
from approval.web.identity import guard_of

MARIA, ADA = "maria@northwind.example", "ada@northwind.example"
NEW = "nine loud ravens at dusk"


def auth_cookie(answer):
    return next((c for c in answer.headers.getlist("Set-Cookie") if c.startswith("approval=")), None)


def count(model):
    with reading() as session:
        return session.scalar(select(func.count()).select_from(model))


# -- every route -------------------------------------------------------------------------------------------------


def routes(app):
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield rule, method


PUBLIC = {"/login", "/login/code", "/logout", "/setup", "/invitation/<secret>", "/reset/<secret>", "/forgot"}
OWN = {"/account", "/account/password", "/account/sessions/end", "/account/tokens",
       "/account/tokens/<int:token>/revoke", "/account/factor", "/account/factor/codes",
       "/account/factor/remove", "/notices", "/notices/read", "/tasks"}  # fmt: skip


def test_every_route_says_who_may_use_it(app):
    said = {str(rule): guard_of(app, rule.endpoint, method) for rule, method in routes(app)}
    for rule, guard in said.items():
        if "static" in rule:
            continue
        expected = "public" if rule in PUBLIC else "signed in" if rule in OWN else "administer"
        assert guard == expected, rule


def test_no_route_of_administration_opens_to_another_role(app, firm, signed):
    others = ["maria", "ruth", "carla", "paula", "emil"]
    browsers = [signed(f"{name}@northwind.example") for name in others]
    for rule, method in routes(app):
        if not str(rule).startswith("/admin"):
            continue
        address = re.sub(r"<[^>]+>", "1", str(rule))
        for browser in browsers:
            answer = browser.get(address) if method == "GET" else browser.post(address, page="/account")
            assert answer.status_code == 403, (address, method)
    assert signed(ADA).get("/admin").status_code == 200


def test_no_get_changes_anything(app, firm, signed):
    browser = signed(ADA)
    with reading() as session:
        before = [session.scalar(select(func.count()).select_from(model)) for model in (SignIn, Link, Token, Person)]
    for rule, method in routes(app):
        if method == "GET" and "static" not in str(rule):
            browser.get(re.sub(r"<[^>]+>", "1", str(rule)))
    with reading() as session:
        after = [session.scalar(select(func.count()).select_from(model)) for model in (SignIn, Link, Token, Person)]
    assert after == before


# -- signing in --------------------------------------------------------------------------------------------------


def test_the_right_password_opens_the_page_asked_for(app, firm):
    browser = Browser(app.test_client())
    assert browser.get("/account").headers["Location"] == "/login?next=/account"
    answer = browser.post("/login", {"email": MARIA, "password": PASSWORD, "next": "/account"})
    assert answer.headers["Location"] == "/account"
    cookie = auth_cookie(answer)
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Max-Age" not in cookie and "Expires" not in cookie
    page = browser.get("/account")
    assert page.status_code == 200 and "maria@northwind.example" in page.text


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/a\nb", "javascript:alert(1)", "evil", "", None,
     "/\t/evil.example", "/" + "x" * 3000],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(target):
    assert local_target(target) == HOME
    assert local_target("/posts?standing=draft") == "/posts?standing=draft"


@pytest.mark.parametrize(
    ("email", "password"),
    [(MARIA, "wrong"), ("nobody@x.example", PASSWORD), ("no address", "x"), ("x" * 250, "y" * 5000)],
)
def test_every_failure_reads_the_same(app, firm, email, password):
    answer = Browser(app.test_client()).sign_in(email, password)
    assert (answer.status_code, auth_cookie(answer)) == (401, None)
    assert signing.WRONG in answer.text.replace("&#39;", "'")
    stripped = re.sub(r'(name="(csrf_token|email)"[^>]*value=")[^"]*|value="[^"]*"', r"\1", answer.text)
    assert "nobody" not in stripped


def test_after_five_failures_the_page_says_when_to_come_back(app, firm):
    browser = Browser(app.test_client())
    for _ in range(5):
        assert browser.sign_in(MARIA, "wrong").status_code == 401
    answer = browser.sign_in(MARIA, PASSWORD)
    assert answer.status_code == 429
    assert "Try again in" in answer.text


def test_signing_in_anew_ends_the_sign_in_before(app, firm, signed):
    browser = signed()
    before = browser.client.get_cookie("approval").value
    browser.get("/account")
    token = csrf_of(browser.get("/account").text)
    data = {"email": MARIA, "password": PASSWORD, "csrf_token": token}
    assert browser.client.post("/login", data=data).status_code == 302
    after = browser.client.get_cookie("approval").value
    assert after != before
    assert count(SignIn) == 1
    stolen = app.test_client()
    stolen.set_cookie("approval", before)
    assert stolen.get("/account").status_code == 302


def test_signing_out_ends_the_sign_in_on_the_server(app, firm, signed):
    browser = signed()
    secret = browser.client.get_cookie("approval").value
    assert browser.get("/logout").status_code == 405
    assert browser.post("/logout", page="/account").status_code == 302
    assert browser.client.get_cookie("approval") is None
    assert count(SignIn) == 0
    stolen = app.test_client()
    stolen.set_cookie("approval", secret)
    assert stolen.get("/account").status_code == 302


def test_a_form_without_its_token_changes_nothing(app, firm, signed):
    browser = signed()
    for address in ("/logout", "/account/password", "/account/sessions/end", "/account/tokens", "/notices/read"):
        assert browser.client.post(address, data={"session": "others"}).status_code == 400
    assert Browser(app.test_client()).client.post("/login", data={"email": MARIA}).status_code == 400
    assert count(SignIn) == 1


def test_a_weaker_hash_is_renewed_at_sign_in(app, firm, monkeypatch):
    monkeypatch.setattr(passwords, "is_outdated", lambda stored: True)
    with reading() as session:
        before = session.scalar(select(Person.password).where(Person.email == MARIA))
    assert Browser(app.test_client()).sign_in(MARIA).status_code == 302
    monkeypatch.undo()
    with reading() as session:
        after = session.scalar(select(Person.password).where(Person.email == MARIA))
    assert after != before


def test_use_is_written_once_a_minute_and_not_at_each_page(app, firm, signed):
    browser = signed()
    with transaction() as session:
        old = clock.now(session) - clock.seconds(90)
        session.execute(update(SignIn).values(seen_at=old))
    browser.get("/account")
    with reading() as session:
        seen = session.scalar(select(SignIn.seen_at))
    assert seen > old
    browser.get("/account")
    with reading() as session:
        assert session.scalar(select(SignIn.seen_at)) == seen


# -- tokens ------------------------------------------------------------------------------------------------------


def test_a_token_reads_but_is_refused_what_needs_a_person(app, firm):
    with transaction() as session:
        person = session.get_one(Person, firm.administrator.id)
        _, secret = tokens.create(session, person, name="t", scope="read", by=person.id)
    client = app.test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/tasks", headers=headers).text == "Ada"
    for address in ("/account", "/admin", "/admin/people"):
        assert client.get(address, headers=headers).status_code == 403
    assert client.post("/admin/teams", data={"name": "legal"}, headers=headers).status_code == 403
    assert client.get("/tasks", headers={"Authorization": "Bearer apv_wrong"}).status_code == 302


def test_a_token_is_shown_once_and_revoked_by_its_person_only(app, firm, signed):
    maria, ruth = signed(), signed("ruth@northwind.example")
    answer = maria.post("/account/tokens", {"name": "import", "scope": "draft", "days": "30"}, page="/account")
    secret = re.search(r"apv_[\w-]{43}", answer.text).group()
    assert app.test_client().get("/tasks", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert secret not in maria.get("/account").text

    with reading() as session:
        id_ = session.scalar(select(Token.id))
    assert ruth.post(f"/account/tokens/{id_}/revoke", page="/account").status_code == 404
    assert maria.post(f"/account/tokens/{id_}/revoke", page="/account").status_code == 302
    assert app.test_client().get("/tasks", headers={"Authorization": f"Bearer {secret}"}).status_code == 302


@pytest.mark.parametrize("data", [{"name": ""}, {"scope": "approve"}, {"days": "0"}, {"days": "x"}, {"days": "9" * 30}])
def test_a_token_that_cannot_be_is_refused_beside_its_field(firm, signed, data):
    right = {"name": "import", "scope": "draft", "days": "30"}
    answer = signed().post("/account/tokens", {**right, **data}, page="/account")
    assert answer.status_code == 422
    assert "field-errors" in answer.text
    assert count(Token) == 0


# -- password ----------------------------------------------------------------------------------------------------


def test_a_new_password_ends_every_other_session(app, firm, signed):
    here, there = signed(), signed()
    data = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert here.post("/account/password", data, page="/account/password").status_code == 302
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302
    assert Browser(app.test_client()).sign_in(MARIA, PASSWORD).status_code == 401
    assert Browser(app.test_client()).sign_in(MARIA, NEW).status_code == 302


@pytest.mark.parametrize(
    "data",
    [
        {"current": "wrong"},
        {"password": "short", "again": "short"},
        {"again": "nine loud ravens at noon"},
        {"password": "maria@northwind.example", "again": "maria@northwind.example"},
        {"password": "", "again": ""},
    ],
)
def test_a_password_is_not_changed_otherwise(app, firm, signed, data):
    right = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert signed().post("/account/password", {**right, **data}, page="/account/password").status_code == 422
    assert Browser(app.test_client()).sign_in(MARIA).status_code == 302


def test_guessing_the_current_password_is_throttled_too(firm, signed):
    browser = signed()
    codes = [
        browser.post("/account/password", {"current": "x", "password": NEW, "again": NEW}, page="/account/password")
        for _ in range(6)
    ]
    assert [answer.status_code for answer in codes] == [422] * 5 + [429]


# -- links -------------------------------------------------------------------------------------------------------


def link(firm, kind):
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        return links.send_link(session, person, kind, by="anonymous", key="s" * 40)


@pytest.mark.parametrize("kind", LinkKind)
def test_a_link_sets_the_password_and_signs_in_once(app, firm, kind):
    address = f"/{kind}/{link(firm, kind)}"
    browser = Browser(app.test_client())
    assert MARIA in browser.get(address).text
    assert browser.post(address, {"password": "short", "again": "short"}, page=address).status_code == 422
    answer = browser.post(address, {"password": NEW, "again": NEW}, page=address)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/tasks")
    assert browser.get("/account").status_code == 200
    again = Browser(app.test_client())
    assert again.get(address).status_code == 404
    assert again.post(address, {"password": PASSWORD, "again": PASSWORD}, page="/forgot").status_code == 404


def test_a_link_is_no_secret_of_a_referrer_or_a_cache(app, firm):
    headers = app.test_client().get(f"/reset/{link(firm, LinkKind.RESET)}").headers
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_forgetting_a_password_never_says_who_has_an_account(app, firm):
    def ask(email):
        browser = Browser(app.test_client())
        answer = browser.post("/forgot", {"email": email}, page="/forgot")
        return answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)

    assert ask(MARIA) == ask("nobody@northwind.example")
    with reading() as session:
        assert [(row.person, row.kind) for row in session.scalars(select(Outbox))] == [(firm.marketer.id, "reset")]


def test_nobody_is_flooded_with_letters(app, firm):
    browser = Browser(app.test_client())
    codes = [browser.post("/forgot", {"email": MARIA}, page="/forgot").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]


# -- setting up --------------------------------------------------------------------------------------------------

SETUP = {
    "title": "Northwind Bank", "slug": "northwind", "regime": "us-bank", "entity_type": "bank", "zone": "Europe/Zurich",
    "name": "Ada", "email": ADA, "password": NEW, "again": NEW,
}  # fmt: skip


def test_the_first_start_makes_workspace_administrator_and_second_person_once(app, browser):
    assert browser.get("/login").headers["Location"] == "/setup"
    assert "No post can be approved by its author" in browser.get("/setup").text
    second = {"second_name": "Carla", "second_email": "carla@northwind.example", "second_role": "compliance"}
    answer = browser.post("/setup", SETUP | second, page="/setup")
    invitation = re.search(r"http://localhost(/invitation/[\w-]+)", answer.text).group(1)
    assert browser.get("/admin").status_code == 200

    carla = Browser(app.test_client())
    assert carla.post(invitation, {"password": PASSWORD, "again": PASSWORD}, page=invitation).status_code == 302
    assert carla.get("/account").text.count("compliance") >= 1

    late = Browser(app.test_client())
    assert late.get("/setup").status_code == 404
    assert late.post("/setup", SETUP | {"slug": "other"}, page="/login").status_code == 404
    with reading() as session:
        assert list(session.scalars(select(Workspace.name))) == ["northwind"]


@pytest.mark.parametrize(
    "data",
    [
        {"slug": "Not A Slug"},
        {"slug": "installation"},
        {"regime": "mars"},
        {"zone": "Nowhere/Here"},
        {"email": "no address"},
        {"password": "short", "again": "short"},
        {"title": ""},
        {"second_name": "Carla"},
        {"second_name": "Carla", "second_email": ADA},
    ],
    ids=lambda data: "-".join(data),
)
def test_a_set_up_that_cannot_be_makes_nothing(browser, data, settings):
    answer = browser.post("/setup", SETUP | data, page="/setup")
    assert answer.status_code == 422
    assert "Nothing was made yet" in answer.text
    assert count(Workspace) == count(Person) == 0
    assert browser.post("/setup", SETUP, page="/setup").status_code == 302


def test_nothing_is_chosen_for_whoever_sets_up(browser, monkeypatch):
    monkeypatch.setenv("TZ", "America/Chicago")
    page = browser.get("/setup").text
    assert page.count('<option value="">Choose …</option>') == 2
    assert 'value="America/Chicago"' in page
    monkeypatch.setenv("TZ", "Etc/UTC")
    assert re.search(r'id="zone"[^>]*value=""', browser.get("/setup").text)
    page = browser.post("/setup", SETUP | {"regime": "", "entity_type": "", "zone": ""}, page="/setup")
    assert (page.status_code, count(Workspace)) == (422, 0)
    for words in ("Choose the regime.", "Choose the entity type.", "Give a time zone."):
        assert words in page.text


def missing(page) -> list[str]:
    return re.findall(r'<li>([^<]+) <a href="/admin/[^"]+">', page.text)


def test_set_up_leads_to_what_is_still_missing_each_with_a_link(app, browser):
    assert browser.post("/setup", SETUP, page="/setup").headers["Location"] == "/admin"
    page = browser.get("/admin")
    assert "The workspace is made." in page.text
    said = missing(page)
    assert said[0] == "There is no second person: nobody approves their own words."
    for role in ("marketer", "reviewer", "compliance", "publisher"):
        assert sum(f"the role {role}:" in words for words in said) == 1
    assert any("No channel is open" in words for words in said)
    assert any("No mail server is set" in words for words in said)


def test_only_what_is_missing_is_said(firm, signed):
    ada = signed(ADA)
    assert missing(ada.get("/admin")) == [
        "No mail server is set: letters wait, and you hand over invitations yourself. "
        "An operator sets APPROVAL_SMTP_URL."
    ]
    address = f"/admin/people/{firm.publisher.id}/leave"
    assert ada.post(address, page="/admin").status_code == 302
    assert "Nobody holds the role publisher: nobody can schedule or publish." in missing(ada.get("/admin"))


# -- administration ----------------------------------------------------------------------------------------------


def test_an_invited_person_chooses_their_own_password(app, firm, signed):
    ada = signed(ADA)
    data = {"name": "Noor", "email": "noor@northwind.example", "roles": ["marketer", "publisher"]}
    answer = ada.post("/admin/people", data, page="/admin/people")
    invitation = re.search(r"/invitation/[\w-]+", answer.text).group()
    assert "Invited" in ada.get("/admin/people").text
    noor = Browser(app.test_client())
    noor.post(invitation, {"password": NEW, "again": NEW}, page=invitation)
    page = noor.get("/account").text
    assert "marketer, publisher" in page


def test_with_a_mail_server_nobody_sees_an_invitation_but_whom_it_is_for(make_app, settings, firm):
    from dataclasses import replace

    app = make_app(replace(settings, smtp_url="smtp://127.0.0.1:1"))
    ada = Browser(app.test_client())
    ada.sign_in(ADA)
    answer = ada.post(
        "/admin/people", {"name": "Noor", "email": "noor@x.example", "roles": ["marketer"]}, page="/admin"
    )
    assert answer.status_code == 302
    assert "/invitation/" not in ada.get("/admin/people").text
    with reading() as session:
        assert [row.kind for row in session.scalars(select(Outbox))] == ["invitation"]


def test_somebody_with_an_account_gets_the_roles_and_no_new_password(firm, signed):
    answer = signed(ADA).post(
        "/admin/people", {"name": "X", "email": MARIA, "roles": ["publisher"]}, page="/admin/people"
    )
    assert answer.status_code == 302
    assert count(Link) == 0
    with reading() as session:
        assert session.scalar(select(Person.name).where(Person.email == MARIA)) == "Maria"


def test_roles_are_given_and_taken(firm, signed):
    ada, address = signed(ADA), f"/admin/people/{firm.marketer.id}"
    assert ada.post(address, {"roles": ["publisher", "examiner"]}, page=address).status_code == 302
    page = signed().get("/account").text
    assert "examiner, publisher" in page and "marketer" not in page
    assert ada.post(address, {"roles": []}, page=address).status_code == 422
    assert ada.post(address, {"roles": ["king"]}, page=address).status_code == 422


def test_closing_an_account_ends_its_sessions_at_once(firm, signed):
    ada, maria = signed(ADA), signed()
    assert maria.get("/account").status_code == 200
    assert ada.post(f"/admin/people/{firm.marketer.id}/disable", page="/admin").status_code == 302
    assert maria.get("/account").status_code == 302
    assert "Closed" in ada.get("/admin/people").text
    assert ada.post(f"/admin/people/{firm.administrator.id}/disable", page="/admin").status_code == 409
    assert ada.post(f"/admin/people/{firm.marketer.id}/enable", page="/admin").status_code == 302
    assert signed().get("/account").status_code == 200


def test_an_open_account_takes_no_invitation(firm, signed):
    assert signed(ADA).post(f"/admin/people/{firm.marketer.id}/invite", page="/admin").status_code == 404
    assert count(Link) == 0


def test_who_leaves_keeps_the_account_and_loses_the_workspace(firm, signed):
    ada, maria = signed(ADA), signed()
    assert ada.post(f"/admin/people/{firm.marketer.id}/leave", page="/admin").status_code == 302
    assert maria.get("/account").status_code == 200
    assert maria.get("/admin").status_code == 403
    assert f"/admin/people/{firm.marketer.id}" not in ada.get("/admin/people").text


def test_people_of_another_workspace_do_not_exist(firm, keys, signed):
    from factories import a_person, a_workspace

    with transaction() as session:
        a_workspace(session, keys, name="southwind")
        session.flush()
        stranger = a_person(session, "zoe", "administrator", workspace="southwind")
        team = accounts.create_team(session, workspace="southwind", name="legal", by="host:test")
    ada = signed(ADA)
    for what in ("", "/disable", "/enable", "/invite", "/leave"):
        address = f"/admin/people/{stranger.id}{what}"
        assert ada.post(address, {"roles": ["marketer"]}, page="/admin").status_code == 404
    assert ada.post(f"/admin/teams/{team.id}/join", {"person": firm.marketer.id}, page="/admin").status_code == 404
    assert ada.get("/admin?workspace=southwind").status_code == 404


def test_a_team_is_made_joined_and_left(firm, signed):
    ada = signed(ADA)
    assert ada.post("/admin/teams", {"name": "Legal Team"}, page="/admin/teams").status_code == 422
    assert ada.post("/admin/teams", {"name": "legal"}, page="/admin/teams").status_code == 302
    assert ada.post("/admin/teams", {"name": "legal"}, page="/admin/teams").status_code == 422
    assert ada.post("/admin/teams/1/join", {"person": firm.reviewer.id}, page="/admin/teams").status_code == 302
    assert "Remove Ruth" in ada.get("/admin/teams").text
    assert ada.post("/admin/teams/1/leave", {"person": firm.reviewer.id}, page="/admin/teams").status_code == 302
    assert "Remove Ruth" not in ada.get("/admin/teams").text
    for bad in ({}, {"person": "p0"}):
        assert ada.post("/admin/teams/1/join", bad, page="/admin/teams").status_code == 404


def test_a_webhook_shows_its_secret_once_and_keeps_it_sealed(firm, signed, settings):
    from approval.people.models import Channel
    from approval.people.services.secrets import open_secret

    ada = signed(ADA)
    data = {"title": "Hooks", "name": "hooks", "network": "linkedin", "via": "webhook"}
    for bad in ("", "http://hooks.example", "https://127.0.0.1/"):
        assert ada.post("/admin/channels", data | {"url": bad}, page="/admin/channels").status_code == 422
    answer = ada.post("/admin/channels", data | {"url": "https://hooks.example/in"}, page="/admin/channels")
    shown = re.search(r"whsec_[\w+/=]{44}", answer.text).group()
    assert shown not in ada.get("/admin/channels").text
    with reading() as session:
        sealed = session.scalar(select(Channel.secret).where(Channel.name == "hooks"))
    import base64

    assert "whsec_" + base64.b64encode(open_secret(settings.secret_key, sealed)).decode() == shown


def test_a_channel_is_opened_and_closed(firm, signed):
    ada = signed(ADA)
    data = {"title": "Blog", "name": "blog", "network": "blog", "via": "feed"}
    assert ada.post("/admin/channels", data, page="/admin/channels").status_code == 302
    assert ada.post("/admin/channels", data, page="/admin/channels").status_code == 422
    assert ada.post("/admin/channels", data | {"url": "https://x.example"}, page="/admin/channels").status_code == 422
    assert ada.post("/admin/channels/4/close", page="/admin/channels").status_code == 302
    assert ada.post("/admin/channels/4/close", page="/admin/channels").status_code == 409
    assert ada.post("/admin/channels/99/close", page="/admin/channels").status_code == 404


def test_the_workspace_is_changed(firm, signed):
    ada = signed(ADA)
    data = {"title": "Northwind plc", "regime": "uk", "entity_type": "bank", "zone": "Europe/London"}
    assert ada.post("/admin/workspace", data, page="/admin/workspace").status_code == 302
    assert "Northwind plc" in ada.get("/admin").text
    for bad in ({"title": ""}, {"regime": "x"}, {"zone": "x"}):
        assert ada.post("/admin/workspace", data | bad, page="/admin/workspace").status_code == 422


# -- notices -----------------------------------------------------------------------------------------------------


def test_notices_are_paged_and_read(firm, signed):
    with transaction() as session:
        for post in range(1, 62):
            tell(session, [firm.marketer.id], "task_waiting", workspace="northwind", post=post)
    maria = signed()
    first = maria.get("/notices").text
    assert "Post 61" in first and "Post 11<" not in first
    after = re.search(r'rel="next" href="([^"]+)"', first).group(1)
    assert "Post 11<" in maria.get(after).text
    assert maria.get("/notices?before=x").status_code == 422
    maria.post("/notices/read", page="/account")
    with reading() as session:
        assert session.scalar(select(func.count(Notice.id)).where(Notice.read_at.is_(None))) == 0
    assert "Nothing yet" in signed("ruth@northwind.example").get("/notices").text


def test_a_session_is_ended_by_its_person_alone(firm, signed):
    here, there, ruth = signed(), signed(), signed("ruth@northwind.example")
    with reading() as session:
        id_ = session.scalar(
            select(SignIn.id).where(SignIn.id == signing.id_of(there.client.get_cookie("approval").value))
        )
    for wrong in ("", "x", "00" * 32):
        assert here.post("/account/sessions/end", {"session": wrong}, page="/account").status_code == 404
    assert ruth.post("/account/sessions/end", {"session": id_.hex()}, page="/account").status_code == 404
    assert here.post("/account/sessions/end", {"session": id_.hex()}, page="/account").status_code == 302
    assert there.get("/account").status_code == 302
    signed()
    assert here.post("/account/sessions/end", {"session": "others"}, page="/account").status_code == 302
    assert count(SignIn) == 2  # this one, and Ruth's


def test_no_address_of_a_guesser_stands_in_the_table(app, firm):
    Browser(app.test_client()).sign_in("secret.person@x.example", "wrong")
    with reading() as session:
        assert not any("secret" in key for key in session.scalars(select(Throttle.key)))


def test_each_page_says_where_to_go_on(firm, signed):
    ada = signed(ADA)
    page = ada.get("/admin").text
    for address in ("/admin/people", "/admin/teams", "/admin/channels", "/admin/workspace", "/admin/workflow"):
        assert f'href="{address}?workspace=northwind"' in page
    assert 'href="/notices"' in ada.get("/account").text


def test_one_list_of_tabs_marks_where_we_are(firm, signed):
    ada = signed(ADA)
    for address in ("", "/people", f"/people/{firm.marketer.id}", "/teams", "/channels", "/workspace"):
        (tabs,) = re.findall(r'<nav aria-label="Administration">.*?</nav>', ada.get(f"/admin{address}").text, re.S)
        assert len(re.findall("<li>", tabs)) == len(set(re.findall(r'href="([^"]+)"', tabs))) == 7
        (current,) = re.findall(r'href="([^"?]+)[^"]*" aria-current="page"', tabs)
        assert current == f"/admin{address}".removesuffix(f"/{firm.marketer.id}")
