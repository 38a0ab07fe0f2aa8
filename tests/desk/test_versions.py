"""What the second person sees of a proposal, its withdrawal, the versions of the rules, and packs taken in again."""

from __future__ import annotations

import io
import re
import tomllib
import zipfile

import pytest
from factories import a_firm, a_post_in_review
from sqlalchemy import select

from approval.audit.models import Entry
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.errors import AlreadyDecided, CapabilityMissing, Conflict, Forbidden
from approval.people.models import Person, Proposal
from approval.people.services import accounts, closing
from approval.rules import RuleSet
from approval.screening import queries, services
from approval.screening.services import changing, release
from approval.screening.views.history import history

SHARED = (
    b'[pack]\ntitle = "Words"\n[words]\nbank = ["banks?"]\n[[frame]]\nname = "negated"\nbefore = ["not"]\nreach = 4\n'
)
SHIPPED = b"""[pack]
title = "Shipped"
[[rule]]
id = "PRO101"
name = "guaranteed"
kind = "phrase"
topic = "guarantee"
severity = "block"
match = ["guaranteed", "assured"]
message = "{match}"
why = "Nobody knows."
citation = { text = "Rule 1", as_of = 2026-11-01 }
suggestion = "Delete it."
flags = ["Guaranteed!"]
passes = ["We aim."]
"""
PACKS = {"words": SHARED, "conduct": SHIPPED}
TYPED = {
    "kind": "phrase",
    "name": "competitor-named",
    "topic": "comparison-unsubstantiated",
    "severity": "medium",
    "match": "harbor",
    "message": "“{match}” names a competitor.",
    "why": "Our policy.",
    "source": "Policy 4",
    "as_of": "2026-11-01",
    "suggestion": "Speak of our own service.",
    "flags": "Harbor.",
    "passes": "Ask.",
    "reason": "We do not name them.",
}
COPY = {
    **TYPED,
    "copied": "PRO101",
    "replaces": "y",
    "name": "guaranteed-ours",
    "topic": "guarantee",
    "match": "guaranteed\nassured",
    "exceptions": "guaranteed funds",
    "message": "{match}",
    "why": "Nobody knows.",
    "source": "Rule 1",
    "suggestion": "Delete it.",
    "flags": "Guaranteed!",
    "passes": "We aim.",
}
WEAKENS = "This weakens rules that block:"


@pytest.fixture
def firm(monkeypatch, sqlite, keys, prepared):
    """A firm whose release is two small packs: the shipped ones take seconds to prove, and are proven elsewhere."""
    monkeypatch.setattr(changing, "load_packs", lambda: RuleSet.parse(PACKS))
    monkeypatch.setattr(release, "shipped", lambda: PACKS)
    return prepared("firm with a small pack that blocks", lambda: a_firm(keys), sqlite, keys)


