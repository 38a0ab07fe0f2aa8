from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from factories import CLEAN, a_post_in_review, an_approved_post
from sqlalchemy import select

from approval import clock
from approval.db import reading, transaction
from approval.errors import BadTime, CapabilityMissing, Forbidden, IllegalStep, Invalid, Stopped
from approval.posts.models import Post, Standing
from approval.posts.queries import post_for_change
from approval.publishing import jobs, services
from approval.publishing.models import Publication, PublicationStanding as Is, StopScope
from approval.publishing.queries import publications_of, standing_of

SOON = timedelta(hours=1)


def in_an_hour(session) -> datetime:
    return clock.now(session) + SOON


def test_an_approved_post_is_scheduled_once_per_channel_with_instant_wall_time_and_zone(firm):
    with transaction() as session:
        post = an_approved_post(session, firm, texts={"news": CLEAN, "desk": CLEAN})
    with transaction() as session:
        post = post_for_change(session, post.id)
        at = in_an_hour(session)
        services.schedule(session, post, by=firm.publisher, publish_at=at, zone="Europe/Zurich")
    with reading() as session:
        found = publications_of(session, post.id)
        assert {p.channel for p in found} == {"news", "desk"}
        assert {p.due_at for p in found} == {at}
        assert {p.wall for p in found} == {f"{clock.wall_time(at, 'Europe/Zurich'):%Y-%m-%dT%H:%M:%S}"}
        assert len({p.message for p in found}) == 2
        assert not any("." in p.message for p in found)
        stored = session.get_one(Post, post.id)
        assert (stored.standing, stored.acts_next, stored.acts_next_at) == (Standing.SCHEDULED, "nobody", at)


def test_scheduling_again_moves_the_publication_and_keeps_its_message_id(firm):
    with transaction() as session:
        post = an_approved_post(session, firm)
        services.schedule(session, post, by=firm.publisher, publish_at=in_an_hour(session), zone="UTC")
    with reading() as session:
        before = publications_of(session, post.id)
    with transaction() as session:
        post = post_for_change(session, post.id)
        later = in_an_hour(session) + SOON
        services.schedule(session, post, by=firm.publisher, publish_at=later, zone="UTC")
    with reading() as session:
        after = publications_of(session, post.id)
    assert [p.message for p in after] == [p.message for p in before]
    assert [p.due_at for p in after] == [later]


@pytest.mark.parametrize("who", ["marketer", "reviewer", "compliance", "administrator", "examiner"])
def test_only_publishers_schedule(firm_on_sqlite, who):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
    with pytest.raises(CapabilityMissing), transaction() as session:
        post = post_for_change(session, post.id)
        services.schedule(session, post, by=getattr(firm, who), publish_at=in_an_hour(session), zone="UTC")


