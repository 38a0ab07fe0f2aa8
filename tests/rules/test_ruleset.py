"""What a rule set answers: ordered, self-contained, the same every time, and never silence after a fault."""

from __future__ import annotations

import gc
import itertools
import random
import re
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields
from datetime import date

import pytest
from hypothesis import given, settings, strategies as st

from approval.rules import Finding, RuleError, RuleSet, Severity, load_packs, pattern, ruleset
from approval.rules.ruleset import MOST_PLACES

RULES = load_packs()
POSTS = (
    "Guaranteed returns of 8%, and you can't lose! Act now, before it's gone.",
    "Our fund is up 31% since January 🚀🚀 Completely free. No fees, ever.",
    "“Best decision I ever made. Mark doubled my account.” FCA-approved.",
    "Zero down! $389 a month. Everyone's approved. Ihr Kapital ist 100% sicher.",
    "Stocks can fall. You may get back less than you invest.",
)
FACTS = {"regime": "us-bd", "product": "equities", "channel": "x", "audience": "retail"}


def topics(text: str) -> list[str]:
    return sorted(finding.topic for finding in RULES.check(text, **FACTS))


def test_a_finding_explains_itself() -> None:
    finding = RULES.check(POSTS[0], **FACTS)[0]
    assert finding.match == POSTS[0][finding.start : finding.end]
    assert finding.match in finding.message
    assert "as of" in finding.citation
    may_be_empty = ("part", "start", "end", "missing")
    assert all(getattr(finding, field.name) for field in fields(finding) if field.name not in may_be_empty)
    assert "negated" in finding.considered, "the frame that did not hold is named"
    with pytest.raises(FrozenInstanceError):
        finding.match = ""  # type: ignore[misc]


def test_a_finding_in_json_has_the_keys_of_the_contract() -> None:
    told = RULES.check(POSTS[0], **FACTS)[0].as_json()
    keys = "rule name topic severity part start end match message why citation suggestion"
    assert list(told) == [*keys.split(), "missing", "considered"]
    assert told["severity"] == "block" and type(told["severity"]) is str


def test_findings_stand_in_order_of_place_and_what_is_missing_comes_last() -> None:
    findings = RULES.check(" ".join(POSTS), **FACTS)
    places = [finding.start for finding in findings if finding.start is not None]
    assert places == sorted(places)
    assert [finding.start is None for finding in findings] == sorted(finding.start is None for finding in findings)


def test_of_findings_of_one_topic_that_overlap_one_remains() -> None:
    found = [
        f for f in RULES.check("Returns are guaranteed, a guaranteed 9% return.", **FACTS) if f.topic == "guarantee"
    ]
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


@given(st.text(max_size=120), st.sampled_from(POSTS), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_every_span_lies_inside_the_text_and_reproduces_the_match(noise: str, post: str, at: int) -> None:
    text = post[:at] + noise + post[at:]
    for finding in RULES.check(text, **FACTS):
        if finding.start is None:
            assert finding.end is None and finding.match == ""
        else:
            assert 0 <= finding.start < finding.end <= len(text)
            assert text[finding.start : finding.end] == finding.match


@given(st.sampled_from(POSTS), st.integers(1, 60), st.sampled_from("\u200b\u200c\u2060\ufeff\u00ad"))
@settings(max_examples=60, deadline=None)
def test_an_invisible_character_changes_no_topic(post: str, at: int, invisible: str) -> None:
    assert topics(post[:at] + invisible + post[at:]) == topics(post)


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase])
@pytest.mark.parametrize("post", [*POSTS[:2], POSTS[4]])
def test_a_change_of_case_changes_no_topic(post: str, change: object) -> None:
    loud = {"urgency-pressure"}  # capitals beside a call to buy are a finding of their own
    assert set(topics(change(post))) - loud == set(topics(post)) - loud  # type: ignore[operator]


def test_the_order_of_packs_and_of_rules_in_them_changes_nothing() -> None:
    shuffled = list(RULES.sources.items())
    random.Random(7).shuffle(shuffled)
    again = RuleSet.parse(dict(shuffled))
    assert again.digest == RULES.digest
    assert [again.check(post, **FACTS) for post in POSTS] == [RULES.check(post, **FACTS) for post in POSTS]


