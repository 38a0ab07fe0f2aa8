"""What a proposal changes, in short sentences: rule by rule, amendments, and a rule that takes the place of another."""

from __future__ import annotations

import tomllib
from datetime import date

import pytest

from approval.rules import load_packs
from approval.screening.services import merging, packing
from approval.screening.services.telling import nearly_the_same, told, told_amendment, told_section
from approval.screening.services.weakening import weakened

WORDS = b'[pack]\ntitle = "Words"\n[words]\nbank = ["banks?"]\n'
RULE = {
    "id": "PRO101",
    "name": "word-pro101",
    "kind": "phrase",
    "topic": "guarantee",
    "severity": "block",
    "match": ["guaranteed", "assured", "certain"],
    "unless": ["warning"],
    "message": "{match}",
    "why": "Nobody knows.",
    "citation": {"text": "Rule 1", "as_of": date(2026, 11, 1)},
    "suggestion": "Delete it.",
    "flags": ["Guaranteed!"],
    "passes": ["Nothing."],
}


# -- one rule ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "sentences"),
    [
        ({"severity": "medium"}, ["severity block → medium"]),
        ({"topic": "fdic-misuse"}, ["topic guarantee → FDIC misuse"]),
        ({"name": "other"}, ["name word-pro101 → other"]),
        ({"kind": "swap", "instead": "aim"}, ["Words that stand", "other words to write instead"]),
        ({"match": ["guaranteed", "a", "b", "c"]}, ["3 patterns more, 2 fewer"]),
        ({"match": ["guaranteed", "assured"]}, ["1 pattern fewer"]),
        ({"match": ["certain", "assured", "guaranteed"]}, ["patterns in another order"]),
        ({"except": ["a", "b"]}, ["2 exceptions more"]),
        ({"unless": ["warning", "negated"]}, ["lets negated words pass"]),
        ({"unless": ["negated"]}, ["lets negated words pass", "no longer lets warning words pass"]),
        ({"message": "Other."}, ["message reworded"]),
        ({"why": "Other.", "suggestion": "Other."}, ["suggestion reworded", "explanation reworded"]),
        ({"regimes": ["us-bd", "uk"]}, ["regimes: all → UK, US-BD"]),
        ({"channels": ["x"], "classes": ["crypto"]}, ["networks: all → X", "products: all → Crypto"]),
        ({"not_products": ["cd"]}, ["not for: none → CD"]),
        ({"tokens": 3, "order": "after"}, ["only in this order", "words between none → 3"]),
        ({"within": "post"}, ["company anywhere in the post"]),
        ({"effective_from": date(2027, 1, 1)}, ["from none → from Friday, 1 January 2027"]),
        ({"citation": {"text": "Rule 2", "as_of": date(2026, 11, 1)}}, ["source changed"]),
        ({"citation": {"text": "Rule 1", "as_of": date(2026, 12, 1)}}, ["source checked on Tuesday, 1 December 2026"]),
        ({"flags": ["Guaranteed!", "Assured!"]}, ["1 example more"]),
        ({"passes": []}, ["1 near miss fewer"]),
        ({"pointer": ["see"], "items": {"a": ["b"]}}, ["“items” added", "1 pointing wording more"]),
        ({"escalate": [{"severity": "high"}]}, ["other severities on part of the posts"]),
        ({"id": "PRO102"}, []),
    ],
)
def test_what_a_rule_says_otherwise_is_told(changed, sentences):
    found = told(RULE, {**RULE, **changed})
    assert len(found) == len(sentences)
    for sentence, wanted in zip(found, sentences, strict=True):
        assert wanted in sentence
    back = told({**RULE, **changed}, RULE)
    assert len(back) == len(sentences), "what is taken away is told, too"


def test_every_key_of_the_shipped_rules_is_told_where_it_is_taken_away():
    for source in load_packs().sources.values():
        for rule in tomllib.loads(source.decode()).get("rule", ()):
            for key in rule.keys() - {"id"}:
                left = {name: value for name, value in rule.items() if name != key}
                assert len(told(rule, left)) == 1 or key == "unless", (rule["id"], key)
                assert told(rule, left) and all(told(left, rule)), (rule["id"], key)


def test_an_amendment_is_told_with_the_severity_of_the_rule():
    milder = {"rule": "PRO101", "severity": "medium", "except": ["guarantee fund"], "passes": ["Guarantee fund."]}
    assert told_amendment(RULE, {}, milder) == ("severity block → medium", "exception “guarantee fund” added")
    assert told_amendment(RULE, milder, {}) == ("severity medium → block", "exception “guarantee fund” taken away")
    assert told_amendment(RULE, milder, {**milder, "passes": ["Guarantee fund.", "Fund."]}) == ("1 near miss more",)
    many = {**milder, "severity": "block", "except": list("abcd"), "unless": ["negated"]}
    assert told_amendment(RULE, {}, many) == ("4 exceptions added", "lets negated words pass")


