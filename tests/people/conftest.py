"""The pages of people in an application of their own, and people who have passwords."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from doors import PASSWORD, Browser, give_passwords
from factories import Firm, a_firm
from flask import Flask
from flask_bootstrap import Bootstrap5

from approval import settings as environment
from approval.db import reading
from approval.people import queries, views
from approval.people.services import accounts, passwords
from approval.settings import shipped
from approval.web import errors, filters, identity, security
from approval.web.identity import Hooks, signed_in


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost less in tests."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", cheap)
    monkeypatch.setattr(passwords, "NOBODYS", cheap.hash("nobody"))


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> environment.Settings:
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    return replace(loaded, database_url=sqlite_url, base_url="http://localhost")


@pytest.fixture
def make_app(monkeypatch: pytest.MonkeyPatch) -> Callable[[environment.Settings], Flask]:
    monkeypatch.setattr(views.entrance, "FORGOT_TAKES", 0.0)

    def make(settings: environment.Settings) -> Flask:
        app = Flask("people", template_folder=str(shipped("templates")), static_folder=str(shipped("static")))
        app.config.update(BOOTSTRAP_SERVE_LOCAL=True, TESTING=False)
        security.install(app, settings)
        identity.install(app, Hooks(settings, views.identify, _names, accounts.create_workspace))
        errors.install(app)
        filters.install(app)
        Bootstrap5(app)
        app.register_blueprint(views.blueprint)

        @app.get("/tasks")
        @signed_in(scope="read")
        def tasks() -> str:
            return identity.current().name

        return app

    return make


def _names(ids):
    with reading() as session:
        return queries.names_of(session, ids)


@pytest.fixture
def app(make_app, settings, sqlite) -> Flask:
    return make_app(settings)


@pytest.fixture
def firm(sqlite, keys, prepared) -> Firm:
    """A firm in which everybody has the same password."""
    return prepared("firm with passwords", lambda: with_passwords(a_firm(keys)), sqlite, keys)


@pytest.fixture
def firm_everywhere(database, keys, prepared) -> Firm:
    """The same firm on each kind of database."""
    return prepared("firm with passwords", lambda: with_passwords(a_firm(keys)), database, keys)


def with_passwords(firm: Firm) -> Firm:
    give_passwords()
    return firm


@pytest.fixture
def browser(app) -> Browser:
    return Browser(app.test_client())


@pytest.fixture
def signed(app, firm) -> Callable[..., Browser]:
    """Sign somebody of the firm in, in a browser of their own."""

    def sign(email: str = "maria@northwind.example", password: str = PASSWORD) -> Browser:
        browser = Browser(app.test_client())
        assert browser.sign_in(email, password).status_code == 302
        return browser

    return sign