def test_threads_get_the_same_answers() -> None:
    alone = [RULES.check(post, **FACTS) for post in POSTS]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda n: RULES.check(POSTS[n % len(POSTS)], **FACTS), range(200)))
    assert together == [alone[n % len(POSTS)] for n in range(200)]


def test_the_digest_covers_packs_engine_and_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = dict(RULES.sources)
    digests = {ruleset._digest(sources), ruleset._digest({**sources, "more": b""})}
    digests.add(ruleset._digest({**sources, "pii": sources["pii"] + b"\n"}))
    monkeypatch.setattr(ruleset, "ENGINE", "approval-rules/0")
    digests.add(ruleset._digest(sources))
    monkeypatch.undo()
    monkeypatch.setattr(ruleset.unicodedata, "unidata_version", "1.0")
    digests.add(ruleset._digest(sources))
    assert len(digests) == 5
    assert RULES.digest in digests and len(RULES.digest) == 64


def test_a_rule_that_fails_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = RULES.rule("risk-denied")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(rule.look, "find", fail)
    with pytest.raises(ZeroDivisionError):
        RULES.check("risk-free", **FACTS)


def test_a_dated_rule_holds_from_its_first_day() -> None:
    def found(on: date | None) -> bool:
        return any(
            f.name == "bnpl-without-consequences" for f in RULES.check("Pay in 3.", regime="uk", product="bnpl", on=on)
        )

    assert not found(date(2026, 7, 14))
    assert found(date(2026, 7, 15))
    assert found(None)


def test_a_product_may_be_called_what_firms_call_it() -> None:
    text = "Up 31% since January, and no way to lose."
    assert RULES.check(text, regime="au", product="super") == RULES.check(text, regime="au", product="superannuation")
    assert RULES.check(text, regime="au", product="super") != RULES.check(text, regime="au", product="tulips")


def test_an_unknown_product_is_read_as_other() -> None:
    assert RULES.check(POSTS[1], regime="uk", product="tulips") == RULES.check(POSTS[1], regime="uk", product="other")


def test_a_post_with_no_stated_audience_is_for_everybody() -> None:
    text = "We back-tested our bot: 94% win rate."
    assert any(f.topic == "hypothetical-performance" for f in RULES.check(text, regime="us-bd", product="options"))
    assert not any(
        f.topic == "hypothetical-performance"
        for f in RULES.check(text, regime="us-bd", product="options", audience="institutional")
    )


def test_the_shipped_packs_are_no_work_for_the_search_for_cycles() -> None:
    load_packs()
    assert gc.get_freeze_count() > 100_000


def test_severity_orders_by_gravity() -> None:
    assert [s.rank for s in (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.BLOCK)] == [0, 1, 2, 3]


def test_the_places_of_one_rule_are_bounded() -> None:
    findings = RULES.check("risk-free. " * 5_000, **FACTS)
    assert sum(f.name == "risk-denied" for f in findings) == MOST_PLACES


@pytest.mark.parametrize(
    "unit", ["a", "risk-free guaranteed returns ", "gu@r4nt33d ", "\u200b", "#RiskFree ", "a.b ", "\n"]
)
def test_a_megabyte_of_anything_is_answered_in_bounded_time(unit: str) -> None:
    text = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    begun = time.process_time()
    RULES.check(text, **FACTS)
    assert time.process_time() - begun < 20


def test_a_post_of_1500_characters_takes_less_than_50_milliseconds() -> None:
    text = " ".join(POSTS * 5)[:1_500]
    RULES.check(text, **FACTS)
    begun = time.process_time()
    for _ in range(5):
        RULES.check(text, **FACTS)
    assert (time.process_time() - begun) / 5 < 0.05


def test_lone_surrogates_are_answered() -> None:
    findings: tuple[Finding, ...] = RULES.check("risk-free \ud800 returns", **FACTS)
    assert findings[0].match == "risk-free"


