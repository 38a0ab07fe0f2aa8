"""A webhook receiver on this machine, for the time of the load: it accepts, loses an answer, or refuses."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from approval.desk.demo.story import Receives
from approval.errors import Conflict

HOST = "127.0.0.1"
PATH = "/facebook"
_PREFERRED = 8799


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    for port in (_PREFERRED, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise Conflict(f"No port of {HOST} is free: end a program that listens on one, then load again.")


@contextmanager
def receiving(port: int, manners: Mapping[str, Receives]) -> Iterator[None]:
    """Listen on *port* while the block runs. *manners* says by title what happens to a post; others are accepted."""
    try:
        server = _Receiver(port, manners)
    except OSError as error:
        raise Conflict(
            f"Port {port} of {HOST}, to which the demo's webhook channel leads, is taken: end the program that "
            "listens there, then load again."
        ) from error
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="receiver", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Receiver(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, manners: Mapping[str, Receives]) -> None:
        super().__init__((HOST, port), _Handler)
        self.manners = manners
        self.seen: set[str] = set()

    def manner(self, title: str, message: str) -> Receives:
        """What happens to this request: an answer is lost once, then the same message is known and accepted."""
        manner = self.manners.get(title, Receives.ACCEPTS)
        again = message in self.seen
        self.seen.add(message)
        return Receives.ACCEPTS if again and manner is Receives.DROPS else manner


class _Handler(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        """Take one message and answer as the demo wants it."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = self.headers["webhook-id"]
        match self.server.manner(body["data"]["title"], message):
            case Receives.ACCEPTS:
                self._answer(200, {"url": f"https://facebook.example/northwindbank/posts/{message[-12:]}"})
            case Receives.REFUSES:
                self._answer(422, {"error": "the page is being moved"})
            case Receives.DROPS:
                self.close_connection = True

    def _answer(self, status: int, said: Mapping[str, str]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what was sent stands in the log of the workspace."""
