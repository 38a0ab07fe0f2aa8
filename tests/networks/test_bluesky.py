"""Bluesky counts graphemes and bytes, and its facets point at bytes."""

import pytest
from hypothesis import given, strategies as st

from approval.networks import NETWORKS
from approval.networks.bluesky import Facet, facets

BLUESKY = NETWORKS["bluesky"]

# docs.bsky.app, "Links, mentions, and rich text".
EXAMPLE = "✨ example mentioning @atproto.com to share the URL 👨‍❤️‍👨 https://en.wikipedia.org/wiki/CBOR."


def test_the_documented_example_has_the_documented_facets() -> None:
    assert facets(EXAMPLE) == (
        Facet("mention", 23, 35, "atproto.com"),
        Facet("link", 74, 108, "https://en.wikipedia.org/wiki/CBOR"),
    )


@given(
    st.lists(
        st.sampled_from(["é", "👨‍❤️‍👨", " ", "#Zins", "@a.bsky.social", "https://example.com/ä", "example.com", "\n"])
    )
)
def test_the_bytes_of_a_facet_are_what_it_names(parts: list[str]) -> None:
    text = "".join(parts)
    written = text.encode()
    for facet in facets(text):
        named = written[facet.byte_start : facet.byte_end].decode()
        assert facet.value == {"link": named, "hashtag": named[1:], "mention": named[1:]}[facet.kind] or (
            facet.kind == "link" and facet.value == f"https://{named}"
        )


@pytest.mark.parametrize(
    ("text", "over"), [("👨‍❤️‍👨" * 111, False), ("👨‍❤️‍👨" * 151, True), ("x" * 300, False), ("x" * 301, True)]
)
def test_either_limit_is_enough_to_be_over(text: str, over: bool) -> None:
    assert BLUESKY.count(text).over is over


def test_the_bytes_are_a_further_count() -> None:
    count = BLUESKY.count("é" * 10)
    (in_bytes,) = count.further
    assert (count.used, count.unit, in_bytes.used, in_bytes.limit, in_bytes.unit) == (
        10,
        "graphemes",
        20,
        3_000,
        "bytes",
    )


def test_a_text_over_in_bytes_alone_is_refused_in_bytes() -> None:
    (problem,) = BLUESKY.problems("👨‍❤️‍👨" * 151, images=0, alts=[])
    assert problem.what == "Bluesky takes at most 3,000 bytes; this text has 3,020, 20 too many."


def test_a_tag_longer_than_the_lexicon_allows_is_plain_text() -> None:
    assert [facet.value for facet in facets(f"#{'a' * 64} #{'b' * 65}")] == ["a" * 64]
