"""Until when records are kept: the rules as text, the dates they give, what a hold covers, and what comes first."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, strategies as st

from approval.errors import BadDefinition
from approval.records.keeping import (
    SHIPPED,
    Clock,
    Criteria,
    Facts,
    Kept,
    Life,
    Outcome,
    Reason,
    RecordClass,
    Retention,
    Rule,
    changes,
    covers,
    fate,
    keep,
    parse_retention,
    table_to_toml,
    to_table,
)
from approval.records.keeping.dates import fiscal_year_end, years_after
from approval.rules import PRODUCTS, REGIMES, ProductClass

DAY = date(2026, 11, 21)
SHIPS = parse_retention(SHIPPED)


def a_rule(id_: str = "ours", **changed) -> Rule:
    facts = {
        "id": id_,
        "of": RecordClass.COMMUNICATION,
        "clock": Clock.LAST_USE,
        "years": 3,
        "citation": "Policy",
        "as_of": DAY,
    }
    return Rule(**{**facts, **changed})


def rules(*some: Rule, month: int = 12) -> Retention:
    return Retention((*some, *(a_rule(f"{kind}-otherwise", of=kind, otherwise=True) for kind in RecordClass)), month)


def a_post(**changed) -> Facts:
    return replace(Facts(of=RecordClass.COMMUNICATION, made=DAY, changed=DAY), **changed)


# -- the law as text ----------------------------------------------------------------------------------------------


def test_every_shipped_rule_has_its_citation_and_is_marked_for_counsel():
    assert {rule.of for rule in SHIPS.rules} == set(RecordClass)
    assert all(rule.citation and rule.as_of and rule.confirm for rule in SHIPS.rules)
    assert {regime for rule in SHIPS.rules for regime in rule.regimes} == set(REGIMES)


@pytest.mark.parametrize(
    ("regime", "product", "years"),
    [
        ("us-bd", "etf", 3),
        ("us-bank", "mortgage", 2),
        ("us-bank", "savings", 2),
        ("us-bank", "brand", 6),
        ("uk", "brand", 3),
        ("uk", "cfd", 5),
        ("uk", "life-insurance", 6),
        ("uk", "pension", None),
        ("eu", None, 5),
        ("au", "superannuation", 7),
    ],
)
def test_a_post_is_kept_as_long_as_its_regime_and_product_say(regime, product, years):
    post = a_post(last_use=DAY, regimes=frozenset({regime}), products=frozenset({product} - {None}))
    assert keep(SHIPS, post).until == (None if years is None else DAY.replace(year=DAY.year + years))
    assert keep(SHIPS, post).for_good is (years is None)


def test_an_advertisement_of_an_adviser_counts_from_the_end_of_the_fiscal_year():
    post = a_post(last_use=date(2026, 3, 31), regimes=frozenset({"us-ria"}))
    assert keep(SHIPS, post).until == date(2031, 12, 31)
    assert keep(replace(SHIPS, fiscal_year_ends=3), post).until == date(2031, 3, 31)
    assert keep(replace(SHIPS, fiscal_year_ends=2), post).until == date(2032, 2, 28)


def test_rules_read_back_as_they_were_written():
    assert parse_retention(SHIPPED) == SHIPS
    assert table_to_toml(to_table(SHIPS)) == SHIPPED


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ('id = "us-bd-communication"', 'id = "US BD"', "rules.0.id", "lower-case"),
        ('id = "us-bd-communication"', 'id = "uk-life"', "rules.6.id", "names two rules"),
        ('class = "communication"', 'class = "memo"', "rules.0.class", "communication, decision"),
        ('from = "last-use"', 'from = "birth"', "rules.0.from", "last-use"),
        ("years = 3", "years = 0", "rules.0.years", "1 to 100"),
        ("years = 3", "years = true", "rules.0.years", "1 to 100"),
        ("years = 3", "years = 101", "rules.0.years", "1 to 100"),
        ("years = 3", "years = 3\nforever = true", "rules.0.years", "for good"),
        ("years = 3", "", "rules.0.years", "for good"),
        ('regimes = ["us-bd"]', 'regimes = ["mars"]', "rules.0.regimes", "“mars” is no regime"),
        ('regimes = ["us-bd"]', "regimes = 7", "rules.0.regimes", "list"),
        ('regimes = ["us-bd"]', 'products = ["moon-bond"]', "rules.0.products", "moon-bond"),
        ('regimes = ["us-bd"]', 'regimes = ["us-bd"]\notherwise = true', "rules.0.otherwise", "no regime"),
        ("as_of = 2026-11-21", 'as_of = "then"', "rules.0.as_of", "2026-11-21"),
        ("confirm = true", 'confirm = "yes"', "rules.0.confirm", "true or false"),
        ("confirm = true", "confirm = true\nsalt = 1", "rules.0.salt", "means nothing"),
        ("fiscal_year_ends = 12", "fiscal_year_ends = 13", "fiscal_year_ends", "month"),
        ("fiscal_year_ends = 12", "fiscal_year_ends = 12\nzone = 1", "zone", "means nothing"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_where_it_stands(old, new, where, said):
    with pytest.raises(BadDefinition) as refused:
        parse_retention(SHIPPED.replace(old, new, 1))
    assert refused.value.problems[0].where == where
    assert said in refused.value.problems[0].what


@pytest.mark.parametrize("source", ["rules = 3", "fiscal_year_ends = ", "rules = [1]", "#" * 70_000, "\x00"])
def test_what_is_no_set_of_rules_is_refused(source):
    with pytest.raises(BadDefinition):
        parse_retention(source)


@pytest.mark.parametrize("kind", RecordClass)
def test_no_class_is_left_without_a_rule_for_the_rest(kind):
    left = [rule for rule in SHIPS.rules if not (rule.of is kind and rule.otherwise)]
    with pytest.raises(BadDefinition, match=f"class {kind} needs exactly one"):
        parse_retention(table_to_toml(to_table(Retention(tuple(left)))))
    parse_retention(table_to_toml(to_table(SHIPS)))


# -- dates ----------------------------------------------------------------------------------------------------------

days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
rule_lists = st.lists(
    st.builds(
        lambda number, clock, years, regimes: a_rule(f"r{number}", clock=clock, years=years, regimes=regimes),
        st.integers(0, 10**6),
        st.sampled_from(Clock),
        st.none() | st.integers(1, 100),
        st.frozensets(st.sampled_from(REGIMES), max_size=2),
    ),
    max_size=6,
)
posts = st.builds(
    lambda made, used, more, regimes: a_post(
        made=made,
        changed=made + timedelta(days=more),
        last_use=made + timedelta(days=used) if used is not None else None,
        regimes=regimes,
    ),
    days,
    st.none() | st.integers(0, 4000),
    st.integers(0, 4000),
    st.frozensets(st.sampled_from(REGIMES), max_size=2),
)


@given(rule_lists, posts, st.integers(1, 12))
def test_the_longest_rule_wins(some, post, month):
    kept = keep(rules(*some, month=month), post)
    ends = [reason.until for reason in kept.reasons]
    assert kept.until == (None if None in ends else max(ends))
    assert kept.reasons[0].until == kept.until


@given(rule_lists, posts, st.integers(1, 12))
def test_no_rule_ends_before_its_period_has_passed_since_last_use(some, post, month):
    for reason in keep(rules(*some, month=month), post).reasons:
        begins = post.made if reason.rule.clock is Clock.MADE else post.last_use or post.changed
        assert reason.begins >= begins
        if reason.until is not None:
            # No year has more than 366 days, and none that is counted is left out.
            assert reason.until - begins >= timedelta(days=365 * reason.rule.years)
            assert (reason.until.year, reason.until.month, reason.until.day) >= (
                begins.year + reason.rule.years,
                begins.month,
                begins.day,
            )


@given(rule_lists, posts, st.integers(0, 3000))
def test_a_later_use_never_brings_the_date_forward(some, post, later):
    assume(post.last_use is not None)
    of = rules(*some)
    again = replace(post, last_use=post.last_use + timedelta(days=later))
    assert (keep(of, again).until or date.max) >= (keep(of, post).until or date.max)


@given(rule_lists, posts)
def test_one_part_more_never_shortens_the_whole(some, post):
    of, decision = rules(*some), replace(post, of=RecordClass.DECISION)
    assert (keep(of, post, decision).until or date.max) >= (keep(of, post).until or date.max)


@given(days, st.integers(1, 12))
def test_a_fiscal_year_ends_on_a_last_day_of_its_month_within_a_year(day, month):
    end = fiscal_year_end(day, month)
    assert (end + timedelta(days=1)).day == 1 and end.month == month
    assert day <= end < day + timedelta(days=366)


def test_a_leap_day_is_never_cut_short():
    assert years_after(date(2024, 2, 29), 3) == date(2027, 3, 1)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)
    assert years_after(date(2096, 2, 29), 4) == date(2100, 3, 1)


def test_what_was_never_used_counts_from_the_last_thing_that_happened_to_it():
    post = a_post(made=date(2020, 1, 1), changed=date(2022, 5, 5), regimes=frozenset({"us-bd"}))
    assert keep(SHIPS, post).until == date(2025, 5, 5)


def test_while_anything_of_it_is_in_use_no_period_has_begun():
    kept = keep(SHIPS, a_post(in_use=True), replace(a_post(), of=RecordClass.DECISION))
    assert (kept.until, kept.for_good, kept.in_use) == (None, False, True)


def test_otherwise_holds_only_where_no_other_rule_does():
    of = rules(a_rule("short", years=1, regimes=frozenset({"uk"})))
    assert keep(of, a_post(regimes=frozenset({"uk"}))).until == date(2027, 11, 21)
    assert keep(of, a_post(regimes=frozenset({"eu"}))).until == date(2029, 11, 21)


def test_a_rule_for_products_or_classes_holds_for_either():
    of = rules(a_rule("long", years=9, products=frozenset({"brand"}), product_classes=frozenset({ProductClass.CRYPTO})))
    for product in ("brand", "stablecoin"):
        assert keep(of, a_post(products=frozenset({product}))).until.year == 2035
    assert keep(of, a_post(products=frozenset({"savings"}))).until.year == 2029
    assert PRODUCTS["stablecoin"] is ProductClass.CRYPTO


# -- what changes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "shorter"),
    [
        ({"years": 4}, False),
        ({"years": None}, False),
        ({"citation": "Another"}, False),
        ({"years": 2}, True),
        ({"clock": Clock.MADE}, True),
        ({"regimes": frozenset({"uk"})}, True),
    ],
)
def test_a_change_says_whether_it_may_keep_less(changed, shorter):
    (change,) = changes(rules(a_rule()), rules(a_rule(**changed)))
    assert (change.rule, change.shorter) == ("ours", shorter)


def test_new_gone_and_moved_fiscal_years_are_changes():
    before, after = rules(a_rule("gone")), rules(a_rule("new"), month=3)
    assert [(change.rule, change.shorter) for change in changes(before, after)] == [
        ("Fiscal year", True),
        ("new", False),
        ("gone", True),
    ]
    assert changes(before, before) == ()


# -- what a hold covers -----------------------------------------------------------------------------------------------

LIFE = Life(7, frozenset({"maria", "ruth"}), frozenset({"savings"}), date(2026, 3, 1), date(2026, 5, 1))
MEETS = {"person": "ruth", "post": 7, "product": "savings", "first_day": date(2026, 5, 1), "last_day": date(2026, 3, 1)}
FAILS = {"person": "carla", "post": 8, "product": "cd", "first_day": date(2026, 5, 2), "last_day": date(2026, 2, 28)}
SUBSETS = [names for size in range(1, 6) for names in itertools.combinations(MEETS, size)]


@pytest.mark.parametrize("names", SUBSETS, ids="+".join)
def test_a_hold_covers_what_meets_all_that_it_names(names):
    assert covers(Criteria(**{name: MEETS[name] for name in names}), LIFE)
    for failing in names:
        assert not covers(Criteria(**{n: FAILS[n] if n == failing else MEETS[n] for n in names}), LIFE), failing


def test_a_hold_that_names_nothing_covers_nothing():
    assert not covers(Criteria(), LIFE)


def test_a_published_post_is_covered_by_every_later_period():
    later = Criteria(first_day=date(2031, 1, 1))
    assert not covers(later, LIFE)
    assert covers(later, replace(LIFE, last_day=None))


# -- what comes first ----------------------------------------------------------------------


def kept(until: date | None, *, in_use: bool = False) -> Kept:
    return Kept((Reason(a_rule(years=None if until is None else 3), DAY, until),), in_use)


KEPT = {
    "in use": kept(date(2020, 1, 1), in_use=True),
    "for good": kept(None),
    "until later": kept(DAY + timedelta(days=1)),
    "until today": kept(DAY),
    "until yesterday": kept(DAY - timedelta(days=1)),
}
FATES = [
    (state, held, asked, Outcome.HELD if held else decided)
    for state in KEPT
    for held in (True, False)
    for asked in (True, False)
    for decided in [(Outcome.ERASABLE if asked else Outcome.PAST) if state == "until yesterday" else Outcome.RETAINED]
]


@pytest.mark.parametrize(("state", "held", "asked", "outcome"), FATES)
def test_hold_then_retention_then_erasure_then_disposition(state, held, asked, outcome):
    found = fate(KEPT[state], held=held, erasure_asked=asked, today=DAY)
    assert found.outcome is outcome
    assert found.protected is (outcome in (Outcome.HELD, Outcome.RETAINED))
    assert found.words.endswith(".")
    assert ("request to erase" in found.words) is (asked and found.protected)


def test_a_request_to_erase_inside_retention_is_answered_with_its_day():
    assert (
        "takes effect after 22 November 2026"
        in fate(KEPT["until later"], held=False, erasure_asked=True, today=DAY).words
    )
    assert "takes effect never" in fate(KEPT["for good"], held=False, erasure_asked=True, today=DAY).words
