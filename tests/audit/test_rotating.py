"""A log changes its keys in the open: each is vouched for by the one before, and a stolen one leads nobody."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from factories import a_firm
from sqlalchemy import select

from approval import clock, settings as environment
from approval.audit import jobs
from approval.audit.commands import audit
from approval.audit.events import Event
from approval.audit.models import Checkpoint, RevokedKey
from approval.audit.models.keys import Keys, verify_signature
from approval.audit.queries.entries import head
from approval.audit.queries.keychain import folded, keychain
from approval.audit.queries.replaying import replay
from approval.audit.queries.verifying import verify
from approval.audit.services import rotating, seal
from approval.audit.services.recording import record
from approval.db import reading, transaction
from approval.errors import Conflict, Invalid, NotFound, ProofFailed, SealingRefused
from approval.tlog import Note, NoteError, VerifierKey, open_checkpoint

NOW = datetime(2030, 5, 6, 9, 0, tzinfo=UTC)
MONTH = timedelta(days=30)
LOG = "northwind"


@dataclass(frozen=True, kw_only=True)
class Hummed(Event, kind="test.rotating.hummed"):
    """Somebody hummed."""


@pytest.fixture
def at(monkeypatch):
    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda session: instant)

    set_to(NOW)
    return set_to


@pytest.fixture
def firm(at, database, keys):
    a_firm(keys)
    return sealed(keys)


@pytest.fixture
def settings(keys, tmp_path):
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    return replace(loaded, keys=keys.folder)


def sealed(keys: Keys, log: str = LOG):
    with transaction() as session:
        return seal(session, log, keys=keys)


def hum() -> None:
    with transaction() as session:
        record(session, Hummed(by="t", workspace=LOG))


def rotate(keys: Keys, **more: object) -> VerifierKey:
    with transaction() as session:
        return rotating.rotate(session, LOG, keys=keys, by="host:op", overlap=MONTH, **more)


def retire() -> list[VerifierKey]:
    with transaction() as session:
        return rotating.retire(session, LOG, by="host:op")


def revoke(keys: Keys, since: datetime, **more: object) -> rotating.Revoked:
    with transaction() as session:
        return rotating.revoke(session, LOG, keys=keys, by="host:op", since=since, reason="A laptop is gone.", **more)


def vkey() -> VerifierKey:
    with reading() as session:
        return VerifierKey.from_text(head(session, LOG).vkey)


def note() -> bytes:
    with reading() as session:
        return head(session, LOG).note.encode()


def signed_by(*keys: VerifierKey) -> bool:
    """Say whether these keys, and no other, signed the newest checkpoint."""
    for key in keys:
        open_checkpoint(note(), key=key, verify=verify_signature)
    return len(Note.from_bytes(note()).signatures) == len(keys)


def holds(keys: Keys) -> bool:
    with reading() as session:
        assert list(replay(session, LOG)) == []
        return verify(session, LOG, keys=keys).in_doubt == ()


# -- rotation: the drill of a year ---------------------------------------------------------------------------------


def test_a_new_key_is_sealed_by_the_old_one_then_both_sign_then_the_old_one_stops(firm, keys, at, settings):
    old = vkey()
    new = rotate(keys)
    checkpoint = sealed(keys)
    assert vkey() == new and new.name == old.name == checkpoint.origin, "the origin stays, the key id changes"
    assert signed_by(old, new) and holds(keys)

    at(NOW + MONTH - timedelta(seconds=1))
    hum()
    jobs.seal_due(settings, "w")
    assert signed_by(old, new), "the overlap is not over"

    at(NOW + MONTH)
    jobs.seal_due(settings, "w")
    at(NOW + MONTH + timedelta(minutes=2))
    jobs.seal_due(settings, "w")
    assert signed_by(new) and holds(keys)
    with pytest.raises(NoteError, match="no known key"):
        open_checkpoint(note(), key=old, verify=verify_signature)
    assert sorted(path.name for path in keys.folder.glob("northwind*key")) == [f"northwind.{new.key_id.hex()}.key"]


def test_three_keys_follow_one_another(firm, keys):
    chain = [vkey()]
    for _ in range(2):
        chain.append(rotate(keys))
        sealed(keys)
        retire()
        sealed(keys)
    hum()
    sealed(keys)
    with reading() as session:
        assert [each.key for each in keychain(session, LOG).keys] == chain
    assert signed_by(chain[-1]) and holds(keys)


def test_what_nobody_vouches_for_yet_is_not_followed_by_more(firm, keys):
    """Were the old key retired before it sealed the announcement, nothing would lead to the new one."""
    rotate(keys)
    for more in (retire, lambda: rotate(keys)):
        with pytest.raises(Conflict, match="Seal it first"):
            more()
    sealed(keys)
    retire()
    with pytest.raises(Conflict, match="One key signs"):
        retire()


def test_a_log_that_was_never_sealed_keeps_its_first_key(at, database, keys):
    a_firm(keys)
    with pytest.raises(Conflict, match="Seal it first"):
        rotate(keys)


def test_a_rotation_that_was_rolled_back_leaves_the_log_as_it_was(firm, keys):
    old = vkey()
    with pytest.raises(ZeroDivisionError), transaction() as session:
        rotating.rotate(session, LOG, keys=keys, by="host:op", overlap=MONTH)
        raise ZeroDivisionError
    hum()
    sealed(keys)
    assert vkey() == old and signed_by(old)


def test_a_key_that_is_missing_signs_nothing(firm, keys):
    new = rotate(keys)
    (keys.folder / f"northwind.{new.key_id.hex()}.key").unlink()
    with pytest.raises(SealingRefused, match=r"restore that one"):
        sealed(keys)
    assert signed_by(VerifierKey.from_text(folded_first())), "the last checkpoint is the one before"


def folded_first() -> str:
    with reading() as session:
        return keychain(session, LOG).keys[0].key.to_text()


def test_a_database_older_than_the_rotation_is_known_as_rolled_back(at, sqlite, sqlite_url, keys):
    a_firm(keys)
    sealed(keys)
    path = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(path + ".old")) as old:
        live.backup(old)
    rotate(keys)
    sealed(keys)
    retire()
    sealed(keys)
    with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(path + ".old")) as old:
        old.backup(live)
    with pytest.raises(SealingRefused, match="rolled back"):
        sealed(keys)


# -- compromise ----------------------------------------------------------------------------------------------------


def test_after_a_theft_what_the_key_alone_signed_after_the_cut_is_flagged_and_the_rest_stands(firm, keys, at):
    old, kept = vkey(), firm.size
    at(NOW + timedelta(hours=1))
    hum()
    doubtful = sealed(keys).size
    at(NOW + timedelta(hours=2))
    hum()
    done = revoke(keys, NOW + timedelta(minutes=30))
    assert (done.key, done.last_size, done.newest) == (old, kept, vkey())
    sealed(keys)
    assert signed_by(done.newest), "the stolen key signs no more, and vouches for nobody"
    with reading() as session:
        assert verify(session, LOG, keys=keys).in_doubt == (doubtful,)
        assert list(replay(session, LOG)) == []
        row = session.scalars(select(RevokedKey)).one()
    assert (row.vkey, row.last_size, row.reason) == (old.to_text(), kept, "A laptop is gone.")
    assert not (keys.folder / "northwind.key").exists()


def test_in_the_overlap_the_other_key_takes_over(firm, keys, at):
    old, new = vkey(), rotate(keys)
    sealed(keys)
    at(NOW + timedelta(hours=1))
    hum()
    sealed(keys)
    at(NOW + timedelta(hours=2))
    done = revoke(keys, NOW + timedelta(minutes=30))
    assert (done.key, done.newest) == (old, new)
    sealed(keys)
    assert signed_by(new)
    assert holds(keys), "the other key signed each of them too, so none is in doubt"


def test_a_retired_key_that_is_stolen_later_is_revoked_by_name(firm, keys, at):
    old = vkey()
    rotate(keys)
    sealed(keys)
    retire()
    sealed(keys)
    at(NOW + MONTH)
    done = revoke(keys, NOW + timedelta(days=20), vkey=old.to_text())
    assert done.key == old
    sealed(keys)
    assert signed_by(done.newest) and holds(keys), "all that it signed lies before the cut"
    with pytest.raises(Conflict, match="revoked before"):
        revoke(keys, NOW, vkey=old.to_text())


def test_a_cut_before_everything_leaves_nothing_that_the_key_alone_signed(firm, keys):
    assert revoke(keys, NOW - timedelta(days=1)).last_size == 0
    sealed(keys)
    with reading() as session:
        assert verify(session, LOG, keys=keys).in_doubt == (firm.size,)


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"since": NOW + timedelta(minutes=1)}, Invalid),
        ({"since": NOW, "vkey": "another+7e997420+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"}, NotFound),
    ],
    ids=["in the future", "a stranger's key"],
)
def test_a_cut_is_in_the_past_and_of_a_key_of_this_log(firm, keys, more, refusal):
    with pytest.raises(refusal):
        revoke(keys, **more)


def test_a_cut_has_a_reason(firm, keys):
    with pytest.raises(Invalid, match="reason"), transaction() as session:
        rotating.revoke(session, LOG, keys=keys, by="host:op", since=NOW, reason=" ")


# -- what somebody else might do -----------------------------------------------------------------------------------


def meddle(url: str, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as plain:
        for (trigger,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            plain.execute(f"DROP TRIGGER {trigger}")
        assert plain.execute(statement, values).rowcount > 0
        plain.commit()


def stripped(data: bytes, key: VerifierKey) -> str:
    """The note without the signature of one key."""
    parsed = Note.from_bytes(data)
    rest = tuple(each for each in parsed.signatures if each.key_id != key.key_id)
    return Note(parsed.text, rest).to_bytes().decode()


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_checkpoint_of_the_overlap_carries_both_signatures(at, sqlite, sqlite_url, keys, which):
    a_firm(keys)
    sealed(keys)
    old, new = vkey(), rotate(keys)
    size = sealed(keys).size
    meddle(
        sqlite_url,
        "UPDATE checkpoint SET note = ? WHERE log = 'northwind' AND size = ?",
        stripped(note(), old if which == "old" else new),
        size,
    )
    with reading() as session, pytest.raises(ProofFailed, match="no signature of"):
        verify(session, LOG, keys=None)


def test_another_root_of_the_same_size_under_the_other_key_is_found(at, sqlite, sqlite_url, keys):
    a_firm(keys)
    sealed(keys)
    old, new = vkey(), rotate(keys)
    sealed(keys)
    parsed = Note.from_bytes(note())
    lines = parsed.text.split("\n")
    lines[2] = "A" * 43 + "="
    text = "\n".join(lines)
    own = tuple(
        replace(each, value=keys.sign(LOG, key, text.encode()))
        for key in (old, new)
        for each in parsed.signatures
        if each.key_id == key.key_id
    )
    other = Note(text, own).to_bytes()
    keys.store_head(LOG, other)
    with reading() as session, pytest.raises(ProofFailed, match="not those of the last-signed head"):
        verify(session, LOG, keys=keys)
    with pytest.raises(SealingRefused, match="not an extension"):
        sealed(keys)


def test_a_head_that_names_a_key_that_was_never_announced_is_found(at, sqlite, sqlite_url, keys):
    a_firm(keys)
    sealed(keys)
    stranger = keys.add(LOG, vkey().name)
    rotate(keys)
    sealed(keys)
    meddle(sqlite_url, "UPDATE log SET vkey = ? WHERE name = 'northwind'", stranger.to_text())
    with reading() as session, pytest.raises(ProofFailed, match="another verifier key"):
        verify(session, LOG, keys=keys)
    with pytest.raises(ProofFailed, match="another verifier key"):
        sealed(keys)


FIRST, SECOND, THIRD = (VerifierKey("a.example/log", bytes([number]) * 32).to_text() for number in (1, 2, 3))
ANNOUNCED = {"old": FIRST, "new": SECOND, "signs_from": 6, "until": None}
BROKEN = {
    "of another key": [(5, "log.key_announced", {**ANNOUNCED, "old": FIRST}), (8, "log.key_announced", ANNOUNCED)],
    "of another size": [(5, "log.key_announced", {**ANNOUNCED, "signs_from": 7})],
    "of another origin": [
        (5, "log.key_announced", {**ANNOUNCED, "new": VerifierKey("b.example/log", b"2" * 32).to_text()})
    ],
    "of the same key": [(5, "log.key_announced", {**ANNOUNCED, "new": FIRST})],
    "retired without a successor": [(5, "log.key_retired", {"vkey": FIRST})],
    "the newest retired": [(5, "log.key_announced", ANNOUNCED), (7, "log.key_retired", {"vkey": SECOND})],
    "retired, a stranger": [(5, "log.key_announced", ANNOUNCED), (7, "log.key_retired", {"vkey": THIRD})],
}


@pytest.mark.parametrize("entries", BROKEN.values(), ids=BROKEN)
def test_entries_that_do_not_follow_from_one_another_are_no_chain(entries):
    with pytest.raises(ValueError, match="entry"):
        folded(entries, FIRST)


def test_control_entries_that_do_are_one():
    found = folded([(5, "log.key_announced", ANNOUNCED), (7, "log.key_retired", {"vkey": FIRST})], SECOND)
    assert [(each.key.to_text(), each.first, each.last) for each in found.keys] == [(FIRST, 1, 7), (SECOND, 6, None)]


# -- from the terminal ---------------------------------------------------------------------------------------------


def test_the_keys_are_changed_listed_and_revoked_from_the_host(firm, keys, settings):
    run = lambda *words: CliRunner().invoke(audit, words, obj=settings, catch_exceptions=False)  # noqa: E731
    sealed(keys, "installation")
    assert run("rotate").exit_code == 0, "without a workspace, every log"
    assert run("retire", "--workspace", LOG).output.startswith("northwind: retired ")
    done = run("revoke", "--workspace", LOG, "--since", "2030-05-06T08:00:00Z", "--reason", "A disk was sold.")
    assert "hand out " + vkey().to_text() in done.output
    listed = run("keys", "--workspace", LOG).output.splitlines()
    assert len(listed) == 3 and "REVOKED" in listed[1] and listed[2].endswith("to now")
    assert '"first": 1' in run("keys", "--workspace", LOG, "--format", "json").output
    with reading() as session:
        sizes = session.scalars(select(Checkpoint.size).where(Checkpoint.log == LOG)).all()
    verified = run("verify", "--workspace", LOG)
    assert verified.exit_code == 0 and "only a revoked key signed the checkpoints at" in verified.output
    assert len(sizes) >= 4
