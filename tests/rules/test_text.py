"""A text is read so that disguises fall, and every place leads back to what was typed."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from approval.rules import LARGEST, RuleError, load_packs
from approval.rules.lexicon import Lexicon
from approval.rules.text import LONGEST_SENTENCE, read

LEXICON = Lexicon(
    [
        "risk",
        "free",
        "no",
        "loss",
        "cash",
        "instant",
        "fdic",
        "check",
        "credit",
        "double",
        "strategy",
        "money",
        "lose",
        "cannot",
    ],
    corrected=["guaranteed", "principal"],
    kept=["guarantor"],
)
DISGUISES = {
    "zero-width": ("gu\u200barant\u2060eed", "guaranteed"),
    "soft-hyphen": ("guaran\u00adteed", "guaranteed"),
    "bidi-control": ("\u202eguaranteed\u202c", "guaranteed"),
    "full-width": ("ｇｕａｒａｎｔｅｅｄ", "guaranteed"),
    "mathematical-bold": ("𝗚𝘂𝗮𝗿𝗮𝗻𝘁𝗲𝗲𝗱", "guaranteed"),
    "small-capitals": ("ɢᴜᴀʀᴀɴᴛᴇᴇᴅ", "guaranteed"),
    "circled": ("ⓡⓘⓢⓚ", "risk"),
    "negative-squared": ("🆁🅸🆂🅺", "risk"),
    "combining-marks": ("g\u0301uar\u0301anteed", "guaranteed"),
    "strike-through": ("n\u0336o\u0336", "no"),
    "cyrillic-in-latin": ("guаrаnteеd", "guaranteed"),
    "greek-in-latin": ("guαranteed", "guaranteed"),
    "leetspeak": ("gu@r4nt33d", "guaranteed"),
    "leetspeak-short": ("n0", "no"),
    "currency-letters": ("ca$h", "cash"),
    "stars": ("inst*nt", "instant"),
    "dotted-letters": ("r.i.s.k", "risk"),
    "slashed-letters": ("l/o/s/s", "loss"),
    "spaced-letters": ("g u a r a n t e e d", "guaranteed"),
    "spaced-acronym": ("F D I C", "fdic"),
    "short-word-beside-a-split-one": ("n/o l/o/s/s", "no loss"),
    "thin-blank-in-a-word": ("dou\u2009ble", "double"),
    "stars-in-a-row": ("g**ranteed", "guaranteed"),
    "acronym-in-a-tag": ("#FDICcheck", "#fdic check"),
    "held-and-misspelt": ("garanteeeed", "guaranteed"),
    "camel-case-tag": ("#RiskFree", "#risk free"),
    "run-together-tag": ("#nolossstrategy", "#no loss strategy"),
    "handle": ("@ZeroRiskNotes", "@zero risk notes"),
    "html-entity": ("&#114;isk", "risk"),
    "html-entity-twice": ("&amp;#114;isk", "risk"),
    "html-soft-hyphen": ("ri&shy;sk", "risk"),
    "html-tag": ("<b>ri</b>sk", "risk"),
    "held-letters": ("doooouble", "double"),
    "misspelt": ("garanteed", "guaranteed"),
    "swapped": ("prinicpal", "principal"),
    "hyphen-and-line-break": ("guaran-\nteed", "guaranteed"),
    "broken-word": ("guaran teed", "guaranteed"),
    "keycap": ("0️⃣risk", "0 risk"),
    "footnote": ("risk¹²", "risk  "),
    "trade-mark": ("risk™℠", "risk  "),
    "circled-number": ("①risk", " risk"),
    "emphasised": ("__risk_ no_loss", "  risk  no loss"),
    "entity-of-a-long-name": ("ri&ZeroWidthSpace;sk", "risk"),
    "attribute": ("<b id=x>ri</b>sk", "risk"),
    "curly-quotes": ("“risk”", '"risk"'),
    "non-breaking-hyphen": ("risk‑free", "risk-free"),
}
HONEST = {
    "greek": "Το κεφάλαιο μπορεί να χαθεί.",
    "russian": "Стоимость может упасть.",
    "numbers": "10x 401k q3 3d 2nd covid19 s&p500",
    "guarantor": "a guarantor signs",
    "acronym": "the u.s. economy",
    "neighbours": "less risk. free webinar",
    "double-letters": "book account committee",
    "email": "help_desk@bank.example",
    "handle": "@ann_lee",
    "address": "https://bank.example/a_b",
    "two-letters": "n/a, w/o and a.m.",
}


@pytest.mark.parametrize(("typed", "meant"), DISGUISES.values(), ids=DISGUISES.keys())
def test_a_disguised_word_is_read_as_what_it_means(typed: str, meant: str) -> None:
    assert read(typed, LEXICON).plain.decode() == meant


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST.keys())
def test_honest_words_stay_as_they_are(text: str) -> None:
    plain = read(text, LEXICON).plain.decode()
    assert plain.replace("ё", "е") == "".join(c for c in _without_marks(text.lower()))


def _without_marks(text: str) -> str:
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


@pytest.mark.parametrize(("typed", "meant"), DISGUISES.values(), ids=DISGUISES.keys())
def test_a_place_in_the_reading_leads_back_to_the_typed_word(typed: str, meant: str) -> None:
    text = f"So: {typed} ée, they say"
    reading = read(text, LEXICON)
    at = reading.plain.index(meant.encode())
    start, end = reading.place(at, at + len(meant.encode()))
    around = text[max(0, start - 1) : end + 1]
    assert text[start:end] in typed and len(text[start:end]) >= len(typed) - 10
    assert "they" not in around


@pytest.mark.parametrize("text", ["<no risk> of loss", "<b no risk>", "a <3 b > c", '<a title="no risk">'])
def test_what_is_no_tag_stays(text: str) -> None:
    assert read(text, LEXICON).plain.decode() == text


def test_a_row_of_stops_takes_no_longer_than_any_text() -> None:
    """Tried from each stop, 200,000 of them take a quarter of an hour."""
    reading = read("No risk " + "." * 200_000 + "x", LEXICON)
    assert reading.sentence(3, 7) == (0, LONGEST_SENTENCE)


def test_a_thin_blank_between_words_parts_them() -> None:
    assert read("100\u202f000 and risk\u2009free", LEXICON).plain == b"100 000 and risk free"


def test_a_word_is_not_unmasked_into_one_that_the_rules_do_not_know() -> None:
    assert read("w3b p@rk", LEXICON).plain == b"w3b p@rk"


def test_a_line_break_before_a_capital_ends_the_sentence_and_another_does_not() -> None:
    assert read("Low risk\nFree trades", LEXICON).plain == b"low risk\nfree trades"
    assert read("low risk\nfree trades", LEXICON).plain == b"low risk free trades"


def test_a_sentence_ends_at_its_stop_and_not_at_an_abbreviation() -> None:
    reading = read("We are no. 1 here. You may lose. End", LEXICON)
    start, end = reading.sentence(3, 6)
    assert reading.plain[start:end] == b"we are no. 1 here. "


def test_a_sentence_ends_where_the_blank_was_left_out_and_not_inside_a_link() -> None:
    reading = read("Not so!We lose. https://x.example/?q=risk", LEXICON)
    assert [reading.plain[slice(*reading.sentence(at, at + 1))] for at in (1, 9, 20)] == [
        b"not so!",
        b"we lose. ",
        b"https://x.example/?q=risk",
    ]


def test_a_sentence_has_a_bounded_length() -> None:
    reading = read("word " * 5_000, LEXICON)
    start, end = reading.sentence(9_000, 9_004)
    assert end - start <= 2 * LONGEST_SENTENCE


def test_a_text_over_the_limit_is_refused_and_one_at_it_is_read() -> None:
    assert len(read("a" * LARGEST, LEXICON).plain) == LARGEST
    with pytest.raises(RuleError, match="1,000,001 characters"):
        read("a" * (LARGEST + 1), LEXICON)


def test_lone_surrogates_are_read_as_replacement_characters() -> None:
    assert read("ri\ud800sk", LEXICON).plain.decode() == "ri\ufffdsk"


@given(st.text(max_size=300))
def test_every_place_lies_inside_the_text(text: str) -> None:
    reading = read(text, LEXICON)
    lowered = reading.plain.decode()
    for index in range(0, len(lowered), 7):
        start = len(lowered[:index].encode())
        end = start + len(lowered[index].encode())
        first, last = reading.place(start, end)
        assert 0 <= first <= last <= len(text)
        assert reading.index(start) == index


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=200))
def test_a_text_without_disguise_keeps_its_length_or_its_map(text: str) -> None:
    reading = read(text, LEXICON)
    for index, character in enumerate(reading.plain.decode()):
        if character.isalpha():
            first, last = reading.place(index, index + 1)
            assert last > first


def test_a_word_that_a_pattern_seeks_is_read_behind_digits_and_not_behind_stars() -> None:
    lexicon = Lexicon(["risk"], sought=["defaults"])
    assert lexicon.unmask("defau1ts") == "defaults"
    assert lexicon.unmask("d*faults") is None
    assert lexicon.unmask("r*sk") == "risk"
    assert Lexicon(["risk"]).unmask("defau1ts") is None
    assert lexicon.split("defaultsrisk") is None
    assert lexicon.squeeze("defaaaults") is None


def test_the_words_of_all_patterns_are_sought() -> None:
    assert load_packs().check("Everybody qual1fies for our loan.", regime="us-bank", product="personal-loan")