def test_other_sections_are_told_by_the_names_in_them():
    assert told_section({"bank": ["a"], "fund": ["b"]}, {"bank": ["c"], "rate": ["d"]}) == (
        "new: rate",
        "changed: bank",
        "gone: fund",
    )
    frames = [{"name": name, "reach": 1} for name in "abcde"]
    assert told_section([], frames) == ("new: a, b, c and 2 more",)
    assert told_section("Title", "Other") == ()


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({}, True),
        ({"severity": "low", "match": ["guaranteed", "assured", "a", "b", "c"]}, True),
        ({"match": ["guaranteed", "a", "b"]}, False),
        ({"topic": "fdic-misuse"}, False),
        ({"kind": "swap"}, False),
    ],
)
def test_a_rule_with_most_patterns_of_another_is_nearly_the_same(changed, same):
    assert nearly_the_same(RULE, {**RULE, "id": "FIRM001", **changed}) is same


# -- a version --------------------------------------------------------------------------------------------------

BASE = {"words": WORDS, "conduct": packing.to_toml({"pack": {"title": "Conduct"}, "rule": [RULE]}).encode()}
COPY = {**RULE, "id": "FIRM001", "name": "ours"}
MILDER = {**COPY, "severity": "medium", "except": ["guarantee fund"]}


def firm(*rules, amend=(), **about):
    document = {"pack": {"title": "Ours", **about}, "rule": list(rules), "amend": list(amend)}
    return {**BASE, "firm": packing.to_toml({key: value for key, value in document.items() if value}).encode()}


def lines(before, after):
    return [(one.id, one.what, *one.told) for one in merging.changes(before, after)]


def test_a_copy_that_takes_the_place_of_its_original_is_one_line():
    assert lines(BASE, firm(MILDER, off=["PRO101"])) == [
        ("FIRM001", "replaces PRO101", "severity block → medium", "1 exception more")
    ]


def test_control_another_rule_and_a_copy_beside_its_original_are_lines_of_their_own():
    other = {**MILDER, "match": ["harbor"]}
    assert lines(BASE, firm(other, off=["PRO101"])) == [("FIRM001", "new"), ("PRO101", "switched off")]
    assert lines(BASE, firm(MILDER)) == [("FIRM001", "new")]
    held = firm(MILDER)
    assert lines(held, firm(MILDER, off=["PRO101"])) == [("PRO101", "switched off")]


def test_a_copy_is_compared_with_its_original_as_amended():
    amended = firm(amend=[{"rule": "PRO101", "severity": "medium"}])
    assert lines(amended, firm(COPY, off=["PRO101"]))[-1] == ("FIRM001", "replaces PRO101", "severity medium → block")


def test_a_new_rule_in_the_shadow_is_one_line():
    assert lines(BASE, firm(MILDER, shadow=["FIRM001"])) == [("FIRM001", "new", "begins in the shadow")]
    assert lines(firm(MILDER, shadow=["FIRM001"]), BASE | {"firm": firm()["firm"]}) == [("FIRM001", "gone")]
    assert lines(firm(MILDER, shadow=["FIRM001"]), firm(MILDER)) == [("FIRM001", "back in force")]


def test_an_amendment_is_a_line_with_the_name_of_its_rule():
    amended = firm(amend=[{"rule": "PRO101", "severity": "medium"}])
    (one,) = merging.changes(BASE, amended)
    assert (one.pack, one.id, one.name, one.what) == ("firm", "PRO101", "word-pro101", "amended")
    graver = firm(amend=[{"rule": "PRO101", "severity": "high"}])
    assert lines(amended, graver) == [("PRO101", "amended otherwise", "severity medium → high")]
    assert lines(amended, firm()) == [("PRO101", "no longer amended", "severity medium → block")]


# -- what weakens -----------------------------------------------------------------------------------------------


def milder(before, after):
    return [(one.id, one.what) for one in weakened(before, after)]


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (firm(off=["PRO101"]), "switched off"),
        (firm(shadow=["PRO101"]), "put in the shadow"),
        ({"words": WORDS}, "gone"),
        (firm(amend=[{"rule": "PRO101", "severity": "high"}]), "severity block → high"),
        (firm(MILDER, off=["PRO101"]), "switched off and replaced by FIRM001, of severity medium"),
        (
            firm(COPY, off=["PRO101"], shadow=["FIRM001"]),
            "switched off and replaced by FIRM001, which is in the shadow",
        ),
        (firm({**COPY, "match": ["harbor"]}, off=["PRO101"]), "switched off"),
        (firm(COPY, off=["PRO101", "FIRM001"]), "switched off"),
        (firm({**COPY, "escalate": [{"regimes": ["uk"], "severity": "low"}]}, off=["PRO101"]), "switched off and"),
        ({"conduct": BASE["conduct"].replace(b'"block"', b'"low"')}, "severity block → low"),
    ],
)
def test_a_rule_that_would_block_no_longer_is_named(after, what):
    ((id_, told_),) = milder(BASE, after)
    assert id_ == "PRO101" and told_.startswith(what)


