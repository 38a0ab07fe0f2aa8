"""A rule as a form: what it looks for, where it holds, what it says, and its examples; and the page of the form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice

from approval.capabilities import Actor, Capability
from approval.db import Session
from approval.errors import NotFound, Problem, Refusal
from approval.people.forms import REGIME_NAMES
from approval.people.queries import people_who
from approval.rules import NETWORKS, REGIMES, TOPICS, ProductClass, Severity
from approval.rules.kinds import KINDS
from approval.screening import queries, services
from approval.screening.lines import Wanted, boxes, examples_in, frame_words, patterns_in, show, told_as_lines
from approval.screening.naming import KIND_NAMES, class_name, in_words, network_name
from approval.screening.services import RulesInForce
from approval.screening.services.packing import FIRM_PACK, in_order, next_id, with_rule, with_state
from approval.screening.services.trying import Tried
from approval.screening.services.workshop import KINDS as FORM_KINDS, LISTS, Bench, Table, Written, bench_of

_BOXES = ("unless", "regimes", "classes", "channels")
_SAID = ("instead", "message", "why", "suggestion")
_KEYS = frozenset(
    (
        "id",
        "name",
        "kind",
        "topic",
        "severity",
        "tokens",
        "most",
        "citation",
        "flags",
        "passes",
        *_SAID,
        *_BOXES,
        *LISTS,
    )
)
_FIELDS = {"except": "exceptions", "channels": "networks", "citation": "source"}
"""Keys of a rule's table that are called otherwise in the form."""
_IN_ORDER = "after"
"""The `order` of a proximity rule that the form offers: the other words come after the patterns."""


