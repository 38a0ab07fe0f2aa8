"""One's own account: password, sessions, tokens; and what one was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from approval.capabilities import Actor, Capability, can, in_room
from approval.db import reading, transaction
from approval.errors import Invalid, NotFound, Problem, Refusal
from approval.people import queries
from approval.people.forms import ChangePasswordForm, TokenForm, scopes
from approval.people.models import Person, Scope, Token
from approval.people.queries.factors import FactorFacts, factor as factor_of
from approval.people.services import links, passwords, signing, telling, tokens
from approval.people.views.entrance import FormPage
from approval.people.views.knowing import Once, address, agent, is_local, shown_once, this_sign_in
from approval.web.identity import current, origin, set_sign_in, signed_in
from approval.web.paging import format_cursor, parse_cursor

NOTICES = 50
_NEEDED = {Scope.DRAFT: Capability.DRAFT, Scope.EXPORT: Capability.EXPORT}
"""What somebody must be able to do somewhere for a token of this scope to reach further than one that reads."""


@dataclass(frozen=True)
class AccountPage:
    """What a person may know and change about their own account."""

    me: Actor
    zone: str
    workspaces: tuple[tuple[str, str], ...]
    sign_ins: tuple[queries.SignInFacts, ...]
    tokens: tuple[queries.TokenFacts, ...]
    token_form: TokenForm
    factor: FactorFacts | None
    rooms: tuple[tuple[str, str, datetime], ...]
    """The title of each workspace where one has a room, its name, and when the room ends."""


@dataclass(frozen=True)
class NoticesPage:
    """What a person was told."""

    notices: tuple[queries.NoticeFacts, ...]
    titles: Mapping[str, str]
    zones: Mapping[str, str]
    unread: int
    next_url: str | None


def add_to(blueprint: Blueprint) -> None:
    """Add these pages."""
    for rule, view, methods in (
        ("/account", account, ["GET"]),
        ("/account/password", password, ["GET", "POST"]),
        ("/account/sessions/end", end_sessions, ["POST"]),
        ("/account/tokens", create_token, ["POST"]),
        ("/account/tokens/<int:token>/revoke", revoke_token, ["POST"]),
        ("/notices", notices, ["GET"]),
        ("/notices/read", read_notices, ["POST"]),
    ):
        blueprint.add_url_rule(rule, view_func=view, methods=methods)


@signed_in
def account() -> str:
    """Show one's own account."""
    return _account(_token_form())


def _token_form() -> TokenForm:
    """Return the form with the scopes that one can use."""
    form, me = TokenForm(), current()
    form.scope.choices = scopes(scope for scope in Scope if scope not in _NEEDED or _can_use(me, _NEEDED[scope]))
    return form


def _can_use(me: Actor, capability: Capability) -> bool:
    return any(can(me, capability, name) or in_room(me, capability, name) for name in me.workspaces)


def _account(form: TokenForm) -> str:
    me = current()
    with reading() as session:
        places = [facts for facts in queries.workspaces(session) if facts.name in me.workspaces]
        page = AccountPage(
            me=me,
            zone=places[0].zone if places else "UTC",
            workspaces=tuple((facts.title, _roles(me, facts.name)) for facts in places if facts.name not in me.rooms),
            rooms=tuple((f.title, f.name, me.rooms[f.name].ends_at) for f in places if f.name in me.rooms),
            factor=factor_of(session, me.id),
            sign_ins=queries.sign_ins(session, me.id, this=this_sign_in()),
            tokens=queries.tokens(session, me.id),
            token_form=form,
        )
    return render_template("people/account.html", page=page)


def _roles(me: Actor, workspace: str) -> str:
    return ", ".join(sorted(me.roles_in(workspace)))


@signed_in
def password() -> AnyResponse | tuple[str, int] | str:
    """Change one's own password; every session but this ends."""
    form = ChangePasswordForm()
    if request.method == "GET":
        return render_template("people/password.html", page=FormPage(form))
    if form.validate():
        try:
            return _changed(form)
        except Invalid as refusal:
            form.refused(refusal)
    return render_template("people/password.html", page=FormPage(form)), 422


