"""The workflow as a form: one fieldset per stage, added, removed and moved by submit buttons."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Field,
    FieldList,
    Form,
    FormField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from approval.errors import Problem
from approval.networks import NETWORKS
from approval.review.flow import ALL, MAX_STAGES, Workflow, as_table
from approval.review.flow.definition import MAX_CHECKLIST, MAX_DUE_HOURS, MAX_QUORUM
from approval.rules.finding import TOPICS, Severity
from approval.rules.products import PRODUCTS

Choice = tuple[str, str]
_QUORUMS = [
    SelectChoice("1", "One"),
    *(SelectChoice(str(n)) for n in range(2, MAX_QUORUM + 1)),
    SelectChoice(ALL, "Everybody asked"),
]


def _or_worse(severity: Severity) -> str:
    return severity.capitalize() + ("" if severity is max(Severity, key=lambda s: s.rank) else " or worse")


_SEVERITIES = [
    SelectChoice("", "Whatever is found"),
    *(SelectChoice(severity.value, _or_worse(severity)) for severity in reversed(Severity)),
]


_MENDING = {
    "name": "Give the stage a name of at most 80 characters.",
    "slug": "Write it like legal-review: lower-case letters, digits and hyphens, at most 63.",
    "who": "Choose who decides.",
    "quorum": "Choose how many approvals it takes.",
    "due_hours": f"Give whole hours, from 1 to {MAX_DUE_HOURS}.",
    "checklist": f"Write at most {MAX_CHECKLIST} lines of at most 200 characters each.",
    "severity": "Choose one of the list.",
    "networks": "Choose among the networks shown.",
}
"""What a definition says of its keys, in the words of the form."""


class _Wanted:
    """Marks what must be filled in; the definition itself says what is missing."""

    field_flags = {"required": True}

    def __call__(self, form: Form, field: Field) -> None:
        """Leave the refusal to the definition."""


class StageForm(Form):  # type: ignore[misc]
    """One stage."""

    name = StringField("Name", [_Wanted()])
    slug = StringField(
        "Short name", description="For addresses and figures: legal-review. Left empty, it is made from the name."
    )
    who = SelectField("Who decides", [_Wanted()], validate_choice=False)
    quorum = SelectField("How many approvals", [_Wanted()], choices=_QUORUMS, validate_choice=False)
    due_hours = IntegerField("Due after hours", [_Wanted()], default=24)
    checklist = TextAreaField("Checklist", description="One line for each thing to look at.")
    severity = SelectField("Only with a finding of", choices=_SEVERITIES, validate_choice=False)
    topics = StringField("Only about topics", description="Separated by commas; empty: any.")
    products = StringField("Only for products", description="Separated by commas; empty: any.")
    networks = SelectMultipleField(
        "Only on networks",
        choices=[SelectChoice(slug, network.title) for slug, network in NETWORKS.items()],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )

    def table(self) -> dict[str, Any]:
        """Return the stage as a table of a definition; what was not given is left out."""
        when = {
            "severity": self.severity.data or None,
            "topics": _words(self.topics.data),
            "networks": list(self.networks.data or ()),
            "products": _words(self.products.data),
        }
        given = {key: value for key, value in when.items() if value}
        return {
            "slug": (self.slug.data or "").strip() or _slug(self.name.data or ""),
            "name": self.name.data or "",
            "who": self.who.data or "",
            "quorum": _number(self.quorum.data),
            "due_hours": self.due_hours.data if self.due_hours.data is not None else 0,
            "checklist": [line.strip() for line in (self.checklist.data or "").splitlines() if line.strip()],
        } | ({"when": given} if given else {})

    def words(self, field: Field, problem: Problem) -> str:
        """Return what is wrong with *field* as the form says it; nothing where another field's problem says it."""
        if field is self.slug and not self.slug.data and not (self.name.data or "").strip():
            return ""
        # What a definition says begins with its key; what a service says is in words already.
        if not problem.what.startswith(f"{problem.where} "):
            return problem.what
        if field is self.topics:
            return _strange("topic", _words(field.data), TOPICS)
        if field is self.products:
            return _strange("product", _words(field.data), PRODUCTS)
        return _MENDING[field.short_name]


