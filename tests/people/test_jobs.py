from __future__ import annotations

import email
import email.policy
import re
import socket
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, update

from approval import clock
from approval.db import reading, transaction
from approval.people import jobs
from approval.people.models import LinkKind, Notice, Outbox, Person
from approval.people.services import closing, links, telling
from approval.people.services.telling import KINDS, LETTERS, tell

IDS = {
    "lookback": 3,
    "found": 2,
    "post": 7,
    "submission": 3,
    "stage": "legal",
    "publication": 2,
    "proposal": 1,
    "subject": "rule-set",
    "export": 5,
    "state": "ready",
}


class Postman:
    """A real SMTP server that keeps what it is given, and refuses whom it is told to."""

    def __init__(self):
        self.letters, self.refuses = [], set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.letters.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def postman():
    kept = Postman()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    kept.url = f"smtp://127.0.0.1:{port}"
    yield kept
    controller.stop()


@pytest.fixture
def mailing(settings, postman):
    return replace(settings, smtp_url=postman.url, base_url="https://approval.example")


def outbox():
    with reading() as session:
        return list(session.scalars(select(Outbox).order_by(Outbox.id)))


def make_due():
    with transaction() as session:
        session.execute(update(Outbox).values(due_at=clock.now(session)))


def tell_maria(firm, kind="approved", **ids):
    with transaction() as session:
        tell(session, [firm.marketer.id], kind, workspace="northwind", **(ids or IDS))


def test_a_letter_goes_out_once_and_says_what_to_do(firm_everywhere, mailing, postman):
    tell_maria(firm_everywhere)
    jobs.deliver_due(mailing, "w")
    jobs.deliver_due(mailing, "w")
    make_due()
    jobs.deliver_due(mailing, "w")

    (letter,) = postman.letters
    assert letter["To"] == "maria@northwind.example"
    assert letter["Subject"] == "Approved: post 7"
    assert letter["Auto-Submitted"] == "auto-generated"
    for part in ("plain", "html"):
        text = letter.get_body((part,)).get_content()
        assert "https://approval.example/posts/7" in text
        assert "Maria" in text
        assert "Northwind" in text
    (row,) = outbox()
    assert row.sent_at is not None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_letter_that_leads_back(firm, mailing, postman, kind):
    tell_maria(firm, kind, **{**IDS, **({"stop": 1} if kind == "stopped" else {})})
    jobs.deliver_due(mailing, "w")
    (letter,) = postman.letters
    text, html = (letter.get_body((part,)).get_content() for part in ("plain", "html"))
    assert letter["Subject"].strip() and "\n" not in letter["Subject"]
    assert "https://approval.example/" in text and 'href="https://approval.example/' in html
    assert "{" not in text + html
    assert "style" not in html and "<script" not in html


def test_a_second_person_is_asked_about_a_stop_too(firm, mailing, postman):
    tell_maria(firm, "second_wanted", stop=4)
    jobs.deliver_due(mailing, "w")
    assert "publishing shall resume" in postman.letters[0]["Subject"]


@pytest.mark.parametrize("kind", LinkKind)
def test_a_link_stands_in_its_letter_and_leaves_the_outbox_with_it(firm, mailing, postman, kind):
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        secret = links.send_link(session, person, kind, by="anonymous", key=mailing.secret_key)
    jobs.deliver_due(mailing, "w")
    text = postman.letters[0].get_body(("plain",)).get_content()
    assert f"https://approval.example/{kind}/{secret}" in text
    assert outbox()[0].ids == {}


def test_names_cannot_change_a_letter(firm, mailing, postman):
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        person.name = "<b>Maria</b>"
        from approval.audit.services import record
        from approval.people.events import PersonChanged

        record(session, PersonChanged(by="host:test", person=person.id), person)
    tell_maria(firm)
    jobs.deliver_due(mailing, "w")
    html = postman.letters[0].get_body(("html",)).get_content()
    assert "<b>" not in html and "&lt;b&gt;Maria" in html


