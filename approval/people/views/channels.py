"""The channels of a workspace: open and close."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from approval.capabilities import Capability
from approval.db import reading, transaction
from approval.errors import NotFound, Refusal
from approval.people import queries
from approval.people.forms import ChannelForm
from approval.people.models import Channel, Via
from approval.people.services import accounts
from approval.people.services.addresses import ensure_webhook
from approval.people.services.secrets import seal_secret
from approval.people.views.knowing import Once, shown_once
from approval.web.identity import current, hooks, origin, require, workspace

administering = require(Capability.ADMINISTER)
SECRET_BYTES = 32


@dataclass(frozen=True)
class ChannelsPage:
    """The channels of a workspace."""

    workspace: queries.WorkspaceFacts
    channels: tuple[queries.ChannelFacts, ...]
    form: ChannelForm


def add_to(blueprint: Blueprint) -> None:
    """Add these pages."""
    blueprint.add_url_rule("/admin/channels", view_func=channels, methods=["GET", "POST"])
    blueprint.add_url_rule("/admin/channels/<int:channel>/close", view_func=close_channel, methods=["POST"])


@administering
def channels() -> AnyResponse | tuple[str, int] | str:
    """List the channels; open another."""
    name, form = workspace(), ChannelForm()
    if request.method == "POST" and form.validate():
        try:
            return _opened(form)
        except Refusal as refusal:
            form.refused(refusal)
    with reading() as session:
        page = ChannelsPage(queries.workspace_facts(session, name), queries.channels(session, name), form)
    answer = render_template("people/channels.html", page=page)
    return answer if request.method == "GET" else (answer, 422)


def _opened(form: ChannelForm) -> AnyResponse:
    name, settings = workspace(), hooks().settings
    is_webhook = form.via.data == Via.WEBHOOK
    if is_webhook:
        ensure_webhook(form.url.data, settings.outbound_allow)
    secret = secrets.token_bytes(SECRET_BYTES)
    with transaction(origin()) as session:
        accounts.open_channel(
            session,
            workspace=name,
            name=form.name.data,
            title=form.title.data,
            network=form.network.data,
            via=Via(form.via.data),
            url=form.url.data if is_webhook else None,
            secret=seal_secret(settings.secret_key, secret) if is_webhook else None,
            by=current().id,
        )
    back = url_for("people.channels", workspace=name)
    if is_webhook:
        return shown_once(_secret_page(form.title.data, secret, back))
    flash(f"The channel {form.title.data} is open.", "success")
    return redirect(back)


def _secret_page(title: str, secret: bytes, back: str) -> Once:
    return Once(
        title=f"Channel “{title}” is open",
        detail="Every message to it is signed with this secret (Standard Webhooks). Give it to the receiver now: "
        "it is kept encrypted, and nothing shows it again.",
        label="Signing secret",
        secret="whsec_" + base64.b64encode(secret).decode(),
        href=back,
    )


@administering
def close_channel(channel: int) -> AnyResponse:
    """Take no more posts for a channel."""
    name = workspace()
    with transaction(origin()) as session:
        row = session.get(Channel, channel)
        if row is None or row.workspace != name:
            raise NotFound("There is no such channel in this workspace.")
        accounts.close_channel(session, row, by=current().id)
    flash(f"The channel {row.title} is closed.", "success")
    return redirect(url_for("people.channels", workspace=name))
