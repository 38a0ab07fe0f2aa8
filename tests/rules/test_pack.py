"""A pack with a mistake is refused, and the refusal names the pack, the rule and the key."""

from __future__ import annotations

import pytest

from approval.rules import RuleError, RuleSet, failures

GOOD = """
[words]
gain = ["profits?", "gains?"]

[[frame]]
name = "refused"
before = ["not", "never"]
reach = 3

[[rule]]
id = "PRO101"
name = "promised-gain"
kind = "phrase"
topic = "guarantee"
severity = "block"
match = ["promised <2> <gain>"]
unless = ["refused"]
message = "“{match}” promises."
why = "Nobody knows."
citation = { text = "Rule 1", as_of = 2026-11-21 }
suggestion = "Delete it."
flags = ["Promised steady gains"]
passes = ["Not promised gains"]
"""


def parse(source: str, name: str = "firm") -> RuleSet:
    return RuleSet.parse({name: source.encode()})


def test_a_good_pack_is_read() -> None:
    (rule,) = parse(GOOD).rules
    assert (rule.id, rule.name, rule.pack, rule.citation) == (
        "PRO101",
        "promised-gain",
        "firm",
        "Rule 1 (as of 2026-11-21)",
    )
    assert not list(failures(parse(GOOD)))


MISTAKES = {
    "broken-toml": ("[[rule]]", "[[rule]", "TOML", ""),
    "unknown-table": ("[words]", "[word]", "not known", "word"),
    "unknown-key": ("message =", "mesage =", "not known", "mesage"),
    "key-of-another-kind": ("match = [", "most = 3\nmatch = [", "not known", "most"),
    "unknown-kind": ('kind = "phrase"', 'kind = "regex"', "not one of", "kind"),
    "unknown-topic": ('"guarantee"', '"guarantees"', "not one of", "topic"),
    "unknown-severity": ('"block"', '"fatal"', "not one of", "severity"),
    "unknown-regime": ("why =", 'regimes = ["us"]\nwhy =', "not one of", "regimes"),
    "unknown-product": ("why =", 'products = ["gold-bars"]\nwhy =', "not one of", "products"),
    "unknown-frame": ('unless = ["refused"]', 'unless = ["denied"]', "no pack defines", "unless"),
    "unknown-word-list": ("<gain>", "<loss>", "not defined", "match"),
    "word-list-that-holds-itself": ('"profits?"', '"<gain>"', "by itself", "words.gain"),
    "no-match": ('match = ["promised <2> <gain>"]', "match = []", "missing or empty", "match"),
    "bad-id": ('"PRO101"', '"pro-1"', "capitals", "id"),
    "bad-name": ('"promised-gain"', '"Promised gain"', "lower-case", "name"),
    "no-flags": ('flags = ["Promised steady gains"]', "", "near miss", "flags"),
    "no-passes": ('passes = ["Not promised gains"]', "passes = []", "near miss", "passes"),
    "no-day-of-citation": (", as_of = 2026-11-21", "", "as_of", "citation"),
    "unknown-brace": ("{match}", "{text}", "no other braces", "message"),
    "look-around": ("promised <2>", "(?=promised) <2>", "RE2 refuses", "match"),
    "back-reference": ("promised <2>", r"(a)\\1 <2>", "RE2 refuses", "match"),
    "open-group": ("promised <2>", "(promised <2>", "opens or closes a group alone", "match"),
    "groups-that-close-each-other": ("promised <2> <gain>", "alpha)|(?:beta", "opens or closes a group alone", "match"),
    "open-group-in-a-list": ('"gains?"]', '"gains?(", ")"]', "opens or closes a group alone", "words.gain"),
    "half-a-character": ("promised <2>", r"promised\\C <2>", "splits characters", "match"),
    "quoted-expression": ("promised <2>", r"\\Qpromised\\E <2>", "splits characters", "match"),
    "number-of-5000-digits": ("[words]", f"[words]\nx = {'1' * 5_000}", "not TOML", ""),
    "hour-of-citation": ("as_of = 2026-11-21", "as_of = 2026-11-21T10:00:00Z", "day", "as_of"),
    "no-product-left": (
        "why =",
        'classes = ["crypto"]\nnot_products = ["crypto", "stablecoin"]\nwhy =',
        "leaves no product",
        "not_products",
    ),
    "fold-as-flag": ("[words]", "[fold]\nx = true\n[words]", "whole number", "fold.x"),
    "two-amounts-of-one-day": (
        "[[rule]]",
        2 * '[[amount]]\nname = "a"\nvalue = 1\nsince = 2026-01-01\nsource = "s"\n' + "[[rule]]",
        "two values",
        "since",
    ),
    "fact-misspelt": ('["Promised steady gains"]', '[{ text = "a", regime = "uk2" }]', "not one of", "flags.regime"),
    "product-misspelt": (
        '["Promised steady gains"]',
        '[{ text = "a", product = "cryto" }]',
        "no product",
        "flags.product",
    ),
    "topic-misspelt": (
        'kind = "phrase"',
        'kind = "require"\nneeds = ["x"]\nafter = ["guarantes"]',
        "not one of",
        "after",
    ),
    "days-the-wrong-way": (
        "why =",
        "effective_from = 2027-01-01\neffective_until = 2026-01-01\nwhy =",
        "before effective_from",
        "effective_until",
    ),
    "id-of-other-digits": ('"PRO101"', '"PRO١٠١"', "three digits", "id"),
    "frame-of-nothing": ('before = ["not", "never"]\n', "", "one of before", "around"),
    "frame-for-no-match": (
        'kind = "phrase"\ntopic = "guarantee"\nseverity = "block"\nmatch = ["promised <2> <gain>"]',
        'kind = "require"\ntopic = "guarantee"\nseverity = "block"\nneeds = ["x"]',
        "says nothing without",
        "unless",
    ),
    "frame-for-capitals": (
        'kind = "phrase"\ntopic = "guarantee"\nseverity = "block"\nmatch = ["promised <2> <gain>"]',
        'kind = "limit"\ntopic = "guarantee"\nseverity = "block"\ncount = "capitals"\nmost = 1',
        "where capitals are counted",
        "unless",
    ),
    "nothing-required": ('kind = "phrase"', 'kind = "require"', "one of needs", "needs"),
    "host-with-its-scheme": (
        'kind = "phrase"',
        'kind = "link"\nof = "link"\nhosts = ["https://foo.com/"]',
        "no host",
        "hosts",
    ),
    "capitals-in-a-pattern": ('["promised', '["Promised', "capitals", "match"),
    "words-that-end-nothing": ("<2> <gain>", "<gain> <2>", "another word", "match"),
    "pattern-too-long": ("promised <2>", "a" * 1_001 + " <2>", "1,000 characters", "match"),
    "groups-inside-each-other": (
        "promised <2>",
        "(" * 21 + "promised" + ")" * 21 + " <2>",
        "at most 20 groups",
        "match",
    ),
    "text-for-a-list": ('match = ["promised <2> <gain>"]', 'match = "promised"', "list of strings", "match"),
    "day-as-text": ("why =", 'effective_from = "2026"\nwhy =', "day", "effective_from"),
    "number-beyond-any-text": ("reach = 3", "reach = 9223372036854775807", "from 0 to 1,000,000", "reach"),
    "distance-beyond-any-text": (
        'kind = "phrase"',
        'kind = "proximity"\nbeside = ["x"]\ntokens = 9223372036854775807',
        "from 0 to 1,000,000",
        "tokens",
    ),
    "amount-that-is-none": (
        "[[rule]]",
        '[[amount]]\nname = "a"\nvalue = nan\nsince = 2026-01-01\nsource = "s"\n[[rule]]',
        "number below",
        "value",
    ),
    "example-key": ('["Promised steady gains"]', '[{ text = "a", law = "uk" }]', "not known", "flags.law"),
}


