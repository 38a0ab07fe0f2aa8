"""Amendments: a firm says otherwise of a shipped rule, and what the rule learns later is kept."""

from __future__ import annotations

import tomllib

import pytest

from approval.rules import RuleError, RuleSet, Severity, failures, load_packs

SHIPPED = """
[[rule]]
id = "PRO101"
name = "gain-promised"
kind = "phrase"
topic = "promissory-projection"
severity = "block"
escalate = [{ regimes = ["uk"], severity = "high" }]
match = ["sure gain"]
except = ["no sure gain"]
message = "“{match}” promises."
why = "x"
citation = { text = "x", as_of = 2026-11-01 }
suggestion = "x"
flags = ["A sure gain."]
passes = ["There is no sure gain."]
"""
EXCEPTED = """
[[amend]]
rule = "PRO101"
except = ["sure gain in weight"]
passes = ["A sure gain in weight at Thanksgiving."]
"""


def made(*own: str, shipped: str = SHIPPED) -> RuleSet:
    packs = {"shipped": shipped, **{f"firm-{n}": source for n, source in enumerate(own)}}
    return RuleSet.parse({name: source.encode() for name, source in packs.items()})


def refusal(*own: str) -> RuleError:
    with pytest.raises(RuleError) as refused:
        made(*own)
    return refused.value


def test_a_severity_takes_the_place_of_the_rules_own_everywhere() -> None:
    plain, milder = made(), made('[[amend]]\nrule = "PRO101"\nseverity = "low"\n')
    text = "A sure gain."
    assert [plain.check(text, regime=regime)[0].severity for regime in ("us-bd", "uk")] == [
        Severity.BLOCK,
        Severity.HIGH,
    ]
    assert [milder.check(text, regime=regime)[0].severity for regime in ("us-bd", "uk")] == [Severity.LOW, Severity.LOW]
    assert plain.digest != milder.digest


def test_an_exception_is_added_and_those_of_the_rule_are_kept() -> None:
    plain, more = made(), made(EXCEPTED)
    text = "A sure gain in weight at Thanksgiving."
    assert plain.check(text)
    assert not more.check(text)
    assert not more.check("There is no sure gain."), "the rule's own exception"
    assert more.check("A sure gain."), "the rule itself"
    assert not list(failures(more))


def test_what_a_rule_learns_later_is_kept() -> None:
    newer = SHIPPED.replace('match = ["sure gain"]', 'match = ["sure gain", "certain gain"]')
    assert made(EXCEPTED, shipped=newer).check("A certain gain.")


def test_an_exception_that_silences_the_rules_own_example_is_told() -> None:
    swallows = EXCEPTED.replace("sure gain in weight", "a sure gain").replace(
        "A sure gain in weight at", "A sure gain at"
    )
    assert [failure.text for failure in failures(made(swallows))] == ["A sure gain."]


def test_an_example_that_the_exception_does_not_let_pass_is_told() -> None:
    empty = EXCEPTED.replace('["sure gain in weight"]', '["gain in height"]')
    assert [failure.expected for failure in failures(made(empty))] == ["pass"]


@pytest.mark.parametrize(
    ("source", "key", "words"),
    [
        ('[[amend]]\nrule = "PRO999"\nseverity = "low"\n', "amend.rule", "id of a rule"),
        ('[[amend]]\nrule = ["PRO101"]\nseverity = "low"\n', "amend.rule", "id of a rule"),
        ('[[amend]]\nseverity = "low"\n', "amend.rule", "id of a rule"),
        ('[[amend]]\nrule = "PRO101"\n', "amend.rule", "says nothing"),
        ('[[amend]]\nrule = "PRO101"\npasses = ["x"]\n', "amend.rule", "says nothing"),
        ('[[amend]]\nrule = "PRO101"\nseverity = "grave"\n', "amend.severity", "grave"),
        ('[[amend]]\nrule = "PRO101"\nseverty = "low"\n', "amend.severty", "severity?"),
        ('[[amend]]\nrule = "PRO101"\nexcept = ["x"]\n', "amend.passes", "missing"),
        ('[[amend]]\nrule = "PRO101"\nexcept = "x"\npasses = ["x"]\n', "amend.except", "list"),
        ('[[amend]]\nrule = "PRO101"\nexcept = ["(x"]\npasses = ["x"]\n', "amend.except", "(x"),
        ('[[amend]]\nrule = "PRO101"\nunless = ["denied"]\npasses = ["x"]\n', "amend.unless", "denied"),
        ('[[amend]]\nrule = "PRO101"\nexcept = ["x"]\npasses = [3]\n', "amend.passes", "strings"),
        ('[[amend]]\nrule = "PRO101"\nmatch = ["x"]\n', "amend.match", "not known"),
        ("[amend]\nseverity = 3\n", "amend", "[[amend]]"),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_pack_and_key(source: str, key: str, words: str) -> None:
    refused = refusal(source)
    assert (refused.pack, refused.key) == ("firm-0", key)
    assert words in refused.reason


def test_one_rule_is_amended_once() -> None:
    refused = refusal(EXCEPTED, '[[amend]]\nrule = "PRO101"\nseverity = "low"\n')
    assert (refused.pack, refused.rule, refused.key) == ("firm-1", "PRO101", "amend.rule")
    assert "firm-0" in refused.reason


def test_a_rule_of_the_same_pack_is_changed_and_not_amended() -> None:
    with pytest.raises(RuleError, match="change the rule itself"):
        RuleSet.parse({"shipped": (SHIPPED + EXCEPTED).encode()})


def test_a_fault_of_the_rule_stays_with_its_own_pack() -> None:
    broken = SHIPPED.replace('match = ["sure gain"]', 'match = ["(sure gain"]')
    with pytest.raises(RuleError) as refused:
        made(EXCEPTED, shipped=broken)
    assert (refused.value.pack, refused.value.key) == ("shipped", "match")


def test_every_shipped_rule_can_be_amended() -> None:
    sources = load_packs().sources
    rules = [rule for source in sources.values() for rule in tomllib.loads(source.decode()).get("rule", ())]
    firm = "".join(f'[[amend]]\nrule = "{rule["id"]}"\nseverity = "low"\n' for rule in rules)
    low = RuleSet.parse({**sources, "firm": firm.encode()})
    assert {finding.severity for finding in low.check("Guaranteed returns, risk-free!", regime="us-bd")} == {
        Severity.LOW
    }
