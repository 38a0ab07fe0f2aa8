"""A regulator's letter as it is entered, and its items, each kind with what it needs to know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, DateField, Field, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from approval.errors import Refusal
from approval.people.queries import ChannelFacts
from approval.records.models import ItemKind
from approval.records.queries import Asks
from approval.rules import PRODUCTS

_POST = re.compile(r"[1-9][0-9]{0,8}")
USUAL = (
    ItemKind.ACCOUNTS,
    ItemKind.PEOPLE,
    ItemKind.PROCEDURES,
    ItemKind.POSTS,
    ItemKind.COMPLAINTS,
    ItemKind.EXCEPTIONS,
    ItemKind.PROOF,
)
"""What nearly every letter asks for."""
WORDS: Mapping[ItemKind, str] = MappingProxyType(
    {
        ItemKind.ACCOUNTS: "Every social media account that the firm uses, with the date of its first use.",
        ItemKind.PEOPLE: "Everyone who may write, approve or publish posts, with their roles and since when.",
        ItemKind.PROCEDURES: "The written procedures on production, approval and distribution in force on this day.",
        ItemKind.POSTS: "All posts published in these days, with who approved each and when.",
        ItemKind.RANDOM: "A random sample of posts, with their complete review files.",
        ItemKind.RISKIEST: "The posts with the gravest findings, with their complete review files.",
        ItemKind.COMPLAINTS: "Complaints about the firm's posts, and posts that were taken down.",
        ItemKind.EXCEPTIONS: "Every exception to the firm's rules, with who accepted it and why.",
        ItemKind.OVERRIDES: "Every finding that was called a false alarm, with by whom and why.",
        ItemKind.CASES: "The complete files of these posts.",
        ItemKind.PROOF: "Evidence that these records are complete and unaltered.",
        ItemKind.NOTE: "",
    }
)
_ASKS = {
    ItemKind.PROCEDURES: ("on",),
    ItemKind.POSTS: ("product", "channel"),
    ItemKind.RANDOM: ("count", "seed", "product", "channel"),
    ItemKind.RISKIEST: ("count", "product", "channel"),
    ItemKind.CASES: ("posts",),
    ItemKind.NOTE: ("file",),
}


_MUST = frozenset({"on", "count", "seed", "posts"})


class RequestForm(FlaskForm):  # type: ignore[misc]
    """Whose letter, about what, when it came, when the answer is due, which days are under review."""

    workspace = HiddenField()
    regulator = StringField("Regulator", [InputRequired("Name the regulator, such as FINRA."), Length(max=120)])
    matter = StringField(
        "Matter",
        [InputRequired("Name the matter, such as the number of the letter."), Length(max=120)],
        description="Such as the number of the letter.",
    )
    received = DateField("Received", [InputRequired("Say when the letter came.")])
    due = DateField("Answer due", [Optional()])
    first_day = DateField("First day under review", [InputRequired("Choose the first day.")])
    last_day = DateField("Last day under review", [InputRequired("Choose the last day.")])
    usual = BooleanField("Begin with what nearly every letter asks for")


class ItemForm(FlaskForm):  # type: ignore[misc]
    """One item of the letter; it shows the fields that its kind needs."""

    kind = HiddenField()
    words = TextAreaField(
        "The item, in the letter's words", [InputRequired("Write what the letter asks for."), Length(max=4000)]
    )
    on = DateField("In force on", [Optional()])
    count = IntegerField("How many", [Optional()], default=25)
    seed = StringField(
        "Seed",
        [Length(max=80)],
        description="Any word or date. Whoever knows it can draw the same sample again.",
    )
    product = SelectField(
        "Only about this product",
        default="",
        choices=[SelectChoice("", "Any product"), *(SelectChoice(p, p.replace("-", " ")) for p in sorted(PRODUCTS))],
    )
    channel = SelectField("Only on this account", default="", validate_choice=False)
    posts = StringField("Posts", [Length(max=2000)], description="Their numbers, such as 12, 15.")
    file = FileField("File", description="PDF, PNG, JPEG or plain text, at most 10 MB. It can be put in later.")

    def offer(self, channels: Sequence[ChannelFacts]) -> None:
        """Fill in the accounts that there are."""
        self.channel.choices = [SelectChoice("", "Any account"), *(SelectChoice(c.name, c.title) for c in channels)]

    @property
    def asked(self) -> ItemKind | None:
        """The kind, where there is such a one."""
        return ItemKind(self.kind.data) if self.kind.data in set(ItemKind) else None

    @property
    def needed(self) -> list[Field]:
        """The fields that the kind needs, in order."""
        fields = [] if self.asked is None else [self[name] for name in _ASKS.get(self.asked, ())]
        for field in fields:
            field.flags.required = field.name in _MUST
        return fields

    def validate_posts(self, field: Field) -> None:
        """Refuse what is not a list of post numbers."""
        if wrong := [word for word in self._numbers() if not _POST.fullmatch(word)]:
            raise ValidationError(f"“{wrong[0][:40]}” is not the number of a post. Write numbers such as 12, 15.")

    def _numbers(self) -> list[str]:
        return (self.posts.data or "").replace(",", " ").split()

    def asks(self) -> Asks:
        """Return what the item needs to know."""
        return Asks(
            on=self.on.data,
            count=self.count.data or 0,
            seed=self.seed.data or "",
            product=self.product.data or "",
            channel=self.channel.data or "",
            posts=tuple(int(word) for word in self._numbers()),
        )

    def upload(self) -> bytes | None:
        """Return the file that was sent along, if any."""
        return self.file.data.read() if self.file.data else None


def show(form: FlaskForm, refusal: Refusal) -> None:
    """Put each problem of a refusal to its field, the rest to the whole form."""
    placed = False
    for problem in refusal.problems:
        if problem.where in form:
            form[problem.where].errors = [*form[problem.where].errors, problem.what]
            placed = True
    if not placed:
        form.form_errors.append(refusal.detail)
