"""The engine finds what the standard library finds when every rule looks at every text: no more, no less, nowhere else.

The suite takes a tenth of the rules to all texts, and all rules to a few; `make fuzz` takes all rules to all texts.
"""

from __future__ import annotations

import os
import re
from random import Random
from unittest.mock import Mock, patch

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from rules.composing import EXAMPLES, POSTS, RULES, one_rule, some_facts, some_text
from rules.oracle import Oracle

from approval.rules import Facts, RuleSet
from approval.rules.pattern import Expressions

FUZZ = bool(os.environ.get("APPROVAL_FUZZ"))
FACTS = ("channel", "regime", "product", "audience")
KEPT = {rule.id for rule in (RULES.rules if FUZZ else Random(11).sample(RULES.rules, len(RULES.rules) // 10))}


@pytest.fixture(scope="module")
def engine() -> RuleSet:
    """The shipped packs, with only the sampled rules on."""
    off = ", ".join(f'"{rule.id}"' for rule in RULES.rules if rule.id not in KEPT)
    return RuleSet.parse({**RULES.sources, "sample": f"[pack]\noff = [{off}]".encode()}, checked=False)


@pytest.fixture(scope="module")
def oracle(engine: RuleSet) -> Oracle:
    return Oracle(engine)


def test_every_example_has_the_findings_of_the_oracle(engine: RuleSet, oracle: Oracle) -> None:
    for example in EXAMPLES:
        assert list(engine.check_facts(example.text, example.facts)) == oracle.check(example.text, example.facts)


def test_every_labelled_post_has_the_findings_of_the_oracle(engine: RuleSet, oracle: Oracle) -> None:
    for post in POSTS:
        facts = Facts(**{fact: post.get(fact) for fact in FACTS})
        assert list(engine.check_facts(post["text"], facts)) == oracle.check(post["text"], facts)


@settings(max_examples=5_000 if FUZZ else 150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(seed=st.integers(0, 2**32))
def test_any_text_has_the_findings_of_the_oracle(engine: RuleSet, oracle: Oracle, seed: int) -> None:
    random = Random(seed)
    text, facts = some_text(random)[:3_000], some_facts(random)
    assert list(engine.check_facts(text, facts)) == oracle.check(text, facts)


def test_the_oracle_never_asks_re2(engine: RuleSet, oracle: Oracle) -> None:
    with patch.object(Expressions, "_one", Mock(side_effect=AssertionError("RE2"))):
        assert [oracle.check(example.text, example.facts) for example in EXAMPLES[:50]]
        with pytest.raises(AssertionError, match="RE2"):
            assert [engine.check_facts(example.text, example.facts) for example in EXAMPLES]


def test_a_dropped_pattern_is_noticed() -> None:
    """The control: with one pattern fewer, the engine no longer finds what the oracle finds."""
    rule = RULES.rule("PRO102")
    sources = one_rule(rule)
    fewer, count = re.subn(rb'^match = \["(?:[^"\\]|\\.)*", ', b"match = [", sources[rule.pack], flags=re.MULTILINE)
    assert count == 1
    engine, oracle = RuleSet.parse({**sources, rule.pack: fewer}), Oracle(RuleSet.parse(sources))
    unlike = [
        example.text
        for example in rule.flags
        if list(engine.check_facts(example.text, example.facts)) != oracle.check(example.text, example.facts)
    ]
    assert unlike == ["With our plan you will never run out of money."]
