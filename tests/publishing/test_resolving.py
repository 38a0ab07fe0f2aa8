from __future__ import annotations

from datetime import timedelta

import pytest
from factories import an_approved_post

from approval import clock
from approval.db import reading, transaction
from approval.errors import BadTime, CapabilityMissing, IllegalStep, Invalid
from approval.posts.models import Post, Standing
from approval.publishing import jobs, services
from approval.publishing.models import Publication, PublicationStanding as Is
from approval.publishing.queries import publications_of
from approval.publishing.services import Resolution

LINK = "https://social.example/posts/1"


@pytest.fixture
def waiting(firm, settings) -> int:
    """A publication on a manual channel that waits for a person."""
    return handed_over(firm, settings)


def handed_over(firm, settings, **changes) -> int:
    with transaction() as session:
        post = an_approved_post(session, firm, channel="desk", **changes)
        services.publish_now(session, post, by=firm.publisher)
    jobs.publish_due(settings, "test")
    with reading() as session:
        return publications_of(session, post.id)[0].id


def resolve(publication: int, by, as_: Resolution, url: str | None = None) -> None:
    with transaction() as session:
        row = session.get_one(Publication, publication)
        services.resolve(session, row, by=by, as_=as_, url=url)


def stands(publication: int) -> tuple[Is, Standing]:
    with reading() as session:
        row = session.get_one(Publication, publication)
        return row.standing, session.get_one(Post, row.post).standing


def test_a_person_confirms_with_the_link(waiting, firm):
    with transaction() as session:
        services.confirm(session, session.get_one(Publication, waiting), by=firm.publisher, url=LINK)
    assert stands(waiting) == (Is.PUBLISHED, Standing.PUBLISHED)
    with reading() as session:
        assert session.get_one(Publication, waiting).url == LINK


def test_a_person_lets_it_be_sent_again_under_the_same_id(waiting, firm, settings):
    with reading() as session:
        before = session.get_one(Publication, waiting).message
    resolve(waiting, firm.publisher, Resolution.SCHEDULED)
    assert stands(waiting) == (Is.SCHEDULED, Standing.SCHEDULED)
    jobs.publish_due(settings, "test")
    with reading() as session:
        row = session.get_one(Publication, waiting)
        assert (row.standing, row.message) == (Is.NEEDS_PERSON, before)


def test_a_person_withdraws_it(waiting, firm):
    resolve(waiting, firm.publisher, Resolution.WITHDRAWN)
    assert stands(waiting) == (Is.WITHDRAWN, Standing.WITHDRAWN)


@pytest.mark.parametrize("who", ["marketer", "reviewer", "compliance", "administrator", "examiner"])
@pytest.mark.parametrize("as_", list(Resolution))
def test_only_publishers_say_what_became_of_it(firm_on_sqlite, settings, who, as_):
    waiting = handed_over(firm_on_sqlite, settings)
    with pytest.raises(CapabilityMissing):
        resolve(waiting, getattr(firm_on_sqlite, who), as_, LINK)
    assert stands(waiting)[0] is Is.NEEDS_PERSON


@pytest.mark.parametrize("as_", [Resolution.PUBLISHED, Resolution.SCHEDULED])
def test_what_waits_for_nobody_is_not_resolved(firm_on_sqlite, settings, as_):
    waiting = handed_over(firm_on_sqlite, settings)
    resolve(waiting, firm_on_sqlite.publisher, Resolution.PUBLISHED, LINK)
    with pytest.raises(IllegalStep):
        resolve(waiting, firm_on_sqlite.publisher, as_, LINK)
    with pytest.raises(IllegalStep):
        resolve(waiting, firm_on_sqlite.publisher, Resolution.WITHDRAWN)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "social.example/1",
        "javascript:alert(1)",
        "https://",
        "https://a b/",
        "https://u:p@x/",
        "https://x/\n",
        "https://[::1",
    ],
)
def test_what_is_no_link_confirms_nothing(firm_on_sqlite, settings, url):
    waiting = handed_over(firm_on_sqlite, settings)
    with pytest.raises(Invalid):
        resolve(waiting, firm_on_sqlite.publisher, Resolution.PUBLISHED, url)
    assert stands(waiting)[0] is Is.NEEDS_PERSON


def test_nothing_is_sent_again_after_its_window(firm_on_sqlite, settings):
    with transaction() as session:
        ends = clock.now(session) + timedelta(seconds=3)
    waiting = handed_over(firm_on_sqlite, settings, not_after=ends)
    with reading() as session:
        while session.database_time() <= ends:
            pass
    with pytest.raises(BadTime):
        resolve(waiting, firm_on_sqlite.publisher, Resolution.SCHEDULED)
