"""How a refusal is told: its status, problem details (RFC 9457) under /api, a page elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog
from flask import Flask, Response, g, json, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from approval.errors import (
    Conflict,
    FactorMissing,
    Forbidden,
    Invalid,
    NotFound,
    NotRecorded,
    NotSignedIn,
    PreconditionFailed,
    Problem,
    Refusal,
    TooLarge,
    TooMany,
)

STATUS: dict[type[Refusal], int] = {
    NotSignedIn: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    Invalid: 422,
    TooMany: 429,
    NotRecorded: 503,
    Refusal: 400,
}

_log = structlog.get_logger("approval.web")


@dataclass(frozen=True)
class Page:
    """An error page: what went wrong, what was kept, what to do, and the id to quote."""

    status: int
    title: str
    detail: str
    kept: str = ""
    do: str = ""
    problems: tuple[Problem, ...] = ()
    href: str = ""
    label: str = ""
    request_id: str = ""
    kind: str = "about:blank"
    retry_after: int | None = None


_MOST_PROBLEMS = 50
_KEPT = "Nothing was changed."
_DO = {
    400: "Go back, check the address and try again.",
    401: "Sign in, then try again.",
    403: "If you need this, ask an administrator of your workspace.",
    404: "Check the address, or start from your tasks.",
    405: "Use the buttons of the pages.",
    409: "Reload the page to see how it stands now, then decide again.",
    412: "Reload the page to see how it stands now, then decide again.",
    413: "Send less, or a smaller file.",
    415: "Send one of the types that the page names.",
    422: "Go back and mend what is named above.",
    429: "Wait, then try again.",
    500: "Try again. If it happens again, give your administrator the request id below.",
    503: "Try again in a moment. If it goes on, tell your administrator.",
}


def install(app: Flask) -> None:
    """Turn every refusal and fault in *app* into an answer."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(StaleDataError, _stale)
    app.register_error_handler(IntegrityError, _stale)
    app.register_error_handler(OperationalError, _unanswered)
    app.register_error_handler(Exception, _fault)


