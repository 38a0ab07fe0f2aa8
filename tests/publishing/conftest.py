"""What publishing tests need: short times, a firm, a receiver of webhooks, and an application to click in."""

from __future__ import annotations

import ipaddress
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from factories import HOST, Firm
from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import generate_csrf

from approval import settings as environment
from approval.db import reading, transaction
from approval.people.models import Via
from approval.people.queries import actor_of, names_of
from approval.people.services import accounts
from approval.people.services.secrets import seal_secret
from approval.publishing import views
from approval.settings import Outbound, Settings, shipped
from approval.web import errors, filters, identity, security
from approval.web.identity import Caller, Hooks, public

SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    headers: dict[str, str]
    body: bytes
    applied: bool


@dataclass
class Receiver:
    """A real HTTP server on loopback. `behave` says for each request what to do with it:

    ok, drop (before it takes effect), vanish (takes effect, then the connection ends), slow (takes effect, the
    answer comes too late), drip (headers, one byte a second), or a status such as 503 (takes effect) or 422.
    """

    behave: Callable[[int], str] = lambda number: "ok"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) == length:  # else its sender was killed in the middle: nothing was received
                    receiver.answer(self, body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def process_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
                receiver.connections += 1
                super().process_request(request, client_address)

            def handle_error(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
                pass  # a client that hung up

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        manner = self.behave(len(self.received))
        applied = manner not in ("drop", "drip") and not manner.startswith("4")
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.received.append(Received(headers, body, applied))
        if manner in ("drop", "vanish"):
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        if manner == "drip":
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: yes and yes and yes and yes\r\n":
                handler.wfile.write(bytes([byte]))
                time.sleep(0.3)
            return
        if manner == "slow":
            time.sleep(2.5)
        status = int(manner) if manner.isdigit() else 200
        handler.send_response(status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything, until a test gives it other manners."""
    made = Receiver()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    """Settings whose doubtful attempts rest for no time at all; only the receiver may be reached."""
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path / "data"), "APPROVAL_SECRET_KEY": "k" * 40})
    allowed = Outbound(ipaddress.ip_network("127.0.0.0/8"), receiver.port)
    return replace(loaded, lease=6.0, settle=0.0, grace=60.0, outbound_allow=(allowed,))


@pytest.fixture
def firm(firm: Firm, settings: Settings, receiver: Receiver) -> Firm:
    """The small firm with a webhook channel `hook`, once in each kind of database."""
    return with_webhook(firm, settings, receiver)


@pytest.fixture
def firm_on_sqlite(firm_on_sqlite: Firm, settings: Settings, receiver: Receiver) -> Firm:
    """The same firm in SQLite, for what does not depend on the kind of database."""
    return with_webhook(firm_on_sqlite, settings, receiver)


def with_webhook(firm: Firm, settings: Settings, receiver: Receiver) -> Firm:
    with transaction() as session:
        accounts.open_channel(
            session,
            workspace=firm.workspace,
            name="hook",
            title="Hook",
            network="mastodon",
            via=Via.WEBHOOK,
            by=HOST,
            url=receiver.url,
            secret=seal_secret(settings.secret_key, SECRET),
        )
    return firm


@pytest.fixture
def unruly() -> Callable[[int], Callable[[int], str]]:
    """Manners of a receiver that drops, delays and fails, the same for the same seed."""

    def make(seed: int) -> Callable[[int], str]:
        chance = random.Random(seed)
        manners = ["ok"] * 11 + ["drop"] * 3 + ["vanish"] * 3 + ["503"] * 2 + ["slow"]
        return lambda number: chance.choice(manners)

    return make


# -- an application --------------------------------------------------------------------------------------------


class Known:
    """A caller as Flask-Login wants one."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def get_id(self) -> str:
        return self.caller.actor.id


@pytest.fixture
def app(settings: Settings) -> Flask:
    """The pages of publishing alone; the cookie `approval` names the person."""
    app = Flask("small", template_folder=str(shipped("templates")), static_folder=str(shipped("static")))
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True)
    Bootstrap5(app)
    security.install(app, settings)
    errors.install(app)
    filters.install(app)
    identity.install(app, Hooks(settings, _identify, _names, lambda *a, **k: None))
    app.register_blueprint(views.blueprint)
    app.add_url_rule("/csrf", "csrf", public(lambda: generate_csrf()))
    app.context_processor(lambda: {"rail": [], "workspace": None, "workspaces": [], "me": None})
    return app


def _identify(request):  # type: ignore[no-untyped-def]
    with reading() as session:
        actor = actor_of(session, request.cookies.get("approval", ""))
    return None if actor is None else Known(Caller(actor, sign_in="s"))


def _names(ids):  # type: ignore[no-untyped-def]
    with reading() as session:
        return names_of(session, ids)


@pytest.fixture
def as_(app: Flask):  # type: ignore[no-untyped-def]
    """A client of this person (nobody where None), whose requests carry the page's CSRF token."""

    def make(actor):  # type: ignore[no-untyped-def]
        client = app.test_client()
        if actor is not None:
            client.set_cookie("approval", actor.id)
        client.environ_base["HTTP_X_CSRFTOKEN"] = client.get("/csrf").text
        return client

    return make
