from __future__ import annotations

import pytest
from factories import HOST, a_person, a_workspace

from approval.capabilities import Role
from approval.db import reading, transaction
from approval.errors import BadDefinition, CapabilityMissing, Conflict, OwnWords
from approval.people.models import Proposal
from approval.people.services import accounts
from approval.rules import load_packs
from approval.screening import queries, services
from approval.screening.services import Part
from approval.screening.services.changing import MOST_PACK_BYTES

WORD = "zebrafish"
MINE = f"""
[[rule]]
id = "OWN001"
name = "zebrafish-named"
kind = "phrase"
topic = "exaggeration-superlative"
severity = "block"
match = ["{WORD}"]
message = "Names “{{match}}”."
why = "This firm never does."
citation = {{ text = "House rule 1", as_of = 2026-11-01 }}
suggestion = "Leave it out."
flags = ["Our {WORD} is fast."]
passes = ["Our fish is fast."]
""".encode()
PACKS = {**load_packs().sources, "mine": MINE}


def proposed(firm, *, by, packs=PACKS):
    with transaction() as session:
        services.propose_rules(session, firm.workspace, packs, by=by, reason="Because of the fish.")
    with reading() as session:
        return session.query(Proposal).order_by(Proposal.id.desc()).first()


def answered(proposal, *, by, accept=True):
    with transaction() as session:
        services.second_rules(session, session.get_one(Proposal, proposal.id), by=by, accept=accept)


def finds(firm) -> set[str]:
    with reading() as session:
        found = services.check(session, firm.workspace, [Part("texts.news", "blog", f"Our {WORD} is fast.")])
    return {one.rule for one in found}


def number(firm) -> int:
    with reading() as session:
        return services.in_force(session, firm.workspace).number


def test_what_ships_is_version_one(firm):
    with reading() as session:
        force = services.in_force(session, firm.workspace)
        assert (force.number, force.digest.hex()) == (1, load_packs().digest)
        assert force.rules is load_packs()
        assert [version.number for version in queries.rule_sets(session, firm.workspace)] == [1]
    with transaction() as session:
        services.ensure_rule_set(session, firm.workspace, by=HOST)
    assert number(firm) == 1


def test_rules_take_effect_with_a_second_person(firm):
    proposal = proposed(firm, by=firm.compliance)
    assert (number(firm), finds(firm)) == (1, set())

    answered(proposal, by=firm.other_compliance)
    assert (number(firm), finds(firm)) == (2, {"OWN001"})


def test_nobody_seconds_their_own_rules(firm):
    proposal = proposed(firm, by=firm.compliance)
    with pytest.raises(OwnWords):
        answered(proposal, by=firm.compliance)
    with pytest.raises(CapabilityMissing):
        answered(proposal, by=firm.reviewer)
    assert number(firm) == 1


def test_rules_turned_down_never_take_effect(firm):
    proposal = proposed(firm, by=firm.compliance)
    answered(proposal, by=firm.administrator, accept=False)
    assert number(firm) == 1
    with pytest.raises(Conflict):
        answered(proposal, by=firm.other_compliance)
    assert number(firm) == 1


def test_alone_one_person_changes_the_rules_and_the_log_says_so(sqlite, keys):
    with transaction() as session:
        name = a_workspace(session, keys)
        services.ensure_rule_set(session, name, by=HOST)
        alone = a_person(session, "ada", Role.ADMINISTRATOR)
    with transaction() as session:
        version = services.propose_rules(session, name, PACKS, by=alone, reason="Because of the fish.")
        assert version.enacted_at is not None
    with reading() as session:
        assert services.in_force(session, name).number == 2
        assert session.query(Proposal).one().alone


def test_the_version_enacted_last_is_in_force(firm):
    first = proposed(firm, by=firm.compliance)
    second = proposed(firm, by=firm.compliance, packs={"mine": MINE})
    answered(second, by=firm.administrator)
    assert number(firm) == 3
    answered(first, by=firm.administrator)
    assert number(firm) == 2


def test_who_may_not_define_proposes_nothing(firm_on_sqlite):
    with pytest.raises(CapabilityMissing):
        proposed(firm_on_sqlite, by=firm_on_sqlite.marketer)


def test_the_rules_in_force_are_not_proposed_again(firm_on_sqlite):
    with pytest.raises(Conflict, match="in force already"):
        proposed(firm_on_sqlite, by=firm_on_sqlite.compliance, packs=dict(load_packs().sources))


@pytest.mark.parametrize(
    ("source", "where"),
    [
        (b"not toml = = ", "mine"),
        (MINE.replace(b"severity", b"gravity"), "mine.OWN001"),
        (MINE.replace(b'"block"', b'"awful"'), "mine.OWN001.severity"),
        (b"# " + b"x" * 5_000_000, ""),
        (b"\xff\xfe", "mine"),
    ],
)
def test_rules_that_cannot_be_read_are_refused_with_their_place(firm_on_sqlite, source, where):
    with pytest.raises(BadDefinition) as refusal:
        proposed(firm_on_sqlite, by=firm_on_sqlite.compliance, packs={"mine": source})
    assert not where or refusal.value.problems[0].where.startswith(where)
    assert number(firm_on_sqlite) == 1


def test_workspaces_have_rules_of_their_own(firm_on_sqlite, keys):
    firm = firm_on_sqlite
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
        services.ensure_rule_set(session, "southwind", by=HOST)
        accounts.ensure_workspace(session, "southwind")
    answered(proposed(firm, by=firm.compliance), by=firm.administrator)
    with reading() as session:
        assert services.in_force(session, "southwind").number == 1
    assert number(firm) == 2


def test_what_ships_leaves_a_firm_room_for_packs_of_its_own():
    assert sum(map(len, load_packs().sources.values())) < MOST_PACK_BYTES / 2
