"""What may be asked in the browser of disposals: lists of what is due, and requests to erase."""

from __future__ import annotations

import re

from flask_wtf import FlaskForm
from wtforms import DateField, Field, HiddenField, StringField, TextAreaField, ValidationError
from wtforms.validators import InputRequired, Length

from approval.errors import Problem, Refusal

_POST = re.compile(r"[1-9][0-9]{0,8}")
_REASON = "Whoever seconds it reads this."


class DispositionForm(FlaskForm):  # type: ignore[misc]
    """Through which day what is due is disposed of, and why."""

    workspace = HiddenField()
    through = HiddenField()
    reason = TextAreaField(
        "Reason",
        [InputRequired("Say why, such as: yearly disposal."), Length(max=2000)],
        description=_REASON,
    )


class _Wanted:
    """Marks what must be filled in; whether it is there is for the request itself to say: of an account, nothing is."""

    field_flags = {"required": True}

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Leave the refusal to the request."""


class ErasureForm(FlaskForm):  # type: ignore[misc]
    """Who asks to be erased, when and how it came in, and where they are named."""

    workspace = HiddenField()
    person = HiddenField()
    words = StringField(
        "The name, as it stands in the text",
        [_Wanted(), Length(max=120)],
        description="At least 3 characters, in any spelling of case. It is erased with the rest.",
    )
    posts = StringField("In these posts", [_Wanted(), Length(max=2000)], description="Numbers, such as 12, 15.")
    asked_on = DateField("Came in on", [InputRequired("Choose the day on which it came in.")])
    asked_by = StringField(
        "Who asked, and how",
        [InputRequired("Say who asked and how."), Length(max=200)],
        description="Such as: the person, by letter, case 7. Write no name: it stays, as proof that you answered.",
    )
    reason = TextAreaField(
        "What it rests on",
        [InputRequired("Say what it rests on, such as Article 17 GDPR."), Length(max=2000)],
        description=_REASON,
    )

    def validate_posts(self, field: Field) -> None:
        """Refuse what is not a list of post numbers."""
        if wrong := [word for word in _words(field) if not _POST.fullmatch(word)]:
            raise ValidationError(f"“{wrong[0][:40]}” is not the number of a post. Write numbers such as 12, 15.")

    def numbers(self) -> tuple[int, ...]:
        """Return the posts."""
        return tuple(map(int, _words(self.posts)))

    def show(self, refusal: Refusal) -> None:
        """Put each problem to its field, the rest to the whole form."""
        for problem in refusal.problems or (Problem("", refusal.detail),):
            field = self._fields.get(problem.where)
            if field is None or isinstance(field, HiddenField):
                self.form_errors.append(problem.what)
            else:
                field.errors = [*field.errors, problem.what]


def _words(field: Field) -> list[str]:
    return (field.data or "").replace(",", " ").split()
