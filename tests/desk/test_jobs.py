"""The worker gives second opinions where a workspace asked for them; they advise, and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from doors import Browser
from factories import CLEAN, Firm, a_firm, a_post, a_post_in_review
from opinions import HURRY, LIKE, Words, put_rules_in_force
from sqlalchemy import Engine, func, select

from approval import clock, settings as environment
from approval.app import create_app
from approval.audit.models import Entry
from approval.audit.models.keys import Keys
from approval.audit.queries.replaying import replay
from approval.db import Session, reading, transaction
from approval.desk import jobs
from approval.desk.queries import opinion as waiting
from approval.errors import BadSetting, NotReady
from approval.posts.models import Post, Standing
from approval.review import services as review
from approval.review.queries import flow_of
from approval.screening.models import Screening, SecondOpinion
from approval.screening.queries import OpinionFacts, opinion_on
from approval.screening.services import digest_in_force
from approval.screening.services.opinion import Opinion, Question
from approval.settings import Settings


@pytest.fixture
def ruled(firm: Firm) -> Firm:
    """The firm of the desk, with three rules of its own."""
    with transaction() as session:
        put_rules_in_force(session, firm)
    return firm


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    """The settings of a process that gives northwind second opinions."""
    loaded = environment.load(
        {
            "APPROVAL_DATA": str(tmp_path),
            "APPROVAL_SECRET_KEY": "s" * 40,
            "APPROVAL_SECOND_OPINION": "northwind, other",
        }
    )
    return replace(loaded, database_url=sqlite_url, base_url="http://localhost")


@pytest.fixture
def words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Words]:
    """What the worker's encoder was asked; it looks at a round as soon as that is there."""
    encoder = Words(str(abs(hash(request.node.nodeid))))
    monkeypatch.setattr(waiting, "SETTLED", clock.seconds(0))
    monkeypatch.setattr(jobs, "load_encoder", lambda: encoder)
    jobs._reached.clear()
    yield encoder
    jobs._reached.clear()


def in_review(firm: Firm, text: str) -> Post:
    with transaction() as session:
        return a_post_in_review(session, firm, text)


def said_of(post: Post) -> OpinionFacts | None:
    with reading() as session:
        return opinion_on(session, post.workspace, post.revision)


def judged(post: Post) -> tuple[object, ...]:
    """Everything about a post that the rules decide."""
    with reading() as session:
        row = session.scalars(select(Screening).where(Screening.revision == post.revision)).one()
        now = session.get_one(Post, post.id)
        round_ = flow_of(session, post.id)
        assert round_ is not None
        return row.findings, row.worst, row.at, now.standing, now.severity, now.version, round_.rule_set


def test_it_is_off_until_somebody_asks_for_it(ruled: Firm, settings: Settings, words: Words) -> None:
    plain = environment.load({"APPROVAL_DATA": str(settings.data), "APPROVAL_SECRET_KEY": "s" * 40})
    assert plain.second_opinion == frozenset()
    post = in_review(ruled, LIKE)
    jobs.give_second_opinions(replace(settings, second_opinion=plain.second_opinion), "w1")
    jobs.give_second_opinions(replace(settings, second_opinion=frozenset({"other"})), "w1")
    assert said_of(post) is None and words.asked == []
    jobs.give_second_opinions(settings, "w1")
    assert said_of(post) is not None