class WorkflowForm(FlaskForm):  # type: ignore[misc]
    """A whole workflow, and why it should change."""

    distinct = BooleanField("Each stage needs another person", default=True)
    stages = FieldList(FormField(StageForm), max_entries=MAX_STAGES)
    reason = StringField("Reason for the change", [_Wanted()], description="Whoever seconds it reads this.")

    def table(self) -> dict[str, Any]:
        """Return the workflow as a table of a definition."""
        return {"distinct": bool(self.distinct.data), "stages": [entry.form.table() for entry in self.stages]}

    def offer(self, choices: Sequence[Choice]) -> None:
        """Let each stage ask these; one that asks somebody else keeps them in sight."""
        known = {value for value, _ in choices}
        for entry in self.stages:
            chosen = entry.form.who.data
            stray = [(chosen, f"{chosen} (unknown here)")] if chosen and chosen not in known else []
            entry.form.who.choices = [SelectChoice(*choice) for choice in (("", "Choose …"), *choices, *stray)]

    def show(self, problems: Sequence[Problem]) -> None:
        """Put each problem to its field, where it has one, in the form's words; the rest to the whole form."""
        if not (self.reason.data or "").strip():
            self.reason.errors = ["Say why: whoever seconds the change reads this."]
        if doubles := self._doubles():
            # Places name stages by their short names: until each has its own, no other problem has a sure place.
            for double in doubles:
                double.slug.errors = ["Another stage has this short name: give this one its own."]
            return
        fields = self._fields_by_place()
        for problem in problems:
            stage, field = fields.get(problem.where, (None, None))
            what = stage.words(field, problem) if stage else problem.what
            if field is None:
                self.form_errors.append(what)
            elif what and not (field is self.reason and field.errors):
                field.errors = [*field.errors, what]

    def wrong(self) -> list[tuple[str, str]]:
        """Return the fields that carry an error, in their order: where each stands, in words, and its id."""
        found = [
            (f"Stage {number}: {field.label.text}", field.id)
            for number, entry in enumerate(self.stages, start=1)
            for field in entry.form
            if field.errors
        ]
        return found + [(field.label.text, field.id) for field in (self.distinct, self.reason) if field.errors]

    def _doubles(self) -> list[StageForm]:
        slugs = [entry.form.table()["slug"] for entry in self.stages]
        return [entry.form for n, entry in enumerate(self.stages) if slugs[n] and slugs[n] in slugs[:n]]

    def _fields_by_place(self) -> Mapping[str, tuple[StageForm | None, Field]]:
        found: dict[str, tuple[StageForm | None, Field]] = {
            "reason": (None, self.reason),
            "distinct": (None, self.distinct),
        }
        for number, entry in enumerate(self.stages, start=1):
            for place in (str(number), entry.form.table()["slug"]):
                for field in entry.form:
                    name = field.short_name
                    found.setdefault(f"stages.{place}.{name}", (entry.form, field))
                    found.setdefault(f"stages.{place}.when.{name}", (entry.form, field))
        return found


def form_data(workflow: Workflow) -> dict[str, Any]:
    """Return what a form is filled with to show *workflow*."""
    return fields_of(as_table(workflow))


def fields_of(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form is filled with to show a table of a definition."""
    stages = []
    for stage in table["stages"]:
        when = stage.get("when", {})
        stages.append(
            {
                **{key: stage.get(key) for key in ("name", "slug", "who", "due_hours")},
                "quorum": str(stage.get("quorum", 1)),
                "checklist": "\n".join(stage.get("checklist", ())),
                "severity": when.get("severity", ""),
                "topics": ", ".join(when.get("topics", ())),
                "products": ", ".join(when.get("products", ())),
                "networks": list(when.get("networks", ())),
            }
        )
    return {"distinct": table["distinct"], "stages": stages}


def rearranged(table: dict[str, Any], act: str) -> dict[str, Any]:
    """Return *table* after a button of the form: `add`, `remove-2`, `up-2` or `down-2` (counted from 0)."""
    stages = list(table["stages"])
    what, _, place = act.partition("-")
    number = int(place) if place.isascii() and place.isdigit() and len(place) <= 3 else -1
    if what == "add" and len(stages) < MAX_STAGES:
        stages.append({"name": "", "slug": "", "who": "", "quorum": 1, "due_hours": 24, "checklist": []})
    elif 0 <= number < len(stages):
        stage = stages.pop(number)
        if what == "up":
            stages.insert(max(0, number - 1), stage)
        elif what == "down":
            stages.insert(number + 1, stage)
        elif what != "remove":
            stages.insert(number, stage)
    return {**table, "stages": stages}


def _words(text: str | None) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text or "") if word]


def _strange(what: str, given: Sequence[str], known: Collection[str]) -> str:
    said = []
    for word in sorted(set(given) - set(known)):
        near = ", ".join(get_close_matches(word, known, n=4, cutoff=0.4))
        said.append(f"No {what} is called “{word[:40]}”" + (f"; near it: {near}." if near else "."))
    return " ".join(said)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")


def _number(text: str | None) -> int | str:
    text = text or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else text
