"""What may be asked of records in the browser."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    Field,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from approval.errors import Problem
from approval.people.forms import REGIME_NAMES
from approval.records.keeping import Clock, Criteria, RecordClass, Retention, to_table
from approval.records.keeping.definition import MOST_CITATION, MOST_RULES
from approval.records.queries import Filters
from approval.rules import PRODUCTS, ProductClass

_POST = re.compile(r"[1-9][0-9]{0,8}")
_REASON = "Whoever seconds it reads this."


class ExportForm(FlaskForm):  # type: ignore[misc]
    """Days, both included, and what the export is limited to."""

    workspace = HiddenField()
    first_day = DateField("First day", [InputRequired("Choose the first day.")])
    last_day = DateField("Last day", [InputRequired("Choose the last day.")])
    posts = StringField("Only these posts", [Length(max=2000)])
    people = StringField("Only what these people did", [Length(max=2000)])

    def validate_last_day(self, field: Field) -> None:
        """Refuse a period that ends before it begins."""
        if self.first_day.data and field.data and field.data < self.first_day.data:
            raise ValidationError("The last day lies before the first.")

    def validate_posts(self, field: Field) -> None:
        """Refuse what is not a list of post numbers."""
        if wrong := [word for word in _words(field) if not _POST.fullmatch(word)]:
            raise ValidationError(f"“{wrong[0][:40]}” is not the number of a post. Write numbers such as 12, 15.")

    def filters(self) -> Filters:
        """Return what the export is limited to."""
        return Filters(tuple(map(int, _words(self.posts))), tuple(_words(self.people)))


def _words(field: Field) -> list[str]:
    return (field.data or "").replace(",", " ").split()


# -- legal holds ------------------------------------------------------------------------------------------------


class HoldForm(FlaskForm):  # type: ignore[misc]
    """What is kept, for which matter, and why."""

    workspace = HiddenField()
    matter = StringField(
        "Matter",
        [InputRequired("Name the matter, such as a case number."), Length(max=120)],
        description="Such as a case number. Only those who read the log see it.",
    )
    reason = TextAreaField("Reason", [InputRequired("Say why these records are kept."), Length(max=2000)])
    person = StringField("Only what this person did", [Length(max=200)], description="An e-mail address.")
    post = StringField("Only this post", [Length(max=9)], description="The number of a post, such as 12.")
    product = SelectField(
        "Only about this product",
        default="",
        choices=[
            SelectChoice("", "Any product"),
            *(SelectChoice(slug, slug.replace("-", " ")) for slug in sorted(PRODUCTS)),
        ],
    )
    first_day = DateField("From", [Optional()])
    last_day = DateField("To", [Optional()])

    def validate_post(self, field: Field) -> None:
        """Refuse what is no number of a post."""
        if field.data and not _POST.fullmatch(field.data.strip()):
            raise ValidationError(f"“{field.data[:40]}” is not the number of a post. Write a number such as 12.")

    def criteria(self, find: Callable[[str], str]) -> Criteria:
        """Return what the hold names; *find* answers the id of a person with an address."""
        given = (self.person.data or "").strip()
        return Criteria(
            person=find(given) if given else None,
            post=int(self.post.data) if (self.post.data or "").strip() else None,
            product=self.product.data or None,
            first_day=self.first_day.data,
            last_day=self.last_day.data,
        )

    def show(self, problems: Iterable[Problem]) -> None:
        """Put each problem to its field, the rest to the whole form."""
        places = {"from": "first_day", "to": "last_day"}
        for problem in problems:
            field = self._fields.get(places.get(problem.where, problem.where))
            if field is None:
                self.form_errors.append(problem.what)
            else:
                field.errors = [*field.errors, problem.what]


# -- retention rules --------------------------------------------------------------------------------------------


def _boxes(label: str, choices: Iterable[tuple[str, str]]) -> SelectMultipleField:
    return SelectMultipleField(
        label,
        choices=[SelectChoice(*choice) for choice in choices],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )


class _Wanted:
    """Marks what must be filled in; the definition itself says what is missing."""

    field_flags = {"required": True}

    def __call__(self, form: Form, field: Field) -> None:
        """Leave the refusal to the definition."""


class RuleForm(Form):  # type: ignore[misc]
    """One retention rule; one without a name is no rule."""

    id = StringField("Name", [_Wanted()], description="Like uk-life: lower-case letters, digits and hyphens.")
    kind = SelectField("Class of record", [_Wanted()], choices=[SelectChoice(c.value, c.label) for c in RecordClass])
    years = IntegerField("Years", [Optional()])
    forever = BooleanField("For good, whatever the years say")
    clock = SelectField(
        "Counted from", [_Wanted()], choices=[SelectChoice(c.value, c.words.capitalize()) for c in Clock]
    )
    regimes = _boxes("Under these regimes", REGIME_NAMES.items())
    product_classes = _boxes("About these classes of products", ((c.value, c.replace("-", " ")) for c in ProductClass))
    products = StringField("About these products", description="Separated by commas, such as pension, annuity.")
    otherwise = BooleanField("For what no other rule of its class covers")
    citation = StringField("Rests on", [_Wanted()], description=f"One line of at most {MOST_CITATION} characters.")
    as_of = DateField("As of", [Optional(), _Wanted()])
    confirm = BooleanField("To be confirmed by counsel")
    remove = BooleanField("Remove this rule")

    @property
    def blank(self) -> bool:
        """True where it is no rule: removed, or never named."""
        return bool(self.remove.data) or not (self.id.data or "").strip()

    def table(self) -> dict[str, Any]:
        """Return the rule as a table of a definition."""
        period = {"forever": True} if self.forever.data else {"years": self.years.data}
        lists = {
            "regimes": list(self.regimes.data or ()),
            "products": (self.products.data or "").replace(",", " ").split(),
            "product_classes": list(self.product_classes.data or ()),
        }
        flags = {"otherwise": bool(self.otherwise.data), "confirm": bool(self.confirm.data)}
        return {
            "id": (self.id.data or "").strip(),
            "class": self.kind.data,
            **{key: value for key, value in (*lists.items(), *flags.items()) if value},
            "from": self.clock.data,
            **period,
            "citation": (self.citation.data or "").strip(),
            "as_of": self.as_of.data,
        }


_FIELDS = {"class": "kind", "from": "clock"}


class RetentionForm(FlaskForm):  # type: ignore[misc]
    """All retention rules, and why they should change."""

    fiscal_year_ends = SelectField(
        "The fiscal year ends with the last day of",
        [_Wanted()],
        choices=[SelectChoice(str(month), calendar.month_name[month]) for month in range(1, 13)],
    )
    rules = FieldList(FormField(RuleForm), max_entries=MOST_RULES + 1)
    reason = TextAreaField("Reason for the change", [InputRequired("Say why. " + _REASON)], description=_REASON)

    def table(self) -> dict[str, Any]:
        """Return the rules as a table of a definition."""
        month = self.fiscal_year_ends.data or ""
        return {
            "fiscal_year_ends": int(month) if month.isascii() and month.isdecimal() and len(month) < 3 else 0,
            "rules": [rule.table() for rule in self._kept()],
        }

    def _kept(self) -> list[RuleForm]:
        return [entry.form for entry in self.rules if not entry.form.blank]

    def show(self, problems: Sequence[Problem]) -> None:
        """Put each problem to its field, the rest to the whole form."""
        kept = self._kept()
        for problem in problems:
            _, _, place = problem.where.partition("rules.")
            number, _, key = place.partition(".")
            rule = kept[int(number)] if number.isdecimal() and int(number) < len(kept) else None
            field = rule[_FIELDS.get(key, key)] if rule and _FIELDS.get(key, key) in rule else None
            if problem.where == "reason":
                field = self.reason
            if field is None:
                self.form_errors.append(problem.what)
            else:
                field.errors = [*field.errors, problem.what]

    def wrong(self) -> list[tuple[str, str]]:
        """Return the fields that carry an error: where each stands, in words, and its id."""
        found = [
            (f"{entry.form.id.data}: {field.label.text}", field.id)
            for entry in self.rules
            for field in entry.form
            if field.errors
        ]
        return found + [(field.label.text, field.id) for field in (self.fiscal_year_ends, self.reason) if field.errors]


def fields_of(retention: Retention) -> dict[str, Any]:
    """Return what the form is filled with to show *retention*, and room for one rule more."""
    rules = [
        {
            **{key: rule.get(key) for key in ("id", "years", "citation", "as_of")},
            **{key: bool(rule.get(key)) for key in ("forever", "otherwise", "confirm")},
            "kind": rule["class"],
            "clock": rule["from"],
            "regimes": rule.get("regimes", []),
            "product_classes": rule.get("product_classes", []),
            "products": ", ".join(rule.get("products", ())),
        }
        for rule in to_table(retention)["rules"]
    ]
    return {"fiscal_year_ends": str(retention.fiscal_year_ends), "rules": [*rules, {}]}
