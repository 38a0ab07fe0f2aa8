"""What the gate keeps from being searched for could not have been found."""

from __future__ import annotations

import pytest
import re2
from hypothesis import assume, given, settings, strategies as st

from approval.rules import edges, literals, load_packs
from approval.rules.bits import bits, set_bits
from approval.rules.finding import RuleError
from approval.rules.gate import Gate
from approval.rules.lexicon import Lexicon
from approval.rules.literals import Needs
from approval.rules.needed import Pair, Word
from approval.rules.pattern import Expressions, Language, Phrases
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


def whole(*words: str) -> frozenset[Word]:
    return frozenset(Word(word, True, True) for word in words)


def start(*words: str) -> frozenset[Word]:
    return frozenset(Word(word, True) for word in words)


def beside(first: frozenset[Word], second: frozenset[Word]) -> frozenset[Pair]:
    return frozenset((Pair(first, second),))


CAN_T = frozenset((beside(whole("can"), whole("t")), beside(whole("t"), whole("lose"))))


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("guaranteed returns?", [beside(whole("guaranteed"), start("return"))]),
        ("(?:no|zero) risk", [beside(whole("no", "zero"), whole("risk"))]),
        ("risk(?: |-)?free", [start("risk"), {Word("free", False, True)}]),
        ("<pay> <3> bonus", [whole("bonus"), start("pay") | whole("paid")]),
        ("never <2> lose", [whole("never"), whole("lose")]),
        ("can't lose", [{CAN_T} | beside(whole("cant"), whole("lose"))]),
        (r"\d+%", [{Word("%")}]),
        (r"\w+", []),
        ("(?i)risk", [{Word("risk", False, True)}]),
        ("(?s:risk)", []),
        (r"\x61bcd", [{Word("bcd", False, True)}]),
        (r"\141bcd", [{Word("bcd", False, True)}]),
        (r"\pLess", [{Word("ess", False, True)}]),
        ("(?:a|\\w+)", []),
        ("(?:⭐|★) ?5/5", [{Word("⭐"), Word("★")}, {Word("5/5", False, True)}]),
        ("[⭐★] rated", [{Word("⭐"), Word("★")}, whole("rated")]),
        (r"us\$ 1$", [beside(whole("us"), whole("1")), {Word("us$", True, False)}]),
        (r"\bad[:|]", [whole("ad"), {Word(":"), Word("|")}]),
        ("(?:very )?sure thing", [whole("sure"), whole("thing")]),
        (
            "<sure> thing",
            [
                beside(whole("sure", "to", "off"), whole("thing")),
                whole("sure")
                | beside(whole("bound"), whole("to"))
                | beside(start("pay") | whole("paid"), whole("off")),
            ],
        ),
        ("café noir", [beside(whole("caf"), whole("noir")), {Word("café", True, True)}]),
    ],
)
def test_a_pattern_needs_its_most_telling_words(source: str, needed: list[set[object]]) -> None:
    assert set(Needs(W).of(source)) == {frozenset(choice) for choice in needed}


PIECES = st.sampled_from(
    [
        "no", "risk", "sure", "<pay>", "<sure>", "pays?", "(?:win|gain)s?", "re-?turn", "can't", "i'm", "<2> no",
        "in(?: the)?", "(?:very )?big", "%", r"\$?\d+", "(?:up to |off )*", "[.,]", r"\bin\b", "^no", "off$",
        "(?: no)?", "(?:big|no risk|in the) ?", "(?:pay|win)(?:s|ning)?", "é", "[0-9a-f]+", "(?:no|)", "pay{2}", r"\w+",
    ]
)  # fmt: skip
JOINTS = st.sampled_from((" ", " ", " ", "", "-?", " ?", "[ -]", r"(?:\w+ )?", ", ", "'"))
SAID = "no risk sure pay pays payy paid very big win winning gains 9% $5 return re-turn cant can't i'm im m in off é to"
BETWEEN = st.sampled_from((" ", " ", " ", ", ", "-", "_", "'", "", ". ", "\n", " \u2728 "))


@st.composite
def joined(draw: st.DrawFn, pieces: st.SearchStrategy[str], joints: st.SearchStrategy[str], most: int) -> str:
    words = draw(st.lists(pieces, min_size=1, max_size=most))
    return words[0] + "".join(draw(joints) + word for word in words[1:])


