"""Patterns and examples as the lines of a form, and what forms of rules share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from wtforms import Field, Form, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from approval.errors import Problem
from approval.screening.naming import in_words

BREAK = "⏎"
"""Stands in a line for a line break inside an example."""


class Wanted:
    """Marks what must be filled in; the workshop itself says what is missing."""

    field_flags = {"required": True}

    def __call__(self, form: Form, field: Field) -> None:
        """Leave the refusal to the workshop."""


def boxes(label: str, choices: Iterable[tuple[str, str]] = (), description: str = "") -> SelectMultipleField:
    """Return a field of boxes to tick."""
    return SelectMultipleField(
        label,
        [Wanted()],
        choices=[SelectChoice(*choice) for choice in choices],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
        description=description,
    )


def frame_words(name: str, frame: Mapping[str, Any]) -> str:
    """Return a frame's name and a few of its words that are no patterns."""
    words = [word for key in ("before", "around", "after") for word in frame.get(key, ())]
    plain = [word for word in dict.fromkeys(words) if re.fullmatch(r"[a-z' ]+", word)]
    return in_words(name) + (f" ({', '.join(plain[:3])} …)" if plain else "")


def patterns_in(text: str | None, before: Iterable[str] = ()) -> list[str]:
    """Return lines as patterns: a phrase is written in lower case, an expression is left as it is.

    One that was there *before* keeps the blanks at its ends, which a form does not show.
    """
    known = {pattern.strip(): pattern for pattern in before}
    plain = [line if "\\" in line or "(?P<" in line else line.lower() for line in _lines(text)]
    return [known.get(line, line) for line in plain]


def examples_in(text: str | None, before: Iterable[Any] = ()) -> list[Any]:
    """Return lines as examples; one that was there before keeps its facts, and each of several alike its own."""
    known: dict[str, list[Any]] = {}
    for example in before:
        known.setdefault(_line(example).strip(), []).append(example)
    return [known[line].pop(0) if known.get(line) else line.replace(BREAK, "\n") for line in _lines(text)]


def told_as_lines(examples: Iterable[Any]) -> str:
    """Return examples as the lines of a form."""
    return "\n".join(map(_line, examples))


def show(form: Form, problems: Iterable[Problem], called: Mapping[str, str]) -> None:
    """Put each problem to its field, which is *called* otherwise than its key; what is about no field, to the form."""
    for problem in problems:
        key = problem.where.split(".")[-1]
        field = form._fields.get(called.get(key, key))
        if field is None:
            about = f"{key}: " if key else ""
            form.form_errors.append(about + problem.what)
        else:
            field.errors = [*field.errors, problem.what]


def _lines(text: str | None) -> list[str]:
    # A browser sends CR LF; the other ends of lines that Python knows may stand inside an example.
    return [line.strip() for line in re.split(r"\r\n|\r|\n", text or "") if line.strip()]


def _line(example: Any) -> str:
    text = str(example["text"]) if isinstance(example, Mapping) else str(example)
    return text.replace("\n", BREAK)