class RuleForm(FlaskForm):  # type: ignore[misc]
    """One rule of the firm's own pack, and why it should be so."""

    seen = HiddenField()
    copied = HiddenField()
    kind = SelectField(
        "It finds",
        [Wanted()],
        choices=[SelectChoice(kind, KIND_NAMES[kind]) for kind in FORM_KINDS],
        validate_choice=False,
    )
    match = TextAreaField(
        "Patterns",
        [Wanted()],
        description="One per line, in lower case. A plain phrase is a pattern; it also finds capitals.",
    )
    exceptions = TextAreaField(
        "Exceptions", description="Longer phrases, one per line, around words that are harmless there."
    )
    unless = boxes("Let pass where the words are", description="Ways of speaking that explain the words away.")
    instead = StringField(
        "Words to write instead", [Wanted()], description="They stand for {instead} in message and suggestion."
    )
    needs = TextAreaField(
        "Needed wordings", [Wanted()], description="Patterns, one per line. Any one of them is enough."
    )
    beside = TextAreaField("The other words", [Wanted()], description="Patterns, one per line.")
    tokens = IntegerField("Words between, at most", [Wanted()])
    ordered = BooleanField(
        "Only in this order", description="The patterns come first, then the other words. Otherwise either way round."
    )
    most = IntegerField("Allowed times", [Wanted()], description="The next one is flagged.")
    name = StringField("Name", [Wanted()], description="Says what is found: competitor-by-name.")
    topic = SelectField(
        "Topic",
        [Wanted()],
        choices=[
            SelectChoice("", "Choose …"),
            *(SelectChoice(topic, in_words(topic)) for topic in TOPICS),
        ],
        validate_choice=False,
    )
    severity = SelectField(
        "Severity",
        [Wanted()],
        choices=[SelectChoice(severity.value, severity.capitalize()) for severity in reversed(Severity)],
        default=Severity.MEDIUM.value,
        validate_choice=False,
    )
    regimes = boxes("Regimes", ((regime, REGIME_NAMES.get(regime, regime)) for regime in REGIMES))
    classes = boxes("Products", ((kind.value, class_name(kind.value)) for kind in ProductClass))
    networks = boxes("Networks", ((slug, network_name(slug)) for slug in NETWORKS))
    message = StringField("Message", [Wanted()], description="What the author reads. {match} stands for the words.")
    why = TextAreaField("Why", [Wanted()])
    source = StringField("Where it is written", [Wanted()], description="Policy and section, or the law.")
    as_of = DateField("Checked on", [Wanted()])
    suggestion = TextAreaField("Suggestion", [Wanted()], description="What to write instead.")
    flags = TextAreaField("Must be flagged", [Wanted()], description="Texts as people write them, one per line.")
    passes = TextAreaField("Must pass", [Wanted()], description="Near misses, one per line.")
    replaces = BooleanField("Switch the copied rule off at the same time")
    shadow = BooleanField("Begin in the shadow: counted, not shown")
    reason = StringField("Reason for the change", [Wanted()], description="Whoever seconds it reads this.")
    sample = TextAreaField("A text to try it on")

    def offer(self, bench: Bench) -> None:
        """Offer the frames that the packs define, each with a few of its words."""
        self.unless.choices = [SelectChoice(name, frame_words(name, frame)) for name, frame in bench.frames.items()]

    def show_shared(self, bench: Bench) -> None:
        """Show the frames that are meant for every rule, and those that this one honours already."""
        shown = bench.shared.union(self.unless.data or ())
        self.unless.choices = [choice for choice in self.unless.choices or () if choice.value in shown]

    def table(self, id_: str, base: Table) -> dict[str, Any]:
        """Return the rule's table. What the form does not show is kept from *base*, where the kind still reads it."""
        kind = self.kind.data if self.kind.data in KINDS else "phrase"
        reads = KINDS[kind].keys
        of_kinds = frozenset().union(*(known.keys for known in KINDS.values()))
        written: dict[str, Any] = {
            "kind": kind,
            "id": id_,
            "name": _slug(self.name.data),
            "topic": self.topic.data or "",
            "severity": self.severity.data or "",
            "citation": self._citation(),
            **{key: (getattr(self, key).data or "").strip() for key in _SAID},
            **{key: patterns_in(self[_FIELDS.get(key, key)].data, base.get(key, ())) for key in LISTS},
            **{key: list(self[_FIELDS.get(key, key)].data or ()) for key in _BOXES},
            **{key: getattr(self, key).data for key in ("tokens", "most")},
            **{key: examples_in(getattr(self, key).data, base.get(key, ())) for key in ("flags", "passes")},
        }
        kept = {key: value for key, value in base.items() if key not in _KEYS}
        if self.ordered.data:
            written["order"] = _IN_ORDER
        elif kept.get("order") == _IN_ORDER:
            del kept["order"]
        return in_order(
            {
                key: value
                for key, value in (kept | written).items()
                if value not in ("", [], {}, None) and (key not in of_kinds or key in reads)
            }
        )

    def _citation(self) -> dict[str, Any]:
        given = {"text": (self.source.data or "").strip(), "as_of": self.as_of.data}
        return {key: value for key, value in given.items() if value}

    def show(self, problems: Sequence[Problem]) -> None:
        """Put each problem to its field; what is about no field, to the whole form."""
        show(self, problems, _FIELDS)


def extras(table: Table) -> tuple[str, ...]:
    """Return the keys of a rule that the form does not show."""
    return tuple(key for key in table if key not in _KEYS and (key, table[key]) != ("order", _IN_ORDER))


def fields_of(table: Table) -> dict[str, Any]:
    """Return what a form is filled with to show a rule."""
    citation = table.get("citation", {})
    return {
        **{key: table.get(key) for key in ("kind", "name", "topic", "severity", "instead", "tokens", "most")},
        **{key: table.get(key, "") for key in ("message", "why", "suggestion")},
        **{_FIELDS.get(key, key): "\n".join(table.get(key, ())) for key in LISTS},
        **{_FIELDS.get(key, key): list(table.get(key, ())) for key in _BOXES},
        **{key: told_as_lines(table.get(key, ())) for key in ("flags", "passes")},
        "ordered": table.get("order") == _IN_ORDER,
        "source": citation.get("text", ""),
        "as_of": citation.get("as_of"),
    }


