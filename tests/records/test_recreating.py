"""A post as it stood at any time: byte for byte what a copy taken at that time holds (reliability.md, A8)."""

from __future__ import annotations

import hashlib
import json
import os
import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from factories import BLOCKED, CLEAN, Firm, a_decision, a_draft, a_firm, a_picture, a_post
from sqlalchemy import create_engine, func, inspect, select, text

from approval import clock
from approval.audit.events import plain
from approval.audit.models import WITNESSED, Entry
from approval.audit.models.images import content_digest, marks
from approval.audit.queries.canonical import key_text
from approval.db import reading, transaction
from approval.errors import NotFound, Refusal
from approval.posts import services as posts
from approval.posts.draft import Goal
from approval.posts.models import Comment, Objective, Post, Revision, Standing
from approval.posts.payload import Attachment
from approval.posts.queries import payload_of
from approval.publishing import services as publishing
from approval.publishing.models import Publication
from approval.records import services
from approval.records.keeping import Criteria
from approval.records.queries.folding import State
from approval.records.queries.keeping import keeping_of
from approval.records.queries.recreating import as_json, recreate
from approval.review import services as review
from approval.review.flow import Verdict
from approval.screening.models import Screening

HISTORIES = int(os.environ.get("APPROVAL_HISTORIES", "50"))
"""Random histories; A8 asks for 1,000, which the nightly run sets."""
ACTS = 12
WORDS = (CLEAN, BLOCKED, "Ask us on Tuesday.", "Save more, spend less. Capital at risk.", "Zinsen für alle: 你好")


# -- what a copy taken at the time holds ------------------------------------------------------------------------


def snapshot(post_id):
    """Everything in the tables that is of this post, by row and column; contents by digest."""
    with reading() as session:
        post = session.get_one(Post, post_id)
        digests = session.scalars(select(Revision.digest).where(Revision.post == post_id)).all()
        payloads = [json.loads(p) for p in session.scalars(select(Revision.payload).where(Revision.post == post_id))]
        images = [bytes.fromhex(m["digest"]) for payload in payloads for m in payload["media"]]
        comments = session.scalars(select(Comment.id).where(Comment.post == post_id)).all()
        sent = session.scalars(select(Publication.id).where(Publication.post == post_id)).all()
        found = {}
        for name, cls in WITNESSED.items():
            table = inspect(cls).local_table
            mine = {
                "post": lambda t: t.c.id == post_id,
                "comment_text": lambda t: t.c.comment.in_(comments),
                "attempt": lambda t: t.c.publication.in_(sent),
                "media": lambda t: (t.c.workspace == post.workspace) & t.c.digest.in_(images),
                **dict.fromkeys(
                    ("screening", "acceptance", "dismissal", "exception_request", "second_opinion"),
                    lambda t: (t.c.workspace == post.workspace) & t.c.revision.in_(digests),
                ),
            }.get(name, (lambda t: t.c.post == post_id) if "post" in table.c else None)
            if mine is None:
                continue
            for row in session.execute(select(*table.c).where(mine(table))).mappings():
                key = key_text({column.name: plain(row[column.name]) for column in table.primary_key})
                found[name, key] = {
                    column: content_digest(value).hex() if value is not None and mark == "content" else plain(value)
                    for column, value in row.items()
                    if (mark := marks(cls)[column]) != "secret"
                }
    return found


def recreated(post_id, **at):
    with reading() as session:
        return recreate(session, post_id, **at)


def in_the_form_of_a_snapshot(found):
    assert not found.wrong, "nothing was altered"
    return {
        row.place: {
            column: value.digest if value.digest and marks(WITNESSED[row.table])[column] == "content" else value.value
            for column, value in row.values.items()
            if value.state is not State.SECRET
        }
        for row in found.rows
    }


def last_entry(workspace):
    with reading() as session:
        return session.scalar(select(func.max(Entry.index)).where(Entry.log == workspace))


# -- random histories -------------------------------------------------------------------------------------------


