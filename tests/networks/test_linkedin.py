"""LinkedIn's little text is written so that it reads back as the approved words."""

import pytest
from hypothesis import given, strategies as st

from approval.networks import NETWORKS
from approval.networks.linkedin import escape, unescape

RESERVED = "\\<>#~_|[]*(){}@"


@given(st.text(st.characters() | st.sampled_from(RESERVED)))
def test_what_is_escaped_reads_back_the_same(text: str) -> None:
    assert unescape(escape(text)) == text


@pytest.mark.parametrize("character", RESERVED)
def test_a_reserved_character_is_escaped_everywhere(character: str) -> None:
    assert escape(f"a{character}{character}b") == f"a\\{character}\\{character}b"


def test_nothing_else_is_escaped() -> None:
    plain = "Rates rise 0.25%; see https://example.com/a-b?c=d&e=1 — “today”, £5 + $3 = ^`!'\n"
    assert escape(plain) == plain


def test_a_backslash_that_was_approved_survives() -> None:
    assert escape(r"\(") == r"\\\("
    assert unescape(r"\\\(") == r"\("


def test_the_fold_comes_after_210_characters() -> None:
    linkedin = NETWORKS["linkedin"]
    assert linkedin.fold("x" * 210) is None
    assert linkedin.fold("x" * 211) == 210


def test_the_fold_splits_no_grapheme() -> None:
    family = "👨‍👩‍👧‍👦"
    assert NETWORKS["linkedin"].fold("x" * 208 + family + "x") == 208
    assert NETWORKS["linkedin"].fold("x" * (210 - len(family)) + family + "x") == 210
