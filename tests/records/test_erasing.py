"""Who asks to be erased is answered at once, and erased once no hold and no rule stands against it."""

from __future__ import annotations

import datetime as dt
import json
import os
import zipfile
from pathlib import Path

import pytest
from factories import a_person, a_post
from letting_go import count, follow, holds_together, moved, place, today
from sqlalchemy import func, select

from approval.audit.models import Entry, Erased, Opening
from approval.capabilities import Role
from approval.db import engine, reading, transaction
from approval.errors import Conflict, IllegalStep, Invalid, NotFound, OwnWords, Refusal
from approval.people.models import Notice, Outbox, Person, Scope, SignIn, Token
from approval.people.queries import names_of
from approval.people.services import closing, tokens
from approval.posts import services as posts
from approval.posts.models import Comment, CommentText, Post
from approval.records import jobs, queries, services, verify as verifier
from approval.records.models import Erasure, LettingGo, Passage

SUBJECTS = int(os.environ.get("APPROVAL_TEST_SUBJECTS", "20"))


@pytest.fixture(autouse=True)
def in_one_beat(monkeypatch):
    monkeypatch.setattr(jobs, "SPAN", 60.0)


def close(firm, person):
    with transaction() as session:
        closing.disable(session, session.get_one(Person, person.id), by=firm.administrator.id)


def ask(firm, *, by=None, asked_on=None, asked_by="The person, by letter 7.", reason="Article 17.", **about):
    with transaction() as session:
        return services.ask_erasure(
            session,
            firm.workspace,
            asked_on=asked_on or dt.date(2026, 11, 2),
            asked_by=asked_by,
            by=by or firm.compliance,
            reason=reason,
            **about,
        ).id


def answer(firm, id_, *, by=None, accept=True):
    with transaction() as session:
        services.second_erasure(session, id_, by=by or firm.other_compliance, accept=accept)


def facts(id_):
    with reading() as session:
        return queries.erasure(session, id_)


def beat(settings):
    follow(settings)
    jobs.erase_due(settings, "w")
    jobs.index_due(settings, "w")
    jobs.let_go_due(settings, "w")


# -- asking and answering -----------------------------------------------------------------------------------------


def test_a_request_within_retention_is_answered_with_its_day_and_scheduled(firm, settings):
    close(firm, firm.publisher)
    follow(settings)
    id_ = ask(firm, person=firm.publisher.id)
    found = facts(id_)
    with reading() as session:
        until = queries.keeping_of(session, 1).kept.until
    assert (found.answer, found.answer_on) == ("retained", until + dt.timedelta(days=1))
    answer(firm, id_)
    beat(settings)
    assert facts(id_).state is LettingGo.AGREED
    with reading() as session:
        assert session.get_one(Person, firm.publisher.id).name == "Paula"


def test_a_request_under_a_hold_is_answered_so_and_waits(firm, settings, monkeypatch):
    place(firm, person=firm.publisher.id)
    close(firm, firm.publisher)
    moved(firm, settings, monkeypatch)
    id_ = ask(firm, person=firm.publisher.id)
    assert facts(id_).answer == "held"
    answer(firm, id_)
    beat(settings)
    assert facts(id_).state is LettingGo.AGREED


def test_who_did_something_to_a_post_in_use_waits(firm, settings, monkeypatch):
    close(firm, firm.marketer)
    moved(firm, settings, monkeypatch)
    id_ = ask(firm, person=firm.marketer.id)
    assert (facts(id_).answer, facts(id_).answer_on) == ("retained", None)


def test_an_open_account_is_not_erased(firm, settings):
    with pytest.raises(Conflict, match="Close it first"):
        ask(firm, person=firm.publisher.id)


@pytest.mark.parametrize(
    ("about", "refusal"),
    [
        ({"person": "nobody"}, NotFound),
        ({"words": "Jo", "posts": [1]}, Invalid),
        ({"words": "John Smith", "posts": []}, Invalid),
        ({"words": "John Smith", "posts": [77]}, Invalid),
        ({"words": "John Smith", "posts": [1], "asked_on": dt.date(2090, 1, 1)}, Invalid),
        ({"words": "John Smith", "posts": [1], "asked_by": " "}, Invalid),
        ({"words": "John Smith", "posts": [1], "reason": " "}, Invalid),
    ],
)
def test_a_request_that_means_nothing_is_not_recorded(firm_on_sqlite, about, refusal):
    with pytest.raises(refusal):
        ask(firm_on_sqlite, **about)