OURS = """
[words]
firm = ["{firm}"]
[[rule]]
id = "FIRM001"
name = "firm-named"
kind = "phrase"
topic = "comparison-unsubstantiated"
severity = "medium"
match = ["better than <firm>"]
message = "x"
why = "x"
citation = {{ text = "x", as_of = 2026-11-01 }}
suggestion = "x"
flags = ["Better than {firm}."]
passes = ["As good as any."]
"""


def test_rule_sets_share_the_patterns_that_they_have_in_common() -> None:
    one, other = (RuleSet.parse({"firm": OURS.format(firm="acme").encode(), "more": b""}) for _ in range(2))
    first, second = (rules.rules[0].look.openers[0] for rules in (one, other))
    assert first is not second, "each has its own rows in the gate of its set"
    assert first._one(0) is second._one(0), "what is compiled once serves both"


def test_the_same_pattern_over_other_words_is_another() -> None:
    acme, zenith = (RuleSet.parse({"firm": OURS.format(firm=firm).encode()}) for firm in ("acme", "zenith"))
    assert acme.check("Better than Acme.")
    assert not acme.check("Better than Zenith.")
    assert zenith.check("Better than Zenith.")
    assert not zenith.check("Better than Acme.")


def test_what_is_remembered_of_patterns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern, "_MOST_SPELLED", 3)
    language = pattern.Language({"firm": ["acme"]})
    sources = [f"better than <firm> {n}" for n in range(10)]
    said = [(language.spelled(source), language.needed(source)) for source in sources]
    assert len(language._spelled) <= 3
    assert len(language._needed) <= 3
    assert [(language.spelled(source), language.needed(source)) for source in sources] == said
    long = "|".join(f"w{n}" for n in range(200)) + " <firm>"
    monkeypatch.setattr(pattern, "LONGEST_KEPT", 100)
    language.spelled(long)
    assert long not in language._spelled


CITING = """
[sources]
uk = ["COBS", "FCA"]
us-bd = ["FINRA", "SEC "]
us-ria = ["SEC "]
[[rule]]
id = "PRO101"
name = "gain-promised"
kind = "phrase"
topic = "promissory-projection"
severity = "high"
match = ["sure gain"]
message = "x"
why = "x"
citation = { text = "FINRA Rule 1; SEC Rule 2; COBS 4 (as amended; see FCA); our policy 7", as_of = 2026-11-01 }
suggestion = "x"
flags = ["A sure gain."]
passes = ["A gain."]
"""


@pytest.mark.parametrize(
    ("regime", "cited"),
    [
        ("us-bd", "FINRA Rule 1; SEC Rule 2; our policy 7"),
        ("us-ria", "SEC Rule 2; our policy 7"),
        ("uk", "COBS 4 (as amended; see FCA); our policy 7"),
        ("eu", "FINRA Rule 1; SEC Rule 2; COBS 4 (as amended; see FCA); our policy 7"),
        (None, "FINRA Rule 1; SEC Rule 2; COBS 4 (as amended; see FCA); our policy 7"),
    ],
)
def test_a_finding_cites_the_sources_of_its_own_regime(regime: str | None, cited: str) -> None:
    (finding,) = RuleSet.parse({"shipped": CITING.encode()}).check("A sure gain.", regime=regime)
    assert finding.citation == f"{cited} (as of 2026-11-01)"


def test_every_shipped_source_is_known_to_some_regime() -> None:
    known = tuple(
        beginning
        for source in RULES.sources.values()
        for beginnings in tomllib.loads(source.decode()).get("sources", {}).values()
        for beginning in beginnings
    )
    cited = {part for rule in RULES.rules for part in re.split(r"; (?![^(]*\))", rule.citation)}
    assert not sorted(part for part in cited if not part.startswith(known))


def test_sources_of_no_regime_are_refused() -> None:
    with pytest.raises(RuleError, match="is not one of") as refused:
        RuleSet.parse({"shipped": CITING.replace("uk =", "gb =").encode()})
    assert refused.value.key == "sources.gb"
