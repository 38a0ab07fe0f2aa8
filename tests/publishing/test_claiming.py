"""What goes out is what was approved; whatever commits before the claim wins."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from factories import CLEAN, HOST, Firm, an_approved_post
from sqlalchemy import select

from approval import clock
from approval.audit.models import Entry
from approval.audit.services import record
from approval.db import reading, transaction
from approval.errors import IllegalStep
from approval.people.models import Channel, Outbox
from approval.people.services import accounts
from approval.posts.events import PostReturned
from approval.posts.models import Edit, Post, Standing
from approval.posts.queries import post_for_change
from approval.publishing import jobs, services
from approval.publishing.models import Because, Claim, Heartbeat, Outcome, PublicationStanding as Is, StopScope
from approval.publishing.queries import PublicationFacts, feed_page, publications_of
from approval.publishing.services import claiming, settling
from approval.publishing.services.claiming import claim, next_due
from approval.publishing.services.settling import lapse, lapsed, settle
from approval.publishing.via import feed
from approval.publishing.via.contract import Published, RefusedBefore
from approval.review import services as review

WORDS = "Ünïcode “quotes” — 日本語 🏦\nand a second line, exactly."


def due_now(firm: Firm, words: str = CLEAN, **changes) -> int:
    """A post that waits for the worker's next look; its id."""
    with transaction() as session:
        post = an_approved_post(session, firm, words, **changes)
        services.publish_now(session, post, by=firm.publisher)
        return post.id


def the(post: int) -> PublicationFacts:
    with reading() as session:
        (found,) = publications_of(session, post)
    return found


def standing(post: int) -> Standing:
    with reading() as session:
        return session.get_one(Post, post).standing


def begin(settings):
    """Claim what is due, as a worker would, and send nothing."""
    with transaction() as session:
        found = next_due(session, settings=settings)
        return None if found is None else claim(session, found, settings=settings, worker="test")


# -- what goes out ---------------------------------------------------------------------------------------------


def test_a_webhook_gets_byte_exactly_the_approved_text(firm, settings, receiver):
    post = due_now(firm, WORDS, channel="hook")
    jobs.publish_due(settings, "test")

    (request,) = receiver.received
    data = json.loads(request.body)["data"]
    assert data["text"].encode() == WORDS.encode()
    assert data["digest"] == the(post).revision.hex()
    assert request.headers["webhook-id"] == the(post).message
    assert the(post).standing is Is.PUBLISHED
    assert standing(post) is Standing.PUBLISHED


def test_the_attempt_names_the_exact_request(firm_on_sqlite, settings, receiver):
    post = due_now(firm_on_sqlite, WORDS, channel="hook")
    jobs.publish_due(settings, "test")
    (attempt,) = the(post).attempts
    assert attempt.request == hashlib.sha256(receiver.received[0].body).digest()
    assert attempt.outcome is Outcome.PUBLISHED


def test_the_attempt_is_committed_before_the_first_byte_goes_out(firm_on_sqlite, settings, receiver):
    seen = []

    def look(number: int) -> str:
        seen.append(the(post))
        return "ok"

    post = due_now(firm_on_sqlite, channel="hook")
    receiver.behave = look
    jobs.publish_due(settings, "test")
    assert [p.standing for p in seen] == [Is.PUBLISHING]
    assert [a.outcome for a in seen[0].attempts] == [None]


def test_a_feed_shows_a_post_once_it_is_published(firm, settings):
    post = due_now(firm, WORDS)
    with reading() as session:
        assert feed_page(session, "northwind", "news").entries == ()
    jobs.publish_due(settings, "test")
    with reading() as session:
        (entry,) = feed_page(session, "northwind", "news").entries
    assert entry.text == WORDS
    assert entry.message == the(post).message


