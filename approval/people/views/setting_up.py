"""The first start: one workspace, its administrator, and the second person without whom nothing can be approved."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import available_timezones

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from approval.audit.models.keys import Keys
from approval.capabilities import Role
from approval.db import Session, reading, transaction
from approval.errors import NotFound, Refusal
from approval.people import queries
from approval.people.forms import SetupForm
from approval.people.models import LinkKind
from approval.people.services import accounts, links, passwords, signing
from approval.people.views.knowing import Once, address, agent, shown_once
from approval.web.identity import hooks, origin, public, set_sign_in

BY = "setup"
"""Who acts before there is anybody."""


@dataclass(frozen=True)
class SetupPage:
    """The form of the first start."""

    form: SetupForm
    zones: tuple[str, ...]
    mails: bool


def add_to(blueprint: Blueprint) -> None:
    """Add this page."""
    blueprint.add_url_rule("/setup", view_func=setup, methods=["GET", "POST"])


@public
def setup() -> AnyResponse | tuple[str, int] | str:
    """Create the first workspace and its administrator, once."""
    with reading() as session:
        ensure_first(session)
    form = SetupForm()
    page = SetupPage(form, tuple(sorted(available_timezones())), hooks().settings.smtp_url is not None)
    if request.method == "GET":
        return render_template("people/setup.html", page=page)
    if form.validate():
        try:
            passwords.ensure_acceptable(form.password.data, email=form.email.data, name=form.name.data)
            return _begun(form, passwords.hashed(form.password.data))
        except NotFound:
            raise
        except Refusal as refusal:
            form.refused(refusal)
    return render_template("people/setup.html", page=page), 422


def ensure_first(session: Session) -> None:
    """Refuse a second set-up: what it would give away belongs to somebody."""
    if not queries.is_empty(session):
        raise NotFound("This installation has been set up. Sign in instead.")


def _begun(form: SetupForm, password: str) -> AnyResponse:
    with transaction(origin()) as session:
        ensure_first(session)
        invited = _create(session, form, password)
        administrator = accounts.person_with(session, form.email.data)
        assert administrator is not None, "it was made above"
        secret = signing.begin(session, administrator, address=address(), agent=agent())
    response: AnyResponse
    onward = url_for("people.admin")
    if invited is not None and hooks().settings.smtp_url is None:
        response = shown_once(handed_over(form.second_name.data, invited, onward))
    else:
        response = redirect(onward)
    # It begins a new page session: what is told of this one would be lost.
    set_sign_in(response, secret)
    flash("The workspace is made. This page says what is still missing.", "success")
    return response


def _create(session: Session, form: SetupForm, password: str) -> str | None:
    """Make workspace, administrator and second person; return the secret of the second person's invitation."""
    name = form.slug.data
    hooks().create_workspace(
        session,
        name=name,
        title=form.title.data,
        regime=form.regime.data,
        entity_type=form.entity_type.data,
        zone=form.zone.data,
        keys=Keys.of(hooks().settings),
        by=BY,
    )
    first = accounts.add_person(session, email=form.email.data, name=form.name.data, by=BY, password=password)
    session.flush()
    accounts.give_role(session, first, Role.ADMINISTRATOR, workspace=name, by=BY)
    if not form.second_email.data:
        return None
    second = accounts.add_person(session, email=form.second_email.data, name=form.second_name.data, by=first.id)
    session.flush()
    accounts.give_role(session, second, Role(form.second_role.data), workspace=name, by=first.id)
    return links.send_link(session, second, LinkKind.INVITATION, by=first.id, key=hooks().settings.secret_key)


def handed_over(name: str, secret: str, href: str) -> Once:
    """Return the page that hands an invitation to whoever invited, where no mail server would carry it."""
    base = hooks().settings.base_url or request.host_url.rstrip("/")
    return Once(
        title=f"{name} is invited",
        detail="No mail server is set (APPROVAL_SMTP_URL), so the invitation is yours to hand over.",
        label="Invitation",
        secret=f"{base}/invitation/{secret}",
        href=href,
        note="It works once, for 7 days. Whoever opens it chooses the password: give it to nobody else.",
    )
