"""A shipped rule amended in a form: milder, graver, or with an exception, by two people."""

from __future__ import annotations

import re

import pytest

from approval.db import reading
from approval.people.models import Proposal
from approval.screening import queries, services
from approval.screening.services.packing import FIRM_PACK
from approval.screening.services.workshop import bench_of

RULE = "URG101"
TEXT = "Act now before it is gone."


@pytest.fixture(autouse=True)
def unproven(monkeypatch):
    """The examples of all shipped rules are proven elsewhere, and take long."""
    monkeypatch.setattr("approval.screening.services.changing.failures", lambda rules: iter(()))


def said(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def force(firm):
    with reading() as session:
        return services.in_force(session, firm.workspace)


def send(browser, number, path=f"/rules/{RULE}/amend", **fields):
    return browser.post(path, {"seen": str(number), "reason": "Our auditors asked.", **fields})


def waiting(firm):
    with reading() as session:
        (proposal,) = session.query(Proposal).filter(Proposal.decided_at.is_(None))
        version = queries.version_proposed(session, proposal)
        return proposal.id, queries.packs_of(session, version.id)[FIRM_PACK].decode()


def accept(browser, firm):
    proposal, _ = waiting(firm)
    browser.post(f"/rules/proposals/{proposal}", {"answer": "accept", "seen": str(force(firm).number)})


def test_a_shipped_rule_is_made_milder_and_later_as_it_was(signed, firm):
    shipped = force(firm).rules.check(TEXT)[0]
    assert shipped.rule == RULE and shipped.severity != "low"
    sent = send(signed("carla"), force(firm).number, severity="low")
    assert sent.status_code == 302
    _, pack = waiting(firm)
    assert f'[[amend]]\nrule = "{RULE}"\nseverity = "low"\n' in pack
    accept(signed("cem"), firm)
    assert force(firm).rules.check(TEXT)[0].severity == "low"
    page = said(signed("carla").get(f"/rules/{RULE}").text)
    assert "Amended by this firm" in page and "[[amend]]" in page
    assert "Take the amendment back" in signed("carla").get(f"/rules/{RULE}/amend").text
    ours = said(signed("carla").get("/rules?ours=1").text)
    assert f"{RULE} · " in ours and "· amended" in ours and "1 to 1 of 1" in ours, (
        "the list shows what the firm changed"
    )
    assert send(signed("carla"), force(firm).number, answer="withdraw").status_code == 302
    accept(signed("cem"), firm)
    assert force(firm).rules.check(TEXT)[0].severity == shipped.severity
    assert RULE not in said(signed("carla").get("/rules?ours=1").text)
    again = send(signed("carla"), force(firm).number, answer="withdraw")
    assert again.status_code == 409 and "is not amended" in said(again.text)


def test_an_exception_is_added_and_shown_with_its_text(signed, firm):
    typed = {"exceptions": "Act now before it is gone, says our florist", "passes": f"{TEXT[:-1]}, says our florist."}
    before = force(firm)
    assert before.rules.check(typed["passes"])
    assert send(signed("carla"), before.number, **typed).status_code == 302
    accept(signed("cem"), firm)
    after = force(firm)
    assert not after.rules.check(typed["passes"]) and after.rules.check(TEXT)
    form = signed("carla").get(f"/rules/{RULE}/amend").text
    assert "act now before it is gone, says our florist" in form, "the form shows what stands"
    assert bench_of(after.rules).rules[RULE].amended_by == FIRM_PACK


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "Say something otherwise"),
        ({"exceptions": "act now on alarms"}, "Write a text that was flagged"),
        ({"passes": TEXT}, "Write the exception"),
        ({"exceptions": "(act", "passes": TEXT}, "opens or closes a group alone"),
        ({"exceptions": "act now on alarms", "passes": TEXT}, "Line 1 is still flagged"),
        ({"exceptions": "act now on alarms", "passes": "Good morning."}, "Line 1 passes without the exception"),
        ({"exceptions": r".*", "passes": TEXT}, "It silences what the rule is for"),
        ({"severity": "low", "reason": ""}, "Say why"),
        ({"severity": "grave"}, "grave"),
        ({"severity": "low", "seen": "7"}, "The rules changed while you wrote"),
    ],
)
def test_what_cannot_work_is_told_and_nothing_proposed(signed, firm, typed, told):
    page = send(signed("carla"), force(firm).number, **typed)
    assert page.status_code in (409, 422), page.status_code
    assert told in said(page.text)
    with reading() as session:
        assert not queries.waiting_proposals(session, firm.workspace)


def test_the_amended_rule_is_tried_on_a_text(signed):
    carla = signed("carla")
    part = carla.post(f"/rules/{RULE}/amend/try", {"severity": "low", "sample": TEXT, "part": "1"}).text
    assert "Flagged." in said(part) and "<html" not in part
    typed = {"exceptions": "act now before it", "sample": TEXT}
    page = carla.post(f"/rules/{RULE}/amend/try", typed).text
    assert "Passes." in said(page) and "<html" in page


def test_only_rules_of_other_packs_are_amended(signed):
    assert signed("carla").get("/rules/FIRM001/amend").status_code == 404
    assert signed("maria").get(f"/rules/{RULE}/amend").status_code == 403
    assert send(signed("maria"), 1, severity="low").status_code == 403
