"""Graphemes are counted as UAX #29 divides them, in linear time."""

import time

import regex
from hypothesis import given, strategies as st

from approval.networks import graphemes

FLAGS_AND_NEIGHBOURS = st.text(st.sampled_from("a🇩🇪🇬\u0301\u200d👨🏾\u0600क्\u1100\u1161\r\n"), max_size=30)


@given(FLAGS_AND_NEIGHBOURS)
def test_standing_in_for_flags_changes_no_count(text: str) -> None:
    assert graphemes.count(text) == len(regex.findall(r"\X", text))


def test_a_long_run_of_flags_takes_no_time() -> None:
    begun = time.process_time()
    assert graphemes.count("🇩🇪" * 100_000) == 100_000
    assert time.process_time() - begun < 2


def test_a_text_beyond_the_longest_is_counted_in_code_points() -> None:
    assert graphemes.count("\u0301" * (graphemes.LONGEST + 1)) == graphemes.LONGEST + 1


@given(FLAGS_AND_NEIGHBOURS.filter(bool), st.data())
def test_a_boundary_splits_no_cluster(text: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(text) - 1))
    ends = [0, *(cluster.end() for cluster in regex.finditer(r"\X", text))]
    assert graphemes.boundary(text, index) == max(end for end in ends if end <= index)
