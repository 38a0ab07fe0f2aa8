from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier

import pytest
from factories import BLOCKED, CLEAN, a_draft, a_post
from sqlalchemy import func, select

from approval.audit.models import Entry
from approval.capabilities import Actor
from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Conflict, IllegalStep, Invalid, NotFound, PreconditionFailed, ProofFailed
from approval.posts import queries, services
from approval.posts.draft import Goal
from approval.posts.models import Edit, Objective, Post, Revision, Standing
from approval.posts.payload import Attachment, digest
from approval.posts.services import guards
from approval.screening.models import Screening

A, B = CLEAN, "From Monday our branch in Zug opens at ten."


def count(session, row) -> int:
    return session.scalar(select(func.count()).select_from(row))


def kinds(session, post_id: int) -> list[str]:
    return list(session.scalars(select(Entry.kind).where(Entry.post == post_id).order_by(Entry.index)))


def test_a_post_begins_with_its_first_revision(firm):
    with transaction() as session:
        post = a_post(session, firm)

    with reading() as session:
        facts = queries.post_facts(session, post.id)
        assert (facts.standing, facts.number, facts.lock, facts.severity) == (Standing.DRAFT, 1, None, None)
        assert facts.revision == digest(a_draft(firm).payload) == digest(facts.payload)
        assert facts.acts_next == "Maria (author)"
        assert queries.editors(session, post.id) == {firm.marketer.id}
        assert kinds(session, post.id) == ["post.created", "revision.screened"]


def test_the_log_does_not_name_the_author(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm)
    with reading() as session:
        bodies = session.scalars(select(Entry.body).where(Entry.post == post.id)).all()
    assert firm.marketer.id.encode() in b"".join(bodies)
    assert b"Maria" not in b"".join(bodies)


def test_a_draft_with_blocking_words_is_kept_and_its_severity_shown(firm):
    with transaction() as session:
        post = a_post(session, firm, BLOCKED)
    with reading() as session:
        assert queries.post_facts(session, post.id).severity == "block"


@pytest.mark.parametrize("who", ["reviewer", "compliance", "publisher", "examiner", "administrator"])
def test_only_who_may_draft_drafts(firm_on_sqlite, who):
    with pytest.raises(CapabilityMissing), transaction() as session:
        a_post(session, firm_on_sqlite, by=getattr(firm_on_sqlite, who))


def test_an_edit_is_a_new_revision_and_makes_an_editor(firm):
    with transaction() as session:
        post = a_post(session, firm)
    with transaction() as session:
        row = queries.post_for_change(session, post.id)
        seen = row.revision
        assert services.revise(session, row, a_draft(firm, B), by=firm.other_marketer, seen=seen)

    with reading() as session:
        assert [one.number for one in queries.revisions(session, post.id)] == [1, 2]
        assert queries.post_facts(session, post.id).number == 2
        assert queries.editors(session, post.id) == {firm.marketer.id, firm.other_marketer.id}


def test_identical_bytes_are_the_same_revision(firm):
    with transaction() as session:
        post = a_post(session, firm)
    with transaction() as session:
        row = queries.post_for_change(session, post.id)
        assert not services.revise(session, row, a_draft(firm), by=firm.other_marketer, seen=row.revision)

    with reading() as session:
        assert count(session, Revision) == count(session, Edit) == 1
        assert firm.other_marketer.id not in queries.editors(session, post.id)
        assert session.get_one(Post, post.id).version == post.version
        assert kinds(session, post.id) == ["post.created", "revision.screened"]


def test_who_returns_to_earlier_bytes_makes_no_revision_but_is_an_editor(firm):
    with transaction() as session:
        post = a_post(session, firm, A)
        first = post.revision
    for words, editor in ((B, firm.marketer), (A, firm.other_marketer)):
        with transaction() as session:
            row = queries.post_for_change(session, post.id)
            services.revise(session, row, a_draft(firm, words), by=editor, seen=row.revision)

    with reading() as session:
        facts = queries.post_facts(session, post.id)
        assert (facts.revision, facts.number) == (first, 1)
        assert count(session, Revision) == 2
        assert count(session, Edit) == 3
        assert firm.other_marketer.id in queries.editors(session, post.id)
        assert kinds(session, post.id)[-1] == "post.returned"


def test_the_objective_and_the_wished_time_stand_outside_the_payload(firm):
    with transaction() as session:
        post = a_post(session, firm)
    planned = a_draft(
        firm, goal=Goal(Objective.SERVICE, "calls", "120", "99"), publish_at=datetime(2026, 7, 1, 7, tzinfo=UTC)
    )
    with transaction() as session:
        row = queries.post_for_change(session, post.id)
        assert services.revise(session, row, planned, by=firm.other_marketer, seen=row.revision)

    with reading() as session:
        facts = queries.post_facts(session, post.id)
        assert facts.revision == post.revision
        assert facts.goal == planned.goal
        assert facts.wanted_wall == "2026-07-01T09:00:00"
        assert queries.editors(session, post.id) == {firm.marketer.id}
        assert kinds(session, post.id)[-1] == "post.planned"


