"""An edit, an approval and a publication at once: whatever the order, nothing goes out without its own approvals.

`APPROVAL_RACES` sets the rounds of a long run.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from factories import Firm, a_decision, a_draft, a_post_in_review, put_in_force
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from approval.db import reading, transaction
from approval.desk import services as desk
from approval.errors import Refusal
from approval.posts.models import Post, Standing
from approval.posts.queries import post_for_change
from approval.publishing import jobs, services
from approval.publishing.models import Publication, PublicationStanding
from approval.publishing.queries import feed_page
from approval.review.flow import Asked, Stage, Verdict, Who
from approval.review.models import Decision

ROUNDS = int(os.environ.get("APPROVAL_RACES", "40"))
FIRST_WAIT, STEP = 0.1, 1.25
"""Seconds by which the edit begins later, and the factor by which that grows while edits win, and shrinks while
publications do: so the two keep meeting, however fast the machine is."""


def at_once(*acts):
    """Run *acts* in threads that start together; return each one's answer or refusal."""
    gate = threading.Barrier(len(acts))

    def run(act):
        gate.wait(10)
        try:
            return act()
        except (Refusal, StaleDataError) as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@dataclass(frozen=True)
class Race:
    """One post in review with three people, and the worker, at work on it."""

    firm: Firm
    settings: object
    post: int
    seen: bytes
    number: int
    wait: float

    def edit(self):
        time.sleep(random.uniform(0.5, 1.5) * self.wait)
        with transaction() as session:
            row = post_for_change(session, self.post)
            words = a_draft(self.firm, f"We close at {self.number}.")
            return desk.edit(session, row, words, by=self.firm.marketer, seen=self.seen)

    def approve(self):
        with transaction() as session:
            row = post_for_change(session, self.post)
            return a_decision(session, row, by=self.firm.reviewer, seen=self.seen).id

    def publish(self):
        until = time.monotonic() + 2 * self.wait
        while True:
            try:
                with transaction() as session:
                    services.publish_now(session, post_for_change(session, self.post), by=self.firm.publisher)
                return True
            except Refusal:
                if time.monotonic() > until:
                    raise

    def work(self):
        until = time.monotonic() + 2 * self.wait
        while time.monotonic() < until:
            jobs.publish_due(self.settings, "race")


def test_nothing_goes_out_without_its_own_approvals(firm, settings):
    with transaction() as session:
        put_in_force(session, firm, Stage("only", "Only", Who(Asked.ROLE, "reviewer")))
    ends: Counter[str] = Counter()
    wait = FIRST_WAIT
    for number in range(ROUNDS):
        with transaction() as session:
            post = a_post_in_review(session, firm, f"We open at {number}.")
            race = Race(firm, settings, post.id, post.revision, number, wait)
        edited, decided, *_ = at_once(race.edit, race.approve, race.publish, race.work)
        jobs.publish_due(settings, "race")
        end = ensure_one_story(race, edited, decided)
        ends[end] += 1
        wait = wait * STEP if end is Standing.DRAFT else wait / STEP
    assert ends[Standing.DRAFT] and ends[Standing.PUBLISHED], f"both ends were reached: {ends}"


def ensure_one_story(race: Race, edited, decided) -> Standing:
    """What went out was approved as it is; where the edit came first, nothing did, and nothing will."""
    with reading() as session:
        post = session.get_one(Post, race.post)
        out = session.scalars(select(Publication).where(Publication.post == race.post)).all()
        published = [one for one in out if one.standing is PublicationStanding.PUBLISHED]
        for one in published:
            approvals = select(Decision.seen).where(
                Decision.submission == one.submission, Decision.verdict == Verdict.APPROVE
            )
            assert set(session.scalars(approvals)) == {race.seen} == {one.revision}
        words = [entry.text for entry in feed_page(session, race.firm.workspace, "news").entries]
        assert f"We close at {race.number}." not in words
        assert (f"We open at {race.number}." in words) is bool(published)
        if isinstance(edited, Exception):
            assert (post.standing, post.revision, len(published)) == (Standing.PUBLISHED, race.seen, 1)
        else:
            assert post.standing is Standing.DRAFT and post.revision != race.seen and post.lock is None
            assert all(one.standing is PublicationStanding.WITHDRAWN for one in out)
        assert isinstance(decided, int) or not published
        return post.standing
