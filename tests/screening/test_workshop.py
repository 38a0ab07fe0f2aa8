"""The rule workshop: a rule in a form, its text in the pack, versions, the release, and who may do it."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from doors import Browser, give_passwords
from factories import Firm, a_firm
from flask import Flask
from hypothesis import given, settings as hypothesis, strategies as st
from prepared import Prepared
from sqlalchemy import Engine

from approval import settings as environment
from approval.app import create_app
from approval.audit.models.keys import Keys
from approval.db import reading
from approval.people.models import Proposal
from approval.people.services import passwords
from approval.rules import Facts, RuleError, RuleSet, load_packs
from approval.screening import queries, services
from approval.screening.services import Part, changing, packing, release, trying, workshop
from approval.screening.services.workshop import Words
from approval.screening.views import proposing

SHARED = b"""[pack]
title = "Words"
[words]
bank = ["banks?", "lenders?"]
[[frame]]
name = "negated"
before = ["never", "not"]
reach = 4
"""
SHIPPED = b"""[pack]
title = "Shipped"
[[rule]]
id = "PRO101"
name = "guaranteed"
kind = "phrase"
topic = "guarantee"
severity = "block"
match = ["guaranteed"]
unless = ["negated"]
message = "{match}"
why = "Nobody knows."
citation = { text = "Rule 1", as_of = 2026-11-01 }
suggestion = "Delete it."
flags = ["Guaranteed!"]
passes = ["Not guaranteed."]
"""
PACKS = {"words": SHARED, "conduct": SHIPPED}
TABLE = {
    "id": "FIRM001",
    "name": "competitor-named",
    "kind": "phrase",
    "topic": "comparison-unsubstantiated",
    "severity": "medium",
    "match": ["harbor <bank>"],
    "message": "“{match}” names a competitor.",
    "why": "Our policy.",
    "citation": {"text": "Policy 4", "as_of": date(2026, 11, 1)},
    "suggestion": "Speak of our own service.",
    "flags": ["Cheaper than Harbor Bank."],
    "passes": ["Ask any bank."],
}
TYPED = {
    "kind": "phrase",
    "name": "Competitor named",
    "topic": "comparison-unsubstantiated",
    "severity": "medium",
    "match": "Harbor <bank>",
    "message": "“{match}” names a competitor.",
    "why": "Our policy.",
    "source": "Policy 4",
    "as_of": "2026-11-01",
    "suggestion": "Speak of our own service.",
    "flags": "Cheaper than Harbor Bank.",
    "passes": "Ask any bank.",
    "reason": "We do not name them.",
}


# -- the pack as text -------------------------------------------------------------------------------------------

SCALARS = st.text() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.dates()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(st.dictionaries(st.text(), VALUES))
@hypothesis(deadline=None)
def test_what_is_written_reads_back_the_same(document):
    assert tomllib.loads(packing.to_toml(document)) == document
    assert packing.to_toml(document) == packing.to_toml(dict(document))


LINES = st.lists(st.text(min_size=1), min_size=1, max_size=3)
RULES = st.fixed_dictionaries(
    {"id": st.from_regex(r"FIRM\d{3}", fullmatch=True), "match": LINES, "flags": LINES, "why": st.text()}
)


@given(st.lists(RULES, max_size=4, unique_by=lambda rule: rule["id"]), RULES, st.sampled_from(["shadow", "off", None]))
@hypothesis(deadline=None)
def test_a_rule_is_put_in_and_every_other_stays(rules, rule, state):
    before = packing.to_toml({"pack": {"title": "Ours"}, "rule": rules})
    after = tomllib.loads(packing.with_rule(before, rule))
    assert [one for one in after["rule"] if one["id"] != rule["id"]] == [r for r in rules if r["id"] != rule["id"]]
    assert [one for one in after["rule"] if one["id"] == rule["id"]] == [rule]
    put = tomllib.loads(packing.with_state(packing.with_rule(before, rule), [rule["id"]], state))
    assert put["rule"] == after["rule"]
    assert {name: put["pack"].get(name) for name in packing.STATES} == {
        name: [rule["id"]] if name == state else None for name in packing.STATES
    }


def test_comments_and_words_of_other_rules_stay_as_they_are():
    source = '# ours\n[pack]\ntitle = "Ours"\n\n# the first\n[[rule]]\nid = "FIRM001"\nwhy = """a\n[[rule]]\n"""\n'
    source += '\n# the second\n[[rule]]\nid = "FIRM002"\n'
    plain = source.replace('"""a\n[[rule]]\n"""', '"a"')
    changed = packing.with_rule(plain, {"id": "FIRM001", "why": "b"})
    assert changed == plain.replace('"a"', '"b"')
    # A header inside a text cannot be told from a header: then the pack is written whole, and says the same.
    whole = tomllib.loads(packing.with_rule(source, {"id": "FIRM002", "why": "b"}))
    assert whole["rule"] == [{"id": "FIRM001", "why": "a\n[[rule]]\n"}, {"id": "FIRM002", "why": "b"}]


def test_an_id_is_never_given_twice():
    assert packing.next_id([]) == "FIRM001"
    assert packing.next_id(["off = ['FIRM007']", "PRO101"]) == "FIRM008"


# -- one rule ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench():
    return workshop.make_bench(PACKS)


def wrong(bench, names=None, **changes):
    return {problem.where: problem.what for problem in workshop.problems(bench, {**TABLE, **changes}, names or {})}


def test_a_sound_rule_has_no_problem(bench):
    assert wrong(bench) == {}


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"match": []}, "match", "at least one pattern"),
        ({"match": ["harbor <bank>", "open ("]}, "match", "Line 2: "),
        ({"match": ["<nothing>"]}, "match", "nothing"),
        ({"unless": ["unheard-of"]}, "unless", "unheard-of"),
        ({"message": "{who}"}, "message", "braces"),
        ({"citation": {"text": "Policy"}}, "as_of", "day"),
        ({"citation": {"as_of": date(2026, 1, 1)}}, "citation", "written"),
        ({"flags": ["Cheaper than Harbor Bank.", "Cheaper."]}, "flags", "Line 2 is not flagged: “Cheaper.”."),
        ({"passes": ["Harbor Bank is near."]}, "passes", "Line 1 is flagged and must pass: it holds “Harbor Bank”."),
        ({"kind": "swap"}, "instead", "words to use"),
        ({"kind": "proximity", "beside": ["fees"]}, "tokens", "number"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(bench, changes, where, what):
    found = wrong(bench, **changes)
    assert list(found) == [where]
    assert what in found[where]


def test_everything_that_is_wrong_is_told_at_once(bench):
    found = wrong(bench, name="", match=["("], message="{who}", why="", names={})
    assert set(found) == {"name", "match", "message", "why"}


def test_a_name_is_given_once(bench):
    assert "PRO101" in wrong(bench, {"competitor-named": "PRO101"})["name"]


def test_an_unfinished_rule_is_tried_already(bench):
    tried = trying.try_text(bench, {"kind": "phrase", "match": ["harbor <bank>"]}, "Harbor banks and harbor-bank.")
    assert [piece.text for piece in tried.pieces if piece.severity] == ["Harbor banks", "harbor-bank"]
    assert "".join(piece.text for piece in tried.pieces) == "Harbor banks and harbor-bank."
    assert trying.try_text(bench, {"kind": "phrase", "match": ["("]}, "x").problem


def a_text(key, text):
    return Words(key, (Part("texts.news", "blog", text),), Facts(regime="us-bank"))


def test_a_rule_that_is_tried_cites_the_sources_of_the_regime_as_it_does_in_force():
    shipped = load_packs()
    bench, rule = workshop.make_bench(shipped.sources), shipped.rule("PRO110")
    post = Facts(regime="uk", product="fund")
    [tried] = bench.parse(bench.rules[rule.id].table).check_facts("You can't lose.", post)
    assert tried.citation == rule.citation_for(post)
    assert tried.citation != rule.citation, "the control: the rule names sources of other regimes as well"


def test_a_rule_that_flags_too_many_posts_floods(bench):
    texts = [a_text(n, "Harbor Bank." if n < 3 else "Our hours.") for n in range(10)]
    found = trying.sweep(bench, TABLE, texts)
    assert (found.tried, [hit.key for hit in found.hits], found.floods) == (10, [0, 1, 2], True)
    assert not trying.sweep(bench, TABLE, texts[2:]).floods
    assert trying.sweep(bench, TABLE, texts, before=TABLE).hits == ()
    assert not trying.sweep(bench, TABLE, texts, seconds=-1).ended


def test_two_rule_sets_are_compared_on_the_same_texts():
    before = RuleSet.parse(PACKS)
    firm = packing.with_state(packing.with_rule("", TABLE), ["PRO101"], "off").encode()
    after = RuleSet.parse({**PACKS, "firm": firm})
    texts = [a_text(1, "Harbor Bank."), a_text(2, "Guaranteed."), a_text(3, "Hours."), a_text(4, "Not guaranteed.")]
    found = workshop.compare(texts, before, after)
    assert (found.judged, found.last, found.ended) == (4, 4, True)
    (flagged,), (passing,) = found.flagged, found.passing
    assert (flagged.key, flagged.before, flagged.after, flagged.gained[0].rule) == (1, None, "medium", "FIRM001")
    assert (passing.key, passing.before, passing.after, passing.lost[0].rule) == (2, "block", None, "PRO101")
    same = {**TABLE, "match": ["guaranteed"], "topic": "guarantee", "severity": "block", "flags": ["Guaranteed."]}
    other = RuleSet.parse(
        {**PACKS, "firm": packing.with_state(packing.with_rule("", same), ["PRO101"], "off").encode()}
    )
    assert [one.key for one in workshop.compare(texts, before, other).otherwise] == [2]
    stretch = workshop.compare(texts, before, after, most=2)
    assert (stretch.judged, stretch.last, stretch.ended) == (2, 2, False)


def test_the_workshop_finds_what_is_stored(firm_on_sqlite):
    text = "Guaranteed returns of 9% every year, with no risk at all!"
    with reading() as session:
        force = services.in_force(session, firm_on_sqlite.workspace)
        parts = [Part("title", None, "Hours"), Part("texts.news", "blog", text)]
        checked = services.check(session, firm_on_sqlite.workspace, parts, product="savings")
    facts = Facts(regime="us-bank", product="savings", entity_type="bank")
    assert workshop.found_in(force.rules, Words(1, tuple(parts), facts)) == checked != ()


def test_the_release_is_compared_rule_by_rule(monkeypatch):
    assert release.shipped() == load_packs().sources
    monkeypatch.setattr(release, "shipped", lambda: {"words": SHARED, "more": SHIPPED.replace(b"PRO101", b"PRO102")})
    firm = packing.with_state("", ["PRO101"], "shadow").encode()
    found = release.release({**PACKS, "firm": firm})
    assert found == release.Release(("PRO102",), (), ("PRO101",))
    taken = release.with_release({**PACKS, "firm": firm})
    assert set(taken) == {"words", "more", "firm"} and b"PRO101" not in taken["firm"]
    RuleSet.parse(taken)


# -- in the browser ---------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release of two small packs: the shipped ones take seconds to prove, and are proven elsewhere."""
    monkeypatch.setattr(changing, "load_packs", lambda: RuleSet.parse(PACKS))
    monkeypatch.setattr(release, "shipped", lambda: PACKS)


