from __future__ import annotations

from datetime import UTC, datetime

import pytest

from approval.errors import Invalid
from approval.web.paging import format_cursor, page_size, parse_cursor

AT = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)


def test_a_cursor_is_read_back():
    text = format_cursor(AT, 42, "high")
    assert text == "2026-11-21T09:30:00.123456Z~42~high"
    assert parse_cursor(text, datetime, int, str) == (AT, 42, "high")
    assert parse_cursor(None, int) is parse_cursor("", int) is None


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("042", (int,)),
        ("+4", (int,)),
        ("4 ", (int,)),
        ("٤", (int,)),
        ("9" * 19, (int,)),
        ("1~2", (int,)),
        ("1", (int, int)),
        ("2026-11-21T10:30:00+01:00", (datetime,)),
        ("2026-11-21", (datetime,)),
        ("HIGH", (str,)),
        ("x" * 500, (str,)),
    ],
)
def test_a_damaged_cursor_is_refused(text, kinds):
    with pytest.raises(Invalid, match="damaged"):
        parse_cursor(text, *kinds)


def test_a_page_has_a_bounded_size():
    assert page_size(None) == 50
    assert page_size("200") == 200
    for text in ("0", "201", "-1", "x", "1e2", "9" * 400):
        with pytest.raises(Invalid):
            page_size(text)
