"""The words of a link are read like all others, and what is found in them points to them as they were typed."""

from __future__ import annotations

import re

import pytest

from approval.rules import RuleSet, load_packs

CLAIM = "guaranteed returns"


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_packs()


def claims_in(rules: RuleSet, text: str) -> list[str]:
    """What the rule against promised returns found, as it stands in the text; the tag that ends a link may close it."""
    found = [f for f in rules.check(text, channel="blog", regime="us-bd") if f.topic == "guarantee"]
    assert all(f.start is not None and text[f.start : f.end] == f.match for f in found)
    return [re.sub("</a>$", "", f.match, flags=re.IGNORECASE) for f in found]


@pytest.mark.parametrize(
    "text",
    [
        f'Read <a href="https://northwind.example/rates">our {CLAIM} of 8%</a> today.',
        f"Read <A HREF='https://northwind.example/rates' TITLE=rates>our {CLAIM}</A> today.",
        f"Read [our {CLAIM} of 8%](https://northwind.example/rates) today.",
        f'Read [our {CLAIM}](https://northwind.example/rates "Rates") today.',
        f"Read [our {CLAIM}][1] today.\n\n[1]: https://northwind.example/rates",
    ],
    ids=["HTML", "HTML in capitals", "Markdown", "Markdown with a title", "Markdown by reference"],
)
def test_a_claim_in_the_text_of_a_link_is_found_where_it_stands(rules: RuleSet, text: str):
    assert claims_in(rules, text) == [CLAIM]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('Read <a href="https://northwind.example/">our guar<b>anteed</b> returns</a>.', "guar<b>anteed</b> returns"),
        ("Read [our **guaranteed** returns](https://northwind.example/).", "guaranteed** returns"),
    ],
    ids=["HTML", "Markdown"],
)
def test_emphasis_in_the_text_of_a_link_hides_nothing(rules: RuleSet, text: str, match: str):
    assert claims_in(rules, text) == [match]


def test_a_link_with_innocent_words_is_left_alone(rules: RuleSet):
    assert claims_in(rules, 'Read <a href="https://northwind.example/rates">our rates</a>.') == []
    assert claims_in(rules, "Read [our rates](https://northwind.example/rates).") == []
