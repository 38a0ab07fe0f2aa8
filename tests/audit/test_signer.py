"""A device outside signs through one narrow door: its answer is verified, and without one nothing is signed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from factories import a_firm

from approval import settings as environment
from approval.audit import jobs
from approval.audit.events import Event
from approval.audit.models import signer
from approval.audit.models.keys import Keys, verify_signature
from approval.audit.queries.entries import head, overdue
from approval.audit.queries.verifying import verify
from approval.audit.services import rotating, seal
from approval.audit.services.recording import record
from approval.db import reading, transaction
from approval.errors import BadSetting, NotSigned, ProofFailed
from approval.tlog import VerifierKey, open_checkpoint

LOG = "northwind"
OPENSSL = """#!/bin/sh
# Signs standard input with the key in KEY.pem, as openssl does: it wants the message as a file.
set -eu
text=$(mktemp)
trap 'rm -f "$text"' EXIT
cat > "$text"
openssl pkeyutl -sign -rawin -inkey "$1.pem" -in "$text"
"""


@dataclass(frozen=True, kw_only=True)
class Buzzed(Event, kind="test.buzzed"):
    """Something buzzed."""


class Device:
    """A key that only the program outside has: openssl, over a file that this process does not open."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "sign"
        self.script.write_text(OPENSSL)
        self.script.chmod(0o700)
        pem = folder / f"{LOG}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", pem], check=True, capture_output=True)
        out = subprocess.run(["openssl", "pkey", "-in", pem, "-pubout"], check=True, capture_output=True).stdout
        public = serialization.load_pem_public_key(out)
        assert isinstance(public, Ed25519PublicKey)
        self.public_key = public.public_bytes_raw()
        self.command = (str(self.script), f"{folder}/{{log}}")


@pytest.fixture
def device(tmp_path):
    folder = tmp_path / "device"
    folder.mkdir()
    return Device(folder)


@pytest.fixture
def outside(database, keys, device):
    """A log that was begun with a key in a file, and given over to the device."""
    a_firm(keys)
    keys = Keys(keys.folder, device.command)
    sealed(keys)
    with transaction() as session:
        rotating.rotate(session, LOG, keys=keys, by="host:op", overlap=timedelta(days=1), public_key=device.public_key)
    sealed(keys)
    with transaction() as session:
        rotating.retire(session, LOG, by="host:op")
    sealed(keys)
    return keys


def sealed(keys: Keys):
    with transaction() as session:
        return seal(session, LOG, keys=keys)


def note() -> tuple[bytes, VerifierKey]:
    with reading() as session:
        found = head(session, LOG)
    return found.note.encode(), VerifierKey.from_text(found.vkey)


def add() -> None:
    with transaction() as session:
        record(session, Buzzed(by="t", workspace=LOG))


def answering(folder: Path, code: str) -> tuple[str, ...]:
    """A program of the operator's that does something else than it should."""
    return sys.executable, "-c", f"import sys, time; message = sys.stdin.buffer.read(); {code}"


def test_a_log_is_given_over_to_a_device_and_no_private_key_is_left_here(outside, device):
    data, key = note()
    assert key.public_key == device.public_key
    open_checkpoint(data, key=key, verify=verify_signature)
    assert list(outside.folder.glob("northwind*key")) == []
    with reading() as session:
        assert verify(session, LOG, keys=outside).in_doubt == ()


WRONG = {
    "nothing": ("pass", "answered 0 bytes"),
    "too much": ("sys.stdout.buffer.write(bytes(65))", "answered 65 bytes"),
    "no signature": ("sys.stdout.buffer.write(bytes(64))", "is no signature of"),
    "a failure": ("sys.exit('the token is locked')", "the token is locked"),
    "nothing in time": ("time.sleep(60)", "no signature for northwind within"),
}


@pytest.mark.parametrize(("code", "told"), WRONG.values(), ids=WRONG)
def test_where_the_device_gives_no_signature_nothing_is_signed(outside, tmp_path, monkeypatch, code, told):
    monkeypatch.setattr(signer, "SECONDS", 1)
    before, head_before = note(), outside.head(LOG)
    add()
    began = time.monotonic()
    with pytest.raises(NotSigned, match=told):
        sealed(replace(outside, signer=answering(tmp_path, code)))
    assert time.monotonic() - began < 8
    assert (note(), outside.head(LOG)) == (before, head_before)
    assert sealed(outside).size > 0, "it is signed as soon as the device answers"


