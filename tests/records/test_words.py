"""Words are found as people read them, and what cannot be looked for is refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from approval.errors import Invalid
from approval.records.words import MOST_TERMS, Term, excerpt, hits_in, parse_terms, words_of


def folded(text):
    return [word.folded for word in words_of(text)]


def test_a_word_is_letters_and_digits_without_case_and_accents():
    assert folded("Zürich’s Straße: 401(k), 9%!") == ["zurich", "s", "strasse", "401", "k", "9"]
    assert folded("e\u0301te\u0301 ﬁxed Ⅻ") == ["ete", "fixed", "xii"]
    assert folded("利回り") == ["利", "回", "り"], "scripts without spaces are read sign by sign"
    assert folded("\ue000w6e") == ["w6e"], "the mark of a fact is no part of any word"


def test_a_query_is_words_phrases_and_beginnings():
    assert parse_terms("fees “no risk” guarant* don't") == (
        Term(("fees",)),
        Term(("no", "risk")),
        Term(("guarant",), beginning=True),
        Term(("don", "t")),
    )
    assert parse_terms('"open end') == (Term(("open", "end")),)
    assert parse_terms("") == ()


@pytest.mark.parametrize("asked", ['"', "***", "a*", "w" * 201, "one " * (MOST_TERMS + 1), "()&|!:", "—"])
def test_what_holds_no_word_or_too_many_is_refused(asked):
    with pytest.raises(Invalid) as refused:
        parse_terms(asked)
    assert refused.value.problems[0].where == "words"


def test_hits_are_where_the_text_says_it():
    text = "No risk? There is NO  risk, and no riskier risk."
    assert [text[a:b] for a, b in hits_in(text, parse_terms('"no risk"'))] == ["No risk", "NO  risk"]
    assert [text[a:b] for a, b in hits_in(text, parse_terms("risk*"))] == ["risk", "risk", "riskier", "risk"]
    assert hits_in("a b c", parse_terms('"a b" "b c"')) == [(0, 5)], "places that overlap are one"


def test_an_excerpt_shows_the_first_hit_with_what_stands_around_it():
    text = "word " * 100 + "guaranteed returns " + "end " * 100
    said = excerpt(text, parse_terms("returns"))
    assert [segment.text for segment in said if segment.hit] == ["returns"]
    assert said[0].text == "… " and said[-1].text == " …"
    assert "guaranteed" in "".join(segment.text for segment in said) and sum(len(s.text) for s in said) < 400
    assert "".join(segment.text for segment in excerpt("short", ())) == "short"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.text(min_size=1, max_size=12))
def test_an_excerpt_is_the_text_in_whatever_script(text, asked):
    try:
        terms = parse_terms(asked)
    except Invalid:
        return
    said = "".join(segment.text for segment in excerpt(text, terms, length=10_000))
    assert said.removeprefix("… ") in text or said == text
    for start, end in hits_in(text, terms):
        assert 0 <= start < end <= len(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_every_word_of_a_text_finds_it(text):
    for word in words_of(text):
        terms = parse_terms(text[word.start : word.end])
        assert hits_in(text, terms), word
