"""A preview shows every character once, in order, and links lead only to http and https."""

import pytest
from hypothesis import given, strategies as st

from approval.networks import NETWORKS

PIECES = [
    " ", "\n", ".", "(", ")", "a", "é", "文", "👨‍👩‍👧‍👦", "#Rates", "#1", "@acme", "@a@b.example",
    "@a.bsky.social", "example.com", "http://", "https://example.com/a_(b)?c=1", "HTTPS://EXAMPLE.COM",
    "javascript:alert(1)", "data:text/html,x", "info@example.com", '"', "<b>", "\u202e", "\ud800", "\x00", "http://a\"b.com",
]  # fmt: skip


def kinds(slug: str, text: str) -> list[tuple[str, str]]:
    return [(part.kind, part.text) for part in NETWORKS[slug].segments(text) if part.kind != "plain"]


@pytest.mark.parametrize("slug", NETWORKS)
@given(text=st.lists(st.sampled_from(PIECES)).map("".join) | st.text(max_size=200))
def test_segments_cover_the_text_once_and_in_order(slug: str, text: str) -> None:
    parts = NETWORKS[slug].segments(text)
    assert "".join(part.text for part in parts) == text
    at = 0
    for part in parts:
        assert (part.start, part.text) == (at, text[part.start : part.end])
        assert part.end > part.start
        at = part.end


@pytest.mark.parametrize("slug", NETWORKS)
@given(text=st.lists(st.sampled_from(PIECES)).map("".join))
def test_a_link_leads_only_to_http_or_https(slug: str, text: str) -> None:
    for part in NETWORKS[slug].segments(text):
        assert (part.href is not None) == (part.kind == "link")
        if part.href is not None:
            assert part.href.lower().startswith(("http://", "https://"))
            assert not set(part.href) & set(' \n"<>\\`\x00\u202e\ud800')


@pytest.mark.parametrize(
    ("slug", "found"),
    [
        (
            "x",
            [
                ("link", "example.com"),
                ("hashtag", "#Rates"),
                ("mention", "@acme"),
                ("link", "https://a.co/b"),
            ],
        ),
        ("linkedin", [("link", "example.com"), ("hashtag", "#Rates"), ("link", "https://a.co/b")]),
        ("facebook", [("link", "example.com"), ("hashtag", "#Rates"), ("link", "https://a.co/b")]),
        ("instagram", [("hashtag", "#Rates"), ("mention", "@acme")]),
        ("bluesky", [("link", "example.com"), ("hashtag", "#Rates"), ("link", "https://a.co/b")]),
        ("mastodon", [("hashtag", "#Rates"), ("mention", "@acme"), ("link", "https://a.co/b")]),
        ("blog", [("link", "https://a.co/b")]),
    ],
)
def test_each_network_finds_its_own(slug: str, found: list[tuple[str, str]]) -> None:
    assert kinds(slug, "See example.com, #Rates #1 @acme info@acme.com (https://a.co/b).") == found


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://example.com/a.", "https://example.com/a"),
        ("(https://example.com/a)", "https://example.com/a"),
        ("https://en.wikipedia.org/wiki/A_(b)", "https://en.wikipedia.org/wiki/A_(b)"),
        ("“https://example.com/?q=1”,", "https://example.com/?q=1"),
        ("https://example.newtopleveldomain/x", "https://example.newtopleveldomain/x"),
    ],
)
def test_a_sentence_does_not_become_part_of_its_link(text: str, address: str) -> None:
    assert ("link", address) in kinds("blog", text)


def test_a_bare_domain_is_reached_over_https() -> None:
    (part,) = NETWORKS["x"].segments("example.com")
    assert part.href == "https://example.com"


def test_a_text_longer_than_any_network_takes_is_plain() -> None:
    (part,) = NETWORKS["x"].segments("#a " * 100_000)
    assert part.kind == "plain"


@pytest.mark.parametrize("slug", NETWORKS)
@given(text=st.text(st.sampled_from("a👨\u200d\u0301 \n"), min_size=100, max_size=600))
def test_what_is_shown_and_what_is_hidden_make_the_text(slug: str, text: str) -> None:
    network = NETWORKS[slug]
    preview = network.preview(text)
    shown = "".join(part.text for part in preview.shown)
    assert shown + "".join(part.text for part in preview.hidden) == text
    assert len(shown) == (len(text) if network.fold(text) is None else network.fold(text))


def test_a_link_across_the_fold_leads_to_the_same_place_from_both_sides() -> None:
    address = "https://example.com/" + "a" * 100
    preview = NETWORKS["linkedin"].preview("x" * 150 + " " + address)
    assert preview.shown[-1].href == preview.hidden[0].href == address