@pytest.fixture
def firm(small: None, sqlite: Engine, keys: Keys, prepared: Prepared) -> Firm:
    return prepared("firm with two small packs", lambda: a_firm(keys), sqlite, keys)


@pytest.fixture
def app(firm: Firm, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    give_passwords()
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    return create_app(replace(loaded, database_url=sqlite_url, base_url="http://localhost"))


@pytest.fixture
def signed(app: Flask) -> Callable[[str], Browser]:
    def sign(name: str) -> Browser:
        browser = Browser(app.test_client())
        assert browser.sign_in(f"{name}@northwind.example").status_code == 302
        return browser

    return sign


def accept(browser, **fields):
    """Put in force what waits, as somebody who looked at the rules in force."""
    with reading() as session:
        proposal = session.query(Proposal).order_by(Proposal.id.desc()).first().id
        seen = queries.version_in_force(session, "northwind").number
    return browser.post(f"/rules/proposals/{proposal}", {"answer": "accept", "seen": seen, **fields})


def rules_in_force():
    with reading() as session:
        return services.in_force(session, "northwind").rules


def firm_pack():
    return rules_in_force().sources["firm"].decode()


def test_a_rule_written_in_the_form_takes_effect_with_a_second_person(signed):
    carla, cem = signed("carla"), signed("cem")
    page = carla.get("/rules/new").text
    assert "FIRM001" in page and "Negated (never, not" in page
    assert carla.post("/rules/new", TYPED).location.startswith("/rules")
    assert "waits for a second person" in carla.get("/rules").text
    assert accept(carla).status_code == 403
    assert "FIRM001" not in {rule.id for rule in rules_in_force().rules}
    assert accept(cem).status_code == 302
    assert rules_in_force().rule("competitor-named").id == "FIRM001"
    assert "Edit" in carla.get("/rules/FIRM001").text
    assert "FIRM002" in carla.get("/rules/new").text


def test_a_rule_whose_example_fails_is_not_proposed(signed):
    answer = signed("carla").post("/rules/new", {**TYPED, "flags": "Cheaper.", "reason": ""})
    assert answer.status_code == 422
    assert "Line 1 is not flagged: “Cheaper.”." in answer.text and "Say why" in answer.text
    assert "Harbor &lt;bank&gt;" in answer.text
    with reading() as session:
        assert session.query(Proposal).count() == 0


def test_what_the_form_does_not_show_is_kept(signed):
    carla, cem = signed("carla"), signed("cem")
    patterns = ["harbor <bank>", "harbor bank! "]
    kept = {
        **TABLE,
        "match": patterns,
        "within": "post",
        "near": ["fees"],
        "flags": [{"text": "Harbor Bank\nfees", "channel": "x"}],
    }
    source = packing.with_rule("", kept)
    assert carla.post("/rules/propose", {"source": source, "reason": "As agreed."}).status_code == 302
    accept(cem)
    assert "within, near" in carla.get("/rules/FIRM001/edit").text.replace("near, within", "within, near")
    typed = {"match": "Harbor <bank>\nharbor bank!", "severity": "high", "flags": "Harbor Bank⏎fees"}
    sent = {**TYPED, **typed, "seen": "2"}
    assert carla.post("/rules/FIRM001/edit", sent).status_code == 302
    accept(cem)
    (rule,) = tomllib.loads(firm_pack())["rule"]
    assert rule == {**kept, "severity": "high"}


def test_an_edit_of_other_rules_than_are_in_force_is_refused(signed):
    carla, cem = signed("carla"), signed("cem")
    carla.post("/rules/new", TYPED)
    accept(cem)
    answer = carla.post("/rules/FIRM001/edit", {**TYPED, "severity": "high", "seen": "1"})
    assert answer.status_code == 409 and "changed while you wrote" in answer.text


def test_a_shipped_rule_is_copied_and_not_edited(signed):
    carla, cem = signed("carla"), signed("cem")
    for answer in (carla.get("/rules/PRO101/edit"), carla.post("/rules/PRO101/edit", TYPED)):
        assert answer.location.startswith("/rules/new?copy=PRO101")
    assert carla.get("/rules/NONE101/edit").status_code == 404
    assert "guaranteed-ours" in carla.get("/rules/new?copy=PRO101").text
    assert carla.get("/rules/new?copy=NONE101").status_code == 404
    assert carla.post("/rules/new", {**TYPED, "copied": "PRO101", "replaces": "y"}).status_code == 302
    accept(cem)
    assert {rule.id for rule in rules_in_force().rules} == {"FIRM001"}


def test_a_rule_goes_into_the_shadow_off_and_back(signed):
    carla, cem = signed("carla"), signed("cem")
    for state, shown in (("shadow", "In the shadow"), ("off", "Switched off"), ("on", "Change its state")):
        assert carla.post("/rules/PRO101/state", {"state": state, "reason": ""}).status_code == 422
        assert carla.post("/rules/PRO101/state", {"state": state, "reason": "As agreed."}).status_code == 302
        accept(cem)
        page = carla.get("/rules/PRO101").text
        assert shown in page and ("Back in force" in page) is (state != "on")
        found = tomllib.loads(firm_pack())["pack"]
        assert {name: found.get(name) for name in ("shadow", "off") if name in found} == (
            {} if state == "on" else {state: ["PRO101"]}
        )
    assert carla.post("/rules/PRO101/state", {"state": "on", "reason": "Again."}).status_code == 409
    assert carla.post("/rules/PRO101/state", {"state": "gone", "reason": "Again."}).status_code == 422


def test_the_list_is_filtered_by_pack_state_and_whose_rules_they_are(signed):
    carla, cem = signed("carla"), signed("cem")
    assert "No rule of your own or amended fits" in carla.get("/rules?ours=1").text
    carla.post("/rules/new", TYPED)
    accept(cem)
    carla.post("/rules/PRO101/state", {"state": "off", "reason": "As agreed."})
    accept(cem)
    for query, shown in (
        ("ours=1", {"FIRM001"}),
        ("state=off", {"PRO101"}),
        ("pack=firm", {"FIRM001"}),
        ("q=zebra", set()),
    ):
        page = carla.get(f"/rules?{query}").text
        assert {id_ for id_ in ("FIRM001", "PRO101") if f"/rules/{id_}?" in page} == shown, query
    for order in ("id", "hits", "alarms", "precision"):
        assert carla.get(f"/rules?order={order}").status_code == 200


def test_the_text_is_tried_in_the_page_and_as_a_part(signed):
    carla = signed("carla")
    sent = {"kind": "phrase", "match": "harbor", "sample": "The <b>harbor</b>."}
    part = carla.post("/rules/try", {**sent, "part": "1"}).text
    assert "Flagged" in part and "&lt;b&gt;" in part and "<html" not in part
    page = carla.post("/rules/try", sent).text
    assert "<html" in page and "Flagged" in page
    assert "field-errors" in carla.post("/rules/try", {**sent, "match": "(", "part": "1"}).text


def test_an_earlier_version_is_published_again(signed):
    carla, cem = signed("carla"), signed("cem")
    carla.post("/rules/new", TYPED)
    accept(cem)
    page = carla.get("/rules/versions/1").text
    assert "competitor-named" in page and "Publish again" in page
    assert carla.get("/rules/versions/9").status_code == 404
    assert carla.post("/rules/versions/1/again", {"reason": "It flagged too much."}).status_code == 302
    assert accept(carla).status_code == 403
    accept(cem)
    assert {rule.id for rule in rules_in_force().rules} == {"PRO101"}
    with reading() as session:
        assert queries.version_in_force(session, "northwind").number == 3


def test_packs_are_downloaded_and_taken_in(signed, monkeypatch):
    carla, cem = signed("carla"), signed("cem")
    with zipfile.ZipFile(io.BytesIO(signed("maria").get("/rules/versions/1/packs.zip").data)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"{pack}.toml": source for pack, source in PACKS.items()
        }

    def send(data, **fields):
        sent = {"pack": (io.BytesIO(data), "x.toml"), "reason": "From the group.", **fields}
        return carla.post("/rules/import", sent, content_type="multipart/form-data")

    assert send(b"not = = toml").status_code == 422
    assert send(b"").status_code == 422
    assert send(b"x", name="../words").status_code == 422
    assert proposing.MOST_PACK_BYTES == 4 * 1024 * 1024
    monkeypatch.setattr(proposing, "MOST_PACK_BYTES", 1_000)
    assert send(b"#" * 1_001).status_code == 413
    source = packing.with_rule("", TABLE).encode()
    assert send(source, name="group").status_code == 302
    accept(cem)
    assert rules_in_force().rule("FIRM001").pack == "firm-group"
    assert carla.get("/rules/FIRM001/edit").location.startswith("/rules/new?copy=FIRM001")


def two_waiting(carla, second):
    """Two proposals made from version 1; the first took effect. The address of the other."""
    carla.post("/rules/new", TYPED)
    with reading() as session:
        first = session.query(Proposal).order_by(Proposal.id.desc()).first().id
    carla.post("/rules/PRO101/state", {"state": "shadow", "reason": "As agreed."})
    assert second.post(f"/rules/proposals/{first}", {"answer": "accept", "seen": 1}).status_code == 302
    return f"/rules/proposals/{first + 1}"


def test_a_proposal_that_newer_rules_overtook_says_what_it_undoes_and_is_made_anew(signed):
    carla, cem = signed("carla"), signed("cem")
    address = two_waiting(carla, cem)
    page = " ".join(cem.get("/rules").text.split())
    assert "It was made from version 1, and version 2 is in force now." in page
    assert "takes these changes back" in page and "Make anew on version 2" in page
    assert "Make anew" not in carla.get("/rules").text
    assert carla.post(address, {"answer": "anew"}).status_code == 403
    assert cem.post(address, {"answer": "anew"}).status_code == 302
    assert "It was made from" not in carla.get("/rules").text
    assert accept(carla).status_code == 302
    assert [rule.id for rule in rules_in_force().rules] == ["FIRM001", "PRO101"]
    assert tomllib.loads(firm_pack())["pack"]["shadow"] == ["PRO101"]
    assert "What it changed since version 2" in carla.get("/rules/versions/4").text


def test_who_saw_other_rules_than_those_in_force_puts_nothing_in_force(signed):
    carla, cem = signed("carla"), signed("cem")
    address = two_waiting(carla, cem)
    for seen in ({}, {"seen": "1"}):
        assert cem.post(address, {"answer": "accept", **seen}).status_code == 409
    assert "FIRM001" in {rule.id for rule in rules_in_force().rules}
    assert cem.post(address, {"answer": "accept", "seen": "2"}).status_code == 302
    assert "FIRM001" not in {rule.id for rule in rules_in_force().rules}


def test_a_proposal_that_changes_the_same_rule_otherwise_is_written_again(signed):
    carla, cem = signed("carla"), signed("cem")
    for state in ("shadow", "off"):
        carla.post("/rules/PRO101/state", {"state": state, "reason": "As agreed."})
    with reading() as session:
        first = session.query(Proposal).order_by(Proposal.id).first().id
    cem.post(f"/rules/proposals/{first}", {"answer": "accept", "seen": 1})
    page = " ".join(cem.get("/rules").text.split())
    assert "both versions change guaranteed" in page and "Make anew" not in page
    assert cem.post(f"/rules/proposals/{first + 1}", {"answer": "anew"}).status_code == 409


def test_a_proposal_of_what_is_in_force_already_is_only_turned_down(signed):
    carla, cem = signed("carla"), signed("cem")
    for by in (carla, cem):
        by.post("/rules/PRO101/state", {"state": "shadow", "reason": "As agreed."})
    with reading() as session:
        first = session.query(Proposal).order_by(Proposal.id).first().id
    cem.post(f"/rules/proposals/{first}", {"answer": "accept", "seen": 1})
    page = carla.get("/rules").text
    assert "Nothing of it is new." in page and "Put in force" not in page and "Turn down" in page


def test_a_release_with_other_packs_is_offered_and_the_firms_pack_kept(signed, monkeypatch):
    carla, cem = signed("carla"), signed("cem")
    assert "This release ships" not in carla.get("/rules").text
    carla.post("/rules/release", {"reason": "Again."})
    assert "in force already" in carla.get("/rules").text
    carla.post("/rules/new", TYPED)
    accept(cem)
    newer = {**PACKS, "conduct": SHIPPED.replace(b'"block"', b'"high"')}
    monkeypatch.setattr(release, "shipped", lambda: newer)
    assert "0 rules are new, 1 changed, 0 gone" in " ".join(carla.get("/rules").text.split())
    assert carla.post("/rules/release", {"reason": "The packs of this release."}).status_code == 302
    accept(cem)
    assert rules_in_force().rule("PRO101").severity == "high" and rules_in_force().rule("FIRM001")
    assert "This release ships" not in carla.get("/rules").text


@pytest.mark.parametrize("name", ["maria", "ruth", "paula", "emil"])
def test_who_may_not_define_sees_rules_and_changes_none(signed, name):
    browser = signed(name)
    for address in ("/rules", "/rules/PRO101", "/rules/versions/1"):
        assert browser.get(address).status_code == 200
    assert "New rule" not in browser.get("/rules").text and "Switch off" not in browser.get("/rules/PRO101").text
    for address in ("/rules/new", "/rules/import", "/rules/propose"):
        assert browser.get(address).status_code == 403
    for address in ("new", "try", "import", "release", "PRO101/state", "PRO101/edit", "versions/1/again"):
        assert browser.post(f"/rules/{address}", {**TYPED, "state": "off"}).status_code == 403
    with reading() as session:
        assert session.query(Proposal).count() == 0


def test_rules_that_this_program_cannot_read_are_told_and_can_be_replaced(signed, monkeypatch):
    carla = signed("carla")

    def refuse(*_):
        raise RuleError("a kind that is gone", pack="conduct")

    monkeypatch.setattr(services, "in_force", refuse)
    monkeypatch.setattr(release, "shipped", lambda: {**PACKS, "conduct": SHIPPED.replace(b'"block"', b'"high"')})
    page = carla.get("/rules")
    assert page.status_code == 200 and "a kind that is gone" in page.text
    assert carla.post("/rules/release", {"reason": "The packs of this release."}).status_code == 302
