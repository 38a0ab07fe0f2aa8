"""The demo is loaded once, through the services, and leaves a workspace whose log holds."""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from doors import Browser
from factories import a_workspace
from sqlalchemy import func, select

from approval import db, settings as environment
from approval.app import create_app
from approval.audit.models import Entry
from approval.audit.models.keys import Keys
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import logs, verify
from approval.audit.services import seal
from approval.capabilities import Role
from approval.cli import main
from approval.db import reading, transaction
from approval.desk.demo import firm, leading, load, loading, receiver
from approval.desk.demo.story import Receives, stories
from approval.errors import BadSetting, Conflict
from approval.people.models import Channel, Outbox, Person, Proposal, TeamMember, Via, Workspace
from approval.people.queries import channels, members
from approval.posts.models import Comment, Evidence, Media, Post, Standing
from approval.publishing import jobs
from approval.publishing.models import Attempt, Because, Publication
from approval.review.models import Decision, OpenStage, Submission
from approval.screening.models import Acceptance

# Each load listens on a port of its own choosing; two at once could choose the same.
pytestmark = pytest.mark.xdist_group("demo")

LASTING = {
    Standing.DRAFT,
    Standing.IN_REVIEW,
    Standing.CHANGES_REQUESTED,
    Standing.REJECTED,
    Standing.APPROVED,
    Standing.WITHDRAWN,
    Standing.EXPIRED,
    Standing.NEEDS_PERSON,
    Standing.REFUSED,
    Standing.MISSED,
    Standing.SCHEDULED,
    Standing.PUBLISHED,
}
FEW = (
    "Holiday hours at every branch",
    "Harbor Savings: the rate with its terms",
    "Budgeting with envelopes, the digital way",
)


def settings_in(folder):
    return environment.load({"APPROVAL_DATA": str(folder), "APPROVAL_SECRET_KEY": "s" * 40})


