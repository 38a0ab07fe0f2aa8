"""X counts as its published cases say, and no text can make it count for long."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from approval.networks import NETWORKS, twitter

X = NETWORKS["x"]
PUBLISHED = json.loads((Path(__file__).parent / "vectors" / "x-v3.json").read_text("utf-8"))


@pytest.mark.parametrize("case", PUBLISHED["cases"], ids=lambda case: case["name"])
def test_a_published_case_counts_as_published(case: dict) -> None:
    assert X.count(case["text"]).used == case["weighted"]
    assert (not X.problems(case["text"], images=0, alts=[])) == case["valid"]


def test_the_published_cases_are_all_there() -> None:
    groups = [case["group"] for case in PUBLISHED["cases"]]
    assert groups.count("v3, discounted emoji") == 22
    assert groups.count("v3, directional markers") == 2
    assert X.limit == PUBLISHED["limit"]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("Hi http://test.co", 26),
        ("http://test.co", 23),
        ("example.com", 23),
        ("example.notatopleveldomain", 26),
        ("info@example.com", 16),
        ("A\u0301B", 2),
        ("文" * 160, 320),
        ("https://www.twitter.com/aloha " * 10, 240),
        ("👨‍👩‍👧‍👦", 2),
        ("one\ntwo", 7),
    ],
)
def test_the_weight_is(text: str, weight: int) -> None:
    assert X.count(text).used == weight


@pytest.mark.parametrize("length", [280, 281])
def test_the_limit_is_280(length: int) -> None:
    count = X.count("x" * length)
    assert (count.over, count.remaining) == (length > 280, 280 - length)


@pytest.mark.parametrize("character", ["\ufffe", "\ufeff", "\uffff", "\ud800", "\x00", "\x0b"])
def test_an_invalid_character_is_named_with_its_place(character: str) -> None:
    (problem,) = X.problems(f"abc{character}", images=0, alts=[])
    assert (problem.where, f"U+{ord(character):04X} (character 4)" in problem.what) == ("text", True)


HOSTILE = {
    "labels": "a.",
    "cjk": "あ" * 500 + ".",
    "marks": "a\u0301\u0316",
    "flags": "🇩",
    "parentheses": "http://a.co/(a)",
    "links": "a.com ",
    "joiners": "👨\u200d",
    "surrogates": "\udc00.",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("length", [4_000, 50_000, 1_000_000])
def test_a_hostile_text_is_counted_in_bounded_time(unit: str, length: int) -> None:
    text = (unit * (length // len(unit) + 1))[:length]
    begun = time.process_time()
    assert X.count(text).over
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("text", ["a." * 2_000, "ああ." * 1_000, "a" + "\u0301" * 2_001, "a" * 50_001])
def test_without_the_guard_these_would_run_for_long(text: str) -> None:
    assert not twitter.is_affordable(text)


@given(st.text(st.sampled_from("aあ.-/:@ \u0301👨\u200d"), max_size=280))
def test_a_text_of_280_code_points_is_always_counted_exactly(text: str) -> None:
    assert twitter.is_affordable(text)


@pytest.mark.parametrize("unit", ["a.", "あ", "あ.", "-.", "\u0301", ". ", "((a))."])
def test_the_dearest_text_of_280_code_points_is_still_counted_exactly(unit: str) -> None:
    assert twitter.is_affordable((unit * 280)[:280])


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="."), max_size=60))
def test_without_links_and_emoji_the_guarded_weight_is_never_less(text: str) -> None:
    dear = text + "\u0301" * 2_001
    assert not twitter.is_affordable(dear)
    assert twitter.weigh(dear) >= twitter.weigh(text)
