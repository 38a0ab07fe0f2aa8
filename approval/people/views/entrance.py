"""Signing in and out, accepting an invitation, and choosing a new password by a link."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Response, flash, redirect, render_template, request, session as page_session, url_for
from werkzeug.wrappers import Response as AnyResponse

from approval import clock
from approval.db import Session, reading, transaction
from approval.errors import NotFound, NotSignedIn, Refusal, TooMany
from approval.people import queries
from approval.people.forms import ChoosePasswordForm, CodeForm, ExaminerForm, ForgotForm, Form, SignInForm
from approval.people.models import LinkKind, Person
from approval.people.queries.rooms import is_over
from approval.people.services import accounts, factors, links, passwords, signing, throttling
from approval.people.services.accounts import person_with
from approval.people.views.knowing import address, agent, is_local, this_sign_in
from approval.web.identity import caller, clear_sign_in, hooks, left_room, origin, public, set_sign_in

HOME, ROOM = "/tasks", "/records/room"
_HALF, _ONWARD = "half", "onward"
FORGOT_TAKES = 0.3
"""Seconds that an answer to /forgot takes, for an address that has an account as for one that has none."""


@dataclass(frozen=True)
class FormPage:
    """A page of one form."""

    form: Form
    name: str = ""
    email: str = ""
    done: bool = False
    examines: bool = False
    ended: str = ""


def add_to(blueprint: Blueprint) -> None:
    """Add these pages."""
    blueprint.add_url_rule("/login", view_func=login, methods=["GET", "POST"])
    blueprint.add_url_rule("/login/code", view_func=login_code, methods=["GET", "POST"])
    blueprint.add_url_rule("/logout", view_func=logout, methods=["POST"])
    blueprint.add_url_rule("/invitation/<secret>", view_func=invitation, methods=["GET", "POST"])
    blueprint.add_url_rule("/reset/<secret>", view_func=reset, methods=["GET", "POST"])
    blueprint.add_url_rule("/forgot", view_func=forgot, methods=["GET", "POST"])


@public
def login() -> AnyResponse | tuple[str, int] | str:
    """Sign in."""
    form = SignInForm(data={"next": request.args.get("next", "")})
    if request.method == "GET":
        with reading() as session:
            if queries.is_empty(session):
                return redirect(url_for("people.setup"))
        if caller() is not None:
            return redirect(local_target(form.next.data))
        return render_template("people/login.html", page=FormPage(form, ended=_ended()))
    status = 422
    if form.validate():
        try:
            return _signed_in(form)
        except TooMany as refusal:
            status, form.form_errors = 429, [refusal.detail]
        except WrongPassword:
            status, form.form_errors = 401, [signing.WRONG]
    return render_template("people/login.html", page=FormPage(form)), status


def _ended() -> str:
    """Say that their room has ended to whoever stood in it as it did, and has not signed out since."""
    room = left_room()
    if room is None:
        return ""
    with reading() as session:
        return signing.SHUT if is_over(session, room) else ""


class WrongPassword(Exception):
    """Address and password do not belong together; the answer is the same whatever the reason."""


def _signed_in(form: SignInForm) -> AnyResponse:
    with transaction(origin()) as session:
        tried = signing.attempt(session, email=form.email.data, address=address(), local=is_local())
    # Between two transactions: a lock must not wait for the hash.
    right = passwords.matches(tried.stored, form.password.data)
    outdated = right and tried.stored is not None and passwords.is_outdated(tried.stored)
    rehashed = passwords.hashed(form.password.data) if outdated else None
    with transaction(origin()) as session:
        before = this_sign_in()
        secret = signing.sign_in(session, tried, right=right, address=address(), agent=agent(), rehashed=rehashed)
        onward = local_target(form.next.data) if form.next.data else home_of(session, tried.person)
        if secret is not None and before is not None:
            signing.replace(session, before)
    if secret is None:
        raise WrongPassword
    return _entered(secret, onward)


def home_of(session: Session, person: str | None) -> str:
    """Return the first page of somebody: an examiner's is their room."""
    actor = None if person is None else queries.actor_of(session, person)
    return ROOM if actor is not None and actor.rooms else HOME


def _entered(entered: str | signing.Half, onward: str) -> AnyResponse:
    """Let somebody in, or ask for the code of their second factor first."""
    if isinstance(entered, signing.Half):
        page_session.clear()
        page_session[_HALF], page_session[_ONWARD] = entered.secret, onward
        return redirect(url_for("people.login_code"))
    response = redirect(onward)
    set_sign_in(response, entered)
    return response