def test_two_people_decide_and_others_may_not(firm, settings):
    id_ = ask(firm, words="John Smith", posts=[2])
    with pytest.raises(OwnWords):
        answer(firm, id_, by=firm.compliance)
    with pytest.raises(Refusal):
        ask(firm, words="John Smith", posts=[2], by=firm.examiner)
    answer(firm, id_, accept=False)
    with pytest.raises(IllegalStep):
        answer(firm, id_)
    assert facts(id_).state is LettingGo.TURNED_DOWN


def test_the_request_itself_names_nobody_in_the_log(firm):
    ask(firm, words="John Smith", posts=[2], reason="Article 17, John.")
    with reading() as session:
        bodies = b"".join(
            session.scalars(select(Entry.body).where(Entry.kind.in_(("erasure.asked", "proposal.proposed"))))
        )
    assert b"John" not in bodies and b"letter 7" not in bodies


def test_a_post_whose_text_is_asked_about_says_what_comes_first(firm):
    ask(firm, words="John Smith", posts=[2])
    with reading() as session:
        assert "A request to erase it takes effect after" in queries.keeping_of(session, 2).fate.words
        assert "request" not in queries.keeping_of(session, 1).fate.words


# -- an account ---------------------------------------------------------------------------------------------------


def test_an_account_is_erased_and_who_acted_is_still_one_person(firm, settings, monkeypatch, keys):
    with transaction() as session:
        person = session.get_one(Person, firm.publisher.id)
        tokens.create(session, person, name="paula-laptop", scope=Scope.READ, days=30, by=firm.publisher.id)
    close(firm, firm.publisher)
    moved(firm, settings, monkeypatch)
    id_ = ask(firm, person=firm.publisher.id)
    assert facts(id_).answer == "erasable"
    answer(firm, id_)
    beat(settings)
    beat(settings)
    done = facts(id_)
    assert done.state is LettingGo.DONE and done.erased >= 3 and done.cleaned_at is not None
    with reading() as session:
        person = session.get_one(Person, firm.publisher.id)
        assert person.name.startswith("Erased person") and person.email.endswith("@erased.invalid")
        assert person.password is None and names_of(session, [person.id])[person.id] == person.name
        assert session.scalar(select(Token.name).where(Token.person == person.id)) == "(erased)"
        for model in (SignIn, Notice, Outbox):
            assert count(session, model, model.person == person.id) == 0
        values = " ".join(session.scalars(select(Opening.value).where(Opening.value.is_not(None)))).lower()
        assert "paula" not in values
        assert session.get(Post, 1) is not None, "the records of what was done are due, not gone"
    holds_together(firm.workspace, keys)
    with pytest.raises(Conflict, match="about this account already"):
        ask(firm, person=firm.publisher.id)


# -- somebody named in free text ----------------------------------------------------------------------------------


def named_in_talk(firm):
    with transaction() as session:
        talked = session.get_one(Post, 2)
        id_ = posts.comment(session, talked, "As JOHN SMITH of Zug wrote to us.", by=firm.reviewer).id
        posts.comment(session, talked, "Agreed.", by=firm.reviewer)
    with transaction() as session:
        posts.edit_comment(session, session.get_one(Comment, id_), "As a customer wrote.", by=firm.reviewer)


def test_only_the_words_that_name_somebody_are_erased(firm, settings, monkeypatch, keys):
    named_in_talk(firm)
    moved(firm, settings, monkeypatch)
    id_ = ask(firm, words="John Smith", posts=[2])
    answer(firm, id_)
    beat(settings)
    beat(settings)
    done = facts(id_)
    assert (done.state, done.disposed, done.words) == (LettingGo.DONE, 0, None)
    with reading() as session:
        texts = list(session.scalars(select(CommentText.text).order_by(CommentText.comment, CommentText.number)))
        assert "(erased)" in texts and "As a customer wrote." in texts and "Agreed." in texts
        values = " ".join(session.scalars(select(Opening.value).where(Opening.value.is_not(None)))).lower()
        assert "john" not in values and "agreed." in values
        assert not any("john" in text.lower() for text in session.scalars(select(Passage.text)))
    holds_together(firm.workspace, keys)


