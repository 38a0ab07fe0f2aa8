"""Each kind of rule on its own smallest pack."""

from __future__ import annotations

from datetime import date

import pytest

from approval.rules import RuleError, RuleSet
from approval.rules.figures import value_of
from approval.rules.pattern import Language, Phrases

HEAD = """
[[frame]]
name = "denied"
before = ["not", "never"]
reach = 2
broken_by = ["but we"]

[[frame]]
name = "warned"
around = ["scam"]
neighbours = true
"""


def rule(kind: str, keys: str, *, id_: str = "TST101", topic: str = "guarantee", scope: str = "") -> str:
    return f"""
[[rule]]
id = "{id_}"
name = "rule-{id_.lower()}"
kind = "{kind}"
topic = "{topic}"
severity = "high"
message = "“{{match}}”{{missing}}{{instead}}{{most}}"
why = "w"
citation = {{ text = "c", as_of = 2026-11-21 }}
suggestion = "s"
flags = ["x"]
passes = ["y"]
{scope}
{keys}
"""


def matches(source: str, text: str, **facts: str) -> list[str]:
    return [finding.match for finding in RuleSet.parse({"t": (HEAD + source).encode()}).check(text, **facts)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Guaranteed returns", ["Guaranteed returns"]),
        ("guaranteed, they say, returns", []),
        ("guaranteed steady big returns", ["guaranteed steady big returns"]),
        ("guaranteed one two three returns", []),
        ("guaranteed. returns", []),
        ("unguaranteed returns", []),
        ("guaranteed returnsé", []),
        ("guaranteed 🚀 returns", ["guaranteed 🚀 returns"]),
        ("guaranteed returns of scrap metal", []),
        ("guaranteed returns of scrap metal, guaranteed returns of 8%", ["guaranteed returns"]),
        ("not guaranteed returns", []),
        ("never really ever so guaranteed returns", ["guaranteed returns"]),
        ("not guaranteed returns, but we do", ["guaranteed returns"]),
        ("Not guaranteed returns, they say. But we can.", ["guaranteed returns"]),
        ("Guaranteed returns! That is how a scam begins.", []),
        ("A scam. It offers guaranteed returns.", []),
        ("A scam. So what. It offers guaranteed returns.", ["guaranteed returns"]),
        ("not guaranteed returns. Guaranteed returns!", ["Guaranteed returns"]),
    ],
)
def test_a_phrase_is_found_and_an_exception_cancels_one_match_only(text: str, found: list[str]) -> None:
    keys = 'match = ["guaranteed <2> returns"]\nexcept = ["returns of scrap metal"]\nunless = ["denied", "warned"]'
    assert matches(rule("phrase", keys), text) == found


@pytest.mark.parametrize("excepted", [["a sure", "a sure gain of time"], ["a sure gain of time", "a sure"]])
def test_each_exception_stands_by_itself(excepted: list[str]) -> None:
    """One that begins earlier, or is shorter, hides no other: their order says nothing."""
    source = rule("phrase", f'match = ["gain of time"]\nexcept = {excepted}')
    assert matches(source, "A sure gain of time.") == []
    assert matches(source.replace("a sure gain of time", "sure gain"), "A sure gain of time.") == []
    assert matches(source.replace("a sure gain of time", "sure"), "A sure gain of time.") == ["gain of time"]


def test_a_place_that_is_excused_hides_no_other_claim() -> None:
    keys = 'match = ["risk free", "free returns guaranteed"]\nexcept = ["no risk"]'
    assert matches(rule("phrase", keys), "No risk free returns guaranteed") == ["free returns guaranteed"]
    assert matches(rule("phrase", keys), "Our risk free returns guaranteed") == ["risk free"]


def test_a_phrase_may_need_company_in_its_sentence_or_in_the_post() -> None:
    near = rule("phrase", 'match = ["secured"]\nnear = ["savings"]')
    assert matches(near, "Secured savings. A secured door.") == ["Secured"]
    post = rule("phrase", 'match = ["secured"]\nnear = ["savings"]\nwithin = "post"')
    assert matches(post, "Secured savings. A secured door.") == ["Secured", "secured"]
    assert matches(post, "A secured door.") == []