@settings(deadline=None, max_examples=2_000)
@given(joined(PIECES, JOINTS, 4), joined(st.sampled_from(SAID.split()), BETWEEN, 12))
def test_whatever_a_pattern_finds_the_gate_lets_through(source: str, text: str) -> None:
    try:
        phrases = Phrases([source], Language(W))
        phrases.ensure_compiled()
    except RuleError:
        assume(False)
    gate = Gate([phrases])
    reading = read(text, Lexicon([]))
    if list(phrases.spans(reading)):
        assert gate.occurring(reading) == 0b1


@settings(deadline=None, max_examples=1_000)
@given(st.lists(joined(PIECES, JOINTS, 3), min_size=2, max_size=5), joined(st.sampled_from(SAID.split()), BETWEEN, 12))
def test_patterns_of_a_list_find_what_one_with_bars_between_them_would(sources: list[str], text: str) -> None:
    try:
        phrases = Phrases(sources, Language(W))
        phrases.ensure_compiled()
    except RuleError:
        assume(False)
    Gate([phrases])
    reading = read(text, Lexicon([]))
    assume(not any(re2.fullmatch(expression, b"") for expression in phrases.expressions))
    together = Expressions(["|".join(phrases.expressions)])
    apart = Expressions(phrases.expressions)
    assert list(apart.spans(reading)) == list(together.spans(reading))


LOSE = {"lose": ["lose (?:the|their|it)", "drops?!"], "may": ["(?:may|might) <lose>", "<lose>"]}


@pytest.mark.parametrize("source", ["<lose>", "<may>", "(?:may <lose>|gone!)", "(?:may )?<lose>"])
def test_a_way_that_stops_inside_a_word_hides_none_that_goes_on(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = read("They may lose their money.", Lexicon([]))
    assert [reading.typed(*span).removeprefix("may ") for span in Phrases([source], Language(LOSE)).spans(reading)] == [
        "lose their"
    ]
    monkeypatch.setattr(Language, "_edged_way", lambda self, way, **_: way)
    assert not list(Phrases([source], Language(LOSE)).spans(reading)), "the control: “lose the” is found, and no word"


@pytest.mark.parametrize(
    ("end", "found"), [("{0,9}", "No sure thing "), ("{1,10}", "No sure thing "), ("{0,3}", "No sure ")]
)
def test_a_pattern_that_takes_the_rest_of_a_sentence_stops_where_a_word_does(
    end: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = read("No sure thing everywhere.", Lexicon([]))
    phrases = Phrases([rf"no sure[^.!?\n]{end}"], Language(W))
    assert [reading.typed(*span) for span in phrases.spans(reading)] == [found]
    monkeypatch.setattr(Language, "_edged_way", lambda self, way, **_: way)
    cut = [reading.typed(*span) for span in Phrases([rf"no sure[^.!?\n]{end}"], Language(W)).spans(reading)]
    assert cut != [found], "the control: so many letters end inside a word, or on a blank"


def test_only_the_patterns_whose_words_stand_in_a_text_are_compiled() -> None:
    phrases = Phrases(["sure thing", "no risk"], Language(W))
    reading = read("There is no risk.", Lexicon([]))
    reading.occurring = Gate([phrases]).occurring(reading)
    assert list(phrases.spans(reading)) == [(9, 16)]
    assert [compiled is not None for compiled in phrases._compiled] == [False, True]


@pytest.mark.parametrize("together", [1, 2, 7])
def test_neighbours_are_seen_across_the_tokens_looked_at_together(
    together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate([Phrases(["steady returns"], Language({}))])
    texts = [" ".join(["x"] * before) + " steady returns" for before in range(8)]
    monkeypatch.setattr("approval.rules.gate._MOST_TOGETHER", together)
    assert [gate.occurring(read(text, Lexicon([]))) for text in texts] == [0b1] * 8
    assert gate.occurring(read("returns steady", Lexicon([]))) == 0, "the control: the wrong way round is no pair"


@pytest.mark.parametrize("places", [[], [0], [7, 8], [64], list(range(0, 3_000, 7)), [12_345, 1]])
def test_bits_are_told_one_by_one(places: list[int]) -> None:
    assert sorted(set_bits(bits(places))) == sorted(places)


def test_a_word_that_is_taken_to_end_too_soon_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def let_through() -> int:
        return Gate([Phrases(["steady returns? (?:now|today)"], Language({}))]).occurring(
            read("Steady returns today", Lexicon([]))
        )

    assert let_through() == 0b1
    monkeypatch.setattr(literals, "edge_from", lambda *_: True)
    monkeypatch.setattr(edges, "edge_from", lambda *_: True)
    assert not let_through(), "the control: what looks for “return” alone misses “returns”"