def _changed(form: ChangePasswordForm) -> AnyResponse:
    me = current()
    passwords.ensure_acceptable(form.password.data, email=me.email, name=me.name)
    with transaction(origin()) as session:
        tried = signing.attempt(session, email=me.email, address=address(), local=is_local())
    if not passwords.matches(tried.stored, form.current.data):
        what = "This is not your current password."
        raise Invalid(what, problems=(Problem("current", what),))
    kept = passwords.hashed(form.password.data)
    with transaction(origin()) as session:
        signing.succeeded(session, tried)
        person = session.get_one(Person, me.id)
        links.set_password(session, person, password=kept, by=me.id, through="change")
        secret = signing.begin(session, person, address=address(), agent=agent())
    response = redirect(url_for("people.account"))
    set_sign_in(response, secret)
    flash("Your password is changed. Every other session has ended.", "success")
    return response


@signed_in
def end_sessions() -> AnyResponse:
    """End one of one's own sessions, or all but this."""
    me, this = current(), this_sign_in()
    wanted = request.form.get("session", "")
    with transaction(origin()) as session:
        others = [facts.id for facts in queries.sign_ins(session, me.id, this=this) if not facts.this]
        for id_ in others if wanted == "others" else [wanted]:
            signing.end(session, _digest(id_), by=me.id, person=me.id)
    flash("The session has ended." if wanted != "others" else "Every other session has ended.", "success")
    return redirect(url_for("people.account"))


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise NotFound("There is no such session.")
    return digest


@signed_in
def create_token() -> AnyResponse | tuple[str, int]:
    """Make a token of one's own and show it once."""
    form, me = _token_form(), current()
    if form.validate():
        try:
            with transaction(origin()) as session:
                person = session.get_one(Person, me.id)
                _, secret = tokens.create(
                    session,
                    person,
                    name=form.name.data,
                    scope=Scope(form.scope.data),
                    days=form.days.data,
                    by=me.id,
                )
        except Refusal as refusal:
            form.refused(refusal)
        else:
            return shown_once(_token_page(form.name.data, secret))
    return _account(form), 422


def _token_page(name: str, secret: str) -> Once:
    return Once(
        title=f"Token “{name}”",
        detail="Copy it now: it is not kept, and nothing shows it again.",
        label="Token",
        secret=secret,
        href=url_for("people.account"),
        note="Send it as “Authorization: Bearer …”. Whoever has it acts as you, within its scope.",
    )


@signed_in
def revoke_token(token: int) -> AnyResponse:
    """Make one of one's own tokens stop working."""
    me = current()
    with transaction(origin()) as session:
        row = session.get(Token, token)
        if row is None or row.person != me.id:
            raise NotFound("There is no such token.")
        tokens.revoke(session, row, by=me.id)
    flash("The token is revoked.", "success")
    return redirect(url_for("people.account"))


@signed_in
def notices() -> str:
    """Show what one was told."""
    me = current()
    before = parse_cursor(request.args.get("before"), int)
    with reading() as session:
        places = queries.workspaces(session)
        found = queries.notices(session, me.id, before=int(str(before[0])) if before else None, limit=NOTICES + 1)
        shown = found[:NOTICES]
        more = url_for("people.notices", before=format_cursor(shown[-1].id)) if len(found) > NOTICES else None
        page = NoticesPage(
            notices=shown,
            titles={facts.name: facts.title for facts in places},
            zones={facts.name: facts.zone for facts in places},
            unread=queries.unread(session, me.id),
            next_url=more,
        )
    return render_template("people/notices.html", page=page)


@signed_in
def read_notices() -> AnyResponse:
    """Mark everything one was told as read."""
    with transaction(origin()) as session:
        telling.read_all(session, current().id)
    return redirect(url_for("people.notices"))