def _slug(name: str | None) -> str:
    return re.sub(r"[^a-z0-9]+", "-", (name or "").lower()).strip("-")[:80].strip("-")


# -- its page --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EditPage:
    """The form of one rule, and beside it what the rule would find.

    `copied` is the rule it was begun from; `waiting` are numbers of versions that wait for a second person.
    """

    workspace: str
    form: RuleForm
    id: str
    action: str
    begun: bool
    copied: str
    extras: tuple[str, ...]
    words: tuple[str, ...]
    number: int
    waiting: tuple[int, ...]
    alone: bool
    refusal: Refusal | None = None
    tried: Tried | None = None
    sweep: Any = None


@dataclass(frozen=True)
class Draft:
    """What a form holds: the rule that it makes, the rule that it changes (None: a new one), and the bench it is on.

    `beside` is the rule in force that a new one is a copy of; `replaced` its id where it is to be switched off;
    `shadow` says that a new one begins in the shadow.
    """

    id: str
    table: Mapping[str, Any]
    before: Table | None
    bench: Bench
    force: RulesInForce
    beside: Table | None = None
    replaced: str | None = None
    shadow: bool = False

    def packs(self, table: Table) -> dict[str, bytes]:
        """Return the packs in force with this table as the rule of the form, to be judged with: never in the shadow."""
        packs = dict(self.force.rules.sources)
        source = with_rule(packs.get(FIRM_PACK, b"").decode(), table)
        if self.replaced:
            source = with_state(source, [self.replaced], "off")
        return {**packs, FIRM_PACK: source.encode()}

    def proposal(self) -> dict[str, bytes]:
        """Return the packs that the form proposes."""
        packs = self.packs(self.table)
        if self.shadow:
            packs[FIRM_PACK] = with_state(packs[FIRM_PACK].decode(), [self.id], "shadow").encode()
        return packs


def draft(session: Session, workspace: str, form: RuleForm, id_: str | None) -> Draft:
    """Read a form as the rule *id_*, or as a new one; NotFound where the firm has no such rule."""
    force = services.in_force(session, workspace)
    bench = bench_of(force.rules)
    form.offer(bench)
    if id_ is None:
        new = next_id([*queries.sources_ever(session, workspace, FIRM_PACK), *bench.rules])
        copied = bench.rules.get(form.copied.data or "")
        table = form.table(new, copied.table if copied else {})
        beside = copied.table if copied and copied.state == "on" else None
        replaced = form.copied.data if copied and form.replaces.data else None
        return Draft(new, table, None, bench, force, beside, replaced, bool(form.shadow.data))
    written = ours(bench, id_)
    return Draft(id_, form.table(id_, written.table), written.table, bench, force)


def ours(bench: Bench, id_: str) -> Written:
    """Return a rule of the firm's own pack; NotFound where it has none with this id."""
    written = bench.rules.get(id_)
    if written is None or written.pack != FIRM_PACK:
        raise NotFound(f"The firm's own pack has no rule {id_[:40]}.")
    return written


def edit_page(session: Session, workspace: str, form: RuleForm, made: Draft, by: Actor, **shown: Any) -> EditPage:
    """Return the page of a form. *shown*: refusal, tried, sweep."""
    begun = made.before is not None
    form.seen.data = form.seen.data or str(made.force.number)
    form.show_shared(made.bench)
    waiting = queries.waiting_proposals(session, workspace)
    return EditPage(
        workspace=workspace,
        form=form,
        id=made.id,
        action=f"/rules/{made.id}/edit" if begun else "/rules/new",
        begun=begun,
        copied=form.copied.data or "",
        extras=extras(made.table),
        words=tuple(sorted(made.bench.words)),
        number=made.force.number,
        waiting=tuple(queries.version_proposed(session, one).number for one in waiting),
        alone=all(actor.id == by.id for actor in people_who(session, workspace, Capability.DEFINE)),
        **shown,
    )