def test_a_post_whose_own_words_name_somebody_goes_as_a_whole(firm, settings, monkeypatch, keys):
    with transaction() as session:
        a_post(session, firm, "Meet John Smith, our new manager in Zug.", title="New")
    moved(firm, settings, monkeypatch)
    id_ = ask(firm, words="john smith", posts=[2, 4])
    answer(firm, id_)
    beat(settings)
    assert (facts(id_).disposed, facts(id_).state) == (1, LettingGo.DONE)
    with reading() as session:
        assert session.get(Post, 4) is None and session.get(Post, 2) is not None
    holds_together(firm.workspace, keys)


def test_text_under_a_hold_is_not_erased(firm, settings, monkeypatch, keys):
    named_in_talk(firm)
    moved(firm, settings, monkeypatch)
    id_ = ask(firm, words="John Smith", posts=[2])
    answer(firm, id_)
    place(firm, post=2)
    beat(settings)
    assert facts(id_).state is LettingGo.AGREED
    with reading() as session:
        assert any("JOHN SMITH" in (text or "") for text in session.scalars(select(CommentText.text)))


# -- all of it, in small (A14) ------------------------------------------------------------------------------------


def stored(settings) -> bytes:
    """Every byte of the database's files, or of its tables where a server keeps them."""
    if engine().dialect.name == "sqlite":
        file = Path(engine().url.database)
        return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    with reading() as session:
        from approval.db import Base

        rows = (str(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table)))
        return "\n".join(rows).encode()


def test_twenty_subjects_erased_leave_nothing_but_proofs(firm, settings, monkeypatch, keys, export, vkey):
    names = [f"zzsubject{number:04}q" for number in range(SUBJECTS)]
    with transaction() as session:
        people = [a_person(session, name, Role.REVIEWER) for name in names]
    with transaction() as session:
        draft = a_post(session, firm, title="Kept apart").id
    for number, person in enumerate(people):
        with transaction() as session:
            posts.comment(session, session.get_one(Post, 2 if number else draft), "I read it.", by=person)
    for person in people:
        close(firm, person)
    before = stored(settings).lower()
    assert all(name.encode() in before for name in names), "the control: it was there"
    old, _ = export("before.zip")
    moved(firm, settings, monkeypatch)
    place(firm, person=people[0].id)
    for person in people:
        answer(firm, ask(firm, person=person.id))
    beat(settings)
    beat(settings)
    with reading() as session:
        states = session.execute(select(Erasure.person, Erasure.state, Erasure.cleaned_at)).all()
        assert {person for person, state, _ in states if state is not LettingGo.DONE} == {people[0].id}
        assert all(cleaned for _, state, cleaned in states if state is LettingGo.DONE)
        assert session.scalar(select(func.count()).select_from(Erased)) >= 2 * (SUBJECTS - 1)
        passages = " ".join(session.scalars(select(Passage.text))).lower()
    after = stored(settings).lower()
    assert names[0].encode() in after, "held records are refused"
    assert [name for name in names[1:] if name.encode() in after or name in passages] == []
    holds_together(firm.workspace, keys)
    new, _ = export("after.zip", first_day=dt.date(2020, 1, 1), last_day=today() + dt.timedelta(days=1))
    for path, there in ((old, True), (new, False)):
        assert verifier.main([str(path), "--vkey", vkey()]) == 0
        with zipfile.ZipFile(path) as archive:
            text = b"".join(archive.read(name) for name in archive.namelist()).lower()
            manifest = json.loads(archive.read("manifest.json"))
        assert (names[5].encode() in text) is there
        assert any("stay closed" in note for note in manifest["notes"]) is not there


def test_without_secure_deletion_words_would_stay_in_the_file(sqlite_url, keys):
    """The negative control: the pragma is what overwrites them."""
    import sqlite3

    path = sqlite_url.removeprefix("sqlite:///")
    for secure, there in (("OFF", True), ("ON", False)):
        with sqlite3.connect(path, isolation_level=None) as plain:
            plain.execute(f"PRAGMA secure_delete={secure}")
            plain.execute("CREATE TABLE IF NOT EXISTS scratch (id INTEGER PRIMARY KEY, words TEXT)")
            plain.executemany(
                "INSERT INTO scratch (words) VALUES (?)", [(f"needle-{secure}-{n}" * 20,) for n in range(50)]
            )
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            plain.execute("DELETE FROM scratch WHERE id % 2 = 1")
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        plain.close()
        assert (f"needle-{secure}-0".encode() in Path(path).read_bytes()) is there