def test_a_manual_channel_waits_for_a_person(firm_on_sqlite, settings):
    post = due_now(firm_on_sqlite, channel="desk")
    jobs.publish_due(settings, "test")
    assert (the(post).standing, the(post).because) == (Is.NEEDS_PERSON, Because.HAND_OVER)
    with reading() as session:
        told = set(session.scalars(select(Outbox.person).where(Outbox.kind == "needs_person")))
    assert told == {firm_on_sqlite.publisher.id, firm_on_sqlite.marketer.id}


def test_the_log_tells_begun_before_published(firm_on_sqlite, settings):
    post = due_now(firm_on_sqlite)
    jobs.publish_due(settings, "test")
    with reading() as session:
        kinds = session.scalars(
            select(Entry.kind).where(Entry.post == post, Entry.kind.like("publication.%")).order_by(Entry.index)
        ).all()
    assert kinds == ["publication.scheduled", "publication.begun", "publication.published"]


def test_nothing_goes_out_before_its_time(firm_on_sqlite, settings):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
        soon = clock.now(session) + timedelta(seconds=30)
        services.schedule(session, post, by=firm.publisher, publish_at=soon, zone="UTC")
    jobs.publish_due(settings, "test")
    assert the(post.id).standing is Is.SCHEDULED


# -- what stops it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", list(StopScope))
def test_a_stop_before_the_claim_wins(firm, settings, scope):
    post = due_now(firm)
    with transaction() as session:
        text = {
            StopScope.EVERYTHING: "everything",
            StopScope.WORKSPACE: "workspace:northwind",
            StopScope.CHANNEL: "channel:northwind/news",
            StopScope.POST: f"post:{post}",
        }[scope]
        target = services.scope_named(session, text)
        services.stop(session, **target, by=firm.compliance, reason="Incident.")
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.SCHEDULED

    with transaction() as session:
        row = services.stop_for_change(session, services.stop_standing(session, services.scope_named(session, text)))
        services.ask_resume(session, row, by=firm.compliance, reason="Solved.")
        services.lift(session, row, by=firm.other_compliance)
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.PUBLISHED


def test_a_stop_of_another_channel_halts_nothing_here(firm_on_sqlite, settings):
    firm = firm_on_sqlite
    post = due_now(firm)
    with transaction() as session:
        target = services.scope_named(session, "channel:northwind/site")
        services.stop(session, **target, by=firm.compliance, reason="Incident.")
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.PUBLISHED


def test_an_approval_that_no_longer_holds_is_not_published(firm, settings, receiver, monkeypatch):
    """The decision that approved is by somebody who has become an editor of the post since."""
    post = due_now(firm, channel="hook")
    make_editor(post, firm.compliance.id)
    jobs.publish_due(settings, "test")
    assert (the(post).standing, the(post).because) == (Is.REFUSED, Because.APPROVAL_VOID)
    assert receiver.received == []

    # Without the check, the same post goes out.
    second = due_now(firm, channel="hook")
    make_editor(second, firm.compliance.id)
    monkeypatch.setattr(claiming, "_is_approved", lambda *_: True)
    jobs.publish_due(settings, "test")
    assert the(second).standing is Is.PUBLISHED


def make_editor(post: int, person: str) -> None:
    """Put an edit of the present revision by *person* on record."""
    with transaction() as session:
        row = session.get_one(Post, post)
        edit = Edit(workspace=row.workspace, post=row.id, revision=row.revision, by=person, at=clock.now(session))
        session.add(edit)
        happened = PostReturned(
            by=person, workspace=row.workspace, post=row.id, number=1, revision=row.revision, before=row.revision
        )
        record(session, happened, edit)


def test_bytes_changed_behind_our_back_are_not_published(firm_on_sqlite, settings, receiver, sqlite_url):
    post = due_now(firm_on_sqlite, channel="hook")
    raw = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    raw.execute("UPDATE revision SET payload = replace(payload, 'nine', 'ten') WHERE post = ?", (post,))
    raw.commit()
    raw.close()
    jobs.publish_due(settings, "test")
    assert (the(post).standing, the(post).because) == (Is.REFUSED, Because.ALTERED)
    assert receiver.received == []