class History:
    """One post and what a firm does to it, each act in a transaction of its own, with a copy taken after each."""

    def __init__(self, firm: Firm, seed: int, image: bytes) -> None:
        self.firm, self.dice, self.image = firm, random.Random(seed), image
        self.taken, self.at = {}, {}
        with transaction() as session:
            self.post = a_post(session, firm, self.dice.choice(WORDS), title=f"History {seed}").id
        self.take()

    def take(self) -> None:
        index = last_entry(self.firm.workspace)
        if index in self.taken:
            return
        self.taken[index] = snapshot(self.post)
        with reading() as session:
            self.at[index] = (
                session.scalar(select(Entry.at).where(Entry.log == self.firm.workspace, Entry.index == index)),
                keeping_of(session, self.post).kept,
            )

    def live(self) -> None:
        for _ in range(ACTS):
            with reading() as session:
                standing = session.get_one(Post, self.post).standing
            always = (self.talk, self.change_a_comment, self.judge, self.add_evidence)
            act = self.dice.choice((*self.moves.get(standing, (self.withdraw,)) * 2, *always))
            with suppress(Refusal, StopIteration), transaction() as session:
                act(session, session.get_one(Post, self.post))
            self.take()

    @property
    def moves(self):
        return {
            Standing.DRAFT: (self.revise, self.plan, self.submit, self.submit),
            Standing.CHANGES_REQUESTED: (self.revise, self.plan, self.submit),
            Standing.IN_REVIEW: (self.decide, self.decide, self.decide, self.revise),
            Standing.APPROVED: (self.schedule, self.schedule, self.revise, self.withdraw),
            Standing.SCHEDULED: (self.schedule, self.withdraw),
        }

    def revise(self, session, post) -> None:
        media = (Attachment(self.image, "A flag"),) if self.dice.random() < 0.4 else ()
        draft = a_draft(self.firm, self.dice.choice(WORDS), media=media, title=self.dice.choice(("Hours", "Fees")))
        posts.revise(
            session,
            post,
            draft,
            by=self.dice.choice((self.firm.marketer, self.firm.other_marketer)),
            seen=post.revision,
        )

    def plan(self, session, post) -> None:
        payload = payload_of(session, post.workspace, post.revision)
        draft = a_draft(self.firm, payload.texts["news"], media=payload.media, title=payload.title)
        goal = Goal(Objective.BRAND, "reach", str(self.dice.randint(1, 9)), "10")
        posts.revise(session, post, replace(draft, goal=goal), by=self.firm.marketer, seen=post.revision)

    def talk(self, session, post) -> None:
        posts.comment(session, post, self.dice.choice(("Why?", "Fine ✓", "“Quoted”")), by=self.firm.reviewer)

    def change_a_comment(self, session, post) -> None:
        comment = next(
            iter(session.scalars(select(Comment).where(Comment.post == post.id).order_by(Comment.id.desc())))
        )
        if self.dice.random() < 0.3:
            posts.delete_comment(session, comment, by=self.firm.reviewer)
        else:
            posts.edit_comment(session, comment, f"Again: {self.dice.random()}", by=self.firm.reviewer)

    def submit(self, session, post) -> None:
        review.submit(session, post, by=self.firm.marketer)

    def decide(self, session, post) -> None:
        verdict = self.dice.choice((Verdict.APPROVE, Verdict.APPROVE, Verdict.REQUEST_CHANGES))
        try:
            a_decision(session, post, by=self.dice.choice((self.firm.reviewer, self.firm.compliance)), verdict=verdict)
        except AssertionError:
            raise StopIteration from None

    def schedule(self, session, post) -> None:
        later = clock.now(session) + timedelta(days=self.dice.randint(1, 9))
        publishing.schedule(session, post, by=self.firm.publisher, publish_at=later, zone="Europe/Zurich")

    def withdraw(self, session, post) -> None:
        review.withdraw(session, post, by=self.firm.compliance, reason="No longer true.")

    def judge(self, session, post) -> None:
        found = session.scalars(select(Screening.findings).where(Screening.revision == post.revision)).first()
        rule = next(iter(found or ()))["rule"]
        if self.dice.random() < 0.3:
            return posts.take_back_dismissal(session, post, rule, by=self.firm.compliance)
        act = self.dice.choice((posts.accept_finding, posts.dismiss_finding))
        act(session, post, rule, reason="Seen, and agreed.", by=self.firm.compliance)

    def add_evidence(self, session, post) -> None:
        posts.add_evidence(
            session,
            post,
            name="rates.pdf",
            data=b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
            by=self.firm.marketer,
        )


