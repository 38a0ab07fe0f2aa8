"""Where the parts meet: the web application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog
from flask import Flask
from flask.typing import ResponseReturnValue
from flask_bootstrap import Bootstrap5
from flask_smorest import Api

from approval import __version__, db, settings as environment
from approval.audit import api as audit_api, views as audit_views
from approval.capabilities import Actor, Room
from approval.db import schema
from approval.desk import api as desk_api, services as desk, views as desk_views
from approval.people import queries as people, views as people_views
from approval.publishing import views as publishing_views
from approval.records import api as records_api, views as records_views
from approval.records.queries import rooms as records
from approval.records.services.rooms import note_look
from approval.review import views as review_views
from approval.screening import views as screening_views
from approval.settings import Settings, shipped
from approval.web import errors, filters, identity, journal, security

VIEWS = (
    people_views,
    desk_views,
    review_views,
    screening_views,
    publishing_views,
    audit_views,
    records_views,
)
APIS = (desk_api, audit_api, records_api)


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application on the database that the settings name; NotMigrated where it is not ready."""
    settings = settings or environment.load()
    journal.install()
    engine = db.connect(settings.database_url)
    schema.ensure_current(engine)
    schema.ensure_guarded(engine)
    # The server loads the application once and forks: no connection may cross a fork.
    engine.dispose()

    app = Flask("approval", template_folder=str(shipped("templates")), static_folder=str(shipped("static")))
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True, BOOTSTRAP_MSG_CATEGORY="info")
    security.install(app, settings)
    hooks = identity.Hooks(settings, people_views.identify, _names, desk.create_workspace, _shows, _looked)
    identity.install(app, hooks)
    errors.install(app)
    filters.install(app)
    Bootstrap5(app)
    for module in VIEWS:
        app.register_blueprint(module.blueprint)
    app.context_processor(lambda: dict(desk_views.shell()))
    _install_api(app)
    structlog.get_logger("approval").info("serving", version=__version__, database=engine.dialect.name)
    return app


def _names(ids: Iterable[str]) -> Mapping[str, str]:
    with db.reading() as session:
        return people.names_of(session, ids)


def _shows(room: Room, post: int, at: datetime | None) -> bool:
    with db.reading() as session:
        return records.shows(session, room, post, at)


def _looked(by: Actor, workspace: str, page: str, about: str) -> None:
    with db.reading() as session:
        if records.is_noted(session, workspace, by.id, page=page, about=about):
            return
    with db.transaction(identity.origin()) as session:
        note_look(session, by, workspace, page=page, about=about)


class _Api(Api):  # type: ignore[misc]
    """The OpenAPI document alone: errors are told by `approval.web.errors`, and there is no page of it."""

    def _register_error_handlers(self) -> None:
        """Leave every error to the application."""


def _install_api(app: Flask) -> None:
    app.config.update(
        API_TITLE="Approval",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = _Api(app)
    document = app.view_functions["api-docs.openapi_json"]

    def openapi() -> ResponseReturnValue:
        answer: ResponseReturnValue = app.ensure_sync(document)()
        return answer

    app.view_functions["api-docs.openapi_json"] = identity.public(openapi)
    for module in APIS:
        api.register_blueprint(module.blueprint)