@pytest.mark.parametrize(
    "after",
    [
        BASE,
        firm(COPY, off=["PRO101"]),
        firm(MILDER),
        firm(amend=[{"rule": "PRO101", "except": ["guarantee fund"], "passes": ["Guarantee fund."]}]),
        firm(amend=[{"rule": "PRO101", "severity": "block"}]),
    ],
)
def test_control_what_goes_on_blocking_is_no_weakening(after):
    assert milder(BASE, after) == []


def test_what_does_not_block_is_not_weakened():
    high = firm({**COPY, "severity": "high"})
    assert milder(high, firm()) == []
    assert milder(firm(off=["PRO101"]), {"words": WORDS}) == []
    assert milder(firm(amend=[{"rule": "PRO101", "severity": "low"}]), firm(off=["PRO101"])) == []


def test_a_rule_that_blocks_on_part_of_the_posts_is_weakened_where_it_does_so_no_longer():
    graver = {**COPY, "severity": "medium", "escalate": [{"regimes": ["uk"], "severity": "block"}]}
    plain = {name: value for name, value in graver.items() if name != "escalate"}
    assert milder(firm(graver), firm(plain)) == [("FIRM001", "no longer blocks on part of the posts")]
    part = {**COPY, "escalate": [{"regimes": ["uk"], "severity": "low"}]}
    assert milder(firm(COPY), firm(part)) == [("FIRM001", "milder on part of the posts")]
    assert milder(firm(graver), firm(COPY)) == []


@pytest.mark.parametrize(
    ("was", "becomes", "what"),
    [
        ({}, {"regimes": ["uk"]}, "for fewer posts"),
        ({"regimes": ["uk", "eu"]}, {"regimes": ["uk"]}, "for fewer posts"),
        ({"regimes": ["uk"]}, {"regimes": ["uk", "eu"]}, ""),
        ({"regimes": ["uk"]}, {}, ""),
        ({}, {"languages": ["de"]}, "for fewer posts"),
        ({}, {"classes": ["crypto"]}, "for fewer posts"),
        ({"classes": ["crypto"]}, {"classes": ["crypto"], "products": ["fund"]}, ""),
        ({"products": ["fund", "etf"]}, {"products": ["fund"]}, "for fewer posts"),
        ({"products": ["fund"]}, {"classes": ["investment"]}, ""),
        ({}, {"not_products": ["careers"]}, "for fewer posts"),
        ({"not_products": ["careers"]}, {}, ""),
        ({}, {"effective_from": date(2027, 1, 1)}, "for fewer days"),
        ({"effective_from": date(2027, 1, 1)}, {}, ""),
        ({"effective_until": date(2027, 1, 1)}, {"effective_until": date(2026, 12, 1)}, "for fewer days"),
        ({}, {"match": ["guaranteed"]}, "without 2 of its patterns"),
        ({}, {"match": ["guaranteed", "sure"]}, "without 1 of its patterns"),
        ({}, {"match": ["guaranteed", "sure", "certain"]}, ""),
        (
            {"kind": "proximity", "beside": ["x"], "tokens": 5},
            {"tokens": 4, "kind": "proximity", "beside": ["x"]},
            "for fewer places",
        ),
        ({}, {"match": ["certain", "assured", "guaranteed", "sure"]}, ""),
        ({}, {"regimes": ["uk"], "match": ["certain", "assured"]}, "for fewer posts, without 1 of its patterns"),
    ],
)
def test_a_rule_that_covers_less_is_weakened(was: dict, becomes: dict, what: str):
    assert milder(firm({**COPY, **was}), firm({**COPY, **becomes})) == ([("FIRM001", what)] if what else [])


def test_an_heir_that_covers_less_takes_no_place():
    narrow = {**COPY, "regimes": ["uk"]}
    assert milder(BASE, firm(narrow, off=["PRO101"])) == [
        ("PRO101", "switched off and replaced by FIRM001, for fewer posts")
    ]
    assert milder(BASE, firm(COPY, off=["PRO101"])) == [], "the control"


def test_a_name_and_what_becomes_of_it_are_one_sentence():
    (one,) = weakened(BASE, firm(off=["PRO101"]))
    assert str(one) == "word-pro101 (PRO101): switched off"
