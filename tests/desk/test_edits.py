"""What a suggestion's words would do to a text, and what they cost on its network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approval.db import reading
from approval.desk.queries import edits as edits_, wording
from approval.desk.queries.edits import Edit, edits
from approval.rules import RuleSet, load_packs, offered
from approval.screening.services import Part, check

HOME_LOAN = "Home loans from 5.9% APR at Northwind."
LENDER = "Equal Housing Lender"


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_packs()


@pytest.fixture
def suggested(firm):
    """The findings of a text by name, each with its edit."""

    def ask(text: str, *, channel: str = "x", **about: str):
        about = {"regime": "us-bank", "product": "home-loan", **about}
        with reading() as session:
            found = check(session, firm.workspace, [Part(None, channel, text)], **about)
            made = edits(session, firm.workspace, text, found, channel=channel, **about)
        return {finding.name: made.get(finding.rule) for finding in found}, made

    return ask


def lender(made: dict[str, Edit]) -> Edit:
    return next(edit for edit in made.values() if LENDER in edit.words)


# -- which words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suggestion", "words"),
    [
        ("Add “Member FDIC” (11 characters).", ("Member FDIC", True)),
        ("Insert the warning exactly: “You can lose it all.”", ("You can lose it all.", True)),
        ("Write “tax-deferred”, or name the tax.", ("tax-deferred", False)),
        ("Restore the prescribed words: “if something goes wrong.”", ("if something goes wrong.", False)),
        ("Write “[name] is a bank”.", None),
        ("Add “Representative x% APR”.", None),
        ("Write “{instead}”.", None),
        ("Add “Read the PDS at …”", None),
        ("Write what is excluded and from which share of revenue, and drop “free”.", None),
        ("Delete “free” and state the fee.", None),
        ("Delete it; write “Member SIPC”.", None),
        ("Begin with “AD”.", None),
        ("Add the missing items, or “Terms and fees:” with a link.", None),
        ("Use a plain word.", None),
    ],
)
def test_only_words_that_can_be_taken_as_they_are_are_offered(suggestion, words):
    assert offered(suggestion) == words


def test_no_shipped_suggestion_offers_words_that_somebody_must_fill_in(rules: RuleSet):
    taken = [found[0] for rule in rules.rules if (found := offered(rule.suggestion))]
    assert len(taken) > 50
    assert not [words for words in taken if any(blank in words for blank in "[]{}…")]


# -- what they do --------------------------------------------------------------------------------------------------


def test_a_wording_that_is_missing_is_added_at_the_end_and_settles_its_finding(suggested):
    _, made = suggested(HOME_LOAN)
    edit = lender(made)
    assert edit.of(HOME_LOAN) == f"{HOME_LOAN} {LENDER}"
    assert (edit.start, edit.end) == (len(HOME_LOAN), len(HOME_LOAN))
    assert edit.settles and edit.fits and edit.brings == () and edit.good
    assert LENDER not in " ".join(e.words for e in suggested(edit.of(HOME_LOAN))[1].values())


def test_the_cost_is_counted_as_the_network_counts(suggested):
    text = f"{HOME_LOAN} https://northwind.com/{'a' * 150}"
    on_x, on_linkedin = (lender(suggested(text, channel=name)[1]) for name in ("x", "linkedin"))
    # The address weighs 23 on X however long it is; a line break stands between it and the wording.
    assert on_x.words == on_linkedin.words == f"\n{LENDER}"
    assert (on_x.adds, on_x.left, on_x.unit) == (21, 280 - len(HOME_LOAN) - 1 - 23, "weighted characters")
    assert (on_linkedin.adds, on_linkedin.left, on_linkedin.unit) == (21, 3000 - len(text), "characters")


def test_a_wording_that_does_not_fit_says_so(suggested):
    room = 280 - len(HOME_LOAN)
    fits = lender(suggested(HOME_LOAN + "a" * (room - 22) + ".")[1])
    assert fits.fits and fits.left == fits.adds == 21
    too_long = lender(suggested(HOME_LOAN + "a" * (room - 21) + ".")[1])
    assert too_long.left == 20 and not too_long.fits and not too_long.good
    assert too_long.settles


def test_words_in_place_of_others_are_judged_in_their_place(suggested):
    text = "Ask us: we are FDIC insured and you are guaranteed approval. We answer within a day."
    _, made = suggested(text, product="credit-card")
    (edit,) = [edit for edit in made.values() if edit.words == "subject to credit approval"]
    assert text[edit.start : edit.end] == "guaranteed approval"
    assert edit.of(text) == text.replace("guaranteed approval", "subject to credit approval")
    assert edit.adds == len("subject to credit approval") - len("guaranteed approval")


def words_after(text, made, name):
    edit = made[name]
    return edit and edit.of(text)


FUND = {"product": "fund", "audience": "retail"}


@pytest.mark.parametrize(
    ("text", "name", "left"),
    [
        ("A risk-free way to grow. We open at nine.", "risk-denied", "A way to grow. We open at nine."),
        ("Risk-free growth. We open at nine.", "risk-denied", "Growth. We open at nine."),
        ("Ask us at nine. Returns are guaranteed!", "guaranteed-return", "Ask us at nine."),
        ("Returns are guaranteed! Ask us at nine.", "guaranteed-return", "Ask us at nine."),
        ("Our fund is risk-free for you. We open at nine.", "risk-denied", "We open at nine."),
        ("A risk-free offer stands. We open at nine.", "risk-denied", "We open at nine."),
        ("Returns are guaranteed!", "guaranteed-return", None),
    ],
    ids=[
        "a qualifier",
        "a qualifier that begins the sentence",
        "the last sentence",
        "the first sentence",
        "a qualifier that carries its sentence",
        "a qualifier whose article would not fit",
        "the only sentence",
    ],
)
def test_what_a_rule_wants_deleted_is_struck_where_a_sentence_stands_without_it(suggested, text, name, left):
    found, _ = suggested(text, **FUND)
    assert words_after(text, found, name) == left
    assert left is None or (found[name].good and found[name].adds < 0 and not found[name].told)


def test_a_lack_that_another_rule_tells_of_is_not_brought(suggested):
    """Without the claim it is the pitch that says nothing of risk: nothing is missing that was not missing before."""
    found, _ = suggested("A risk-free way to grow. We open at nine.", **FUND)
    assert "claim-without-risk" in found
    again, _ = suggested("A way to grow. We open at nine.", **FUND)
    assert list(again) == ["risky-product-pitched-without-risk"]
    assert found["risk-denied"].brings == ()


def test_striking_that_leaves_a_finding_or_brings_one_is_not_offered(suggested, monkeypatch):
    text = "A risk-free way to grow. We open at nine."
    real = edits_._judged
    monkeypatch.setattr(edits_, "_judged", lambda edit, *about: replace(real(edit, *about), brings=("another",)))
    assert suggested(text, **FUND)[0]["risk-denied"] is None


def test_most_findings_of_a_typical_post_carry_an_edit(suggested):
    text = (
        "A risk-free way to grow with our fund! Act now before it's too late. "
        "We are the best bank in the country. Returns are guaranteed."
    )
    found, made = suggested(text, **FUND)
    assert len(found) >= 4 and 2 * len(made) > len(found)


def test_words_never_take_the_place_of_a_tag(suggested):
    text = 'Ask <a href="https://northwind.com/">about guaranteed approval</a>.'
    found, made = suggested(text, channel="blog", product="credit-card")
    assert found and not [edit for edit in made.values() if edit.words == "subject to credit approval"]


def test_an_edit_that_brings_another_finding_is_not_a_good_one(suggested, monkeypatch):
    monkeypatch.setattr(wording, "offered", lambda suggestion: ("Guaranteed returns of 9%, with no risk.", True))
    _, made = suggested(HOME_LOAN)
    assert made and all("guaranteed-return" in edit.brings and not edit.good for edit in made.values())


def test_an_edit_that_settles_nothing_is_not_a_good_one(suggested, monkeypatch):
    monkeypatch.setattr(wording, "offered", lambda suggestion: ("Our branch opens at nine.", True))
    _, made = suggested(HOME_LOAN)
    assert made and not any(edit.settles or edit.good for edit in made.values())


def test_where_the_engine_fails_nothing_is_suggested(suggested, monkeypatch):
    real = edits_.check
    _, made = suggested(HOME_LOAN)
    assert made

    def fails_on_edits(session, workspace, parts, **about):
        monkeypatch.setattr(RuleSet, "judge", None)
        return real(session, workspace, parts, **about)

    monkeypatch.setattr(edits_, "check", fails_on_edits)
    assert suggested(HOME_LOAN)[1] == {}


# -- bounds --------------------------------------------------------------------------------------------------------


def test_what_is_judged_again_is_bounded(suggested, monkeypatch):
    judged = []
    real = edits_.check

    def counted(session, workspace, parts, **about):
        judged.extend(parts)
        return real(session, workspace, parts, **about)

    monkeypatch.setattr(edits_, "check", counted)
    suggested(HOME_LOAN)
    assert 0 < sum(len(part.text) for part in judged) <= edits_.MOST_JUDGED
    judged.clear()
    assert suggested(HOME_LOAN + " a" * edits_.MOST_JUDGED, channel="blog")[1] == {}
    assert judged == []


# -- the door ------------------------------------------------------------------------------------------------------


def test_the_check_reads_products_by_their_names_and_refuses_facts_that_no_rule_knows(signed):
    maria = signed("maria")
    token = maria.get("/api/v1/me").json["csrf_token"]

    def asked(**about):
        body = {"text": "Buy bitcoin today and grow your money.", "workspace": "northwind", **about}
        return maria.client.post("/api/v1/check", json=body, headers={"X-CSRFToken": token})

    topics = {finding["topic"] for finding in asked(regime="uk", product="Bitcoin ETN").json["findings"]}
    assert topics & {"unbalanced-benefit", "missing-risk-warning-crypto"}
    for wrong in ({"regime": "UK"}, {"channel": "twitter"}, {"audience": "Retail"}, {"entity_type": "shop"}):
        assert asked(**wrong).status_code == 422, wrong


def test_the_check_says_what_suggestions_would_do_where_it_is_asked(signed):
    maria = signed("maria")
    token = maria.get("/api/v1/me").json["csrf_token"]

    def ask(**more):
        body = {"text": HOME_LOAN, "channel": "x", "product": "home-loan", **more}
        return maria.client.post("/api/v1/check", json=body, headers={"X-CSRFToken": token}).json["findings"]

    assert {finding["edit"] for finding in ask()} == {None}
    (edit,) = [f["edit"] for f in ask(edits=True) if f["edit"] and LENDER in f["edit"]["words"]]
    assert edit["adds"] == len(LENDER) + 1 and edit["fits"] and edit["settles"] and edit["brings"] == []
    assert edit["start"] == edit["end"] == len(HOME_LOAN)
    monthly = ask(text="Drive away for only $299 a month.", product="auto-loan")
    assert any(isinstance(item, str) and item for finding in monthly for item in finding["missing"])
