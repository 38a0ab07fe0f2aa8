"""Examples as lines of a form: what a form does not show is kept."""

from __future__ import annotations

from approval.screening.lines import examples_in, told_as_lines

UK = {"text": "Sure thing. ", "regime": "uk"}
EU = {"text": "Sure thing.", "regime": "eu"}
BROKEN = "Sure\u2028thing.\nReally."


def test_examples_alike_but_for_their_facts_keep_them():
    assert examples_in(told_as_lines([UK, EU]), [UK, EU]) == [UK, EU]


def test_one_of_two_alike_that_is_left_keeps_its_own():
    assert examples_in("Sure thing.\r\nAnother.", [UK, EU]) == [UK, "Another."]


def test_a_break_inside_an_example_makes_no_second_one():
    assert examples_in(told_as_lines([BROKEN])) == [BROKEN]