def test_a_pattern_ending_in_a_symbol_needs_no_edge_and_one_in_a_letter_does() -> None:
    percent = Language({"pct": [r"\d+ ?(?:%|percent)"]})
    assert percent.spell("<pct>").endswith(")") and percent.spell("risk free").endswith(r"\b")
    assert matches(rule("phrase", r"match = ['\d+ ?(?:%|percent)']"), "8% now, 9percent, 7percents") == [
        "8%",
        "9percent",
    ]


def test_the_same_words_are_required_or_the_trigger_is_shown() -> None:
    source = (
        rule("require", 'match = ["up <pct>"]\nneeds = ["past performance"]\nat = "trigger"')
        + '\n[words]\npct = ["\\\\d+%"]\n'
    )
    assert matches(source, "Up 3% and up 4%") == ["Up 3%", "up 4%"]
    assert matches(source, "Up 3%. Past performance is no guide.") == []
    assert matches(source, "Down.") == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("don’t miss", "Don't miss it"),
        ("rendement garanti à l’échéance", "Rendement garanti à l’échéance !"),
        ("größte rendite", "Die größte Rendite"),
        ("get\u00a0rich", "Get rich"),
        ("⚠️ last chance", "⚠️ Last chance"),
        ("🛡️? sure", "🛡 Sure"),
        ("now – or never", "Now – or never"),
        ("act now…", "Act now…"),
        ("“sure thing”", '"Sure thing"'),
    ],
)
def test_a_pattern_is_read_as_texts_are(pattern: str, text: str) -> None:
    listed = f'[words]\nlisted = ["{pattern}"]\n'
    assert matches(rule("phrase", f'match = ["{pattern}"]'), text)
    assert matches(rule("phrase", 'match = ["<listed>"]') + listed, text)


def test_a_prescribed_text_is_read_as_texts_are() -> None:
    text = "Don’t invest – unless you’re prepared to lose all the money you invest."
    assert not matches(rule("require", f'exact = ["{text}"]'), text)


def test_a_link_behind_the_fold_is_no_place_for_what_must_stand_before_it() -> None:
    keys = 'pointer = ["terms"]\nprominent = true'
    source = "[fold]\nx = 20\n" + rule("require", keys)
    (finding,) = RuleSet.parse({"t": (HEAD + source).encode()}).check(
        "a" * 40 + " terms https://x.example", channel="x"
    )
    assert finding.start is None
    assert not RuleSet.parse({"t": (HEAD + source).encode()}).check("terms http" + "a" * 40, channel="x")


def test_two_rules_of_one_topic_tell_what_each_of_them_misses() -> None:
    two = [
        rule("require", f'items = {{ "{what}" = ["{what}"] }}', id_=f"TST10{n}")
        for n, what in enumerate(("fee", "day"))
    ]
    findings = RuleSet.parse({"t": (HEAD + "".join(two)).encode()}).check("Here it is.")
    assert [finding.missing for finding in findings] == [("fee",), ("day",)]


def test_a_rule_that_is_only_counted_calls_for_nothing_shown() -> None:
    after = rule("require", 'after = ["guarantee"]\nneeds = ["risk"]', id_="TST102", topic="risk-free")
    source = HEAD + rule("phrase", 'match = ["sure"]') + after
    shadow = '[pack]\nshadow = ["TST101"]\n'
    assert len(RuleSet.parse({"t": source.encode()}).check("Sure thing.")) == 2
    assert RuleSet.parse({"t": (shadow + source).encode()}).check("Sure thing.") == ()


def test_something_missing_from_the_post_stands_nowhere() -> None:
    source = rule("require", 'needs = ["member fdic"]')
    (finding,) = RuleSet.parse({"t": source.encode()}).check("Save with us")
    assert (finding.start, finding.end, finding.match) == (None, None, "")
    assert matches(source, "Save with us. Member FDIC") == []


