"""The signing keys of the logs, and the last-signed heads, in files outside the database."""

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

from approval.errors import ProofFailed
from approval.tlog import VerifierKey


@dataclass(frozen=True)
class Keys:
    """A folder of signing keys. `KEY` files hold 32 secret bytes; `HEAD` files the last signed checkpoint."""

    folder: Path

    def create(self, log: str, origin: str) -> VerifierKey:
        """Make the key of a new log; an existing file is never replaced (it may be a log's only key)."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        seed = secrets.token_bytes(32)
        descriptor = os.open(self._path(log, "key"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(seed))
            file.flush()
            os.fsync(file.fileno())
        return VerifierKey(origin, _public(Ed25519PrivateKey.from_private_bytes(seed)))

    def sign(self, log: str, message: bytes) -> bytes:
        """Sign *message* with the log's key; ProofFailed where there is none."""
        try:
            seed = base64.b64decode(self._path(log, "key").read_bytes(), validate=True)
        except FileNotFoundError as error:
            raise ProofFailed(
                f"the signing key of {log} is not in {self.folder}: restore it from its backup"
            ) from error
        return Ed25519PrivateKey.from_private_bytes(seed).sign(message)

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
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def held(self, log: str) -> Iterator[None]:
        """Keep every other sealer on this machine out."""
        with self._path(log, "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, log: str, kind: str) -> Path:
        return self.folder / f"{log}.{kind}"


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether an Ed25519 signature holds."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
