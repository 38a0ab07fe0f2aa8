"""Being a witness: a folder with a key of its own, the logs that it trusts, and the last head of each.

No database is needed, and nothing of what the logs say is kept but size and root. What one process has looked at and
not yet stored, another cannot overtake: look, store and answer happen under one lock for each log, and the head is
durable before the cosignature leaves.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approval.audit.models.keys import verify_signature
from approval.errors import Conflict, Invalid, NotFound
from approval.settings import place_secret, sync_names
from approval.tlog import (
    Checkpoint,
    CosignerKey,
    Note,
    NoteError,
    Submission,
    VerifierKey,
    WitnessRefused,
    cosign,
    ensure_extends,
    submitted,
)


@dataclass(frozen=True)
class WitnessFolder:
    """The folder of a witness: `key`, `vkey`, `logs`, and `<SHA-256 of the origin>.head` for each log seen."""

    folder: Path

    def create(self, name: str) -> CosignerKey:
        """Begin a witness of this name; Conflict where the folder has one."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = Ed25519PrivateKey.generate()
        try:
            key = CosignerKey(name, secret.public_key().public_bytes_raw())
        except NoteError as error:
            raise Invalid(f"A witness cannot be called {name!r}: {error}.") from error
        if not place_secret(self.folder / "key", base64.b64encode(secret.private_bytes_raw())):
            raise Conflict(f"{self.folder} is the folder of a witness already.")
        self._store(self.folder / "vkey", f"{key.to_text()}\n".encode())
        return key

    @property
    def key(self) -> CosignerKey:
        """The witness's name and public key; NotFound where nobody made it."""
        try:
            return CosignerKey.from_text((self.folder / "vkey").read_text().strip())
        except FileNotFoundError as error:
            raise NotFound(f"{self.folder} is no witness yet: `approval witness create` makes it one.") from error

    def trust(self, vkey: str) -> VerifierKey:
        """Witness the log of this verifier key too. A log whose key is changed has several: each is trusted."""
        try:
            key = VerifierKey.from_text(vkey)
        except NoteError as error:
            raise Invalid(f"This is no verifier key of a log: {error}.") from error
        known = [each.to_text() for keys in self.logs().values() for each in keys]
        if vkey not in known:
            self._store(self.folder / "logs", "".join(f"{each}\n" for each in [*known, vkey]).encode())
        return key

    def logs(self) -> dict[str, list[VerifierKey]]:
        """Return the keys of the logs that are witnessed, by origin."""
        path = self.folder / "logs"
        found: dict[str, list[VerifierKey]] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            key = VerifierKey.from_text(line)
            found.setdefault(key.name, []).append(key)
        return found

    def head(self, origin_hash: str) -> bytes | None:
        """Return the last checkpoint that was cosigned, with its cosignature, by the SHA-256 of its origin."""
        try:
            return (self.folder / f"{origin_hash}.head").read_bytes()
        except FileNotFoundError:
            return None

    def answer(self, body: bytes, *, time: int) -> str:
        """Judge what a log submitted, keep its head durably, and return the cosignature line; else WitnessRefused."""
        try:
            submission = Submission.from_bytes(body)
        except NoteError as error:
            raise WitnessRefused(400, str(error)) from error
        new = submitted(submission, keys=self.logs(), verify=verify_signature)
        name = hash_of(new.origin)
        with self._alone(name):
            last = self.head(name)
            held = Checkpoint.from_text(Note.from_bytes(last).text) if last is not None else None
            ensure_extends(submission, new, held)
            line = cosign(new.to_text(), key=self.key, time=time, sign=self._sign).to_line()
            self._store(self.folder / f"{name}.head", submission.note + line.encode())
        return line

    def _sign(self, message: bytes) -> bytes:
        secret = base64.b64decode((self.folder / "key").read_bytes(), validate=True)
        return Ed25519PrivateKey.from_private_bytes(secret).sign(message)

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        with (self.folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _store(self, path: Path, data: bytes) -> None:
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        sync_names(self.folder)


def hash_of(origin: str) -> str:
    """Return the name under which a witness hands out the head of a log."""
    return sha256(origin.encode()).hexdigest()
