"""A witness on this machine: the application of `approval witness` behind a small web server, and ways to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from approval.audit.services.cosigning import WitnessFolder
from approval.cli.witness import create_witness


@dataclass
class Running:
    """A witness that runs; `lie` says how it fails: see `_answer`. `asked` holds the status of each answer it made."""

    folder: WitnessFolder
    app: Callable[..., Iterable[bytes]]
    url: str = ""
    lie: str = ""
    asked: list[int] = field(default_factory=list)

    @property
    def vkey(self) -> str:
        return self.folder.key.to_text()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if self.lie == "down":
            start("503 Service Unavailable", [("content-length", "0")])
            return [b""]
        told: list[Any] = []
        body = b"".join(self.app(environ, lambda *given: told.append(given)))
        status, headers = told[0][:2]
        self.asked.append(int(status[:3]))
        if self.lie == "stored, no answer":
            start("502 Bad Gateway", [("content-length", "0")])
            return [b""]
        if self.lie == "another line" and status.startswith("200"):
            body = "— stranger.example AAAAAAAA\n".encode()
            headers = [("content-length", str(len(body)))]
        if self.lie == "broken line" and status.startswith("200"):
            body = body[:-8] + b"AAAAAAA\n"
        start(status, headers)
        return [body]


@contextmanager
def a_witness(folder: Path, name: str = "auditor.example") -> Iterator[Running]:
    """Run a witness on a free port of this machine."""
    witness = WitnessFolder(folder)
    witness.create(name)
    running = Running(witness, create_witness(witness))
    server = make_server("127.0.0.1", 0, running, threaded=True)  # type: ignore[arg-type]
    running.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield running
    server.shutdown()
    server.server_close()
    thread.join()
