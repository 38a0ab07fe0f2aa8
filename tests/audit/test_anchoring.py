"""Checkpoints are dated from outside, by tokens that are checked before they are kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from authority import an_authority
from factories import a_firm
from sqlalchemy import insert, select

from approval import clock, settings as environment, worker
from approval.audit import jobs
from approval.audit.events import Event
from approval.audit.models import Anchor, Entry
from approval.audit.queries.anchoring import anchor_due, anchored, tokens
from approval.audit.queries.entries import head
from approval.audit.queries.verifying import verify
from approval.audit.services import seal
from approval.audit.services.recording import record
from approval.db import reading, transaction
from approval.errors import BadSetting, ProofFailed
from approval.tlog import Note

NOW = datetime(2030, 5, 6, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Waved(Event, kind="test.waved"):
    """Somebody waved."""


@dataclass(frozen=True, kw_only=True)
class Settled(Event, kind="test-review.settled"):
    """Somebody settled it."""


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    with an_authority(tmp_path_factory.mktemp("time") / "authority") as authority:
        yield authority


@pytest.fixture
def authority(running):
    running.asked.clear()
    running.lie = ""
    yield running
    running.lie = ""


@pytest.fixture
def settings(sqlite_url, keys, tmp_path, authority):
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    allowed = environment.load(
        {"APPROVAL_OUTBOUND_ALLOW": f"127.0.0.0/8:{authority.port}", "APPROVAL_SECRET_KEY": "s" * 40}
    )
    return replace(
        loaded,
        keys=keys.folder,
        outbound_allow=allowed.outbound_allow,
        timestamp_url=authority.url,
        timestamp_ca=authority.ca,
    )


@pytest.fixture
def at(monkeypatch):
    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda session: instant)

    set_to(NOW)
    return set_to


@pytest.fixture
def firm(at, sqlite, keys, settings):
    firm = a_firm(keys)
    sealed(keys)
    return firm


def sealed(keys) -> None:
    for log in ("installation", "northwind"):
        with transaction() as session:
            seal(session, log, keys=keys)


def wave(kind: type[Event] = Waved) -> None:
    with transaction() as session:
        record(session, kind(by="t", workspace="northwind"))


def sizes(log: str = "northwind") -> list[int]:
    with reading() as session:
        return [size for size, _ in tokens(session, log)]


def problem() -> str | None:
    with reading() as session:
        return anchored(session, "installation").problem


def test_a_token_is_kept_that_anybody_verifies_without_this_program(firm, settings, authority, tmp_path):
    worker.anchor_due(settings, "w")
    with reading() as session:
        found = head(session, "northwind")
        ((size, token),) = tokens(session, "northwind")
    assert size == found.sealed
    (tmp_path / "token.tsr").write_bytes(token)
    (tmp_path / "text").write_text(Note.from_bytes(found.note.encode()).text)
    words = f"ts -verify -data {tmp_path / 'text'} -in {tmp_path / 'token.tsr'} -CAfile {authority.ca}"
    authority.openssl(words)
    (tmp_path / "text").write_text(found.note)
    with pytest.raises(AssertionError, match="message imprint mismatch"):
        authority.openssl(words)


LIES = {
    "wrong imprint": "something else than this checkpoint",
    "wrong nonce": "its nonce differs",
    "error": "status 500",
    "garbage": "is no token",
    "cut short": "is no token",
    "refused": "the authority refused",
}


@pytest.mark.parametrize(("lie", "told"), LIES.items(), ids=LIES)
def test_what_is_not_the_token_that_was_asked_for_is_not_kept(firm, settings, authority, lie, told):
    with reading() as session:
        authority.text = Note.from_bytes(head(session, "installation").note.encode()).text.encode()
    authority.lie = lie
    worker.anchor_due(settings, "w")
    assert sizes("installation") == []
    assert told in (problem() or "")


def test_without_a_root_these_lies_are_seen_too(firm, settings, authority):
    """The imprint and the nonce do not wait for APPROVAL_TIMESTAMP_CA."""
    authority.lie = "wrong imprint"
    worker.anchor_due(replace(settings, timestamp_ca=None), "w")
    assert sizes("installation") == []


def test_a_token_that_another_authority_signed_is_not_kept(firm, settings, tmp_path):
    with an_authority(tmp_path / "stranger") as stranger:
        worker.anchor_due(replace(settings, timestamp_ca=stranger.ca), "w")
    assert sizes("installation") == []
    assert "nobody vouches" in (problem() or "")


def test_without_the_root_the_strangers_token_would_be_kept(firm, settings):
    """The negative control: what the root certificates are for."""
    worker.anchor_due(replace(settings, timestamp_ca=None), "w")
    assert len(sizes("installation")) == 1


def test_a_slow_drip_ends_with_the_deadline_of_the_one_way_out(firm, settings, authority):
    authority.lie = "slow drip"
    began = time.monotonic()
    worker.anchor_due(replace(settings, lease=2.0), "w")
    assert time.monotonic() - began < 10
    assert sizes("installation") == []


def test_an_address_that_the_guarded_way_does_not_allow_is_not_asked(firm, settings, authority):
    worker.anchor_due(replace(settings, outbound_allow=()), "w")
    assert authority.asked == []
    assert "APPROVAL_OUTBOUND_ALLOW" in (problem() or "")


def test_a_certificate_file_that_is_none_is_named(firm, settings, tmp_path):
    (tmp_path / "ca.pem").write_text("not a certificate")
    worker.anchor_due(replace(settings, timestamp_ca=tmp_path / "ca.pem"), "w")
    assert "APPROVAL_TIMESTAMP_CA" in (problem() or "")
    with pytest.raises(BadSetting, match="PEM file"):
        environment.load({"APPROVAL_TIMESTAMP_CA": str(tmp_path / "gone"), "APPROVAL_SECRET_KEY": "s" * 40})


def test_a_log_is_dated_hourly_and_a_decision_at_once(firm, settings, keys, at, monkeypatch):
    worker.anchor_due(settings, "w")
    first = sizes()
    wave()
    sealed(keys)
    at(NOW + timedelta(minutes=59))
    worker.anchor_due(settings, "w")
    assert sizes() == first, "nothing hurries"
    at(NOW + timedelta(minutes=61))
    worker.anchor_due(settings, "w")
    assert len(sizes()) == 2
    monkeypatch.setattr("approval.audit.queries.anchoring.PROMPT", {"test-review.settled"})
    wave(Settled)
    at(NOW + timedelta(minutes=62))
    worker.anchor_due(settings, "w")
    assert len(sizes()) == 2, "what is not sealed yet cannot be dated"
    sealed(keys)
    worker.anchor_due(settings, "w")
    assert len(sizes()) == 3


def test_nothing_new_is_not_dated_again(firm, settings, authority, at):
    worker.anchor_due(settings, "w")
    at(NOW + timedelta(days=1))
    worker.anchor_due(settings, "w")
    assert len(authority.asked) == 2, "one for each log"


def test_the_authority_may_be_down_for_a_day(firm, settings, authority, keys, at):
    """Work goes on, each attempt is a minute apart, the gap is known, and the newest checkpoint covers it all."""
    worker.anchor_due(settings, "w")
    authority.lie = "error"
    authority.asked.clear()
    for hour in range(2, 26):
        wave()
        sealed(keys)
        at(NOW + timedelta(hours=hour))
        worker.anchor_due(settings, "w")
        worker.anchor_due(settings, "w")
    assert len(authority.asked) == 24
    with reading() as session:
        found = anchored(session, "northwind")
        assert (found.at, found.size) == (NOW, sizes()[0])
        assert "status 500" in (found.problem or "")
    authority.lie = ""
    at(NOW + timedelta(hours=26))
    worker.anchor_due(settings, "w")
    with reading() as session:
        assert anchored(session, "northwind").size == head(session, "northwind").sealed
        assert anchored(session, "northwind").problem is None
        assert anchor_due(session) == []


def test_two_workers_do_not_ask_for_the_same_checkpoint(firm, settings, authority):
    real = authority.answer

    def meanwhile(query: bytes) -> tuple[int, bytes]:
        if len(authority.asked) == 0:
            authority.asked.append(query)
            worker.anchor_due(settings, "another")
        return real(query)

    authority.answer = meanwhile
    try:
        worker.anchor_due(settings, "w")
    finally:
        del authority.answer
    assert len(set(authority.asked)) == 2 and len(sizes()) == len(sizes("installation")) == 1


def test_without_an_authority_nothing_is_asked(firm, settings, authority):
    worker.anchor_due(replace(settings, timestamp_url=None), "w")
    assert authority.asked == []


def test_a_token_of_another_checkpoint_does_not_pass_verification(firm, settings, keys):
    worker.anchor_due(settings, "w")
    with reading() as session:
        verify(session, "northwind", keys=keys)
        ((_, token),) = tokens(session, "northwind")
    wave()
    sealed(keys)
    with transaction() as session:
        size = head(session, "northwind").sealed
        session.execute(insert(Anchor).values(log="northwind", size=size, kind="rfc3161", token=token, at=NOW))
    with reading() as session, pytest.raises(ProofFailed, match="token of time"):
        verify(session, "northwind", keys=keys)


def test_the_day_names_the_last_token_so_that_it_is_younger(firm, settings, at):
    worker.anchor_due(settings, "w")
    at(NOW + timedelta(days=1))
    jobs.watch_due(settings, "w")
    with reading() as session:
        body = session.scalars(select(Entry.body).where(Entry.log == "northwind", Entry.kind == "log.beat")).one()
        ((size, token),) = tokens(session, "northwind")
    assert sha256(token).hexdigest().encode() in body
    assert b'"anchored":%d' % size in body