def said(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def latest():
    with reading() as session:
        return session.query(Proposal).order_by(Proposal.id.desc()).first().id


def answer(browser, verb, proposal=None):
    with reading() as session:
        seen = queries.version_in_force(session, "northwind").number
    return browser.post(f"/rules/proposals/{proposal or latest()}", {"answer": verb, "seen": seen})


def in_force():
    with reading() as session:
        force = queries.version_in_force(session, "northwind")
        return force.number, dict(queries.packs_of(session, force.id))


def put_in_force(carla, cem, **changes):
    assert carla.post("/rules/new", {**TYPED, **changes}).status_code == 302
    assert answer(cem, "accept").status_code == 302


# -- what the second person sees --------------------------------------------------------------------------------


def test_what_a_changed_rule_says_otherwise_stands_on_the_page(signed):
    carla, cem = signed("carla"), signed("cem")
    put_in_force(carla, cem)
    changed = {**TYPED, "seen": "2", "severity": "high", "match": "harbor\nhaven\nport", "message": "Name nobody."}
    assert carla.post("/rules/FIRM001/edit", changed).status_code == 302
    words = "competitor-named FIRM001 changed: severity medium → high; 2 patterns more; message reworded"
    for page in (cem.get("/rules"), carla.get("/rules/versions/3")):
        assert words in said(page.text)
        assert WEAKENS not in page.text


def test_a_milder_copy_in_the_place_of_a_rule_that_blocks_is_one_line_and_warned_of(signed):
    carla, cem = signed("carla"), signed("cem")
    assert carla.post("/rules/new", COPY).status_code == 302
    mine = said(carla.get("/rules").text)
    assert "It weakens rules that block: guaranteed (PRO101): switched off and replaced by FIRM001" in mine
    for page in (mine, said(cem.get("/rules").text)):
        assert "guaranteed-ours FIRM001 replaces PRO101: severity block → medium; 1 exception more" in page
        assert f"{WEAKENS} guaranteed PRO101 : switched off and replaced by FIRM001, of severity medium" in page
    page = cem.get("/rules").text
    assert page.index(WEAKENS) < page.index("Put in force") < page.index("Turn down")
    assert "Rules that block in version 1 and less in version 2:" in said(cem.get("/rules/versions/2").text)


def test_control_a_copy_that_blocks_as_well_is_not_warned_of(signed):
    carla, cem = signed("carla"), signed("cem")
    assert carla.post("/rules/new", {**COPY, "severity": "block"}).status_code == 302
    page = cem.get("/rules").text
    assert "replaces PRO101: 1 exception more" in said(page)
    assert WEAKENS not in page and "It weakens" not in carla.get("/rules").text


@pytest.mark.parametrize("state", ["off", "shadow"])
def test_a_rule_that_blocks_and_is_silenced_is_warned_of(signed, state):
    carla, cem = signed("carla"), signed("cem")
    assert carla.post("/rules/PRO101/state", {"state": state, "reason": "As agreed."}).status_code == 302
    assert WEAKENS in cem.get("/rules").text
    answer(cem, "accept")
    assert carla.post("/rules/PRO101/state", {"state": "on", "reason": "As it was."}).status_code == 302
    assert WEAKENS not in cem.get("/rules").text, "what brings it back weakens nothing"


def test_a_milder_amendment_is_told_and_warned_of(signed):
    carla, cem = signed("carla"), signed("cem")
    sent = {"seen": "1", "severity": "medium", "reason": "Auditors."}
    sent |= {"exceptions": "guaranteed funds", "passes": "Guaranteed funds."}
    assert carla.post("/rules/PRO101/amend", sent).status_code == 302
    page = said(cem.get("/rules").text)
    assert "guaranteed PRO101 amended: severity block → medium; exception “guaranteed funds” added" in page
    assert f"{WEAKENS} guaranteed PRO101 : severity block → medium" in page


def test_a_late_proposal_is_weighed_against_the_rules_in_force(signed):
    carla, cem = signed("carla"), signed("cem")
    carla.post("/rules/new", TYPED)
    late = latest()
    carla.post("/rules/new", {**TYPED, "name": "harbor-blocked", "severity": "block"})
    assert WEAKENS not in cem.get("/rules").text
    assert answer(cem, "accept").status_code == 302
    page = said(cem.get("/rules").text)
    assert f"{WEAKENS} harbor-blocked FIRM002 : gone" in page
    assert answer(cem, "anew", late).status_code == 302
    assert WEAKENS not in cem.get("/rules").text


def test_who_is_alone_is_warned_of_what_took_effect_at_once(signed, firm):
    carla = signed("carla")
    with transaction() as session:
        mine = session.get_one(Person, firm.compliance.id)
        accounts.give_role(session, mine, Role.ADMINISTRATOR, workspace="northwind", by="host:test")
        session.flush()
        for other in (firm.other_compliance, firm.administrator):
            closing.disable(session, session.get_one(Person, other.id), by="host:test")
    assert carla.post("/rules/PRO101/state", {"state": "off", "reason": "Too strict."}).status_code == 302
    page = said(carla.get("/rules").text)
    assert "Version 2 of the rules is in force; nobody else could second it." in page
    assert "It weakens rules that block: guaranteed (PRO101): switched off." in page
    assert "Nobody else could" in page
    assert "Rules that block in version 1 and less in version 2:" in said(carla.get("/rules/versions/2").text)


# -- a rule that begins in the shadow ---------------------------------------------------------------------------


def test_a_new_rule_begins_in_the_shadow(signed):
    carla, cem = signed("carla"), signed("cem")
    assert "Begin in the shadow: counted, not shown" in carla.get("/rules/new").text
    assert carla.post("/rules/new", {**TYPED, "shadow": "y"}).status_code == 302
    assert "competitor-named FIRM001 : new, begins in the shadow" in said(cem.get("/rules").text)
    answer(cem, "accept")
    assert tomllib.loads(in_force()[1]["firm"].decode())["pack"]["shadow"] == ["FIRM001"]
    with reading() as session:
        rules = services.in_force(session, "northwind").rules
        assert not rules.check("Harbor.") and rules.check("Guaranteed!")
    assert "Begin in the shadow" not in carla.get("/rules/FIRM001/edit").text


def test_control_without_the_box_it_is_shown_at_once(signed):
    put_in_force(signed("carla"), signed("cem"))
    with reading() as session:
        assert services.in_force(session, "northwind").rules.check("Harbor.")


def test_a_copy_in_the_shadow_does_not_switch_its_original_off(signed):
    carla = signed("carla")
    refused = carla.post("/rules/new", {**COPY, "shadow": "y"})
    assert refused.status_code == 422
    assert "With PRO101 off and this rule in the shadow, nothing is flagged" in refused.text
    with reading() as session:
        assert not queries.waiting_proposals(session, "northwind")
    beside = {name: value for name, value in COPY.items() if name != "replaces"}
    assert carla.post("/rules/new", {**beside, "shadow": "y"}).status_code == 302


def test_a_back_test_judges_a_rule_that_begins_in_the_shadow_as_if_it_were_shown(signed, made):
    made(a_post_in_review, "Harbor opens.", title="flagged now")
    page = signed("carla").post("/rules/backtest", {**TYPED, "shadow": "y"})
    assert "Newly flagged or graver (1) flagged now" in said(page.text)


# -- in this order ----------------------------------------------------------------------------------------------

NEAR = {**TYPED, "kind": "proximity", "match": "harbor", "beside": "rates", "tokens": "3"}
NEAR |= {"flags": "Harbor beats rates.", "passes": "Harbor."}


def test_two_things_are_found_only_in_this_order(signed):
    carla, cem = signed("carla"), signed("cem")
    assert "Only in this order" in carla.get("/rules/new").text
    flagged = carla.post("/rules/new", {**NEAR, "ordered": "y", "passes": "Rates of harbor."})
    assert flagged.status_code == 302
    answer(cem, "accept")
    (rule,) = tomllib.loads(in_force()[1]["firm"].decode())["rule"]
    assert rule["order"] == "after"
    page = carla.get("/rules/FIRM001/edit").text
    assert re.search(r'<input[^>]* checked[^>]* name="ordered"', page) and "Kept as it is written" not in page
    assert carla.post("/rules/FIRM001/edit", {**NEAR, "seen": "2"}).status_code == 302
    assert "FIRM001 changed: in any order; " in said(cem.get("/rules").text)


def test_control_without_the_box_either_order_is_found(signed):
    refused = signed("carla").post("/rules/new", {**NEAR, "passes": "Rates of harbor."})
    assert refused.status_code == 422 and "Line 1 is flagged and must pass" in refused.text


def test_the_other_order_that_only_toml_says_is_kept(signed):
    carla, cem = signed("carla"), signed("cem")
    put_in_force(carla, cem, **{**NEAR, "flags": "Rates of harbor."})
    _, packs = in_force()
    source = packs["firm"].decode().replace("tokens = 3", 'tokens = 3\norder = "before"')
    assert carla.post("/rules/propose", {"source": source, "reason": "As agreed."}).status_code == 302
    answer(cem, "accept")
    assert "order</span>" in carla.get("/rules/FIRM001/edit").text
    sent = {**NEAR, "flags": "Rates of harbor.", "severity": "high", "seen": "3"}
    assert carla.post("/rules/FIRM001/edit", sent).status_code == 302
    answer(cem, "accept")
    assert tomllib.loads(in_force()[1]["firm"].decode())["rule"][0]["order"] == "before"


# -- versions, and withdrawing ----------------------------------------------------------------------------------


def withdraw(proposal, by):
    with transaction() as session:
        return services.withdraw_rules(session, session.get_one(Proposal, proposal), by=by).number


def test_who_proposed_a_version_withdraws_it_while_it_waits(signed):
    carla, cem = signed("carla"), signed("cem")
    carla.post("/rules/new", TYPED)
    assert ">Withdraw<" in carla.get("/rules").text.replace("</svg>", ">")
    assert "Withdraw</button>" not in cem.get("/rules").text
    assert answer(carla, "withdraw").status_code == 302
    page = said(carla.get("/rules").text)
    assert "Version 2 of the rules was withdrawn." in page and "waits for a second person" not in page
    assert "Withdrawn" in page and in_force()[0] == 1
    for verb in ("accept", "refuse", "withdraw", "anew"):
        assert answer(cem if verb != "withdraw" else carla, verb).status_code == 409, verb
    with reading() as session:
        row = session.get_one(Proposal, latest())
        assert (row.accepted, row.decided_by) == (False, row.proposed_by)
        kinds = session.scalars(
            select(Entry.kind).where(Entry.log == "northwind").order_by(Entry.index.desc()).limit(1)
        )
        assert list(kinds) == ["proposal.withdrawn"]
    carla.post("/rules/new", TYPED)
    assert answer(cem, "accept").status_code == 302, "the same may be proposed again"


def test_nobody_else_withdraws_a_version(signed, firm):
    carla, cem = signed("carla"), signed("cem")
    carla.post("/rules/new", TYPED)
    proposal = latest()
    assert answer(cem, "withdraw").status_code == 403
    assert signed("maria").post(f"/rules/proposals/{proposal}", {"answer": "withdraw"}).status_code == 403
    with pytest.raises(Forbidden):
        withdraw(proposal, firm.other_compliance)
    with pytest.raises(CapabilityMissing):
        withdraw(proposal, firm.marketer)
    answer(cem, "accept")
    with pytest.raises(Conflict):
        withdraw(proposal, firm.compliance)
    carla.post("/rules/PRO101/state", {"state": "off", "reason": "As agreed."})
    answer(cem, "refuse")
    with pytest.raises(AlreadyDecided):
        withdraw(latest(), firm.compliance)


def test_an_unknown_answer_decides_nothing(signed):
    carla, cem = signed("carla"), signed("cem")
    carla.post("/rules/new", TYPED)
    for verb in ("", "yes"):
        assert answer(cem, verb).status_code == 422
    with reading() as session:
        assert session.get_one(Proposal, latest()).decided_at is None


def test_an_earlier_version_is_proposed_again_against_the_one_that_was_seen_in_force(signed):
    carla, cem = signed("carla"), signed("cem")
    put_in_force(carla, cem)
    back = {"reason": "Back to what shipped."}
    assert 'name="seen" value="2"' in carla.get("/rules/versions/1").text
    assert carla.post("/rules/versions/1/again", {**back, "seen": "1"}).status_code == 409
    assert carla.post("/rules/versions/1/again", {**back, "seen": "2"}).status_code == 302, "the control"


def test_every_version_says_who_proposed_it_why_and_what_became_of_it(signed):
    carla, cem = signed("carla"), signed("cem")
    put_in_force(carla, cem)
    carla.post("/rules/PRO101/state", {"state": "off", "reason": "Too strict."})
    answer(cem, "refuse")
    carla.post("/rules/PRO101/state", {"state": "shadow", "reason": "Let us count."})
    answer(carla, "withdraw")
    carla.post("/rules/versions/1/again", {"reason": "Back to what shipped."})
    answer(cem, "accept")
    carla.post("/rules/PRO101/state", {"state": "off", "reason": "Too strict, really."})
    with reading() as session:
        found = {one.number: one for one in history(session, "northwind")}
    assert [(n, one.outcome, one.answered) for n, one in sorted(found.items())] == [
        (1, "was", ""),
        (2, "was", "Cem"),
        (3, "refused", "Cem"),
        (4, "withdrawn", ""),
        (5, "force", "Cem"),
        (6, "waiting", ""),
    ]
    assert [found[n].shipped for n in (1, 5)] == [True, False], "the same packs, proposed"
    assert found[1].until == found[2].since and found[2].until == found[5].since and found[5].until is None
    page = said(signed("emil").get("/rules").text)
    for words in ("Too strict, really.", "Back to what shipped.", "Turned down", "Withdrawn", "Waiting"):
        assert words in page
    assert re.search(r"Turned down .*, by Cem", said(signed("emil").get("/rules/versions/3").text))
    assert "seconded by Cem" in said(signed("emil").get("/rules/versions/5").text)
    assert "Propose it again" not in carla.get("/rules/versions/6").text
    assert "Propose it again" in carla.get("/rules/versions/3").text


def test_any_two_versions_are_compared(signed):
    carla, cem = signed("carla"), signed("cem")
    put_in_force(carla, cem)
    put_in_force(carla, cem, name="other-named", match="haven", flags="Haven.")
    emil = signed("emil")
    page = said(emil.get("/rules/versions/1?with=2").text)
    assert "What is different from version 2" in page and "competitor-named FIRM001 : gone" in page
    assert "other-named" not in page
    assert "other-named FIRM002 : new" in said(emil.get("/rules/versions/3?with=2").text)
    assert "FIRM002" not in said(emil.get("/rules/versions/2?with=1").text)
    assert "Nothing is different" in said(emil.get("/rules/versions/2?with=2").text)
    assert emil.get("/rules/versions/2?with=9").status_code == 404
    for wrong in ("x", "-1", "9" * 40, ""):
        assert emil.get(f"/rules/versions/2?with={wrong}").status_code == 200


# -- a ZIP of packs ---------------------------------------------------------------------------------------------


def a_zip(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in members:
            archive.writestr(name, source)
    return out.getvalue()


@pytest.fixture
def send(signed):
    def sends(data, **fields):
        sent = {"pack": (io.BytesIO(data), "packs.zip"), "reason": "From the group.", **fields}
        return signed("carla").post("/rules/import", sent, content_type="multipart/form-data")

    return sends


def test_the_packs_that_a_version_hands_out_are_taken_in_again(signed, send):
    carla, cem = signed("carla"), signed("cem")
    put_in_force(carla, cem)
    data = carla.get("/rules/versions/2/packs.zip").data
    refused = send(data)
    assert refused.status_code == 409 and "in force already" in refused.text
    carla.post("/rules/versions/1/again", {"reason": "Back."})
    answer(cem, "accept")
    assert "firm" not in in_force()[1]
    assert send(data).status_code == 302
    answer(cem, "accept")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name.removesuffix(".toml"): archive.read(name) for name in archive.namelist()} == in_force()[1]


def test_own_packs_beside_the_first_are_taken_and_those_in_force_kept(signed, send):
    carla, cem = signed("carla"), signed("cem")
    put_in_force(carla, cem)
    other = in_force()[1]["firm"].replace(b"FIRM001", b"DESK101").replace(b"competitor-named", b"desk-named")
    assert send(a_zip([("firm-desk.toml", other), ("conduct.toml", SHIPPED)])).status_code == 302
    answer(cem, "accept")
    assert set(in_force()[1]) == {"words", "conduct", "firm", "firm-desk"}


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([("conduct.toml", SHIPPED + b"\n"), ("firm.toml", b"x")], "conduct : It differs from the one in force"),
        ([("house.toml", SHIPPED)], "house : It is no pack of your own"),
        ([("conduct.toml", SHIPPED)], "no pack of your own: nothing would change"),
        ([], "no pack of your own: nothing would change"),
        ([("packs/firm.toml", b"x")], "packs/firm.toml : It is no pack"),
        ([("../firm.toml", b"x")], "../firm.toml : It is no pack"),
        ([("/firm.toml", b"x")], "/firm.toml : It is no pack"),
        ([("firm/", b"")], "firm/ : It is no pack"),
        ([("firm.txt", b"x")], "firm.txt : It is no pack"),
        ([("Firm.toml", b"x")], "Firm.toml : It is no pack"),
        ([("firm.toml", b"\xff\xfe")], "cannot be read"),
        ([("firm.toml", b"not = = toml")], "cannot be read"),
    ],
)
def test_a_zip_that_cannot_be_taken_in_is_refused_by_name(send, members, told):
    page = send(a_zip(members), name="")
    assert page.status_code == 422 and told in said(page.text)
    assert 'value="From the group."' in page.text and "Choose the file again" in page.text
    with reading() as session:
        assert not queries.waiting_proposals(session, "northwind")


def test_a_zip_has_no_name_of_its_own(send):
    page = send(a_zip([("firm.toml", b"x")]), name="desk")
    assert page.status_code == 422 and "Leave the name empty" in page.text and 'value="desk"' in page.text


def test_a_bomb_is_refused(send):
    bomb = a_zip([("firm.toml", b"#" * 1_000_000)])
    assert len(bomb) < 5_000
    page = send(bomb)
    assert page.status_code == 413 and "unpacks to more than 50 times its size" in page.text
