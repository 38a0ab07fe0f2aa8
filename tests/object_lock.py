"""A bucket with S3 Object Lock on this machine, as strict as its manual, and every way in which one may leak.

It was written from the rules and is no evidence of how any real server behaves: those are probed where they are used.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

LEAKS = {
    "delete": "it cannot be deleted",
    "delete behind a refusal": "it cannot be deleted",
    "says that it deletes": "it cannot be deleted",
    "shorten": "its lock cannot be shortened",
    "mode": "its mode cannot be changed",
    "overwrite": "overwriting adds a version",
    "other bytes": "overwriting adds a version",
    "no condition": "a second write under its name",
    "no versions": "an object is written and locked",
    "no lock": "an object is written and locked",
    "governance": "an object is written and locked",
    "shorter date": "an object is written and locked",
    "no rights": "its lock can be extended",
    "no right to delete": "deleting its name hides it",
    "deletes for good": "deleting its name hides it",
    "hides markers": "deleting its name hides it",
}
"""What a server may let through or get wrong, and the step of the probe that must say so."""


@dataclass
class Stored:
    version: str
    data: bytes = b""
    mode: str | None = None
    until: datetime | None = None
    marker: bool = False


@dataclass
class Fake:
    """One bucket; `leak` is a rule that it breaks, `lie` how it fails to answer a PUT."""

    name: str = "bank-log"
    port: int = 0
    leak: str = ""
    lie: str = ""
    checksums: bool = True
    now: datetime | None = None
    keys: dict[str, list[Stored]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.name}"

    def below(self, prefix: str) -> dict[str, list[Stored]]:
        return {key: versions for key, versions in sorted(self.keys.items()) if key.startswith(prefix)}

    def today(self) -> datetime:
        return self.now or datetime.now(UTC)

    def find(self, key: str, version: str | None) -> Stored | None:
        versions = self.keys.get(key, [])
        if version is None:
            return versions[-1] if versions and not versions[-1].marker else None
        return next((one for one in versions if one.version == version), None)

    def is_locked(self, one: Stored) -> bool:
        return not one.marker and one.until is not None and one.until > self.today()


class _Wrong(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def handle_one(self) -> None:
        fake = self.server.fake
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        asked = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fake.asked.append(f"{self.command} {key or '?' + parts.query}")
        try:
            if fake.lie == "down":
                raise _Wrong(503, "SlowDown")
            if not (self.headers.get("authorization") or "").startswith("AWS4-HMAC-SHA256 Credential=id/"):
                raise _Wrong(403, "AccessDenied")
            if bucket != fake.name:
                raise _Wrong(404, "NoSuchBucket")
            status, headers, data = self.act(fake, key, asked, body)
        except _Wrong as wrong:
            data = f"<Error><Code>{wrong.code}</Code><Message>no</Message></Error>".encode()
            status, headers = wrong.status, {"content-type": "application/xml"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD" and status != 204:
            self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_one

    def act(self, fake: Fake, key: str, asked: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self.command == "GET" and "versions" in asked:
            return 200, {"content-type": "application/xml"}, _listed(fake, asked)
        if self.command == "PUT" and "retention" in asked:
            return self.retain(fake, key, asked["versionId"], body)
        if self.command == "PUT":
            return self.put(fake, key, body)
        if self.command == "DELETE":
            return self.delete(fake, key, asked.get("versionId"))
        found = fake.find(key, asked.get("versionId"))
        if found is None or found.marker:
            raise _Wrong(404, "NoSuchKey")
        headers = {"x-amz-version-id": found.version} if fake.leak != "no versions" else {}
        if found.mode and found.until:
            headers |= {"x-amz-object-lock-mode": found.mode}
            headers |= {"x-amz-object-lock-retain-until-date": _text(found.until)}
        if fake.checksums and self.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-sha256"] = base64.b64encode(sha256(found.data).digest()).decode()
        if self.command == "HEAD":
            headers["content-length"] = str(len(found.data))
        return 200, headers, found.data

    def put(self, fake: Fake, key: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if fake.lie == "not stored":
            raise _Wrong(500, "InternalError")
        versions = fake.keys.setdefault(key, [])
        there = bool(versions) and not versions[-1].marker
        if self.headers.get("if-none-match") == "*" and there and fake.leak != "no condition":
            raise _Wrong(412, "PreconditionFailed")
        given = self.headers.get("x-amz-checksum-sha256")
        if given != base64.b64encode(sha256(body).digest()).decode():
            raise _Wrong(400, "BadDigest")
        stored = Stored(secrets.token_hex(16), body, self.headers.get("x-amz-object-lock-mode"))
        stored.until = datetime.fromisoformat(self.headers["x-amz-object-lock-retain-until-date"])
        if stored.until <= fake.today():
            raise _Wrong(400, "InvalidArgument")
        match fake.leak:
            case "no lock":
                stored.mode = stored.until = None
            case "governance":
                stored.mode = "GOVERNANCE"
            case "shorter date":
                stored.until -= timedelta(hours=12)
            case "overwrite" if versions:
                stored.version = versions[-1].version
                versions.pop()
            case "other bytes" if versions:
                versions[-1].data = body
        versions.append(stored)
        if fake.lie == "stored":
            raise _Wrong(500, "InternalError")
        return 200, {} if fake.leak == "no versions" else {"x-amz-version-id": stored.version}, b""

    def retain(self, fake: Fake, key: str, version: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        found = fake.find(key, version)
        if found is None:
            raise _Wrong(404, "NoSuchVersion")
        if fake.leak == "no rights":
            raise _Wrong(403, "AccessDenied")
        given = {each.tag.rpartition("}")[2]: each.text or "" for each in ElementTree.fromstring(body)}
        mode, until = given["Mode"], datetime.fromisoformat(given["RetainUntilDate"])
        if found.mode == "COMPLIANCE" and fake.is_locked(found) and found.until is not None:
            shortens, changes = until < found.until, mode != "COMPLIANCE"
            if (shortens and fake.leak != "shorten") or (changes and fake.leak != "mode"):
                raise _Wrong(403, "AccessDenied")
        found.mode, found.until = mode, until
        return 200, {}, b""

    def delete(self, fake: Fake, key: str, version: str | None) -> tuple[int, dict[str, str], bytes]:
        versions = fake.keys.get(key, [])
        if version is None:
            if fake.leak == "deletes for good":
                fake.keys.pop(key)
                return 204, {}, b""
            marker = Stored(secrets.token_hex(16), marker=True)
            versions.append(marker)
            return 204, {"x-amz-version-id": marker.version, "x-amz-delete-marker": "true"}, b""
        found = fake.find(key, version)
        if found is None:
            return 204, {}, b""
        if fake.leak == "says that it deletes" and not found.marker:
            return 204, {}, b""
        if fake.leak == "delete behind a refusal" and not found.marker:
            versions.remove(found)
            raise _Wrong(403, "AccessDenied")
        if fake.leak == "no right to delete" or (fake.is_locked(found) and fake.leak != "delete"):
            raise _Wrong(403, "AccessDenied")
        versions.remove(found)
        return 204, {"x-amz-version-id": version}, b""


def _listed(fake: Fake, asked: dict[str, str]) -> bytes:
    """A page of versions, in pages of three however many were asked for, so that pages matter."""
    every = [
        (key, one)
        for key, versions in fake.below(asked.get("prefix", "")).items()
        for one in reversed(versions)
        if not (one.marker and fake.leak == "hides markers")
    ]
    place = asked.get("key-marker", ""), asked.get("version-id-marker", "")
    start = next((n + 1 for n, (key, one) in enumerate(every) if (key, one.version) == place), 0)
    page, more = every[start : start + 3], len(every) > start + 3
    lines = [f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"]
    if more:
        lines.append(f"<NextKeyMarker>{page[-1][0]}</NextKeyMarker>")
        lines.append(f"<NextVersionIdMarker>{page[-1][1].version}</NextVersionIdMarker>")
    for key, one in page:
        tag = "DeleteMarker" if one.marker else "Version"
        lines.append(f"<{tag}><Key>{key}</Key><VersionId>{one.version}</VersionId></{tag}>")
    return f'<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{"".join(lines)}</ListVersionsResult>'.encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    fake: Fake


_Handler.log_message = lambda *_: None  # type: ignore[method-assign,assignment]


@contextmanager
def a_bucket() -> Iterator[Fake]:
    """Run a bucket on a free port of this machine."""
    fake = Fake()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.fake = fake
    fake.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()
