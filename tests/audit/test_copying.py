"""A copy that nobody can take back: proved before it is used, filled in order, gone through every night."""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from factories import a_firm
from object_lock import LEAKS, Stored, a_bucket
from sqlalchemy import insert, select, update

from approval import clock, settings as environment, worker
from approval.audit import jobs
from approval.audit.events import Event
from approval.audit.models import Anchor, Entry, Opening, Outpost, WormCopy
from approval.audit.models.bucket import Bucket
from approval.audit.models.keys import verify_signature
from approval.audit.queries.entries import head
from approval.audit.queries.outposts import COPY, reached
from approval.audit.queries.watching import Wrong, alarms
from approval.audit.services import seal
from approval.audit.services.probing import probe
from approval.audit.services.recording import record
from approval.cli import main
from approval.db import reading, transaction
from approval.errors import BadSetting, OutpostFailed
from approval.tlog import VerifierKey, leaf_hash, open_checkpoint, tree_hash, unpack_bundle

NOW = datetime(2030, 5, 6, 9, 0, tzinfo=UTC)
REAL = os.environ.get("APPROVAL_TEST_S3")
"""A real server of the protocol, as `http://127.0.0.1:7480/bucket id:secret`: the probe is then run on it as well."""


@dataclass(frozen=True, kw_only=True)
class Hummed(Event, kind="test.hummed"):
    """Somebody hummed."""

    what: str = ""


@pytest.fixture
def bucket():
    with a_bucket() as fake:
        fake.now = NOW
        yield fake


def given(bucket) -> dict[str, str]:
    return {
        "APPROVAL_WORM_URL": bucket.url,
        "APPROVAL_WORM_CREDENTIALS": "id:se:cret",
        "APPROVAL_WORM_DAYS": "30",
        "APPROVAL_OUTBOUND_ALLOW": f"127.0.0.0/8:{bucket.port}",
        "APPROVAL_SECRET_KEY": "s" * 40,
    }


@pytest.fixture
def settings(request, keys, tmp_path, bucket):
    loaded = environment.load({"APPROVAL_DATA": str(tmp_path), **given(bucket)})
    kind = "database_url" if "database_url" in request.fixturenames else "sqlite_url"
    return replace(loaded, keys=keys.folder, database_url=request.getfixturevalue(kind))


@pytest.fixture
def at(monkeypatch, bucket):
    def set_to(instant: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda session: instant)
        bucket.now = instant

    set_to(NOW)
    return set_to


def sealed(keys) -> None:
    for log in ("installation", "northwind"):
        with transaction() as session:
            seal(session, log, keys=keys)


def hum(keys, times: int = 1, what: str = "") -> None:
    with transaction() as session:
        for _ in range(times):
            record(session, Hummed(by="t", workspace="northwind", what=what))
    sealed(keys)


@pytest.fixture
def firm(at, sqlite, keys, settings):
    firm = a_firm(keys)
    sealed(keys)
    return firm


def place(log: str = "northwind"):
    with reading() as session:
        (found,) = reached(session, log)
    return found


def origin(log: str = "northwind") -> str:
    with reading() as session:
        return head(session, log).origin


def copied(bucket, log: str = "northwind") -> dict[str, Stored]:
    """The objects of a log in the bucket, by key below its origin; each must have one version."""
    found = {}
    for key, versions in bucket.below(f"{origin(log)}/").items():
        (found[key.removeprefix(f"{origin(log)}/")],) = versions
    return found


def wrong(log: str = "northwind") -> list[Wrong]:
    with reading() as session:
        return [alarm.what for alarm in alarms(session, [log])]


def inventories(log: str = "northwind") -> list[dict]:
    with reading() as session:
        query = select(Entry.body).where(Entry.log == log, Entry.kind == "log.copy_checked").order_by(Entry.index)
        return [json.loads(body)["facts"] for body in session.scalars(query)]


# -- the probe ---------------------------------------------------------------------------------------------------


def steps(settings, now: datetime) -> list:
    return list(probe(Bucket(settings.worm, worker.asking(settings)), now))


@pytest.mark.parametrize("checksums", [True, False])
def test_a_strict_bucket_holds_everything_that_is_tried(settings, bucket, checksums):
    """A10."""
    bucket.checksums = checksums
    found = steps(settings, NOW)
    assert len(found) == 8 and all(step.holds for step in found), found


