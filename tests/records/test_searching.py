"""Search finds what was said, in the words of whoever looks for it, and what was searched for stands in the log."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from factories import BLOCKED, a_decision, a_draft, a_post, a_post_in_review, a_workspace
from sqlalchemy import create_engine, func, select, update

from approval import clock
from approval.audit.models import Entry
from approval.audit.queries.replaying import replay
from approval.db import reading, transaction
from approval.db.schema import plain_url
from approval.errors import Invalid
from approval.posts import services as posts
from approval.posts.models import Comment, Post, Standing
from approval.records import jobs, queries, services
from approval.records.keeping import Criteria
from approval.records.models import Indexing, Passage, PassageKind, Search
from approval.records.queries import Wanted, searching
from approval.review.flow import Verdict

ENTRY, POST, COMMENT, DECISION = PassageKind.ENTRY, PassageKind.POST, PassageKind.COMMENT, PassageKind.DECISION
RECORDS = (POST, COMMENT, DECISION)


@pytest.fixture(autouse=True)
def in_one_beat(monkeypatch):
    """A beat works for a second and the next goes on: here one is enough, however slow the machine."""
    monkeypatch.setattr(jobs, "SPAN", 60.0)


@pytest.fixture
def find(firm, settings):
    """A function that searches everything that was recorded so far."""

    def found(words="", *, before=None, limit=30, **filters):
        jobs.index_due(settings, "w")
        with reading() as session:
            return queries.search(session, firm.workspace, Wanted(words, **filters), before=before, limit=limit)

    return found


def places(found):
    return [(hit.kind, hit.record) for hit in found.hits]


def marked(hit):
    return [segment.text for segment in hit.excerpt if segment.hit]


# -- what is found ----------------------------------------------------------------------------------------------


def test_a_post_a_comment_a_decision_and_an_entry_are_found_by_their_words(firm, find):
    with transaction() as session:
        post = a_post_in_review(session, firm, "Our Zürich branch lends to bakeries.", title="Ovens")
        posts.comment(session, post, "Which bakeries?", by=firm.reviewer)
        a_decision(session, post, by=firm.reviewer, verdict=Verdict.REQUEST_CHANGES, note="Name the bakeries.")
        services.place_hold(
            session,
            firm.workspace,
            matter="Bakeries v. Bank",
            reason="A letter.",
            criteria=Criteria(post=post.id),
            by=firm.compliance,
        )
    found = find("bakeries")
    assert {hit.kind for hit in found.hits} == {*RECORDS, ENTRY} and found.count == 4
    assert all(marked(hit) in (["bakeries"], ["Bakeries"]) for hit in found.hits)
    assert {hit.post for hit in found.hits} == {post.id}
    assert [hit.title for hit in found.hits if hit.kind is POST] == ["Ovens"]


ASKED = {
    "bring a friend": True,
    "FRIEND bring": True,
    '"bring a friend"': True,
    '"friend a bring"': False,
    "“bring a”": True,
    "frie*": True,
    "frie": False,
    "tuesd* friend": True,
    "wednesday friend": False,
    "friénd": True,
    'friend" OR "1': False,
    "friend OR wednesday": False,
    "friend NOT wednesday": False,
    "words:friend": False,
    "friend) OR (": False,
    "'friend' & !tuesday": True,
    "friend:*": True,
    "'; DROP TABLE passage; --": False,
}


def test_words_phrases_and_beginnings_mean_what_they_say_and_nothing_else_is_syntax(find):
    found = {asked: 3 in [hit.post for hit in find(asked, kinds=(POST,)).hits] for asked in ASKED}
    assert found == ASKED


ABROAD = {
    "銀行の利回りは保証されます": "利回り",
    "ดอกเบี้ยสูง": "ดอกเบี้ย",
    "Der Straßenzins": "strassenzins",
    "Ⅻ ﬁxed": "fixed",
    "It’s 9%": "it's",
}


def test_words_are_found_in_any_script(firm, find):
    with transaction() as session:
        made = {words: a_post(session, firm, text, title="Abroad").id for text, words in ABROAD.items()}
    for words, post in made.items():
        (hit,) = find(words, kinds=(POST,)).hits
        assert hit.post == post and marked(hit), words


def test_a_search_for_nothing_is_refused(find):
    for nothing in ("", "  "):
        with pytest.raises(Invalid):
            find(nothing)


def test_all_revisions_and_all_that_a_comment_ever_said_are_found(firm, find):
    assert [hit.kind for hit in find('"is this so"').hits] == [COMMENT], "it was changed, then deleted"
    assert [hit.kind for hit in find('"is this really so"').hits] == [COMMENT]
    with transaction() as session:
        post = a_post(session, firm, "Yesterday's words")
        posts.revise(session, post, a_draft(firm, "Today's words"), by=firm.marketer, seen=post.revision)
    assert len(find("yesterday", kinds=(POST,)).hits) == len(find("today words", kinds=(POST,)).hits) == 1


# -- by facts ---------------------------------------------------------------------------------------------------


def test_facts_narrow_what_is_found_and_need_no_words(firm, find):
    with transaction() as session:
        flagged = a_post(session, firm, BLOCKED, title="Too good", channel="desk", product="cd")
        rule = session.get_one(Post, flagged.id) and find_rule(session, flagged)
    by_fact = {"channels": ("desk",), "products": ("cd",), "severity": "block", "rule": rule, "post": flagged.id}
    for name, value in by_fact.items():
        assert {hit.post for hit in find(kinds=(POST,), **{name: value}).hits} == {flagged.id}, name
    assert {hit.post for hit in find(kinds=(POST,), channels=("desk", "news")).hits} > {flagged.id}
    assert not find(kinds=(POST,), channels=("desk",), products=("mortgage",)).hits
    assert {hit.by for hit in find(person=firm.reviewer.id, kinds=RECORDS).hits} == {firm.reviewer.id}
    assert {hit.standing for hit in find(standing=Standing.PUBLISHED).hits} == {Standing.PUBLISHED}


def find_rule(session, post):
    from approval.screening.models import Screening

    findings = session.scalar(select(Screening.findings).where(Screening.revision == post.revision))
    return findings[0]["rule"]


def test_days_are_days_of_the_workspace(firm, find):
    with reading() as session:
        today = clock.wall_time(clock.now(session), "Europe/Zurich").date()
    everything = find(kinds=(POST,)).count
    day = timedelta(days=1)
    assert find(kinds=(POST,), first_day=today, last_day=today).count == everything
    assert find(kinds=(POST,), first_day=today - day).count == find(kinds=(POST,), last_day=today).count == everything
    assert not find(kinds=(POST,), last_day=today - day).hits
    assert not find(kinds=(POST,), first_day=today + day).hits
    with pytest.raises(Invalid):
        find(first_day=today, last_day=today - day)


def test_what_is_found_comes_in_pages_newest_first_and_nothing_twice(find):
    whole = places(find(kinds=RECORDS))
    paged, before = [], None
    while True:
        page = find(kinds=RECORDS, before=before, limit=2)
        paged += places(page)
        before = page.before
        if before is None:
            break
    assert paged == whole and len(set(whole)) == len(whole) > 4
    assert find(kinds=RECORDS).count == len(whole)


def test_a_page_that_looks_for_a_standing_looks_so_far_and_says_so(find, monkeypatch):
    monkeypatch.setattr(searching, "SCANNED", 1)
    seen, before = [], None
    for _ in range(50):
        page = find(kinds=(POST,), standing=Standing.PUBLISHED, before=before)
        seen += places(page)
        assert (page.looked is None) is (page.before is None)
        before = page.before
        if before is None:
            break
    assert seen == [(POST, 1)]


def test_nothing_of_another_workspace_is_found(firm, find, keys, settings):
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
    everything = find(kinds=(ENTRY,)).count
    with reading() as session:
        found = queries.search(session, "southwind", Wanted("northwind"))
        strange = queries.search(session, "southwind", Wanted(kinds=(ENTRY,)))
    assert not found.hits and 0 < strange.count < everything
    with transaction() as session:
        # Words that look like the fact of another workspace are words.
        a_post(session, firm, queries.indexing.facet("w", "southwind") + " " + "w" + b"southwind".hex(), title="Sly")
    jobs.index_due(settings, "w")
    with reading() as session:
        assert queries.search(session, "southwind", Wanted(kinds=(POST,))).count == 0


# -- how it follows ---------------------------------------------------------------------------------------------


def test_the_index_is_what_the_records_give_however_it_was_cut_into_stretches(find, monkeypatch):
    find("x")
    whole = stored()
    with transaction() as session:
        for row in session.scalars(select(Passage)).all() + session.scalars(select(Indexing)).all():
            session.delete(row)
    monkeypatch.setattr(queries.indexing, "BATCH", 3)
    find("x")
    assert stored() == whole
    find("x")
    assert stored() == whole, "nothing happens twice"


def stored():
    with reading() as session:
        columns = (Passage.kind, Passage.record, Passage.entry, Passage.post, Passage.revision, Passage.text)
        return session.execute(select(*columns).order_by(Passage.kind, Passage.record)).all()


def test_a_second_worker_that_read_the_same_writes_nothing(firm, settings):
    with reading() as session:
        step = queries.next_stretch(session, firm.workspace)
    with transaction() as session:
        assert services.index(session, step)
    with transaction() as session:
        assert not services.index(session, step)


def test_what_rules_find_later_is_found_by_it(firm, find):
    with transaction() as session:
        post = a_post(session, firm, "A plain sentence about hours.", title="Plain")
    assert not find(post=post.id, rule="XYZ999").hits
    with transaction() as session:
        from approval.audit.services import record
        from approval.screening.events import RevisionScreened
        from approval.screening.models import Screening

        row = session.scalars(select(Screening).where(Screening.revision == post.revision)).one()
        row.findings, row.worst = [{"rule": "XYZ999"}], "high"
        record(
            session,
            RevisionScreened(
                by="host:test",
                workspace=firm.workspace,
                post=post.id,
                revision=post.revision,
                rule_set=row.rule_set,
                findings=1,
                worst="high",
                failed=False,
            ),
            row,
        )
    assert places(find(post=post.id, rule="XYZ999", kinds=(POST,))) == places(
        find(post=post.id, severity="high", kinds=(POST,))
    )
    assert len(find(post=post.id, rule="XYZ999", kinds=(POST,)).hits) == 1


# -- forgetting -------------------------------------------------------------------------------------------------


def test_what_is_forgotten_is_not_found(firm, find, settings):
    (hit,) = find('"is this really so"').hits
    assert hit.kind is COMMENT
    with transaction() as session:
        assert services.forget(session, firm.workspace, COMMENT, hit.record)
        assert not services.forget(session, firm.workspace, COMMENT, 10**6)
    assert not find('"is this really so"').hits
    with reading() as session:
        assert queries.is_tidy(session), "the worker tidied up"
        assert session.scalar(select(Passage.text).where(Passage.id == hit.id)) == ""


def test_words_that_a_worker_read_before_they_were_forgotten_do_not_come_back(firm, settings):
    jobs.index_due(settings, "w")
    with transaction() as session:
        comment = session.scalars(select(Comment)).first()
        again = posts.comment(session, session.get_one(Post, comment.post), "A name: Kowalski", by=firm.reviewer)
        id_ = again.id
    with reading() as session:
        read = queries.next_stretch(session, firm.workspace)
    assert any("Kowalski" in one.text for one in read.told)
    with transaction() as session:
        services.forget(session, firm.workspace, COMMENT, id_)
    with transaction() as session:
        assert not services.index(session, read)


def test_forgotten_words_leave_the_file(firm_on_sqlite, settings, tmp_path):
    with transaction() as session:
        post = a_post(session, firm_on_sqlite, "Ask Xylophonia.", title="Music")
        id_ = post.id
    jobs.index_due(settings, "w")
    assert b"ylophonia" in indexed_pages(tmp_path), (
        "words stand in its pages, but for the letters that the word before begins with"
    )
    with transaction() as session:
        for kind, record in session.execute(select(Passage.kind, Passage.record).where(Passage.post == id_)).all():
            services.forget(session, firm_on_sqlite.workspace, kind, record)
    jobs.index_due(settings, "w")
    assert b"ylophonia" not in indexed_pages(tmp_path)


def indexed_pages(folder):
    with closing(sqlite3.connect(folder / "approval.db")) as plain:
        return b"".join(block for (block,) in plain.execute("SELECT block FROM passage_words_data"))


def test_the_full_text_index_is_what_the_table_says(firm_on_sqlite, settings, tmp_path):
    jobs.index_due(settings, "w")
    check = "INSERT INTO passage_words(passage_words, rank) VALUES ('integrity-check', 1)"
    with closing(sqlite3.connect(tmp_path / "approval.db")) as plain:
        plain.execute(check)
        plain.execute("UPDATE passage SET words = 'other words' WHERE id = 1")
        with pytest.raises(sqlite3.DatabaseError):
            plain.execute(check)


# -- what was searched is recorded ------------------------------------------------------------------------------


def test_a_search_is_an_entry_with_its_words_as_a_commitment(firm, find):
    wanted = Wanted("friend", kinds=(POST,))
    found = find(wanted.words, kinds=wanted.kinds)
    with transaction() as session:
        services.note_search(session, firm.workspace, wanted, found, before=None, by=firm.examiner.id)
    with reading() as session:
        body = session.scalar(select(Entry.body).where(Entry.kind == "records.searched"))
        (told,) = queries.searches(session, firm.workspace, before=None, limit=10)
        differences = list(replay(session, firm.workspace))
    entry = json.loads(body)
    assert entry["actor"] == firm.examiner.id and entry["facts"]["hits"] == 1 and entry["facts"]["indexed"] > 10
    (row,) = entry["rows"]
    assert row["image"]["filters"] == {"kinds": ["post"]} and b"friend" not in body
    assert (told.words, told.filters, told.hits, told.by_name) == ("friend", {"kinds": ["post"]}, 1, "Emil")
    assert differences == []
    assert not [hit for hit in find("friend").hits if hit.entry_kind == "records.searched"], "it does not find itself"


def test_replay_does_not_miss_a_search_that_was_changed(firm, find, database_url):
    found = find("friend")
    with transaction() as session:
        services.note_search(session, firm.workspace, Wanted("friend"), found, before=None, by="host:test")
    engine = create_engine(plain_url(database_url))
    with engine.begin() as connection:
        connection.execute(update(Search.__table__).values(words="fraud"))
    engine.dispose()
    with reading() as session:
        assert [d.column for d in replay(session, firm.workspace)] == ["words"]


def test_the_count_is_bounded(find, monkeypatch):
    monkeypatch.setattr(searching, "MOST_COUNTED", 2)
    assert find(kinds=(ENTRY,)).count == 3


def test_every_entry_but_a_search_is_indexed(find, firm):
    find("x")
    with reading() as session:
        entries = session.scalar(select(func.count()).where(Entry.log == firm.workspace))
        passages = session.scalar(
            select(func.count()).where(Passage.workspace == firm.workspace, Passage.kind == ENTRY)
        )
    assert entries == passages
