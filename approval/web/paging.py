"""Keyset paging: the place after which the next page begins, written in an address."""

from __future__ import annotations

import re
from datetime import datetime

from approval import clock
from approval.errors import BadTime, Invalid, Problem

Key = int | datetime | str
_SEPARATOR = "~"
_INT = re.compile(r"0|-?[1-9][0-9]{0,17}")
_WORD = re.compile(r"[a-z0-9_.-]{0,80}")


def format_cursor(*keys: Key) -> str:
    """Write the sort keys of a page's last row; words are lower-case, of at most 80 characters."""
    return _SEPARATOR.join(clock.to_text(key) if isinstance(key, datetime) else str(key) for key in keys)


def parse_cursor(text: str | None, *kinds: type[Key]) -> tuple[Key, ...] | None:
    """Read what `format_cursor` wrote for keys of these kinds; None means the first page.

    Anything that `format_cursor` would write differently is refused.
    """
    if not text:
        return None
    parts = text.split(_SEPARATOR) if len(text) <= 400 else []
    if len(parts) != len(kinds):
        raise _bad()
    keys = tuple(_parse(part, kind) for part, kind in zip(parts, kinds, strict=True))
    if format_cursor(*keys) != text:
        raise _bad()
    return keys


def page_size(text: str | None, *, default: int = 50, most: int = 200) -> int:
    """Read how many rows a page shall have, from 1 to *most*."""
    if not text:
        return default
    if not _INT.fullmatch(text) or not 1 <= int(text) <= most:
        what = f"“{text[:20]}” is not a number of rows from 1 to {most}."
        raise Invalid(what, problems=(Problem("limit", what),))
    return int(text)


def _parse(part: str, kind: type[Key]) -> Key:
    if kind is datetime:
        try:
            return clock.from_text(part)
        except BadTime as error:
            raise _bad() from error
    if not (_INT if kind is int else _WORD).fullmatch(part):
        raise _bad()
    return int(part) if kind is int else part


def _bad() -> Invalid:
    what = "This page address is damaged. Go back to the first page."
    return Invalid(what, problems=(Problem("after", what),))