def test_a_prescribed_text_counts_only_word_for_word() -> None:
    source = rule("require", 'exact = ["Don\'t invest unless you can lose it all."]')
    assert matches(source, "Hello! DON’T invest — unless you can\nlose it all") == []
    assert matches(source, "Don't invest unless you could lose it all.") == [""]
    assert matches(source, "Don't invest unless you can lose it") == [""]


def test_missing_items_are_named_and_a_pointer_counts_only_with_a_link() -> None:
    source = rule(
        "require",
        'match = ["apy"]\nitems = { date = ["as of"], minimum = ["to open"] }\npointer = ["terms"]\nat = "trigger"',
    )
    (finding,) = RuleSet.parse({"t": source.encode()}).check("3% APY as of today")
    assert finding.message == "“APY”minimum"
    assert matches(source, "3% APY. Terms: https://x.example") == []
    assert matches(source, "3% APY. Terms on request") == ["APY"]
    assert matches(source, "3% APY as of today, $5 to open") == []


def test_a_rule_may_wait_for_another_topic() -> None:
    claim = rule("phrase", 'match = ["sure thing"]', topic="guarantee")
    balance = rule(
        "require", 'after = ["guarantee"]\nneeds = ["you may lose"]', id_="TST102", topic="unbalanced-benefit"
    )
    assert matches(claim + balance, "A sure thing") == ["sure thing", ""]
    assert matches(claim + balance, "A sure thing, you may lose") == ["sure thing"]
    assert matches(claim + balance, "Nothing here") == []


def test_a_prominent_disclosure_stands_before_the_fold() -> None:
    source = "[fold]\nx = 30\n" + rule("require", 'needs = ["capital at risk"]\nprominent = true')
    ruleset = RuleSet.parse({"t": source.encode()})
    early, late = "Capital at risk. " + "word " * 20, "word " * 20 + "Capital at risk."
    assert not ruleset.check(early, channel="x")
    (finding,) = ruleset.check(late, channel="x")
    assert finding.missing == ("its place: within the first 30 characters",)
    assert not ruleset.check(late, channel="linkedin"), "a network without a fold shows all of it"
    assert not ruleset.check("Fund. Capital at risk.", channel="x"), "a text that is shown whole has no fold"
    assert ruleset.check("\u200b" * 30 + early, channel="x"), "what is invisible takes room too"
    assert ruleset.check("x" * 20 + ", capital at risk. " + "word " * 20, channel="x"), "the fold may not cut it"


def test_an_exempt_post_is_left_alone() -> None:
    assert matches(rule("require", 'needs = ["fdic"]\nexempt = ["we.re hiring"]'), "We're hiring") == []


def test_a_limit_shows_the_first_that_is_too_many() -> None:
    source = rule("limit", 'match = ["!"]\nmost = 2')
    assert matches(source, "a! b! c! d!") == ["!"]
    assert matches(source, "a! b!") == []


def test_a_limit_on_capitals_needs_its_company() -> None:
    source = rule("limit", 'count = "capitals"\nmost = 2\nnear = ["buy"]')
    assert matches(source, "ONLY TODAY, BUY GOLD") == ["GOLD"]
    assert matches(source, "HAPPY VETERANS DAY, DEAR FRIENDS") == []


def test_a_swap_says_what_to_write() -> None:
    (finding,) = RuleSet.parse({"t": rule("swap", 'match = ["profits?"]\ninstead = "interest"').encode()}).check(
        "Your profit"
    )
    assert finding.message == "“profit”interest"


