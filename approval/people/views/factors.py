"""One's own second factor, and of whom a workspace asks one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

import segno
from flask import Blueprint, flash, redirect, render_template, request, session as page_session, url_for
from werkzeug.wrappers import Response as AnyResponse

from approval.capabilities import Capability, Role
from approval.db import Session, reading, transaction
from approval.errors import Invalid, Problem, TooMany
from approval.people import queries
from approval.people.forms import CodeForm, EnrolForm, FactorRolesForm
from approval.people.models import Person, Workspace
from approval.people.queries.factors import FactorFacts, factor as factor_of, is_asked
from approval.people.services import accounts, factors
from approval.people.services.secrets import open_secret, seal_secret
from approval.people.views.administration import member_row
from approval.people.views.entrance import home_of
from approval.people.views.knowing import address
from approval.web.identity import caller, current, enrolling, hooks, origin, require, signed_in, workspace

_WAITING = "factor"
_LIGHT, _DARK = "#fff", "#000"


@dataclass(frozen=True)
class EnrolPage:
    """The form of a second factor: the QR code as an image, the secret to type, and what is replaced."""

    form: EnrolForm
    image: str
    secret: str
    email: str
    replaced: FactorFacts | None
    asked: bool


@dataclass(frozen=True)
class CodesPage:
    """Recovery codes, shown once."""

    codes: tuple[str, ...]
    href: str


@dataclass(frozen=True)
class FactorPage:
    """What may be done with the second factor that one has."""

    form: CodeForm
    factor: FactorFacts
    zone: str
    asked: bool


def add_to(blueprint: Blueprint) -> None:
    """Add these pages."""
    for rule, view, methods in (
        ("/account/factor", factor, ["GET", "POST"]),
        ("/account/factor/codes", new_codes, ["POST"]),
        ("/account/factor/remove", remove_factor, ["POST"]),
        ("/admin/people/<id_>/factor/reset", reset_factor, ["POST"]),
        ("/admin/workspace/factor", ask_factor, ["POST"]),
    ):
        blueprint.add_url_rule(rule, view_func=view, methods=methods)


# -- one's own ---------------------------------------------------------------------------------------------------


@enrolling
def factor() -> AnyResponse | tuple[str, int] | str:
    """Set up a second factor, or see the one that one has; `move` sets it up anew, on another device."""
    me = current()
    with reading() as session:
        mine = factor_of(session, me.id)
    if mine is not None and request.method == "GET" and "move" not in request.args:
        return _shown(mine, CodeForm())
    if request.method == "POST" and _WAITING not in page_session:
        return redirect(url_for("people.factor"))
    form = EnrolForm()
    if request.method == "GET":
        return _enrolling(form, mine)
    if form.validate():
        try:
            codes = _enrolled(form)
        except TooMany as refusal:
            form.form_errors = [refusal.detail]
            return _enrolling(form, mine), 429
        except Invalid as refusal:
            form.refused(refusal)
        else:
            if codes is not None:
                page_session.pop(_WAITING, None)
                return _codes(codes)
            form.refused(Invalid(factors.WRONG, problems=(Problem("current", factors.WRONG),)))
    return _enrolling(form, mine), 422


def _enrolled(form: EnrolForm) -> tuple[str, ...] | None:
    """Keep the new factor and return its recovery codes; None where the code of the one before is wrong."""
    key, me = hooks().settings.secret_key, current()
    with transaction(origin()) as session:
        person = session.get_one(Person, me.id)
        if factor_of(session, me.id) is not None and not factors.takes_code(
            session, person, form.current.data or "", address=address(), key=key
        ):
            return None
        return factors.enrol(session, person, _waiting(), code=form.code.data, key=key)


def _waiting() -> str:
    """Return the secret that waits to be set up: in the page session, encrypted, until a code proves it."""
    key = hooks().settings.secret_key
    if sealed := page_session.get(_WAITING):
        return open_secret(key, base64.b64decode(sealed)).decode()
    secret = factors.new_secret()
    page_session[_WAITING] = base64.b64encode(seal_secret(key, secret.encode())).decode()
    return secret


def _enrolling(form: EnrolForm, mine: FactorFacts | None) -> str:
    secret, me, asking = _waiting(), current(), caller()
    drawn = segno.make(factors.address_of(secret, me.email), error="m", micro=False)
    page = EnrolPage(
        form=form,
        image=drawn.svg_data_uri(scale=5, border=4, dark=_DARK, light=_LIGHT),
        secret=" ".join(secret[n : n + 4] for n in range(0, len(secret), 4)),
        email=me.email,
        replaced=mine,
        asked=asking is not None and asking.owes_factor,
    )
    return render_template("people/enrol.html", page=page)


def _codes(codes: tuple[str, ...]) -> str:
    with reading() as session:
        onward = home_of(session, current().id)
    return render_template("people/codes.html", page=CodesPage(codes, onward))


def _shown(mine: FactorFacts, form: CodeForm) -> str:
    me = current()
    with reading() as session:
        places = [facts.zone for facts in queries.workspaces(session) if facts.name in me.workspaces]
        page = FactorPage(form, mine, places[0] if places else "UTC", is_asked(session, me))
    return render_template("people/factor.html", page=page)


@signed_in
def new_codes() -> AnyResponse | tuple[str, int] | str:
    """Make new recovery codes; those before are void."""
    return _with_code(factors.renew_codes)


@signed_in
def remove_factor() -> AnyResponse | tuple[str, int] | str:
    """Do without a second factor, where none is asked."""

    def remove(session: Session, person: Person) -> None:
        factors.ensure_may_remove(session, current())
        factors.remove(session, person, by=person.id)

    return _with_code(remove)


def _with_code(act: Callable[[Session, Person], tuple[str, ...] | None]) -> AnyResponse | tuple[str, int] | str:
    """Do something to one's second factor for whoever gives a code of it."""
    form, me = CodeForm(), current()
    with reading() as session:
        mine = factor_of(session, me.id)
    if mine is None:
        return redirect(url_for("people.factor"))
    if not form.validate():
        return _shown(mine, form), 422
    with transaction(origin()) as session:
        person = session.get_one(Person, me.id)
        given = {"address": address(), "key": hooks().settings.secret_key}
        right = factors.takes_code(session, person, form.code.data, **given)
        codes = act(session, person) if right else None
    if not right:
        form.refused(Invalid(factors.WRONG, problems=(Problem("code", factors.WRONG),)))
        return _shown(mine, form), 422
    if codes is not None:
        return _codes(codes)
    flash("Your second factor is taken away.", "success")
    return redirect(url_for("people.account"))


# -- administration ----------------------------------------------------------------------------------------------


@require(Capability.ADMINISTER)
def reset_factor(id_: str) -> AnyResponse:
    """Take away the second factor of somebody who lost the device; they are told."""
    with transaction(origin()) as session:
        person = member_row(session, id_)
        accounts.ensure_may_close(session, person, by=current())
        factors.reset(session, person, by=current().id)
        name = person.name
    flash(f"The second factor of {name} is taken away. They are told.", "success")
    return redirect(url_for("people.person", id_=id_, workspace=workspace()))


@require(Capability.ADMINISTER)
def ask_factor() -> AnyResponse:
    """Ask a second factor of whoever holds one of the chosen roles."""
    form, name = FactorRolesForm(), workspace()
    if not form.validate():
        raise Invalid("Choose among the roles that the page names.")
    with transaction(origin()) as session:
        row = session.get_one(Workspace, name)
        changed = factors.ask_of(session, row, {Role(role) for role in form.roles.data or ()}, by=current().id)
    told = "Whoever has none sets it up on the next page that they open." if changed else "Nothing differed."
    flash(told, "success")
    return redirect(url_for("people.change_workspace", workspace=name))
