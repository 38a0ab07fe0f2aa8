"""Who asks, what they may do, and in which workspace. What needs tables is handed in by app.py as `Hooks`.

A person is known by our own cookie, a random id of a sign-in that the server keeps and can end, or by an API
token. Flask's signed session cookie can be read by its owner and never be revoked: it carries the CSRF token,
messages, the workspace last looked at and the room last stood in, never an identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Protocol, TypeVar, overload

import flask_login
from flask import Flask, Request, current_app, g, request, session as page_session
from werkzeug.wrappers import Response

from approval.capabilities import Actor, Capability, InWorkspace, Room, can, holders, in_room
from approval.db import Origin
from approval.errors import (
    CapabilityMissing,
    FactorMissing,
    Forbidden,
    Invalid,
    NotFound,
    NotSignedIn,
    Problem,
    ScopeMissing,
)
from approval.settings import Settings

READ, DRAFT, EXPORT = "read", "draft", "export"
_REACH = {READ: {READ}, DRAFT: {READ, DRAFT}, EXPORT: {READ, EXPORT}}
_CHOSEN, _STOOD_IN = "workspace", "room"
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
_LONGEST_ABOUT = 200

NOT_HERE = "There is no such page, or none that you may see."
"""What is told of another workspace's things and of things that are nowhere: neither is known from the other."""

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Caller:
    """Whoever asks: the actor, and either the sign-in (an id safe to log) or the scope of the token used.

    `owes_factor`: a second factor is asked of them, and they may do nothing but set it up.
    """

    actor: Actor
    sign_in: str | None = None
    scope: str | None = None
    owes_factor: bool = False


class Known(Protocol):
    """What Flask-Login is given for a caller."""

    caller: Caller


@dataclass(frozen=True)
class Hooks:
    """What the views need of the domains above them, handed in by app.py.

    `shows` says whether a room shows what happened to a post at an instant; `looked` records, before the answer
    leaves, what an examiner looked at: the actor, the workspace, the page and what it is about.
    """

    settings: Settings
    identify: Callable[[Request], Known | None]
    names: Callable[[Iterable[str]], Mapping[str, str]]
    create_workspace: Callable[..., Any]
    shows: Callable[[Room, int, datetime | None], bool] = lambda room, post, at: False
    looked: Callable[[Actor, str, str, str], None] | None = None


def install(app: Flask, hooks: Hooks) -> None:
    """Make *app* know its callers, and refuse every route that says nothing about who may use it."""
    app.extensions["approval"] = hooks
    # A cookie that remembers a person could not be revoked; session protection would write to the page session.
    app.config.update(SESSION_PROTECTION=None, REMEMBER_COOKIE_NAME="")
    manager = flask_login.LoginManager(app, add_context_processor=False)
    manager.request_loader(hooks.identify)
    app.before_request(ensure_guarded)


def hooks() -> Hooks:
    """Return what app.py handed in."""
    handed: Hooks = current_app.extensions["approval"]
    return handed


# -- who -----------------------------------------------------------------------------------------------------


def caller() -> Caller | None:
    """Return whoever asks, or None; asked once per request."""
    known: Caller | None = getattr(flask_login.current_user, "caller", None)
    return known


def current() -> Actor:
    """Return the signed-in person, or refuse."""
    asking = caller()
    if asking is None:
        raise NotSignedIn("Sign in to see this page.")
    return asking.actor


def who(ids: Iterable[str]) -> Mapping[str, str]:
    """Return the names of the actors with these ids."""
    return hooks().names(ids)


def origin() -> Origin:
    """Return where a change made now comes from, as its entries state it."""
    asking = caller()
    method = None if asking is None else f"token:{asking.scope}" if asking.scope else "session"
    return Origin(request=g.get("request_id"), session=asking.sign_in if asking else None, method=method)


def by_token() -> bool:
    """Say whether this request names a token. Then it is never a session, whatever its cookies say."""
    return request.headers.get("Authorization", "").lower().startswith("bearer ")


# -- guards --------------------------------------------------------------------------------------------------


def public(view: View) -> View:
    """Let anybody use a route, signed in or not."""
    view.guard = "public"  # type: ignore[attr-defined]
    return view


@overload
def signed_in(view: View) -> View: ...


@overload
def signed_in(view: None = None, *, scope: str | None = None) -> Callable[[View], View]: ...