@pytest.mark.parametrize(
    ("detect", "text", "found"),
    [
        ("card", "Card 4111 1111 1111 1111.", ["4111 1111 1111 1111"]),
        ("card", "Card 4111-1111-1111-1111", ["4111-1111-1111-1111"]),
        ("card", "Card 4111 1111 1111 1112.", []),
        ("card", "Case 0000000000000000", []),
        ("card", "Call +1 (800) 555 0187 or 20261104-778", []),
        ("card", "Paid: 4111 1111 1111 1111 12/26", ["4111 1111 1111 1111"]),
        ("card", "Paid: 4111111111111111 123 ok", ["4111111111111111"]),
        ("card", "Order 12 4111 1111 1111 1111", ["4111 1111 1111 1111"]),
        ("card", "🤣4111 1111 1111 1111", ["4111 1111 1111 1111"]),
        ("card", "£4111 1111 1111 1111 and 41111111111111115", []),
        ("card", "In 2021 2022 2023 2024 2025 2026 2027", []),
        ("iban", "to AT61 1904 3002 3457 3201 please", ["AT61 1904 3002 3457 3201"]),
        ("iban", "to ES9121000418450200051332 for me", ["ES9121000418450200051332"]),
        ("iban", "to GB82 WEST 1234 5698 7654 32 today", ["GB82 WEST 1234 5698 7654 32"]),
        ("iban", "to GB83 WEST 1234 5698 7654 32", []),
        ("us-tax-number", "SSN 078-05-1120", ["078-05-1120"]),
        ("us-tax-number", "SSN 000-05-1120, 666-05-1120, 078-00-1120, 1-800-555-0187", []),
        ("us-tax-number", "ITIN 912-70-1234", ["912-70-1234"]),
        ("uk-national-insurance", "NI AB123456C", ["AB123456C"]),
        ("uk-national-insurance", "NI GB123456A", []),
        ("uk-bank-account", "20-44-19 account 63329108", ["20-44-19 account 63329108"]),
        ("uk-bank-account", "20-44-19", []),
        ("au-tax-file-number", "TFN: 123 456 782", ["TFN: 123 456 782"]),
        ("au-tax-file-number", "TFN: 123 456 789", []),
        ("account-number", "account number 4471-2093-88", ["account number 4471-2093-88"]),
        ("account-number", "account 011000015", []),
        ("personal-email", "jane@gmail.com and help@bank.example", ["jane@gmail.com"]),
    ],
)
def test_personal_numbers_are_told_by_their_check_digits(detect: str, text: str, found: list[str]) -> None:
    assert matches(rule("pii", f'detect = "{detect}"'), text) == found


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(RuleError, match="not one of card"):
        matches(rule("pii", 'detect = "face"'), "x")


def test_a_scoped_rule_is_silent_elsewhere_and_where_the_fact_is_unknown() -> None:
    source = rule(
        "phrase",
        'match = ["apr"]',
        scope='regimes = ["uk"]\nclasses = ["credit"]\nchannels = ["x"]\nlanguages = ["en"]',
    )
    here = {"regime": "uk", "product": "credit-card", "channel": "x", "language": "en"}
    assert matches(source, "APR", **here) == ["APR"]
    for key, other in {"regime": "eu", "product": "savings", "channel": "blog", "language": "de"}.items():
        assert matches(source, "APR", **{**here, key: other}) == []
    for key in ("regime", "product", "channel"):
        assert matches(source, "APR", **{k: v for k, v in here.items() if k != key}) == []


def test_a_severity_may_be_graver_for_some_products() -> None:
    source = rule("phrase", 'match = ["hurry"]', scope='escalate = [{ classes = ["crypto"], severity = "block" }]')
    ruleset = RuleSet.parse({"t": source.encode()})
    assert [f.severity for product in ("crypto", "fund") for f in ruleset.check("Hurry", product=product)] == [
        "block",
        "high",
    ]


def test_patterns_stay_linear() -> None:
    from approval.rules.lexicon import Lexicon
    from approval.rules.text import read

    phrases = Phrases(["(a*)*b"], Language({}))
    assert not phrases.occur(read("a" * 50_000, Lexicon([])))