def status_of(refusal: Refusal) -> int:
    """Return the status of the closest drawn ancestor."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def _refused(refusal: Refusal) -> Response:
    status = status_of(refusal)
    if status == 401 and request.method == "GET" and not _for_api():
        return redirect(f"/login?next={quote(request.full_path.rstrip('?'), safe='/')}")  # type: ignore[return-value]
    if isinstance(refusal, FactorMissing) and request.method == "GET" and not _for_api():
        return redirect("/account/factor")  # type: ignore[return-value]
    if status in (401, 403, 429):
        _log.info("refused", kind=type(refusal).__name__, status=status)
    return answer(
        Page(
            status=status,
            title=refusal.title,
            detail=refusal.detail,
            kept=_kept(),
            do=_DO[status],
            problems=refusal.problems,
            kind=_kind(type(refusal)),
            retry_after=getattr(refusal, "retry_after", None),
            **_way_on(status),
        )
    )


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    response = answer(_page_of(error, error.code))
    # 405 names what is allowed, 429 and 503 when to come back.
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "www-authenticate"):
            response.headers[name] = value
    return response


def _page_of(error: HTTPException, status: int) -> Page:
    match error:
        case CSRFError():
            title = "This form is no longer valid"
            detail = f"It was opened too long ago, or before you signed in ({error.description})"
            do = "Go back, reload the page, and send the form again."
        case RequestEntityTooLarge():
            title, do = TooLarge.title, _DO[413]
            most = (request.max_content_length or 0) // (1024 * 1024)
            detail = f"The request, or one of its fields, is larger than this address takes (at most {most} MB)."
        case _ if problems := _problems(getattr(error, "data", None)):
            return _invalid(problems)
        case _:
            title, detail = error.name, error.description or error.name
            do = _DO.get(status, _DO[400] if status < 500 else _DO[500])
    return Page(status=status, title=title, detail=detail, kept=_kept(), do=do, kind=_kind(type(error)))


def _invalid(problems: tuple[Problem, ...]) -> Page:
    detail = "; ".join(f"{problem.where}: {problem.what}" for problem in problems[:3])
    more = f" ({len(problems) - 3} more)" if len(problems) > 3 else ""
    return Page(
        status=422,
        title=Invalid.title,
        detail=detail + more,
        kept=_kept(),
        do=_DO[422],
        problems=problems,
        kind=_kind(Invalid),
    )


def _problems(data: Any) -> tuple[Problem, ...]:
    """Return what a schema of the API refused, field by field (webargs puts it beside the error)."""
    places = data.get("messages") if isinstance(data, dict) else None
    if not isinstance(places, dict):
        return ()
    return tuple(problem for messages in places.values() for problem in _each(messages, ""))[:_MOST_PROBLEMS]


def _each(messages: Any, where: str) -> Iterator[Problem]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from _each(inner, ".".join(filter(None, (where, str(name)[:80]))))
    else:
        for what in messages if isinstance(messages, list) else [messages]:
            yield Problem("" if where == "_schema" else where, str(what))


def _stale(error: StaleDataError | IntegrityError) -> Response:
    """Say that somebody else was first; a constraint that two people cannot meet is a fault of the program."""
    if isinstance(error, IntegrityError) and not _is_taken(error):
        return _fault(error)
    _log.warning("conflict", exc_info=error)
    return answer(
        Page(
            status=409,
            title=Conflict.title,
            detail="Somebody else changed this at the same moment.",
            kept=_KEPT,
            do=_DO[409],
            kind=_kind(Conflict),
        )
    )


def _is_taken(error: IntegrityError) -> bool:
    """Say whether what was to be unique is there already (SQLite's result code, PostgreSQL's class 23505)."""
    name = getattr(error.orig, "sqlite_errorname", "")
    unique = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
    return name in unique or getattr(error.orig, "sqlstate", "") == "23505"


def _unanswered(error: Exception) -> Response:
    _log.error("database", exc_info=error)
    return answer(
        Page(
            status=503,
            title=NotRecorded.title,
            detail="The database did not answer in time.",
            kept=_unsure(),
            do=_DO[503],
            kind=_kind(NotRecorded),
        )
    )


def _fault(error: Exception) -> Response:
    _log.error("fault", exc_info=error)
    return answer(
        Page(
            status=500,
            title="Something went wrong on our side",
            detail="This is a fault of the program; it was noted under the request id below.",
            kept=_unsure(),
            do=_DO[500],
            kind="/problems/fault",
        )
    )


# -- two languages -------------------------------------------------------------------------------------------


def answer(page: Page) -> Response:
    """Write an error as problem details under /api, as a page elsewhere."""
    response = Response(problem(page), mimetype="application/problem+json") if _for_api() else _html(page)
    response.status_code = page.status
    if page.retry_after is not None:
        response.headers["Retry-After"] = str(page.retry_after)
    if page.status == 401 and _for_api():
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def problem(page: Page) -> str:
    """Write an error as RFC 9457 problem details."""
    body: dict[str, Any] = {"type": page.kind, "title": page.title}
    body |= {"status": page.status, "detail": page.detail}
    if page.problems:
        body["errors"] = [{"where": p.where, "detail": p.what} for p in page.problems]
    if request_id := g.get("request_id"):
        body["request_id"] = request_id
    return json.dumps(body)


def _html(page: Page) -> Response:
    request_id = g.get("request_id", "")
    page = Page(**{**vars(page), "request_id": request_id})
    try:
        return Response(render_template("errors/error.html", page=page), mimetype="text/html")
    except Exception as error:  # an error page must not need what has just failed
        _log.error("error page", exc_info=error)
        plain = (page.title, page.detail, page.kept, page.do, f"Error {page.status} · request {request_id}")
        head = f"<!doctype html><html lang=en><title>{escape(page.title)}</title>"
        return Response(head + "".join(f"<p>{escape(line)}</p>" for line in plain if line), mimetype="text/html")


def _for_api() -> bool:
    return request.path.startswith("/api/")


def _kind(kind: type[Exception]) -> str:
    words = "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.__name__)
    return f"/problems/{words.strip('-')}"


def _kept() -> str:
    return "" if request.method in ("GET", "HEAD") else _KEPT


def _unsure() -> str:
    """What is kept where it may have been recorded before things went wrong."""
    reads = request.method in ("GET", "HEAD")
    return "" if reads else "It may not have been recorded: load the page again before you repeat it."


def _way_on(status: int) -> dict[str, str]:
    return {"href": "/login", "label": "Sign in"} if status == 401 else {}