@pytest.fixture
def small(database, keys):
    firm = a_firm(keys)
    with transaction() as session:
        services.ensure_retention(session, firm.workspace, by=services.WORKER)
        image = posts.add_media(session, firm.workspace, a_picture(), by=firm.marketer).digest
    return firm, image


def test_every_historical_state_is_what_a_copy_taken_at_the_time_holds(sqlite, keys):
    firm = a_firm(keys)
    with transaction() as session:
        services.ensure_retention(session, firm.workspace, by=services.WORKER)
        image = posts.add_media(session, firm.workspace, a_picture(), by=firm.marketer).digest
    ensure_recreated(firm, image, range(HISTORIES))


def test_every_historical_state_is_the_same_in_both_kinds_of_database(small):
    ensure_recreated(*small, range(1000, 1003))


def ensure_recreated(firm, image, seeds):
    acts = 0
    for seed in seeds:
        history = History(firm, seed, image)
        history.live()
        for index, copy in history.taken.items():
            found = recreated(history.post, entry=index)
            assert in_the_form_of_a_snapshot(found) == copy, (seed, index)
            assert found.found == found.digest == copy["post", key_text({"id": history.post})]["revision"]
            assert found.kept == history.at[index][1], (seed, index)
            ensure_every_value_has_an_actor_and_a_time(found)
            acts += 1
    assert acts > len(seeds) * 4, "something happened"


def ensure_every_value_has_an_actor_and_a_time(found):
    for row in found.rows:
        for value in row.values.values():
            assert value.step.actor and value.step.at and value.step.index <= found.cut
        reason = {"acceptance": "reason", "dismissal": "reason"}.get(row.table)
        assert reason is None or row.get(reason) == "Seen, and agreed."
        if row.table == "decision" and row.get("verdict") != "approve":
            assert row.get("note") and row.get("reason")


# -- instants and steps -----------------------------------------------------------------------------------------


@pytest.fixture
def told(firm_on_sqlite):
    """The post of the small firm that was talked about: a comment made, changed and deleted."""
    with reading() as session:
        return session.scalar(select(Comment.post))


def test_an_instant_is_what_the_last_entry_before_it_says(firm_on_sqlite, told):
    first = steps_of(told)[0]
    assert recreated(told, at=first.step.at).cut >= first.step.index
    for one in steps_of(told):
        assert (
            recreated(told, at=one.step.at).record == recreated(told, entry=recreated(told, at=one.step.at).cut).record
        )
    with pytest.raises(NotFound):
        recreated(told, at=first.step.at.replace(year=2000))
    with pytest.raises(NotFound):
        recreated(told, entry=first.step.index - 1)
    with pytest.raises(NotFound):
        recreated(told, entry=10**6)


def steps_of(post_id):
    """The post as it stood after each of its entries, forward."""
    found, at = [], recreated(post_id)
    while at.before is not None:
        at = recreated(post_id, entry=at.before)
    while True:
        found.append(at)
        if at.after is None:
            return found
        at = recreated(post_id, entry=at.after)


def test_steps_lead_through_every_entry_of_the_post_and_each_says_what_it_set(told):
    steps = steps_of(told)
    assert [one.number for one in steps] == list(range(1, steps[-1].of + 1))
    said = {one.step.kind: {(c.row.table, c.column): c.after.value for c in one.changes} for one in steps}
    assert said["comment.made"]["comment_text", "text"] == "Is this so?"
    assert said["comment.edited"]["comment_text", "text"] == "Is this really so?"
    assert said["comment.deleted"]["comment_text", "text"] is None
    assert all(change.after.step == one.step for one in steps for change in one.changes)


def test_what_happens_later_changes_nothing_of_what_was(told, firm_on_sqlite):
    before = {one.step.index: as_json(one)["record"] for one in steps_of(told)}
    with transaction() as session:
        post = session.get_one(Post, told)
        posts.revise(session, post, a_draft(firm_on_sqlite, CLEAN), by=firm_on_sqlite.marketer, seen=post.revision)
        posts.comment(session, post, "Much better.", by=firm_on_sqlite.reviewer)
    assert {index: as_json(recreated(told, entry=index))["record"] for index in before} == before