def test_a_pattern_is_a_bare_expression() -> None:
    source = rule("pattern", r"match = ['\b[a-z]{3}-\d{4}\b']")
    assert matches(source, "Ticket ABC-1234, abcd-1234, abc-12345") == ["ABC-1234"]
    with pytest.raises(RuleError, match="RE2 refuses"):
        matches(rule("pattern", r"match = ['(?=a)b']"), "b")


@pytest.mark.parametrize(
    ("order", "text", "found"),
    [
        ("any", "Secured by our savings", ["Secured by our savings"]),
        ("any", "Savings are secured", ["Savings are secured"]),
        ("before", "Savings are secured", ["Savings are secured"]),
        ("before", "Secured by our savings", []),
        ("after", "Secured by our savings", ["Secured by our savings"]),
        ("any", "Savings with a b c d secured", []),
        ("any", "Savings. Secured", []),
        ("any", "Savings and savings now secured", ["savings now secured"]),
    ],
)
def test_proximity_counts_the_words_between(order: str, text: str, found: list[str]) -> None:
    keys = f'match = ["secured"]\nbeside = ["savings"]\ntokens = 3\norder = "{order}"'
    assert matches(rule("proximity", keys), text) == found


@pytest.mark.parametrize(
    ("keys", "text", "found"),
    [
        ('of = ["percent"]', "8%, eight per cent, 25 bps, 8", ["8%", "eight per cent", "25 bps"]),
        ('of = ["money"]', "$1.5m, £20k, ten thousand dollars", ["$1.5m", "£20k", "ten thousand dollars"]),
        ('of = ["multiple"]', "10x, three-fold, 5 times, 4K", ["10x", "three-fold", "5 times"]),
        ('of = ["period"]', "24 months, five-year, 3 things", ["24 months", "five-year"]),
        ('of = ["percent"]\nabove = 5', "5%, 5.1%, twenty-two per cent, 90 bps", ["5.1%", "twenty-two per cent"]),
        ('of = ["money"]\nbelow = 100', "$99.99, $1k, $250,000, fifty pounds", ["$99.99", "fifty pounds"]),
        ('of = ["percent"]\nabove = 5', "4,9 %, 7,2 % and 1,000%", ["7,2 %", "1,000%"]),
        ('of = ["percent"]\nwants = ["since"]', "Up 3%. Up 4% since May.", ["3%"]),
        ('of = ["percent"]\nwants = ["since"]\nwithin = "post"', "Up 3%. Up 4% since May.", []),
        ('of = ["percent"]\nwhen = ["warned"]', "A scam: 8%", ["8%"]),
        ('of = ["percent"]\nwhen = ["warned"]', "A bond: 8%", []),
    ],
)  # fmt: skip
def test_a_figure_is_read_in_digits_and_in_words(keys: str, text: str, found: list[str]) -> None:
    assert matches(rule("figure", keys), text) == found


def test_written_numbers_have_their_value() -> None:
    written = {"fifty basis points": 0.5, "50 bps": 0.5, "5 grand": 5_000, "twenty five grand": 25_000, "$1.5m": 1.5e6}
    assert {text: value_of(text) for text in written} == written


def test_an_amount_is_the_one_in_force_on_the_day() -> None:
    amounts = "".join(
        f'[[amount]]\nname = "limit"\nvalue = {value}\nsince = {since}\nsource = "s"\n'
        for value, since in ((120, "2025-12-01"), (85, "2017-01-30"))
    )
    ruleset = RuleSet.parse({"t": (rule("figure", 'of = ["money"]\nabove = "limit"') + amounts).encode()})
    text = "£80, £100 and £130"
    for day, found in ((date(2025, 11, 30), ["£100", "£130"]), (date(2025, 12, 1), ["£130"]), (None, ["£130"])):
        assert [finding.match for finding in ruleset.check(text, on=day)] == found


def test_an_amount_that_nobody_dates_is_refused() -> None:
    with pytest.raises(RuleError, match="no pack defines the amount “limit”"):
        matches(rule("figure", 'of = ["money"]\nabove = "limit"'), "x")
    with pytest.raises(RuleError, match="first day"):
        matches('[[amount]]\nname = "limit"\nvalue = 1\nsource = "s"\n', "x")


