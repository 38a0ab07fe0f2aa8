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
    DateTimeLocalField,
    Field,
    FieldList,
    FileField,
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

from approval.errors import Problem, Refusal
from approval.people.forms import REGIME_NAMES
from approval.people.services.rooms import Limits
from approval.records.archives import KINDS
from approval.records.keeping import Clock, Criteria, RecordClass, Retention, to_table
from approval.records.keeping.definition import MOST_CITATION, MOST_RULES
from approval.records.models import Way
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
    most_posts = IntegerField("Posts in a part, at most", [Optional()])
    megabytes = IntegerField("Megabytes in a part, at most", [Optional()])

    def validate_last_day(self, field: Field) -> None:
        """Refuse a period that ends before it begins."""
        if self.first_day.data and field.data and field.data < self.first_day.data:
            raise ValidationError("The last day lies before the first.")

    def validate_posts(self, field: Field) -> None:
        """Refuse what is not a list of post numbers."""
        if wrong := [word for word in _words(field) if not _POST.fullmatch(word)]:
            raise ValidationError(f"“{wrong[0][:40]}” is not the number of a post. Write numbers such as 12, 15.")

    def validate_most_posts(self, field: Field) -> None:
        """Refuse parts of what is limited already."""
        if self.in_parts and (_words(self.posts) or _words(self.people)):
            raise ValidationError("An export in parts holds everything: leave the limits empty.")

    @property
    def in_parts(self) -> bool:
        """True where a size of parts is given."""
        return self.most_posts.data is not None or self.megabytes.data is not None

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


# -- rooms ---------------------------------------------------------------------------------------------------


