"""The signing keys of the logs, and the last-signed heads, in files outside the database.

`LOG.key` is a log's first key, `LOG.<key id>.key` each later one that is no device's; `LOG.head` the checkpoint
that was signed last.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from approval.audit.models.signer import sign_outside
from approval.errors import Conflict, NotSigned, ProofFailed
from approval.settings import Settings, place_secret, sync_names
from approval.tlog import VerifierKey


@dataclass(frozen=True)
class Keys:
    """A folder of signing keys; `signer` is the command that signs with those that a device holds."""

    folder: Path
    signer: tuple[str, ...] = ()

    @classmethod
    def at(cls, settings: Settings) -> Keys:
        """Return the keys of an installation."""
        return cls(settings.keys, settings.signer)

    @classmethod
    def of(cls, settings: Settings) -> Keys:
        """Return the keys that this process may open; Conflict where they are another user's."""
        if settings.separate_sealer:
            raise Conflict(
                "The signing keys are another user's (APPROVAL_SEALER=separate), so no log can be begun here. Make the "
                "workspace before the keys are handed over, or as the user who holds them without that setting."
            )
        return cls.at(settings)

    def create(self, log: str, origin: str) -> VerifierKey:
        """Make the key of a new log; Conflict where the name has a key that signed (it may be a log's only one).

        The file stands before its log is committed, so that no log lacks its key. One that never signed was left by a
        transaction that did not commit, and becomes the key of this log.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(log, "key")
        if self.head(log) is not None:
            raise Conflict(
                f"{path} is the key of a log that this database does not hold, and it has signed: another "
                f"database's. Give each database a folder of keys of its own, or move it away with {log}.head."
            )
        place_secret(path, base64.b64encode(secrets.token_bytes(32)))
        return VerifierKey(origin, _public(self._private(log)))

    def holds(self, log: str) -> bool:
        """Say whether *log* is signed from here; False where the folder is closed to this user."""
        return os.path.exists(self._path(log, "head")) or any(self.folder.glob(f"{log}.*key"))

    def add(self, log: str, origin: str, public_key: bytes | None = None) -> VerifierKey:
        """Make another key of a log, or take up one that a device holds; NotSigned where that does not sign."""
        if public_key is not None:
            key = VerifierKey(origin, public_key)
            self.sign(log, key, b"approval: does this key sign?\n")
            return key
        secret = Ed25519PrivateKey.generate()
        key = VerifierKey(origin, _public(secret))
        place_secret(self._named(log, key), base64.b64encode(secret.private_bytes_raw()))
        return key

    def sign(self, log: str, key: VerifierKey, message: bytes) -> bytes:
        """Sign *message* with a key of the log, which is in a file or in a device.

        ProofFailed where there is none, NotSigned where the device gives no signature that holds. A file's signature
        is for the caller to verify.
        """
        if (path := self._named(log, key)).exists():
            return _secret(path).sign(message)
        first = self._path(log, "key")
        if self.signer and not (first.exists() and _public(_secret(first)) == key.public_key):
            signature = sign_outside(self.signer, message, log=log, key=key)
            if not verify_signature(key.public_key, message, signature):
                raise NotSigned(f"what {self.signer[0]} answered for {log} is no signature of {key.to_text()}")
            return signature
        return self._private(log).sign(message)

    def drop(self, log: str, key: VerifierKey) -> None:
        """Destroy the file of a key that signs no more."""
        first = self._path(log, "key")
        if first.exists() and _public(_secret(first)) == key.public_key:
            first.unlink()
        self._named(log, key).unlink(missing_ok=True)

    def head(self, log: str) -> bytes | None:
        """Return the last checkpoint signed for *log*, as its note."""
        try:
            return self._path(log, "head").read_bytes()
        except FileNotFoundError:
            return None

    def store_head(self, log: str, note: bytes) -> None:
        """Replace the last-signed head, durably and at once."""
        path = self._path(log, "head")
        draft = path.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        sync_names(self.folder)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the one sealer of this folder for as long as it runs; Conflict where there is another."""
        with (self.folder / "sealer.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(
                    f"Another `approval sealer` runs with the keys in {self.folder}; two would fork the logs."
                ) from error
            yield

    @contextmanager
    def held(self, log: str) -> Iterator[None]:
        """Keep every other sealer on this machine out."""
        with self._path(log, "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _private(self, log: str) -> Ed25519PrivateKey:
        try:
            return _secret(self._path(log, "key"))
        except FileNotFoundError as error:
            raise ProofFailed(
                f"the signing key of {log} is not in {self.folder}: restore it from its backup"
            ) from error

    def _named(self, log: str, key: VerifierKey) -> Path:
        return self._path(log, f"{key.key_id.hex()}.key")

    def _path(self, log: str, kind: str) -> Path:
        return self.folder / f"{log}.{kind}"


def _secret(path: Path) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes(), validate=True))
    except ValueError as error:
        raise ProofFailed(f"{path} does not hold a signing key: restore it from its backup") from error


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether an Ed25519 signature holds."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
