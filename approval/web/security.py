"""What holds for every request and every answer: hosts, origins, CSRF, cookies, headers, caching."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, g, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix

from approval.errors import Forbidden
from approval.settings import Settings, is_loopback
from approval.web.identity import by_token, is_static
from approval.web.numbers import Number
from approval.web.text import Json, Request, ensure_storable

MIB = 1024 * 1024
MAX_REQUEST = 12 * MIB
MAX_FIELDS = 2 * MIB
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
_YEAR = int(timedelta(days=365).total_seconds())

# Bootstrap draws some controls as data: images; nothing else comes from outside this origin.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "media-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    )
)
# A page that needs another value sets it itself; these fill in what is not set.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer, Flask-WTF would refuse every form sent over https.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def install(app: Flask, settings: Settings) -> None:
    """Put the protections of *app* in place."""
    app.request_class = Request
    app.url_map.converters["int"] = Number
    app.json = Json(app)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_REQUEST,
        MAX_FORM_MEMORY_SIZE=MAX_FIELDS,
        MAX_FORM_PARTS=1000,
        SESSION_COOKIE_NAME="__Host-approval-page" if settings.secure else "approval-page",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # The token lives as long as the page session; it is checked below, not by the extension.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    if settings.proxies:
        # The proxy passes the Host header on as it came; it is checked against the base URL.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=0
        )
    csrf = CSRFProtect(app)

    @app.before_request
    def ensure_clean_request() -> None:
        name_request()
        ensure_our_host(settings)
        for text in (request.path, *request.args.values(), *request.args):
            ensure_storable(text)
        if request.method in _UNSAFE and not by_token():
            ensure_our_origin(settings)
            csrf.protect()

    @app.after_request
    def protect(response: Response) -> Response:
        return with_headers(response, secure=settings.secure)

    _version_static_files(app)


def name_request() -> None:
    """Give the request an id, for its answer, its log lines and the entries it causes."""
    g.request_id = secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id, method=request.method, path=request.path)


def ensure_our_host(settings: Settings) -> None:
    """Refuse a Host header that is neither ours nor this machine's: it could be turned into a link."""
    asked = _host(f"//{request.host}")
    if asked is None or not (is_loopback(asked) or asked == _host(settings.base_url or "")):
        raise BadRequest("This server does not answer to that host name. Check APPROVAL_BASE_URL.")


def ensure_our_origin(settings: Settings) -> None:
    """Refuse a change that a page of another site asked for."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("Another site sent this request. Nothing was changed.")
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (settings.base_url, f"{request.scheme}://{request.host}"):
        raise Forbidden("Another site sent this request. Nothing was changed.")


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def with_headers(response: Response, *, secure: bool) -> Response:
    """Add the headers of every answer."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if secure:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}; includeSubDomains")
    if "request_id" in g:
        response.headers["X-Request-Id"] = g.request_id
    if is_static(request.endpoint) and response.status_code in (200, 304):
        response.headers["Cache-Control"] = _static_caching()
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


# -- shipped files -------------------------------------------------------------------------------------------


def static_url(name: str) -> str:
    """Return the address of a shipped file, with a part that changes with its bytes."""
    return url_for("static", filename=name)


def icon_sheet() -> str:
    """Return the address of the icons, made once a request: a page shows some seventy of them."""
    if "icon_sheet" not in g:
        g.icon_sheet = url_for("bootstrap.static", filename="icons/bootstrap-icons.svg")
    address: str = g.icon_sheet
    return address


def _version_static_files(app: Flask) -> None:
    app.add_template_global(static_url)
    app.add_template_global(icon_sheet)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        version = _version(endpoint, values.get("filename")) if is_static(endpoint) else None
        if version is not None:
            values.setdefault("v", version)


def _static_caching() -> str:
    assert request.endpoint is not None
    version = _version(request.endpoint, (request.view_args or {}).get("filename"))
    if version and request.args.get("v") == version:
        return f"public, max-age={_YEAR}, immutable"
    # Modules imported by name carry no version; the browser asks whether they changed.
    return "no-cache"


def _version(endpoint: str, filename: str | None) -> str | None:
    blueprint, _, _ = endpoint.rpartition(".")
    folder = (current_app.blueprints[blueprint] if blueprint else current_app).static_folder
    if folder is None or not filename:
        return None
    path = Path(folder) / filename
    try:
        stat = path.stat()
        return _fingerprint(path, stat.st_mtime_ns, stat.st_size) if path.is_file() else None
    except OSError:
        return None


@lru_cache(maxsize=1024)
def _fingerprint(path: Path, _changed: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
