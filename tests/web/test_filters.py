from __future__ import annotations

from datetime import UTC, datetime

import pytest

from approval.errors import BadTime
from approval.web import filters

AT = datetime(2026, 7, 4, 22, 30, tzinfo=UTC)


def test_an_instant_is_written_with_its_zone():
    assert filters.local(AT, "Europe/Zurich") == "5 Jul 2026, 00:30 CEST"
    assert filters.local("2026-07-04T22:30:00Z") == "4 Jul 2026, 22:30 UTC"
    with pytest.raises(BadTime):
        filters.local(AT, "Nowhere/Here")


def test_the_day_is_the_day_there():
    assert filters.day(AT, "Europe/Zurich") == "Sunday, 5 July 2026"
    assert filters.day(AT, "UTC") == "Saturday, 4 July 2026"
    assert filters.day(AT.date()) == "Saturday, 4 July 2026"


def test_a_digest_is_written_short():
    assert filters.short(bytes(range(32))) == "000102030405"
    assert filters.short("ab" * 32, 4) == "abab"