@pytest.fixture(scope="module", autouse=True)
def any_port():
    """Let the system choose the webhook's port: the one that people see may be taken on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receiver, "_PREFERRED", 0)
        yield


@pytest.fixture(scope="module")
def once(any_port, tmp_path_factory):
    """The whole demo, loaded once for the tests that look at it."""
    settings = settings_in(tmp_path_factory.mktemp("demo"))
    began = datetime.now(UTC)
    return settings, load(settings, empty=False), began


@pytest.fixture
def demo(once):
    """The whole demo as the database of this process."""
    settings, loaded, _ = once
    engine = db.connect(settings.database_url)
    yield loaded
    engine.dispose()


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path / "data")


@pytest.fixture
def few(monkeypatch):
    """A demo of three posts, the last one last."""
    chosen = tuple(story for story in stories() if story.title in FEW)
    monkeypatch.setattr(loading, "stories", lambda: chosen)
    return chosen


def ask(query):
    with reading() as session:
        return session.execute(query).scalars().all()


def entries():
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Entry))


def standings():
    return Counter(ask(select(Post.standing)))


# -- what is loaded ----------------------------------------------------------------------------------------------


def test_posts_stand_in_every_standing_that_lasts(demo):
    assert set(standings()) == LASTING
    assert standings() == Counter(story.ends for story in stories())
    assert sum(standings().values()) >= 64


def test_it_has_the_people_and_channels_that_it_names(demo):
    roles = Counter(role for person in demo.people for role in person.roles)
    least = {"marketer": 2, "reviewer": 2, "compliance": 2, "publisher": 1, "examiner": 1, "administrator": 2}
    assert all(roles[role] >= number for role, number in least.items())
    assert {channel.via for channel in demo.channels} == {"feed", "webhook", "manual"}
    with reading() as session:
        held = {actor.email: set(actor.roles_in(demo.workspace)) for actor in members(session, demo.workspace)}
        there = {(c.name, c.network, str(c.via)) for c in channels(session, demo.workspace)}
    assert held == {person.email: set(map(Role, person.roles)) for person in demo.people}
    assert there == {(c.name, c.network, c.via) for c in demo.channels}
    assert ask(select(TeamMember.person))


def test_a_second_person_agreed_to_its_workflow(demo):
    (proposal,) = ask(select(Proposal))
    assert proposal.accepted and not proposal.alone and proposal.decided_by != proposal.proposed_by


def test_reviews_are_open_at_several_stages(demo):
    assert set(ask(select(OpenStage.stage))) == {"peer-review", "legal", "compliance"}


def test_it_shows_second_rounds_exceptions_evidence_images_and_talk(demo):
    assert max(ask(select(Submission.number))) == 2
    for kind in (Acceptance, Evidence, Media, Comment):
        assert ask(select(kind))
    assert ask(select(Decision.note).where(Decision.note.is_not(None)))


def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_message(demo):
    (story,) = (story for story in stories() if story.receiver is Receives.DROPS)
    with reading() as session:
        post = leading.find(session, story)
    (publication,) = ask(select(Publication).where(Publication.post == post))
    outcomes = ask(select(Attempt.outcome).where(Attempt.publication == publication.id).order_by(Attempt.number))
    requests = ask(select(Attempt.request).where(Attempt.publication == publication.id))
    assert outcomes == ["unknown", "published"] and len(set(requests)) == 1


def test_what_was_refused_and_missed_says_why(demo):
    assert set(ask(select(Publication.because).where(Publication.standing.in_(("refused", "missed"))))) == {
        Because.NOT_ACCEPTED,
        Because.LATE,
    }


# -- what the log says of it -------------------------------------------------------------------------------------


def test_the_log_holds_and_replays_to_the_tables(demo, once):
    keys = Keys(once[0].keys)
    with reading() as session:
        names = logs(session)
        assert [difference for log in names for difference in replay(session, log)] == []
    for log in names:
        with transaction() as session:
            seal(session, log, keys=keys)
        with reading() as session:
            assert verify(session, log, keys=keys).size > 0


def test_nothing_is_dated_back(demo, once):
    _, _, began = once
    with reading() as session:
        for log in logs(session):
            at = session.scalars(select(Entry.at).where(Entry.log == log).order_by(Entry.index)).all()
            assert at == sorted(at)
            assert began - timedelta(seconds=1) <= at[0] and at[-1] <= datetime.now(UTC)


def test_no_file_holds_a_password(demo, once):
    folder = once[0].data
    held = {path.name for path in folder.rglob("*") if path.is_file() and firm.PASSWORD.encode() in path.read_bytes()}
    assert held == set()
    assert any(b"Maria Alvarez" in path.read_bytes() for path in folder.glob("approval.db*"))


def test_its_people_sign_in_on_this_machine_only(demo):
    assert set(ask(select(Person.loopback_only))) == {True}


def test_nobody_is_sent_e_mail_about_it(demo):
    assert ask(select(Outbox.id)) == []


# -- once --------------------------------------------------------------------------------------------------------


def test_a_second_load_changes_nothing_and_answers_the_same(demo, once):
    before = entries()
    assert load(once[0], empty=False) == demo
    assert load(once[0], empty=True) == demo
    assert entries() == before


def test_an_empty_demo_has_no_posts(settings):
    loaded = load(settings, empty=True)
    before = entries()
    assert loaded.posts == () and ask(select(Post.id)) == []
    assert load(settings, empty=True) == loaded
    assert entries() == before


def test_an_interrupted_load_goes_on_where_it_was(settings, few, monkeypatch):
    decide, calls = leading.review.decide, []

    def interrupted(*args, **named):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(named["stage"])
        return decide(*args, **named)

    monkeypatch.setattr(leading.review, "decide", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(settings, empty=False)
    assert 0 < sum(standings().values()) < len(few)
    monkeypatch.setattr(leading.review, "decide", decide)
    loaded = load(settings, empty=False)
    assert dict(loaded.posts) == Counter(story.ends for story in few)
    assert len(ask(select(Decision.id))) == 4


def test_an_interrupted_founding_leaves_nothing(settings, monkeypatch):
    def interrupted(session):
        raise KeyboardInterrupt

    monkeypatch.setattr(firm, "_workflow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(settings, empty=True)
    assert ask(select(Workspace.name)) == [] and ask(select(Person.id)) == []
    monkeypatch.undo()
    assert load(settings, empty=True).people


def test_a_key_of_another_database_is_never_replaced(settings):
    settings.keys.mkdir(parents=True)
    (settings.keys / "northwind.key").write_bytes(b"somebody's only key")
    (settings.keys / "northwind.head").write_bytes(b"what it signed")
    with pytest.raises(Conflict, match=r"northwind\.key.*move it away"):
        load(settings, empty=True)
    assert (settings.keys / "northwind.key").read_bytes() == b"somebody's only key"


def test_every_kind_of_entry_has_its_page(once, demo):
    app = create_app(once[0])
    ellen = Browser(app.test_client())
    assert ellen.sign_in("ellen@northwind.example", firm.PASSWORD).status_code == 302
    with reading() as session:
        first = session.execute(
            select(Entry.kind, func.min(Entry.index)).where(Entry.log == firm.WORKSPACE).group_by(Entry.kind)
        ).all()
    assert len(first) > 15
    for kind, index in first:
        answer = ellen.get(f"/audit/{firm.WORKSPACE}/{index}")
        assert answer.status_code == 200 and kind in answer.text, kind


# -- where it is refused -----------------------------------------------------------------------------------------


def test_it_is_refused_where_people_come_from_elsewhere(settings):
    with pytest.raises(BadSetting, match="APPROVAL_BASE_URL"):
        load(replace(settings, base_url="https://approval.example"), empty=True)
    assert not settings.data.exists() or not (settings.data / "approval.db").exists()


def test_a_database_in_use_is_left_alone(sqlite, sqlite_url, settings, keys):
    with transaction() as session:
        a_workspace(session, keys, name="contoso")
    with pytest.raises(Conflict, match="contoso"):
        load(replace(settings, database_url=sqlite_url), empty=True)


def test_a_running_worker_would_publish_at_its_own_pace_so_it_is_ended_first(settings, few, monkeypatch):
    load(settings, empty=True)
    jobs.beat(settings, "somebody")
    with pytest.raises(Conflict, match="worker"):
        load(settings, empty=False)
    assert ask(select(Post.id)) == []
    monkeypatch.setattr(loading, "ALIVE", timedelta(0))
    assert load(settings, empty=False).posts


def test_a_taken_port_is_named(settings, few):
    load(settings, empty=True)
    (url,) = ask(select(Channel.url).where(Channel.via == Via.WEBHOOK))
    with socket.create_server(("127.0.0.1", urlsplit(url).port)), pytest.raises(Conflict, match=r"Port \d+ .* taken"):
        load(settings, empty=False)
    assert ask(select(Post.id)) == []
    assert load(settings, empty=False).posts


def test_two_loads_at_once_are_refused(settings):
    settings.data.mkdir(parents=True)
    with loading._alone(settings), pytest.raises(Conflict, match="another process"):
        load(settings, empty=True)
    assert load(settings, empty=True)


# -- from the terminal -------------------------------------------------------------------------------------------


def run(settings, *args):
    names = {"APPROVAL_DATA": str(settings.data), "APPROVAL_SECRET_KEY": settings.secret_key}
    return CliRunner().invoke(main, ["demo", *args], env={**dict.fromkeys(os.environ), **names})


def test_the_command_answers_as_the_contract_says(settings, few):
    said = run(settings, "--format", "json")
    assert said.exit_code == 0, said.output
    answer = json.loads(said.stdout)
    assert set(answer) == {"workspace", "people", "channels"}
    assert set(answer["people"][0]) == {"email", "password", "roles"}
    assert set(answer["channels"][0]) == {"name", "network", "via"}
    assert {channel["via"] for channel in answer["channels"]} == set(map(str, Via))
    assert run(settings, "--format", "json").stdout == said.stdout


def test_the_command_says_in_words_who_may_sign_in_and_what_was_loaded(settings, few):
    said = run(settings)
    assert said.exit_code == 0, said.output
    assert all(person.email in said.stdout for person in firm.MEMBERS) and firm.PASSWORD in said.stdout
    assert "3 posts: 1 draft, 2 published." in said.stdout


# -- the posts ---------------------------------------------------------------------------------------------------


def test_the_titles_name_the_posts():
    assert len({story.title for story in stories()}) == len(stories())


def test_between_fifteen_and_thirty_posts_have_a_fault():
    assert 15 <= sum(bool(story.faults) for story in stories()) <= 30
