"""What each rule finds is counted as it happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from factories import BLOCKED, CLEAN, a_draft, a_post

from approval.db import reading, transaction
from approval.posts import queries as posts, services as drafts
from approval.screening import queries, services
from approval.screening.queries import Tally
from approval.screening.services.tallies import tally


def test_a_revision_counts_once_for_each_rule_that_found_something(firm):
    with transaction() as session:
        post = a_post(session, firm, BLOCKED)
    with transaction() as session:
        row = posts.post_for_change(session, post.id)
        drafts.revise(session, row, a_draft(firm, f"{BLOCKED} {BLOCKED}"), by=firm.marketer, seen=None)
    with transaction() as session:
        a_post(session, firm, CLEAN)
    with reading() as session:
        rule_set = services.in_force(session, firm.workspace).digest
        rules = {found.rule for found in queries.findings_of(session, firm.workspace, post.revision, rule_set)}
        tallies = queries.tallies(session, firm.workspace, sorted(rules))
    assert rules and {rule: one.hits for rule, one in tallies.items()} == dict.fromkeys(rules, 2)


def test_counters_lose_nothing_between_writers(firm):
    def count(number):
        with transaction() as session:
            tally(session, firm.workspace, hits=("AAA101", "AAA102"), shadows=("AAA103",), dismissed=("AAA102",))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(40)))
    with reading() as session:
        found = queries.tallies(session, firm.workspace, ("AAA101", "AAA102", "AAA103", "AAA104"))
    assert found == {"AAA101": Tally(hits=40), "AAA102": Tally(hits=40, dismissed=40), "AAA103": Tally(shadows=40)}


def test_a_shadow_rule_is_counted_and_not_shown(firm):
    shadow = b'[pack]\ntitle = "Ours"\nabout = "Ours"\nshadow = ["PRO110"]\n'
    with transaction() as session:
        packs = {**queries.packs_of(session, queries.version_in_force(session, firm.workspace).id), "firm": shadow}
        version = services.propose_rules(session, firm.workspace, packs, by=firm.compliance, reason="Try it first.")
        proposal = version.number
    assert proposal == 2
    with transaction() as session:
        from sqlalchemy import select

        from approval.people.models import Proposal

        waiting = session.scalar(select(Proposal).where(Proposal.decided_at.is_(None)))
        services.second_rules(session, waiting, by=firm.other_compliance, accept=True)
    with transaction() as session:
        post = a_post(session, firm, "A risk-free plan.")
    with reading() as session:
        rule_set = services.in_force(session, firm.workspace).digest
        found = queries.findings_of(session, firm.workspace, post.revision, rule_set)
        counted = queries.tallies(session, firm.workspace, ("PRO110",))["PRO110"]
    assert "PRO110" not in {finding.rule for finding in found}
    assert counted == Tally(shadows=1)
