"""Retention rules change by two people, for every record at once; the shipped ones are version 1."""

from __future__ import annotations

import pytest
from factories import HOST, an_approved_post
from sqlalchemy import select

from approval.audit.models import Entry
from approval.audit.queries.replaying import replay
from approval.capabilities import Capability
from approval.db import reading, transaction
from approval.desk.services import create_workspace
from approval.errors import BadDefinition, CapabilityMissing, Conflict, Invalid, NotFound, OwnWords
from approval.people.models import Person, Proposal, Subject
from approval.people.services import closing, second
from approval.records import jobs, queries, services
from approval.records.keeping import SHIPPED
from approval.records.models import RetentionVersion
from approval.records.services import retention as changing

LONGER = SHIPPED.replace("years = 2\n", "years = 9\n", 1)


def propose(firm, source=LONGER, *, by=None, reason="Our counsel asks for it."):
    with transaction() as session:
        return services.propose_retention(
            session, firm.workspace, source, by=by or firm.compliance, reason=reason
        ).number


def waiting():
    with reading() as session:
        return session.scalars(select(Proposal.id).where(Proposal.decided_at.is_(None))).one()


def answer(firm, *, by, accept=True):
    with transaction() as session:
        services.second_retention(session, session.get_one(Proposal, waiting()), by=by, accept=accept)


def in_force(firm):
    with reading() as session:
        return queries.retention_in_force(session, firm.workspace)


def kinds(start="retention."):
    with reading() as session:
        found = select(Entry.kind).where(Entry.log == "northwind", Entry.kind.startswith(start)).order_by(Entry.index)
        return session.scalars(found).all()


def test_the_shipped_rules_are_version_one_before_and_after_they_are_written_down(firm, settings):
    assert (in_force(firm).number, in_force(firm).source, in_force(firm).id) == (1, SHIPPED, None)
    jobs.reckon_due(settings, "w")
    jobs.reckon_due(settings, "w")
    assert (in_force(firm).number, in_force(firm).source) == (1, SHIPPED)
    assert in_force(firm).id is not None
    assert kinds() == ["retention.shipped"]


def test_a_new_workspace_begins_with_them(sqlite, keys):
    with transaction() as session:
        create_workspace(
            session, name="harbor", title="Harbor", regime="uk", entity_type="bank", zone="UTC", keys=keys, by=HOST
        )
    with reading() as session:
        assert session.scalars(select(RetentionVersion.number)).all() == [1]


def test_a_change_takes_effect_when_a_second_person_agrees(firm):
    assert propose(firm) == 2
    assert in_force(firm).number == 1
    answer(firm, by=firm.other_compliance)
    assert (in_force(firm).number, in_force(firm).source) == (2, LONGER)
    assert kinds() == ["retention.shipped", "retention.proposed", "retention.enacted"]
    with reading() as session:
        assert list(replay(session, firm.workspace)) == []


def test_what_is_turned_down_never_holds(firm):
    propose(firm)
    answer(firm, by=firm.other_compliance, accept=False)
    assert in_force(firm).number == 1
    assert propose(firm) == 3, "the same may be proposed again"


def test_nobody_seconds_their_own_rules(firm):
    propose(firm)
    with pytest.raises(OwnWords):
        answer(firm, by=firm.compliance)
    assert in_force(firm).number == 1


def test_control_without_the_guard_their_own_word_would_do(firm, monkeypatch):
    propose(firm)
    monkeypatch.setattr(second, "ensure_second", lambda *_: None)
    answer(firm, by=firm.compliance)
    assert in_force(firm).number == 2


def test_only_who_defines_proposes_and_seconds(firm):
    for person in (firm.marketer, firm.publisher, firm.examiner):
        with pytest.raises(CapabilityMissing):
            propose(firm, by=person)
    propose(firm)
    for person in (firm.marketer, firm.publisher, firm.examiner):
        with pytest.raises(CapabilityMissing):
            answer(firm, by=person)


def test_control_without_the_guard_a_marketer_would_propose(firm, monkeypatch):
    monkeypatch.setattr(changing, "ensure_may", lambda *_: None)
    assert propose(firm, by=firm.marketer) == 2


def test_the_same_rules_are_not_proposed_twice(firm):
    with pytest.raises(Conflict, match="in force already"):
        propose(firm, SHIPPED)
    propose(firm)
    with pytest.raises(Conflict, match="wait for a second person"):
        propose(firm, by=firm.other_compliance)


def test_control_without_the_guard_they_would_be(firm, monkeypatch):
    monkeypatch.setattr(changing, "ensure_new", lambda *_: None)
    assert propose(firm, SHIPPED) == 2


def test_what_cannot_be_read_is_never_a_version(firm):
    with pytest.raises(BadDefinition):
        propose(firm, SHIPPED.replace("years = 2", "years = 0", 1))
    with pytest.raises(Invalid):
        propose(firm, reason=" ")
    with reading() as session:
        assert session.scalars(select(RetentionVersion.id)).all() == []


def test_who_is_alone_changes_them_alone_and_the_log_says_so(firm):
    with transaction() as session:
        for other in (firm.compliance, firm.other_compliance):
            closing.disable(session, session.get_one(Person, other.id), by=HOST)
    propose(firm, by=firm.administrator)
    assert in_force(firm).number == 2
    with reading() as session:
        body = session.scalars(select(Entry.body).where(Entry.kind == "retention.enacted")).one()
    assert b'"alone":true' in body


def test_a_proposal_about_something_else_is_none_about_retention(firm):
    with transaction() as session:
        other = second.propose(
            session,
            firm.workspace,
            Subject.HOLD,
            bytes(32),
            by=firm.compliance,
            reason="No.",
            capability=Capability.HOLD,
        ).id
    with pytest.raises(NotFound), transaction() as session:
        services.second_retention(session, session.get_one(Proposal, other), by=firm.other_compliance, accept=True)


def test_new_rules_hold_for_posts_of_the_past(firm, settings):
    with transaction() as session:
        post = an_approved_post(session, firm, product="savings").id
    with reading() as session:
        before = queries.keeping_of(session, post)
    propose(firm, SHIPPED.replace('id = "us-bank-deposit"', 'id = "ours"').replace("years = 6", "years = 20"))
    answer(firm, by=firm.administrator)
    with reading() as session:
        after = queries.keeping_of(session, post)
    assert [r.rule.years for r in before.kept.reasons] == [6, 2]
    assert [r.rule.years for r in after.kept.reasons] == [20, 2]
    assert (before.version, after.version) == (1, 2)