def test_without_the_check_a_false_signature_would_be_stopped_later_still(outside, tmp_path, monkeypatch):
    """The negative control of the door's own check: the sealer looks again."""
    monkeypatch.setattr("approval.audit.models.keys.verify_signature", lambda *_: True)
    add()
    with pytest.raises(ProofFailed, match="restore that one"):
        sealed(replace(outside, signer=answering(tmp_path, "sys.stdout.buffer.write(bytes(64))")))


def test_a_program_that_is_gone_is_named(outside, tmp_path):
    add()
    with pytest.raises(NotSigned, match="cannot be run"):
        sealed(replace(outside, signer=(str(tmp_path / "gone"),)))


def test_a_device_that_cannot_sign_is_not_announced(database, keys, device, tmp_path):
    a_firm(keys)
    sealed(keys)
    _, before = note()
    broken = Keys(keys.folder, answering(tmp_path, "sys.exit(1)"))
    for wrong, refusal in ((broken, NotSigned), (keys, ProofFailed)):
        with pytest.raises(refusal), transaction() as session:
            rotating.rotate(
                session, LOG, keys=wrong, by="host:op", overlap=timedelta(days=1), public_key=device.public_key
            )
            raise ProofFailed("without a device the log's own key would sign for it")
    assert note()[1] == before


def test_the_worker_goes_on_and_leaves_the_device_alone_for_a_while(outside, tmp_path, monkeypatch):
    settings = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    asked = tmp_path / "asked"
    count = f"open({str(asked)!r}, 'a').write('x'); sys.exit(1)"
    settings = replace(settings, keys=outside.folder, signer=answering(tmp_path, count))
    monkeypatch.setattr(jobs, "_waiting", {})
    monkeypatch.setattr("approval.audit.queries.watching.SEAL_ENTRIES", 1)
    add()
    jobs.seal_due(settings, "w")
    jobs.seal_due(settings, "w")
    assert asked.read_text() == "x"
    with reading() as session:
        assert head(session, "installation").sealed == head(session, "installation").size, "the other log is sealed"
        assert overdue(session, timedelta(0)) == [LOG]
    jobs._waiting.clear()
    jobs.seal_due(replace(settings, signer=outside.signer), "w")
    with reading() as session:
        assert head(session, LOG).sealed == head(session, LOG).size


def test_a_setting_that_is_no_command_is_named():
    for value in ("'", "no-such-program-anywhere {key}"):
        with pytest.raises(BadSetting, match="APPROVAL_SIGNER"):
            environment.load({"APPROVAL_SIGNER": value, "APPROVAL_SECRET_KEY": "s" * 40})
    loaded = environment.load({"APPROVAL_SIGNER": "sh -c 'cat | x' {log} {key}", "APPROVAL_SECRET_KEY": "s" * 40})
    assert loaded.signer == ("sh", "-c", "cat | x", "{log}", "{key}")


# -- a real token of PKCS #11 --------------------------------------------------------------------------------------

MODULE = next((path for path in Path("/usr/lib").glob("**/libsofthsm2.so")), None)
WITH_TOKEN = bool(MODULE and shutil.which("softhsm2-util") and shutil.which("pkcs11-tool"))


@pytest.mark.skipif(not WITH_TOKEN, reason="softhsm2 and opensc are not installed")
def test_a_token_of_pkcs_11_signs(database, keys, tmp_path, monkeypatch):
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    run = lambda words: subprocess.run(words.split(), check=True, capture_output=True).stdout  # noqa: E731
    run("softhsm2-util --init-token --free --label log --pin 1234 --so-pin 5678")
    tool = f"pkcs11-tool --module {MODULE} --token-label log --pin 1234"
    run(f"{tool} --keypairgen --key-type EC:edwards25519 --label northwind --id 01")
    public = serialization.load_pem_public_key(run(f"{tool} --read-object --type pubkey --label northwind"))
    assert isinstance(public, Ed25519PublicKey)
    point = public.public_bytes_raw()
    script = tmp_path / "sign"
    script.write_text(
        '#!/bin/sh\nset -eu\nfolder=$(mktemp -d)\ntrap \'rm -r "$folder"\' EXIT\ncat > "$folder/in"\n'
        f'{tool} --sign --mechanism EDDSA --label "$1" --input-file "$folder/in" --output-file "$folder/out" >&2\n'
        'cat "$folder/out"\n'
    )
    script.chmod(0o700)
    a_firm(keys)
    keys = Keys(keys.folder, (str(script), "{log}"))
    sealed(keys)
    with transaction() as session:
        rotating.rotate(session, LOG, keys=keys, by="host:op", overlap=timedelta(days=1), public_key=point)
    sealed(keys)
    data, key = note()
    assert key.public_key == point
    open_checkpoint(data, key=key, verify=verify_signature)