@public
def login_code() -> AnyResponse | tuple[str, int] | str:
    """Give the code of the second factor."""
    form, half = CodeForm(), page_session.get(_HALF)
    if not half:
        return redirect(url_for("people.login"))
    if request.method == "GET":
        return render_template("people/code.html", page=FormPage(form))
    status = 422
    if form.validate():
        try:
            with transaction(origin()) as session:
                given = {"address": address(), "agent": agent(), "key": hooks().settings.secret_key}
                secret = factors.finish(session, half, form.code.data, **given)
            if secret is not None:
                return _entered(secret, local_target(page_session.get(_ONWARD)))
            status, form.form_errors = 401, [factors.WRONG]
        except TooMany as refusal:
            status, form.form_errors = 429, [refusal.detail]
        except NotSignedIn as refusal:
            flash(refusal.detail, "warning")
            return redirect(url_for("people.login"))
    return render_template("people/code.html", page=FormPage(form)), status


@public
def logout() -> AnyResponse:
    """Sign out."""
    asking, sign_in = caller(), this_sign_in()
    if asking is not None and sign_in is not None:
        with transaction(origin()) as session:
            signing.end(session, sign_in, by=asking.actor.id, person=asking.actor.id)
    response = redirect(url_for("people.login"))
    clear_sign_in(response)
    flash("You are signed out.", "success")
    return response


@public
def invitation(secret: str) -> AnyResponse | tuple[str, int] | str:
    """Choose the first password of an invited account."""
    return _choose(secret, LinkKind.INVITATION)


@public
def reset(secret: str) -> AnyResponse | tuple[str, int] | str:
    """Choose a new password."""
    return _choose(secret, LinkKind.RESET)


def _choose(secret: str, kind: LinkKind) -> AnyResponse | tuple[str, int] | str:
    if len(secret) > 100:
        raise NotFound(links.GONE)
    with reading() as session:
        person = queries.link_owner(session, secret, kind)
        actor = None if person is None else queries.actor_of(session, person.person)
    if person is None or actor is None:
        raise NotFound(links.GONE)
    examines = kind is LinkKind.INVITATION and bool(actor.rooms) and not set(actor.roles) - set(actor.rooms)
    form = ExaminerForm(data={"name": person.name}) if examines else ChoosePasswordForm()
    page = FormPage(form, name=person.name, email=person.email, examines=examines)
    if request.method == "GET":
        return render_template(f"people/{kind}.html", page=page)
    if form.validate():
        try:
            passwords.ensure_acceptable(form.password.data, email=person.email, name=person.name)
        except Refusal as refusal:
            form.refused(refusal)
        else:
            return _chosen(
                secret, kind, passwords.hashed(form.password.data), name=form.name.data if examines else None
            )
    return render_template(f"people/{kind}.html", page=page), 422


def _chosen(secret: str, kind: LinkKind, password: str, *, name: str | None) -> AnyResponse:
    with transaction(origin()) as session:
        person: Person = links.accept(session, secret, kind, password=password)
        if name is not None:
            accounts.rename(session, person, name, by=person.id)
        entered = signing.enter(session, person, address=address(), agent=agent())
        onward = home_of(session, person.id)
    response = _entered(entered, onward)
    whole = not isinstance(entered, signing.Half)
    flash("Your password is set, and you are signed in." if whole else "Your password is set.", "success")
    return response


@public
def forgot() -> Response | tuple[str, int] | str:
    """Ask for a link to choose a new password. The answer never says whether there is an account."""
    form = ForgotForm()
    if request.method == "GET":
        return render_template("people/forgot.html", page=FormPage(form))
    if not form.validate():
        return render_template("people/forgot.html", page=FormPage(form)), 422
    began = clock.monotonic()
    with transaction(origin()) as session:
        throttling.count_attempt(session, "forgot:" + throttling.account_key(form.email.data))
        throttling.count_attempt(session, "forgot:" + throttling.address_key(address()))
        person = person_with(session, form.email.data)
        if person is not None and person.disabled_at is None:
            kind = LinkKind.RESET if person.password else LinkKind.INVITATION
            links.send_link(session, person, kind, by="anonymous", key=hooks().settings.secret_key)
    time.sleep(max(0.0, FORGOT_TAKES - (clock.monotonic() - began)))
    return render_template("people/forgot.html", page=FormPage(form, done=True))


def local_target(target: str | None) -> str:
    """Return *target* where it is a path of this server, else the first page."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return HOME
    if any(ord(c) < 33 or c == "\\" for c in target) or len(target) > 2000:
        return HOME
    parts = urlsplit(target)
    return HOME if parts.scheme or parts.netloc else target