def test_a_refused_letter_waits_longer_each_time_and_holds_up_no_other(firm, mailing, postman):
    postman.refuses.add("maria@northwind.example")
    with transaction() as session:
        tell(session, [firm.marketer.id, firm.reviewer.id], "stopped", workspace="northwind", stop=1)
    waits = []
    for _ in range(3):
        make_due()
        jobs.deliver_due(mailing, "w")
        row = next(row for row in outbox() if row.person == firm.marketer.id)
        with reading() as session:
            waits.append(round((row.due_at - clock.now(session)).total_seconds(), -1))
    assert [letter["To"] for letter in postman.letters] == ["ruth@northwind.example"]
    assert waits == [30, 60, 120]
    assert "550" in row.error

    postman.refuses.clear()
    make_due()
    jobs.deliver_due(mailing, "w")
    assert len(postman.letters) == 2


def test_a_letter_that_cannot_be_written_holds_up_no_other(firm, mailing, postman):
    with transaction() as session:
        tell(session, [firm.marketer.id], "approved", workspace="northwind")  # names no post
    tell_maria(firm)
    jobs.deliver_due(mailing, "w")
    assert len(postman.letters) == 1
    assert "UndefinedError" in outbox()[0].error


def test_after_twelve_tries_a_letter_is_left(firm, mailing, postman):
    tell_maria(firm)
    with transaction() as session:
        session.execute(update(Outbox).values(tries=jobs.MOST_TRIES))
    jobs.deliver_due(mailing, "w")
    assert postman.letters == []


def test_a_mail_server_that_is_away_loses_nothing(firm, settings, postman):
    tell_maria(firm)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = replace(settings, smtp_url=f"smtp://127.0.0.1:{probe.getsockname()[1]}")
        jobs.deliver_due(away, "w")
    (row,) = outbox()
    assert (row.tries, row.sent_at) == (1, None)
    assert "refused" in row.error
    make_due()
    jobs.deliver_due(replace(settings, smtp_url=postman.url), "w")
    assert len(postman.letters) == 1


def test_without_a_mail_server_letters_wait(firm, settings):
    tell_maria(firm)
    jobs.deliver_due(settings, "w")
    (row,) = outbox()
    assert (row.tries, row.sent_at) == (0, None)


def test_two_workers_do_not_take_the_same_letter(firm_everywhere):
    tell_maria(firm_everywhere)
    with transaction() as session:
        assert len(jobs.claim(session)) == 1
    with transaction() as session:
        assert jobs.claim(session) == []
    # A worker that died leaves its claim behind; it runs out.
    make_due()
    with transaction() as session:
        assert len(jobs.claim(session)) == 1


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "mail.example:25"])
def test_a_mail_server_that_is_no_address_is_named(firm, settings, url):
    tell_maria(firm)
    jobs.deliver_due(replace(settings, smtp_url=url), "w")
    assert "APPROVAL_SMTP_URL" in outbox()[0].error


# -- telling -----------------------------------------------------------------------------------------------------


def test_everybody_is_told_once_and_only_who_can_be(firm):
    with transaction() as session:
        closing.disable(session, session.get_one(Person, firm.reviewer.id), by="host:test")
    whom = [firm.marketer.id, firm.marketer.id, firm.reviewer.id, "host:root", "worker"]
    with transaction() as session:
        tell(session, whom, "approved", workspace="northwind", post=1)
    with reading() as session:
        told = [(n.person, n.kind, n.ids) for n in session.scalars(select(Notice))]
    assert told == [(firm.marketer.id, "approved", {"post": 1})]
    assert [row.person for row in outbox()] == [firm.marketer.id]


def test_what_is_rolled_back_was_never_told(firm):
    with pytest.raises(RuntimeError), transaction() as session:
        tell(session, [firm.marketer.id], "approved", workspace="northwind", post=1)
        session.flush()
        raise RuntimeError
    assert outbox() == []


def test_only_what_has_a_letter_is_told(firm):
    with pytest.raises(ValueError), transaction() as session:
        tell(session, [firm.marketer.id], "gossip", workspace="northwind")
    with pytest.raises(ValueError), transaction() as session:
        telling.write_to(session, firm.marketer.id, "approved")


def test_the_letters_on_disk_are_the_kinds_that_are_sent():
    from approval.settings import shipped

    names = [path.name for path in (shipped("templates") / "email").iterdir() if not path.name.startswith("_")]
    assert sorted(names) == sorted(f"{kind}.{end}" for kind in LETTERS for end in ("txt", "html"))
    page = (shipped("templates") / "people" / "notices.html").read_text()
    assert set(re.findall(r"^  '(\w+)': \(", page, re.MULTILINE)) == KINDS
