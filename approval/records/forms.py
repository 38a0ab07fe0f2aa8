"""What may be asked of records in the browser."""

from __future__ import annotations

import re

from flask_wtf import FlaskForm
from wtforms import DateField, Field, HiddenField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from approval.records.queries import Filters

_POST = re.compile(r"[1-9][0-9]{0,8}")


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