def test_a_closed_channel_gets_nothing(firm_on_sqlite, settings, receiver):
    post = due_now(firm_on_sqlite, channel="hook")
    with transaction() as session:
        accounts.close_channel(session, session.scalars(select(Channel).where(Channel.name == "hook")).one(), by=HOST)
    jobs.publish_due(settings, "test")
    assert (the(post).standing, the(post).because) == (Is.MISSED, Because.CHANNEL_CLOSED)
    assert receiver.received == []


def test_what_is_later_than_the_grace_is_missed_and_told(firm, settings):
    post = due_now(firm)
    jobs.publish_due(replace(settings, grace=-1), "test")
    assert (the(post).standing, the(post).because) == (Is.MISSED, Because.LATE)
    with reading() as session:
        assert session.scalars(select(Outbox.kind).where(Outbox.kind == "publication_problem")).first()

    with transaction() as session:
        services.publish_now(session, post_for_change(session, post), by=firm.publisher)
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.PUBLISHED


def test_after_its_window_nothing_is_published(firm_on_sqlite, settings):
    firm = firm_on_sqlite
    with transaction() as session:
        ends = clock.now(session) + timedelta(seconds=3)
        post = an_approved_post(session, firm, not_after=ends)
        services.publish_now(session, post, by=firm.publisher)
    with reading() as session:
        while session.database_time() <= ends:
            pass
    jobs.publish_due(settings, "test")
    assert (the(post.id).standing, the(post.id).because) == (Is.MISSED, Because.WINDOW_CLOSED)


def test_an_edit_before_the_claim_wins_and_one_after_it_is_refused(firm, settings):
    post = due_now(firm)
    with transaction() as session:
        row = post_for_change(session, post)
        services.cancel(session, row, by=firm.marketer.id)
        review.supersede(session, row, by=firm.marketer)
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.WITHDRAWN
    assert standing(post) is Standing.DRAFT

    second = due_now(firm)
    assert begin(settings) is not None
    with pytest.raises(IllegalStep, match="being sent now"), transaction() as session:
        services.cancel(session, post_for_change(session, second), by=firm.marketer.id)


# -- leases and fences -----------------------------------------------------------------------------------------


def test_at_most_one_is_in_flight_per_channel(firm, settings):
    due_now(firm)
    due_now(firm)
    assert begin(settings) is not None
    assert begin(settings) is None


def test_many_workers_send_each_publication_once(firm, settings, receiver):
    posts = [due_now(firm, channel="hook") for _ in range(6)] + [due_now(firm) for _ in range(6)]
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda number: jobs.publish_due(settings, f"w{number}"), range(4)):
            pass
    jobs.publish_due(settings, "last")
    assert {the(post).standing for post in posts} == {Is.PUBLISHED}
    assert sorted(json.loads(request.body)["data"]["post"] for request in receiver.received) == posts[:6]
    assert {len(the(post).attempts) for post in posts} == {1}


def test_a_lease_that_ran_out_becomes_unknown_never_due(firm, settings):
    post = due_now(firm, channel="hook")
    assert begin(replace(settings, lease=-1)) is not None
    with reading() as session:
        ((publication, fence),) = lapsed(session)
    with transaction() as session:
        assert lapse(session, publication, fence, settings=replace(settings, settle=60))
    assert (the(post).standing, standing(post)) == (Is.UNKNOWN, Standing.UNKNOWN)
    assert [a.outcome for a in the(post).attempts] == [Outcome.UNKNOWN]
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.UNKNOWN, "it rests until its settle time is over"


def test_a_lease_that_holds_does_not_lapse(firm_on_sqlite, settings):
    post = due_now(firm_on_sqlite)
    assert begin(settings) is not None
    jobs.reconcile_due(settings, "test")
    assert the(post).standing is Is.PUBLISHING


