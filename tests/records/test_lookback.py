"""What was published is judged again: completely, in order, resumably, and somebody answers for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import HOST, a_firm, an_approved_post
from sqlalchemy import select

from approval import clock
from approval.audit.queries.replaying import replay
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, Invalid
from approval.people.models import Notice, Proposal
from approval.publishing import services as publishing
from approval.publishing.jobs import publish_due
from approval.records import commands, queries, services
from approval.records.models import Lookback, LookbackHit
from approval.rules import Facts, load_packs
from approval.screening import queries as rules_of, services as screening
from approval.screening.services import Text, rescreen

OURS = """
[[rule]]
id = "FIRM001"
name = "opening-hours-told"
kind = "phrase"
topic = "urgency-pressure"
severity = "medium"
match = ["opens at nine"]
message = "“{match}” tells opening hours."
why = "Our policy."
citation = { text = "Policy", as_of = 2026-11-01 }
suggestion = "Link to the branch finder."
flags = ["It opens at nine."]
passes = ["It opens early."]
"""


@pytest.fixture
def firm(database, keys, prepared):
    return prepared("firm", lambda: a_firm(keys), database, keys)


def published(firm, settings, *texts):
    for words in texts:
        with transaction() as session:
            post = an_approved_post(session, firm, words)
            publishing.publish_now(session, post, by=firm.publisher)
    publish_due(settings, "test")


def judge_by(firm, source):
    with transaction() as session:
        packs = rules_of.packs_of(session, rules_of.version_in_force(session, firm.workspace).id)
        screening.propose_rules(
            session, firm.workspace, {**packs, "firm": source.encode()}, by=firm.compliance, reason="Policy."
        )
    with transaction() as session:
        waiting = session.scalars(select(Proposal).where(Proposal.decided_at.is_(None))).one()
        screening.second_rules(session, waiting, by=firm.other_compliance, accept=True)


def looked_back(firm, *, workers=1):
    today = clock.host_date()
    first, last = today - timedelta(days=1), today + timedelta(days=1)
    with transaction() as session:
        begun = services.begin_lookback(session, workspace=firm.workspace, first_day=first, last_day=last, by=HOST)
        id_, after = begun.id, begun.reached
    list(commands.look_back(firm.workspace, first, last, id_, after=after, workers=workers))
    with reading() as session:
        return queries.lookback(session, firm.workspace, id_), queries.hits(session, id_)


OPEN, CLOSED = "Our branch opens at nine.", "Our branch is closed on Monday."


def test_only_what_the_rules_of_its_time_did_not_find_is_flagged(firm, settings):
    published(firm, settings, OPEN, CLOSED)
    before, none = looked_back(firm)
    judge_by(firm, OURS)
    published(firm, settings, OPEN)
    after, hits = looked_back(firm)

    assert (before.judged, before.found, none) == (2, 0, ())
    assert (after.judged, after.found) == (3, 1), "the last one was approved with the finding known"
    assert [(hit.worst, hit.rules) for hit in hits] == [("medium", {"FIRM001": "medium"})]
    with reading() as session:
        told = session.scalars(select(Notice.person).where(Notice.kind == "lookback_found")).all()
        assert set(told) == {firm.compliance.id, firm.other_compliance.id}
        assert not list(replay(session, firm.workspace))


def test_an_interrupted_lookback_is_taken_up_where_it_stopped(firm, settings, monkeypatch):
    published(firm, settings, *[OPEN] * 5)
    judge_by(firm, OURS)
    monkeypatch.setattr(commands, "STRETCH", 2)
    today = clock.host_date()
    with transaction() as session:
        days = {"first_day": today - timedelta(days=1), "last_day": today + timedelta(days=1)}
        id_ = services.begin_lookback(session, workspace=firm.workspace, by=HOST, **days).id
    steps = commands.look_back(firm.workspace, *days.values(), id_, after=0, workers=1)
    assert next(steps) == (2, 2)
    steps.close()

    ended, hits = looked_back(firm)
    assert (ended.id, ended.judged, ended.found, len(hits)) == (id_, 5, 5, 5)
    assert ended.ended_at is not None
    with reading() as session:
        assert len({hit.publication for hit in session.scalars(select(LookbackHit))}) == 5


def test_a_stretch_is_never_kept_twice(firm, settings):
    published(firm, settings, OPEN)
    with transaction() as session:
        day = clock.host_date()
        begun = services.begin_lookback(session, workspace=firm.workspace, first_day=day, last_day=day, by=HOST)
        days = day - timedelta(days=1), day + timedelta(days=1)
        found = queries.published_after(session, firm.workspace, *days, after=0, on=day, limit=9)
        services.advance_lookback(session, begun.id, found, {}, ended=False)
        id_ = begun.id
    with pytest.raises(Conflict), transaction() as session:
        services.advance_lookback(session, id_, found, {}, ended=False)
    with reading() as session:
        assert session.get_one(Lookback, id_).judged == 1


def test_compliance_answers_once_for_what_was_flagged(firm, settings):
    published(firm, settings, OPEN)
    judge_by(firm, OURS)
    _, (hit,) = looked_back(firm)

    def answer(by, words="Kept: the hours are right."):
        with transaction() as session:
            services.answer_hit(session, firm.workspace, hit.id, by=by, words=words)

    with reading() as session:
        assert len(queries.hits_waiting(session, firm.workspace, 9)) == 1
    with pytest.raises(CapabilityMissing):
        answer(firm.reviewer)
    with pytest.raises(Invalid):
        answer(firm.compliance, " ")
    answer(firm.compliance)
    with pytest.raises(Conflict):
        answer(firm.other_compliance)
    with reading() as session:
        assert queries.hits_waiting(session, firm.workspace, 9) == ()
        (answered,) = queries.hits(session, hit.id)
    assert (answered.by, answered.answer) == (firm.compliance.name, "Kept: the hours are right.")


def test_several_processes_give_the_verdicts_of_one_in_order():
    texts = [Text(n, "A risk-free plan." if n % 3 else "We open at nine.", Facts()) for n in range(1_100)]
    packs = load_packs().sources
    alone, together = list(rescreen(packs, texts)), list(rescreen(packs, iter(texts), workers=2))
    assert alone == together and [verdict.key for verdict in together] == list(range(1_100))
    assert sum(bool(verdict.found) for verdict in alone) == 733
