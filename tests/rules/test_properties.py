"""What holds for every text: places stay where they are, disguise and company change nothing, nor do order and threads.

Most run over examples of the shipped packs; the suite takes a part of them, `make fuzz` all.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given, settings, strategies as st
from rules.composing import EXAMPLES, INVISIBLE, POSTS, RULES, some_text

from approval.rules import Facts, RuleSet
from approval.rules.lexicon import Lexicon
from approval.rules.rule import Example
from approval.rules.text import read

FUZZ = bool(os.environ.get("APPROVAL_FUZZ"))
EVERY = 1 if FUZZ else 6
MORE = settings(max_examples=5_000 if FUZZ else 100, deadline=None, database=None)


def topics(text: str, facts: Facts) -> set[str]:
    return {finding.topic for finding in RULES.check_facts(text, facts)}


# -- places ----------------------------------------------------------------------------------------------------

MARKED = """
[lexicon]
words = ["zero", "risk"]
correct = ["guaranteed"]

[[rule]]
id = "TST101"
name = "marked"
kind = "phrase"
topic = "guarantee"
severity = "high"
match = ["guaranteed zero risk"]
message = "m"
why = "w"
citation = { text = "c", as_of = 2026-11-21 }
suggestion = "s"
flags = ["Guaranteed zero risk"]
passes = ["y"]
"""
AS_TYPED = (
    "Guaranteed zero risk",
    "gu\u200baranteed ze\u00adro risk",
    "ＧＵＡＲＡＮＴＥＥＤ zero risk",
    "gu@r4nt33d z3ro r1sk",
    "guаrаnteed zеro risk",
    "garanteed zerooooo risk",
    "&#103;uaranteed <b>ze</b>ro ri&shy;sk",
    "g.u.a.r.a.n.t.e.e.d zero risk",
    "guaran-\nteed zero risk",
    "𝗴𝘂𝗮𝗿𝗮𝗻𝘁𝗲𝗲𝗱 zero r\u0336i\u0336s\u0336k",
    "GuaranteedZeroRisk",
)


@pytest.fixture(scope="module")
def marked() -> RuleSet:
    return RuleSet.parse({"t": MARKED.encode()})


@MORE
@given(before=st.integers(0, 2**32), after=st.integers(0, 2**32), typed=st.sampled_from(AS_TYPED))
def test_a_claim_is_found_where_it_was_typed_whatever_stands_around_it(
    marked: RuleSet, before: int, after: int, typed: str
) -> None:
    tag = "#" if typed == "GuaranteedZeroRisk" else ""
    # Paragraphs end with a stop: a line break before a small letter is a blank, and what it parts may be one word.
    head, tail = some_text(Random(before))[:2_000] + ".\n\n" + tag, "\n\n" + some_text(Random(after))[:2_000]
    places = [(found.start, found.end) for found in marked.check(head + typed + tail)]
    assert (len(head), len(head) + len(typed)) in places


@MORE
@given(seed=st.integers(0, 2**32))
def test_each_character_of_a_reading_stands_at_or_after_the_one_before_it(seed: int) -> None:
    text = some_text(Random(seed))[:2_000]
    reading = read(text, RULES._lexicon)
    places, at = [], 0
    for character in reading.plain.decode():
        places.append(reading.place(at, at + len(character.encode())))
        at += len(character.encode())
    assert all(0 <= first <= last <= len(text) for first, last in places)
    assert places == sorted(places)
    assert sorted(last for _, last in places) == [last for _, last in places]


@MORE
@given(seed=st.integers(0, 2**32))
def test_plain_letters_stand_for_themselves(seed: int) -> None:
    """With no word to know there is no disguise to lift: a letter stands for itself, in another case or width."""
    text = re.sub(r"[<&#@]|(.)\1", " ", some_text(Random(seed))[:2_000], flags=re.DOTALL)
    reading = read(text, Lexicon([]))
    for at, byte in enumerate(reading.plain):
        if chr(byte).isascii() and chr(byte).isalpha():
            first, last = reading.place(at, at + 1)
            # Beside a Latin letter, as in its word, a look-alike is Latin.
            assert byte in read(f"x{text[first:last]}", Lexicon([])).plain[1:]


# -- disguise --------------------------------------------------------------------------------------------------


def test_an_invisible_character_anywhere_changes_no_topic() -> None:
    random = Random(2)
    for example in EXAMPLES[::EVERY]:
        at = random.randrange(len(example.text) + 1)
        hidden = example.text[:at] + random.choice(INVISIBLE) + example.text[at:]
        assert topics(hidden, example.facts) == topics(example.text, example.facts), repr(hidden)


@pytest.mark.parametrize(
    ("before", "typed", "rule"),
    [
        ("Terms: https://", "bit.ly/3xYz", "CHN201"),
        ("Ask ", "@Alpha_Signals", "CHN206"),
        ("", "#GuaranteedReturns", "PRO101"),
    ],
)
def test_an_invisible_character_parts_no_link_and_no_tag(before: str, typed: str, rule: str) -> None:
    for at in range(1, len(typed)):
        hidden = f"{before}{typed[:at]}\u200b{typed[at:]} today"
        assert rule in {finding.rule for finding in RULES.check_facts(hidden, RULES.rule(rule).flags[0].facts)}, hidden


def test_a_change_of_case_changes_no_topic() -> None:
    """Save pressure, which capitals make. In a tag capitals part words: only a whole tag changes its case."""
    for example in EXAMPLES[::EVERY]:
        changes = [str.upper, str.lower] if re.search(r"[#@]\w", example.text) else [str.upper, str.lower, str.swapcase]
        for change in changes:
            changed = topics(change(example.text), example.facts) ^ topics(example.text, example.facts)
            assert not changed - {"urgency-pressure"}, change(example.text)


# -- company ---------------------------------------------------------------------------------------------------

_WHOLE_POST = ("require", "limit", "repetition", "pressure")
READ_ALL = {
    table["id"]
    for source in RULES.sources.values()
    for table in tomllib.loads(source.decode()).get("rule", ())
    if table["kind"] in _WHOLE_POST or table.get("within") == "post"
}
"""Rules that ask what else the post says: how much of something, how near its beginning, beside which words."""
NEUTRAL = "\n\nThe branch opens at nine.\n\n"
"""Frames look one sentence back and forth; there they find a neutral one."""


def clean_posts() -> list[tuple[str, Facts]]:
    """The labelled posts with which neither an officer nor a rule finds fault."""
    posts = [
        (p["text"], Facts(**{k: p.get(k) for k in ("channel", "regime", "product", "audience")}), p) for p in POSTS
    ]
    return [(text, facts) for text, facts, p in posts if not p["labels"] and not RULES.check_facts(text, facts)]


def test_a_passing_example_in_a_clean_post_stays_clean() -> None:
    """Save for the rules that read the whole post, what finds fault with two paragraphs finds it with one of them."""
    random, clean = Random(3), clean_posts()
    tried = 0
    for example in [example for rule in RULES.rules for example in rule.passes][::EVERY]:
        host, facts = random.choice(clean)
        if not RULES.check_facts(example.text, facts):
            first, second = random.sample([host, example.text], 2)
            found = {finding.rule for finding in RULES.check_facts(first + NEUTRAL + second, facts)}
            assert found <= READ_ALL, (found - READ_ALL, first, second)
            tried += 1
    assert tried > 50


def test_a_flagged_paragraph_in_a_clean_post_is_flagged() -> None:
    """The control: what is not clean alone does not become clean in clean company."""
    host, facts = clean_posts()[0]
    assert "PRO101" in {finding.rule for finding in RULES.check_facts(f"{host}{NEUTRAL}Guaranteed returns!", facts)}


# -- order and threads -----------------------------------------------------------------------------------------

_HEADER = re.compile(r"^(?=\[{1,2}(?:pack|words|lexicon|fold|frame|amount|rule)\]{1,2}$)", re.MULTILINE)


def shuffled() -> dict[str, bytes]:
    """The shipped packs under other names, with their tables in another order."""
    random, packs = Random(4), {}
    for name, source in RULES.sources.items():
        tables = _HEADER.split(source.decode())
        random.shuffle(tables)
        packs[f"{random.random()}-{name}"] = "\n".join(tables).encode()
    return packs


def test_neither_the_order_of_rules_nor_threads_change_a_finding() -> None:
    """Sixteen threads ask one rule set that nobody has asked before, so that they meet where patterns are compiled."""
    again, asked = RuleSet.parse(shuffled(), checked=False), EXAMPLES[::EVERY]

    def ask(example: Example) -> tuple[object, ...]:
        return again.check_facts(example.text, example.facts)

    pause = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(16) as pool:
            told = list(pool.map(ask, asked))
    finally:
        sys.setswitchinterval(pause)
    assert told == [RULES.check_facts(example.text, example.facts) for example in asked]