def test_the_fence_stops_a_worker_that_woke_up_late(firm, settings, monkeypatch):
    post = due_now(firm, channel="hook")
    zombie = begin(replace(settings, lease=-1))
    assert zombie is not None
    jobs.reconcile_due(settings, "test")

    with transaction() as session:
        assert not settle(session, zombie, RefusedBefore(Because.GONE, "too late"), settings=settings)
    assert the(post).standing is Is.UNKNOWN

    # Without the fence the late worker would overwrite what is known by now.
    monkeypatch.setattr(settling, "_release", lambda *_: True)
    with transaction() as session:
        assert settle(session, zombie, Published("https://late.example/"), settings=settings)
    assert the(post).standing is Is.PUBLISHED


def test_a_late_worker_does_not_release_the_claim_of_the_next_one(firm_on_sqlite, settings):
    due_now(firm_on_sqlite, channel="hook")
    zombie = begin(replace(settings, lease=-1))
    jobs.reconcile_due(settings, "test")
    second = begin(settings)
    assert zombie is not None and second is not None and second.fence == zombie.fence + 1
    with transaction() as session:
        assert not settle(session, zombie, Published(), settings=settings)
    with reading() as session:
        assert session.scalars(select(Claim.fence)).all() == [second.fence]


def test_an_unknown_webhook_is_sent_again_under_the_same_id(firm, settings, receiver):
    post = due_now(firm, channel="hook")
    receiver.behave = lambda number: ["vanish", "503", "ok"][number]
    for _ in range(3):
        jobs.publish_due(settings, "test")
    assert the(post).standing is Is.PUBLISHED
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    assert len({request.body for request in receiver.received}) == 1
    assert [a.outcome for a in the(post).attempts] == [Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.PUBLISHED]


def test_with_a_new_id_on_each_try_the_receiver_would_publish_twice(firm_on_sqlite, settings, receiver, monkeypatch):
    made = claiming._message
    monkeypatch.setattr(claiming, "_message", lambda *given: replace(made(*given), id=f"msg_{secrets.token_hex(8)}"))
    due_now(firm_on_sqlite, channel="hook")
    receiver.behave = lambda number: ["vanish", "ok"][number]
    for _ in range(2):
        jobs.publish_due(settings, "test")
    assert [request.applied for request in receiver.received] == [True, True]
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 2


def test_an_unknown_manual_publication_is_left_to_a_person(firm_on_sqlite, settings):
    post = due_now(firm_on_sqlite, channel="desk")
    assert begin(replace(settings, lease=-1)) is not None
    jobs.reconcile_due(settings, "test")
    jobs.publish_due(settings, "test")
    assert (the(post).standing, the(post).because) == (Is.NEEDS_PERSON, Because.NO_ANSWER)


def test_an_unknown_feed_publication_is_simply_made_visible(firm_on_sqlite, settings):
    post = due_now(firm_on_sqlite)
    assert begin(replace(settings, lease=-1)) is not None
    jobs.reconcile_due(settings, "test")
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.PUBLISHED
    with reading() as session:
        assert len(feed_page(session, "northwind", "news").entries) == 1


def test_a_doubt_that_outlives_the_grace_is_left_to_a_person(firm_on_sqlite, settings, receiver):
    post = due_now(firm_on_sqlite, channel="hook")
    receiver.behave = lambda number: "vanish"
    jobs.publish_due(replace(settings, settle=0.5), "test")
    rests_until = the(post).retry_at
    assert the(post).standing is Is.UNKNOWN and rests_until is not None
    time.sleep(max(0.0, (rests_until - datetime.now(UTC)).total_seconds()) + 0.1)
    jobs.publish_due(replace(settings, grace=-1), "test")
    assert (the(post).standing, the(post).because) == (Is.NEEDS_PERSON, Because.LATE)