def test_where_it_is_off_the_model_is_not_even_loaded(
    ruled: Firm, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    monkeypatch.setattr(jobs, "load_encoder", lambda: loaded.append("model"))
    jobs.give_second_opinions(replace(settings, second_opinion=frozenset()), "w1")
    assert loaded == []
    jobs.give_second_opinions(settings, "w1")
    assert loaded == ["model"]


def test_a_name_that_is_no_workspace_is_refused(tmp_path: Path) -> None:
    given = {"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECOND_OPINION": "North Wind"}
    with pytest.raises(BadSetting, match="APPROVAL_SECOND_OPINION"):
        environment.load(given)


def test_it_stands_beside_the_findings_and_changes_none(ruled: Firm, settings: Settings, words: Words) -> None:
    post = in_review(ruled, f"{HURRY} {LIKE}")
    before = judged(post)
    jobs.give_second_opinions(settings, "w1")

    opinion = said_of(post)
    assert opinion is not None
    assert (opinion.model, opinion.version) == ("words", words.model.version)
    assert [(one.rule, one.found) for one in opinion.resemblances] == [("FIRM002", True), ("FIRM001", False)]
    assert judged(post) == before
    with reading() as session:
        (row,) = session.scalars(select(SecondOpinion))
        assert row.rule_set == digest_in_force(session, post.workspace) == before[-1]


def test_it_blocks_nothing(ruled: Firm, settings: Settings, words: Words) -> None:
    """FIRM001 blocks; what only resembles it may be submitted again and again, and what it flags may not."""
    post = in_review(ruled, LIKE)
    jobs.give_second_opinions(settings, "w1")
    assert [one.rule for one in said_of(post).resemblances] == ["FIRM001"]  # type: ignore[union-attr]
    with transaction() as session:
        row = session.get_one(Post, post.id)
        review.withdraw(session, row, by=ruled.marketer, reason="Once more.")
        again = a_post_in_review(session, ruled, LIKE, title="Again")
        assert again.standing is Standing.IN_REVIEW
        flagged = a_post(session, ruled, "Here is a sure gain for you.")
        with pytest.raises(NotReady) as refused:
            review.submit(session, flagged, by=ruled.marketer)
    assert "FIRM001" in str(refused.value.problems)


def test_a_revision_has_one_opinion_and_its_entry(
    database: Engine, keys: Keys, settings: Settings, words: Words
) -> None:
    firm = a_firm(keys)
    with transaction() as session:
        put_rules_in_force(session, firm)
    post = in_review(firm, LIKE)
    jobs.give_second_opinions(settings, "w1")
    read = len(words.asked)
    jobs._reached.clear()
    jobs.give_second_opinions(settings, "w1")
    assert len(words.asked) == read
    with reading() as session:
        entries = select(func.count()).select_from(Entry).where(Entry.kind == "second-opinion.given")
        assert session.scalar(entries) == session.scalar(select(func.count()).select_from(SecondOpinion)) == 1
        assert list(replay(session, post.workspace)) == []


def test_of_two_workers_the_first_is_kept(
    ruled: Firm, settings: Settings, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = in_review(ruled, LIKE)
    give = jobs.give

    def opined(*asked: object) -> Opinion:
        opinion = opine(*asked)
        with transaction() as session:
            give(session, asked[0], replace(opinion, read=99), by="worker")  # type: ignore[arg-type]
        return opinion

    opine = jobs.opine
    monkeypatch.setattr(jobs, "opine", opined)
    jobs.give_second_opinions(settings, "w1")
    assert said_of(post).read == 99  # type: ignore[union-attr]


def test_a_post_that_fails_is_not_tried_for_ever_and_holds_up_no_other(
    ruled: Firm, settings: Settings, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = in_review(ruled, LIKE), in_review(ruled, CLEAN)
    question_of = jobs.question_of

    def failing(session: Session, round_: int) -> Question:
        question = question_of(session, round_)
        if question.post == first.id:
            raise ValueError("broken")
        return question

    monkeypatch.setattr(jobs, "question_of", failing)
    with pytest.raises(ValueError, match="broken"):
        jobs.give_second_opinions(settings, "w1")
    jobs.give_second_opinions(settings, "w1")
    assert said_of(first) is None and said_of(second) is not None


def test_a_round_is_looked_at_when_those_before_it_are_committed(
    ruled: Firm, settings: Settings, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_review(ruled, LIKE)
    with reading() as session:
        assert len(waiting.waiting_rounds(session, settings.second_opinion, after=0)) == 1
        monkeypatch.setattr(waiting, "SETTLED", clock.seconds(60))
        assert waiting.waiting_rounds(session, settings.second_opinion, after=0) == ()


def test_a_process_that_ends_begins_no_opinion(
    ruled: Firm, settings: Settings, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = in_review(ruled, LIKE)
    monkeypatch.setattr(jobs.ENDING, "is_set", lambda: True)
    jobs.give_second_opinions(settings, "w1")
    assert said_of(post) is None


def test_reviewers_read_it_where_it_is_on_and_nothing_where_it_is_off(
    ruled: Firm, app, signed, settings: Settings, words: Words
) -> None:
    post = in_review(ruled, f"{HURRY} {LIKE} <b>{CLEAN}</b>")
    jobs.give_second_opinions(settings, "w1")
    off = signed("ruth").get(f"/posts/{post.id}").text
    assert "econd opinion" not in off and "words " + words.model.version not in off

    browser = Browser(create_app(settings).test_client())
    browser.sign_in("ruth@northwind.example")
    page = browser.get(f"/posts/{post.id}").text
    shown = page[page.index("Second opinion (advisory)") :]
    assert f"words {words.model.version}" in shown and "/rules/FIRM001" in shown and "(0.93)" in shown
    assert shown.index("/rules/FIRM001") < shown.index("/rules/FIRM002")
    assert "Approve" in page
    quiet = in_review(ruled, CLEAN)
    jobs.give_second_opinions(settings, "w1")
    assert said_of(quiet) is not None
    assert "econd opinion" not in browser.get(f"/posts/{quiet.id}").text
