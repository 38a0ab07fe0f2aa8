from __future__ import annotations

import pytest
from sqlalchemy import select

from approval.audit.models import Entry
from approval.capabilities import Capability, Role
from approval.db import reading, transaction
from approval.errors import AlreadyDecided, CapabilityMissing, Forbidden, Invalid, OwnWords
from approval.people.models import Notice, Person, Proposal, Subject
from approval.people.queries import actor_of
from approval.people.services import accounts, closing
from approval.people.services.second import propose, second, withdraw

DIGEST = bytes(range(32))
DEFINE = Capability.DEFINE


def put(by, **facts):
    with transaction() as session:
        options = {"reason": "the new rules", "capability": DEFINE, **facts}
        return propose(session, "northwind", Subject.RULE_SET, DIGEST, by=by, **options).id


def decide(id_, by, accept=True):
    with transaction() as session:
        row = session.get_one(Proposal, id_)
        return second(session, row, by=by, accept=accept, capability=DEFINE).accepted


def take_back(id_, by):
    with transaction() as session:
        return withdraw(session, session.get_one(Proposal, id_), by=by).accepted


def last_kind():
    with reading() as session:
        return session.scalar(select(Entry.kind).where(Entry.log == "northwind").order_by(Entry.index.desc()).limit(1))


@pytest.mark.parametrize(("accept", "kind"), [(True, "proposal.seconded"), (False, "proposal.turned-down")])
def test_a_change_waits_for_a_second_person(firm_everywhere, accept, kind):
    firm = firm_everywhere
    id_ = put(firm.compliance)
    with reading() as session:
        row = session.get_one(Proposal, id_)
        assert (row.accepted, row.alone, row.decided_at) == (None, False, None)
        told = set(session.scalars(select(Notice.person).where(Notice.kind == "second_wanted")))
    assert told == {firm.other_compliance.id, firm.administrator.id}
    assert last_kind() == "proposal.made"

    assert decide(id_, firm.other_compliance, accept) is accept
    assert last_kind() == kind


def test_nobody_seconds_their_own_proposal(firm):
    id_ = put(firm.compliance)
    with pytest.raises(OwnWords):
        decide(id_, firm.compliance)
    assert decide(id_, firm.administrator)


def test_only_who_holds_the_capability_seconds(firm):
    id_ = put(firm.compliance)
    for other in (firm.marketer, firm.examiner, firm.publisher):
        with pytest.raises(CapabilityMissing):
            decide(id_, other)


def test_a_proposal_is_decided_once(firm):
    id_ = put(firm.compliance)
    decide(id_, firm.other_compliance, accept=False)
    with pytest.raises(AlreadyDecided):
        decide(id_, firm.administrator)


def test_who_proposed_a_change_takes_it_back(firm_everywhere):
    firm = firm_everywhere
    id_ = put(firm.compliance)
    assert take_back(id_, firm.compliance) is False
    assert last_kind() == "proposal.withdrawn"
    with pytest.raises(AlreadyDecided):
        decide(id_, firm.other_compliance)
    with pytest.raises(AlreadyDecided):
        take_back(id_, firm.compliance)


def test_nobody_else_takes_a_proposal_back_nor_once_it_is_answered(firm):
    id_ = put(firm.compliance)
    with pytest.raises(Forbidden):
        take_back(id_, firm.other_compliance)
    assert decide(id_, firm.other_compliance)
    with pytest.raises(AlreadyDecided):
        take_back(id_, firm.compliance)


def test_who_is_alone_changes_alone_and_the_log_says_so(firm):
    with transaction() as session:
        for other in (firm.other_compliance, firm.administrator):
            if other is firm.administrator:
                accounts.give_role(
                    session, session.get_one(Person, firm.compliance.id), Role.ADMINISTRATOR,
                    workspace="northwind", by="host:test",
                )  # fmt: skip
                session.flush()
            closing.disable(session, session.get_one(Person, other.id), by="host:test")
    id_ = put(firm.compliance)
    with reading() as session:
        row = session.get_one(Proposal, id_)
        assert (row.accepted, row.alone, row.decided_by) == (True, True, None)
    assert last_kind() == "proposal.alone"


def test_a_closed_account_does_not_count_as_a_second_person_but_an_open_one_does(firm):
    with transaction() as session:
        closing.disable(session, session.get_one(Person, firm.other_compliance.id), by="host:test")
    id_ = put(firm.compliance)
    with reading() as session:
        assert session.get_one(Proposal, id_).accepted is None
        administrator = actor_of(session, firm.administrator.id)
    assert decide(id_, administrator)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_a_proposal_has_a_reason(firm, reason):
    with pytest.raises(Invalid):
        put(firm.compliance, reason=reason)
