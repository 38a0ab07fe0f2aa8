"""What the gate keeps from being searched for could not have been found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from approval.rules import load_packs
from approval.rules.gate import Gate
from approval.rules.lexicon import Lexicon
from approval.rules.literals import Needs, Word
from approval.rules.pattern import Language, Phrases
from approval.rules.text import read

RULES = load_packs()
EXAMPLES = [example for rule in RULES.rules for example in (*rule.flags, *rule.passes)]


def open_to_all(self: Gate, reading: object) -> int:
    return (1 << 100_000) - 1


@pytest.mark.parametrize("start", range(8))
def test_findings_are_the_same_without_the_gate(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    some = EXAMPLES[start::40]
    gated = [RULES.check_facts(example.text, example.facts) for example in some]
    monkeypatch.setattr(Gate, "occurring", open_to_all)
    assert [RULES.check_facts(example.text, example.facts) for example in some] == gated


def test_a_gate_that_keeps_too_much_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "occurring", lambda self, reading: 0)
    assert not RULES.check("A risk-free way to save."), "the control: a gate that is shut hides findings"


W = {"pay": ["pays?", "paid"], "sure": ["sure", "bound to", "<pay> off"]}


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("guaranteed returns?", [{Word("guaranteed", True, True)}, {Word("return", True, False)}]),
        ("(?:no|zero) risk", [{Word("risk", True, True)}, {Word("no", True, True), Word("zero", True, True)}]),
        ("risk(?: |-)?free", [{Word("risk", True, False)}, {Word("free", False, True)}]),
        ("<pay> <3> bonus", [{Word("bonus", True, True)}, {Word("pay", True, False), Word("paid", True, True)}]),
        ("never <2> lose", [{Word("never", True, True)}, {Word("lose", True, True)}]),
        ("can't lose", [{Word("lose", True, True)}, {Word("can", True, False)}, {Word("t", False, True)}]),
        (r"\d+%", [{Word("%")}]),
        (r"\w+", []),
        ("(?i)risk", [{Word("risk", False, True)}]),
        ("(?s:risk)", []),
        (r"\x61b", [{Word("b", False, True)}]),
        (r"\141bc", [{Word("bc", False, True)}]),
        (r"\pLess", [{Word("ess", False, True)}]),
        ("(?:a|\\w+)", []),
        ("(?:⭐|★) ?5/5", [{Word("⭐"), Word("★")}, {Word("5/5", False, True)}]),
        (r"us\$ 1$", [{Word("us$", True, False)}, {Word("1", True, False)}]),
        ("(?:very )?sure thing", [{Word("thing", True, True)}, {Word("sure", True, True)}]),
    ],
)
def test_a_pattern_needs_its_most_telling_words(source: str, needed: list[set[Word]]) -> None:
    assert set(Needs(W).of(source)) == {frozenset(choice) for choice in needed}


PIECES = st.sampled_from(
    [
        "no",
        "risk",
        "sure",
        "<pay>",
        "<sure>",
        "pays?",
        "(?:win|gain)s?",
        "re-?turn",
        "can't",
        "<2> no",
        "in(?: the)?",
        "(?:very )?big",
        "%",
    ]
)
SAID = "no risk sure pay pays paid very big win gains 9% return re-turn cant can't in the off bound to , -"
TEXTS = st.lists(st.sampled_from(SAID.split()), max_size=12)


@settings(deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=4), TEXTS)
def test_whatever_a_pattern_finds_the_gate_lets_through(pieces: list[str], words: list[str]) -> None:
    phrases = Phrases([" ".join(pieces)], Language(W))
    gate = Gate([phrases])
    reading = read(" ".join(words), Lexicon([]))
    if list(phrases.spans(reading)):
        assert gate.occurring(reading)
