"""Text as it comes through the door: one kind of line end, and nothing that no database can store."""

from __future__ import annotations

from typing import Any, cast

import flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.formparser import FormDataParser

from approval.errors import Invalid


def normal(value: Any) -> Any:
    """Return *value* with LF for every CRLF and CR, in lists and objects too.

    NUL (PostgreSQL stores none) and lone surrogates (UTF-8 has no bytes for them) are refused.
    """
    match value:
        case str():
            ensure_storable(value)
            return value.replace("\r\n", "\n").replace("\r", "\n")
        case list():
            return [normal(item) for item in value]
        case dict():
            return {normal(key): normal(item) for key, item in value.items()}
    return value


def ensure_storable(text: str) -> None:
    """Refuse a text with a character that cannot be written down."""
    if "\0" in text:
        raise Invalid("The input holds the character NUL (U+0000). Remove it, then try again.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            f"The input holds half a character (U+{ord(text[error.start]):04X}). Remove it, then try again."
        ) from error


class Json(DefaultJSONProvider):
    """JSON whose strings are normal text, and nothing that RFC 8259 does not know."""

    def loads(self, s: str | bytes, **options: Any) -> Any:
        """Read *s*; ValueError where it is no JSON or nested too deeply."""
        try:
            return normal(super().loads(s, parse_constant=_refuse_constant, **options))
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON (RFC 8259, section 6)")


class _FormParser(FormDataParser):
    def parse(self, *args: Any, **options: Any) -> Any:
        stream, form, files = super().parse(*args, **options)
        return stream, _fields(form), files


def _fields(form: MultiDict[str, str]) -> MultiDict[str, str]:
    pairs = [(normal(name), normal(value)) for name, value in form.items(multi=True)]
    return cast("MultiDict[str, str]", ImmutableMultiDict(pairs))


class Request(flask.Request):
    """A request whose form fields are normal text before any view sees them."""

    form_data_parser_class = _FormParser
