"""A time-stamping authority of RFC 3161 on this machine: `openssl ts` behind a small web server."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = subject
prompt = no
[subject]
CN = Time of the tests
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[dating]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """An authority in a folder; `lie` replaces what it answers to a request: status, body and how slowly it drips."""

    folder: Path
    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    lie: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tsr"

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def found(self) -> None:
        """Make the authority's root, its certificate and its key."""
        (self.folder / "ts.cnf").write_text(CONFIG.format(folder=self.folder))
        (self.folder / "serial").write_text("01\n")
        new = "-newkey rsa:2048 -nodes -config ts.cnf"
        self.openssl(f"req -x509 {new} -keyout ca.key -out ca.pem -days 9999 -extensions authority -subj /CN=Root")
        self.openssl(f"req {new} -keyout tsa.key -out tsa.csr")
        self.openssl(
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 9999 "
            "-extfile ts.cnf -extensions dating"
        )

    def openssl(self, words: str) -> str:
        done = subprocess.run(["openssl", *words.split()], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def reply(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        self.openssl("ts -reply -config ts.cnf -queryfile query -out reply")
        return (self.folder / "reply").read_bytes()

    def answer(self, query: bytes) -> tuple[int, bytes]:
        self.asked.append(query)
        match self.lie:
            case "wrong imprint" | "wrong nonce":
                return 200, self.reply(self._other(query))
            case "error":
                return 500, b"out of order"
            case "garbage":
                return 200, b"<html>Welcome to our hotel network</html>"
            case "cut short":
                return 200, self.reply(query)[:-40]
            case "refused":
                return 200, self.reply(
                    query.replace(bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040203"))
                )
        return 200, self.reply(query)

    def _other(self, query: bytes) -> bytes:
        """A request for another text, or for the same one by somebody else."""
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        text = b"another text" if self.lie == "wrong imprint" else self.text
        return TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()

    text: bytes = b""


@contextmanager
def an_authority(folder: Path) -> Iterator[Authority]:
    """Run an authority on a free port of this machine."""
    folder.mkdir()
    authority = Authority(folder)
    authority.found()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            status, body = authority.answer(query)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if authority.lie == "slow drip":
                for byte in body:
                    time.sleep(0.2)
                    try:
                        self.wfile.write(bytes([byte]))
                    except OSError:
                        return
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", 0), Handler)
    authority.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield authority
    server.shutdown()
    server.server_close()
    thread.join()
