"""Each shipped rule carries its own proof: what it flags is flagged, and its near misses pass."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain

import pytest

from approval.rules import TOPICS, Rule, RuleSet, Severity, failures, load_packs
from approval.rules.rule import make_rules
from approval.rules.shared import make_vocabulary
from approval.rules.source import read_pack

RULES = load_packs()


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_rule_flags_what_it_says_and_lets_its_near_misses_pass(rule: Rule) -> None:
    for example in rule.flags:
        assert rule.id in {finding.rule for finding in RULES._all(example.text, example.facts)}, example.text
    for example in rule.passes:
        assert rule.id not in {finding.rule for finding in RULES._all(example.text, example.facts)}, example.text


def test_an_example_that_does_not_hold_is_reported() -> None:
    source = RULES.sources["pii"].replace(b"Your card 4111 1111 1111 1111 is blocked.", b"Your card is blocked.")
    (failure,) = failures(RuleSet.parse({**RULES.sources, "pii": source}))
    assert (failure.rule, failure.expected) == ("PII101", "be flagged")


def test_every_topic_has_a_rule() -> None:
    assert set(TOPICS) == {rule.topic for rule in RULES.rules}
    assert len(TOPICS) == 32


# What is left of “isn't” is no word, and “.s” is none after a blank (“s” is: an apostrophe parts words too).
_AMONG = r"(?:\(\?:(?:[^()]*\|)?)?"
CUT_OFF = re.compile(rf"(?:^| ){_AMONG}n['.]t(?=[|) ])| {_AMONG}\.(?:s|re|ve|ll|d)(?=[|) ])")


def test_no_pattern_waits_for_half_a_word() -> None:
    packs = [read_pack(name, source) for name, source in RULES.sources.items()]
    vocabulary = make_vocabulary(packs, checked=False)
    make_rules(packs, vocabulary)
    written = chain(*vocabulary.language.words.values(), *(one.sources for one in vocabulary.made))
    assert [source for source in written if CUT_OFF.search(source)] == []
    assert CUT_OFF.search("(?:not|n't) paid") and CUT_OFF.search("offer (?:is|.s) gone")
    assert not CUT_OFF.search("(?:is|are)(?: not|n.t) paid")


def test_there_are_at_least_sixty_rules_and_all_regimes_are_served() -> None:
    assert len(RULES.rules) >= 60
    named = Counter(regime for rule in RULES.rules for regime in rule.scope.regimes)
    assert set(named) == {"us-bd", "us-ria", "us-bank", "uk", "eu", "au"}


def test_no_suggestion_breaks_a_rule_that_blocks() -> None:
    for rule in RULES.rules:
        if "“" not in rule.suggestion:
            blocked = [f for f in RULES.check(rule.suggestion) if f.severity is Severity.BLOCK]
            assert not blocked, (rule.id, blocked)


MUST_PASS = [
    "Returns are not guaranteed.",
    "Past performance does not guarantee future results.",
    "Past performance is no guarantee of future results.",
    "This does not assure a profit.",
    "Guaranteed issue life insurance is explained on our blog.",
    "Our old office was in the Guaranteed Trust building.",
    "The risk-free rate fell this week.",
    "There is no such thing as a risk-free investment.",
    "We must give you best execution and act in your best interest.",
    "Best regards from the team.",
    "Always double-check the sort code.",
    "Full moon tonight over Half Moon Bay.",
    "Send us a secure message.",
    "Rent a safe deposit box at the branch.",
    "Member FINRA/SIPC",
    "Authorised and regulated by the FCA.",
    "Subject to approval.",
    "Pre-approved doesn't mean that you will get the loan.",
    "Federally insured by NCUA.",
    "“Act now!” is what a scammer says.",
    "Our routing number is 011000015.",
    "Happy Women's History Month.",
    "Beating the market is not something that we can promise.",
    "Free shred day on Saturday.",
]


@pytest.mark.parametrize("text", MUST_PASS)
@pytest.mark.parametrize(
    "facts", [{}, {"regime": "us-bd", "product": "brand"}, {"regime": "uk", "product": "education"}], ids=str
)
def test_what_officers_approve_passes(text: str, facts: dict[str, str]) -> None:
    assert not [f for f in RULES.check(text, **facts) if f.severity is not Severity.LOW]


def test_what_is_missing_is_told_with_the_words_that_call_for_it() -> None:
    found = load_packs().check("Earn a guaranteed 6% with us.", regime="us-bank", product="savings")
    assert found and not any("“”" in finding.message for finding in found)
    assert any(finding.start is None and "“" in finding.message for finding in found)
