"""No rule tells people to write what it flags."""

from __future__ import annotations

import pytest
from rules.composing import RULES

from approval.rules import RuleSet, Severity, failures

PACK = """
[[rule]]
id = "TST101"
name = "promised-result"
kind = "phrase"
topic = "guarantee"
severity = "{severity}"
match = ["sure (?:win|thing)"]
message = "m"
why = "w"
citation = {{ text = "c", as_of = 2026-11-21 }}
suggestion = "{suggestion}"
flags = ["This is a sure win."]
passes = ["A chance."]
"""


def failing(suggestion: str, severity: str = "high") -> list[str]:
    rules = RuleSet.parse({"t": PACK.format(suggestion=suggestion, severity=severity).encode()})
    assert all(rules.flags(rule, example) for rule in rules.rules for example in rule.flags)
    return [f"{failure.text} must {failure.expected}" for failure in failures(rules)]


@pytest.mark.parametrize("severity", Severity)
def test_a_rule_of_any_severity_that_flags_its_own_suggestion_is_reported(severity: Severity) -> None:
    told = "must pass where it says “a sure thing”, which the rule suggests"
    assert failing("Write “a sure thing”.", severity) == [f"This is a a sure thing. {told}"]
    assert failing("Add “a sure thing”.", severity) == [f"This is a sure win.\n\na sure thing {told}"]


@pytest.mark.parametrize(
    "suggestion", ["Write “a fair chance”.", "Delete “a sure thing”.", "Write “a sure thing in [year]”.", "Say less."]
)
def test_a_suggestion_that_offers_nothing_flagged_passes(suggestion: str) -> None:
    assert failing(suggestion) == []


def test_no_shipped_rule_flags_its_own_suggestion() -> None:
    assert list(failures(RULES)) == []
