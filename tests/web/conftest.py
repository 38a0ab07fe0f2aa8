"""The smallest application that has every protection, and callers who need no table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask, Request, flash, redirect, request
from flask.testing import FlaskClient
from flask_bootstrap import Bootstrap5
from flask_login import UserMixin
from flask_wtf.csrf import generate_csrf

from approval import settings as environment
from approval.capabilities import Actor, Capability, Role
from approval.errors import Invalid, Problem
from approval.settings import shipped
from approval.web import errors, filters, identity, security
from approval.web.identity import Caller, Hooks, ensure_may, public, require, signed_in, workspace

MARIA = Actor("p1", "Maria", roles={"northwind": frozenset({Role.MARKETER})})
ADA = Actor("p2", "Ada", roles={"northwind": frozenset({Role.ADMINISTRATOR}), "southwind": frozenset({Role.MARKETER})})
NOBODY = Actor("p3", "Noor")
CALLERS = {"maria": Caller(MARIA, "s1"), "ada": Caller(ADA, "s2"), "noor": Caller(NOBODY, "s3")}
TOKENS = {scope: Caller(MARIA, scope=scope) for scope in ("read", "draft", "export")}


class Person(UserMixin):
    def __init__(self, caller: Caller) -> None:
        self.caller = caller


def identify(asking: Request) -> Person | None:
    if identity.by_token():
        found = TOKENS.get(asking.headers["Authorization"][7:])
    else:
        found = CALLERS.get(asking.cookies.get("approval", ""))
    return None if found is None else Person(found)


def load(tmp_path: Path, **environ: str) -> environment.Settings:
    return environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40, **environ})


def make_app(settings: environment.Settings) -> Flask:
    app = Flask("small", template_folder=str(shipped("templates")), static_folder=str(shipped("static")))
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    security.install(app, settings)
    errors.install(app)
    filters.install(app)
    identity.install(app, Hooks(settings, identify, lambda ids: {i: i.upper() for i in ids}, lambda *a, **k: None))
    add_views(app)
    return app


def add_views(app: Flask) -> None:
    @app.get("/csrf")
    @public
    def csrf() -> str:
        return generate_csrf()

    @app.post("/echo")
    @app.post("/api/v1/echo")
    @signed_in(scope="draft")
    def echo() -> dict[str, object]:
        return {"form": request.form.to_dict(), "json": request.get_json(silent=True) if request.is_json else None}

    @app.get("/here")
    @require(Capability.READ, scope="read")
    def here() -> str:
        return workspace()

    @app.route("/admin-only", methods=["GET", "POST"])
    @require(Capability.ADMINISTER)
    def admin_only() -> str:
        return workspace()

    @app.get("/object/<where>")
    @app.get("/api/v1/object/<where>")
    @signed_in(scope="read")
    def an_object(where: str) -> str:
        ensure_may(Capability.SCHEDULE, where)
        return "object"

    @app.get("/unguarded")
    def unguarded() -> str:
        return "never"

    @app.get("/api/v1/invalid")
    @public
    def invalid() -> str:
        raise Invalid("Two things are wrong.", problems=(Problem("title", "too long"), Problem("texts.news", "empty")))

    @app.get("/flash")
    @public
    def flashing() -> object:
        flash("Saved.", "success")
        return redirect("/csrf")

    add_faults(app)


def add_faults(app: Flask) -> None:
    from sqlalchemy.orm.exc import StaleDataError

    from approval.errors import NotRecorded, Refusal, TooMany

    @dataclass(frozen=True)
    class Fault:
        raised: Exception

    faults = {
        "stale": Fault(StaleDataError("1 row expected")),
        "bug": Fault(KeyError("a secret of the inside")),
        "unrecorded": Fault(NotRecorded("Not recorded: the disk is full.")),
        "slow": Fault(TooMany("Wait a minute.", retry_after=60)),
        "refusal": Fault(Refusal("No.")),
    }

    @app.get("/fault/<name>")
    @app.get("/api/v1/fault/<name>")
    @public
    def fault(name: str) -> str:
        raise faults[name].raised


@pytest.fixture
def settings(tmp_path: Path) -> environment.Settings:
    return load(tmp_path)


@pytest.fixture
def app(settings: environment.Settings) -> Flask:
    return make_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def maria(app: Flask) -> FlaskClient:
    return as_(app, "maria")


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return as_(app, "ada")


def as_(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("approval", name)
    return client


@pytest.fixture(name="load")
def load_fixture():
    return load


@pytest.fixture(name="make_app")
def make_app_fixture():
    return make_app


@pytest.fixture(name="as_")
def as_fixture():
    return as_