@pytest.mark.parametrize(("old", "new", "reason", "key"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named(old: str, new: str, reason: str, key: str) -> None:
    assert old in GOOD
    with pytest.raises(RuleError) as refusal:
        parse(GOOD.replace(old, new, 1))
    assert refusal.value.pack == "firm"
    assert reason in str(refusal.value)
    assert refusal.value.key == key


@pytest.mark.parametrize("numbers", [range(400), range(399, -1, -1)], ids=["outermost first", "innermost first"])
def test_lists_that_name_each_other_without_end_are_refused(numbers: range) -> None:
    lists = "\n".join(f'list{n} = ["<list{n + 1}> more"]' for n in numbers)
    with pytest.raises(RuleError, match="inside each other") as refusal:
        parse(GOOD.replace("[words]", f'[words]\nlist400 = ["much"]\n{lists}', 1))
    assert (refusal.value.key or "").startswith("words.list")


def test_two_rules_may_not_share_an_id_or_a_name_across_packs() -> None:
    with pytest.raises(RuleError, match="id is taken by pack one"):
        RuleSet.parse({"one": GOOD.encode(), "two": f"[[rule]]{GOOD.split('[[rule]]')[1]}".encode()})
    second = GOOD.split("[[rule]]")[1].replace("PRO101", "PRO102")
    with pytest.raises(RuleError, match="name is taken by rule PRO101"):
        parse(f"{GOOD}\n[[rule]]{second}")


def test_a_pack_that_is_not_utf8_is_refused_at_its_byte() -> None:
    with pytest.raises(RuleError, match="pack firm: is not UTF-8 at byte 3"):
        RuleSet.parse({"firm": b"# \n\xff"})


def test_a_catastrophic_pattern_takes_no_time() -> None:
    ruleset = parse(GOOD.replace('"promised <2> <gain>"', '"(a+)+x"').replace("Promised steady gains", "aax"))
    assert ruleset.check("a" * 100_000) == ()


def test_ten_thousand_and_one_rules_are_refused() -> None:
    head, rule = GOOD.split("[[rule]]")
    rule = rule.replace("promised <2> <gain>", "promised gain").replace('unless = ["refused"]', "")
    rules = "".join(
        "[[rule]]"
        + rule.replace("PRO101", f"{chr(65 + n // 1000 % 26)}{chr(65 + n // 26000)}{n % 1000:03}").replace(
            "promised-gain", f"rule-{n}"
        )
        for n in range(10_001)
    )
    with pytest.raises(RuleError, match="More than 10,000 rules"):
        parse(head + rules)