def signed_in(view: View | None = None, *, scope: str | None = None) -> View | Callable[[View], View]:
    """Let any signed-in person use a route; a token only where *scope* says which it needs."""

    def guard(wrapped: View) -> View:
        return _guarded(wrapped, "signed in", lambda: ensure_scope(scope))

    return guard if view is None else guard(view)


def enrolling(view: View) -> View:
    """Let any signed-in person use a route, also one who has yet to set up the second factor asked of them."""
    view.guard = "signed in"  # type: ignore[attr-defined]

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        ensure_scope(None)
        return view(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def require(capability: Capability, *, scope: str | None = None) -> Callable[[View], View]:
    """Let those use a route who hold *capability* in the page's workspace.

    A view of one object is `signed_in` and asks `ensure_may` with the object itself. Tokens are refused unless
    *scope* names the scope they need.
    """

    def check() -> None:
        ensure_scope(scope)
        ensure_may(capability, workspace())

    return lambda view: _guarded(view, str(capability), check)


def _guarded(view: View, guard: str, check: Callable[[], None]) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        ensure_enrolled()
        check()
        answer = view(*args, **kwargs)
        _note_look(answer)
        return answer

    guarded.guard = guard  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def guard_of(app: Flask, endpoint: str, method: str) -> str | None:
    """Return what a route says about who may use it; None where it says nothing."""
    view: Any = app.view_functions[endpoint]
    if method == "HEAD":
        method = "GET"
    handler = getattr(getattr(view, "view_class", None), method.lower(), None)
    guard: str | None = getattr(handler, "guard", getattr(view, "guard", None))
    return guard or ("public" if is_static(endpoint) or method == "OPTIONS" else None)


def is_static(endpoint: str | None) -> bool:
    """Say whether an endpoint serves shipped files."""
    return endpoint is not None and (endpoint == "static" or endpoint.endswith(".static"))


def ensure_guarded() -> None:
    """Refuse a route without a guard: what nobody thought about, nobody may use."""
    if request.endpoint and guard_of(current_app, request.endpoint, request.method) is None:
        raise Forbidden("This address is not open to anybody.")


def ensure_enrolled() -> None:
    """Refuse whoever has yet to set up the second factor that is asked of them."""
    asking = caller()
    if asking is not None and asking.owes_factor:
        raise FactorMissing("A second factor is asked of you. Sign in with a browser and set it up.")


def ensure_scope(scope: str | None) -> None:
    """Refuse nobody, and a token that does not reach as far as *scope* (None: no token does)."""
    current()
    asking = caller()
    assert asking is not None
    if asking.scope is None:
        return
    if scope is None:
        raise ScopeMissing("This needs a person's session: a token cannot do it.")
    if scope not in _REACH[asking.scope]:
        raise ScopeMissing(f"This needs a token of the scope {scope}; this one has {asking.scope}.")


def ensure_may(capability: Capability, where: str | InWorkspace) -> None:
    """Refuse whoever lacks *capability* in the workspace *where*; for strangers there is no such thing."""
    actor = current()
    g.asked_workspace = _name(where)
    if can(actor, capability, where):
        return
    if not can(actor, Capability.READ, where):
        raise NotFound(NOT_HERE)
    roles = ", ".join(sorted(holders(capability)))
    raise CapabilityMissing(f"This needs the capability “{capability}”, which these roles have: {roles}.")


# -- rooms ---------------------------------------------------------------------------------------------------
#
# An examiner whose room has limits holds no role, so that every route is closed to them, but for those that ask here.


def ensure_may_see(
    capability: Capability, where: str | InWorkspace, *, post: int | None, at: datetime | None = None
) -> None:
    """Refuse whoever may not see what is about *post* and happened *at*, by a role or in a room that shows it."""
    if not (post is not None and _has_room(capability, where) and hooks().shows(_room(where), post, at)):
        ensure_may(capability, where)


def ensure_may_see_own(capability: Capability, where: str | InWorkspace, *, by: str) -> None:
    """Refuse whoever may not see what *by* asked for, by a role or because they asked for it in a room."""
    if not (_has_room(capability, where) and by == current().id):
        ensure_may(capability, where)


def ensure_may_prove(where: str | InWorkspace) -> None:
    """Refuse whoever has neither a role that reads the log nor a room: hashes and signatures show nobody's words."""
    if not _has_room(Capability.READ_AUDIT, where):
        ensure_may(Capability.READ_AUDIT, where)


def _has_room(capability: Capability, where: str | InWorkspace) -> bool:
    g.asked_workspace = _name(where)
    return in_room(current(), capability, _name(where))


def _room(where: str | InWorkspace) -> Room:
    return current().rooms[_name(where)]


def room() -> Room:
    """Return the caller's room: in the workspace that the request names, else the first. Nobody else has its page."""
    rooms, named = current().rooms, _named()
    found = rooms.get(named or min(rooms)) if rooms else None
    if found is None:
        raise NotFound(NOT_HERE)
    g.asked_workspace = found.workspace
    return found


def left_room() -> int | None:
    """Return the room that this browser stood in and never signed out of, in a cookie that we signed; None for none."""
    found: int | None = page_session.get(_STOOD_IN)
    return found


def _name(where: str | InWorkspace) -> str:
    return where if isinstance(where, str) else where.workspace


def _note_look(answer: Any) -> None:
    """Record what somebody with a room looked at; where that fails, they are not shown it."""
    asking, looked = caller(), hooks().looked
    if asking is None or not asking.actor.rooms or request.method in _UNSAFE:
        return
    if isinstance(answer, Response) and 300 <= answer.status_code < 400:
        return
    assert looked is not None, "whoever makes rooms hands in how looks are recorded"
    rooms, here = asking.actor.rooms, g.get("asked_workspace")
    if here is not None and here not in rooms:
        return  # Where they have a role they are no guest.
    stood = rooms[here or min(rooms)]
    about = " ".join(f"{name} {value}" for name, value in sorted((request.view_args or {}).items()))
    looked(asking.actor, stood.workspace, request.endpoint or "", about[:_LONGEST_ABOUT])
    if not by_token() and page_session.get(_STOOD_IN) != stood.id:
        page_session[_STOOD_IN] = stood.id


@contextmanager
def unseen() -> Iterator[None]:
    """Tell of a thing that is nowhere in the words for one that this person may not see."""
    try:
        yield
    except NotFound as refusal:
        raise NotFound(NOT_HERE) from refusal


# -- where ---------------------------------------------------------------------------------------------------


def workspace() -> str:
    """Return the workspace of this page: the one the request names, else the last one seen, else the first.

    A change never rests on memory where there is a choice: another tab may look at another workspace by now.
    """
    mine = sorted(current().roles)
    if not mine and current().rooms:
        raise NotFound(NOT_HERE)
    if not mine:
        raise Forbidden("You hold no role in any workspace. Ask an administrator to give you one.")
    changing = request.method in _UNSAFE
    if named := _named():
        if named not in mine:
            raise NotFound("There is no such workspace, or none that you may see.")
        if not changing and not by_token():
            _remember(named)
        return named
    if changing and len(mine) > 1:
        what = f"Name the workspace: one of {', '.join(mine)}."
        raise Invalid(what, problems=(Problem(_CHOSEN, what),))
    remembered = None if by_token() else page_session.get(_CHOSEN)
    return remembered if remembered in mine else mine[0]


def _named() -> str | None:
    named = request.args.get(_CHOSEN) or request.form.get(_CHOSEN)
    if not named and request.is_json:
        body = request.get_json(silent=True)
        named = body.get(_CHOSEN) if isinstance(body, dict) else None
    return named if isinstance(named, str) else None


def _remember(name: str) -> None:
    if page_session.get(_CHOSEN) != name:
        page_session[_CHOSEN] = name


# -- the cookie ----------------------------------------------------------------------------------------------


def sign_in_cookie(settings: Settings) -> str:
    """Return the name of the cookie that holds the id of a sign-in."""
    return "__Host-approval" if settings.secure else "approval"


def set_sign_in(response: Response, secret: str) -> None:
    """Give the browser the secret id of a sign-in, and a new page session."""
    settings = hooks().settings
    page_session.clear()
    response.set_cookie(
        sign_in_cookie(settings), secret, path="/", secure=settings.secure, httponly=True, samesite="Lax"
    )


def clear_sign_in(response: Response) -> None:
    """Take the id of the sign-in, and the page session, away from the browser."""
    settings = hooks().settings
    page_session.clear()
    response.delete_cookie(sign_in_cookie(settings), path="/", secure=settings.secure, httponly=True, samesite="Lax")