class RoomForm(FlaskForm):  # type: ignore[misc]
    """Who is let in, in which matter, until when, and to what."""

    workspace = HiddenField()
    name = StringField("Name", [InputRequired("Name the examiner."), Length(max=120)])
    email = StringField(
        "E-mail address", [InputRequired("Give their address."), Length(max=254)], render_kw={"type": "email"}
    )
    matter = StringField(
        "Matter",
        [InputRequired("Name the matter, such as the number of the request letter."), Length(max=120)],
        description="Such as FINRA sweep 26-11. The examiner reads it too.",
    )
    contact = StringField(
        "Whom they ask",
        [InputRequired("Name somebody whom the examiner can ask."), Length(max=200)],
        description="A name with a telephone number or an address.",
    )
    ends = DateField("Last day", [InputRequired("Choose the last day on which they may come in.")])
    everything = BooleanField("Everything in this workspace")
    first_day = DateField("From", [Optional()])
    last_day = DateField("To", [Optional()])
    post = StringField("Only this post", [Length(max=9)], description="The number of a post, such as 12.")
    channels = SelectMultipleField(
        "Only on these channels", widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    products = SelectMultipleField(
        "Only about these products",
        choices=[SelectChoice(slug, slug.replace("-", " ")) for slug in sorted(PRODUCTS)],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )

    def validate_post(self, field: Field) -> None:
        """Refuse what is no number of a post."""
        if field.data and not _POST.fullmatch(field.data.strip()):
            raise ValidationError(f"“{field.data[:40]}” is not the number of a post. Write a number such as 12.")

    def validate_everything(self, field: Field) -> None:
        """Ask for one of both: nobody is shown everything because a limit was forgotten."""
        limited = any(each.data for each in (self.first_day, self.last_day, self.post, self.channels, self.products))
        if bool(field.data) == limited:
            both = "Either everything or limits: not both." if limited else "Set a limit below, or choose everything."
            raise ValidationError(both)

    def limits(self) -> Limits:
        """Return what the room is limited to."""
        post = (self.post.data or "").strip()
        return Limits(
            first_day=self.first_day.data,
            last_day=self.last_day.data,
            channels=tuple(self.channels.data or ()),
            products=tuple(self.products.data or ()),
            post=int(post) if post else None,
        )

    def show(self, refusal: Refusal) -> None:
        """Put each problem to its field, the rest to the whole form."""
        for problem in refusal.problems or (Problem("", refusal.detail),):
            field = self._fields.get(problem.where)
            if field is None:
                self.form_errors.append(problem.what)
            else:
                field.errors = [*field.errors, problem.what]


class RoomEndForm(FlaskForm):  # type: ignore[misc]
    """Until when an examiner may come in."""

    ends = DateField("Last day", [InputRequired("Choose the last day on which they may come in.")])


class RoomExportForm(FlaskForm):  # type: ignore[misc]
    """Days of an export, both included."""

    workspace = HiddenField()
    first_day = DateField("First day", [InputRequired("Choose the first day.")])
    last_day = DateField("Last day", [InputRequired("Choose the last day.")])


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


# -- archives of other tools, complaints, take-downs, tests of access -------------------------------------------


class _Told(FlaskForm):  # type: ignore[misc]
    """A form whose problems are told at their fields."""

    def show(self, refusal: Refusal) -> None:
        """Put each problem to its field, what is about none to the whole form."""
        for problem in refusal.problems or (Problem("", refusal.detail),):
            field = self._fields.get(problem.where)
            if field is None:
                self.form_errors.append(problem.what)
            else:
                field.errors = [*field.errors, problem.what]


class ArchiveForm(_Told):
    """An archive of another tool, and where it comes from."""

    workspace = HiddenField()
    source = StringField(
        "Where it comes from",
        [InputRequired("Say where it comes from."), Length(max=200)],
        description="Such as: Old tool, export of 1 October 2026.",
    )
    file = FileField("File", description=f"One that ends in .{', .'.join(KINDS)}; at most 64 MB here.")


def _choices(kinds: Iterable[str], first: str | None = None) -> list[SelectChoice]:
    named = [SelectChoice(str(kind), str(kind).replace("-", " ").capitalize()) for kind in kinds]
    return named if first is None else [SelectChoice("", first), *named]


class ComplaintForm(_Told):
    """A complaint as it came."""

    workspace = HiddenField()
    received_on = DateField("Received on", [InputRequired("Give the day on which it came.")])
    way = SelectField("It came by", choices=_choices(Way))
    customer = StringField("Who complains", [InputRequired("Name who complains."), Length(max=200)])
    contact = StringField("Address", [Length(max=400)], description="Postal or e-mail address, or telephone.")
    account = StringField("Account", [Length(max=80)], description="Number of the account, if it is about one.")
    about = TextAreaField(
        "What it is about", [InputRequired("Say what it is about."), Length(max=20_000)], description="As it was said."
    )
    post = StringField("Post", [Length(max=9)], description="Number of the post that it is about, such as 12.")
    product = SelectField("Product", choices=_choices(sorted(PRODUCTS), "None, or not known"))
    staff = StringField("Member of staff", [Length(max=200)], description="Whom it is about, if anybody.")

    def validate_post(self, field: Field) -> None:
        """Refuse what is no number of a post."""
        if field.data and not _POST.fullmatch(field.data.strip()):
            raise ValidationError(f"“{field.data[:40]}” is not the number of a post. Write a number such as 12.")


class AnswerForm(_Told):
    """What was done about a complaint, and what the customer was answered."""

    done = TextAreaField("What was done", [InputRequired("Say what was done."), Length(max=20_000)])
    answered_on = DateField("Answered on", [InputRequired("Give the day of the answer.")])
    answer = TextAreaField("What was answered", [InputRequired("Write what was answered."), Length(max=20_000)])


class TakeDownForm(_Told):
    """When and why a publication was taken down, and whether somebody looked."""

    taken_at = DateTimeLocalField("Taken down at", [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
    reason = TextAreaField("Why", [InputRequired("Say why it was taken down."), Length(max=2000)])
    gone = BooleanField("I opened the link, and the post is gone")


class AccessForm(_Told):
    """A test of access: which export somebody got at, and whether it verified."""

    workspace = HiddenField()
    export = SelectField("Export that was fetched", coerce=int, validate_choice=False)
    person = StringField("Who fetched it", [InputRequired("Name who fetched it."), Length(max=200)])
    verified = SelectField("Outcome", choices=[SelectChoice("yes", "It verified"), SelectChoice("no", "It did not")])
    note = TextAreaField(
        "How",
        [InputRequired("Say how it was done."), Length(max=4000)],
        description="Such as: with verify.py, on a laptop that has no part in this installation.",
    )