def test_a_refusal_after_a_doubt_is_left_to_a_person(firm_on_sqlite, settings, receiver):
    post = due_now(firm_on_sqlite, channel="hook")
    receiver.behave = lambda number: ["vanish", "422"][number]
    jobs.publish_due(settings, "test")
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.NEEDS_PERSON


def test_a_wait_after_a_doubt_stays_a_doubt(firm_on_sqlite, settings, receiver):
    post = due_now(firm_on_sqlite, channel="hook")
    receiver.behave = lambda number: ["vanish", "429"][number]
    jobs.publish_due(settings, "test")
    jobs.publish_due(settings, "test")
    assert (the(post).standing, the(post).because) == (Is.UNKNOWN, Because.BUSY)


def test_a_receiver_that_asks_to_wait_is_tried_again_then(firm_on_sqlite, settings, receiver):
    post = due_now(firm_on_sqlite, channel="hook")
    receiver.behave, receiver.headers = (lambda number: "429"), {"Retry-After": "20"}
    jobs.publish_due(settings, "test")
    found = the(post)
    assert found.standing is Is.SCHEDULED
    assert found.retry_at is not None
    assert timedelta(seconds=19) < found.retry_at - found.attempts[0].begun_at < timedelta(seconds=21)
    jobs.publish_due(settings, "test")
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", ["301", "400", "401", "403", "404", "409", "410", "413", "422"])
def test_what_the_receiver_refuses_is_refused_for_good(firm_on_sqlite, settings, receiver, status):
    post = due_now(firm_on_sqlite, channel="hook")
    receiver.behave = lambda number: status
    jobs.publish_due(settings, "test")
    jobs.publish_due(settings, "test")
    assert the(post).standing is Is.REFUSED
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", ["500", "502", "503", "504", "599"])
def test_any_fault_of_the_receiver_is_a_doubt(firm_on_sqlite, settings, receiver, status):
    post = due_now(firm_on_sqlite, channel="hook")
    receiver.behave = lambda number: status
    jobs.publish_due(replace(settings, settle=60), "test")
    assert the(post).standing is Is.UNKNOWN


def test_a_failure_of_our_own_while_sending_is_a_doubt(firm_on_sqlite, settings, monkeypatch):
    def fails(*_, **__):
        raise ZeroDivisionError

    post = due_now(firm_on_sqlite)
    monkeypatch.setattr(feed, "send", fails)
    jobs.publish_due(replace(settings, settle=60), "test")
    assert the(post).standing is Is.UNKNOWN


def test_one_publication_that_cannot_be_judged_holds_up_no_other(firm_on_sqlite, settings, monkeypatch):
    first, second = due_now(firm_on_sqlite), due_now(firm_on_sqlite)
    judged = claiming._hindrance

    def fails(session, publication, *rest):
        if publication.post == first:
            raise ZeroDivisionError
        return judged(session, publication, *rest)

    monkeypatch.setattr(claiming, "_hindrance", fails)
    jobs.publish_due(settings, "test")
    assert the(first).standing is Is.SCHEDULED
    assert the(second).standing is Is.PUBLISHED


def test_a_worker_leaves_a_sign_of_life(firm, settings):
    jobs.beat(settings, "w1")
    jobs.beat(settings, "w1")
    with reading() as session:
        assert len(session.scalars(select(Heartbeat)).all()) == 1


def test_a_worker_that_is_to_end_claims_nothing_more(firm_on_sqlite, settings, monkeypatch):
    monkeypatch.setattr(jobs, "ENDING", threading.Event())
    post = due_now(firm_on_sqlite)
    jobs.ENDING.set()
    jobs.publish_due(settings, "test")
    assert (standing(post), the(post).attempts) == (Standing.SCHEDULED, ())
    jobs.ENDING.clear()
    jobs.publish_due(settings, "test")
    assert standing(post) is Standing.PUBLISHED, "and another one takes it up"
