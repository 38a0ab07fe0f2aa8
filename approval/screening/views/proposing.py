"""Rules proposed as text or as a file, what a release ships, and the second person's answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from approval.capabilities import Capability
from approval.db import Session, reading, transaction
from approval.errors import BadFile, Conflict, Invalid, NotFound, Problem, Refusal, TooLarge
from approval.people.models import Proposal, Subject
from approval.screening import services
from approval.screening.services.changing import MOST_PACK_BYTES
from approval.screening.services.packfiles import is_zip, taken_in, unzipped
from approval.screening.services.packing import FIRM_PACK, is_own
from approval.screening.services.release import with_release
from approval.screening.services.weakening import weakened
from approval.screening.views.routes import blueprint, ensure_seen, packs_in_force, propose_packs, proposed
from approval.web.errors import status_of
from approval.web.identity import current, origin, require, workspace

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_EXAMPLE = """[pack]
title = "Our own rules"
about = "What our policies add to the shipped packs."

[[rule]]
id = "FIRM001"
name = "competitor-by-name"
kind = "phrase"
topic = "comparison-unsubstantiated"
severity = "medium"
match = ["example bank"]
message = "“{match}” names a competitor."
why = "Our policy: other banks are not named in posts."
citation = { text = "Social media policy, section 4", as_of = 2026-11-01 }
suggestion = "Speak of our own service."
flags = ["Cheaper than Example Bank."]
passes = ["Ask any bank for its fees."]
"""


@dataclass(frozen=True)
class ProposePage:
    """The form for the firm's own pack: its text, and what is wrong with it."""

    workspace: str
    source: str
    reason: str
    refusal: Refusal | None


@dataclass(frozen=True)
class ImportPage:
    """The form for a pack file: the packs that it may take the place of, what was typed, and what is wrong."""

    workspace: str
    own: tuple[str, ...]
    name: str
    reason: str
    refusal: Refusal | None


@blueprint.get("/rules/propose")
@require(Capability.DEFINE)
def propose() -> str:
    """Show the form for the firm's own pack as text."""
    with reading() as session:
        _, packs = packs_in_force(session, workspace())
    source = packs.get(FIRM_PACK, _EXAMPLE.encode()).decode()
    return render_template("screening/propose.html", page=ProposePage(workspace(), source, "", None))


@blueprint.post("/rules/propose")
@require(Capability.DEFINE)
def send_proposal() -> Response | tuple[str, int]:
    """Propose the firm's own pack as the next version of the rules."""
    source, reason = request.form.get("source", ""), request.form.get("reason", "")
    with reading() as session:
        version, packs = packs_in_force(session, workspace())
    try:
        return propose_packs({**packs, FIRM_PACK: source.encode()}, reason, seen=version.number)
    except (Invalid, Conflict) as refusal:
        page = ProposePage(workspace(), source, reason, refusal)
        return render_template("screening/propose.html", page=page), status_of(refusal)


# -- a file ----------------------------------------------------------------------------------------------------


@blueprint.get("/rules/import")
@require(Capability.DEFINE)
def import_pack() -> str:
    """Show the form for a pack file."""
    return _import_page(None)


@blueprint.post("/rules/import")
@require(Capability.DEFINE)
def send_pack() -> Response | tuple[str, int]:
    """Propose a pack file in the place of the firm's own pack, or beside it under a name; or the own packs of a ZIP."""
    with reading() as session:
        version, packs = packs_in_force(session, workspace())
    try:
        return propose_packs(_with_file(packs), request.form.get("reason", ""), seen=version.number)
    except (Invalid, Conflict, TooLarge) as refusal:
        return _import_page(refusal), status_of(refusal)


