"""What is due goes on the word of two, unless something stands against it by then; and what went is gone for good."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from factories import a_post
from letting_go import count, follow, holds_together, moved, place, today
from sqlalchemy import func, select

from approval.audit.models import Entry, Erased, Opening
from approval.audit.services import seal
from approval.db import reading, transaction
from approval.errors import Conflict, IllegalStep, Invalid, OwnWords, Refusal
from approval.people.models import Person
from approval.people.services import closing
from approval.posts import services as posts
from approval.posts.models import Comment, CommentText, Evidence, Media, Post, Revision
from approval.posts.payload import Attachment
from approval.publishing.models import Publication
from approval.records import jobs, queries, services
from approval.records.models import Disposition, DispositionItem, Export, Hold, Keeping, Kind, LettingGo, Passage
from approval.review.models import Decision
from approval.screening.models import Screening


@pytest.fixture(autouse=True)
def in_one_beat(monkeypatch):
    monkeypatch.setattr(jobs, "SPAN", 60.0)


@pytest.fixture
def later(firm, settings, monkeypatch):
    return moved(firm, settings, monkeypatch)


def propose(firm, *, through=None, by=None):
    with transaction() as session:
        through = through or today() - dt.timedelta(days=1)
        by = by or firm.compliance
        return services.propose_disposition(session, firm.workspace, through=through, by=by, reason="Due.").id


def answer(firm, id_, *, by=None, accept=True):
    with transaction() as session:
        services.second_disposition(session, id_, by=by or firm.other_compliance, accept=accept)


def agreed(firm, **given):
    id_ = propose(firm, **given)
    answer(firm, id_)
    return id_


def facts(id_):
    with reading() as session:
        return queries.disposition(session, id_)


def listed(id_):
    with reading() as session:
        return {
            (one.ending.kind, one.ending.record): one.kept_because
            for one in queries.items(session, id_, after=0, limit=99)
        }


# -- the list -------------------------------------------------------------------------------------------------------


def test_what_is_due_is_on_the_list_and_what_is_in_use_is_not(later):
    assert set(listed(propose(later))) == {(Kind.POST, 1), (Kind.POST, 2)}


def test_nothing_is_listed_before_its_period_has_ended(firm, settings):
    follow(settings)
    with pytest.raises(Conflict, match="Nothing is due"):
        propose(firm)


def test_a_day_that_has_not_passed_is_refused(later):
    with pytest.raises(Invalid, match="a day that has passed"):
        propose(later, through=today())


def test_what_is_held_is_not_listed(later, settings):
    place(later, post=1)
    follow(settings)
    assert set(listed(propose(later))) == {(Kind.POST, 2)}


def test_what_one_list_names_no_second_one_names(later):
    propose(later)
    with pytest.raises(Conflict, match="no other list names"):
        propose(later)


def test_the_proposal_names_the_list_by_its_digest(later):
    found = facts(propose(later))
    with reading() as session:
        body = session.scalar(select(Entry.body).where(Entry.kind == "disposition.proposed"))
    assert found.digest.hex().encode() in body and found.records == 2


# -- two people -----------------------------------------------------------------------------------------------------


def test_nobody_seconds_their_own_list(later):
    id_ = propose(later)
    with pytest.raises(OwnWords):
        answer(later, id_, by=later.compliance)


@pytest.mark.parametrize("who", ["marketer", "reviewer", "publisher", "examiner"])
def test_who_may_not_hold_may_not_let_go(later, who):
    with pytest.raises(Refusal):
        propose(later, by=getattr(later, who))


def test_what_was_turned_down_stays(later, settings):
    id_ = propose(later)
    answer(later, id_, accept=False)
    jobs.let_go_due(settings, "w")
    assert facts(id_).state is LettingGo.TURNED_DOWN
    with pytest.raises(IllegalStep):
        answer(later, id_)
    with reading() as session:
        assert count(session, Post) == 3


def test_before_a_second_person_agrees_nothing_goes(later, settings):
    propose(later)
    jobs.let_go_due(settings, "w")
    with reading() as session:
        assert count(session, Post) == 3


def test_where_nobody_else_could_agree_it_is_done_alone_and_said(later):
    with transaction() as session:
        for person in (later.compliance, later.other_compliance):
            closing.disable(session, session.get_one(Person, person.id), by="host:test")
    found = facts(propose(later, by=later.administrator))
    assert found.alone and found.state is LettingGo.AGREED
    with reading() as session:
        assert b'"alone":true' in session.scalar(select(Entry.body).where(Entry.kind == "disposition.agreed"))


# -- what goes ------------------------------------------------------------------------------------------------------


def test_a_post_goes_with_everything_that_hangs_on_it(later, settings, keys):
    id_ = agreed(later)
    jobs.let_go_due(settings, "w")
    found = facts(id_)
    assert (found.state, found.disposed, found.kept) == (LettingGo.DONE, 2, 0)
    with reading() as session:
        assert list(session.scalars(select(Post.id))) == [3]
        for model in (Revision, Publication, Decision, Evidence, Comment):
            gone = count(session, model, model.post.in_((1, 2)))
            assert gone == 0, model
        assert count(session, CommentText) == 0 and count(session, Media) == 0
        assert count(session, Screening) == 1 and count(session, Keeping, Keeping.kind == Kind.POST) == 1
        assert count(session, Passage, Passage.post.in_((1, 2)), Passage.text != "") == 0
    holds_together(later.workspace, keys)


def test_everything_ever_committed_of_it_is_erased_under_entries_that_name_it(later, settings, keys):
    before = holds_together(later.workspace, keys)
    id_ = agreed(later)
    jobs.let_go_due(settings, "w")
    with reading() as session:
        texts = " ".join(session.scalars(select(Opening.value).where(Opening.value.is_not(None))))
        assert "really so" not in texts and "Opening hours" not in texts and "rates.pdf" not in texts
        assert "Friends" in texts, "what is kept still opens"
        erased = session.execute(
            select(Opening.salt, Opening.value).join(Erased, Erased.commitment == Opening.commitment)
        )
        rows = erased.all()
        assert len(rows) >= 6 and set(rows) == {(bytes(32), None)}
        lines = queries.certificate(session, later.workspace, "disposition", id_)
        assert {line.record for line in lines} == {"post 1", "post 2", "images"}
        assert sum(len(line.commitments) for line in lines) == len(rows)
        acts = session.execute(select(Entry.act, func.length(Entry.body)).where(Entry.kind == "erased")).all()
        assert all(size <= 16 * 1024 for _, size in acts)
    after = holds_together(later.workspace, keys)
    assert after.size > before.size


def test_one_act_of_many_values_is_several_entries(firm, settings, monkeypatch, keys):
    with transaction() as session:
        talked = session.get_one(Post, 2)
        for number in range(300):
            posts.comment(session, talked, f"Remark {number}", by=firm.reviewer)
    later = moved(firm, settings, monkeypatch)
    agreed(later)
    jobs.let_go_due(settings, "w")
    with reading() as session:
        acts = session.scalars(select(Entry.act).where(Entry.kind == "erased", Entry.post == 2)).all()
    assert len(acts) > 1 and len(set(acts)) == 1
    holds_together(firm.workspace, keys)


def test_images_and_findings_stay_where_a_kept_post_has_the_same(firm, settings, monkeypatch, keys):
    with transaction() as session:
        picture = session.scalar(select(Media.digest))
        media = (Attachment(picture, "A blue flag"),)
        same = a_post(session, firm, title="Opening hours", media=media)
        twin = session.get_one(Post, 1)
        assert same.revision == twin.revision, "the same words and image"
        from approval.review import services as review

        review.submit(session, same, by=firm.marketer)
    later = moved(firm, settings, monkeypatch)
    agreed(later)
    jobs.let_go_due(settings, "w")
    with reading() as session:
        assert session.get(Post, 1) is None and session.get(Post, 4) is not None
        assert count(session, Media) == 1
        revision = session.scalar(select(Revision.digest).where(Revision.post == 4))
        assert count(session, Screening, Screening.revision == revision) == 1
    holds_together(firm.workspace, keys)


def test_rows_that_may_do_without_it_are_freed_and_say_so_in_the_log(firm, settings, monkeypatch, keys):
    place(firm, post=1)
    with transaction() as session:
        hold = session.scalar(select(Hold.id))
        services.propose_lift(session, hold, by=firm.compliance, reason="Settled.")
    with transaction() as session:
        services.second_lift(session, hold, by=firm.other_compliance, accept=True)
    with transaction() as session:
        posts.copy(session, session.get_one(Post, 1), by=firm.marketer)
    later = moved(firm, settings, monkeypatch)
    with transaction() as session:
        posts.comment(session, session.get_one(Post, 4), "Kept.", by=firm.reviewer)
    follow(settings)
    agreed(later)
    jobs.let_go_due(settings, "w")
    with reading() as session:
        assert session.get(Post, 1) is None
        assert session.get_one(Hold, hold).post is None and session.get_one(Post, 4).origin is None
    holds_together(firm.workspace, keys)


def test_an_export_goes_with_its_files(firm, settings, monkeypatch, keys):
    with transaction() as session:
        services.ask_export(
            session,
            workspace=firm.workspace,
            first_day=dt.date(2026, 1, 1),
            last_day=dt.date(2026, 12, 31),
            filters=queries.Filters(),
            by=firm.compliance,
        )
    with transaction() as session:
        seal(session, firm.workspace, keys=keys)
    jobs.write_due(settings, "w")
    archive = queries.archive_of(settings.data, 1)
    assert archive.exists()
    later = moved(firm, settings, monkeypatch)
    agreed(later)
    jobs.let_go_due(settings, "w")
    with reading() as session:
        assert session.get(Export, 1) is None
    jobs.let_go_due(settings, "w")
    assert not archive.exists() and not archive.with_name("1.zip.note").exists()
    holds_together(firm.workspace, keys)


# -- what stands against it -----------------------------------------------------------------------------------------


def test_a_hold_placed_after_the_second_word_keeps_what_it_covers(later, settings, keys):
    id_ = agreed(later)
    place(later, post=1)
    jobs.let_go_due(settings, "w")
    found = listed(id_)
    assert "legal hold" in found[Kind.POST, 1] and found[Kind.POST, 2] is None
    with reading() as session:
        assert session.get(Post, 1) is not None and session.get(Post, 2) is None
    holds_together(later.workspace, keys)


def test_a_hold_that_names_a_post_keeps_it_even_where_it_covers_it_not(later, settings):
    id_ = agreed(later)
    place(later, post=1, product="savings")
    jobs.let_go_due(settings, "w")
    assert "names it" in listed(id_)[Kind.POST, 1]


def test_what_came_into_use_again_is_kept(later, settings):
    id_ = agreed(later)
    with transaction() as session:
        posts.comment(session, session.get_one(Post, 2), "Shall we?", by=later.reviewer)
    jobs.let_go_due(settings, "w")
    assert "Kept until" in listed(id_)[Kind.POST, 2]


def test_a_definition_on_which_a_kept_record_rests_is_kept(later, settings):
    id_ = agreed(later)
    with transaction() as session:
        workflow = session.execute(select(Post.id).where(Post.id == 3)).scalar_one()
        session.add(
            DispositionItem(
                disposition=id_, number=99, kind=Kind.WORKFLOW, record=1, until=dt.date(2020, 1, 1), rule="x", media=[]
            )
        )
        session.add(Keeping(workspace=later.workspace, kind=Kind.WORKFLOW, record=9, until=None, rule="x"))
        kept = session.get(Keeping, (later.workspace, Kind.WORKFLOW, 1))
        assert kept is not None and workflow == 3
        kept.until = dt.date(2020, 1, 1)
    jobs.let_go_due(settings, "w")
    assert "rests on it" in listed(id_)[Kind.WORKFLOW, 1]


def test_a_hold_and_a_disposition_at_once_never_both_succeed(later, settings, keys):
    """The hold is placed while a batch runs: either it waits for the batch, or the batch sees it."""
    id_ = agreed(later)
    problems = []

    def hold():
        try:
            place(later, first_day=dt.date(2020, 1, 1))
        except Refusal as problem:
            problems.append(problem)

    thread = threading.Thread(target=hold)
    thread.start()
    jobs.let_go_due(settings, "w")
    thread.join(30)
    jobs.let_go_due(settings, "w")
    assert not thread.is_alive() and not problems
    with reading() as session:
        placed = session.scalar(select(Entry.index).where(Entry.kind == "hold.placed"))
        erased = session.scalars(select(Entry.index).where(Entry.kind == "erased", Entry.post.is_not(None))).all()
        there = count(session, Post)
    assert all(index < placed for index in erased), "nothing goes once the hold stands"
    assert there == 3 or erased
    assert facts(id_).state is LettingGo.DONE
    holds_together(later.workspace, keys)


# -- what is left ---------------------------------------------------------------------------------------------------


def test_a_later_export_says_under_which_entry_what_it_lacks_was_erased(later, settings, export, vkey):
    from approval.records import verify as verifier

    agreed(later)
    jobs.let_go_due(settings, "w")
    path, _ = export("after.zip", first_day=dt.date(2020, 1, 1), last_day=today() + dt.timedelta(days=1))
    import json
    import zipfile

    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        lines = b"".join(archive.read(f"logs/{log['log']}/entries.jsonl") for log in manifest["logs"])
    assert manifest["absent"] and all(
        "erased on" in why and "under entry" in why for why in manifest["absent"].values()
    )
    assert any("stay closed: they were erased under its entries" in note for note in manifest["notes"])
    assert b"really so" not in lines and b"rates.pdf" not in lines and b"Friends" in lines
    assert verifier.main([str(path), "--vkey", vkey()]) == 0


def test_the_end_and_the_cleaning_have_entries_of_their_own(later, settings):
    id_ = agreed(later)
    jobs.let_go_due(settings, "w")
    jobs.index_due(settings, "w")
    jobs.let_go_due(settings, "w")
    with reading() as session:
        kinds = list(
            session.scalars(select(Entry.kind).where(Entry.kind.startswith("disposition.")).order_by(Entry.index))
        )
        assert kinds == ["disposition.proposed", "disposition.agreed", "disposition.ended"]
        assert count(session, Entry, Entry.kind == "erasure.traces_removed") == 1
        assert session.get_one(Disposition, id_).cleaned_at is not None


def test_a_worker_that_dies_goes_on_where_it_was(later, settings, monkeypatch, keys):
    monkeypatch.setattr("approval.records.services.disposing.TOGETHER", 1)
    id_ = agreed(later)
    with transaction() as session:
        assert services.dispose_some(session, id_)
    assert facts(id_).settled == 1 and facts(id_).state is LettingGo.AGREED
    with pytest.raises(RuntimeError), transaction() as session:
        services.dispose_some(session, id_)
        raise RuntimeError("killed")
    holds_together(later.workspace, keys)
    jobs.let_go_due(settings, "w")
    assert facts(id_).disposed == 2