@pytest.mark.parametrize(
    ("keys", "text", "found"),
    [
        ('of = "emoji"\nmost = 2', "🚀 a 🚀 b 🌕", ["🌕"]),
        ('of = "exclamation"\nmost = 1', "a! b!", ["!"]),
        ('of = "capitals"\nmost = 1', "ONLY today: GOLD", ["GOLD"]),
        ('of = "hashtag"\nmost = 1', "#one &#35; a#b #two", ["#t"]),
        ('of = "words"\nlength = 2\nmost = 1', "Buy gold. You should BUY GOLD", ["BUY GOLD"]),
        ('of = "words"\nlength = 2\nmost = 1', "Buy gold, sell gold", []),
        ('of = "exclamation"\nmost = 0\nnear = ["buy"]', "Hello!", []),
    ],
)
def test_a_repetition_shows_the_first_that_is_too_many(keys: str, text: str, found: list[str]) -> None:
    assert matches(rule("repetition", keys), text) == found


@pytest.mark.parametrize(
    ("keys", "text", "found"),
    [
        ('of = "link"', "https://a.example/x and b.example/y, not c.example", ["https://a.example/x", "b.example/y"]),
        ('of = "link"\nhosts = ["bit.ly"]', "https://www.bit.ly/y https://habit.ly/z", ["https://www.bit.ly/y"]),
        ('of = "link"\nmatch = ["no loss"]', "a.example/no-loss-plan b.example/loss", ["a.example/no-loss-plan"]),
        ('of = "hashtag"\nmatch = ["can\'t lose"]', "#CantLose #Lose", ["#CantLose"]),
        ('of = "handle"\nmatch = ["zero risk"]', "ask @ZeroRiskNotes or jane@zero.risk", ["@ZeroRiskNotes"]),
        ('of = "link"\nmost = 1', "https://a.example/1 https://a.example/2", ["https://a.example/2"]),
    ],
)  # fmt: skip
def test_links_tags_and_handles_are_read(keys: str, text: str, found: list[str]) -> None:
    known = '\n[lexicon]\nwords = ["cant", "lose", "zero", "risk", "notes"]\n'
    assert matches(rule("link", keys) + known, text) == found


def test_pressure_is_a_call_in_a_pushing_manner() -> None:
    source = rule("pressure", 'match = ["buy"]\nsignals = 2\ncapitals = 30\nexclamations = 3')
    assert matches(source, "BUY GOLD TODAY!!!") == ["BUY"]
    assert matches(source, "Buy gold today!!! ⏰") == ["Buy"]
    assert matches(source, "Buy gold today!!!") == []
    assert matches(source, "HAPPY VETERANS DAY!!!") == []


def test_a_comparison_needs_its_rival_and_lacks_its_basis() -> None:
    basis = 'basis = { source = ["source:"], date = ["as of"] }'
    source = rule("comparison", f'match = ["beats?", "better than"]\nrival = ["banks?"]\n{basis}')
    assert matches(source, "Our card beats any bank. It beats the weather.") == ["beats any bank"]
    (finding,) = RuleSet.parse({"t": source.encode()}).check("Better than the banks (as of May)")
    assert finding.missing == ("source",)
    assert matches(source, "Better than the banks (as of May, source: us)") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("“They doubled what I had in a year.” Try us", ["They doubled what I had in a year."]),
        ("“Changed everything for us all” – Dana, client", ["Changed everything for us all"]),
        ("“Green Growth Fund” is a name.", []),
        ("“They doubled what I had in a year.” Client, not paid.", []),
        ("Dana doubled her money with us", ["doubled her money"]),
    ],
)
def test_a_testimonial_speaks_for_itself_and_lacks_its_disclosures(text: str, found: list[str]) -> None:
    keys = 'match = ["doubled (?:my|her|his) money"]\nitems = { status = ["client"], payment = ["not paid"] }'
    assert matches(rule("testimonial", keys), text) == found