def _with_file(packs: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the packs in force with what the request brings."""
    typed, data = request.form.get("name", "").strip(), _file()
    if not is_zip(data):
        return {**packs, _slot(typed): data}
    if typed:
        what = "Leave the name empty: the packs in a ZIP have names."
        raise Invalid(what, problems=(Problem("name", what),))
    return taken_in(packs, unzipped(data))


def _slot(name: str) -> str:
    """Return the pack that a file becomes: the firm's own, or `firm-…`, so that no shipped pack is replaced."""
    name = name.removeprefix(f"{FIRM_PACK}-")
    if not name or name == FIRM_PACK:
        return FIRM_PACK
    if not _NAME.fullmatch(name) or len(name) > 40:
        what = "Name the pack in lower-case words joined by hyphens, at most 40 characters."
        raise Invalid(what, problems=(Problem("name", what),))
    return f"{FIRM_PACK}-{name}"


def _file() -> bytes:
    sent = request.files.get("pack")
    data = sent.read(MOST_PACK_BYTES + 1) if sent else b""
    if not data.strip():
        raise BadFile("Choose a pack file, or the ZIP of a version.", problems=(Problem("pack", "Choose a file."),))
    if len(data) > MOST_PACK_BYTES:
        raise TooLarge(f"A pack file has at most {MOST_PACK_BYTES // 1024 // 1024} MB.")
    return data


def _import_page(refusal: Refusal | None) -> str:
    with reading() as session:
        _, packs = packs_in_force(session, workspace())
    own = tuple(sorted(pack for pack in packs if is_own(pack)))
    typed = (request.form.get("name", ""), request.form.get("reason", ""))
    return render_template("screening/import.html", page=ImportPage(workspace(), own, *typed, refusal))


# -- the release, and the second person ------------------------------------------------------------------------


@blueprint.post("/rules/release")
@require(Capability.DEFINE)
def take_release() -> Response:
    """Propose the packs that this program ships, with the firm's own kept."""
    with reading() as session:
        version, packs = packs_in_force(session, workspace())
    taken = with_release(packs)
    if taken == packs:
        flash("The packs of this release are in force already.", "info")
        return redirect(url_for("screening.rules", workspace=workspace()))
    return propose_packs(taken, request.form.get("reason", ""), seen=version.number)


@blueprint.post("/rules/proposals/<int:proposal_id>")
@require(Capability.DEFINE)
def answer(proposal_id: int) -> Response:
    """Accept a proposed version, turn it down, withdraw it, or propose what it changes anew on the rules in force."""
    wanted = request.form.get("answer", "")
    if wanted not in ("accept", "refuse", "withdraw", "anew"):
        what = "Choose one of: put in force, turn down, withdraw, make anew."
        raise Invalid(what, problems=(Problem("answer", what),))
    if wanted == "anew":
        return _propose_anew(proposal_id)
    if wanted == "withdraw":
        return _withdraw(proposal_id)
    accept = wanted == "accept"
    with transaction(origin()) as session:
        proposal = _proposal(session, proposal_id)
        if accept:
            ensure_seen(session, workspace(), request.form.get("seen", ""))
        number = services.second_rules(session, proposal, by=current(), accept=accept).number
    flash(f"Version {number} of the rules {'is in force' if accept else 'was turned down'}.", "success")
    return redirect(url_for("screening.rules", workspace=workspace()))


def _withdraw(proposal_id: int) -> Response:
    with transaction(origin()) as session:
        number = services.withdraw_rules(session, _proposal(session, proposal_id), by=current()).number
    flash(f"Version {number} of the rules was withdrawn.", "success")
    return redirect(url_for("screening.rules", workspace=workspace()))


def _propose_anew(proposal_id: int) -> Response:
    with reading() as session:
        packs = services.carried_over(session, _proposal(session, proposal_id))
        _, before = packs_in_force(session, workspace())
    services.ensure_readable(packs)
    with transaction(origin()) as session:
        version = services.propose_anew(session, _proposal(session, proposal_id), by=current())
        number, enacted = version.number, version.enacted_at is not None
    return proposed(number, enacted, weakened(before, packs))


def _proposal(session: Session, proposal_id: int) -> Proposal:
    proposal = session.get(Proposal, proposal_id)
    if proposal is None or proposal.workspace != workspace() or proposal.subject is not Subject.RULE_SET:
        raise NotFound("There is no such proposal here.")
    return proposal
