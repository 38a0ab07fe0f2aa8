"""A rule that the firm did not write, amended: another severity, or an exception, and what the rule learns is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template, request
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from approval.capabilities import Capability
from approval.db import Session, reading
from approval.errors import Conflict, Invalid, NotFound, Problem, Refusal
from approval.people.queries import people_who
from approval.rules import Severity, amended
from approval.rules.kinds import KINDS
from approval.screening import services
from approval.screening.lines import Wanted, boxes, examples_in, frame_words, patterns_in, show, told_as_lines
from approval.screening.services import RulesInForce
from approval.screening.services.amending import packs_with, wrong_with
from approval.screening.services.packing import is_own
from approval.screening.services.trying import Tried, try_text
from approval.screening.services.workshop import Bench, Written, bench_of
from approval.screening.views.editing import MOST_SAMPLE
from approval.screening.views.routes import blueprint, propose_packs
from approval.web.errors import status_of
from approval.web.identity import current, require, workspace


class AmendForm(FlaskForm):  # type: ignore[misc]
    """What the firm says otherwise of one rule, and why."""

    seen = HiddenField()
    severity = SelectField("Severity", [Wanted()], validate_choice=False)
    exceptions = TextAreaField(
        "Exceptions",
        description="Longer phrases, one per line, around words that are harmless here.",
    )
    unless = boxes("Let pass where the words are", description="Ways of speaking that explain the words away.")
    passes = TextAreaField(
        "Must pass from now on", description="Texts that the rule flags today and that are harmless, one per line."
    )
    reason = StringField("Reason for the change", [Wanted()], description="Whoever seconds it reads this.")
    sample = TextAreaField("A text to try it on")

    def offer(self, bench: Bench, written: Written) -> None:
        """Offer the severities that are not the rule's own, and the frames that it does not honour yet."""
        own = written.plain["severity"]
        others = [SelectChoice(one.value, one.capitalize()) for one in reversed(Severity) if one != own]
        self.severity.choices = [SelectChoice("", f"{own.capitalize()}, as the rule says"), *others]
        honoured = frozenset(written.plain.get("unless", ()))
        shown = bench.shared - honoured
        self.unless.choices = [
            SelectChoice(name, frame_words(name, frame)) for name, frame in bench.frames.items() if name in shown
        ]

    def table(self, id_: str, reads: frozenset[str]) -> dict[str, Any]:
        """Return the amendment that the form holds; *reads*: the keys that a rule of this kind knows."""
        said: Mapping[str, Any] = {
            "severity": self.severity.data or "",
            "except": patterns_in(self.exceptions.data) if "except" in reads else [],
            "unless": list(self.unless.data or ()) if "unless" in reads else [],
            "passes": examples_in(self.passes.data),
        }
        return {"rule": id_, **{key: value for key, value in said.items() if value}}


@dataclass(frozen=True)
class AmendPage:
    """The form of an amendment beside the rule that it is about."""

    workspace: str
    form: AmendForm
    written: Written
    excepts: bool
    unless: bool
    number: int
    alone: bool
    refusal: Refusal | None = None
    tried: Tried | None = None

    @property
    def id(self) -> str:
        """The id of the rule."""
        return str(self.written.plain["id"])


@blueprint.get("/rules/<rule_id>/amend")
@require(Capability.DEFINE)
def amend_rule(rule_id: str) -> str:
    """Show the form in which a rule of another pack is amended."""
    with reading() as session:
        force, written = _foreign(session, rule_id)
        amendment = written.amendment or {}
        fields = {
            "seen": str(force.number),
            "severity": amendment.get("severity", ""),
            "exceptions": "\n".join(amendment.get("except", ())),
            "unless": list(amendment.get("unless", ())),
            "passes": told_as_lines(amendment.get("passes", ())),
        }
        page = _page(session, force, written, AmendForm(formdata=None, data=fields))
    return render_template("screening/amend.html", page=page)


@blueprint.post("/rules/<rule_id>/amend")
@require(Capability.DEFINE)
def send_amendment(rule_id: str) -> Response | tuple[str, int]:
    """Propose an amendment, or (`answer=withdraw`) that the rule be again as its pack writes it."""
    form = AmendForm()
    with reading() as session:
        force, written = _foreign(session, rule_id)
    try:
        _ensure_sound(form, force, written)
        amendment = None if _withdraws() else form.table(rule_id, _reads(written))
        return propose_packs(
            packs_with(force.rules.sources, written, amendment), form.reason.data or "", seen=force.number
        )
    except (Invalid, Conflict) as refusal:
        with reading() as session:
            page = _page(session, force, written, form, refusal=refusal)
        show(form, refusal.problems, {"except": "exceptions"})
        return render_template("screening/amend.html", page=page), status_of(refusal)


@blueprint.post("/rules/<rule_id>/amend/try")
@require(Capability.DEFINE)
def try_amendment(rule_id: str) -> str:
    """Show what the amended rule finds in the text beside the form; the form again, or (`part`) that alone."""
    form = AmendForm()
    with reading() as session:
        force, written = _foreign(session, rule_id)
        table = amended(written.plain, form.table(rule_id, _reads(written)))
        tried = try_text(bench_of(force.rules), table, (form.sample.data or "")[:MOST_SAMPLE])
        if request.form.get("part"):
            return render_template("screening/_tried.html", tried=tried)
        page = _page(session, force, written, form, tried=tried)
    return render_template("screening/amend.html", page=page)


def _withdraws() -> bool:
    return request.form.get("answer") == "withdraw"


def _foreign(session: Session, rule_id: str) -> tuple[RulesInForce, Written]:
    """Return a rule that another pack than the firm's own wrote; NotFound for every other."""
    force = services.in_force(session, workspace())
    written = bench_of(force.rules).rules.get(rule_id)
    if written is None or is_own(written.pack):
        raise NotFound(f"There is no shipped rule {rule_id[:40]} to amend; a rule of your own is changed itself.")
    return force, written


def _reads(written: Written) -> frozenset[str]:
    return KINDS[written.plain["kind"]].keys


def _ensure_sound(form: AmendForm, force: RulesInForce, written: Written) -> None:
    found: list[Problem] = []
    if not _withdraws():
        bench = bench_of(force.rules)
        found += wrong_with(bench, written, form.table(str(written.plain["id"]), _reads(written)))
    elif written.amendment is None:
        raise Conflict("This rule is not amended.")
    if not (form.reason.data or "").strip():
        found.append(Problem("reason", "Say why: whoever seconds the change reads this."))
    if found:
        raise Invalid("The amendment cannot work as written.", problems=tuple(found))
    if form.seen.data != str(force.number):
        raise Conflict("The rules changed while you wrote: open the rule again to see it as it is now.")


def _page(session: Session, force: RulesInForce, written: Written, form: AmendForm, **shown: Any) -> AmendPage:
    form.offer(bench_of(force.rules), written)
    reads = _reads(written)
    return AmendPage(
        workspace=workspace(),
        form=form,
        written=written,
        excepts="except" in reads,
        unless="unless" in reads,
        number=force.number,
        alone=all(actor.id == current().id for actor in people_who(session, workspace(), Capability.DEFINE)),
        **shown,
    )
