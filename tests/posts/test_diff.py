from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from approval.posts.diff import Segment, diff

WORDS = st.lists(st.sampled_from(["rates", "may", "fall", "at", "any", "\n", " ", "5%"]), max_size=40).map("".join)


def test_a_changed_word_is_one_change():
    assert diff("Rates may fall soon.", "Rates will fall soon.") == (
        Segment("kept", "Rates "),
        Segment("removed", "may"),
        Segment("added", "will"),
        Segment("kept", " fall soon."),
    )


def test_nothing_changed_is_all_kept():
    assert diff("Same words.", "Same words.") == (Segment("kept", "Same words."),)
    assert diff("", "") == ()


@given(WORDS, WORDS)
def test_the_segments_spell_both_texts(before, after):
    segments = diff(before, after)
    assert "".join(s.text for s in segments if s.kind != "added") == before
    assert "".join(s.text for s in segments if s.kind != "removed") == after
    assert all(one.kind != other.kind for one, other in pairwise(segments))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a " * 50_000, "a b " * 25_000),
        ("a " * 990 + "z", "b " + "a b " * 490),
        (" ".join(map(str, range(18_000))), " ".join(map(str, range(18_000, 0, -1)))),
        ("x\n" * 50_000, "y\n" * 49_999 + "z"),
        ("x" * 100_000, "y" * 100_000),
    ],
)
def test_the_longest_texts_are_compared_within_two_seconds(before, after):
    started = time.perf_counter()
    segments = diff(before, after)
    assert time.perf_counter() - started < 2
    assert "".join(s.text for s in segments if s.kind != "added") == before
    assert "".join(s.text for s in segments if s.kind != "removed") == after