@pytest.mark.parametrize(("leak", "step"), LEAKS.items(), ids=LEAKS)
def test_a_bucket_that_lets_anything_through_is_refused(settings, bucket, leak, step):
    bucket.leak = leak
    found = []
    try:
        for each in probe(Bucket(settings.worm, worker.asking(settings)), NOW):
            found.append(each)
            if not each.holds:
                break
    except OutpostFailed:
        pytest.fail(f"{leak}: it is told by a step, not by an exception")
    assert not found[-1].holds and found[-1].what.startswith(step), found


@pytest.mark.parametrize("leak", [leak for leak in LEAKS if leak not in ("no versions", "no lock", "governance")])
def test_nothing_is_copied_to_a_bucket_that_lets_anything_through(firm, settings, bucket, leak):
    bucket.leak = leak
    worker.copy_due(settings, "w")
    assert not [key for key in bucket.keys if not key.startswith("probe/")]
    with reading() as session:
        assert "no write-once copy" in (
            session.scalars(select(Outpost.problem).where(Outpost.problem.is_not(None))).one()
        )


def test_the_command_proves_the_bucket_of_the_settings(bucket, monkeypatch, tmp_path):
    bucket.now = None
    for name, value in {**given(bucket), "APPROVAL_DATA": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    fine = CliRunner().invoke(main, ["worm", "probe", "--format", "json"])
    assert (fine.exit_code, json.loads(fine.output)["holds"]) == (0, True)
    bucket.leak = "shorten"
    leaks = CliRunner().invoke(main, ["worm", "probe"])
    assert leaks.exit_code == 1 and "NO  its lock cannot be shortened" in leaks.output
    bucket.lie = "down"
    assert CliRunner().invoke(main, ["worm", "probe"]).exit_code == 1
    monkeypatch.delenv("APPROVAL_WORM_URL")
    assert CliRunner().invoke(main, ["worm", "probe"]).exit_code == 2


@pytest.mark.skipif(REAL is None, reason="APPROVAL_TEST_S3 names no server")
def test_a_real_server_holds_everything_that_is_tried(tmp_path):
    url, _, credentials = str(REAL).partition(" ")
    port = url.split("/")[2].rpartition(":")[2]
    settings = environment.load(
        {
            "APPROVAL_WORM_URL": url,
            "APPROVAL_WORM_CREDENTIALS": credentials,
            "APPROVAL_OUTBOUND_ALLOW": f"127.0.0.0/8:{port}",
            "APPROVAL_SECRET_KEY": "s" * 40,
        }
    )
    found = steps(settings, datetime.now(UTC))
    assert len(found) == 8 and all(step.holds for step in found), found


# -- copying -----------------------------------------------------------------------------------------------------


def test_what_lies_there_proves_the_log_by_itself(at, database, keys, settings, bucket):
    a_firm(keys)
    hum(keys, 600)
    worker.copy_due(settings, "w")
    with reading() as session:
        found = head(session, "northwind")
    lies = copied(bucket)
    full, width = divmod(found.sealed, 256)
    bundles = [*(f"tile/entries/{index:03d}" for index in range(full)), f"tile/entries/{full:03d}.p/{width}"]
    assert sorted(lies) == sorted([*bundles, f"checkpoint/{found.sealed}"])
    entries = [entry for key in bundles for entry in unpack_bundle(lies[key].data)]
    leaves = [leaf_hash(entry) for entry in entries]
    key = VerifierKey.from_text(found.vkey)
    checkpoint = open_checkpoint(lies[f"checkpoint/{found.sealed}"].data, key=key, verify=verify_signature)
    assert (checkpoint.size, checkpoint.root) == (len(leaves), tree_hash(leaves))
    assert place().size == found.sealed and place().problem is None


def test_everything_is_locked_in_compliance_mode_from_its_own_time_on(firm, settings, bucket, keys, at):
    at(NOW + timedelta(days=5))
    worker.copy_due(settings, "w")
    for log in ("installation", "northwind"):
        for lies in copied(bucket, log).values():
            assert (lies.mode, lies.until) == ("COMPLIANCE", NOW + timedelta(days=30))
    at(NOW + timedelta(days=60))
    hum(keys)
    at(NOW + timedelta(days=100))
    worker.copy_due(settings, "w")
    assert {lies.until for lies in copied(bucket).values()} == {
        NOW + timedelta(days=30),
        NOW + timedelta(days=101),
    }, "what is copied after its time is locked for a day, since it must be locked"


def test_no_opening_leaves_the_database(firm, settings, bucket):
    worker.copy_due(settings, "w")
    everything = b"".join(lies.data for log in ("installation", "northwind") for lies in copied(bucket, log).values())
    with reading() as session:
        openings = session.execute(select(Opening.commitment, Opening.salt, Opening.value)).all()
    assert any(commitment.hex().encode() in everything for commitment, _, _ in openings)
    for _, salt, _ in openings:
        assert salt not in everything and salt.hex().encode() not in everything
    assert b"maria@northwind.example" not in everything
    assert any(value and "maria@northwind.example" in value for _, _, value in openings), "the negative control"


def test_tokens_are_copied_with_the_checkpoints_that_they_date(firm, settings, bucket, keys, at):
    with transaction() as session:
        size = head(session, "northwind").sealed
        row = {"log": "northwind", "size": size, "kind": "rfc3161", "token": b"a token", "at": NOW}
        session.execute(insert(Anchor).values(**row))
    hum(keys)
    worker.copy_due(settings, "w")
    lies = copied(bucket)
    assert lies[f"token/{size}.tsr"].data == b"a token" and f"checkpoint/{size}" in lies
    with reading() as session:
        later = head(session, "northwind").sealed
    with transaction() as session:
        session.execute(insert(Anchor).values(**{**row, "size": later, "token": b"another"}))
    at(NOW + timedelta(minutes=61))
    worker.copy_due(settings, "w")
    assert copied(bucket)[f"token/{later}.tsr"].data == b"another", "a token that came later follows"


def test_a_log_is_copied_hourly_and_nothing_twice(firm, settings, bucket, keys, at):
    worker.copy_due(settings, "w")
    first = len(copied(bucket))
    hum(keys)
    at(NOW + timedelta(minutes=59))
    worker.copy_due(settings, "w")
    assert len(copied(bucket)) == first
    at(NOW + timedelta(minutes=61))
    worker.copy_due(settings, "w")
    assert len(copied(bucket)) == first + 2
    at(NOW + timedelta(minutes=140))
    worker.copy_due(settings, "w")
    assert len(copied(bucket)) == first + 2


def test_a_full_bundle_is_sent_once(firm, settings, bucket, keys, at):
    hum(keys, 600)
    worker.copy_due(settings, "w")
    bucket.asked.clear()
    hum(keys)
    at(NOW + timedelta(minutes=61))
    worker.copy_due(settings, "w")
    sent = [
        each.partition("/northwind/")[2] for each in bucket.asked if each.startswith("PUT") and "/northwind/" in each
    ]
    assert [each.partition(".p/")[0] for each in sent] == ["tile/entries/002", f"checkpoint/{place().size}"]


def test_requests_go_to_the_endpoint_of_the_settings_and_nowhere_else(firm, settings, bucket, monkeypatch):
    """boto3 would follow a redirect to another region, and look for credentials on the machine's network."""
    import socket

    reached_ports = set()
    real = socket.create_connection

    def noted(address, *given, **named):
        reached_ports.add(address)
        return real(address, *given, **named)

    monkeypatch.setattr(socket, "create_connection", noted)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    worker.copy_due(settings, "w")
    assert reached_ports == {("127.0.0.1", bucket.port)}
    assert place().size > 0


def test_without_the_extra_the_page_says_what_to_install(firm, settings, monkeypatch):
    for name in ("boto3", "boto3.session", "botocore", "botocore.config"):
        monkeypatch.setitem(sys.modules, name, None)
    worker.copy_due(settings, "w")
    assert "approval[s3]" in (place("installation").problem or "")


def test_an_address_that_the_guarded_way_does_not_allow_is_not_asked(firm, settings, bucket):
    worker.copy_due(replace(settings, outbound_allow=()), "w")
    assert bucket.asked == []


# -- when it fails -----------------------------------------------------------------------------------------------


def test_the_bucket_may_be_down_for_a_day(firm, settings, bucket, keys, at):
    """A39: work goes on, the gap is known, and what was missed is copied in order, the newest checkpoint last."""
    worker.copy_due(settings, "w")
    before = place().size
    bucket.lie = "down"
    for hour in range(1, 25):
        at(NOW + timedelta(hours=hour))
        hum(keys, 30)
        worker.copy_due(settings, "w")
    assert (place().size, place().behind_since) == (before, NOW + timedelta(hours=1))
    assert "SlowDown" in (place().problem or "")
    bucket.lie = ""
    bucket.asked.clear()
    at(NOW + timedelta(hours=24, minutes=2))
    worker.copy_due(settings, "w")
    with reading() as session:
        assert place().size == head(session, "northwind").sealed
    assert place().behind_since is None and place().problem is None
    written = [
        each.rpartition("/")[0].rpartition("/")[2] for each in bucket.asked if "PUT" in each and "northwind" in each
    ]
    numbers = [each for each in bucket.asked if each.startswith("PUT") and "northwind/tile" in each]
    assert numbers == sorted(numbers) and len(numbers) >= 3, "bundle after bundle"
    assert written[-1] == "checkpoint"


@pytest.mark.parametrize("lie", ["stored", "not stored"])
def test_a_write_that_failed_is_finished_whether_it_was_stored_or_not(firm, settings, bucket, at, lie):
    """A6: both pairs end with one version of each object, and no row before the bucket has said what lies there."""
    worker.copy_due(replace(settings, worm=None), "w")
    with transaction() as session:
        from approval.audit.services import outposts

        outposts.set_outposts(session, [COPY], copies=True)
        outposts.note_proved(session, "northwind")
    bucket.lie = lie
    worker.copy_due(settings, "w")
    with reading() as session:
        assert session.scalars(select(WormCopy.key)).all() == []
    assert bool(bucket.keys) == (lie == "stored")
    bucket.lie = ""
    at(NOW + timedelta(minutes=20))
    worker.copy_due(settings, "w")
    with reading() as session:
        assert place().size == head(session, "northwind").sealed
        kept = dict(session.execute(select(WormCopy.key, WormCopy.version).where(WormCopy.log == "northwind")).all())
    assert kept == {key: lies.version for key, lies in copied(bucket).items()}


def test_a_worker_that_ends_is_followed_where_it_stopped(firm, settings, bucket, keys, at, monkeypatch):
    hum(keys, 1000)
    with monkeypatch.context() as patch:
        patch.setattr(jobs.ENDING, "is_set", iter([False] * 4 + [True] * 99).__next__)
        worker.copy_due(settings, "w")
    begun = len(copied(bucket))
    assert 0 < begun < 4 and place().size == 0
    bucket.asked.clear()
    at(NOW + timedelta(minutes=6))
    worker.copy_due(settings, "w")
    assert place().size > 1000
    assert len([one for one in bucket.asked if one.startswith("PUT") and "northwind/tile/entries/000" in one]) == 0


def test_other_bytes_under_a_name_of_ours_are_an_alarm(firm, settings, bucket):
    """Who rewrites the database meets what was copied before: it cannot be written over."""
    with reading() as session:
        size = head(session, "northwind").sealed
    bucket.keys[f"{origin()}/checkpoint/{size}"] = [
        Stored(secrets.token_hex(8), b"another head", "COMPLIANCE", NOW + timedelta(days=30))
    ]
    worker.copy_due(settings, "w")
    assert wrong() == [Wrong.CONTRADICTED] and place().size == 0
    assert "other bytes" in (place().alarm or "")


def test_what_is_not_locked_is_not_copied(firm, settings, bucket):
    """A bucket that was proved and then changed is found out by the object itself."""
    worker.copy_due(settings, "w")
    before = place().size
    with transaction() as session:
        session.execute(update(Outpost).values(at=None, size=0, bundles=0, busy_until=None))
    for versions in bucket.below(f"{origin()}/").values():
        versions[0].mode = "GOVERNANCE"
    worker.copy_due(settings, "w")
    assert before > 0 == place().size and "not locked in compliance mode" in (place().problem or "")


# -- every night -------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(firm, settings, bucket, keys, at):
    hum(keys, 900)
    worker.copy_due(settings, "w")
    at(NOW + timedelta(days=1))
    worker.copy_due(settings, "w")
    return bucket


def test_the_copy_is_gone_through_every_night(kept, settings, at):
    (found,) = inventories()
    assert (found["holds"], found["objects"], found["strange"]) == (True, 5, 0)
    for hour in (1, 2):
        at(NOW + timedelta(days=1, hours=hour))
        worker.copy_due(settings, "w")
    assert len(inventories()) == 1 and wrong() == []


def night(settings, at, *, day: int = 2) -> None:
    for second in (0, 20):
        at(NOW + timedelta(days=day, seconds=second))
        worker.copy_due(settings, "w")


def test_a_delete_marker_is_noticed_and_an_alarm_until_it_is_gone(kept, settings, at):
    key = f"{origin()}/tile/entries/000"
    kept.keys[key].append(Stored("marker", marker=True))
    night(settings, at)
    found = inventories()[-1]
    assert (found["holds"], found["markers"]) == (False, 1) and "a marker hides it" in found["problem"]
    assert Wrong.CONTRADICTED in wrong()
    for minute in range(2, 50, 5):
        at(NOW + timedelta(days=2, minutes=minute))
        worker.copy_due(settings, "w")
    assert len(inventories()) == 2, "looked at hourly, not at every beat"
    kept.keys[key].pop()
    at(NOW + timedelta(days=2, hours=2))
    worker.copy_due(settings, "w")
    assert Wrong.CONTRADICTED not in wrong() and inventories()[-1]["holds"]


def test_a_version_that_is_gone_is_an_alarm(kept, settings, at):
    kept.keys.pop(f"{origin()}/tile/entries/001")
    night(settings, at)
    assert "is not in the write-once copy any more" in inventories()[-1]["problem"]
    assert Wrong.CONTRADICTED in wrong()


def test_a_version_over_ours_is_an_alarm(kept, settings, at):
    kept.keys[f"{origin()}/tile/entries/001"].append(Stored("over", b"other"))
    night(settings, at)
    assert "has further versions" in inventories()[-1]["problem"] and inventories()[-1]["strange"] == 1


def test_a_checkpoint_that_this_database_never_sealed_tells_of_a_rollback(kept, settings, at):
    kept.keys[f"{origin()}/checkpoint/999999"] = [Stored("v", b"head", "COMPLIANCE", NOW + timedelta(days=30))]
    night(settings, at)
    assert "never sealed so many" in inventories()[-1]["problem"]


def test_control_a_stranger_beside_ours_is_counted_and_no_alarm(kept, settings, at):
    kept.keys[f"{origin()}/notes.txt"] = [Stored("v", b"hello")]
    night(settings, at)
    assert (inventories()[-1]["holds"], inventories()[-1]["strange"]) == (True, 1)
    assert Wrong.CONTRADICTED not in wrong()


def test_what_is_not_locked_any_more_may_be_gone(kept, settings, at):
    kept.keys.pop(f"{origin()}/tile/entries/001")
    night(settings, at, day=40)
    assert inventories()[-1]["holds"]


def test_the_page_shows_the_copy_and_that_it_is_behind(firm, settings, bucket, keys, at):
    from doors import Browser, give_passwords

    from approval.app import create_app

    worker.copy_due(settings, "w")
    give_passwords()
    hum(keys)
    at(NOW + timedelta(hours=3))
    browser = Browser(create_app(settings).test_client())
    browser.sign_in("ada@northwind.example")
    page = browser.get("/audit?workspace=northwind").text
    assert "write-once copy" in page and "behind" in page


# -- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APPROVAL_WORM_URL", "https://s3.example"),
        ("APPROVAL_WORM_URL", "https://id:secret@s3.example/bucket"),
        ("APPROVAL_WORM_URL", "https://s3.example/Bucket"),
        ("APPROVAL_WORM_URL", "https://s3.example/bucket/folder"),
        ("APPROVAL_WORM_CREDENTIALS", "secret"),
        ("APPROVAL_WORM_DAYS", "0"),
        ("APPROVAL_WORM_DAYS", "1.5"),
    ],
)
def test_a_setting_that_names_no_bucket_is_refused(bucket, name, value):
    with pytest.raises(BadSetting, match=name):
        environment.load({**given(bucket), name: value})


def test_the_secret_is_not_shown(bucket, monkeypatch, tmp_path):
    for name, value in {**given(bucket), "APPROVAL_DATA": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    assert "se:cret" not in repr(environment.load())
    assert "se:cret" not in CliRunner().invoke(main, ["settings"]).output
