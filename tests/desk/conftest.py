"""A firm in an application of its own, and browsers for its people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from doors import Browser, give_passwords
from factories import Firm
from flask import Flask

from approval import settings as environment
from approval.app import create_app
from approval.db import reading, transaction
from approval.people.services import passwords
from approval.posts.models import Post


@pytest.fixture
def firm(firm_on_sqlite: Firm) -> Firm:
    return firm_on_sqlite


@pytest.fixture
def app(firm: Firm, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    give_passwords()
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    return create_app(replace(loaded, database_url=sqlite_url, base_url="http://localhost"))


@pytest.fixture
def signed(app: Flask) -> Callable[[str], Browser]:
    """A browser in which the person with this name is signed in."""
    browsers: dict[str, Browser] = {}

    def sign(name: str) -> Browser:
        if name not in browsers:
            browsers[name] = Browser(app.test_client())
            assert browsers[name].sign_in(f"{name}@northwind.example").status_code == 302
        return browsers[name]

    return sign


@pytest.fixture
def made(firm):
    """Make a post with a function of the factories; its id."""

    def make(build, *words, **changes):
        with transaction() as session:
            return build(session, firm, *words, **changes).id

    return make


@pytest.fixture
def standing():
    def stands(id_):
        with reading() as session:
            return session.get_one(Post, id_).standing

    return stands