def test_a_locked_post_refuses_new_words(firm_on_sqlite, monkeypatch):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm)
        post.lock = 1

    def revised() -> bool:
        with transaction() as session:
            row = queries.post_for_change(session, post.id)
            return services.revise(session, row, a_draft(firm, B), by=firm.marketer, seen=None)

    with pytest.raises(Conflict, match="in review"):
        revised()
    with reading() as session:
        assert count(session, Revision) == 1
    monkeypatch.setattr("approval.posts.services.drafting.ensure_editable", lambda post: None)
    assert revised()


@pytest.mark.parametrize("standing", Standing)
def test_only_a_draft_and_a_post_sent_back_are_edited(standing):
    post = Post(standing=standing, lock=None)
    if standing in (Standing.DRAFT, Standing.CHANGES_REQUESTED):
        guards.ensure_editable(post)
    else:
        with pytest.raises(IllegalStep, match=r"copy it to a new draft|wait|say first|together with its submission"):
            guards.ensure_editable(post)


def test_an_edit_of_other_bytes_than_those_seen_is_refused(firm):
    with transaction() as session:
        post = a_post(session, firm)
    with pytest.raises(PreconditionFailed), transaction() as session:
        row = queries.post_for_change(session, post.id)
        services.revise(session, row, a_draft(firm, B), by=firm.marketer, seen=bytes(32))
    with reading() as session:
        assert count(session, Revision) == 1


def test_a_post_stays_in_its_workspace(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm)
    with pytest.raises(Invalid, match="stays there"), transaction() as session:
        row = queries.post_for_change(session, post.id)
        draft = replace(a_draft(firm), workspace="elsewhere")
        services.revise(session, row, draft, by=firm.marketer, seen=None)


def test_an_image_that_is_not_stored_is_refused(firm_on_sqlite):
    with pytest.raises(Invalid) as refusal, transaction() as session:
        a_post(session, firm_on_sqlite, media=(Attachment(bytes(32), "A door"),))
    assert [problem.where for problem in refusal.value.problems] == ["media.0.digest"]


def test_a_copy_is_a_draft_of_its_own_that_names_its_origin(firm):
    with transaction() as session:
        post = a_post(session, firm, goal=Goal(Objective.NOTICE))
        post.standing = Standing.REJECTED
    with transaction() as session:
        new = services.copy(session, queries.post_for_change(session, post.id), by=firm.other_marketer)

    with reading() as session:
        facts = queries.post_facts(session, new.id)
        assert (facts.origin, facts.standing, facts.author) == (post.id, Standing.DRAFT, firm.other_marketer.id)
        assert facts.revision == post.revision
        assert facts.goal == Goal(Objective.NOTICE)
        assert queries.editors(session, new.id) == {firm.other_marketer.id}


def test_a_host_user_and_the_person_they_act_as_are_both_editors(firm_on_sqlite):
    firm = firm_on_sqlite
    host = Actor(id="host:root", name="host:root", roles=firm.marketer.roles)
    with transaction() as session:
        post = services.create(session, a_draft(firm), by=host, along=firm.marketer.id)
    with reading() as session:
        assert queries.editors(session, post.id) == {"host:root", firm.marketer.id}
        assert queries.post_facts(session, post.id).author == firm.marketer.id


def test_a_payload_that_was_changed_behind_the_application_is_never_answered(firm_on_sqlite):
    with transaction() as session:
        post = a_post(session, firm_on_sqlite)
    with pytest.raises(ProofFailed), transaction() as session:
        row = session.scalars(select(Revision)).one()
        row.payload = row.payload.replace("nine", "noon")
        session.flush()
        queries.payload_of(session, post.workspace, post.revision)


def test_the_same_words_from_several_people_at_once_are_judged_once(firm):
    together = Barrier(4)

    def begin(_: int) -> int:
        with transaction() as session:
            if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time.
                together.wait(timeout=30)
            return a_post(session, firm).id

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(begin, range(4)))
    with reading() as session:
        assert len(set(made)) == count(session, Post) == 4
        assert count(session, Screening) == 1


def test_there_is_no_post_where_there_is_none(firm_on_sqlite):
    with reading() as session:
        with pytest.raises(NotFound):
            queries.post_facts(session, 99)
        with pytest.raises(NotFound):
            queries.payload_of(session, firm_on_sqlite.workspace, bytes(32))
    with pytest.raises(NotFound), transaction() as session:
        queries.post_for_change(session, 99)