def test_the_json_form_names_who_set_each_value_and_lets_anybody_compute_the_digest(told):
    said = json.loads(json.dumps(as_json(recreated(told))))
    assert said["payload"]["same"] is True
    (revision,) = [row for row in said["record"] if row["table"] == "revision"]
    payload = revision["columns"]["payload"]
    assert hashlib.sha256(payload["value"].encode()).hexdigest() == payload["digest"] == said["payload"]["sha256"]
    assert all(c["set_by"]["actor"] for row in said["record"] for c in row["columns"].values())
    assert {"workspace", "retention_version", "channel"} <= {row["table"] for row in said["rests_on"]} | {
        "retention_version"
    }


def test_a_hold_that_covered_the_post_then_is_told(told, firm_on_sqlite):
    with transaction() as session:
        services.place_hold(
            session,
            firm_on_sqlite.workspace,
            matter="Case 7",
            reason="A letter.",
            criteria=Criteria(person=firm_on_sqlite.marketer.id),
            by=firm_on_sqlite.compliance,
        )
    holds = recreated(told).of_table("hold")
    assert [row.get("matter") for row in holds] == ["Case 7"]
    assert not recreated(told, entry=recreated(told).step.index).of_table("hold"), "it was placed later"


# -- what is not what was recorded is named -----------------------------------------------------------------------


@pytest.fixture
def tamper(firm_on_sqlite, tmp_path):
    """A function that changes the file as its owner can, past every guard of the program."""

    def change(statement, **values):
        engine = create_engine(f"sqlite:///{tmp_path / 'approval.db'}")
        with engine.begin() as connection:
            for (trigger,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.execute(text(f"DROP TRIGGER {trigger}"))
            assert connection.execute(text(statement), values).rowcount
        engine.dispose()

    return change


def wrong(found):
    return {(row.table, column, str(value.state)) for row, column, value in found.wrong}


def test_an_untouched_record_has_nothing_wrong(told):
    assert all(wrong(one) == set() for one in steps_of(told))


def test_an_opening_that_was_changed_is_named(told, tamper):
    tamper("UPDATE opening SET value = '\"It is so.\"' WHERE value = '\"Is this so?\"'")
    assert wrong(recreated(told)) == {("comment_text", "text", "altered")}
    (text_,) = [row for row in recreated(told).of_table("comment_text") if row.key["number"] == 1]
    assert text_.get("text") is None, "what was not said is not shown"


def test_an_opening_that_is_gone_without_an_erasure_is_named(told, tamper):
    tamper("DELETE FROM opening WHERE value = '\"Is this so?\"'")
    assert wrong(recreated(told)) == {("comment_text", "text", "missing")}


def test_words_that_were_changed_are_named_and_not_shown(told, tamper):
    tamper("UPDATE revision SET payload = replace(payload, 'today', 'never') WHERE post = :post", post=told)
    found = recreated(told)
    assert ("revision", "payload", "altered") in wrong(found)
    assert (found.payload, found.found) == (None, None)


def test_findings_that_were_changed_are_named(told, tamper):
    tamper("UPDATE screening SET findings = '[]' WHERE findings <> '[]'")
    assert ("screening", "findings", "altered") in wrong(recreated(told))


def test_the_tables_of_today_do_not_say_how_it_stood(told, tamper):
    before = as_json(recreated(told))
    tamper("UPDATE post SET standing = 'published', author = 'nobody', severity = NULL WHERE id = :post", post=told)
    tamper("UPDATE comment SET by = 'nobody' WHERE post = :post", post=told)
    tamper("DELETE FROM edit WHERE post = :post", post=told)
    assert as_json(recreated(told)) == before


def test_findings_in_words_that_two_posts_share_belong_to_both(firm_on_sqlite):
    with transaction() as session:
        one = a_post(session, firm_on_sqlite, BLOCKED, title="Twin").id
        other = a_post(session, firm_on_sqlite, BLOCKED, title="Twin").id
    assert recreated(one).findings == recreated(other).findings != []
