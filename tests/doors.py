"""Coming in as a person does: passwords, and a browser that sends the CSRF token of the page it looked at."""

from __future__ import annotations

import re
import socket
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from approval.db import transaction
from approval.people.models import Person
from approval.people.services import links, passwords

PASSWORD = "seven quiet herons at dawn"


def give_passwords() -> None:
    """Give everybody there is the same password."""
    kept = passwords.hashed(PASSWORD)
    with transaction() as session:
        for person in session.scalars(select(Person)).all():
            links.set_password(session, person, password=kept, by="host:test", through="change")


class Browser:
    """A client that keeps cookies and sends the CSRF token of the page that it looked at last."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, address: str, **options: Any) -> Any:
        return self.client.get(address, **options)

    def post(self, address: str, data: dict[str, Any] | None = None, *, page: str = "/login", **options: Any) -> Any:
        token = csrf_of(self.client.get(page).text) or csrf_of(self.client.get("/account").text)
        return self.client.post(address, data={"csrf_token": token, **(data or {})}, **options)

    def sign_in(self, email: str, password: str = PASSWORD, **options: Any) -> Any:
        return self.post("/login", {"email": email, "password": password}, **options)


def a_free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def csrf_of(text: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)
    return found.group(1) if found else ""
