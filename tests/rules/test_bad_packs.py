"""Packs that are wrong, hostile or huge: refused with pack, rule and key, or read in bounded time and memory.

The mistakes that one makes in a rule stand in `test_pack`; a rule that flags its own suggestion in `test_proof`.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from random import Random

import pytest
from rules.composing import EXAMPLES

from approval.rules import LARGEST, RuleError, RuleSet, failures
from approval.rules.rule import MOST_RULES

FUZZ = bool(os.environ.get("APPROVAL_FUZZ"))
SAID = """
topic = "guarantee"
severity = "high"
message = "m"
why = "w"
citation = { text = "c", as_of = 2026-11-21 }
suggestion = "s"
passes = ["y"]
"""


def a_rule(kind: str = "phrase", keys: str = 'match = ["gain"]', flags: str = '["gain"]', number: int = 101) -> str:
    head = f'[[rule]]\nid = "TST{number}"\nname = "rule-{number}"\nkind = "{kind}"\n'
    return f"{head}{keys}\nflags = {flags}{SAID}\n"


def refusal(**packs: str) -> RuleError:
    with pytest.raises(RuleError) as refused:
        RuleSet.parse({name: source.encode("utf-8", "surrogatepass") for name, source in packs.items()})
    assert refused.value.reason
    return refused.value


# -- what RE2 refuses, wherever a pattern may stand ------------------------------------------------------------

MATCH = 'match = ["gain"]\n'
PLACES = {
    "match": ("phrase", "match = [{}]"),
    "except": ("phrase", MATCH + "except = [{}]"),
    "near": ("phrase", MATCH + "near = [{}]"),
    "needs": ("require", "needs = [{}]"),
    "exempt": ("require", 'needs = ["a"]\nexempt = [{}]'),
    "pointer": ("require", "pointer = [{}]"),
    "items.day": ("require", "items = {{ day = [{}] }}"),
    "beside": ("proximity", MATCH + "tokens = 3\nbeside = [{}]"),
    "rival": ("comparison", MATCH + "rival = [{}]"),
    "basis.source": ("comparison", MATCH + "basis = {{ source = [{}] }}"),
    "wants": ("figure", 'of = ["percent"]\nwants = [{}]'),
}


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "[b-a]", "a{1001}", r"\p{Klingon}", "a**"])
@pytest.mark.parametrize("key", PLACES)
def test_a_pattern_that_re2_refuses_is_named_wherever_it_stands(key: str, pattern: str) -> None:
    kind, keys = PLACES[key]
    refused = refusal(firm=a_rule(kind, keys.format(f"'{pattern}'")))
    assert (refused.pack, refused.rule, refused.key) == ("firm", "TST101", key)
    assert f"RE2 refuses “{pattern}”" in refused.reason


@pytest.mark.parametrize("key", ["before", "after", "around", "broken_by"])
def test_a_pattern_of_a_frame_that_re2_refuses_is_named(key: str) -> None:
    refused = refusal(firm=f'[[frame]]\nname = "denied"\n{key} = ["(?!a)b"]\n')
    assert (refused.pack, refused.rule, refused.key) == ("firm", "frame denied", key)


def test_a_bare_expression_that_re2_refuses_is_named() -> None:
    assert refusal(firm=a_rule("pattern", 'match = ["(?<=a)b"]')).key == "match"


# -- what nobody reads, and what is said twice -----------------------------------------------------------------

AMOUNT = '[[amount]]\nname = "limit"\nvalue = 1\nsince = 2026-01-01\nsource = "s"\n'
UNKNOWN = {
    "[pack]": ('[pack]\nauthor = "me"', "author"),
    "[lexicon]": ('[lexicon]\nwrong = ["a"]', "wrong"),
    "[fold]": ("[fold]\nmyspace = 3", "fold.myspace"),
    "[[frame]]": ('[[frame]]\nname = "f"\nwithin = ["a"]', "within"),
    "[[amount]]": (AMOUNT + 'unit = "EUR"', "unit"),
    "citation": (a_rule().replace("as_of =", 'page = "3", as_of ='), "citation.page"),
    "escalate": (a_rule(keys=MATCH + 'escalate = [{ severity = "block", on = "x" }]'), "escalate.on"),
}


@pytest.mark.parametrize(("source", "key"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_key_that_nobody_reads_is_refused_by_its_name(source: str, key: str) -> None:
    refused = refusal(firm=source)
    assert (refused.pack, refused.key) == ("firm", key)


TWICE = {
    "a word list": ('[words]\ngain = ["a"]', "words.gain"),
    "a frame": ('[[frame]]\nname = "denied"\nbefore = ["not"]', "frame denied"),
    "an amount": (AMOUNT, "amount limit"),
    "a fold": ("[fold]\nx = 30", "fold.x"),
    "a rule": (a_rule(), "id"),
    "a name": (a_rule().replace("TST101", "TST102"), "name"),
}


@pytest.mark.parametrize(("source", "key"), TWICE.values(), ids=TWICE.keys())
def test_what_two_packs_define_is_refused_in_the_second(source: str, key: str) -> None:
    first = a_rule() if key == "name" else source
    refused = refusal(one=first, two=source)
    assert (refused.pack, refused.key) == ("two", key)


def test_what_one_pack_defines_twice_is_refused() -> None:
    assert refusal(firm=a_rule() * 2).key == "id"
    assert refusal(firm=a_rule() + a_rule(number=102).replace("rule-102", "rule-101")).key == "name"
    assert "not TOML" in refusal(firm='[words]\na = ["b"]\na = ["c"]').reason


# -- bytes, characters and examples ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", [b"\xff", b"\xed\xa0\x80", b"# \xc0\xaf", "# ü".encode("latin-1")])
def test_a_pack_that_is_not_utf8_is_refused_by_name(source: bytes) -> None:
    with pytest.raises(RuleError, match="pack firm: is not UTF-8 at byte"):
        RuleSet.parse({"firm": source})


@pytest.mark.parametrize("source", [r'why = "\ud800"', "a" * 1_000_000, "[" * 100_000, "a = " + "[" * 100_000, "\x00"])
def test_a_pack_that_is_no_toml_is_refused_in_bounded_time(source: str) -> None:
    begun = time.process_time()
    assert refusal(firm=source).pack == "firm"
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("source", ["{} = 1", "[{}]", "a = {{ {} = 1 }}"])
@pytest.mark.parametrize("part", ["a", "'a b'", '"é"'])
def test_a_key_of_very_many_parts_is_refused_in_bounded_time(source: str, part: str) -> None:
    begun = time.process_time()
    assert "more than 50 parts" in refusal(firm=source.format(f"{part} . " * 100_000 + "a")).reason
    assert time.process_time() - begun < 5


def test_a_pattern_of_a_megabyte_is_refused() -> None:
    assert "1 to 1,000 characters" in refusal(firm=a_rule(keys=f'match = ["{"a" * 1_000_000}"]')).reason


def test_lists_of_lists_that_grow_a_hundredfold_at_each_step_are_refused_before_they_are_spelled_out() -> None:
    steps = [f"w{n} = ['{f'<w{n - 1}>' * 100}']" for n in range(1, 4)]
    source = "\n".join(["[words]", "w0 = ['a']", *steps, a_rule(keys="match = ['<w3>']")])
    tracemalloc.start()
    refused = refusal(firm=source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "100,000 characters" in refused.reason
    assert peak < 3e6


def test_an_example_is_a_text_that_can_be_read() -> None:
    assert refusal(firm=a_rule(flags=f'["{"a" * (LARGEST + 1)}"]')).key == "flags"
    longest = RuleSet.parse({"firm": a_rule(flags=f'["{"a" * (LARGEST - 5)} gain"]').encode()})
    assert not list(failures(longest))


@pytest.mark.parametrize(
    ("fact", "key"),
    [('on = "2026-01-01"', "on"), ("on = 2026-01-01T00:00:00", "on"), ('product = ["fund"]', "flags.product")],
)
def test_an_example_has_facts_of_the_right_kind(fact: str, key: str) -> None:
    assert refusal(firm=a_rule(flags=f'[{{ text = "gain", {fact} }}]')).key == key


# -- ten thousand rules ----------------------------------------------------------------------------------------

MANY = MOST_RULES if FUZZ else 500
PARSE, CHECK, MEMORY = 10.0, 0.02, 200
"""Seconds of one processor, and megabytes, for each 1,000 rules: as many again as were measured, and more."""


def many_rules(count: int) -> bytes:
    words = sorted({word for example in EXAMPLES for word in example.text.lower().split() if word.isalpha()})
    random, rules = Random(1), []
    for n in range(count):
        one, two, three = random.sample(words, 3)
        keys = f'match = ["{one} <2> {two}", "{two} (?:of |to )?{three}s?"]\nexcept = ["{three} {one}"]'
        rule = a_rule(keys=keys, flags=f'["{one} {two}"]')
        id_ = f"{chr(65 + n // 26_000)}{chr(65 + n // 1_000 % 26)}{n % 1_000:03}"
        rules.append(rule.replace("TST101", id_).replace("rule-101", f"rule-{n}"))
    return "".join(rules).encode()


def test_as_many_rules_as_are_allowed_are_read_and_answer_in_bounded_time_and_memory() -> None:
    source, thousands = many_rules(MANY), MANY / 1_000
    tracemalloc.start()
    begun = time.process_time()
    rules = RuleSet.parse({"firm": source})
    parsed, (_, peak) = time.process_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    begun = time.process_time()
    for example in EXAMPLES[::33]:
        rules.check_facts(example.text, example.facts)
    checked = (time.process_time() - begun) / len(EXAMPLES[::33])
    assert len(rules.rules) == MANY
    assert parsed < PARSE * thousands and checked < CHECK * thousands and peak < MEMORY * thousands * 1e6


def test_a_key_with_a_slip_is_told_the_nearest_one() -> None:
    with pytest.raises(RuleError, match=r"severty: is not known: severity\?"):
        RuleSet.parse({"firm": b'[[rule]]\nid = "OWN101"\nkind = "phrase"\nseverty = "high"\n'})


def test_an_archive_is_named_for_what_it_is() -> None:
    with pytest.raises(RuleError, match="pack firm: is a ZIP archive: take one of the"):
        RuleSet.parse({"firm": b"PK\x03\x04\x14\x00\x00\x00\x08\x00\xff\xfe"})
