"""Mastodon counts links as 23 and leaves out the instance of a mention."""

import pytest

from approval.networks import NETWORKS


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("https://example.com", 23),
        ("https://example.com/" + "a" * 100, 23),
        ("http://a.co", 23),
        ("example.com", 11),
        ("@alice@social.example hi", 9),
        ("@alice hi", 9),
        ("alice@social.example", 20),
        ("https://example.com/@alice@social.example", 23),
        ("👨‍👩‍👧‍👦é", 2),
    ],
)
def test_the_count_is(text: str, used: int) -> None:
    assert NETWORKS["mastodon"].count(text).used == used


def test_the_limit_is_500() -> None:
    link = "https://example.com/" + "a" * 100
    assert not NETWORKS["mastodon"].count(link + " " + "x" * 476).over
    assert NETWORKS["mastodon"].count(link + " " + "x" * 477).over