def test_a_post_in_review_cannot_be_scheduled(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post_in_review(session, firm)
    with pytest.raises(IllegalStep), transaction() as session:
        post = post_for_change(session, post.id)
        services.schedule(session, post, by=firm.publisher, publish_at=in_an_hour(session), zone="UTC")


def test_a_past_time_is_refused(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
    with pytest.raises(BadTime, match="past"), transaction() as session:
        post = post_for_change(session, post.id)
        services.schedule(session, post, by=firm.publisher, publish_at=clock.now(session), zone="UTC")


@pytest.mark.parametrize("days, allowed", [(1, False), (3, True), (6, False)])
def test_a_time_outside_the_approved_window_is_refused(firm_on_sqlite, days, allowed):
    firm = firm_on_sqlite
    with transaction() as session:
        now = clock.now(session)
        window = {"not_before": now + timedelta(days=2), "not_after": now + timedelta(days=5)}
        post = an_approved_post(session, firm, **window)

    def place() -> None:
        with transaction() as session:
            held = post_for_change(session, post.id)
            services.schedule(session, held, by=firm.publisher, publish_at=now + timedelta(days=days), zone="UTC")

    if allowed:
        place()
    else:
        with pytest.raises(BadTime, match="approval holds"):
            place()


def test_only_approved_channels_are_scheduled(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
    with pytest.raises(Invalid, match="not among the approved channels"), transaction() as session:
        post = post_for_change(session, post.id)
        services.schedule(
            session, post, by=firm.publisher, publish_at=in_an_hour(session), zone="UTC", channels=["site"]
        )


def test_a_wall_time_in_the_spring_gap_is_refused():
    with pytest.raises(BadTime, match="does not exist"):
        services.moment("2027-03-28T02:30", "Europe/Zurich")


def test_a_wall_time_that_comes_twice_is_asked_for():
    with pytest.raises(BadTime, match="comes twice") as caught:
        services.moment("2026-10-25T02:30", "Europe/Zurich")
    assert caught.value.problems[0].where == "fold"


@pytest.mark.parametrize("fold, hour", [(0, 0), (1, 1)])
def test_the_fold_says_which_of_two_wall_times_is_meant(fold, hour):
    chosen = services.moment("2026-10-25T02:30", "Europe/Zurich", fold=fold)
    assert chosen.instant == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
    assert chosen.wall == "2026-10-25T02:30:00"


@pytest.mark.parametrize("text", ["2026-13-01T00:00", "tomorrow", "", "2026-11-21", "2026-11-21T25:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(BadTime):
        services.moment(text, "Europe/Zurich")


def test_a_wall_time_must_mean_the_instant_that_comes_with_it(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
    with pytest.raises(BadTime), transaction() as session:
        post = post_for_change(session, post.id)
        at = in_an_hour(session)
        services.schedule(
            session,
            post,
            by=firm.publisher,
            publish_at=at,
            zone="Asia/Tokyo",
            wall=f"{at:%Y-%m-%dT%H:%M:%S}",
        )


def test_nothing_is_published_now_while_publishing_is_stopped(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
        services.stop(
            session,
            scope=StopScope.WORKSPACE,
            workspace="northwind",
            by=firm.compliance,
            reason="Incident.",
        )
    with pytest.raises(Stopped), transaction() as session:
        services.publish_now(session, post_for_change(session, post.id), by=firm.publisher)


def test_withdrawing_a_scheduled_post_takes_its_publications_out(firm, settings):
    with transaction() as session:
        post = an_approved_post(session, firm)
        services.publish_now(session, post, by=firm.publisher)
    with transaction() as session:
        services.withdraw(session, post_for_change(session, post.id), by=firm.marketer, reason="Wrong day.")
    jobs.publish_due(settings, "test")
    with reading() as session:
        assert [p.standing for p in publications_of(session, post.id)] == [Is.WITHDRAWN]
        assert session.get_one(Post, post.id).standing is Standing.WITHDRAWN


@pytest.mark.parametrize("who", ["publisher", "compliance"])
def test_publishers_and_compliance_withdraw_posts_of_others(firm_on_sqlite, who):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
    with transaction() as session:
        by = getattr(firm, who)
        services.withdraw(session, post_for_change(session, post.id), by=by, reason="No longer true.")
    with reading() as session:
        assert session.get_one(Post, post.id).standing is Standing.WITHDRAWN


@pytest.mark.parametrize("who", ["other_marketer", "reviewer", "administrator", "examiner"])
def test_nobody_else_withdraws(firm_on_sqlite, who):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
    with pytest.raises(Forbidden), transaction() as session:
        by = getattr(firm, who)
        services.withdraw(session, post_for_change(session, post.id), by=by, reason="No.")


@pytest.mark.parametrize("standing", [Is.PUBLISHING, Is.PUBLISHED, Is.UNKNOWN, Is.NEEDS_PERSON])
def test_what_may_be_out_is_not_cancelled(firm_on_sqlite, standing):
    firm = firm_on_sqlite
    with transaction() as session:
        post = an_approved_post(session, firm)
        services.publish_now(session, post, by=firm.publisher)
    with transaction() as session:
        post = post_for_change(session, post.id)
        publication = session.scalars(select(Publication)).one()
        publication.standing = standing
        with pytest.raises(IllegalStep), session.no_autoflush:
            services.scheduling.ensure_nothing_sent(session, [publication])
        session.rollback()


def test_a_post_stands_as_the_worst_of_its_publications():
    class Row:
        def __init__(self, standing: Is) -> None:
            self.standing = standing

    order = ["unknown", "needs_person", "refused", "missed", "publishing", "scheduled", "published"]
    for rank, worst in enumerate(order):
        rest = [Row(Is(standing)) for standing in order[rank:]]
        assert standing_of([*reversed(rest), Row(Is.WITHDRAWN)]) == Standing(worst)
    assert standing_of([Row(Is.WITHDRAWN)]) is Standing.WITHDRAWN
    assert standing_of([]) is None


def test_an_approved_post_expires_with_its_window(firm_on_sqlite, settings):
    firm = firm_on_sqlite
    with transaction() as session:
        ends = clock.now(session) + timedelta(seconds=3)
        post = an_approved_post(session, firm, not_after=ends)
    jobs.expire_due(settings, "test")
    with reading() as session:
        assert session.get_one(Post, post.id).standing is Standing.APPROVED
        while session.database_time() <= ends:
            pass
    jobs.expire_due(settings, "test")
    with reading() as session:
        assert session.get_one(Post, post.id).standing is Standing.EXPIRED
